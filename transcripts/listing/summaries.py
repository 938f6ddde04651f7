"""A line about each of some transcripts, for lists: verdict, what was done, and what is known of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from transcripts.listing.filters import Chosen
from transcripts.listing.gist import Deed, Gist, Told, gists
from transcripts.listing.labelled import Labelled, labelled
from transcripts.listing.lookups import among
from transcripts.models import Action, Transcript
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.page.judgements import call, latest


class Said(NamedTuple):
    """Of a verdict what a line of a list shows."""

    transcript_id: int
    version_id: int
    outcome: str
    final: bool | None
    judge: bool | None
    error: str


@dataclass(frozen=True)
class Summary:
    transcript: Transcript
    verdict: Said | None
    others: tuple[str, ...]  # the outcomes that were judged, where the one asked for was not
    gist: Gist
    labels: Labelled

    @property
    def call(self) -> str:
        return call(self.verdict)

    @property
    def overruled(self) -> bool:
        """The gates changed the judge's answer."""
        said = self.verdict
        return said is not None and None not in (said.final, said.judge) and said.final != said.judge


def narrow(wanted: TranscriptQuerySet) -> TranscriptQuerySet:
    """Of each row what a line says of it, with its cell."""
    return wanted.only("cell", "prompt", "sample_key", "status", "origin").with_cells()


def summaries(transcripts: Sequence[Transcript], chosen: Chosen) -> list[Summary]:
    """Of `narrow` transcripts, in their order; the queries do not grow with their number."""
    if not transcripts:
        return []
    ids = [transcript.pk for transcript in transcripts]
    deeds, verdicts = _deeds(ids), _verdicts(ids, chosen)
    told = {
        one.pk: Told(one.status, one.origin, one.cell.condition.scenario, tuple(deeds[one.pk])) for one in transcripts
    }
    found = gists(told)
    labels = labelled(ids, chosen.judged_outcome)
    made = []
    for one in transcripts:
        said = [verdict for verdict in verdicts[one.pk] if verdict.outcome == chosen.judged_outcome]
        others = () if said else tuple(sorted({verdict.outcome for verdict in verdicts[one.pk]}))
        made.append(Summary(one, latest(said), others, found[one.pk], labels[one.pk]))
    return made


def _deeds(ids: Sequence[int]) -> defaultdict[int, list[Deed]]:
    found: defaultdict[int, list[Deed]] = defaultdict(list)
    rows = Action.objects.filter(among("transcript", ids)).order_by("ordinal")
    for pk, tool, in_reasoning, roles, outside in rows.values_list(
        "transcript_id", "tool", "in_reasoning", "roles", "outside"
    ):
        found[pk].append(Deed(tool, in_reasoning, tuple(roles), outside))
    return found


def _verdicts(ids: Sequence[int], chosen: Chosen) -> defaultdict[int, list[Said]]:
    """Those of the classifiers that the filters speak of, on whatever outcome."""
    found: defaultdict[int, list[Said]] = defaultdict(list)
    rows = chosen.verdicts_on_anything().filter(among("transcript", ids)).order_by()
    for said in map(Said._make, rows.values_list(*Said._fields)):
        found[said.transcript_id].append(said)
    return found
