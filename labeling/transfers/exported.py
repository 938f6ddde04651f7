"""What an export tells of each label: records that are read set by set, without an object for every row.

The labels are those of the moment at which the cursor was opened, on the server; memory does not grow with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models.expressions import RawSQL

from labeling.models import Answer, Campaign, Choice, Evidence, Outcome, Question, Resolution, Stratum, Wave
from labeling.transfers.pseudonyms import pseudonym
from transcripts.downloads.records import FACTORS
from transcripts.models import Cell

TOGETHER = 2_000  # labels in memory
Record = dict[str, Any]

LABELS = """
SELECT l.id, l.rater_id, l.created_at, l.seconds, l.comment, l.recognised, l.text_sha256, a.purpose,
       a.voided_at IS NOT NULL, NOT EXISTS (
           SELECT FROM labeling_label n WHERE n.assignment_id = l.assignment_id AND n.id > l.id),
       i.id, i.campaign_id, i.source, i.pi, i.wave_id, i.stratum_id, t.id, t.cell_id, t.sample_key, t.text_sha256
FROM labeling_label l
JOIN labeling_assignment a ON a.id = l.assignment_id
JOIN labeling_campaignitem i ON i.id = l.item_id
JOIN transcripts_transcript t ON t.id = i.transcript_id
WHERE i.campaign_id = ANY(%s) ORDER BY l.id
"""


class Row(NamedTuple):
    """A label with its assignment, its item and its transcript."""

    pk: int
    rater: int
    created_at: datetime
    seconds: float | None
    comment: str
    recognised: str
    text: bytes
    purpose: str
    voided: bool
    newest: bool
    item: int
    campaign: int
    source: str
    pi: float | None
    wave: int | None
    stratum: int | None
    transcript: int
    cell: int
    sample_key: str
    present_text: bytes


@dataclass
class Known:
    """What many labels share, read once: campaigns with their codebooks, waves, strata, and cells as they come."""

    campaigns: dict[int, Campaign]
    questions: dict[int, Question]
    choices: dict[int, str]
    outcomes: dict[int, str]
    waves: dict[int, int]
    strata: dict[int, str]
    cells: dict[int, Record] = field(default_factory=dict)
    raters: dict[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, campaigns: Sequence[Campaign]) -> Known:
        editions = {campaign.codebook_version_id for campaign in campaigns}
        outcomes = Outcome.objects.filter(version__in=editions)
        strata = Stratum.objects.filter(wave__campaign__in=campaigns).select_related("model")
        return cls(
            Campaign.objects.select_related("evaluation", "codebook_version__codebook").in_bulk(
                [campaign.pk for campaign in campaigns]
            ),
            {question.pk: question for question in Question.objects.filter(version__in=editions)},
            dict(Choice.objects.filter(question__version__in=editions).values_list("pk", "key")),
            dict(outcomes.values_list("pk", "key")),
            dict(Wave.objects.filter(campaign__in=campaigns).values_list("pk", "number")),
            {stratum.pk: str(stratum) for stratum in strata},
        )

    def rater(self, row: Row) -> str:
        key = (row.campaign, row.rater)
        if key not in self.raters:
            self.raters[key] = pseudonym(self.campaigns[row.campaign], row.rater)
        return self.raters[key]

    def meet(self, cells: set[int]) -> None:
        """Read the cells that no label before was about."""
        new = Cell.objects.filter(pk__in=cells - self.cells.keys()).select_related("evaluation", "model", "condition")
        for cell in new:
            self.cells[cell.pk] = {
                "evaluation": cell.evaluation.name,
                "synthetic": cell.evaluation.synthetic,
                "model": cell.model.recorded_id,
                **{name: getattr(cell.condition, name) for name in FACTORS},
                "other_factors": cell.condition.free,
            }


def records(campaigns: Sequence[Campaign]) -> Iterator[Record]:
    """Every label of these campaigns, corrected, repeated and voided ones too, each marked as what it is."""
    known = Known.of(campaigns)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(LABELS, [list(known.campaigns)])
        while rows := [Row(*row) for row in cursor.fetchmany(TOGETHER)]:
            yield from _told(rows, known)


def _told(rows: Sequence[Row], known: Known) -> Iterator[Record]:
    ids = [row.pk for row in rows]
    known.meet({row.cell for row in rows})
    answers, acts = _answers(ids, known)
    evidence = _evidence(ids, known)
    resolutions = _resolutions({row.item for row in rows}, known)
    for row in rows:
        campaign = known.campaigns[row.campaign]
        yield {
            "label": row.pk,
            "campaign": campaign.name,
            "codebook": campaign.codebook_version.codebook.slug,
            "codebook_version": campaign.codebook_version.number,
            "rater": known.rater(row),
            "created_at": row.created_at,
            "seconds": row.seconds,
            "newest": row.newest,
            "purpose": row.purpose,
            "voided": row.voided,
            "source": row.source,
            "inclusion_probability": row.pi,
            "wave": known.waves.get(row.wave or 0),
            "stratum": known.strata.get(row.stratum or 0),
            "transcript": row.transcript,
            **known.cells[row.cell],
            "sample_key": row.sample_key,
            "text_sha256": bytes(row.text).hex(),
            "text_is_present": bytes(row.text) == bytes(row.present_text),
            "answers": answers[row.pk],
            "action_answers": acts[row.pk],
            "evidence": evidence[row.pk],
            "comment": row.comment,
            "recognised": row.recognised,
            "resolutions": resolutions[row.item],
        }


def _these(ids: Iterable[int]) -> RawSQL:
    """For `in`: one array, instead of a parameter for each of thousands."""
    return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])


def _answers(ids: Sequence[int], known: Known) -> tuple[dict[int, Record], dict[int, dict[str, Record]]]:
    """By label: answers about the transcript, and those about its actions by the action's ordinal."""
    whole: dict[int, Record] = defaultdict(dict)
    acts: dict[int, dict[str, Record]] = defaultdict(dict)
    found = Answer.objects.filter(label__in=_these(ids)).order_by("label", "pk")
    columns = ("label_id", "question_id", "choice_id", "number", "text", "action_ordinal")
    for label, asked, choice, number, text, ordinal in found.values_list(*columns):
        question = known.questions[asked]
        said = whole[label] if ordinal is None else acts[label].setdefault(str(ordinal), {})
        if question.kind == Question.Kind.SEVERAL:
            said.setdefault(question.key, []).append(known.choices[choice])
        else:
            said[question.key] = known.choices[choice] if choice else text if number is None else number
    return whole, acts


def _evidence(ids: Sequence[int], known: Known) -> dict[int, list[Record]]:
    by_label: dict[int, list[Record]] = defaultdict(list)
    found = Evidence.objects.filter(label__in=_these(ids)).order_by("label", "pk")
    for label, asked, place, start, end, quote in found.values_list(
        "label_id", "question_id", "place", "start", "end", "quote"
    ):
        question = known.questions[asked].key if asked else ""
        by_label[label].append({"place": place, "start": start, "end": end, "quote": quote, "question": question})
    return by_label


def _resolutions(items: set[int], known: Known) -> dict[int, Record]:
    """By item: what is agreed now on each outcome, and how."""
    by_item: dict[int, Record] = defaultdict(dict)
    found = Resolution.objects.filter(item__in=_these(items), superseded_at=None).order_by("item", "outcome__ordinal")
    for item, outcome, value, method in found.values_list("item_id", "outcome_id", "value", "method"):
        by_item[item][known.outcomes[outcome]] = {"value": value, "method": method}
    return by_item
