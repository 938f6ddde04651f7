import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.stats.confusion import Comparison, Confusion, confusion, quality

verdicts = st.sampled_from([True, False, None])
comparisons = st.lists(st.builds(Comparison, verdicts, verdicts, st.sampled_from([1.0, 2.5, 20.0])), max_size=60)


def table(tp: int, fp: int, fn: int, tn: int) -> Confusion:
    counts = {(True, True): tp, (True, False): fp, (False, True): fn, (False, False): tn}
    return confusion(Comparison(*cell) for cell, n in counts.items() for _ in range(n))


# Altman & Bland (1994) BMJ 308:1552 and 309:102, liver scans; intervals with R epiR, the others with
# scikit-learn.
def test_liver_scans() -> None:
    found = quality(table(tp=231, fp=32, fn=27, tn=54))
    proportions = (found.sensitivity, found.specificity, found.ppv, found.npv)
    assert [round(one.value or 0, 2) for one in proportions] == [0.90, 0.63, 0.88, 0.67]
    limits = [(one.limits.low, one.limits.high) for one in proportions if one.limits]
    expected = [(0.852021, 0.927076), (0.522338, 0.722537), (0.833281, 0.912480), (0.558528, 0.759712)]
    assert [pytest.approx(pair, abs=1e-6) for pair in expected] == limits
    composite = (found.accuracy, found.balanced_accuracy, found.f1, found.mcc)
    assert [one.value for one in composite] == pytest.approx(
        [0.8284883720930233, 0.7616279069767442, 0.8867562380038387, 0.5340141408816783], abs=1e-9
    )
    assert found.positive_likelihood_ratio.value == pytest.approx((231 / 258) / (32 / 86))
    assert found.negative_likelihood_ratio.value == pytest.approx((27 / 258) / (54 / 86))


def test_missing_verdicts_and_resolutions_are_counted_apart() -> None:
    found = confusion([Comparison(True, True), Comparison(None, True), Comparison(False, None), Comparison(None, None)])
    assert (found.n, found.tp.n, found.n_without_verdict, found.n_without_resolution) == (1, 1, 2, 1)


def test_weights_undo_an_enriched_sample() -> None:
    # Flagged drawn with π = 1, unflagged with π = .1: one miss stands for ten.
    sample = [Comparison(True, True, 1.0)] * 10 + [Comparison(False, True, 10.0)] + [Comparison(False, False, 10.0)] * 9
    found = quality(confusion(sample))
    assert found.sensitivity.value == pytest.approx(0.5)
    assert found.sensitivity.n_effective == pytest.approx(20**2 / (10 * 1 + 100))


def test_the_bootstrap_is_repeatable_and_close_to_the_known_error() -> None:
    first, again = quality(table(450, 50, 50, 450)), quality(table(450, 50, 50, 450))
    assert first == again
    # Balanced accuracy is the mean of two independent proportions of .9 with 500 each.
    limits = first.balanced_accuracy.limits
    assert limits is not None
    assert limits.width / 2 == pytest.approx(1.96 * (2 * 0.09 / 500 / 4) ** 0.5, rel=0.1)


def test_undefined_measures_say_so() -> None:
    found = quality(table(tp=0, fp=0, fn=0, tn=10))
    assert (found.sensitivity.value, found.sensitivity.reason) == (
        None,
        "undefined: no transcript resolved positive",
    )
    assert (found.ppv.value, found.ppv.reason) == (None, "undefined: no transcript flagged")
    assert (found.mcc.value, found.mcc.reason) == (None, "undefined: MCC divides by an empty cell")
    assert found.specificity.value == 1.0


# A judge that is always right: sensitivity and specificity 1 with Wilson's lower limits .722 and .959 (statsmodels).
def test_a_perfect_judge_is_not_certain() -> None:
    found = quality(table(tp=10, fp=0, fn=0, tn=90), draws=0)
    limits = [one.limits.low for one in (found.sensitivity, found.specificity) if one.limits]
    assert (found.sensitivity.value, found.specificity.value) == (1.0, 1.0)
    assert [round(low, 3) for low in limits] == [0.722, 0.959]
    assert found.f1.limits is None  # nothing was redrawn


def test_without_human_positives_there_is_no_sensitivity() -> None:
    found = quality(table(tp=0, fp=3, fn=0, tn=40), draws=0)
    assert (found.sensitivity.value, found.ppv.value, found.mcc.value) == (None, 0.0, None)


def test_an_empty_table() -> None:
    found = quality(confusion([]))
    assert [found.accuracy.value, found.f1.value, found.mcc.value] == [None, None, None]


def test_weights_are_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        confusion([Comparison(True, True, 0.0)])


@given(comparisons)
def test_flipping_both_sides_swaps_sensitivity_and_specificity(items: list[Comparison]) -> None:
    def flip(value: bool | None) -> bool | None:
        return None if value is None else not value

    found = quality(confusion(items), draws=20)
    mirrored = quality(confusion(Comparison(flip(c.verdict), flip(c.resolution), c.weight) for c in items), draws=20)
    assert (found.sensitivity.value, found.ppv.value) == (mirrored.specificity.value, mirrored.npv.value)
    assert found.mcc.value == pytest.approx(mirrored.mcc.value)


@given(comparisons)
def test_nothing_is_lost(items: list[Comparison]) -> None:
    found = confusion(items)
    assert found.n + found.n_without_verdict + found.n_without_resolution == len(items)
