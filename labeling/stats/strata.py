"""The core estimator: a rate from verdicts on all transcripts and people's labels on a probability sample.

The group's transcripts fall into verdict strata (flagged, unflagged, without verdict). In each the labels
give a weighted share; the shares are put together with the strata's known weights. It needs no assumption
about the judge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from labeling.stats.intervals import UNKNOWN, Interval, wilson, z_value

VERDICTS = ("flagged", "unflagged", "without verdict")


@dataclass(frozen=True, slots=True)
class Label:
    """One resolved answer on a drawn transcript.

    `pi` is the inclusion probability that the draw recorded; `share` is 1, or 1 / (size of the cell) when
    cells are to count equally. `positive` is None when the panel stayed unsure or the drawn item is
    unfinished.
    """

    positive: bool | None
    pi: float | None
    share: float = 1.0

    @property
    def weight(self) -> float:
        if self.pi is None:
            raise ValueError("A label without a recorded inclusion probability cannot enter a rate.")
        if not 0 < self.pi <= 1 or self.share <= 0:
            raise ValueError(f"No weight from an inclusion probability of {self.pi} and share {self.share}.")
        return self.share / self.pi


@dataclass(frozen=True, slots=True)
class Tally:
    """What the estimator needs to know of a stratum's labels; sums over weights w = share / π.

    A database may compute these sums itself. Missing answers are counted apart, never as negative.
    """

    n: int = 0
    n_positive: int = 0
    weight: float = 0.0
    weight_squares: float = 0.0
    weight_positive: float = 0.0
    n_missing: int = 0
    weight_missing: float = 0.0

    @property
    def rate(self) -> float | None:
        """Hájek's weighted share Σwy / Σw."""
        return min(1.0, self.weight_positive / self.weight) if self.n else None

    @property
    def n_effective(self) -> float:
        """Kish's effective number of labels (Σw)² / Σw²."""
        return self.weight**2 / self.weight_squares if self.n else 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.n + other.n,
            self.n_positive + other.n_positive,
            self.weight + other.weight,
            self.weight_squares + other.weight_squares,
            self.weight_positive + other.weight_positive,
            self.n_missing + other.n_missing,
            self.weight_missing + other.weight_missing,
        )


def tally(labels: Iterable[Label]) -> Tally:
    """Sum up labels; one without a recorded inclusion probability is refused."""
    n = n_positive = n_missing = 0
    weight = squares = positive = missing = 0.0
    for label in labels:
        w = label.weight
        if label.positive is None:
            n_missing, missing = n_missing + 1, missing + w
            continue
        n, weight, squares = n + 1, weight + w, squares + w * w
        if label.positive:
            n_positive, positive = n_positive + 1, positive + w
    return Tally(n, n_positive, weight, squares, positive, n_missing, missing)


