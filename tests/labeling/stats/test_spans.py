import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.stats.spans import NOBODY, Span, character_f1, overlap

marks = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(1, 10)).map(lambda s: (s[0], s[1], s[1] + s[2])),
    max_size=5,
)


def characters(spans: list[Span]) -> set[tuple[str, int]]:
    return {(place, at) for place, start, end in spans for at in range(start, end)}


def test_half_of_each_is_shared() -> None:
    assert character_f1([("m0.text", 0, 10)], [("m0.text", 5, 15)]) == 0.5


def test_the_same_characters_in_another_place_are_others() -> None:
    assert character_f1([("m0.text", 0, 10)], [("m1.text", 0, 10)]) == 0.0


def test_nothing_marked_is_nothing_to_agree_on() -> None:
    assert character_f1([], []) is None


@settings(max_examples=50)
@given(marks, marks)
def test_it_is_dices_coefficient_of_the_characters(first: list[Span], second: list[Span]) -> None:
    a, b = characters(first), characters(second)
    expected = 2 * len(a & b) / (len(a) + len(b)) if a or b else None
    assert character_f1(first, second) == pytest.approx(expected)


def test_pairs_that_both_marked_count_and_the_others_are_told() -> None:
    ten, half = [("t", 0, 10)], [("t", 5, 10)]
    found = overlap([{1: ten, 2: ten, 3: []}, {1: ten, 2: half}, {1: [], 2: []}], [1.0, 3.0, 1.0])
    # F1 of ten characters and five of them is 2/3.
    assert found.f1.value == pytest.approx((1 * 1 + 3 * 2 / 3) / 4)
    assert (found.f1.n_items, found.n_pairs, found.n_one_sided) == (2, 2, 2)
    assert {rater: (round(mean, 9), n) for rater, (mean, n) in found.by_rater.items()} == dict.fromkeys(
        (1, 2), (round(5 / 6, 9), 2)
    )


def test_without_a_pair_there_is_no_figure() -> None:
    found = overlap([{1: [("t", 0, 1)], 2: []}], [1.0])
    assert (found.f1.value, found.f1.reason, found.n_one_sided) == (None, NOBODY, 1)
