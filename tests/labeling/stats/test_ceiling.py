"""What people reach among themselves, and the classifier with them."""

import pytest

from labeling.stats.agreement import Ratings, gwet_ac1, krippendorff_alpha, percent_agreement, value
from labeling.stats.ceiling import STATISTICS, Row, ceiling, judge_against


def test_with_one_rater_a_classifier_agrees_like_any_two_raters() -> None:
    """Of one rater each, pairing the classifier with them is the ordinary agreement of two."""
    pairs = [(True, True)] * 40 + [(True, False)] * 9 + [(False, True)] * 6 + [(False, False)] * 45
    found = judge_against([Row(judge, (person,)) for judge, person in pairs], draws=0)
    ratings = Ratings.of(pairs, (False, True))
    assert {name: one.value for name, one in found.items()} == {
        "percent": pytest.approx(value(percent_agreement, ratings)),
        "alpha": pytest.approx(value(krippendorff_alpha, ratings)),
        "ac1": pytest.approx(value(gwet_ac1, ratings)),
    }
    # Feinstein & Cicchetti (1990) J Clin Epidemiol 43:543, by R irrCAC and krippendorff.
    assert [round(found[name].value or 0, 4) for name in STATISTICS] == [0.85, 0.7008, 0.7007]


def test_a_transcript_weighs_once_however_many_raters_it_has() -> None:
    many = judge_against([Row(True, (True, True, True)), Row(False, (True,))], draws=0)
    one = judge_against([Row(True, (True,)), Row(False, (True,))], draws=0)
    assert many["percent"].value == one["percent"].value == 0.5


def test_both_are_of_the_very_same_transcripts() -> None:
    rows = [Row(True, (True, True)), Row(False, (True, None)), Row(True, (False, True)), Row(False, (None, None))]
    found = ceiling(rows, draws=50)
    assert (found.n_items, found.n_raters) == (2, 2)
    assert (found.people["percent"].value, found.judge["percent"].value) == (0.5, 0.75)
    assert (found.people["percent"].n_items, found.judge["percent"].n_items) == (2, 2)


def test_the_classifier_takes_each_raters_place() -> None:
    rows = [Row(True, (True, True, False))] * 6 + [Row(False, (True, False, None))] * 4
    first, second, third = ceiling(rows, draws=0).in_place
    # With the others the first agrees on half of six and none of four; the classifier on half of six and all of four.
    assert (first.n, first.share, first.judge_share) == pytest.approx((10, 0.3, 0.7))
    assert (third.n, third.share, third.judge_share) == (6, 0.0, 1.0)
    assert second.limits.low <= second.share <= second.limits.high


def test_one_rater_has_no_ceiling() -> None:
    found = ceiling([Row(True, (True,)), Row(False, (False,))])
    assert (found.n_items, found.people["percent"].value, found.judge["percent"].value, found.in_place) == (
        0,
        None,
        None,
        (),
    )


def test_weights_undo_an_enriched_sample() -> None:
    found = ceiling([Row(True, (True, True), 1.0), Row(True, (False, False), 9.0)], draws=0)
    assert found.judge["percent"].value == pytest.approx(0.1)
    assert found.people["percent"].value == pytest.approx(1.0)
