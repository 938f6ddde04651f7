"""How well a score ranks, against published figures; and a threshold that is judged where it was not chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.stats.roc import Scored, best_threshold, curve, halved_threshold, ranking

# Turck et al. (2010); Robin et al. (2011) BMC Bioinformatics 12:77, pROC's data aSAH, S100B: how many of the patients
# with each value had a poor outcome, and how many a good one.
S100B = [
    (0.03, 1, 0), (0.04, 0, 5), (0.05, 0, 3), (0.06, 0, 2), (0.07, 3, 6), (0.08, 1, 6), (0.09, 2, 6),
    (0.1, 2, 7), (0.11, 1, 4), (0.12, 1, 0), (0.13, 2, 3), (0.14, 1, 4), (0.15, 0, 4), (0.16, 1, 3),
    (0.17, 0, 2), (0.18, 0, 1), (0.19, 0, 2), (0.22, 1, 0), (0.23, 1, 0), (0.24, 0, 1), (0.25, 1, 0),
    (0.26, 1, 0), (0.27, 1, 0), (0.28, 0, 1), (0.3, 1, 0), (0.32, 1, 1), (0.33, 1, 1), (0.34, 0, 1),
    (0.35, 1, 0), (0.38, 0, 1), (0.41, 1, 0), (0.43, 0, 1), (0.44, 2, 0), (0.45, 0, 1), (0.46, 0, 1),
    (0.47, 0, 2), (0.48, 1, 1), (0.49, 1, 0), (0.5, 0, 2), (0.52, 1, 0), (0.56, 1, 0), (0.58, 1, 0),
    (0.7, 1, 0), (0.71, 2, 0), (0.74, 1, 0), (0.77, 1, 0), (0.82, 1, 0), (0.86, 1, 0), (0.96, 1, 0),
    (2.07, 1, 0),
]  # fmt: skip


def asah(weight: float = 1.0) -> list[Scored]:
    return [
        Scored(score, yes, weight)
        for score, *counts in S100B
        for yes, n in zip((True, False), counts, strict=True)
        for _ in range(n)
    ]


# 0.7314 [0.6301, 0.8326] and the point .6341 / .8056 as published by pROC; more digits, and average precision, by
# R pROC and scikit-learn.
def test_the_area_and_its_interval_are_as_published() -> None:
    found = ranking(asah())
    assert found.limits is not None
    assert (round(found.auc or 0, 4), round(found.limits.low, 4), round(found.limits.high, 4)) == (
        0.7314,
        0.6301,
        0.8326,
    )
    assert found.auc == pytest.approx(0.7313685636856369, abs=1e-9)
    assert (found.limits.low, found.limits.high) == pytest.approx((0.6301182117616226, 0.8326189156096511), abs=1e-6)
    assert found.average_precision == pytest.approx(0.6856209231721957, abs=1e-9)
    assert (found.n_positive, found.n_negative) == (41, 72)


def test_youdens_threshold_is_as_published() -> None:
    cut = best_threshold(asah())
    every = curve(asah())
    place = every.thresholds.tolist().index(cut)
    assert cut == 0.22  # the lowest score that is flagged; pROC names the middle to the next one, .205
    assert every.sensitivity[place] == pytest.approx(0.6341463414634146)
    assert 1 - every.false_alarms[place] == pytest.approx(0.8055555555555556)


# Wisconsin diagnostic breast cancer (Street, Wolberg & Mangasarian 1993) as scikit-learn ships it: worst perimeter,
# malignant is positive; by scikit-learn and an own Mann-Whitney statistic.
def test_breast_cancer() -> None:
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415 - slow import

    data = load_breast_cancer()
    column = list(data.feature_names).index("worst perimeter")
    scored = [Scored(float(row[column]), bool(target == 0)) for row, target in zip(data.data, data.target, strict=True)]
    found = ranking(scored)
    assert (found.n_positive, found.n_positive + found.n_negative) == (212, 569)
    assert found.auc == pytest.approx(0.9754505575815232, abs=1e-9)
    assert found.limits is not None
    assert (found.limits.low, found.limits.high) == pytest.approx((0.9644221859685466, 0.9864789291944999), abs=1e-6)
    every, cut = curve(scored), best_threshold(scored)
    place = every.thresholds.tolist().index(cut)
    assert cut == 106.0
    assert every.sensitivity[place] == pytest.approx(0.9198113207547169)
    assert 1 - every.false_alarms[place] == pytest.approx(0.9187675070028011)


def test_equal_weights_change_nothing() -> None:
    plain, weighted = ranking(asah()), ranking(asah(weight=20.0))
    assert weighted.auc == pytest.approx(plain.auc)
    assert weighted.limits is not None
    assert plain.limits is not None
    assert weighted.limits.width == pytest.approx(plain.limits.width)


def test_a_weight_of_two_counts_like_two_transcripts() -> None:
    once = [Scored(0.9, True, 2.0), Scored(0.4, True), Scored(0.5, False), Scored(0.1, False)]
    twice = [Scored(0.9, True), Scored(0.9, True), *(Scored(one.score, one.positive) for one in once[1:])]
    assert ranking(once).auc == pytest.approx(ranking(twice).auc)
    assert ranking(once).average_precision == pytest.approx(ranking(twice).average_precision)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    found = ranking([Scored(float(score), positive) for score, positive in rows])
    pairs = [(a > b) + (a == b) / 2 for a, yes in rows if yes for b, no in rows if not no]
    if not pairs:
        assert (found.auc, found.reason[:10]) == (None, "undefined:")
        return
    assert found.auc == pytest.approx(sum(pairs) / len(pairs))
    mirrored = ranking([Scored(-float(score), not positive) for score, positive in rows])
    assert mirrored.auc == pytest.approx(found.auc)


def test_scores_in_perfect_order_have_no_interval() -> None:
    found = ranking([Scored(0.9, True), Scored(0.8, True), Scored(0.1, False)])
    assert (found.auc, found.limits, found.average_precision) == (1.0, None, 1.0)


def test_a_costly_miss_lowers_the_threshold() -> None:
    assert best_threshold(asah(), miss_costs=20) < best_threshold(asah()) < best_threshold(asah(), miss_costs=0.2)


def test_a_threshold_is_judged_where_it_was_not_chosen() -> None:
    chosen = [Scored(0.5 + n / 100, n >= 5, chooses=True) for n in range(10)]
    others = [Scored(0.3 + n / 100, n >= 5, chooses=False) for n in range(10)]
    found = halved_threshold([*chosen, *others])
    assert found is not None
    assert (found.threshold, found.n_chosen_on, found.n_reported_on) == (0.55, 10, 10)
    # Perfect where it was chosen, and nothing reaches it on the other half.
    assert (found.sensitivity.value, found.specificity.value) == (0.0, 1.0)


def test_few_labels_choose_no_threshold() -> None:
    assert halved_threshold([Scored(0.5, n % 2 == 0, chooses=n < 9) for n in range(30)]) is None
