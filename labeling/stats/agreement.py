"""How far raters agree: percent, Fleiss, Krippendorff and Gwet, with a bootstrap over transcripts.

No coefficient says enough alone: where almost everything is negative, kappa and alpha may be near 0 at 94 %
agreement. Kappas of single pairs of raters are in `pairs`.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from labeling.stats.intervals import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

NO_VARIATION = "undefined: no variation"
NO_PAIRS = "undefined: no transcript has two ratings"
DRAWS = 2000
# Cells of a matrix that is held at once: 32 MB.
HELD = 4_000_000
# 1 − chance below this is rounding, not variation.
NOTHING = 1e-12

Rating: TypeAlias = Hashable | None


@dataclass(frozen=True, slots=True)
class Coefficient:
    """An agreement coefficient; nothing, and the reason, where it is not defined."""

    value: float | None
    reason: str = ""
    limits: Interval | None = None
    n_items: int = 0


@dataclass(frozen=True, eq=False)
class Ratings:
    """Who rated what: one entry per rating, of places in lists of transcripts, raters and declared categories (in
    their order), and one weight 1 / π per transcript.

    Weights enter through their proportions only: they are scaled to add up to the number of rated transcripts.
    """

    item: "Whole"
    rater: "Whole"
    category: "Whole"
    categories: Sequence[Hashable]
    weights: "Floats"

    @classmethod
    def of(
        cls, items: Sequence[Sequence[Rating]], categories: Sequence[Hashable], weights: Sequence[float] = ()
    ) -> "Ratings":
        """From one row per transcript with one place per rater; a missing rating is None."""
        import numpy as np  # noqa: PLC0415 - slow import

        if weights and len(weights) != len(items):
            raise ValueError("Every transcript needs a weight, or none has one.")
        place = {category: number for number, category in enumerate(categories)}
        given = [
            (i, r, place[rating]) for i, row in enumerate(items) for r, rating in enumerate(row) if rating is not None
        ]
        columns = np.array(given, dtype=np.int64).reshape(-1, 3).T
        mass = np.array(weights or [1.0] * len(items), dtype=np.float64)
        return cls(columns[0], columns[1], columns[2], categories, mass)

    @cached_property
    def counts(self) -> "Whole":
        """How many raters gave each transcript (row) each category (column)."""
        import numpy as np  # noqa: PLC0415 - slow import

        n, q = len(self.weights), len(self.categories)
        return np.bincount(self.item * q + self.category, minlength=n * q).reshape(n, q)

    @property
    def n_rated(self) -> int:
        return int((self.counts.sum(axis=1) > 0).sum())

    @property
    def n_paired(self) -> int:
        """Transcripts with at least two ratings."""
        return int((self.counts.sum(axis=1) > 1).sum())

    @cached_property
    def patterns(self) -> tuple["Whole", "Floats", "Whole"]:
        """Alike transcripts together: their counts, their weight, and how many they are. Unrated ones are left out."""
        import numpy as np  # noqa: PLC0415 - slow import

        rated = self.counts.sum(axis=1) > 0
        rows = np.column_stack([self.counts[rated], self.weights[rated]])
        found, times = np.unique(rows, axis=0, return_counts=True)
        return found[:, :-1].astype(np.int64), found[:, -1], times

    @cached_property
    def sums(self) -> "Sums":
        """Of the transcripts as they are, each once."""
        _, weights, times = self.patterns
        return _summed(self, (times * weights)[None], _features(self.patterns[0]))

    @property
    def prevalence(self) -> list[float]:
        """Mean share of each category, over all transcripts with a rating."""
        return [float(share) for share in _shares(self.sums)[0]] if len(self.item) else []


@dataclass(frozen=True, slots=True)
class Sums:
    """What all coefficients are made of, one row per redraw: sums over transcripts, each times its mass."""

    size: int  # rated transcripts
    paired: "Floats"  # mass of those with two ratings or more
    rated: "Floats"
    shares: "Floats"  # [category]: of a transcript's ratings
    paired_shares: "Floats"  # the same of those with two ratings or more
    pairs: "Floats"  # [category, category]: share of a transcript's pairs of ratings
    coincidences: "Floats"  # the same, each pair counting 1 / (ratings − 1): Krippendorff's o_ck


Statistic: TypeAlias = Callable[[Sums], "Floats"]


def percent_agreement(sums: Sums) -> "Floats":
    """Mean over transcripts of Σ_c n_c (n_c − 1) / (n (n − 1))."""
    return _ratio(sums.pairs.trace(axis1=1, axis2=2), sums.paired)


def fleiss_kappa(sums: Sums) -> "Floats":
    """(p_o − p_e) / (1 − p_e) with p_e = Σ π_c². Fleiss (1971) Psychol Bull 76:378."""
    return _corrected(percent_agreement(sums), (_shares(sums) ** 2).sum(axis=1))


def paired_fleiss_kappa(sums: Sums) -> "Floats":
    """The same with π_c of the transcripts with two ratings or more, as alpha has it. A single answer agrees with
    nobody: counted for chance, it would make the two contradict each other where such transcripts are different."""
    import numpy as np  # noqa: PLC0415 - slow import

    paired = np.broadcast_to(sums.paired[:, None], sums.paired_shares.shape)
    shares = _ratio(sums.paired_shares, paired)
    return _corrected(percent_agreement(sums), (shares**2).sum(axis=1))


def gwet_ac1(sums: Sums) -> "Floats":
    """The same with p_e = Σ π_c (1 − π_c) / (q − 1), q declared categories. Gwet (2008) Br J Math Stat Psychol
    61:29."""
    import numpy as np  # noqa: PLC0415 - slow import

    return _gwet(sums, np.eye(sums.shares.shape[1]))


def gwet_ac2(sums: Sums) -> "Floats":
    """AC1 for ordered categories: near ratings agree in part, by ordinal weights. Gwet (2014) Handbook of
    Inter-Rater Reliability, 4th ed., chapter 3.5."""
    return _gwet(sums, ordinal_weights(sums.shares.shape[1]))


def krippendorff_alpha(sums: Sums) -> "Floats":
    """1 − D_o / D_e, nominal; any number of raters, missing ratings. Krippendorff (2011), "Computing
    Krippendorff's alpha-reliability"."""
    import numpy as np  # noqa: PLC0415 - slow import

    return _alpha(sums, 1 - np.eye(sums.shares.shape[1])[None])


