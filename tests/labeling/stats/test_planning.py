"""How many labels: published values, and whether a plan's half-width is what the estimator then shows."""

import random
from math import inf, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.stats.planning import (
    PLANNING_RATE,
    Part,
    foreseen,
    half_width_for_difference,
    labels_before_data,
    labels_by_neyman,
    labels_for_difference,
    labels_for_rate,
    labels_shared_equally,
    plan,
    planning_rates,
    spread,
)
from labeling.stats.sampling import PLANNING_SPREAD
from labeling.stats.strata import Group, Label, Stratum, Tally, post_stratify, tally

half_widths = st.floats(0.01, 0.3)


# Textbook (z/h)² p(1−p) with p = .5, h = .03: 1067.07; statsmodels `samplesize_confint_proportion`.
def test_a_rate_by_labels_alone() -> None:
    assert labels_for_rate(0.5, 0.03) == pytest.approx(1067.0718946372572, abs=1e-6)


# Neyman (1934), W = (.13, .87), p = (.82, .012), N = 1800, h = .03: closed form, and a brute-force grid.
def test_neyman_for_two_verdict_strata() -> None:
    weights, rates = [0.13, 0.87], [0.82, 0.012]
    shares = [w * sqrt(p * (1 - p)) for w, p in zip(weights, rates, strict=True)]

    assert shares[0] / sum(shares) == pytest.approx(0.3452187719103496, abs=1e-6)
    assert labels_by_neyman(weights, rates, 1800, 0.03) == pytest.approx(108.30100662779536, abs=1e-4)
    assert labels_shared_equally(weights, rates, 1800, 0.03) == pytest.approx(118.67936354961994, abs=1e-4)


# R help(power.prop.test): p1 = .50, p2 = .75, power = .90 gives n = 76.7 per group; .10 and .15, .80: 685.60.
@pytest.mark.parametrize(
    ("p1", "p2", "power", "n", "within"),
    [(0.5, 0.75, 0.9, 76.7069301141077, 0.01), (0.1, 0.15, 0.8, 685.59685806585, 0.05)],
)
def test_two_groups_by_labels_alone(p1: float, p2: float, power: float, n: float, within: float) -> None:
    assert labels_for_difference(p1, p2, power) == pytest.approx(n, abs=within)
    assert labels_for_difference(p2, p1, power) == labels_for_difference(p1, p2, power)


def test_equal_rates_are_never_told_apart() -> None:
    assert labels_for_difference(0.2, 0.2) == inf


def test_the_rule_before_data() -> None:
    assert [labels_before_data(h) for h in (0.05, 0.03, 0.1)] == [80, 223, 20]


def test_planning_rates_are_those_of_the_planning_spreads() -> None:
    found = {verdict: round(spread(rate), 2) for verdict, rate in PLANNING_RATE.items()}
    assert found == PLANNING_SPREAD
    assert planning_rates({}) == PLANNING_RATE


@given(half_widths, st.floats(1.01, 3), st.floats(0.02, 0.98), st.floats(0.5, 0.95), st.floats(0.001, 0.2))
def test_a_shorter_interval_asks_for_more(h: float, times: float, share: float, high: float, low: float) -> None:
    weights, rates = [share, 1 - share], [high, low]
    assert labels_by_neyman(weights, rates, 5000, h) >= labels_by_neyman(weights, rates, 5000, h * times)
    assert labels_by_neyman(weights, rates, 5000, h) <= labels_shared_equally(weights, rates, 5000, h) * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.builds(Part, st.sampled_from(list(PLANNING_RATE)), st.integers(1, 600)), min_size=1, max_size=6),
    half_widths,
    st.floats(1.05, 3),
    st.integers(1, 8),
)
def test_a_plan_stays_within_its_parts_and_keeps_its_word(
    parts: list[Part], h: float, times: float, minimum: int
) -> None:
    found, wider = plan(parts, PLANNING_RATE, h, minimum), plan(parts, PLANNING_RATE, h * times, minimum)

    assert all(min(minimum, part.size) <= n <= part.size for part, n in zip(parts, found.numbers, strict=True))
    assert sum(wider.numbers) <= sum(found.numbers)
    assert found.worth <= sum(found.numbers) + 1e-6
    assert found.reached == (found.foreseen <= h and found.worth >= 30 - 1e-9)
    if not found.reached:
        assert list(found.numbers) == [part.size for part in parts]


