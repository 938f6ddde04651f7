"""How many labels a rate needs for a wished half-width, and how they are best shared out among verdict strata.

The core estimator answers for itself: a plan is long enough when the interval that it would show is short
enough. Neyman's formula says where to look, and is what the published values are about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, fsum, inf, sqrt

from labeling.stats.intervals import wilson, z_value
from labeling.stats.sampling import MINIMUM_PER_STRATUM, SampledStratum, neyman_allocation
from labeling.stats.strata import VERDICTS, Group, Stratum, Tally, post_stratify
from labeling.stats.tiers import MIN_LABELS

# What a panel is expected to say before there is any label: the rates whose spreads √(p(1−p)) are
# `sampling.PLANNING_SPREAD`, .40 and .17.
PLANNING_RATE = {"flagged": 0.80, "unflagged": 0.03, "without verdict": 0.80}
# Answers that the planning rate counts as much as.
PRIOR = 10
# From so many answers on, the upper limit of the misses is nearer the truth than what is planned without any.
ENOUGH = 30
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Part:
    """A stratum of a draw: of which verdict, how many transcripts, and how many of them are drawn already."""

    verdict: str
    size: int
    drawn: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many of each part are to be drawn in the end, the half-width that is then foreseen, and how many labels of a
    plain random sample these are worth.

    Where the wish cannot be met, the numbers are all that there is, and `foreseen` is the best half-width.
    """

    numbers: tuple[int, ...]
    foreseen: float
    worth: float
    reached: bool


def labels_for_rate(p: float, half_width: float, level: float = 0.95) -> float:
    """(z/h)² p(1−p): labels for a rate that rests on a simple random sample alone. Cochran (1977), 4.4."""
    return (z_value(level) / half_width) ** 2 * p * (1 - p)


def labels_by_neyman(
    weights: Sequence[float], rates: Sequence[float], size: float, half_width: float, level: float = 0.95
) -> float:
    """n = (Σ W_h S_h)² / ((h/z)² − v), with S_h = √(p_h(1−p_h)) and v = (ΣW_h p_h² − (ΣW_h p_h)²)/N, which for two
    strata is W₁W₀(p₁−p₀)²/N. Infinite where N transcripts vary more than that by themselves.

    Neyman (1934) JRSS 97:558; Cochran (1977) Sampling Techniques, 5.5.
    """
    room = (half_width / z_value(level)) ** 2 - between(weights, rates) / size
    spread = fsum(w * sqrt(p * (1 - p)) for w, p in zip(weights, rates, strict=True))
    return spread**2 / room if room > 0 else inf


def labels_shared_equally(
    weights: Sequence[float], rates: Sequence[float], size: float, half_width: float, level: float = 0.95
) -> float:
    """The same where every stratum gets as many: n = k Σ W_h² S_h² / ((h/z)² − v)."""
    room = (half_width / z_value(level)) ** 2 - between(weights, rates) / size
    squares = fsum(w * w * p * (1 - p) for w, p in zip(weights, rates, strict=True))
    return len(weights) * squares / room if room > 0 else inf


def between(weights: Sequence[float], rates: Sequence[float]) -> float:
    """Σ W_h p_h² − (Σ W_h p_h)²: how much of a transcript's variance lies between the strata."""
    mean = fsum(w * p for w, p in zip(weights, rates, strict=True))
    return max(0.0, fsum(w * p * p for w, p in zip(weights, rates, strict=True)) - mean**2)


def labels_before_data(half_width: float) -> int:
    """About .2/h² labels in a group, the rule that the simulation of docs/statistics.md found."""
    return ceil(0.2 / half_width**2 - 1e-9)


def labels_for_difference(p1: float, p2: float, power: float = POWER, level: float = 0.95) -> float:
    """Labels per group that tell two rates apart by labels alone, with a normal test of two proportions.

    As R's `power.prop.test`: Fleiss, Levin & Paik (2003) Statistical Methods for Rates and Proportions, 4.2.
    """
    if p1 == p2:
        return inf
    mean, second = (p1 + p2) / 2, z_value(2 * power - 1)
    apart = z_value(level) * sqrt(2 * mean * (1 - mean)) + second * sqrt(p1 * (1 - p1) + p2 * (1 - p2))
    return (apart / (p1 - p2)) ** 2


