"""Subgroups of a calibration: each model, scenario, condition and day, and whether they may be pooled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from labeling.stats.confusion import Comparison
from labeling.stats.homogeneity import Observation, Test, adjusted, homogeneity
from transcripts.listing.factors import condition_filters
from transcripts.models import Cell

# Fewer compared transcripts make no calibration of their own.
MIN_COMPARED = 10

Scope: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class Drawn:
    """One drawn transcript: what the classifier and people say of it, and what it stands for."""

    item: int
    cell: Cell
    verdict: bool | None
    resolution: bool | None
    weight: float
    u: float
    score: float | None = None
    judged_on: date | None = None

    @property
    def comparison(self) -> Comparison:
        return Comparison(self.verdict, self.resolution, self.weight)

    @property
    def compared(self) -> bool:
        return self.verdict is not None and self.resolution is not None


@dataclass(frozen=True)
class Subgroup:
    """Drawn transcripts that share a value of a factor; `scope` are the filters that choose it."""

    factor: str
    name: str
    scope: Scope
    rows: list[Drawn]

    @property
    def n_compared(self) -> int:
        return sum(row.compared for row in self.rows)


# By factor: how a transcript's value is named, and the filters that choose it. Days choose no cell.
DIMENSIONS: Mapping[str, tuple[Callable[[Drawn], str], Callable[[Drawn], Scope]]] = {
    "model": (lambda row: str(row.cell.model), lambda row: {"model": row.cell.model.recorded_id}),
    "scenario": (lambda row: row.cell.condition.scenario, lambda row: {"scenario": row.cell.condition.scenario}),
    "condition": (lambda row: str(row.cell.condition), lambda row: condition_filters(row.cell)),
    "day": (lambda row: row.judged_on.isoformat() if row.judged_on else "", lambda row: {}),
}


def subgroups(rows: Sequence[Drawn], factor: str) -> list[Subgroup]:
    """In the order of their names; none where all are alike, or where nobody wrote the days down."""
    name, scope = DIMENSIONS[factor]
    found: dict[str, list[Drawn]] = defaultdict(list)
    for row in rows:
        if key := name(row):
            found[key].append(row)
    if len(found) < 2:
        return []
    return [Subgroup(factor, key, scope(members[0]), members) for key, members in sorted(found.items())]


def all_subgroups(rows: Sequence[Drawn]) -> dict[str, list[Subgroup]]:
    """By factor. Where every scenario has one condition only, its conditions say nothing new."""
    found = {factor: subgroups(rows, factor) for factor in DIMENSIONS}
    if len(found["condition"]) == len(found["scenario"]):
        found["condition"] = []
    return {factor: groups for factor, groups in found.items() if groups}


def pooling(groups: Mapping[str, Iterable[Subgroup]]) -> dict[str, dict[str, Test]]:
    """For each factor whether sensitivity and specificity are alike in all of its groups. One family of tests."""
    keys = [(factor, truth) for factor in groups for truth in (True, False)]
    tests = adjusted([homogeneity(_observed(groups[factor], truth)) for factor, truth in keys])
    found: dict[str, dict[str, Test]] = defaultdict(dict)
    for (factor, truth), test in zip(keys, tests, strict=True):
        found[factor]["sensitivity" if truth else "specificity"] = test
    return dict(found)


def _observed(groups: Iterable[Subgroup], truth: bool) -> dict[str, list[Observation]]:
    """Of what people call so, whether the classifier says the same."""
    return {
        group.name: [
            (row.verdict is truth, row.weight) for row in group.rows if row.compared and row.resolution is truth
        ]
        for group in groups
    }
