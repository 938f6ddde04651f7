"""Rates with everything that stands behind them: the one function for pages, exports, charts and snapshots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models import FloatField as Float
from django.db.models.functions import Cast, Coalesce

from labeling.calibration.basis import Basis, Response, StratumKey, responses, sample_items
from labeling.stats import strata, tiers
from labeling.stats.estimate import Estimate, estimate_group
from labeling.stats.words import count, percent
from transcripts.models import (
    Cell,
    StatusTally,
    Transcript,
    Verdict,
    VerdictTally,
)
from transcripts.models.transcripts import JUDGEABLE

# Strata without any answer may hold this share of a group before its labels are not used: what is missing in
# single small strata is taken for like the rest.
MAX_SILENT = 0.05


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
    """A rate of a group of cells, with the cells, and with the failed calls that are counted beside it."""

    key: tuple[Hashable, ...]
    estimate: Estimate
    cells: tuple[Cell, ...]
    failed: int


class Estimates:
    """Counts and labels of an evaluation's cells, read once; groups of them are estimated from these.

    Groups are never pooled: each rests on its own labels, unless tier B says otherwise.
    """

    def __init__(self, basis: Basis, cells: QuerySet[Cell] | None = None) -> None:
        self.basis = basis
        every = Cell.objects.filter(evaluation=basis.evaluation).select_related("model", "condition")
        self.responses = responses(basis)
        self.counts = _counts(basis, every, self.responses)
        self.shown = set(every.values_list("pk", flat=True) if cells is None else cells.values_list("pk", flat=True))

    def by(self, key: Callable[[Cell], tuple[Hashable, ...]], *, equal_cells: bool = False) -> list[GroupEstimate]:
        """Estimates of the shown cells, grouped by what `key` makes of a cell, in the order of first appearance."""
        groups: dict[tuple[Hashable, ...], list[CellCounts]] = defaultdict(list)
        for counts in self.counts.values():
            if counts.cell.pk in self.shown:
                groups[key(counts.cell)].append(counts)
        return [self._estimate(name, members, equal_cells) for name, members in groups.items()]

    def overall(self) -> GroupEstimate | None:
        """All shown cells that the campaign speaks of, as one group; all shown ones where there is no campaign."""
        members = [
            counts
            for pk, counts in self.counts.items()
            if pk in self.shown and (pk in self.basis.covered or not self.basis.covered)
        ]
        return self._estimate((), members, equal_cells=False) if members else None

    def _estimate(self, key: tuple[Hashable, ...], members: list[CellCounts], equal_cells: bool) -> GroupEstimate:
        scenarios = {counts.cell.condition.scenario for counts in members}
        covered = sum(counts.cell.pk in self.basis.covered for counts in members)
        # Labels of some cells would be taken for labels of all: a group that the campaign speaks of only in part,
        # or in which whole strata have no answer, has no label of its own.
        partly = 0 < covered < len(members)
        silent = self._silent(members)
        labelled = bool(covered) and not partly and silent <= MAX_SILENT
        estimate = estimate_group(
            _sum(counts.group(equal_cells=equal_cells, labelled=labelled) for counts in members),
            calibration=self.calibrations.get(next(iter(scenarios))) if len(scenarios) == 1 else None,
            noise=self.basis.noise,
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
        )

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
            if pk in self.basis.covered:
                members[counts.cell.condition.scenario].append(counts)
        return {
            scenario: tiers.Calibration(_sum(counts.group(equal_cells=False) for counts in found), scenario)
            for scenario, found in members.items()
        }


def _counts(basis: Basis, cells: Iterable[Cell], response: Mapping[StratumKey, Response]) -> dict[int, CellCounts]:
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
    labels = _label_tallies(basis, response)
    later = _later(basis)
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


NAMES = {True: "flagged", False: "unflagged", None: "without verdict"}


def _later(basis: Basis) -> dict[tuple[int, str], int]:
    """Judgeable transcripts of covered cells that came after the campaign's first draw, by cell and verdict."""
    if basis.campaign is None or basis.campaign.frame_last_id is None:
        return {}
    final = Verdict.objects.filter(transcript=OuterRef("pk"), version=basis.version, outcome=basis.outcome)
    rows = (
        Transcript.objects.judgeable()
        .filter(pk__gt=basis.campaign.frame_last_id, cell__in=basis.covered)
        .annotate(final=Subquery(final.values("final")[:1]))
        .order_by()
        .values_list("cell_id", "final")
        .annotate(n=Count("pk"))
    )
    return {(cell, NAMES[verdict]): n for cell, verdict, n in rows}


def _label_tallies(basis: Basis, response: Mapping[StratumKey, Response]) -> dict[tuple[int, str], strata.Tally]:
    """Sums over the drawn items of each cell and verdict; an item without an agreed answer is missing.

    Answers weigh 1 / π, times drawn / answered of their design stratum: non-response is taken for random within
    a stratum, and only there.
    """
    if basis.campaign is None or basis.label_outcome is None:
        return {}
    weight = Cast(Value(1.0), Float()) / F("pi")
    known = Q(resolved__isnull=False)
    rows = (
        sample_items(basis)
        .order_by("transcript__cell", "final", "stratum__model_id", "stratum__scenario", "stratum__verdict")
        .values("transcript__cell", "final", "stratum__model_id", "stratum__scenario", "stratum__verdict")
        .annotate(
            n=Count("pk", filter=known),
            n_positive=Count("pk", filter=Q(resolved=True)),
            weight=Coalesce(Sum(weight, filter=known), 0.0),
            weight_squares=Coalesce(Sum(weight * weight, filter=known), 0.0),
            weight_positive=Coalesce(Sum(weight, filter=Q(resolved=True)), 0.0),
            n_missing=Count("pk", filter=~known),
            weight_missing=Coalesce(Sum(weight, filter=~known), 0.0),
        )
    )
    labels: dict[tuple[int, str], strata.Tally] = defaultdict(strata.Tally)
    for found in rows:
        row: dict[str, Any] = dict(found)
        cell, final = row.pop("transcript__cell"), row.pop("final")
        stratum = (
            row.pop("stratum__model_id"),
            row.pop("stratum__scenario") or "",
            row.pop("stratum__verdict") or "",
        )
        labels[cell, NAMES[final]] += _scaled(strata.Tally(**row), response[stratum].factor)
    return labels


def _scaled(labels: strata.Tally, share: float) -> strata.Tally:
    """The same labels, each with `share` times its weight."""
    return strata.Tally(
        labels.n,
        labels.n_positive,
        labels.weight * share,
        labels.weight_squares * share**2,
        labels.weight_positive * share,
        labels.n_missing,
        labels.weight_missing * share,
    )


def _stratum(size: int, labels: strata.Tally, share: float) -> strata.Stratum:
    """A cell's stratum with every transcript counted `share` times."""
    return strata.Stratum(size, _scaled(labels, share), size * share, size * share**2)


def _sum(groups: Iterable[strata.Group]) -> strata.Group:
    """All groups' strata put together, verdict by verdict."""
    whole = strata.Group()
    for group in groups:
        whole = strata.Group(
            *(
                strata.Stratum(
                    one.size + other.size,
                    one.labels + other.labels,
                    one.mass + other.mass,
                    one.mass_squares + other.mass_squares,
                )
                for one, other in zip(whole.strata, group.strata, strict=True)
            )
        )
    return whole
