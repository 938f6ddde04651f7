"""Two corrected rates against each other, and a model on which the judge errs otherwise."""

import pytest

from labeling.stats.alarm import contradiction
from labeling.stats.difference import difference
from labeling.stats.intervals import mover_difference
from labeling.stats.noise import NoiseMap
from labeling.stats.strata import Group, Stratum, Tally, post_stratify
from labeling.stats.tiers import Calibration

SURE = NoiseMap(0.0, 0.0)


def stratum(size: int, labels: int, positive: int) -> Stratum:
    weight = size / labels if labels else 1.0
    return Stratum(size, Tally(labels, positive, labels * weight, labels * weight**2, positive * weight))


def group(flagged: tuple[int, int, int], unflagged: tuple[int, int, int]) -> Group:
    return Group(stratum(*flagged), stratum(*unflagged))


HIGH = group((300, 40, 36), (700, 40, 2))
LOW = group((100, 40, 30), (900, 40, 0))


def test_the_interval_is_movers_and_the_p_value_inverts_it() -> None:
    found = difference(HIGH, LOW)
    assert found is not None
    one, other = post_stratify(HIGH), post_stratify(LOW)
    assert found.limits == mover_difference(one.centre, one.limits, other.centre, other.limits)
    assert found.value == pytest.approx(one.centre - other.centre)
    level = 1 - found.p_value
    for at, holds_zero in ((level + 1e-4 * found.p_value, True), (level - 1e-4 * found.p_value, False)):
        first, second = post_stratify(HIGH, at), post_stratify(LOW, at)
        limits = mover_difference(first.centre, first.limits, second.centre, second.limits)
        assert (limits.low <= 0 <= limits.high) == holds_zero


def test_equal_rates_do_not_differ() -> None:
    found = difference(HIGH, HIGH)
    assert found is not None
    assert (found.value, found.p_value) == (0.0, 1.0)


def test_what_is_not_corrected_is_not_compared() -> None:
    assert difference(HIGH, group((100, 4, 3), (900, 4, 0))) is None
    assert difference(HIGH, Group(unjudged=stratum(100, 50, 5))) is None


def test_a_model_like_the_others_raises_no_alarm() -> None:
    found = contradiction([(HIGH, Calibration(group((900, 120, 108), (2100, 120, 6))))], SURE)
    assert found is not None
    assert found > 0.5


def test_a_model_on_which_the_judge_misses_much_does() -> None:
    blind = group((100, 60, 54), (900, 100, 40))
    found = contradiction([(blind, Calibration(group((3000, 300, 270), (7000, 300, 6))))], SURE)
    assert found is not None
    assert found < 0.001


@pytest.mark.parametrize(
    "parts",
    [
        [(group((300, 3, 3), (700, 3, 0)), Calibration(group((900, 120, 108), (2100, 120, 6))))],
        [(HIGH, Calibration(group((900, 10, 9), (2100, 10, 0))))],
    ],
)
def test_too_few_labels_contradict_nothing(parts: list[tuple[Group, Calibration]]) -> None:
    assert contradiction(parts, SURE) is None
