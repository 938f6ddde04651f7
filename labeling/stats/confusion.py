"""A judge against the panel: the weighted two-by-two table and what follows from it, with intervals."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from labeling.stats.intervals import Interval, wilson

# (verdict, resolution) of TP, FP, FN and TN.
CELLS = ((True, True), (True, False), (False, True), (False, False))
NAMES = ("balanced accuracy", "F1", "MCC", "LR+", "LR−")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One transcript's verdict and resolution, either of which may be missing, with its weight 1 / π."""

    verdict: bool | None
    resolution: bool | None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Cell:
    """Transcripts with one verdict and one resolution."""

    n: int = 0
    weight: float = 0.0
    weight_squares: float = 0.0

    def __add__(self, other: "Cell") -> "Cell":
        return Cell(self.n + other.n, self.weight + other.weight, self.weight_squares + other.weight_squares)


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with its interval; nothing, and the reason, where the table does not define it."""

    value: float | None
    limits: Interval | None = None
    n: int = 0
    n_effective: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Confusion:
    """The four cells, and beside them what could not be compared."""

    tp: Cell
    fp: Cell
    fn: Cell
    tn: Cell
    n_without_verdict: int
    n_without_resolution: int
    # How many compared transcripts have each (verdict, resolution, weight); what the bootstrap draws from.
    patterns: tuple[tuple[tuple[bool, bool, float], int], ...]

    @property
    def n(self) -> int:
        return self.tp.n + self.fp.n + self.fn.n + self.tn.n


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """Proportions carry Wilson intervals on the effective number; the others a bootstrap over transcripts."""

    sensitivity: Measure
    specificity: Measure
    ppv: Measure
    npv: Measure
    accuracy: Measure
    balanced_accuracy: Measure
    f1: Measure
    mcc: Measure
    positive_likelihood_ratio: Measure
    negative_likelihood_ratio: Measure


def confusion(comparisons: Iterable[Comparison]) -> Confusion:
    """Count verdicts against resolutions. A missing verdict or resolution is missing, never negative.

    Transcripts that lack both are counted as without verdict.
    """
    patterns: Counter[tuple[bool, bool, float]] = Counter()
    no_verdict = no_resolution = 0
    for one in comparisons:
        if one.verdict is None:
            no_verdict += 1
        elif one.resolution is None:
            no_resolution += 1
        elif one.weight <= 0:
            raise ValueError(f"A weight is positive, not {one.weight}.")
        else:
            patterns[one.verdict, one.resolution, one.weight] += 1
    cells = dict.fromkeys(CELLS, Cell())
    for (verdict, truth, weight), n in patterns.items():
        cells[verdict, truth] += Cell(n, n * weight, n * weight * weight)
    return Confusion(
        tp=cells[True, True],
        fp=cells[True, False],
        fn=cells[False, True],
        tn=cells[False, False],
        n_without_verdict=no_verdict,
        n_without_resolution=no_resolution,
        patterns=tuple(sorted(patterns.items())),
    )


def quality(table: Confusion, level: float = 0.95, draws: int = 2000, seed: int = 1) -> JudgeQuality:
    """Sensitivity, specificity, predictive values, accuracy, balanced accuracy, F1, MCC and likelihood
    ratios. `draws=0` leaves out the bootstrap's intervals.

    Altman & Bland (1994) BMJ 308:1552, 309:102 and 309:188; Matthews (1975) BBA 405:442.
    """
    tp, fp, fn, tn = table.tp, table.fp, table.fn, table.tn
    composite = _bootstrapped(table, level, draws, seed)
    return JudgeQuality(
        sensitivity=_proportion(tp, fn, "no transcript resolved positive", level),
        specificity=_proportion(tn, fp, "no transcript resolved negative", level),
        ppv=_proportion(tp, fp, "no transcript flagged", level),
        npv=_proportion(tn, fn, "no transcript unflagged", level),
        accuracy=_proportion(tp + tn, fp + fn, "nothing to compare", level),
        balanced_accuracy=composite[0],
        f1=composite[1],
        mcc=composite[2],
        positive_likelihood_ratio=composite[3],
        negative_likelihood_ratio=composite[4],
    )


def _proportion(hit: Cell, miss: Cell, undefined: str, level: float) -> Measure:
    whole = hit + miss
    if not whole.n:
        return Measure(None, reason=f"undefined: {undefined}")
    p = min(1.0, hit.weight / whole.weight)
    n_effective = whole.weight**2 / whole.weight_squares
    return Measure(p, wilson(p, n_effective, level), whole.n, n_effective)


def composites(tp: float, fp: float, fn: float, tn: float) -> tuple[float | None, ...]:
    """Balanced accuracy, F1, MCC, LR+ and LR−, each missing where its denominator is 0."""
    positive, negative, flagged, unflagged = tp + fn, tn + fp, tp + fp, tn + fn
    both = positive and negative
    spread = positive * negative * flagged * unflagged
    return (
        (tp / positive + tn / negative) / 2 if both else None,
        2 * tp / (2 * tp + fp + fn) if 2 * tp + fp + fn else None,
        (tp * tn - fp * fn) / sqrt(spread) if spread else None,
        (tp / positive) / (fp / negative) if both and fp else None,
        (fn / positive) / (tn / negative) if both and tn else None,
    )


def _bootstrapped(table: Confusion, level: float, draws: int, seed: int) -> list[Measure]:
    values = composites(table.tp.weight, table.fp.weight, table.fn.weight, table.tn.weight)
    limits = _percentiles(table, level, draws, seed) if table.n and draws else [None] * len(values)
    return [
        Measure(None, reason=f"undefined: {name} divides by an empty cell")
        if value is None
        else Measure(value, interval, table.n)
        for name, value, interval in zip(NAMES, values, limits, strict=True)
    ]


def _percentiles(table: Confusion, level: float, draws: int, seed: int) -> list[Interval | None]:
    """Percentile intervals from redrawing transcripts; draws in which a measure is undefined are left out of
    it.
    """
    import numpy as np  # noqa: PLC0415 - slow import

    counts = np.array([n for _, n in table.patterns], dtype=np.float64)
    times = np.random.default_rng(seed).multinomial(table.n, counts / counts.sum(), size=draws)
    mass = times * np.array([weight for (_, _, weight), _ in table.patterns])
    kinds = [(verdict, truth) for (verdict, truth, _), _ in table.patterns]
    cells = [mass[:, [kind == cell for kind in kinds]].sum(axis=1).tolist() for cell in CELLS]
    drawn = [composites(*sums) for sums in zip(*cells, strict=True)]
    return [_middle([row[m] for row in drawn], level) for m in range(len(NAMES))]


def _middle(values: Sequence[float | None], level: float) -> Interval | None:
    known = sorted(value for value in values if value is not None)
    if len(known) < len(values) / 2:
        return None
    last = len(known) - 1
    tail = (1 - level) / 2
    return Interval(known[round(tail * last)], known[round((1 - tail) * last)])
