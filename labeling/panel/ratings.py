"""Who answered what in a campaign, as agreement and the raters' error rates are computed from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from django.db.models import F, QuerySet

from labeling.codebooks.codebook import outcomes_of, questions_of
from labeling.models import Answer, Campaign, CampaignItem, Choice, Label, Outcome, Question
from labeling.stats.agreement import Ratings

if TYPE_CHECKING:
    from labeling.models.labels import LabelQuerySet

KINDS = (Question.Kind.ONE, Question.Kind.SEVERAL, Question.Kind.SCALE)
MISSING = -1
YES_NO = ("No", "Yes")

Chosen: TypeAlias = frozenset[int]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Subject:
    """What raters may agree about: a question of one choice or a scale, one choice of several, or an outcome."""

    slug: str
    name: str
    question: Question
    outcome: Outcome | None = None
    choice: Choice | None = None

    @property
    def is_ordered(self) -> bool:
        return self.outcome is None and self.question.kind == Question.Kind.SCALE

    @property
    def is_yes_or_no(self) -> bool:
        return self.outcome is not None or self.choice is not None

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The declared answers in their order, without those that count as missing."""
        return YES_NO if self.is_yes_or_no else tuple(choice.text for choice in self._choices if not choice.is_missing)

    @cached_property
    def unsure(self) -> tuple[str, ...]:
        """Those that count as missing; of a yes or no there is one, whatever the words."""
        if self.is_yes_or_no:
            return ("Unsure",) if any(choice.is_missing for choice in self._choices) else ()
        return tuple(choice.text for choice in self._choices if choice.is_missing)

    def coder(self) -> Callable[[Chosen, str], int]:
        """From the choices of one label and the scenario to the place of the answer, those that count as missing
        after the others; −1 where the question was not asked or answered."""
        missing = {choice.pk for choice in self._choices if choice.is_missing}
        if self.outcome is not None:
            return _yes_no(self.outcome.positive_choices, missing)
        if self.choice is not None:
            chosen = {self.choice.pk}
            return _yes_no(lambda scenario: chosen, missing)
        ordered = sorted(self._choices, key=lambda choice: choice.is_missing)
        place = {choice.pk: number for number, choice in enumerate(ordered)}
        return lambda given, scenario: place[next(iter(given))] if given else MISSING

    @property
    def _choices(self) -> Sequence[Choice]:
        return list(self.question.choices.all())


def _yes_no(positive: Callable[[str], set[int]], missing: set[int]) -> Callable[[Chosen, str], int]:
    def code(given: Chosen, scenario: str) -> int:
        if given & positive(scenario):
            return 1
        return MISSING if not given else 2 if given & missing else 0

    return code


def subjects(campaign: Campaign) -> list[Subject]:
    """Outcomes first: rates rest on them. Questions about single actions are detail, and have no common items."""
    version = campaign.codebook_version_id
    questions = {q.pk: q for q in questions_of(version) if q.unit == Question.Unit.TRANSCRIPT and q.kind in KINDS}
    found = [
        Subject(f"outcome.{outcome.key}", outcome.name, questions[outcome.question_id], outcome=outcome)
        for outcome in outcomes_of(version)
        if outcome.question_id in questions
    ]
    for question in questions.values():
        if question.kind != Question.Kind.SEVERAL:
            found.append(Subject(f"question.{question.key}", question.text, question))
            continue
        found.extend(
            Subject(f"question.{question.key}.{choice.key}", f"{question.text} {choice.text}", question, choice=choice)
            for choice in question.choices.all()
            if not choice.is_missing
        )
    return found


@dataclass(frozen=True)
class Item:
    """An item as the draw left it; `weight` is 1 / π times drawn / answered of its stratum, or 1 beside the sample."""

    pk: int
    transcript: int
    scenario: str
    weight: float


@dataclass(frozen=True)
class Panel:
    """The answers of a campaign's raters about one subject, by place of item and rater."""

    subject: Subject
    items: list[Item]
    raters: list[int]
    rows: list[tuple[int, int, int]] = field(repr=False)  # item, rater, answer as coded

    @property
    def n_unsure(self) -> int:
        known = len(self.subject.answers)
        return sum(answer >= known for _, _, answer in self.rows)

    @property
    def n_answered(self) -> int:
        """Ratings that count: neither unsure nor unanswered."""
        return sum(0 <= answer < len(self.subject.answers) for _, _, answer in self.rows)

    def ratings(self, *, with_unsure: bool = False) -> Ratings:
        """Unsure is missing, unless it is to be a category of its own."""
        import numpy as np  # noqa: PLC0415 - slow import

        categories = self.subject.answers + (self.subject.unsure if with_unsure else ())
        columns = np.array(self.rows, dtype=np.int64).reshape(-1, 3).T
        counted = (columns[2] >= 0) & (columns[2] < len(categories))
        weights = np.array([item.weight for item in self.items], dtype=np.float64)
        item, rater, category = columns[:, counted]
        return Ratings(item, rater, category, categories, weights)

    def by_item(self) -> Iterator[tuple[Item, Counter[int]]]:
        """Each item with how often it was given each answer, unsure among them."""
        counts: dict[int, Counter[int]] = {}
        for item, _, answer in self.rows:
            if answer >= 0:
                counts.setdefault(item, Counter())[answer] += 1
        return ((self.items[place], found) for place, found in counts.items())


