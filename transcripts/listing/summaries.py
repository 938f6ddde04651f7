"""A line about each of some transcripts, for lists: verdict, what was done, and what is known of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch

from transcripts.listing.filters import Chosen
from transcripts.listing.gist import Deed, Gist, Told, gists
from transcripts.listing.labelled import Labelled, labelled
from transcripts.listing.lookups import among
from transcripts.models import Action, Cell, Transcript, Verdict
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.page.judgements import call, latest


@dataclass(frozen=True)
class Summary:
    transcript: Transcript
    verdict: Verdict | None
    gist: Gist
    labels: Labelled

    @property
    def call(self) -> str:
        return call(self.verdict)

    @property
    def overruled(self) -> bool:
        return self.verdict is not None and self.verdict.overruled


def with_cells(wanted: TranscriptQuerySet) -> TranscriptQuerySet:
    """The narrow row, with its cell: many rows of a page are of one, which is made once."""
    cells = Cell.objects.select_related("evaluation", "model", "condition")
    return wanted.only("cell", "prompt", "sample_key", "status", "origin").prefetch_related(Prefetch("cell", cells))


def summaries(transcripts: Sequence[Transcript], chosen: Chosen) -> list[Summary]:
    """Of transcripts `with_cells`, in their order; the queries do not grow with their number."""
    if not transcripts:
        return []
    ids = [transcript.pk for transcript in transcripts]
    deeds, verdicts = _deeds(ids), _verdicts(ids, chosen)
    told = {
        one.pk: Told(one.status, one.origin, one.cell.condition.scenario, tuple(deeds[one.pk])) for one in transcripts
    }
    found = gists(told)
    labels = labelled(ids, chosen.judged_outcome)
    return [
        Summary(
            transcript=transcript,
            verdict=latest(verdicts[transcript.pk]),
            gist=found[transcript.pk],
            labels=labels[transcript.pk],
        )
        for transcript in transcripts
    ]


def _deeds(ids: Sequence[int]) -> defaultdict[int, list[Deed]]:
    found: defaultdict[int, list[Deed]] = defaultdict(list)
    rows = Action.objects.filter(among("transcript", ids)).order_by("ordinal")
    for pk, tool, in_reasoning, roles, outside in rows.values_list(
        "transcript_id", "tool", "in_reasoning", "roles", "outside"
    ):
        found[pk].append(Deed(tool, in_reasoning, tuple(roles), outside))
    return found


def _verdicts(ids: Sequence[int], chosen: Chosen) -> defaultdict[int, list[Verdict]]:
    """Those that the filters speak of."""
    found: defaultdict[int, list[Verdict]] = defaultdict(list)
    rows = chosen.verdicts().filter(among("transcript", ids)).order_by()
    for verdict in rows.only("transcript", "version", "outcome", "final", "judge", "error"):
        found[verdict.transcript_id].append(verdict)
    return found
