"""What the raters of an item answered, side by side, without names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Aggregate, FloatField

from labeling.codebooks.codebook import questions_of
from labeling.models import Answer, Campaign, Label, Question
from labeling.queue.blind import covered_quote, mask_of
from labeling.queue.masks import NOTHING, Mask
from transcripts.ingest.parsed import Span
from transcripts.models import Transcript
from transcripts.page.references import Mark

# Nobody has read a transcript in that many seconds, nor in this share of what others take.
HASTY_SECONDS = 2.0
HASTY_SHARE = 0.1
# Raters whose evidence has a colour of its own.
COLOURS = 6


class Median(Aggregate):
    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Line:
    """One question, and what each rater answered."""

    question: Question
    answers: list[str]
    agreed: bool


@dataclass(frozen=True)
class Voter:
    """One rater of one item, known by a number that says nothing of who they are."""

    number: int
    label: Label
    quotes: list[str]
    comment: str
    hasty: str

    @property
    def name(self) -> str:
        return f"Rater {self.number}"

    @property
    def kind(self) -> str:
        """What their evidence is marked as in the text."""
        return f"by-{(self.number - 1) % COLOURS + 1}"


@dataclass(frozen=True)
class Votes:
    voters: list[Voter]
    lines: list[Line]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Each way in which evidence is marked, with the names of those whose it is."""
        names: dict[str, list[str]] = {}
        for voter in self.voters:
            names.setdefault(voter.kind, []).append(voter.name)
        return [(kind, ", ".join(found)) for kind, found in names.items()]

    def marks(self, transcript: Transcript) -> list[Mark]:
        """The evidence of each rater; of a label on an earlier text nothing is marked."""
        return [
            Mark(Span(row.place, row.start, row.end), voter.kind)
            for voter in self.voters
            if bytes(voter.label.text_sha256) == bytes(transcript.text_sha256)
            for row in voter.label.evidence.all()
        ]


def votes(campaign: Campaign, items: Iterable[int], *, without: int | None = None) -> dict[int, Votes]:
    """By item, of its newest labels. The order of an item's raters is that of their slots' random ids: the same each
    time, and another for each item. `without` leaves out what this rater said."""
    found: dict[int, list[Label]] = {pk: [] for pk in items}
    rows = Label.objects.filter(item__in=found).current().exclude(rater=without).order_by("assignment")
    related = rows.select_related("item__transcript__cell__model", "item__transcript__prompt", "item__transcript__text")
    for label in related.prefetch_related("answers__choice", "evidence"):
        found[label.item_id].append(label)
    usual = Label.objects.filter(item__campaign=campaign).aggregate(usual=Median("seconds"))["usual"]
    questions = questions_of(campaign.codebook_version_id)
    return {pk: _votes(campaign, labels, questions, usual) for pk, labels in found.items()}


def _votes(campaign: Campaign, labels: Sequence[Label], questions: Sequence[Question], usual: float | None) -> Votes:
    mask = mask_of(campaign, labels[0].item.transcript.cell.model) if labels else NOTHING
    voters = [
        Voter(
            number=number,
            label=label,
            quotes=[covered_quote(row, label.item.transcript.text, mask) for row in label.evidence.all()],
            comment=mask.cover(label.comment),
            hasty=_hasty(label.seconds, usual),
        )
        for number, label in enumerate(labels, start=1)
    ]
    return Votes(voters, [_line(question, labels, mask) for question in questions])


def _hasty(seconds: float | None, usual: float | None) -> str:
    """Why a label may have been given without reading, in words."""
    if seconds is not None and seconds < HASTY_SECONDS:
        return f"under {HASTY_SECONDS:g} s"
    if seconds is not None and usual is not None and seconds < usual * HASTY_SHARE:
        return f"under a tenth of the usual {usual:.0f} s"
    return ""


def _line(question: Question, labels: Sequence[Label], mask: Mask) -> Line:
    rows = ([row for row in label.answers.all() if row.question_id == question.pk] for label in labels)
    answers = [mask.cover(", ".join(map(_in_words, found))) or "not asked" for found in rows]
    return Line(question, answers, len(set(answers)) <= 1)


def _in_words(answer: Answer) -> str:
    said = str(answer.choice or answer.text or f"{answer.number:g}")
    return said if answer.action_ordinal is None else f"action {answer.action_ordinal + 1}: {said}"
