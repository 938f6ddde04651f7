"""Rates with everything that stands behind them: the one function for pages, exports, charts and snapshots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from django.db.models import F, Func, QuerySet

from labeling.calibration.basis import Basis, sample_items
from labeling.calibration.rollup import RollUp, roll_up, scaled
from labeling.models import Label, Resolution
from labeling.stats import strata, tiers
from labeling.stats.alarm import ALARM, contradiction
from labeling.stats.estimate import Estimate, estimate_group
from labeling.stats.multiple import benjamini_hochberg
from labeling.stats.words import count, percent
from transcripts.models import Cell, StatusTally, Transcript, VerdictTally
from transcripts.models.transcripts import JUDGEABLE

# Strata without any answer may hold this share of a group before its labels are not used: what is missing in
# single small strata is taken for like the rest.
MAX_SILENT = 0.05
ERRS_OTHERWISE = "the judge errs otherwise on this model than on all together, so nothing is borrowed"


# Counts and labels change seldom, pages are asked for often; what follows from the same numbers is the same.
_estimated = lru_cache(maxsize=8192)(estimate_group)


@dataclass(frozen=True)
class CellCounts:
    """One cell's transcripts by verdict, with their labels, and what lies outside the population.

    `later` are those that came after the campaign's first draw: its labels say nothing about them.
    """

    cell: Cell
    sizes: Mapping[str, int]
    labels: Mapping[str, strata.Tally]
    later: Mapping[str, int]
    failed: int

    @property
    def judgeable(self) -> int:
        return sum(self.sizes.values())

    def group(self, *, equal_cells: bool, labelled: bool = True) -> strata.Group:
        """As strata of an estimate; without labels all transcripts count, the later ones too."""
        sizes = {name: self.sizes[name] - (self.later[name] if labelled else 0) for name in strata.VERDICTS}
        total = sum(sizes.values())
        share = 1 / total if equal_cells and total else 1.0
        return strata.Group(
            *(
                _stratum(sizes[name], self.labels[name] if labelled else strata.Tally(), share)
                for name in strata.VERDICTS
            )
        )


@dataclass(frozen=True)
class GroupEstimate:
    """A rate of a group of cells, with the cells, the failed calls that are counted beside it, and what it rests on."""

    key: tuple[Hashable, ...]
    estimate: Estimate
    cells: tuple[Cell, ...]
    failed: int
    basis: Basis
    # What the estimate was made of, to compare it with another.
    group: strata.Group

    @property
    def rests_on_people(self) -> bool:
        """Whether the rate is put together from labels of these cells."""
        return self.estimate.tier in (tiers.Tier.CORRECTED, tiers.Tier.HUMAN)

    def transcripts(self) -> QuerySet[Transcript]:
        """Those that the rate speaks of: judgeable ones of its cells, those that could be drawn where labels count."""
        found = Transcript.objects.judgeable().filter(cell__in=self.cells)
        last = self.basis.campaign.frame_last_id if self.basis.campaign else None
        return found.filter(pk__lte=last) if self.rests_on_people and last is not None else found

    def resolutions(self) -> QuerySet[Resolution]:
        """The agreed answers behind the rate, of drawn transcripts whose text is still what was read."""
        return Resolution.objects.filter(
            item__in=sample_items(self.basis).filter(transcript__cell__in=self.cells).values("pk"),
            outcome=self.basis.label_outcome,
            superseded_at__isnull=True,
            value__isnull=False,
            text_sha256=F("item__transcript__text_sha256"),
        )

    def labels(self) -> QuerySet[Label]:
        """The single raters' answers that these rest on."""
        ids = self.resolutions().annotate(one=Func(F("label_ids"), function="unnest")).values("one")
        return Label.objects.filter(pk__in=ids)

    @property
    def n_raters(self) -> int:
        return self.labels().values("rater").distinct().count()


