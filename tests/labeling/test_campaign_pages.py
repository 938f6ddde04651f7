"""The list of campaigns, a new one, and one of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import User

from labeling.models import Campaign, CodebookVersion
from labeling.queue.assign import take_next
from tests.labeling.makers import campaign, client_of, give, judge, label_all, person, study
from transcripts.models import Evaluation

pytestmark = pytest.mark.django_db
Counting = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def rita() -> User:
    return person("rita", "researcher")


def new(rita: User, **changed: object) -> dict[str, object]:
    return {
        "name": "First",
        "evaluation": Evaluation.objects.get().pk,
        "codebook_version": CodebookVersion.objects.get().pk,
        "design": "stratified",
        "classifier_version": judge().pk,
        "raters_per_item": 2,
        "triple_share": "0.2",
        "hides": ["others", "verdict", "model", "condition"],
        "masks_names": "on",
        "gold_every": 0,
        "repeat_every": 0,
        "attention_limit": 2,
        "break_after_minutes": 45,
        "lease_minutes": 30,
        "participants": [rita.pk],
        "size": 12,
    } | changed


def errors(page: str) -> list[str]:
    return re.findall(r'<p class="error"[^>]*>([^<]+)', page)


def test_a_new_campaign_draws_its_first_wave_and_opens(rita: User) -> None:
    study(flagged=5, unflagged=20)

    answer = client_of(rita).post("/campaigns/new/", new(rita))

    made = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/{made.pk}/"
    assert (made.state, made.created_by, list(made.participants.all())) == ("open", rita, [rita])
    assert (made.items.count(), made.waves.get().drawn_by) == (12, rita)


def test_a_draw_that_is_too_small_is_an_error_at_its_field_and_saves_nothing(rita: User) -> None:
    study(flagged=5, unflagged=20)

    answer = client_of(rita).post("/campaigns/new/", new(rita, size=3))

    assert (answer.status_code, Campaign.objects.count()) == (422, 0)
    assert errors(answer.content.decode()) == ["3 are too few: 10 give every stratum its minimum."]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"classifier_version": ""}, "This design needs a judge&#x27;s verdicts: choose one."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_a_form_that_is_wrong_says_where(rita: User, changed: dict[str, object], problem: str) -> None:
    study(flagged=5, unflagged=20)

    answer = client_of(rita).post("/campaigns/new/", new(rita, **changed))

    assert (answer.status_code, errors(answer.content.decode())) == (422, [problem])


def test_the_form_offers_what_there_is(rita: User) -> None:
    study(flagged=2, unjudged=1)
    person("vic", "viewer")

    page = client_of(rita).get("/campaigns/new/").content.decode()

    assert re.findall(r"<option[^>]*>([^<]+)</option>", page) == [
        "---------",
        "Study (3 transcripts with an answer)",
        "---------",
        "Agentic misalignment 2",
        "---------",
        "framework harm grader-1 (has judged 2 of Study)",
        "more where answers vary more, as planned",
        "in proportion to size",
        "as many from each",
    ]
    assert re.findall(r'name="participants" value="(\d+)"', page) == [str(rita.pk)]


@pytest.mark.parametrize(
    ("before", "to", "after"),
    [
        ("open", "paused", "paused"),
        ("paused", "open", "open"),
        ("open", "closed", "closed"),
        ("closed", "open", "open"),
        ("closed", "paused", "closed"),
        ("open", "draft", "open"),
    ],
)
def test_only_steps_that_the_state_allows_are_taken(rita: User, before: str, to: str, after: str) -> None:
    study(unflagged=1)
    made = campaign(size=1)
    Campaign.objects.update(state=before)

    client_of(rita).post(f"/campaigns/{made.pk}/state/", {"state": to})

    made.refresh_from_db()
    assert made.state == after


def test_another_wave_is_drawn(rita: User) -> None:
    study(unflagged=10)
    made = campaign(size=4)

    client_of(rita).post(f"/campaigns/{made.pk}/wave/", {"size": 3})

    assert [wave.items.count() for wave in made.waves.all()] == [4, 3]


def test_who_takes_part_is_changed(rita: User) -> None:
    study(unflagged=1)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, size=1)

    client_of(rita).post(f"/campaigns/{made.pk}/participants/", {"participants": [ben.pk]})

    assert list(made.participants.all()) == [ben]


def test_the_page_counts_strata_raters_response_and_agreed_answers(rita: User) -> None:
    study(flagged=5, unflagged=15)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, design="stratified", raters_per_item=2, size=10)
    for rater in (ada, ben):
        give(take_next(made, rater), False)
    give(take_next(made, ada), True)

    context = client_of(rita).get(f"/campaigns/{made.pk}/").context

    assert (context["response"].drawn, context["response"].full, context["unresolved"]) == (10, 1, 0)
    assert [(line.verdict, line.population, line.drawn) for line in context["strata"]] == [
        ("flagged", 5, 5),
        ("not flagged", 15, 5),
    ]
    assert [line.pi for line in context["strata"]] == [1.0, pytest.approx(1 / 3)]
    assert sum(line.full for line in context["strata"]) == 1
    assert [(line.rater, line.submitted, line.held) for line in context["raters"]] == [(ada, 2, 0), (ben, 1, 0)]
    harm = context["outcomes"][0]
    assert (harm.outcome.key, harm.unanimous, harm.majority, harm.unresolved, harm.positive) == ("harm", 1, 0, 0, 0)


def test_a_rater_sees_the_guideline_and_their_own_progress_only() -> None:
    study(flagged=3, unflagged=3)
    ada, ben = person("ada", "rater"), person("benjamin", "rater")
    made = campaign(ada, ben, design="stratified", size=6)
    give(take_next(made, ada), False)
    give(take_next(made, ben), False)

    page = client_of(ada).get(f"/campaigns/{made.pk}/").content.decode()

    hidden = ["benjamin", "framework-harm", "Strata", "brisk-heron-2", "flagged", "Study"]
    assert [word for word in hidden if word in page] == []
    assert re.findall(r"<b>(\d+ by you)</b><span>([^<]+)", page) == [("1 by you", "fewer than 10 left")]
    assert page.count("A threat needs no threatening word") == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_the_database_as_often_for_many_as_for_one(
    rita: User, rows: int, django_assert_num_queries: Counting
) -> None:
    study(unflagged=3)
    for number in range(rows):
        campaign(rita, size=1, name=f"Campaign {number}")
    client = client_of(rita)

    with django_assert_num_queries(4):
        page = client.get("/campaigns/")

    assert len(page.context["page"].rows) == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_a_campaign_asks_the_database_as_often_for_many_as_for_one(
    rita: User, rows: int, django_assert_num_queries: Counting
) -> None:
    study(flagged=rows, unflagged=rows)
    raters = [person(f"rater-{number}", "rater") for number in range(rows)]
    made = campaign(*raters, design="stratified", size=2 * rows)
    give(take_next(made, raters[0]), False)
    client = client_of(rita)

    with django_assert_num_queries(33):
        client.get(f"/campaigns/{made.pk}/")


@pytest.mark.parametrize("rows", [1, 3])
def test_earlier_answers_ask_the_database_as_often_for_many_as_for_one(
    rows: int, django_assert_num_queries: Counting
) -> None:
    study(unflagged=rows)
    ada = person("ada", "rater")
    made = campaign(ada, size=rows)
    label_all(made, {ada: [True] * rows})
    client = client_of(ada)

    with django_assert_num_queries(15):
        page = client.get(f"/campaigns/{made.pk}/answers/")

    assert len(page.context["page"].rows) == rows
