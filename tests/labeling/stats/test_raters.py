from random import Random

import pytest

from labeling.stats.agreement import Ratings
from labeling.stats.intervals import wilson
from labeling.stats.raters import Pace, Share, against_the_others, error_rates, others_majority, pace, quality


def test_a_rater_is_never_compared_with_themselves() -> None:
    """Of four, two say yes: for a yes the others are 1 to 2, for a no 2 to 1."""
    ratings = Ratings.of([(1, 1, 0, 0)], (0, 1))
    assert others_majority(ratings).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("row", "consensus"),
    [
        ((1, 0), [-1, -1]),  # one other rater is no consensus
        ((1, 1, 0), [-1, -1, 1]),  # two others who differ say no one thing
        ((2, 2, 2, None), [2, 2, 2]),
        ((0, 1, 2, 2), [2, 2, -1, -1]),  # for the first 2 of 3, for the third 1 of 3
    ],
)
def test_the_majority_of_the_others(row: tuple[int | None, ...], consensus: list[int]) -> None:
    assert others_majority(Ratings.of([row], (0, 1, 2))).tolist() == consensus


def test_quality_against_the_others() -> None:
    found = against_the_others(Ratings.of([(1, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 0)], (0, 1)))
    assert found[0].right == Share(2, 3)
    assert found[0].by_truth == (Share(1, 1), Share(1, 2))
    assert found[2].right == Share(2, 3)


def test_a_share_has_a_wilson_interval_and_nothing_of_nothing() -> None:
    assert (Share(3, 4).value, Share(3, 4).limits) == (0.75, wilson(0.75, 4))
    assert (Share(0, 0).value, Share(0, 0).limits) == (None, None)


def test_quality_by_truth() -> None:
    found = quality([(1, 1), (0, 1), (1, 1), (0, 0)], 2)
    assert (found.right, found.by_truth) == (Share(3, 4), (Share(1, 1), Share(2, 3)))


def test_error_rates_recover_who_errs() -> None:
    rng = Random(2)
    truths = [rng.random() < 0.4 for _ in range(1500)]
    errors = (0.02, 0.1, 0.25, 0.1)
    ratings = Ratings.of([[truth ^ (rng.random() < error) for error in errors] for truth in truths], (False, True))
    consensus, why_not = error_rates(ratings)
    assert (consensus is not None, why_not) == (True, "")
    found = [1 - rows[0][0] for rows in consensus.confusions] if consensus else []
    assert found == pytest.approx(errors, abs=0.03)


def test_error_rates_need_three_raters_and_three_ratings() -> None:
    two = Ratings.of([(0, 1)] * 30, (0, 1))
    assert error_rates(two) == (None, "2 raters, 3 needed: two who differ may either be wrong")
    thin = Ratings.of([(0, 1, None)] * 30 + [(1, 1, 0)] * 9, (0, 1))
    assert error_rates(thin) == (None, "9 transcripts with three ratings, 10 needed")
    assert error_rates(Ratings.of([], (0, 1))) == (None, "no raters, 3 needed: two who differ may either be wrong")


def test_pace() -> None:
    assert pace([10, 20, 30, 40, 1], hasty=2) == Pace(5, 10, 20, 30, 1)
    assert pace([7.0], hasty=2) == Pace(1, 7, 7, 7, 0)
    assert pace([], hasty=2) is None