class Estimates:
    """Counts and labels of an evaluation's cells, read once; groups of them are estimated from these.

    Groups are never pooled: each rests on its own labels, unless tier B says otherwise.
    """

    def __init__(self, basis: Basis, cells: QuerySet[Cell] | None = None) -> None:
        self.basis = basis
        every = Cell.objects.filter(evaluation=basis.evaluation).select_related("model", "condition")
        self.rolled = roll_up(basis)
        self.responses = self.rolled.responses
        self.counts = _counts(basis, every, self.rolled)
        self.shown = set(every.values_list("pk", flat=True) if cells is None else cells.values_list("pk", flat=True))

    def by(self, key: Callable[[Cell], tuple[Hashable, ...]], *, equal_cells: bool = False) -> list[GroupEstimate]:
        """Estimates of the shown cells, grouped by what `key` makes of a cell, in the order of first appearance."""
        groups: dict[tuple[Hashable, ...], list[CellCounts]] = defaultdict(list)
        for counts in self.counts.values():
            if counts.cell.pk in self.shown:
                groups[key(counts.cell)].append(counts)
        return [self._estimate(name, members, equal_cells) for name, members in groups.items()]

    def of(self, cells: Iterable[Cell], *, equal_cells: bool = False) -> GroupEstimate:
        """These cells as one group; a cell may be in several."""
        return self._estimate((), [self.counts[cell.pk] for cell in cells], equal_cells)

    def overall(self) -> GroupEstimate | None:
        """All shown cells that the campaign speaks of, as one group; all shown ones where there is no campaign."""
        members = [
            counts
            for pk, counts in self.counts.items()
            if pk in self.shown and (pk in self.rolled.covered or not self.rolled.covered)
        ]
        return self._estimate((), members, equal_cells=False) if members else None

    def _estimate(self, key: tuple[Hashable, ...], members: list[CellCounts], equal_cells: bool) -> GroupEstimate:
        scenarios = {counts.cell.condition.scenario for counts in members}
        covered = sum(counts.cell.pk in self.rolled.covered for counts in members)
        # Labels of some cells would be taken for labels of all: a group that the campaign speaks of only in part,
        # or in which whole strata have no answer, has no label of its own.
        # A cell without a transcript that could be judged has nothing to speak of.
        partly = 0 < covered < sum(counts.judgeable > 0 for counts in members)
        silent = self._silent(members)
        labelled = bool(covered) and not partly and silent <= MAX_SILENT
        group = _sum([counts.group(equal_cells=equal_cells, labelled=labelled) for counts in members])
        estimate = _estimated(
            group,
            calibration=self.calibrations.get(next(iter(scenarios))) if len(scenarios) == 1 else None,
            noise=self.basis.noise,
            not_borrowed=ERRS_OTHERWISE if {counts.cell.model_id for counts in members} <= self.alarms else "",
        )
        remarks = []
        if partly:
            remarks.append(f"the campaign speaks of {covered} of these {len(members)} cells: its labels are not used")
        elif covered and silent > MAX_SILENT:
            remarks.append(f"strata that hold {percent(silent)} of these have no answer yet: the labels are not used")
        if labelled and (later := sum(sum(counts.later.values()) for counts in members)):
            remarks.append(f"{count(later, 'transcript')} came after the draw and are not in this rate")
        estimate = replace(estimate, remarks=(*remarks, *estimate.remarks))
        return GroupEstimate(
            key=key,
            estimate=estimate,
            cells=tuple(counts.cell for counts in members),
            failed=sum(counts.failed for counts in members),
            basis=self.basis,
            group=group,
        )

    @cached_property
    def alarms(self) -> frozenset[int]:
        """The models on which the judge is known to err otherwise than on all together: their own labels contradict
        what tier B would make of them. Benjamini & Hochberg over the models."""
        noise = self.basis.noise
        if noise is None:
            return frozenset()
        parts: dict[int, dict[str, list[CellCounts]]] = defaultdict(lambda: defaultdict(list))
        for pk, counts in self.counts.items():
            if pk in self.rolled.covered:
                parts[counts.cell.model_id][counts.cell.condition.scenario].append(counts)
        found: dict[int, float] = {}
        for model, by_scenario in parts.items():
            groups = [
                (_sum([counts.group(equal_cells=False) for counts in members]), self.calibrations[scenario])
                for scenario, members in by_scenario.items()
            ]
            if (p_value := contradiction(groups, noise)) is not None:
                found[model] = p_value
        adjusted = benjamini_hochberg(list(found.values()))
        return frozenset(model for model, p_value in zip(found, adjusted, strict=True) if p_value <= ALARM)

    def _silent(self, members: list[CellCounts]) -> float:
        """The share of the members' drawn strata, by population, in which nobody has answered yet."""
        pairs = {(counts.cell.model_id, counts.cell.condition.scenario) for counts in members}
        sizes = [
            (response.population, response.answered)
            for (model, scenario, _), response in self.responses.items()
            if model is None or (model, scenario) in pairs
        ]
        whole = sum(population for population, _ in sizes)
        return sum(population for population, answered in sizes if not answered) / whole if whole else 0.0

    @cached_property
    def calibrations(self) -> dict[str, tiers.Calibration]:
        """For tier B: the judge against the panel in each scenario, over all models that were labelled."""
        members: dict[str, list[CellCounts]] = defaultdict(list)
        for pk, counts in self.counts.items():
            if pk in self.rolled.covered:
                members[counts.cell.condition.scenario].append(counts)
        return {
            scenario: tiers.Calibration(_sum([counts.group(equal_cells=False) for counts in found]), scenario)
            for scenario, found in members.items()
        }


def _counts(basis: Basis, cells: Iterable[Cell], rolled: RollUp) -> dict[int, CellCounts]:
    """Per cell: sizes from the roll-ups, labels from the sample. The newest verdict makes the stratum of a label."""
    sizes: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(strata.VERDICTS, 0))
    failed: dict[int, int] = defaultdict(int)
    for cell_id, status, n in StatusTally.objects.filter(cell__evaluation=basis.evaluation).values_list(
        "cell_id", "status", "n"
    ):
        if status in JUDGEABLE:
            sizes[cell_id]["without verdict"] += n
        else:
            failed[cell_id] += n
    judged = VerdictTally.objects.filter(
        cell__evaluation=basis.evaluation, version=basis.version, outcome=basis.outcome, final__isnull=False
    )
    for cell_id, final, n in judged.values_list("cell_id", "final", "n"):
        sizes[cell_id]["flagged" if final else "unflagged"] += n
        sizes[cell_id]["without verdict"] -= n
    labels, later = rolled.labels, rolled.later
    found = {}
    for cell in cells:
        tallies = {name: labels.get((cell.pk, name), strata.Tally()) for name in strata.VERDICTS}
        after = {name: later.get((cell.pk, name), 0) for name in strata.VERDICTS}
        # While an ingest runs, a label may already know a verdict that the roll-up has not counted yet.
        known = {
            name: max(sizes[cell.pk][name], after[name] + tallies[name].n + tallies[name].n_missing)
            for name in strata.VERDICTS
        }
        found[cell.pk] = CellCounts(cell, known, tallies, after, failed[cell.pk])
    return found


def _stratum(size: int, labels: strata.Tally, share: float) -> strata.Stratum:
    """A cell's stratum with every transcript counted `share` times."""
    return strata.Stratum(size, scaled(labels, share), size * share, size * share**2)


def _sum(groups: list[strata.Group]) -> strata.Group:
    """All groups' strata put together, verdict by verdict."""
    first, *rest = groups or [strata.Group()]
    return sum(rest, start=first)
