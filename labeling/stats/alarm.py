"""Whether a group's own labels contradict what is modelled for it from others: the judge errs differently there."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from labeling.stats.intervals import z_value
from labeling.stats.noise import NoiseMap, to_panel
from labeling.stats.rogan_gladen import judge_rates, rogan_gladen
from labeling.stats.strata import Group, post_stratify
from labeling.stats.tiers import Calibration, modelled_obstacle, own_obstacle

# False discovery rate inside the family of models.
ALARM = 0.1


def contradiction(parts: Sequence[tuple[Group, Calibration]], noise: NoiseMap) -> float | None:
    """The p-value of |A − B| / SE, where A is the corrected rate of all parts together and B what their calibration
    groups would make of them. None where either cannot be told. The labels of the group are among those of its
    calibration groups, which makes the test a little too mild."""
    whole = sum((group for group, _ in parts), start=Group())
    if own_obstacle(whole) or any(modelled_obstacle(calibration, noise) for _, calibration in parts):
        return None
    own = post_stratify(whole)
    z = z_value(0.95)
    modelled = variance = 0.0
    judged = sum(group.flagged.mass + group.unflagged.mass for group, _ in parts)
    for group, calibration in parts:
        mass = group.flagged.mass + group.unflagged.mass
        judge = judge_rates(calibration.group, noise)
        if not mass or judge is None:
            continue
        squares = group.flagged.mass_squares + group.unflagged.mass_squares
        found = rogan_gladen(group.flagged.mass / mass, mass**2 / squares, judge)
        panel = to_panel(found.value, found.limits, noise)
        modelled += mass / judged * panel.value
        variance += (mass / judged * panel.limits.width / (2 * z)) ** 2
    error = sqrt((own.limits.width / (2 * z)) ** 2 + variance)
    return 2 * NormalDist().cdf(-abs(own.centre - modelled) / error) if error else None
