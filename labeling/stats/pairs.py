"""Cohen's kappa of every two raters, and its mean over pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, factorial, isnan
from typing import TYPE_CHECKING

from labeling.stats.agreement import DRAWS, HELD, NO_PAIRS, NO_VARIATION, Coefficient, Ratings, percentiles, redraws
from labeling.stats.intervals import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Small = NDArray[np.uint8]
    Whole = NDArray[np.int64]


# With more raters than this, pairs that share fewer transcripts than that are left out: most kappas of two or three
# transcripts are 0 by arithmetic, and a mean of many of them is as well.
FEW_RATERS = 10
MIN_SHARED = 10
# So many transcripts are redrawn each by itself.
MANY = 2000
TOO_FEW_SHARED = f"undefined: no two raters share {MIN_SHARED} transcripts"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two raters (their places), how many transcripts both rated, and their kappa."""

    first: int
    second: int
    n: int
    kappa: Coefficient


@dataclass(frozen=True, slots=True)
class Pairs:
    """Mean over the pairs whose kappa is defined, each weighing as much as the transcripts that it shares (Light
    1971, Psychol Bull 76:365, where all raters rate everything)."""

    mean: Coefficient
    pairs: tuple[Pair, ...]
    left_out: int = 0

    @property
    def undefined(self) -> int:
        return sum(pair.kappa.value is None for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class _Partners:
    """One rater and those who rated some of the same transcripts: which these are, and per transcript and partner
    what is summed: disagreement, and one column per category for either rater."""

    rater: int
    partners: "Whole"
    items: "Whole"
    shared: "Whole"
    left_out: int
    features: "Floats"


def cohen_kappas(
    ratings: Ratings,
    distance: "Sequence[Sequence[float]] | Floats | None" = None,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 1,
) -> Pairs:
    """(p_o − p_e) / (1 − p_e), chance from each rater's own shares. Cohen (1960) Educ Psychol Meas 20:37.

    With a distance of categories it is 1 − Σ v p_o / Σ v p_e. Cohen (1968) Psychol Bull 70:213. Intervals come from
    redrawing transcripts. That of the mean is moved by the mean bias of the redraws: kappa of few transcripts is
    biased towards 0, and redraws have fewer different ones.
    """
    import numpy as np  # noqa: PLC0415 - slow import

    apart = 1 - np.eye(len(ratings.categories)) if distance is None else np.asarray(distance, dtype=np.float64)
    rated, item = np.unique(ratings.item, return_inverse=True)
    weights = ratings.weights[rated]
    # Of many transcripts the interval is narrow, and half as many redraws tell its ends as well as anybody reads them.
    draws = draws if len(rated) < MANY else draws // 2
    times = _all_redraws(len(rated), draws, seed)
    pairs: list[Pair] = []
    total, redrawn = _Mean(1), _Mean(draws)
    least = MIN_SHARED if len(np.unique(ratings.rater)) > FEW_RATERS else 1
    left_out = 0
    for one in _partners(ratings, item, apart, least):
        left_out += one.left_out
        values, masses = _kappas(weights[one.items][None], one.features, apart)
        total.add(values, masses)
        again = None
        if draws:
            again, moved = _redrawn(times, weights, one, apart)
            redrawn.add(again, moved)
        for place, partner in enumerate(one.partners):
            limits = percentiles(again[:, place], level) if again is not None else None
            kappa = _coefficient(float(values[0, place]), int(one.shared[place]), limits)
            pairs.append(Pair(one.rater, int(partner), int(one.shared[place]), kappa))
    if left_out and not pairs:
        return Pairs(Coefficient(None, TOO_FEW_SHARED, n_items=ratings.n_paired), (), left_out)
    value = float(total.values[0])
    limits = _centred(redrawn.values, value, level) if draws and not isnan(value) else None
    return Pairs(_coefficient(value, ratings.n_paired, limits), tuple(pairs), left_out)


def _centred(redrawn: "Floats", value: float, level: float) -> Interval | None:
    import numpy as np  # noqa: PLC0415 - slow import

    limits = percentiles(redrawn, level)
    if limits is None:
        return None
    bias = float(np.nanmean(redrawn)) - value
    return Interval(max(-1.0, limits.low - bias), min(1.0, limits.high - bias))


class _Mean:
    """A weighted mean over what is defined, for each redraw."""

    def __init__(self, draws: int) -> None:
        import numpy as np  # noqa: PLC0415 - slow import

        self.above, self.below = np.zeros(draws), np.zeros(draws)

    def add(self, values: "Floats", masses: "Floats") -> None:
        import numpy as np  # noqa: PLC0415 - slow import

        known = ~np.isnan(values)
        self.above += np.where(known, values * masses, 0.0).sum(axis=1)
        self.below += np.where(known, masses, 0.0).sum(axis=1)

    @property
    def values(self) -> "Floats":
        import numpy as np  # noqa: PLC0415 - slow import

        return np.divide(self.above, self.below, out=np.full_like(self.above, np.nan), where=self.below > 0)


def _all_redraws(n: int, draws: int, seed: int) -> "Small":
    """How often each transcript (row) is drawn, in one byte each: 20 MB for 10,000.

    Of many, each is drawn a Poisson number of times of its own, to which drawing n of n comes down: the number drawn
    then varies by 1/√n, and no statistic here depends on it. Hanley and MacGibbon (2006) Comput Methods Programs
    Biomed 83:57.
    """
    import numpy as np  # noqa: PLC0415 - slow import

    if not draws or not n:
        return np.zeros((n, draws), dtype=np.uint8)
    if n < MANY:
        drawn = redraws(np.ones(n, dtype=np.int64), draws, seed)
        return np.ascontiguousarray(np.concatenate([part.astype(np.uint8) for part in drawn]).T)
    up_to = np.cumsum([exp(-1) / factorial(times) for times in range(9)])
    of_uniform = np.searchsorted(up_to, (np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.uint8)
    return of_uniform[np.random.default_rng(seed).integers(0, 1 << 16, size=(n, draws), dtype=np.uint16)]


def _partners(ratings: Ratings, item: "Whole", apart: "Floats", least: int) -> "Iterator[_Partners]":
    """Every rater with those of a higher place who share at least so many transcripts."""
    import numpy as np  # noqa: PLC0415 - slow import

    q = len(apart)
    order = np.argsort(item, kind="stable")
    item, rater, category = item[order], ratings.rater[order], ratings.category[order]
    begins = np.searchsorted(item, np.arange(item[-1] + 2)) if len(item) else np.zeros(1, dtype=np.int64)
    for one in np.unique(rater):
        own = np.flatnonzero(rater == one)
        first, sizes = begins[item[own]], begins[item[own] + 1] - begins[item[own]]
        # Every rating of every transcript that this rater rated, beside the rater's own.
        mine = np.repeat(np.arange(len(own)), sizes)
        theirs = np.repeat(first - np.r_[0, sizes.cumsum()[:-1]], sizes) + np.arange(sizes.sum())
        later = rater[theirs] > one
        mine, theirs = mine[later], theirs[later]
        partners, column, shared = np.unique(rater[theirs], return_inverse=True, return_counts=True)
        enough = shared[column] >= least
        mine, theirs = mine[enough], theirs[enough]
        left_out = int((shared < least).sum())
        partners, column, shared = np.unique(rater[theirs], return_inverse=True, return_counts=True)
        features = np.zeros((len(own), len(partners), 1 + 2 * q))
        a, b = category[own[mine]], category[theirs]
        features[mine, column, 0] = apart[a, b]
        features[mine, column, 1 + a] = 1
        features[mine, column, 1 + q + b] = 1
        yield _Partners(int(one), partners, item[own], shared, left_out, features.reshape(len(own), -1))


def _kappas(mass: "Floats | Singles", features: "Floats | Singles", apart: "Floats") -> tuple["Floats", "Floats"]:
    """Kappa with each partner and the mass of what they share, a row per redraw; not a number without variation."""
    import numpy as np  # noqa: PLC0415 - slow import

    q = len(apart)
    sums = (mass @ features).reshape(len(mass), features.shape[1] // (1 + 2 * q), 1 + 2 * q)
    rows, columns = sums[:, :, 1 : 1 + q], sums[:, :, 1 + q :]
    n = rows.sum(axis=2)
    expected = ((rows @ apart.astype(sums.dtype)) * columns).sum(axis=2)
    # Redraws are of single precision; a whole rating apart is far above either's rounding.
    rounding = 1e-9 if sums.dtype == np.float64 else 1e-6
    varies = expected > rounding * n * n * apart.max()
    kappa = 1 - np.divide(sums[:, :, 0] * n, expected, out=np.full_like(n, np.nan), where=varies)
    return kappa, n


def _redrawn(times: "Small", weights: "Floats", one: _Partners, apart: "Floats") -> tuple["Floats", "Floats"]:
    """The same for all redraws, of which some are held at once."""
    import numpy as np  # noqa: PLC0415 - slow import

    single, features = weights[one.items].astype(np.float32), one.features.astype(np.float32)
    step = max(1, HELD // len(one.items))
    draws = times.shape[1]
    own = times[one.items]
    parts = [_kappas((own[:, at : at + step] * single[:, None]).T, features, apart) for at in range(0, draws, step)]
    return np.concatenate([kappas for kappas, _ in parts]), np.concatenate([masses for _, masses in parts])


def _coefficient(value: float, n: int, limits: Interval | None) -> Coefficient:
    if isnan(value):
        return Coefficient(None, NO_VARIATION if n else NO_PAIRS, n_items=n)
    return Coefficient(value, limits=limits, n_items=n)
