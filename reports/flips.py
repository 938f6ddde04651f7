"""The strongest contrasts that the classifiers' raw verdicts show: pairs of cells with one factor flipped.

Counted from the roll-up, as a hint where to look. Rates corrected by labels are the charts' and the leaderboard's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from labeling.stats.intervals import Interval, newcombe_difference
from transcripts.comparing.counterfactuals import Flip, flips
from transcripts.models import Cell, Classifier, Evaluation, VerdictTally

# Fewer answers say nothing; and a page that looks at every pair of very many conditions would be slow.
FEWEST = 10
MOST_CELLS = 400  # of one evaluation


@dataclass(frozen=True)
class Contrast:
    """Two cells of one model and scenario that differ in one factor, with their harmful and judged counts."""

    here: Cell
    there: Cell
    flip: Flip
    before: tuple[int, int]
    after: tuple[int, int]
    difference: float
    interval: Interval

    @property
    def evidence(self) -> float:
        """How far the interval stays from no difference at all; negative where it holds zero."""
        return max(self.interval.low, -self.interval.high)

    @property
    def points(self) -> int:
        """The difference in percentage points."""
        return round(100 * self.difference)

    @property
    def low(self) -> int:
        return round(100 * self.interval.low)

    @property
    def high(self) -> int:
        return round(100 * self.interval.high)


def strongest(evaluation: Evaluation, most: int) -> list[Contrast]:
    """The contrasts whose intervals stay furthest from zero. By chance some of many pairs will."""
    cells = list(
        Cell.objects.filter(evaluation=evaluation).select_related("evaluation", "model", "condition")[:MOST_CELLS]
    )
    found = [contrast for contrast in _contrasts(cells, _counts(cells)) if contrast.evidence > 0]
    return sorted(found, key=lambda contrast: (-contrast.evidence, contrast.here.pk, contrast.there.pk))[:most]


def _contrasts(cells: Iterable[Cell], counts: dict[int, tuple[int, int]]) -> Iterator[Contrast]:
    beside: defaultdict[tuple[int, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        if counts.get(cell.pk, (0, 0))[1] >= FEWEST:
            beside[cell.model_id, cell.condition.scenario].append(cell)
    for group in beside.values():
        for here, there in combinations(sorted(group, key=_plainness), 2):
            found = flips(here.condition, there.condition)
            if len(found) == 1:
                before, after = counts[here.pk], counts[there.pk]
                interval = newcombe_difference(after[0], after[1], before[0], before[1])
                difference = after[0] / after[1] - before[0] / before[1]
                yield Contrast(here, there, found[0], before, after, difference, interval)


def _plainness(cell: Cell) -> tuple[int, int]:
    """The control before what was added to it, so that a contrast reads from without to with."""
    condition = cell.condition
    factors = [condition.goal_type, condition.urgency, condition.mitigation, condition.awareness]
    return sum(factor != "none" for factor in factors) + condition.prod, cell.pk


def _counts(cells: Iterable[Cell]) -> dict[int, tuple[int, int]]:
    """Harmful and judged per cell, of the classifier version that judged most of the evaluation."""
    judged_by = VerdictTally.objects.exclude(version__classifier__kind=Classifier.Kind.TRAINED)
    tallies = judged_by.filter(cell__in=[cell.pk for cell in cells], outcome="harm", final__isnull=False).values_list(
        "version", "cell", "final", "n"
    )
    by_version: defaultdict[int, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for version, cell, final, n in tallies:
        by_version[version][cell][0] += n * bool(final)
        by_version[version][cell][1] += n
    if not by_version:
        return {}
    main = max(by_version, key=lambda version: (sum(judged for _, judged in by_version[version].values()), version))
    return {cell: (harmful, judged) for cell, (harmful, judged) in by_version[main].items()}