def ordinal_alpha(sums: Sums) -> "Floats":
    """Alpha for ordered categories: their distance is the square of how many ratings lie between them, of both
    ends the half."""
    totals = sums.coincidences.sum(axis=2)
    middle = totals.cumsum(axis=1) - totals / 2
    return _alpha(sums, (middle[:, :, None] - middle[:, None, :]) ** 2)


def ordinal_weights(q: int) -> "Floats":
    """1 − C(|c − k| + 1, 2) / C(q, 2): 1 for the same category, 0 for the two ends. Gwet (2014), 3.5."""
    import numpy as np  # noqa: PLC0415 - slow import

    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q)))
    weights: Floats = 1 - apart * (apart + 1) / max(1, q * (q - 1))
    return weights


def value(statistic: Statistic, ratings: Ratings) -> float | None:
    """A statistic alone; None where it is not defined."""
    return coefficient(statistic, ratings, draws=0).value


def coefficient(
    statistic: Statistic, ratings: Ratings, level: float = 0.95, draws: int = DRAWS, seed: int = 1
) -> Coefficient:
    """A statistic of the ratings with a percentile interval from redrawing transcripts (Zapf et al. 2016, BMC
    Med Res Methodol 16:93). `draws=0` leaves the interval out."""
    return coefficients({"": statistic}, ratings, level, draws, seed)[""]


def coefficients(
    statistics: Mapping[str, Statistic], ratings: Ratings, level: float = 0.95, draws: int = DRAWS, seed: int = 1
) -> dict[str, Coefficient]:
    """Several statistics of the same ratings, from the same redraws."""
    n = ratings.n_paired
    if not n:
        return {name: Coefficient(None, NO_PAIRS) for name in statistics}
    import numpy as np  # noqa: PLC0415 - slow import

    values = {name: float(statistic(ratings.sums)[0]) for name, statistic in statistics.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in statistics}
    for sums in _redrawn(ratings, draws, seed) if draws else ():
        for name, statistic in statistics.items():
            drawn[name].append(statistic(sums))
    return {
        name: Coefficient(None, NO_VARIATION, n_items=n)
        if np.isnan(value)
        else Coefficient(value, limits=percentiles(np.concatenate(drawn[name]), level) if draws else None, n_items=n)
        for name, value in values.items()
    }


