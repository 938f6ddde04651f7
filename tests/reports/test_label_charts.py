from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from labeling.calibration.calibrate import calibrate
from labeling.queue.assign import take_next
from labeling.stats.intervals import wilson
from reports.answers import beliefs, kinds, steps
from reports.charts import CHARTS
from reports.counts import gate_conflicts, progress
from reports.course import course
from reports.filters import Report
from reports.quality import agreement, quality
from tests.labeling.makers import campaign, client_of, give, label_all, person
from tests.labeling.makers import study as judged_study
from tests.transcripts.study import ingest, sample, verdict

from .makers import UNLABELLED, WELL_LABELLED, condition, study, user


def report(query: str = "") -> Report:
    return Report.from_query(QueryDict(query))


@pytest.fixture
def _labelled(db: None) -> None:
    """Five of six drawn and answered by three: harm by majority, by one of three only, none twice, unsure."""
    judged_study(flagged=2, unflagged=4)
    raters = [person(name, "rater") for name in ("ada", "ben", "cyd")]
    made = campaign(*raters, raters_per_item=3, size=5)
    given: dict[User, Sequence[bool | None]] = {
        raters[0]: [True, True, False, False, None],
        raters[1]: [True, False, False, False, None],
        raters[2]: [False, False, False, False, True],
    }
    label_all(made, given)


@pytest.mark.usefixtures("_labelled")
def test_a_step_holds_those_after_it_and_what_nobody_agrees_on_is_missing() -> None:
    rows = steps(report())

    limits = wilson(0.25, 4)
    assert [(row.names[1], row.value, row.n_labels) for row in rows] == [
        ("considered", 0.25, 4),
        ("drafted", 0.25, 4),
        ("done", 0.25, 4),
    ]
    assert {(row.low, row.high, row.tier) for row in rows} == {(limits.low, limits.high, "H")}
    assert rows[0].remarks == (
        "1 of 4 labelled transcripts",
        "1 without an agreed answer are missing, not negative",
    )


@pytest.mark.usefixtures("_labelled")
def test_each_kind_of_harm_has_a_share_and_none_is_zero() -> None:
    assert {row.names[0]: row.words for row in kinds(report())} == {
        "Coercion or blackmail": "25 % [5, 70]",
        "Leak outside the company": "below 49.0 %",
        "Private matters disclosed inside": "below 49.0 %",
        "Deception": "below 49.0 %",
        "Sabotage": "below 49.0 %",
        "Letting someone come to harm": "below 49.0 %",
        "Another harmful act": "below 49.0 %",
    }


@pytest.mark.usefixtures("_labelled")
def test_harm_among_those_who_say_what_they_believe() -> None:
    rows = beliefs(report())

    assert [(row.names[0], row.names[1], row.words, row.n_labels) for row in rows[:3]] == [
        ("All models", "Says that it is a test", "no data", 0),
        ("All models", "Says that it is real", "no data", 0),
        ("All models", "Says nothing of it", "25 % [5, 70]", 4),
    ]


@pytest.mark.usefixtures("_labelled")
def test_progress_tells_what_is_answered_from_what_is_agreed() -> None:
    assert [(row.names[1], row.words) for row in progress(report())] == [
        ("answered", "5 of 5 drawn"),
        ("agreed", "4 of 5 drawn"),
    ]


@pytest.mark.django_db
def test_gates_that_overrule_the_judge_are_counted_in_both_directions() -> None:
    finals = [(True, True), (False, True), (False, True), (True, False), (False, False)]
    ingest(*(sample(str(n), verdicts=(verdict(final, judge),)) for n, (final, judge) in enumerate(finals)))

    rows = gate_conflicts(report())

    assert [(row.names[0], row.value, row.reason, row.query.rpartition("&")[2]) for row in rows] == [
        ("judge: harm, gates: no", 0.4, "2 of 5 verdicts with a judge and gates", "verdict=not_harmful"),
        ("judge: no, gates: harm", 0.2, "1 of 5 verdicts with a judge and gates", "verdict=harmful"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("slug", sorted(CHARTS))
def test_a_chart_without_data_says_so(client: Client, slug: str) -> None:
    study({("m", condition()): UNLABELLED})
    client.force_login(user("viewer", "viewer"))

    page = client.get(f"/charts/{slug}/")

    assert page.status_code == 200
    drawn = bool(CHARTS[slug].rows(report()))
    assert ("Nothing to show yet" in page.content.decode()) is not drawn


@pytest.mark.usefixtures("_labelled")
@pytest.mark.parametrize("slug", sorted(CHARTS))
def test_every_chart_freezes_and_downloads(slug: str) -> None:
    reader = client_of(person("eve", "viewer"))

    page, table = reader.get(f"/charts/{slug}/"), reader.get(f"/charts/{slug}/?format=csv")

    assert (page.status_code, table.status_code) == (200, 200)
    rows = len(CHARTS[slug].rows(report()))
    assert page.content.decode().count('<tr id="row-') == rows


@pytest.mark.usefixtures("_labelled")
def test_the_classifier_is_set_against_people_as_the_calibration_found_it() -> None:
    found = calibrate(report().basis)

    rows = quality(report())

    assert [(row.names, row.value) for row in rows] == [
        (
            ("Sensitivity: of the harm that people find, flagged", "Everything"),
            found.figures["quality"]["sensitivity"]["value"],
        ),
        (("Specificity: of the rest, not flagged", "Everything"), found.figures["quality"]["specificity"]["value"]),
    ]
    people, judge, again = agreement(report())[:3]
    assert (people.names, people.value) == (
        ("Percent agreement", "Two people"),
        found.figures["ceiling"]["people"]["percent"]["value"],
    )
    assert (judge.value, again.words) == (found.figures["ceiling"]["judge"]["percent"]["value"], "no data")


@pytest.mark.django_db
def test_evaluations_are_set_against_each_other_over_the_conditions_of_both() -> None:
    first = study({("m", condition("a")): WELL_LABELLED, ("m", condition("b")): UNLABELLED}, name="First")
    second = study({("m", condition("a")): UNLABELLED, ("n", condition("a")): UNLABELLED}, name="Second")
    day = f"{first.created_at:%Y-%m-%d}"

    rows = course(report(f"evaluation={second.pk}"))

    assert [(row.names, row.tier, row.words, row.n_cells) for row in rows] == [
        (("m", f"First ({day})"), "A", "20 % [12, 31]", 1),
        (("m", f"Second ({day})"), "C", "30 % [22, 40]", 1),
    ]
    assert f"evaluation={first.pk}&" in rows[0].query


@pytest.mark.django_db
def test_nothing_is_agreed_before_the_panel_is_full() -> None:
    judged_study(flagged=1)
    made = campaign(*(person(name, "rater") for name in ("ada", "ben")), raters_per_item=2, size=1)
    give(take_next(made, User.objects.get(username="ada")), True)

    assert [row.words for row in steps(report())] == ["no data", "no data", "no data"]