def panel(campaign: Campaign, subject: Subject, *, sample_only: bool = True) -> Panel:
    """The newest answers of every rater on the text as it is. Agreement is of the sample, since an enriched choice
    shows too much of it; the raters' own errors are told from every item that has a panel."""
    labels = current_labels(campaign).exclude(item__source=CampaignItem.Source.GOLD)
    drawn = CampaignItem.Source.SAMPLE
    # A campaign that drew nothing, as one of labels from elsewhere, is taken as it is.
    if sample_only and campaign.items.filter(source=drawn).exists():
        labels = labels.filter(item__source=drawn)
    by_time = labels.order_by("item", "assignment__submitted_at", "pk")
    given = chosen(campaign, by_time, subject.question, "item", "rater")
    rows = list(without_thirds(campaign, given, lambda row: row[0]))
    items = _items(campaign, Counter(item for item, _, _ in rows))
    raters = sorted({rater for _, rater, _ in rows})
    return _coded(subject, items, raters, rows)


def current_labels(campaign: Campaign) -> LabelQuerySet:
    """Those that count, and are about the text as it is."""
    return Label.objects.filter(item__campaign=campaign, text_sha256=F("item__transcript__text_sha256")).current()


def chosen(campaign: Campaign, labels: QuerySet[Label], question: Question, *fields: str) -> list[tuple[Any, ...]]:
    """These fields of each label of a campaign, and last the ids of the choices that it made about a question."""
    about = Answer.objects.filter(question=question, action_ordinal=None, choice__isnull=False)
    choices: dict[int, set[int]] = defaultdict(set)
    for label, choice in about.filter(label__item__campaign=campaign).values_list("label", "choice").order_by():
        choices[label].add(choice)
    return [(*rest, frozenset(choices.get(pk, ()))) for pk, *rest in labels.values_list("pk", *fields)]


def without_thirds(campaign: Campaign, rows: Iterable[Row], item_of: Callable[[Row], int]) -> Iterator[Row]:
    """Without the raters who were called because two disagreed: they would make every disagreement a smaller one.
    The random share of items that always gets three keeps them. `rows` are in the order of submission."""
    if not campaign.third_on_disagreement:
        yield from rows
        return
    three = set(campaign.items.filter(triple=True).values_list("pk", flat=True))
    seen: Counter[int] = Counter()
    for row in rows:
        item = item_of(row)
        seen[item] += 1
        if item in three or seen[item] <= campaign.raters_per_item:
            yield row


def _items(campaign: Campaign, answers: Mapping[int, int]) -> list[Item]:
    """The items with an answer. Of each stratum those with two raters speak for all that were drawn."""
    keys = ("stratum__model", "stratum__scenario", "stratum__verdict")
    place = ("transcript", "transcript__cell__condition__scenario", "pi")
    rows = [(*row[:4], row[4:]) for row in campaign.items.order_by("pk").values_list("pk", *place, *keys)]
    drawn = Counter(stratum for *_, pi, stratum in rows if pi)
    paired = Counter(stratum for pk, *_, pi, stratum in rows if pi and answers.get(pk, 0) > 1)
    return [
        Item(pk, transcript, scenario, drawn[stratum] / (paired[stratum] or drawn[stratum]) / pi if pi else 1.0)
        for pk, transcript, scenario, pi, stratum in rows
        if pk in answers
    ]


def _coded(subject: Subject, items: list[Item], raters: list[int], rows: Iterable[tuple[Any, ...]]) -> Panel:
    code = subject.coder()
    item_place = {item.pk: place for place, item in enumerate(items)}
    rater_place = {rater: place for place, rater in enumerate(raters)}
    coded = [
        (item_place[item], rater_place[rater], code(choices, items[item_place[item]].scenario))
        for item, rater, choices in rows
    ]
    return Panel(subject, items, raters, coded)
