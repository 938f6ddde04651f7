"""How well single raters answer: against what is known, against the others, against themselves, and how fast."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

from labeling.stats.agreement import Ratings
from labeling.stats.dawid_skene import Consensus, fitted
from labeling.stats.intervals import Interval, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

# Of transcripts with three ratings, for a fit of the raters' error rates.
MIN_TRIPLE = 10
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Share:
    """k of n with its Wilson interval; no value of nothing."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def limits(self) -> Interval | None:
        return wilson(self.k / self.n, self.n) if self.n else None


@dataclass(frozen=True, slots=True)
class Quality:
    """One rater's answers against a reference: how many are right, and of each true category how many."""

    right: Share
    by_truth: tuple[Share, ...]


def quality(given: Iterable[tuple[int, int]], q: int) -> Quality:
    """Of (answer, truth) pairs over q categories."""
    right, total = [0] * q, [0] * q
    for answer, truth in given:
        total[truth] += 1
        right[truth] += answer == truth
    return Quality(Share(sum(right), sum(total)), tuple(Share(k, n) for k, n in zip(right, total, strict=True)))


def others_majority(ratings: Ratings) -> "Whole":
    """For each rating what more than half of the other raters of its transcript say, at least two of them; −1 where
    they say no one thing. The rater's own answer is never part of it."""
    import numpy as np  # noqa: PLC0415 - slow import

    others = ratings.counts[ratings.item]
    others[np.arange(len(others)), ratings.category] -= 1
    n = others.sum(axis=1)
    most = others.argmax(axis=1) if len(others) else ratings.category
    return np.where((n >= 2) & (others.max(axis=1, initial=0) * 2 > n), most, NOBODY)


def against_the_others(ratings: Ratings) -> dict[int, Quality]:
    """By rater, against the majority of the others left to themselves."""
    import numpy as np  # noqa: PLC0415 - slow import

    truth = others_majority(ratings)
    q = len(ratings.categories)
    return {
        int(rater): quality(
            zip(
                ratings.category[own := (ratings.rater == rater) & (truth != NOBODY)].tolist(),
                truth[own].tolist(),
                strict=True,
            ),
            q,
        )
        for rater in np.unique(ratings.rater)
    }


def error_rates(ratings: Ratings) -> tuple[Consensus | None, str]:
    """Dawid & Skene's estimate of every rater's confusion, each row with one pseudo-count; or why there is none."""
    raters = int(ratings.rater.max()) + 1 if len(ratings.rater) else 0
    if raters < 3:
        return None, f"{raters or 'no'} rater{'s' if raters != 1 else ''}, 3 needed: two who differ may either be wrong"
    triple = int((ratings.counts.sum(axis=1) > 2).sum())
    if triple < MIN_TRIPLE:
        return None, f"{triple} transcript{'s' if triple != 1 else ''} with three ratings, {MIN_TRIPLE} needed"
    return fitted(ratings.item, ratings.rater, ratings.category, len(ratings.categories), pseudo=1.0), ""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds per transcript: the middle, the middle half, and how many went by suspiciously fast."""

    n: int
    low: float
    median: float
    high: float
    fast: int


def pace(seconds: Sequence[float], hasty: float) -> Pace | None:
    """`hasty` is the time in which nobody has read a transcript."""
    if not seconds:
        return None
    low, median, high = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 3
    return Pace(len(seconds), low, median, high, sum(one < hasty for one in seconds))
