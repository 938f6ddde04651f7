"""How many more labels the groups of a study need for a wished half-width, and where they are drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TypeAlias

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import CellCounts, Estimates, GroupEstimate
from labeling.campaigns.population import CannotDraw, parts_of, population
from labeling.models import Campaign
from labeling.stats import planning, strata
from labeling.stats.estimate import Estimate
from labeling.stats.tiers import MIN_LABELS
from labeling.stats.words import count, percent, rate_with_limits
from transcripts.models import Cell, LanguageModel

# The words of a plan; what is grouped by has a key that a link can carry.
GROUPINGS: dict[str, tuple[str, Callable[[Cell], tuple[str, ...]]]] = {
    "all": ("everything together", lambda cell: ()),
    "model": ("model", lambda cell: (str(cell.model),)),
    "scenario": ("scenario", lambda cell: (cell.condition.scenario,)),
    "model_scenario": ("model × scenario", lambda cell: (str(cell.model), cell.condition.scenario)),
    "cell": ("cell (model × condition)", lambda cell: (str(cell.model), str(cell.condition))),
}
# A campaign's name of a stratum that the judge has not judged, and the estimator's.
VERDICTS = {"flagged": "flagged", "unflagged": "unflagged", "missing": "without verdict"}

# Model, scenario and verdict: what a draw can aim at.
StratumKey: TypeAlias = tuple[int | None, str, str]


class CannotPlan(Exception):
    """Why no labels can be planned, in words."""


@dataclass(frozen=True)
class Wish:
    """What a plan is for: which groups, how short an interval each is to have, and how many of each stratum at
    least."""

    by: str = "model"
    half_width: float = 0.05
    minimum: int = 5


@dataclass(frozen=True)
class VerdictLine:
    """The labels that one verdict stratum of a group has, those that are drawn and not agreed yet, and those that it
    needs besides."""

    verdict: str
    size: int
    labels: int
    waiting: int
    more: int


@dataclass(frozen=True)
class GroupPlan:
    """One group: its estimate as it stands, and what is missing for the wished half-width."""

    name: tuple[str, ...]
    estimate: Estimate
    parts: tuple[planning.Part, ...]
    keys: tuple[StratumKey, ...]
    rates: Mapping[str, float]
    plan: planning.Plan
    done: bool
    wish: Wish

    @property
    def words(self) -> str:
        return " × ".join(self.name) or "everything"

    @property
    def half_width(self) -> float | None:
        """Of what the group's own labels say now; none without labels."""
        return self.estimate.own_limits.width / 2 if self.estimate.n_labels else None

    @property
    def rate(self) -> str:
        """The estimate as it stands, in words."""
        value, limits = self.estimate.value, self.estimate.limits
        if value is None:
            return "no estimate"
        return f"below {percent(limits.high)}" if value == 0 else rate_with_limits(value, limits)

    @property
    def now(self) -> str:
        return "–" if self.half_width is None else f"±{points(self.half_width)}"

    @property
    def numbers(self) -> tuple[int, ...]:
        """Drawn in the end, by part. For a wish that cannot be met nothing is drawn but what every stratum has."""
        if self.plan.reached:
            return self.plan.numbers
        return tuple(max(part.drawn, min(self.wish.minimum, part.size)) for part in self.parts)

    @property
    def more(self) -> int:
        return sum(self.numbers) - sum(part.drawn for part in self.parts)

    @cached_property
    def lines(self) -> list[VerdictLine | None]:
        """One for each verdict, in the order of the table; none where the group has no such transcript."""
        labels = {part.name: part.labels for part in self.estimate.strata}
        found: list[VerdictLine | None] = []
        for verdict in strata.VERDICTS:
            pairs = [(p, n) for p, n in zip(self.parts, self.numbers, strict=True) if p.verdict == verdict]
            if not pairs:
                found.append(None)
                continue
            of_stratum = labels.get(verdict, strata.Tally())
            drawn = sum(part.drawn for part, _ in pairs)
            found.append(
                VerdictLine(
                    verdict,
                    sum(part.size for part, _ in pairs),
                    of_stratum.n,
                    max(0, drawn - of_stratum.n),
                    sum(n for _, n in pairs) - drawn,
                )
            )
        return found

    @property
    def remark(self) -> str:
        """Whether and why the wish is met, in words."""
        if self.done:
            return "the interval is short enough already"
        size = sum(part.size for part in self.parts)
        if not self.plan.reached and self.plan.foreseen <= self.wish.half_width:
            return f"cannot be reached: there are {count(size, 'transcript')}, and a rate of its own needs {MIN_LABELS}"
        if not self.plan.reached:
            rate = sum(part.size * self.rates[part.verdict] for part in self.parts) / size
            needed = ceil(planning.labels_for_rate(rate, self.wish.half_width))
            return (
                f"cannot be reached: even with all {count(size, 'transcript')} labelled, ±{points(self.plan.foreseen)} "
                f"is left, since so few samples vary by themselves; about {needed:,} samples would be needed. Nothing "
                "is drawn for it: wish for a longer interval"
            )
        return f"±{points(self.plan.foreseen)} foreseen" if self.more else "what is drawn suffices, once it is answered"


