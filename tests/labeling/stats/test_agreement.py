from collections.abc import Hashable, Sequence
from math import isclose
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.stats import agreement
from labeling.stats.agreement import (
    NO_PAIRS,
    NO_VARIATION,
    Coefficient,
    Ratings,
    coefficient,
    coefficients,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    ordinal_alpha,
    ordinal_weights,
    paired_fleiss_kappa,
    percent_agreement,
    value,
)
from labeling.stats.pairs import TOO_FEW_SHARED, cohen_kappas

ALL = (percent_agreement, fleiss_kappa, paired_fleiss_kappa, gwet_ac1, gwet_ac2, krippendorff_alpha, ordinal_alpha)
answers = st.sampled_from([True, False, None])
items = st.lists(st.tuples(answers, answers, answers), min_size=1, max_size=30)


few = settings(max_examples=30)


def kappa(ratings: Ratings, distance: Sequence[Sequence[float]] | None = None) -> float | None:
    return cohen_kappas(ratings, distance, draws=0).mean.value


def crossed(table: Sequence[Sequence[int]]) -> Ratings:
    pairs = [(a, b) for a, row in enumerate(table) for b, n in enumerate(row) for _ in range(n)]
    return Ratings.of(pairs, range(len(table)))


# Krippendorff (2011) "Computing Krippendorff's alpha-reliability", example C; AC1, AC2, Fleiss and
# percent by irrCAC.
EXAMPLE_C: list[list[Hashable | None]] = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def test_krippendorffs_example_with_missing_ratings() -> None:
    ratings = Ratings.of(list(zip(*EXAMPLE_C, strict=True)), range(1, 6))
    assert value(krippendorff_alpha, ratings) == pytest.approx(0.743421052631579, abs=1e-9)
    assert value(ordinal_alpha, ratings) == pytest.approx(0.815, abs=5e-4)
    assert value(gwet_ac1, ratings) == pytest.approx(0.77544, abs=6e-6)
    assert value(gwet_ac2, ratings) == pytest.approx(0.89893977, abs=1e-8)
    assert value(fleiss_kappa, ratings) == pytest.approx(0.76117, abs=6e-6)
    assert value(percent_agreement, ratings) == pytest.approx(0.8181818, abs=6e-6)


# Gwet's standard errors for the same ratings (R irrCAC): AC1 .14295, alpha .14557; of twelve items a bootstrap is
# coarse.
@pytest.mark.parametrize(("statistic", "error"), [(gwet_ac1, 0.14295), (krippendorff_alpha, 0.14557)])
def test_bootstrap_of_krippendorffs_example(statistic: agreement.Statistic, error: float) -> None:
    limits = coefficient(statistic, Ratings.of(list(zip(*EXAMPLE_C, strict=True)), range(1, 6))).limits
    assert limits is not None
    assert limits.width / (2 * 1.96) == pytest.approx(error, rel=0.25)


# Krippendorff (2011), example A.
def test_krippendorffs_binary_example() -> None:
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    ratings = Ratings.of(list(zip(first, second, strict=True)), (0, 1))
    assert value(krippendorff_alpha, ratings) == pytest.approx(0.09523809523809534, abs=1e-9)


# Fleiss (1971) Psychol Bull 76:378, Table 1: diagnoses of 30 patients by six psychiatrists each (not the same six);
# 0.430 as published, the other values by R irr, R irrCAC, statsmodels and krippendorff.
DIAGNOSES = """
444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444 222333 144444 224445
333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 222224 111155 224444 133333 555555
"""


def test_fleiss_psychiatrists() -> None:
    ratings = Ratings.of(DIAGNOSES.split(), "12345")
    found = [value(f, ratings) for f in (percent_agreement, fleiss_kappa, krippendorff_alpha, gwet_ac1)]
    expected = [0.5555555555555555, 0.43024452006014074, 0.4334098282820289, 0.447884515844564]
    assert found == pytest.approx(expected, abs=1e-9)
    assert round(found[1] or 0, 3) == 0.430


# The worked example of Wikipedia's "Fleiss' kappa": 10 items, 14 raters, 5 categories.
def test_fleiss_worked_example() -> None:
    counts = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    ratings = Ratings.of([[c for c, n in enumerate(row) for _ in range(n)] for row in counts], range(5))
    assert value(fleiss_kappa, ratings) == pytest.approx(0.20993070442195522, abs=1e-9)


