"""Two groups' corrected rates against each other. Intervals that overlap are no test."""

from dataclasses import dataclass

from labeling.stats.intervals import Interval, inverted_p_value, mover_difference
from labeling.stats.strata import Group, post_stratify
from labeling.stats.tiers import own_obstacle


@dataclass(frozen=True, slots=True)
class Difference:
    """First − second with its interval; the p-value is the smallest 1 − level whose interval leaves 0 out."""

    value: float
    limits: Interval
    p_value: float


def difference(first: Group, second: Group, level: float = 0.95) -> Difference | None:
    """None unless both groups' own labels suffice (tier A): what is not corrected is not compared."""
    if any(not group.judged or own_obstacle(group) for group in (first, second)):
        return None

    def interval(at: float) -> Interval:
        one, other = post_stratify(first, at), post_stratify(second, at)
        return mover_difference(one.centre, one.limits, other.centre, other.limits)

    centre = post_stratify(first, level).centre - post_stratify(second, level).centre
    return Difference(centre, interval(level), inverted_p_value(interval))