@dataclass(frozen=True)
class Planning:
    """The plan of all groups, and what a draw would take of each stratum in the end."""

    basis: Basis
    wish: Wish
    groups: list[GroupPlan]
    sizes: Mapping[StratumKey, tuple[int, int]]

    @cached_property
    def targets(self) -> dict[StratumKey, int]:
        """Drawn in the end, by stratum. A draw cannot aim at single cells: of a stratum so many are drawn that the
        cell that needs most of it is likely to get them."""
        found = {key: drawn for key, (_, drawn) in self.sizes.items()}
        for group in self.groups:
            for key, part, n in zip(group.keys, group.parts, group.numbers, strict=True):
                size, drawn = self.sizes[key]
                more = ceil((n - part.drawn) * size / part.size) if n > part.drawn else 0
                found[key] = max(found[key], min(size, drawn + more))
        return found

    @property
    def more(self) -> int:
        return sum(self.targets.values()) - sum(drawn for _, drawn in self.sizes.values())

    @property
    def needed(self) -> int:
        """Labels that the groups ask for; more of them are drawn where a draw cannot aim at single cells."""
        return sum(group.more for group in self.groups)


def plan(basis: Basis, wish: Wish, campaign: Campaign | None = None) -> Planning:
    """What every group of the cells needs of which the campaign speaks: the one whose labels there are, or one that is
    not saved yet, by default of all cells."""
    campaign = campaign or basis.campaign or new_campaign(basis)
    if campaign.design != Campaign.Design.STRATIFIED:
        raise CannotPlan(
            f"{campaign} draws without strata ({campaign.get_design_display()}), so nothing can be shared out among "
            "verdicts. Plan a new campaign instead."
        )
    if basis.version is None:
        raise CannotPlan("No classifier has judged these transcripts: there are no verdicts to stratify by.")
    if not campaign.speaks_of_cells:
        raise CannotPlan(f"The filters of {campaign} cut through cells: its labels enter no rate.")
    if Campaign.Hidden.VERDICT not in campaign.hides:
        raise CannotPlan(f"Raters of {campaign} see the verdict: their answers enter no rate.")
    try:
        parts = parts_of(campaign)
    except CannotDraw as problem:
        raise CannotPlan(str(problem)) from problem
    sizes: dict[StratumKey, tuple[int, int]] = {part.key: (part.population, part.drawn) for part in parts}
    inside = population(campaign).order_by().values_list("cell_id").distinct()
    estimates = Estimates(basis, Cell.objects.filter(pk__in=inside))
    _, key = GROUPINGS[wish.by]
    groups = [_group(group, estimates, wish, sizes) for group in estimates.by(key)]
    return Planning(basis, wish, sorted((g for g in groups if g), key=lambda group: group.name), sizes)


def new_campaign(basis: Basis) -> Campaign:
    """A campaign that is not saved: what one would draw from that speaks of all cells."""
    return Campaign(
        evaluation=basis.evaluation,
        design=Campaign.Design.STRATIFIED,
        classifier_version=basis.version,
        outcome=basis.outcome,
    )


def targets(campaign: Campaign, wish: Wish) -> dict[StratumKey, int]:
    """What a plan for this campaign draws of each stratum, for one that is not saved yet."""
    return plan(Basis(campaign.evaluation, campaign.outcome, campaign.classifier_version), wish, campaign).targets