# Kappa, AC1, alpha: R irrCAC, statsmodels and krippendorff agree on them. The tables: Gwet (2014)
# "abstractors"; Feinstein & Cicchetti (1990) J Clin Epidemiol 43:543, twice; Gwet (2002); Wikipedia's
# "Cohen's kappa".
@pytest.mark.parametrize(
    ("table", "percent", "cohen", "ac1", "alpha"),
    [
        (
            [[13, 0, 0], [0, 20, 7], [0, 4, 56]],
            0.89,
            0.7964094021839719,
            0.8493305482313461,
            0.7972584977308512,
        ),
        ([[40, 9], [6, 45]], 0.85, 0.6995192307692307, 0.7007481296758106, 0.7007518796992481),
        ([[80, 10], [5, 5]], 0.85, 0.318181818181818, 0.808, 0.3177142857142857),
        ([[118, 5], [2, 0]], 0.944, -0.02339181286549608, 0.9407763376087177, -0.024691358024691468),
        ([[20, 5], [10, 15]], 0.7, 0.4, 0.40594059405940586, 0.4),
    ],
)
def test_pairs_of_raters(table: list[list[int]], percent: float, cohen: float, ac1: float, alpha: float) -> None:
    ratings = crossed(table)
    found = [value(f, ratings) for f in (percent_agreement, gwet_ac1, krippendorff_alpha)]
    assert [*found, kappa(ratings)] == pytest.approx([percent, ac1, alpha, cohen], abs=1e-9)


