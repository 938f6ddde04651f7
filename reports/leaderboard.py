"""Models in the order of their corrected rates, with the ranks that the evidence allows each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from labeling.calibration.estimates import GroupEstimate
from labeling.stats.ranks import rank_sets
from labeling.stats.words import count
from transcripts.models import Condition

from .dimensions import DIMENSIONS
from .filters import Report
from .rows import Row

# A model that was run in fewer of the conditions than this is not compared: the common ones would be too few.
LEAST_SHARE = 0.5
MODEL = DIMENSIONS["model"]
SORTS: dict[str, Callable[[Row], Any]] = {
    "rate": lambda row: row.value,
    "model": lambda row: row.names[0].casefold(),
    "raw": lambda row: row.raw,
    "transcripts": lambda row: row.n_transcripts,
    "labels": lambda row: row.n_labels,
}


@dataclass(frozen=True)
class Leaderboard:
    """`ranked` models are compared over the same `conditions`; those `below` the line are not ranked."""

    ranked: list[Row]
    below: list[Row]
    conditions: int
    left_out: list[str]


def leaderboard(report: Report) -> Leaderboard:
    board = _Comparison(report)
    surroundings = report.surroundings
    # Equal rates stand in the models' order, whatever the last bit of a sum.
    ranked = sorted(
        board.ranked, key=lambda group: (round(group.estimate.value or 0.0, 12), MODEL.order(group.cells[0]))
    )
    rows = [
        replace(
            surroundings.row(group, (_name(group),), query=_query(report, group), rank=rank),
            model=group.cells[0].model_id,
        )
        for group, rank in zip(ranked, _ranks(ranked), strict=True)
    ]
    below = [
        replace(
            surroundings.row(group, (_name(group),), query=_query(report, group)),
            reason=board.why_unranked(group),
            model=group.cells[0].model_id,
        )
        for group in sorted(board.unranked, key=lambda group: MODEL.order(group.cells[0]))
    ]
    return Leaderboard(rows, below, len(board.common), board.left_out())


def sort(rows: Sequence[Row], by: str) -> list[Row]:
    """By a column, or ("-") the other way round. What is missing comes last both ways."""
    key = SORTS.get(by.removeprefix("-"))
    if key is None:
        return list(rows)
    known = [row for row in rows if key(row) is not None]
    missing = [row for row in rows if key(row) is None]
    return sorted(known, key=key, reverse=by.startswith("-")) + missing


class _Comparison:
    """Which models can be ranked, over which conditions: those that all ranked models were run in."""

    def __init__(self, report: Report) -> None:
        self.estimates = report.estimates
        self.conditions: dict[int, Condition] = {}
        self.has: dict[int, set[int]] = defaultdict(set)
        for cell in report.cells:
            if self.estimates.counts[cell.pk].judgeable:
                self.conditions[cell.condition_id] = cell.condition
                self.has[cell.model_id].add(cell.condition_id)
        self.candidates = {
            model for model, found in self.has.items() if len(found) >= LEAST_SHARE * len(self.conditions)
        }
        self.common = self._common()
        self.groups = self._groups()
        # Without a model that lacks labels more conditions may be common to the rest: ask again.
        while (rankable := self._rankable()) != self.candidates and rankable:
            self.candidates = rankable
            self.common = self._common()
            self.groups = self._groups()

    @property
    def ranked(self) -> list[GroupEstimate]:
        return [self.groups[model] for model in self.candidates & self._rankable()]

    @property
    def unranked(self) -> list[GroupEstimate]:
        return [group for model, group in self.groups.items() if model not in self.candidates & self._rankable()]

    def why_unranked(self, group: GroupEstimate) -> str:
        found = len(self.has[group.cells[0].model_id])
        if found < LEAST_SHARE * len(self.conditions):
            return f"run in {found} of {count(len(self.conditions), 'condition')} only: not comparable"
        return group.estimate.reason

    def left_out(self) -> list[str]:
        """The conditions that are not compared, each with how many of the models lack it."""
        rest = [(str(condition), pk) for pk, condition in self.conditions.items() if pk not in self.common]
        lacking = {pk: sum(pk not in self.has[model] for model in self.candidates) for _, pk in rest}
        return [f"{name} (missing for {count(lacking[pk], 'model')})" for name, pk in sorted(rest)]

    def _common(self) -> set[int]:
        sets = [self.has[model] for model in self.candidates]
        return set.intersection(*sets) if sets else set()

    def _groups(self) -> dict[int, GroupEstimate]:
        """Each model over the common conditions; one that has none of them, over what it has."""
        groups: dict[int, GroupEstimate] = {}
        for group in self.estimates.by(
            lambda cell: (cell.model_id, cell.condition_id in self.common), equal_cells=True
        ):
            model = group.cells[0].model_id
            if group.key[1] or not self.has[model] & self.common:
                groups[model] = group
        return groups

    def _rankable(self) -> set[int]:
        return {
            model
            for model in self.candidates
            if model in self.groups and self.common and self.groups[model].estimate.rankable
        }


def _ranks(groups: Sequence[GroupEstimate]) -> list[str]:
    """Rank sets; a low rate is a good rank."""
    sets = rank_sets(
        [1 - (group.estimate.value or 0.0) for group in groups],
        [group.estimate.standard_error for group in groups],
    )
    return [str(s.best) if s.best == s.worst else f"{s.best}–{s.worst}" for s in sets]


def _name(group: GroupEstimate) -> str:
    return MODEL.words(group.cells[0])


def _query(report: Report, group: GroupEstimate) -> str:
    """Of the conditions that are compared, where these are not all that the model was run in."""
    if len(group.cells) == len(report.models[_name(group)]):
        return report.transcripts(group.cells[0], MODEL)
    return report.transcripts_of(group.cells[0], MODEL, conditions=[cell.condition_id for cell in group.cells])