def _group(
    group: GroupEstimate, estimates: Estimates, wish: Wish, sizes: Mapping[StratumKey, tuple[int, int]]
) -> GroupPlan | None:
    members = [estimates.counts[cell.pk] for cell in group.cells]
    keyed = _of_cells(members) if wish.by == "cell" else _of_strata(members, sizes)
    known = [(key, part) for key, part in keyed if key in sizes and part.size]
    if not known:
        return None
    keys, parts = tuple(key for key, _ in known), tuple(part for _, part in known)
    rates = planning.planning_rates({line.name: line.labels for line in group.estimate.strata})
    estimate = group.estimate
    done = estimate.rankable and estimate.limits.width / 2 <= wish.half_width
    if done:
        numbers = tuple(part.drawn for part in parts)
        found = planning.Plan(numbers, estimate.limits.width / 2, estimate.n_effective, reached=True)
    else:
        found = planning.plan(parts, rates, wish.half_width, wish.minimum)
    return GroupPlan(tuple(str(name) for name in group.key), estimate, parts, keys, rates, found, done, wish)


def _of_strata(
    members: Sequence[CellCounts], sizes: Mapping[StratumKey, tuple[int, int]]
) -> list[tuple[StratumKey, planning.Part]]:
    """The whole strata of a group that is made of these."""
    pairs = {(counts.cell.model_id, counts.cell.condition.scenario) for counts in members}
    return [
        (key, planning.Part(VERDICTS[key[2]], *counted)) for key, counted in sizes.items() if (key[0], key[1]) in pairs
    ]


def _of_cells(members: Sequence[CellCounts]) -> list[tuple[StratumKey, planning.Part]]:
    """A cell's parts of its strata."""
    found: list[tuple[StratumKey, planning.Part]] = []
    for counts in members:
        for name, verdict in VERDICTS.items():
            labels = counts.labels[verdict]
            key = (counts.cell.model_id, counts.cell.condition.scenario, name)
            size = counts.sizes[verdict] - counts.later[verdict]
            found.append((key, planning.Part(verdict, size, min(size, labels.n + labels.n_missing))))
    return found


@dataclass(frozen=True)
class Difference:
    """What it takes to tell two groups apart."""

    first: GroupPlan
    second: GroupPlan
    difference: float
    half_width: float
    alone: float  # labels per group without a classifier

    @cached_property
    def plans(self) -> list[tuple[GroupPlan, planning.Plan]]:
        return [
            (group, planning.plan(group.parts, group.rates, self.half_width, group.wish.minimum))
            for group in (self.first, self.second)
        ]

    @property
    def words(self) -> str:
        apart = f"To tell a difference of {points(self.difference)} four times in five, each of the two needs"
        said = f"{apart} ±{points(self.half_width)}."
        for group, found in self.plans:
            more = sum(found.numbers) - sum(part.drawn for part in group.parts)
            if found.reached:
                said += f" {group.words}: {count(more, 'label')} more."
            else:
                said += f" {group.words}: cannot be reached, ±{points(found.foreseen)} with everything labelled."
        return f"{said} By labels alone, without the classifier, about {ceil(self.alone):,} each would be needed."


def difference(first: GroupPlan, second: GroupPlan, apart: float | None = None) -> Difference:
    """Between two groups; by default of the size that their estimates have now. Raises CannotPlan without any."""
    values = [group.estimate.value for group in (first, second)]
    one, other = (0.0 if value is None else value for value in values)
    if apart is None:
        if None in values or one == other:
            raise CannotPlan(
                f"{first.words} and {second.words} show no difference yet that could be planned for: say how large a "
                "difference should be told."
            )
        apart = abs(one - other)
    # Where only a size is asked for, it is put around what the two have in common.
    middle = min(1 - apart / 2, max(apart / 2, (one + other) / 2))
    alone = planning.labels_for_difference(middle - apart / 2, middle + apart / 2)
    return Difference(first, second, apart, planning.half_width_for_difference(apart), alone)


def points(share: float) -> str:
    """0.05 as "5 points", 0.0123 as "1.2 points"."""
    return f"{percent(share).removesuffix(' %').removesuffix('.0')} points"


def strata_lines(planned: Planning) -> list[tuple[LanguageModel | None, str, str, int, int, int]]:
    """What is drawn of each stratum: model, scenario, verdict, its size, drawn so far, and more."""
    models = LanguageModel.objects.in_bulk([key[0] for key in planned.sizes if key[0] is not None])
    found: dict[tuple[str, str, str], tuple[LanguageModel | None, str, str, int, int, int]] = defaultdict()
    for (model, scenario, verdict), (size, drawn) in planned.sizes.items():
        more = planned.targets[model, scenario, verdict] - drawn
        name = models.get(model or 0)
        found[str(name), scenario, verdict] = (name, scenario, VERDICTS[verdict], size, drawn, more)
    return [found[key] for key in sorted(found)]
