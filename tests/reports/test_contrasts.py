from __future__ import annotations

import pytest
from django.http import QueryDict
from django.test import Client

from labeling.stats.intervals import Interval, mover_difference
from reports.contrasts import contrasts
from reports.filters import Report
from transcripts.models import Condition

from .makers import UNLABELLED, WELL_LABELLED, Counts, Found, condition, study

# A corrected rate of .6 × 54/60 + .4 × 1/20 = 56 %.
OFTEN = Counts(Found(60, 60, 54), Found(40, 20, 1))


def report(query: str = "") -> Report:
    return Report.from_query(QueryDict(query))


@pytest.mark.django_db
def test_a_factor_is_the_corrected_rate_with_it_minus_that_without_it() -> None:
    study({("m", condition()): WELL_LABELLED, ("m", condition(urgency="replacement")): OFTEN})
    rates = {group.cells[0].condition.urgency: group.estimate for group in report().estimates.by(lambda c: (c.pk,))}

    (row,) = contrasts(report())

    between = mover_difference(
        0.56,
        Interval(rates["replacement"].low, rates["replacement"].high),
        0.2,
        Interval(rates["none"].low, rates["none"].high),
    )
    assert (row.names, row.tier, row.scale) == (("threat: replacement", "m"), "A", "difference")
    assert row.value == pytest.approx(0.56 - 0.2)
    assert (row.low, row.high) == pytest.approx((between.low, between.high))
    assert row.words == "+36 points [21, 50] *"
    assert row.raw == pytest.approx(0.6 - 0.2)
    assert row.p is not None
    assert row.p < 0.001
    assert (row.n_transcripts, row.n_labels) == (200, 140)
    assert row.remarks == (
        "with it 56 % [46, 68], without 20 % [12, 31]",
        "over 1 condition",
        "p < .0001, adjusted for the 1 comparison shown (Benjamini–Hochberg)",
    )


@pytest.mark.django_db
def test_only_conditions_that_are_alike_in_all_else_are_set_against_each_other() -> None:
    study(
        {
            ("m", condition("leaking", goal_type="conflict", urgency="replacement")): UNLABELLED,
            ("m", condition("leaking")): UNLABELLED,
            ("m", condition("murder", mitigation="dont")): UNLABELLED,
            ("n", condition("murder")): UNLABELLED,
        }
    )

    assert contrasts(report()) == []


@pytest.mark.django_db
def test_what_is_not_corrected_is_grey_and_never_has_an_asterisk() -> None:
    study({("m", condition()): UNLABELLED, ("m", condition(mitigation="dont")): Counts(Found(0), Found(100))})

    (row,) = contrasts(report())

    assert (row.tier, row.words, row.p, row.target) == ("C", "−30 points [−40, −21]", None, "judge")
    assert row.reason.startswith("not compared as corrected rates: not calibrated")


@pytest.mark.django_db
def test_differences_are_adjusted_for_all_that_are_shown() -> None:
    nearly = Counts(Found(30, 30, 27), Found(70, 40, 2))
    cells: dict[tuple[str, Condition], Counts] = {}
    for model in "abc":
        cells |= {(model, condition()): WELL_LABELLED, (model, condition(urgency="replacement")): WELL_LABELLED}
    study(cells | {("d", condition()): WELL_LABELLED, ("d", condition(urgency="replacement")): nearly})

    alone = contrasts(report("model=d"))[0].p
    together = contrasts(report())[-1].p

    assert alone is not None
    assert together == pytest.approx(4 * alone)


@pytest.mark.django_db
def test_a_contrast_leads_to_both_of_its_sides(client: Client) -> None:
    evaluation = study({("m", condition()): UNLABELLED, ("m", condition(awareness="notice")): UNLABELLED})

    (row,) = contrasts(report("scenario=blackmail"))

    first, second = sorted(Condition.objects.values_list("pk", flat=True))
    assert row.query == f"evaluation={evaluation.pk}&model=m&condition={first}&condition={second}"