def percentiles(values: "Floats", level: float) -> Interval | None:
    """The interval that holds the middle of the redraws; none where most redraws leave the statistic undefined."""
    import numpy as np  # noqa: PLC0415 - slow import

    known = values[~np.isnan(values)]
    if len(known) < len(values) / 2:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def redraws(times: "Whole", draws: int, seed: int) -> "Iterator[Whole]":
    """How often each pattern is drawn, some redraws at a time, where `times` says how many transcripts it has."""
    import numpy as np  # noqa: PLC0415 - slow import

    rng = np.random.default_rng(seed)
    n, patterns = int(times.sum()), len(times)
    of = np.repeat(np.arange(patterns), times)
    step = max(1, HELD // n)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        if patterns * 8 < n:
            yield rng.multinomial(n, times / n, size=rows)
        else:
            found = of[rng.integers(0, n, size=(rows, n))] + np.arange(rows)[:, None] * patterns
            yield np.bincount(found.ravel(), minlength=rows * patterns).reshape(rows, patterns)


def _redrawn(ratings: Ratings, draws: int, seed: int) -> Iterator[Sums]:
    features = _features(ratings.patterns[0])
    for times in redraws(ratings.patterns[2], draws, seed):
        yield _summed(ratings, times * ratings.patterns[1], features)


def _features(counts: "Whole") -> "Floats":
    """Per pattern what is summed, one column each, in the order of `Sums`."""
    import numpy as np  # noqa: PLC0415 - slow import

    rows, q = counts.shape
    n = counts.sum(axis=1)
    together = (counts[:, :, None] * (counts[:, None, :] - np.eye(q, dtype=np.int64))).reshape(rows, q * q)
    coincidences = together / np.maximum(n - 1, 1)[:, None]
    shares = counts / n[:, None]
    columns = [n > 1, n > 0, shares, shares * (n > 1)[:, None], coincidences / n[:, None], coincidences]
    return np.column_stack(columns).astype(np.float64)


def _summed(ratings: Ratings, mass: "Floats", features: "Floats") -> Sums:
    q = len(ratings.categories)
    whole = mass @ features
    shares, paired_shares = whole[:, 2 : 2 + q], whole[:, 2 + q : 2 + 2 * q]
    pairs, coincidences = (whole[:, 2 + 2 * q :].reshape(len(mass), 2, q, q)[:, place] for place in (0, 1))
    return Sums(ratings.n_rated, whole[:, 0], whole[:, 1], shares, paired_shares, pairs, coincidences)


def _shares(sums: Sums) -> "Floats":
    return sums.shares / sums.rated[:, None]


def _gwet(sums: Sums, weights: "Floats") -> "Floats":
    import numpy as np  # noqa: PLC0415 - slow import

    q = len(weights)
    if q < 2:
        return np.full(len(sums.paired), np.nan)
    shares = _shares(sums)
    by_chance = weights.sum() / (q * (q - 1)) * (shares * (1 - shares)).sum(axis=1)
    return _corrected(_ratio((sums.pairs * weights).sum(axis=(1, 2)), sums.paired), by_chance)


def _alpha(sums: Sums, distance: "Floats") -> "Floats":
    # Weights that add up to the number of transcripts, so that n is a number of ratings.
    scale = sums.size / sums.rated
    totals = sums.coincidences.sum(axis=2) * scale[:, None]
    n = totals.sum(axis=1)
    observed = (sums.coincidences * distance).sum(axis=(1, 2)) * scale
    expected = (totals[:, :, None] * totals[:, None, :] * distance).sum(axis=(1, 2))
    # What all ratings in two halves, as far apart as they get, would give.
    most = n * n * distance.max(axis=(1, 2))
    return 1 - _ratio(observed * (n - 1), expected, least=NOTHING * most)


def _corrected(observed: "Floats", by_chance: "Floats") -> "Floats":
    return _ratio(observed - by_chance, 1 - by_chance, least=NOTHING)


def _ratio(above: "Floats", below: "Floats", least: "Floats | float" = 0.0) -> "Floats":
    """above / below, not a number where nothing is below."""
    import numpy as np  # noqa: PLC0415 - slow import

    return np.divide(above, below, out=np.full_like(below, np.nan), where=below > least)
