"""Items with known answers: which of them a rater may still be given, and whether an answer to one is right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from labeling.codebooks.codebook import questions_of
from labeling.models import Assignment, Campaign, CampaignItem, Expected, Label, Question, Resolution, Skip

# What comes in between, unannounced; the qualification comes before everything else.
HIDDEN = (Expected.Purpose.GOLD, Expected.Purpose.ATTENTION)


@dataclass(frozen=True)
class Marked:
    """One question of an answered item with a known answer."""

    question: Question
    said: list[str]
    expected: list[str]

    @property
    def is_right(self) -> bool:
        """Where one choice is asked for and several are known, each of them is right."""
        if self.question.kind == Question.Kind.SEVERAL:
            return set(self.said) == set(self.expected)
        return len(self.said) == 1 and self.said[0] in self.expected

    @property
    def said_words(self) -> list[str]:
        return in_words(self.question, self.said)

    @property
    def expected_words(self) -> list[str]:
        return in_words(self.question, self.expected)


def in_words(question: Question, keys: Collection[str]) -> list[str]:
    return [choice.text for choice in question.choices.all() if choice.key in keys]


def marked(label: Label, expected: Expected, questions: Sequence[Question]) -> list[Marked]:
    """The label's answers beside those that are known. A question left open, or answered "unsure", is not right."""
    said: dict[int, list[str]] = {}
    for answer in label.answers.all():
        if answer.choice is not None and answer.action_ordinal is None:
            said.setdefault(answer.question_id, []).append(answer.choice.key)
    known = [question for question in questions if question.key in expected.answers]
    return [Marked(question, said.get(question.pk, []), expected.answers[question.key]) for question in known]


@dataclass(frozen=True)
class Score:
    """Right answers to questions with a known answer, and items of which not all were right."""

    right: int = 0
    of: int = 0
    items: int = 0
    failed: int = 0

    @property
    def share(self) -> float | None:
        return self.right / self.of if self.of else None


def scores(campaign: Campaign, purposes: Collection[str], rater: int | None = None) -> dict[int, Score]:
    """By rater, over their newest answer to each item with these purposes."""
    labels = Label.objects.filter(item__campaign=campaign, item__expected__purpose__in=purposes).current()
    if rater is not None:
        labels = labels.filter(rater=rater)
    questions = questions_of(campaign.codebook_version_id)
    found: dict[int, Score] = {}
    for label in labels.select_related("item__expected").prefetch_related("answers__choice"):
        rights = [row.is_right for row in marked(label, label.item.expected, questions)]
        before = found.get(label.rater_id, Score())
        found[label.rater_id] = Score(
            right=before.right + sum(rights),
            of=before.of + len(rights),
            items=before.items + 1,
            failed=before.failed + (not all(rights)),
        )
    return found


def is_qualification(item: CampaignItem) -> bool:
    """What comes first, and is told right from wrong: an answer to it cannot be corrected."""
    known = Expected.objects.filter(item=item, purpose=Expected.Purpose.QUALIFICATION)
    return item.source == CampaignItem.Source.GOLD and known.exists()


def left_for(
    campaign: Campaign, rater: int, purposes: Collection[str], declined: Collection[int]
) -> QuerySet[CampaignItem]:
    """Items with known answers whose transcript the rater has not had in this campaign, under whatever heading, and
    whose cell is not among those that they decline to read."""
    had = Assignment.objects.filter(campaign=campaign, item__transcript=OuterRef("transcript"), rater=rater)
    found = CampaignItem.objects.filter(campaign=campaign, expected__purpose__in=purposes).exclude(Exists(had))
    return found.exclude(transcript__cell__in=declined) if declined else found


def put_aside_by(rater: int) -> Exists:
    """Whether the rater has put the item aside."""
    return Exists(Skip.objects.filter(item=OuterRef("pk"), rater=rater))


@dataclass(frozen=True)
class GoldLine:
    """An item with known answers, how many raters have answered it, and how many of them all right."""

    expected: Expected
    known: list[tuple[Question, list[str]]]
    answered: int
    right: int


def gold_lines(campaign: Campaign) -> list[GoldLine]:
    questions = questions_of(campaign.codebook_version_id)
    rows = Expected.objects.filter(item__campaign=campaign).order_by("purpose", "pk")
    answers: dict[int, list[bool]] = {}
    labels = Label.objects.filter(item__campaign=campaign, item__expected__isnull=False).current()
    for label in labels.select_related("item__expected").prefetch_related("answers__choice"):
        right = all(row.is_right for row in marked(label, label.item.expected, questions))
        answers.setdefault(label.item_id, []).append(right)
    found = []
    for expected in rows.select_related("item__transcript__cell__condition", "item__transcript__cell__model"):
        known = [
            (
                question,
                [choice.text for choice in question.choices.all() if choice.key in expected.answers[question.key]],
            )
            for question in questions
            if question.key in expected.answers
        ]
        given = answers.get(expected.item_id, [])
        found.append(GoldLine(expected, known, len(given), sum(given)))
    return found


def agreed_answers(campaign: Campaign, transcript: int) -> dict[str, list[str]]:
    """What all raters of the campaign said alike about a transcript, by question: a start for what is known."""
    labels = Label.objects.filter(item__campaign=campaign, item__transcript=transcript).current()
    said: dict[str, list[frozenset[str]]] = {}
    n = 0
    for label in labels.prefetch_related("answers__choice", "answers__question"):
        n += 1
        choices: dict[str, set[str]] = {}
        for answer in label.answers.all():
            if answer.choice is not None and answer.action_ordinal is None and not answer.choice.is_missing:
                choices.setdefault(answer.question.key, set()).add(answer.choice.key)
        for key, keys in choices.items():
            said.setdefault(key, []).append(frozenset(keys))
    return {key: sorted(sets[0]) for key, sets in said.items() if len(sets) == n and len(set(sets)) == 1}


def settled(campaign: Campaign) -> QuerySet[CampaignItem]:
    """Items on whose every outcome the raters are unanimous, or an adjudicator decided."""
    current = Resolution.objects.filter(item=OuterRef("pk"), superseded_at=None)
    sure = Q(method__in=[Resolution.Method.UNANIMOUS, Resolution.Method.ADJUDICATED], value__isnull=False)
    items = CampaignItem.objects.filter(campaign=campaign)
    return items.filter(Exists(current), ~Exists(current.exclude(sure)))
