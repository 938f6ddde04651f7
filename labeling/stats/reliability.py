"""Whether a score can be read as a probability: of what is scored .8, are four in five positive?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling.stats.intervals import Interval, wilson
from labeling.stats.roc import Scored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 10
# A bin of the diagram holds at least so many.
MIN_PER_BIN = 10
# Isotonic regression follows the data closely: with fewer labels it would follow their noise, and a logistic curve is
# fitted.
MIN_ISOTONIC = 1000
MIN_PLATT = 50
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Bin:
    """Scores between two limits: their mean, and the share of positives among them with Wilson's interval."""

    low: float
    high: float
    mean: float
    rate: float
    limits: Interval
    n: int


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """How much better the scores would be as probabilities after a fit, each judged by a fit that has not seen it."""

    method: str
    brier: float
    ece: float
    folds: int = FOLDS


@dataclass(frozen=True, slots=True)
class Reliability:
    """Scores in [0, 1] against resolutions. ECE over ten bins of equal width; the diagram's bins hold equally many."""

    n: int
    brier: float
    ece: float
    bins: tuple[Bin, ...]
    recalibrated: Recalibrated | None = None


def reliability(scored: Sequence[Scored]) -> Reliability | None:
    """None where scores are no probabilities, or where there are none."""
    if not scored or any(not 0 <= one.score <= 1 for one in scored):
        return None
    return Reliability(len(scored), brier(scored), ece(scored), bins(scored), recalibrated(scored))


def brier(scored: Sequence[Scored]) -> float:
    """Weighted mean of (score − outcome)². Brier (1950) Mon Weather Rev 78:1."""
    mass = sum(one.weight for one in scored)
    return sum(one.weight * (one.score - one.positive) ** 2 for one in scored) / mass


def ece(scored: Sequence[Scored], n_bins: int = BINS) -> float:
    """Σ share of the bin · |mean score − share of positives|, bins of equal width and closed on the right. Guo et al.
    (2017) ICML. It is biased upwards where bins hold few."""
    import numpy as np  # noqa: PLC0415 - slow import

    score, positive, weight = _columns(scored)
    # The last place of a decimal must not move a score over an edge: .3 is in the bin that ends at .3.
    place = np.clip(np.ceil(np.round(score * n_bins, 9)).astype(np.int64) - 1, 0, n_bins - 1)
    gaps = np.bincount(place, weights=weight * (score - positive), minlength=n_bins)
    return float(np.abs(gaps).sum() / weight.sum())


def bins(scored: Sequence[Scored], most: int = BINS) -> tuple[Bin, ...]:
    """At most so many of about equal counts; equal scores stay together."""
    ordered = sorted(scored, key=lambda one: one.score)
    wanted = max(1, min(most, len(ordered) // MIN_PER_BIN))
    found, begin = [], 0
    for number in range(1, wanted + 1):
        end = max(begin, round(number * len(ordered) / wanted))
        while 0 < end < len(ordered) and ordered[end].score == ordered[end - 1].score:
            end += 1
        if end > begin:
            found.append(_bin(ordered[begin:end]))
        begin = end
    return tuple(found)


def _bin(members: Sequence[Scored]) -> Bin:
    mass = sum(one.weight for one in members)
    rate = min(1.0, sum(one.weight for one in members if one.positive) / mass)
    n_effective = mass**2 / sum(one.weight**2 for one in members)
    mean = sum(one.weight * one.score for one in members) / mass
    return Bin(members[0].score, members[-1].score, mean, rate, wilson(rate, n_effective), len(members))


def recalibrated(scored: Sequence[Scored]) -> Recalibrated | None:
    """Cross-fitted: isotonic with more than 1,000 labels, else logistic (Platt 1999); neither with too few. Zadrozny &
    Elkan (2002) KDD."""
    import numpy as np  # noqa: PLC0415 - slow import

    score, positive, weight = _columns(scored)
    if min(positive.sum(), len(scored) - positive.sum()) < FOLDS or len(scored) < MIN_PLATT:
        return None
    isotonic_fits = len(scored) > MIN_ISOTONIC
    fold = np.random.default_rng(1).permutation(len(scored)) % FOLDS
    fitted = np.empty(len(scored))
    for one in range(FOLDS):
        rest, held = fold != one, fold == one
        if not 0 < positive[rest].sum() < rest.sum():
            return None
        fit = isotonic if isotonic_fits else platt
        fitted[held] = fit(score[rest], positive[rest], weight[rest], score[held])
    again = [Scored(float(p), one.positive, one.weight) for p, one in zip(fitted, scored, strict=True)]
    return Recalibrated("isotonic regression" if isotonic_fits else "logistic curve", brier(again), ece(again))


def isotonic(score: "Floats", positive: "Floats", weight: "Floats", at: "Floats") -> "Floats":
    """The rising steps that are nearest to the outcomes, at other scores."""
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - slow import

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    fitted: Floats = model.fit(score, positive, sample_weight=weight).predict(at)
    return fitted


def platt(score: "Floats", positive: "Floats", weight: "Floats", at: "Floats") -> "Floats":
    """1 / (1 + exp(−a − b·score)) at other scores."""
    import numpy as np  # noqa: PLC0415 - slow import

    a, b = logistic(score, positive, weight)
    fitted: Floats = 1 / (1 + np.exp(-np.clip(a + b * at, -700, 700)))
    return fitted


def logistic(score: "Floats", positive: "Floats", weight: "Floats") -> tuple[float, float]:
    """Intercept and slope of greatest likelihood by Newton's method, held back by a hair where scores tell the two
    kinds apart without error, since there is none then."""
    import numpy as np  # noqa: PLC0415 - slow import

    x = np.column_stack([np.ones(len(score)), score])
    mass = weight * len(weight) / weight.sum()
    found, ridge = np.zeros(2), 1e-9 * np.eye(2)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        slope = x.T @ (mass * (positive - p)) - ridge @ found
        step = np.linalg.solve((x * (mass * p * (1 - p))[:, None]).T @ x + ridge, slope)
        found = found + np.clip(step, -20, 20)
        if np.abs(step).max() < 1e-12:
            break
    return float(found[0]), float(found[1])


def _columns(scored: Sequence[Scored]) -> tuple["Floats", "Floats", "Floats"]:
    import numpy as np  # noqa: PLC0415 - slow import

    rows = np.array([(one.score, one.positive, one.weight) for one in scored], dtype=np.float64)
    return rows[:, 0], rows[:, 1], rows[:, 2]