def test_no_draw_is_taken_back() -> None:
    parts = [Part("flagged", 100, drawn=90), Part("unflagged", 900, drawn=7)]

    found = plan(parts, PLANNING_RATE, 0.05)

    assert found.numbers[0] == 90
    assert found.numbers[1] > 7


def test_few_transcripts_vary_by_themselves() -> None:
    """100 transcripts, all labelled, tell what the model would do again to no better than ±7 points."""
    parts = [Part("flagged", 12), Part("unflagged", 88)]

    found = plan(parts, PLANNING_RATE, 0.05)

    assert (found.numbers, found.reached) == ((12, 88), False)
    rate = 0.12 * 0.8 + 0.88 * 0.03
    assert found.foreseen == pytest.approx(1.96 * sqrt(rate * (1 - rate) / 100), abs=0.01)


def test_tier_a_asks_for_its_thirty_labels_whatever_the_half_width() -> None:
    wide = plan([Part("flagged", 100), Part("unflagged", 300)], PLANNING_RATE, 0.4)
    few = plan([Part("flagged", 4), Part("unflagged", 20)], PLANNING_RATE, 0.4)

    assert (wide.reached, wide.worth >= 30, sum(wide.numbers) < 40) == (True, True, True)
    assert (few.reached, few.numbers, few.worth) == (False, (4, 20), 24)


def test_labels_move_what_is_planned_with() -> None:
    few = planning_rates({"flagged": Tally(10, 5, 10, 10, 5), "unflagged": Tally(10, 0, 10, 10, 0)})
    many = planning_rates({"unflagged": Tally(60, 0, 60, 60, 0)})

    assert few["flagged"] == pytest.approx(0.65)
    assert few["unflagged"] == 0.03
    assert many["unflagged"] == pytest.approx(0.0602, abs=5e-4)  # Wilson's upper limit of 0 of 60


@pytest.mark.parametrize(("wished", "flagged"), [(0.05, 0.12), (0.03, 0.12), (0.08, 0.4)])
def test_with_the_planned_labels_the_estimator_shows_the_wished_half_width(wished: float, flagged: float) -> None:
    """Drawn 300 times from strata with the planning rates, the MOVER–Wilson half-width is the wished one on average,
    and about what the rule .2/h² of the simulation asks for."""
    parts = [Part("flagged", round(3000 * flagged)), Part("unflagged", round(3000 * (1 - flagged)))]
    found = plan(parts, PLANNING_RATE, wished)
    rng = random.Random(6)

    def drawn(part: Part, n: int) -> Stratum:
        answers = (rng.random() < PLANNING_RATE[part.verdict] for _ in range(n))
        return Stratum(part.size, tally(Label(positive, n / part.size) for positive in answers))

    widths = []
    for _ in range(300):
        group = Group(*(drawn(part, n) for part, n in zip(parts, found.numbers, strict=True)))
        widths.append(post_stratify(group).limits.width / 2)

    assert found.reached
    assert sum(widths) / len(widths) == pytest.approx(wished, rel=0.05)
    assert found.foreseen == pytest.approx(foreseen(parts, found.numbers, PLANNING_RATE))
    if flagged == 0.12:
        assert sum(found.numbers) == pytest.approx(0.2 / wished**2, rel=0.25)


# 1.96 + .84 standard errors of √2·h/z: with h = .05, differences of ten points are told four times in five.
def test_the_half_width_for_a_difference() -> None:
    needed = half_width_for_difference(0.1)
    assert needed == pytest.approx(0.1 * 1.959964 / (2.801585 * sqrt(2)), abs=1e-6)
    rng, told = random.Random(7), 0
    for _ in range(2000):
        difference = 0.1 + rng.gauss(0, needed / 1.959964) - rng.gauss(0, needed / 1.959964)
        told += abs(difference) > sqrt(2) * needed
    assert told / 2000 == pytest.approx(0.8, abs=0.03)
