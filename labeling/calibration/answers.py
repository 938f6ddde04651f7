"""What people answered to a question, by drawn transcript: how far it went, what kind of harm, what was believed.

Outcomes are resolved when labels come in; here any set of a question's answers is asked about afterwards. Each
rater's answer is applied first and the majority of the panel decides, as for an outcome.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F

from labeling.calibration.basis import SAMPLE, Basis, StratumKey
from labeling.models import Answer, Assignment, CampaignItem, Label, Question, Resolution
from labeling.stats.intervals import Interval, wilson
from transcripts.models.transcripts import JUDGEABLE


@dataclass(frozen=True, slots=True)
class Told:
    """A drawn transcript: its weight 1 / π, how many labels it has once its panel is full, and how many of these
    gave which answers together."""

    item: int
    cell: int
    stratum: StratumKey
    weight: float
    labels: int
    votes: Mapping[frozenset[str], int] = field(default_factory=dict)

    def majority(self, positive: Collection[str], missing: Collection[str]) -> bool | None:
        """Whether more than half of the panel gave one of these answers. Unsure and unasked are missing."""
        yes = sum(n for keys, n in self.votes.items() if not keys.isdisjoint(positive))
        no = sum(n for keys, n in self.votes.items() if keys.isdisjoint(positive) and keys.isdisjoint(missing))
        if yes * 2 > self.labels:
            return True
        return False if no * 2 > self.labels else None


@dataclass(frozen=True, slots=True)
class Share:
    """A weighted share with its Wilson interval on the effective size; None where nothing is known."""

    value: float | None
    limits: Interval
    n: int
    n_positive: int
    n_missing: int


class Answers:
    """The answers of a campaign's sample to one question about the transcript."""

    def __init__(self, basis: Basis, question: Question) -> None:
        self.basis = basis
        self.question = question

    @cached_property
    def choices(self) -> dict[str, str]:
        """The words of every choice that is an answer, by key, in the codebook's order."""
        return {choice.key: choice.text for choice in self.question.choices.all() if not choice.is_missing}

    @cached_property
    def missing(self) -> frozenset[str]:
        return frozenset(choice.key for choice in self.question.choices.all() if choice.is_missing)

    @cached_property
    def told(self) -> list[Told]:
        items = CampaignItem.objects.filter(
            SAMPLE, campaign=self.basis.campaign, transcript__status__in=JUDGEABLE, pi__gt=0
        )
        # A label on an earlier text of a transcript is not about this one.
        labels = Label.objects.current().filter(
            item__in=items.values("pk"), text_sha256=F("item__transcript__text_sha256")
        )
        counted = labels.order_by().values("item").annotate(n=Count("pk")).values_list("item", "n")
        panel = dict(counted)
        # As for an outcome, nothing is agreed before everybody who was asked has answered.
        waiting = Assignment.objects.filter(
            item__campaign=self.basis.campaign, purpose=Assignment.Purpose.PANEL, voided_at=None, submitted_at=None
        )
        for item in waiting.order_by().values_list("item", flat=True).distinct():
            panel.pop(item, None)
        votes: defaultdict[int, Counter[frozenset[str]]] = defaultdict(Counter)
        given = Answer.objects.filter(
            question=self.question, choice__isnull=False, action_ordinal=None, label__in=labels.values("pk")
        )
        rows = given.order_by().values("label", "label__item").annotate(keys=ArrayAgg("choice__key"))
        for item, keys in rows.values_list("label__item", "keys"):
            if item in panel:
                votes[item][frozenset(keys)] += 1
        strata = ("stratum__model_id", "stratum__scenario", "stratum__verdict")
        return [
            Told(item, cell, (model, scenario or "", verdict or ""), 1 / pi, panel.get(item, 0), votes.get(item, {}))
            for item, cell, pi, model, scenario, verdict in items.values_list("pk", "transcript__cell", "pi", *strata)
        ]

    def majorities(self, positive: Collection[str]) -> dict[int, bool | None]:
        """By item: whether its panel gave one of these answers."""
        return {told.item: told.majority(positive, self.missing) for told in self.told}

    def of(
        self, *, cells: Collection[int], known: Mapping[int, bool | None], among: Collection[int] | None = None
    ) -> Share:
        """The share of `known` (by item) in these cells' transcripts, or in those of them whose item is `among`."""
        return share(self.told, known, lambda told: told.cell in cells and (among is None or told.item in among))


def share(told: Iterable[Told], known: Mapping[int, bool | None], among: Callable[[Told], bool]) -> Share:
    """Hájek's share of what is known: Σwy / Σw, with w = 1 / π times drawn / known of the design stratum, since
    what is missing is taken for random there; Wilson's limits on Kish's effective size."""
    drawn: defaultdict[StratumKey, int] = defaultdict(int)
    answered: defaultdict[StratumKey, int] = defaultdict(int)
    shown = []
    for one in told:
        drawn[one.stratum] += 1
        answered[one.stratum] += known.get(one.item) is not None
        if among(one):
            shown.append(one)
    total = squares = positive = 0.0
    n = n_positive = 0
    for one in shown:
        value = known.get(one.item)
        if value is not None:
            weight = one.weight * drawn[one.stratum] / answered[one.stratum]
            total += weight
            squares += weight * weight
            positive += weight * value
            n += 1
            n_positive += value
    if not n:
        return Share(None, Interval(0.0, 1.0), 0, 0, len(shown))
    rate = min(1.0, positive / total)
    return Share(rate, wilson(rate, total * total / squares), n, n_positive, len(shown) - n)


def question_of(basis: Basis, key: str) -> Question | None:
    """The question of the campaign's codebook, with its choices; None where it does not ask that."""
    if basis.campaign is None:
        return None
    found = Question.objects.filter(version=basis.campaign.codebook_version_id, key=key, unit=Question.Unit.TRANSCRIPT)
    return found.prefetch_related("choices").first()


def resolved(basis: Basis) -> dict[int, bool | None]:
    """By item of the sample: what was agreed about the basis's outcome, on the text as it is now."""
    rows = Resolution.objects.filter(
        item__campaign=basis.campaign,
        outcome=basis.label_outcome,
        superseded_at__isnull=True,
        text_sha256=F("item__transcript__text_sha256"),
    )
    return dict(rows.values_list("item", "value"))