# Cohen (1968) Psychol Bull 70:213, Table 1.
def test_weighted_kappa() -> None:
    ratings = crossed([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    assert kappa(ratings) == pytest.approx(0.49152542372881347, abs=1e-9)
    assert kappa(ratings, [[0, 1, 3], [1, 0, 6], [3, 6, 0]]) == pytest.approx(0.348, abs=5e-4)


# Two raters on a scale of four, made up. Kappa by scikit-learn 1.9, Fleiss and weighted kappa by statsmodels 0.15,
# both alphas by krippendorff 0.9; AC2 by irrCAC 0.4 (.72548) and by Gwet's formula on the table's margins.
def test_ordered_categories() -> None:
    ratings = crossed([[11, 2, 1, 0], [3, 9, 4, 1], [0, 3, 8, 2], [1, 0, 2, 6]])
    assert kappa(ratings) == pytest.approx(0.5170263788968825, abs=1e-9)
    assert kappa(ratings, (1 - ordinal_weights(4)).tolist()) == pytest.approx(0.6881042454812947, abs=1e-9)
    assert kappa(ratings, [[abs(i - j) for i in range(4)] for j in range(4)]) == pytest.approx(0.629595867517472)
    assert value(fleiss_kappa, ratings) == pytest.approx(0.5162142685563296, abs=1e-9)
    assert value(krippendorff_alpha, ratings) == pytest.approx(0.5207782848907038, abs=1e-9)
    assert value(ordinal_alpha, ratings) == pytest.approx(0.7233636866406863, abs=1e-9)
    assert value(gwet_ac2, ratings) == pytest.approx(0.7254775008093236, abs=1e-9)


def test_ordinal_weights_fall_with_the_number_of_pairs_between() -> None:
    assert ordinal_weights(4)[0].tolist() == pytest.approx([1, 5 / 6, 1 / 2, 0])
    assert ordinal_weights(2).tolist() == [[1, 0], [0, 1]]


def test_raters_who_always_agree() -> None:
    ratings = Ratings.of([(False, False)] * 10, (False, True))
    assert (value(percent_agreement, ratings), value(gwet_ac1, ratings)) == (1.0, 1.0)
    undefined = Coefficient(None, NO_VARIATION, None, 10)
    assert [coefficient(f, ratings) for f in (fleiss_kappa, krippendorff_alpha, ordinal_alpha)] == [undefined] * 3
    assert cohen_kappas(ratings).mean == undefined


@few
@given(st.lists(st.floats(0.1, 90), min_size=2, max_size=40))
def test_no_variation_is_seen_through_the_rounding_of_weights(weights: list[float]) -> None:
    ratings = Ratings.of([("b", "b", "b")] * len(weights), "abc", weights)
    assert [value(f, ratings) for f in (fleiss_kappa, krippendorff_alpha, ordinal_alpha)] == [None] * 3
    assert kappa(ratings) is None


@pytest.mark.parametrize("n", [2, 3000])
def test_a_single_different_answer_is_variation(n: int) -> None:
    ratings = Ratings.of([("a", "a")] * n + [("b", "b")], "ab")
    found = [value(fleiss_kappa, ratings), value(krippendorff_alpha, ratings), kappa(ratings)]
    assert found == pytest.approx([1.0] * 3)


def test_a_single_rater_has_nobody_to_agree_with() -> None:
    ratings = Ratings.of([(True, None), (None, False)], (False, True))
    assert coefficients(dict.fromkeys("ab", percent_agreement), ratings) == dict.fromkeys(
        "ab", Coefficient(None, NO_PAIRS)
    )
    assert cohen_kappas(ratings).mean == Coefficient(None, NO_PAIRS)


def test_nobody_at_all() -> None:
    ratings = Ratings.of([(None, None)], (False, True))
    assert (ratings.n_rated, ratings.prevalence) == (0, [])
    assert (value(krippendorff_alpha, ratings), kappa(ratings)) == (None, None)


def test_the_mean_over_pairs_weighs_what_they_share() -> None:
    """The first two share 40 transcripts, the first and the third 10."""
    rows: list[list[int | None]] = []
    rows += [[a, b, None] for a, b in [(0, 0)] * 18 + [(1, 1)] * 14 + [(0, 1)] * 3 + [(1, 0)] * 5]
    rows += [[a, None, b] for a, b in [(0, 0)] * 5 + [(1, 1)] * 2 + [(0, 1)] * 3]
    found = cohen_kappas(Ratings.of(rows, (0, 1)), draws=0)
    assert [(pair.first, pair.second, pair.n) for pair in found.pairs] == [(0, 1, 40), (0, 2, 10)]
    apart = [kappa(crossed([[18, 3], [5, 14]])), kappa(crossed([[5, 3], [0, 2]]))]
    assert [pair.kappa.value for pair in found.pairs] == pytest.approx(apart)
    assert found.mean.value == pytest.approx((40 * (apart[0] or 0) + 10 * (apart[1] or 0)) / 50)


def simulated(n: int, raters: int, each: int) -> Ratings:
    rng = Random(5)
    rows: list[list[bool | None]] = []
    for _ in range(n):
        truth = rng.random() < 0.3
        chosen = set(rng.sample(range(raters), each))
        rows.append([truth ^ (rng.random() < 0.1) if rater in chosen else None for rater in range(raters)])
    return Ratings.of(rows, (False, True))


def test_the_mean_over_many_pairs_lies_inside_its_interval() -> None:
    """Each pair shares some 20 of them, so that the redraws of its kappa are biased."""
    found = cohen_kappas(simulated(600, 12, 3), draws=400).mean
    assert found.value is not None
    assert found.limits is not None
    assert found.limits.low < found.value < found.limits.high
    assert isclose(found.limits.low + found.limits.high, 2 * found.value, abs_tol=0.02)


def test_pairs_of_a_crowd_that_share_too_little_are_left_out() -> None:
    found = cohen_kappas(simulated(60, 40, 2), draws=0)
    assert (found.mean.reason, found.pairs, found.left_out > 50) == (TOO_FEW_SHARED, (), True)


def test_few_raters_keep_every_pair() -> None:
    found = cohen_kappas(Ratings.of([(0, 0, 1), (1, 1, 1), (0, 1, 0)], (0, 1)), draws=0)
    assert (len(found.pairs), found.left_out) == (3, 0)


def test_the_bootstrap_is_repeatable_and_close_to_the_known_error() -> None:
    ratings = crossed([[40, 10], [10, 40]])
    found, again = coefficient(percent_agreement, ratings), coefficient(percent_agreement, ratings)
    assert (found, cohen_kappas(ratings)) == (again, cohen_kappas(ratings))
    assert found.limits is not None
    assert found.limits.width / 2 == pytest.approx(1.96 * (0.8 * 0.2 / 100) ** 0.5, rel=0.1)


# Gwet's standard errors for the "abstractors" table (R irrCAC): kappa .0589, AC1 .0432.
def test_bootstrap_intervals_are_as_wide_as_gwets() -> None:
    ratings = crossed([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
    limits = [cohen_kappas(ratings).mean.limits, coefficient(gwet_ac1, ratings).limits]
    assert [found.width / (2 * 1.96) for found in limits if found] == pytest.approx([0.05891072, 0.04321747], rel=0.12)


# The asymptotic error of one kappa, Fleiss, Cohen & Everitt (1969) Psychol Bull 72:323, equation 14: for a two by two
# table that is symmetric with margins of one half, sqrt((1 - kappa²) / n).
def test_of_many_transcripts_the_interval_is_that_of_large_samples() -> None:
    ratings = crossed([[1000, 250], [250, 1000]])
    limits = cohen_kappas(ratings).mean.limits
    assert limits is not None
    assert limits.width / (2 * 1.96) == pytest.approx((0.64 / 2500) ** 0.5, rel=0.08)


def test_single_answers_count_for_nothing_where_fleiss_stands_beside_alpha() -> None:
    pairs: list[tuple[bool | None, ...]] = [(True, True), (False, False), (True, False), (False, False)]
    alone: list[tuple[bool | None, ...]] = [(True, None)] * 40
    known = value(fleiss_kappa, Ratings.of(pairs, (False, True)))
    with_singles = Ratings.of([*pairs, *alone], (False, True))

    assert value(paired_fleiss_kappa, with_singles) == known
    # 3/4 observed; the shares of these eight ratings are 3/8 and 5/8.
    assert known == pytest.approx((0.75 - 34 / 64) / (1 - 34 / 64))
    assert value(fleiss_kappa, with_singles) != pytest.approx(known)


def test_a_transcript_of_weight_two_counts_as_two() -> None:
    heavy = Ratings.of([(True, True), (True, False), (False, False)], (False, True), [2.0, 1.0, 3.0])
    plain = Ratings.of([(True, True)] * 2 + [(True, False)] + [(False, False)] * 3, (False, True))
    for statistic in (percent_agreement, fleiss_kappa, gwet_ac1, gwet_ac2):
        assert value(statistic, heavy) == pytest.approx(value(statistic, plain))
    assert kappa(heavy) == pytest.approx(kappa(plain))


def test_every_transcript_has_a_weight_or_none_has() -> None:
    with pytest.raises(ValueError, match="needs a weight"):
        Ratings.of([(True, True), (True, False)], (False, True), [1.0])


@few
@given(items)
def test_the_order_of_raters_and_the_names_of_answers_do_not_matter(
    rows: list[tuple[bool | None, ...]],
) -> None:
    ratings = Ratings.of(rows, (False, True))
    renamed = Ratings.of([[None if r is None else str(not r) for r in row[::-1]] for row in rows], ("True", "False"))
    for statistic in ALL:
        assert value(statistic, ratings) == pytest.approx(value(statistic, renamed))
    assert kappa(ratings) == pytest.approx(kappa(renamed))


@few
@given(items, st.floats(0.1, 50))
def test_only_the_proportions_of_weights_matter(rows: list[tuple[bool | None, ...]], factor: float) -> None:
    weights = [1.0 + i % 3 for i in range(len(rows))]
    ratings = Ratings.of(rows, (False, True), weights)
    heavier = Ratings.of(rows, (False, True), [factor * w for w in weights])
    for statistic in ALL:
        assert value(statistic, ratings) == pytest.approx(value(statistic, heavier))


@few
@given(items)
def test_coefficients_are_at_most_one(rows: list[tuple[bool | None, ...]]) -> None:
    ratings = Ratings.of(rows, (False, True))
    found = [*(value(statistic, ratings) for statistic in ALL), kappa(ratings)]
    assert max((one for one in found if one is not None), default=0) <= 1 + 1e-12


@few
@given(items)
def test_two_categories_have_no_order(rows: list[tuple[bool | None, ...]]) -> None:
    ratings = Ratings.of(rows, (False, True))
    assert value(ordinal_alpha, ratings) == pytest.approx(value(krippendorff_alpha, ratings))
    assert value(gwet_ac2, ratings) == pytest.approx(value(gwet_ac1, ratings))