def half_width_for_difference(difference: float, power: float = POWER, level: float = 0.95) -> float:
    """The half-width that each of two rates needs, so that a difference of this size is told with this power.

    The difference has the error √2·h/z, and is told where it is z + z_power of these; both rates are taken to be
    known equally well.
    """
    z = z_value(level)
    return abs(difference) * z / ((z + z_value(2 * power - 1)) * sqrt(2))


def planning_rates(labels: Mapping[str, Tally], level: float = 0.95) -> dict[str, float]:
    """What each stratum's share of positives is taken for: what its labels say, shrunk to the planning rate.

    Misses are rare, and a few labels without any say little: from 30 labels on, the unflagged are planned with the
    upper limit of their rate.
    """
    found = {}
    for verdict in VERDICTS:
        of_stratum = labels.get(verdict, Tally())
        rate, n = of_stratum.rate or 0.0, of_stratum.n_effective
        planned = PLANNING_RATE[verdict]
        shrunk = (PRIOR * planned + n * rate) / (PRIOR + n)
        if verdict == "unflagged":
            found[verdict] = wilson(rate, n, level).high if n >= ENOUGH else max(planned, shrunk)
        else:
            found[verdict] = shrunk
    return found


def spread(rate: float) -> float:
    """√(p(1−p)), never 0: where nothing varies, something is drawn all the same."""
    return max(0.01, sqrt(rate * (1 - rate)))


def foreseen(parts: Sequence[Part], numbers: Sequence[int], rates: Mapping[str, float], level: float = 0.95) -> float:
    """Half the interval that the core estimator shows with so many labels of each part, at these rates."""
    strata = []
    for verdict in VERDICTS:
        pairs = [(part.size, n) for part, n in zip(parts, numbers, strict=True) if part.verdict == verdict]
        size, n = sum(size for size, _ in pairs), sum(n for _, n in pairs)
        if not n:
            strata.append(Stratum(size))
            continue
        # Each label weighs 1 / π = size / n of its part; a part without labels is taken for like the rest.
        weight = float(sum(size for size, n in pairs if n))
        squares = fsum(size * size / n for size, n in pairs if n)
        tally = Tally(n, round(rates[verdict] * n), weight, squares, rates[verdict] * weight)
        strata.append(Stratum(size, tally))
    return post_stratify(Group(*strata), level).limits.width / 2


def worth(parts: Sequence[Part], numbers: Sequence[int]) -> float:
    """Kish's effective number of so many labels of each part, as `Estimate.n_effective` will have it."""
    pairs = [(part.size, n) for part, n in zip(parts, numbers, strict=True) if n]
    return sum(size for size, _ in pairs) ** 2 / fsum(size * size / n for size, n in pairs) if pairs else 0.0


def plan(
    parts: Sequence[Part],
    rates: Mapping[str, float],
    half_width: float,
    minimum: int = MINIMUM_PER_STRATUM,
    level: float = 0.95,
) -> Plan:
    """The fewest draws, shared out by Neyman, with which the half-width is foreseen, and which tier A asks for.

    No draw is taken back, and no part gives more than it holds: the rest then comes from the others.
    """
    strata = [SampledStratum(part.size, spread(rates[part.verdict]), part.drawn) for part in parts]
    fewest, most = sum(stratum.least(minimum) for stratum in strata), sum(part.size for part in parts)

    def of(total: int) -> Plan:
        numbers = neyman_allocation(strata, total, minimum)
        found, equal_to = foreseen(parts, numbers, rates, level), worth(parts, numbers)
        return Plan(tuple(numbers), found, equal_to, found <= half_width and equal_to >= MIN_LABELS - 1e-9)

    best = of(most)
    low, high = fewest - 1, most
    while best.reached and high - low > 1:
        middle = (low + high) // 2
        tried = of(middle)
        if tried.reached:
            best, high = tried, middle
        else:
            low = middle
    return best