@dataclass(frozen=True, slots=True)
class Stratum:
    """The transcripts of a group with one kind of verdict, and their labels.

    `share` and `share_squares` are the sums of the transcripts' shares and of their squares; both equal
    `size` where every transcript counts once.
    """

    size: int = 0
    labels: Tally = Tally()
    share: float | None = None
    share_squares: float | None = None

    def __post_init__(self) -> None:
        if self.labels.n + self.labels.n_missing > self.size:
            raise ValueError(f"{self.labels.n + self.labels.n_missing} labels on {self.size} transcripts.")

    @property
    def mass(self) -> float:
        return float(self.size) if self.share is None else self.share

    @property
    def mass_squares(self) -> float:
        return float(self.size) if self.share_squares is None else self.share_squares

    @property
    def fully_labelled(self) -> bool:
        return self.labels.n == self.size

    def __add__(self, other: "Stratum") -> "Stratum":
        return Stratum(
            self.size + other.size,
            self.labels + other.labels,
            self.mass + other.mass,
            self.mass_squares + other.mass_squares,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Any set of cells: its complete transcripts by verdict. Failed model calls are counted beside it."""

    flagged: Stratum = Stratum()
    unflagged: Stratum = Stratum()
    unjudged: Stratum = Stratum()

    def __add__(self, other: "Group") -> "Group":
        return Group(self.flagged + other.flagged, self.unflagged + other.unflagged, self.unjudged + other.unjudged)

    @property
    def strata(self) -> tuple[Stratum, Stratum, Stratum]:
        return self.flagged, self.unflagged, self.unjudged

    @property
    def size(self) -> int:
        return self.flagged.size + self.unflagged.size + self.unjudged.size

    @property
    def judged(self) -> int:
        return self.flagged.size + self.unflagged.size

    @property
    def labels(self) -> Tally:
        return self.flagged.labels + self.unflagged.labels + self.unjudged.labels


@dataclass(frozen=True, slots=True)
class StratumRate:
    """One stratum's part in an estimate: W_h, p_h and its Wilson limits ([0, 1] without labels)."""

    name: str
    size: int
    labels: Tally
    weight: float
    rate: float
    limits: Interval

    @property
    def labelled(self) -> bool:
        return self.labels.n > 0


@dataclass(frozen=True, slots=True)
class PostStratified:
    """The group's rate. `value` is missing where flagged or unflagged transcripts carry no label at all."""

    value: float | None
    centre: float
    limits: Interval
    bounds: Interval
    strata: tuple[StratumRate, ...]


def post_stratify(group: Group, level: float = 0.95) -> PostStratified:
    """Σ W_h p_h, with the strata's Wilson limits and the sampling of the transcripts put together by MOVER.

    Post-stratified Hájek estimator (Särndal, Swensson & Wretman 1992, 7.6), which for a yes/no judge is the
    tuned prediction-powered estimator (Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453). Limits: Zou &
    Donner (2008).
    """
    masses = [stratum.mass for stratum in group.strata]
    total, z = sum(masses), z_value(level)
    if not total:
        return PostStratified(None, 0.5, UNKNOWN, UNKNOWN, ())
    rates = _stratum_rates(group, [mass / total for mass in masses], level)
    centre = min(1.0, sum(part.weight * part.rate for part in rates))
    n_independent = total**2 / sum(stratum.mass_squares for stratum in group.strata)
    # For two strata this is W1 W0 (p1 - p0)² / N: the transcripts are themselves a sample of what the model
    # may do.
    spread = max(0.0, sum(part.weight * part.rate**2 for part in rates) - centre**2) / n_independent
    down = sqrt(sum((part.weight * (part.rate - part.limits.low)) ** 2 for part in rates) + z * z * spread)
    up = sqrt(sum((part.weight * (part.limits.high - part.rate)) ** 2 for part in rates) + z * z * spread)
    some = any(part.labelled for part in rates)
    known = some and all(part.labelled or not part.weight for part in rates[:2])
    return PostStratified(
        value=centre if known else None,
        centre=centre,
        limits=Interval(max(0.0, centre - down), min(1.0, centre + up)),
        bounds=_bounds(rates),
        strata=tuple(rates),
    )


def _stratum_rates(group: Group, weights: Sequence[float], level: float) -> list[StratumRate]:
    labelled = [(w, s.labels.rate) for w, s in zip(weights, group.strata, strict=True) if s.size]
    known = [(w, rate) for w, rate in labelled if rate is not None]
    mass = sum(w for w, _ in known)
    # Unlabelled transcripts without a verdict are given the rate of the others and limits of [0, 1];
    # unlabelled flagged or unflagged ones stand in the middle, and the group then has no point estimate.
    others = sum(w * rate for w, rate in known) / mass if mass else 0.5
    parts = []
    guesses = (0.5, 0.5, others)
    for name, stratum, weight, guess in zip(VERDICTS, group.strata, weights, guesses, strict=True):
        labels, rate = stratum.labels, stratum.labels.rate
        limits = UNKNOWN if rate is None else wilson(rate, labels.n_effective, level)
        parts.append(StratumRate(name, stratum.size, labels, weight, guess if rate is None else rate, limits))
    return parts


def _bounds(rates: Sequence[StratumRate]) -> Interval:
    """The estimate if every missing answer were negative, and if every one were positive."""
    low = high = 0.0
    for part in rates:
        labels = part.labels
        asked = labels.weight + labels.weight_missing
        if part.labelled:
            low += part.weight * labels.weight_positive / asked
            high += part.weight * (labels.weight_positive + labels.weight_missing) / asked
        else:
            high += part.weight
    return Interval(min(1.0, low), min(1.0, high))
