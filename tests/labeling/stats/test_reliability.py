"""Scores as probabilities, against published and independently computed figures."""

import numpy as np
import pytest

from labeling.stats.intervals import wilson
from labeling.stats.reliability import bins, brier, ece, isotonic, logistic, recalibrated, reliability
from labeling.stats.roc import Scored
from tests.labeling.stats.test_roc import asah

# Of the same patients (Robin et al. 2011): a logistic curve by R glm and scikit-learn without penalty.
INTERCEPT, SLOPE = -1.75890045910723, 4.90432097733745
# What isotonic regression makes of them, by R isoreg and scikit-learn: each height, and how many of the values have it.
STEPS = [
    (0.09090909090909091, 4),
    (0.22580645161290322, 13),
    (0.5, 22),
    (1.0, 11),
]


def columns() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = asah()
    return (
        np.array([one.score for one in rows]),
        np.array([float(one.positive) for one in rows]),
        np.ones(len(rows)),
    )


def test_the_logistic_curve_is_that_of_greatest_likelihood() -> None:
    assert logistic(*columns()) == pytest.approx((INTERCEPT, SLOPE), abs=1e-5)


def test_brier_and_calibration_error_of_that_curve() -> None:
    """By R and scikit-learn, ECE over ten bins of equal width that are closed on the right."""
    scored = [Scored(float(1 / (1 + np.exp(-INTERCEPT - SLOPE * one.score))), one.positive) for one in asah()]
    assert brier(scored) == pytest.approx(0.18450006575754913, abs=1e-9)
    assert ece(scored) == pytest.approx(0.07873764544644409, abs=1e-9)


def test_isotonic_steps() -> None:
    score, positive, weight = columns()
    fitted = isotonic(score, positive, weight, np.unique(score))
    assert fitted.tolist() == pytest.approx([height for height, n in STEPS for _ in range(n)], abs=1e-9)


def test_bins_hold_equally_many_and_equal_scores_stay_together() -> None:
    scored = [Scored(n / 100, n % 2 == 0) for n in range(100)]
    found = bins(scored)
    assert [one.n for one in found] == [10] * 10
    assert (found[0].low, found[0].high, found[0].mean, found[0].rate) == pytest.approx((0.0, 0.09, 0.045, 0.5))
    assert found[0].limits == wilson(0.5, 10)
    assert [one.n for one in bins([Scored(0.5, True)] * 70 + [Scored(0.9, True)] * 30)] == [70, 30]
    assert [one.n for one in bins([Scored(0.5, True)] * 3)] == [3]


def test_a_score_on_an_edge_is_in_the_lower_bin() -> None:
    """0.3 is 3 tenths whatever its last bit says: with .31 it would make one bin of gap 0."""
    scored = [Scored(0.1 + 0.2, True), Scored(0.31, False)]
    assert ece(scored) == pytest.approx((0.7 + 0.31) / 2)


def test_scores_beyond_one_are_no_probabilities() -> None:
    assert reliability([Scored(2.0, True), Scored(0.1, False)]) is None
    assert reliability([]) is None


@pytest.mark.parametrize(("n", "method"), [(1000, "logistic curve"), (1002, "isotonic regression")])
def test_a_crooked_score_is_mended_on_parts_that_the_fit_has_not_seen(n: int, method: str) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(n)
    scored = [Scored(float(p) ** 3, bool(rng.random() < p)) for p in truth]
    again = recalibrated(scored)
    assert again is not None
    assert (again.method, again.folds) == (method, 5)
    assert again.ece < ece(scored) / 2
    assert again.brier < brier(scored)


def test_few_labels_mend_nothing() -> None:
    assert recalibrated([Scored(n / 49, n > 25) for n in range(49)]) is None
    assert recalibrated([Scored(n / 99, n > 96) for n in range(99)]) is None


def test_scores_that_tell_without_error_are_fitted_all_the_same() -> None:
    intercept, slope = logistic(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))
    assert np.isfinite([intercept, slope]).all()
    assert slope > 10
