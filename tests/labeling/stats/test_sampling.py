import random
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.stats.sampling import (
    SampledStratum,
    draw_sizes,
    effective_size,
    hajek_mean,
    inclusion_probability,
    minimum_draw,
    neyman_allocation,
    priority_sample,
)

weights = st.lists(st.floats(0.01, 1000), min_size=1, max_size=40)
strata = st.lists(st.builds(SampledStratum, st.integers(0, 400), st.sampled_from([0.17, 0.4])), min_size=1, max_size=12)


@st.composite
def allocations(draw: st.DrawFn) -> tuple[list[SampledStratum], int]:
    parts = draw(strata)
    return parts, draw(st.integers(minimum_draw(parts), sum(part.size for part in parts)))


@given(weights)
def test_the_effective_size_is_at_most_the_number_and_equal_for_equal_weights(values: list[float]) -> None:
    n = len(values)
    assert effective_size([7.0] * n) == pytest.approx(n)
    assert 1 - 1e-9 <= effective_size(values) <= n + 1e-9


@given(weights, st.floats(0.01, 100))
def test_only_the_proportions_of_weights_matter(values: list[float], scale: float) -> None:
    scaled = [scale * w for w in values]
    answers = [float(i % 3 == 0) for i in range(len(values))]
    assert effective_size(scaled) == pytest.approx(effective_size(values))
    assert hajek_mean(answers, scaled) == pytest.approx(hajek_mean(answers, values))


def test_without_weight_there_is_no_mean() -> None:
    assert (hajek_mean([], []), effective_size([])) == (None, 0.0)


@pytest.mark.parametrize(("drawn", "size"), [(0, 10), (11, 10)])
def test_impossible_draws_have_no_inclusion_probability(drawn: int, size: int) -> None:
    with pytest.raises(ValueError, match="gives no inclusion probability"):
        inclusion_probability(drawn, size)


def test_drawing_everything_gives_probability_one() -> None:
    assert (inclusion_probability(5, 20), inclusion_probability(20, 20)) == (0.25, 1.0)


# Lumley (2004) J Stat Softw 9(8), R survey's apistrat: mean score of Californian schools 662.29, from 100 elementary,
# 50 middle and 50 high schools.
def test_a_stratified_mean_is_as_published() -> None:
    schools = [(100, 67443, 44.2099990845), (50, 31830, 20.3600006104), (50, 31291, 15.1000003815)]
    values = [total / n for n, total, _ in schools for _ in range(n)]
    found = hajek_mean(values, [weight for n, _, weight in schools for _ in range(n)])
    assert found == pytest.approx(662.2873631593071, abs=1e-6)


# Neyman (1934): with shares .13 and .87 and rates .82 and .012, 34.52 % of the labels go to the flagged.
def test_neyman_shares() -> None:
    flagged = SampledStratum(130_000, (0.82 * 0.18) ** 0.5)
    unflagged = SampledStratum(870_000, (0.012 * 0.988) ** 0.5)
    assert neyman_allocation([flagged, unflagged], 10_000) == [3452, 6548]


@given(allocations())
def test_an_allocation_keeps_total_minimum_and_size(case: tuple[list[SampledStratum], int]) -> None:
    parts, total = case
    drawn = neyman_allocation(parts, total)
    assert sum(drawn) == total
    assert all(min(5, part.size) <= n <= part.size for part, n in zip(parts, drawn, strict=True))


@given(allocations())
def test_equal_strata_get_equal_parts_up_to_one(case: tuple[list[SampledStratum], int]) -> None:
    parts, total = case
    drawn = neyman_allocation([*parts, *parts], 2 * total)
    assert all(0 <= drawn[i] - drawn[i + len(parts)] <= 1 for i in range(len(parts)))


@pytest.mark.parametrize("total", [9, 201])
def test_impossible_totals_are_refused(total: int) -> None:
    with pytest.raises(ValueError, match="at least 10 and at most 200"):
        neyman_allocation([SampledStratum(100, 0.4), SampledStratum(100, 0.17)], total)


def test_a_priority_sample_by_hand() -> None:
    # ξ = 4, 1, 3, 2: the two smallest are 1 and 3, the threshold is 3.
    sample = priority_sample([0.1, 0.5, 0.2, 0.25], [0.4, 0.5, 0.6, 0.5], 2)
    assert sample.drawn == (1, 3)
    assert sample.threshold == pytest.approx(3.0)
    assert sample.pi == pytest.approx((1.0, 0.75))


def test_drawing_all_items_needs_no_weights() -> None:
    sample = priority_sample([0.1, 0.9], [0.3, 0.2], 2)
    assert (sample.drawn, sample.pi, sample.threshold) == ((1, 0), (1.0, 1.0), inf)


def test_priority_sampling_is_unbiased() -> None:
    rng = random.Random(5)
    values = [rng.random() < 0.3 for _ in range(60)]
    sizes = draw_sizes([rng.random() for _ in values])
    totals = []
    for _ in range(4000):
        sample = priority_sample(sizes, [rng.uniform(1e-9, 1) for _ in values], 12)
        totals.append(sum(values[i] / pi for i, pi in zip(sample.drawn, sample.pi, strict=True)))
    # The standard error of the mean total is about 0.11.
    assert sum(totals) / len(totals) == pytest.approx(sum(values), abs=0.45)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.floats(0.1, 1))
def test_draw_sizes_add_up_to_one_and_have_a_floor(uncertainties: list[float], share: float) -> None:
    sizes = draw_sizes(uncertainties, share)
    assert sum(sizes) == pytest.approx(1)
    assert min(sizes) >= share / len(sizes) - 1e-12


@pytest.mark.parametrize(
    ("sizes", "numbers", "n"),
    [([0.5], [0.1, 0.2], 1), ([0.0, 0.5], [0.1, 0.2], 1), ([0.5, 0.5], [0.0, 0.2], 1), ([0.5], [0.5], 2)],
)
def test_impossible_priority_samples_are_refused(sizes: list[float], numbers: list[float], n: int) -> None:
    with pytest.raises(ValueError, match=r"needs|positive|cannot be drawn"):
        priority_sample(sizes, numbers, n)


def test_a_later_wave_goes_on_from_what_was_drawn() -> None:
    strata = [SampledStratum(100, 0.4, 5), SampledStratum(100, 0.4, 30), SampledStratum(3, 0.4, 3)]

    assert neyman_allocation(strata, 58) == [25, 30, 3]
    assert minimum_draw([SampledStratum(100, 0.4, 2), SampledStratum(4, 0.4), SampledStratum(9, 0.4, 7)]) == 7
