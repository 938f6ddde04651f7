"""May groups be pooled? Against Fisher's exact test, which the redraws must come to for two groups."""

import numpy as np
import pytest

from labeling.stats.homogeneity import Observation, adjusted, homogeneity


def shares(hits: int, misses: int, weight: float = 1.0) -> list[Observation]:
    return [(True, weight)] * hits + [(False, weight)] * misses


# Fisher (1935), the lady and the tea: p = .4857. And the table of scipy's documentation of barnard_exact, Fisher's
# test of it two-sided: .1281.
@pytest.mark.parametrize(
    ("first", "second", "p_value"), [((3, 1), (1, 3), 0.4857), ((7, 8), (12, 3), 0.12813593203398302)]
)
def test_two_groups_come_to_fishers_test(first: tuple[int, int], second: tuple[int, int], p_value: float) -> None:
    found = homogeneity({"one": shares(*first), "other": shares(*second)}, draws=40_000)
    assert found.p_value == pytest.approx(p_value, abs=0.01)


# XSTest (Röttger et al. 2024, NAACL): of what people call a refusal, how much string matching finds, gpt4 and
# mistralinstruct.
def test_one_correction_for_all_models_would_be_wrong() -> None:
    found = homogeneity({"gpt4": shares(192, 28), "mistralinstruct": shares(16, 60)})
    assert found.p_value is not None
    assert found.p_value < 0.001
    assert (found.lowest, found.highest) == (("mistralinstruct", 16 / 76), ("gpt4", 192 / 220))


def test_groups_that_are_alike_are_not_told_apart() -> None:
    found = homogeneity({name: shares(8, 2) for name in "abcd"})
    assert (found.p_value, found.groups, found.n) == (1.0, 4, 40)


def test_without_variation_there_is_nothing_to_find() -> None:
    assert homogeneity({"a": shares(5, 0), "b": shares(9, 0)}).p_value == 1.0


def test_one_group_is_not_tested() -> None:
    found = homogeneity({"a": shares(5, 5), "b": []})
    assert (found.p_value, found.groups, found.reason) == (None, 1, "fewer than two groups have any")


def test_weights_count_by_their_proportions_only() -> None:
    plain = homogeneity({"a": shares(9, 3), "b": shares(4, 8)})
    scaled = homogeneity({"a": shares(9, 3, 20.0), "b": shares(4, 8, 20.0)})
    assert (scaled.p_value, scaled.lowest, scaled.highest) == (plain.p_value, plain.lowest, plain.highest)


def test_it_rejects_what_is_alike_as_often_as_it_says() -> None:
    """Flagged drawn often, unflagged seldom: misses weigh more. About one in twenty such studies looks uneven."""
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(200):
        groups = {}
        for name, n in (("a", 30), ("b", 60), ("c", 120)):
            hits = rng.random(n) < 0.9
            drawn = hits | (rng.random(n) < 0.3)
            groups[name] = [
                (bool(hit), 1.0 if hit else 1 / 0.3) for hit, in_it in zip(hits, drawn, strict=True) if in_it
            ]
        found = homogeneity(groups, draws=400)
        rejected += (found.p_value or 1) <= 0.05
    assert rejected / 200 == pytest.approx(0.05, abs=0.045)


def test_a_family_is_adjusted_together() -> None:
    tests = [homogeneity({"a": shares(9, 1), "b": shares(2, 8)}), homogeneity({"a": shares(5, 5)})]
    first, second = adjusted([tests[0], tests[0], tests[1]])[1:]
    assert (first.adjusted, second.adjusted) == (tests[0].p_value, None)
    assert first.differs
