"""How well a score tells positives from negatives, and where it may be cut.

A threshold that is chosen and judged on the same transcripts looks better than it is: it is chosen on one half and
reported on the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from labeling.stats.confusion import Comparison, Measure, confusion, quality
from labeling.stats.intervals import Interval, z_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

# Corners of a curve that is drawn.
MOST_POINTS = 200
# Fewer of either kind in either half say nothing about a threshold.
MIN_PER_HALF = 5


@dataclass(frozen=True, slots=True)
class Scored:
    """One transcript's score and resolution, its weight 1 / π, and the half that chance has put it into."""

    score: float
    positive: bool
    weight: float = 1.0
    chooses: bool = True


@dataclass(frozen=True, slots=True)
class Curve:
    """What every cut would do, from the strictest on. `score >= threshold` is flagged."""

    thresholds: "Floats"
    sensitivity: "Floats"
    false_alarms: "Floats"  # 1 − specificity
    precision: "Floats"


@dataclass(frozen=True, slots=True)
class Ranking:
    """The area under the ROC curve with DeLong's interval, and average precision. Nothing, and the reason, where one
    of the two kinds is missing."""

    auc: float | None
    limits: Interval | None
    average_precision: float | None
    n_positive: int
    n_negative: int
    # Corners to draw: (1 − specificity, sensitivity) and (sensitivity, precision).
    roc: tuple[tuple[float, float], ...] = ()
    precision_recall: tuple[tuple[float, float], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A cut chosen on one half, with what it does on the other."""

    threshold: float
    rule: str
    n_chosen_on: int
    n_reported_on: int
    sensitivity: Measure
    specificity: Measure


def ranking(scored: Sequence[Scored], level: float = 0.95) -> Ranking:
    """DeLong, DeLong & Clarke-Pearson (1988) Biometrics 44:837; average precision as Σ (R_k − R_k−1) P_k. Weights
    enter every sum; with equal ones these are the published figures."""
    score, positive, weight = _columns(scored)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        missing = "positive" if not n_positive else "negative"
        return Ranking(None, None, None, n_positive, n_negative, reason=f"undefined: no {missing} label has a score")
    auc, error = _delong(score, positive, weight)
    half = z_value(level) * error
    found = curve(scored)
    steps = found.sensitivity.copy()
    steps[1:] -= found.sensitivity[:-1]
    return Ranking(
        auc,
        # Where all pairs are in order, DeLong's error is 0, which is no knowledge.
        Interval(max(0.0, auc - half), min(1.0, auc + half)) if error else None,
        float((steps * found.precision).sum()),
        n_positive,
        n_negative,
        roc=((0.0, 0.0), *_corners(found.false_alarms, found.sensitivity)),
        precision_recall=_corners(found.sensitivity, found.precision),
    )


def curve(scored: Sequence[Scored]) -> Curve:
    import numpy as np  # noqa: PLC0415 - slow import

    score, positive, weight = _columns(scored)
    order = np.argsort(-score, kind="stable")
    score, positive, weight = score[order], positive[order], weight[order]
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))
    hit, alarm = (weight * positive).cumsum()[last], (weight * ~positive).cumsum()[last]
    return Curve(score[last], hit / hit[-1], alarm / alarm[-1], hit / (hit + alarm))


def best_threshold(scored: Sequence[Scored], miss_costs: float | None = None) -> float:
    """The cut with the largest sensitivity + specificity (Youden 1950, Cancer 3:32); or, where a miss costs so many
    false alarms, the cheapest one."""
    found = curve(scored)
    if miss_costs is None:
        gain = found.sensitivity - found.false_alarms
    else:
        total = sum(one.weight for one in scored)
        share = sum(one.weight for one in scored if one.positive) / total
        gain = miss_costs * share * found.sensitivity - (1 - share) * found.false_alarms
    return float(found.thresholds[gain.argmax()])


def halved_threshold(scored: Sequence[Scored], miss_costs: float | None = None) -> Threshold | None:
    """Chosen where `chooses`, reported on the others; none where a half has too few of either kind."""
    halves = [[one for one in scored if one.chooses], [one for one in scored if not one.chooses]]
    if any(min(kinds(half)) < MIN_PER_HALF for half in halves):
        return None
    cut = best_threshold(halves[0], miss_costs)
    table = confusion(Comparison(one.score >= cut, one.positive, one.weight) for one in halves[1])
    found = quality(table, draws=0)
    rule = "the largest sum of sensitivity and specificity"
    if miss_costs is not None:
        rule = f"the least cost, where a miss costs as much as {miss_costs:g} false alarms"
    return Threshold(cut, rule, len(halves[0]), len(halves[1]), found.sensitivity, found.specificity)


def kinds(scored: Sequence[Scored]) -> tuple[int, int]:
    """How many positive and how many negative."""
    positive = sum(one.positive for one in scored)
    return positive, len(scored) - positive


def _columns(scored: Sequence[Scored]) -> tuple["Floats", "Bools", "Floats"]:
    import numpy as np  # noqa: PLC0415 - slow import

    return (
        np.array([one.score for one in scored], dtype=np.float64),
        np.array([one.positive for one in scored], dtype=np.bool_),
        np.array([one.weight for one in scored], dtype=np.float64),
    )


def _delong(score: "Floats", positive: "Bools", weight: "Floats") -> tuple[float, float]:
    above = _share_below(score[positive], score[~positive], weight[~positive])
    below = 1 - _share_below(score[~positive], score[positive], weight[positive])
    auc = float((weight[positive] * above).sum() / weight[positive].sum())
    return auc, sqrt(_spread(above, weight[positive], auc) + _spread(below, weight[~positive], auc))


def _share_below(of: "Floats", others: "Floats", weight: "Floats") -> "Floats":
    """Of the others' weight the share that lies below each value, ties as halves."""
    import numpy as np  # noqa: PLC0415 - slow import

    order = np.argsort(others)
    sums = np.concatenate(([0.0], weight[order].cumsum()))
    low, high = (sums[np.searchsorted(others[order], of, side)] for side in ("left", "right"))
    share: Floats = (low + high) / 2 / sums[-1]
    return share


def _spread(parts: "Floats", weight: "Floats", mean: float) -> float:
    n = len(parts)
    return float((weight**2 * (parts - mean) ** 2).sum() / weight.sum() ** 2) * n / (n - 1) if n > 1 else 0.0


def _corners(x: "Floats", y: "Floats") -> tuple[tuple[float, float], ...]:
    """At most so many, evenly taken, with both ends."""
    import numpy as np  # noqa: PLC0415 - slow import

    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(np.int64))
    return tuple((round(float(x[i]), 4), round(float(y[i]), 4)) for i in chosen)
