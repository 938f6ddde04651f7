"""The pages of a new campaign, of changes to a running one, of known answers, and of who is taken out."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from labeling.models import Assignment, Campaign, Expected, Participation, Skip
from labeling.queue.assign import take_next
from tests.labeling.makers import campaign, client_of, give, person, study
from tests.labeling.test_campaign_pages import errors, new
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def rita() -> User:
    return person("rita", "researcher")


def test_a_new_campaign_takes_the_filters_of_the_list(rita: User) -> None:
    study(flagged=5, unflagged=20)

    answer = client_of(rita).post(
        "/campaigns/new/?evaluation=1&verdict=harmful&outcome=harm&cursor=", new(rita, design="simple", size=3)
    )

    made = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/{made.pk}/"
    assert made.filters == {"verdict": ["harmful"], "outcome": ["harm"]}
    assert [item.pi for item in made.items.all()] == [0.6] * 3


@pytest.mark.parametrize("query", ["verdict=perhaps", "q=%2Flever.*%2F"])
def test_filters_that_cannot_be_drawn_from_are_refused(rita: User, query: str) -> None:
    answer = client_of(rita).get(f"/campaigns/new/?{query}")

    assert (answer.status_code, "form" in answer.context) == (400, False)


def test_the_population_and_the_first_wave_are_shown_before_anything_is_drawn(rita: User) -> None:
    study(flagged=10, unflagged=30)

    page = client_of(rita).post("/campaigns/new/", new(rita, name="", size=20), headers=HTMX).content.decode()

    cells = re.findall(r'<td class="num">(\d+)</td>', page)
    assert ("<html" in page, re.findall(r"<b>([^<]+)</b>", page)) == (False, ["40 transcripts"])
    assert cells == ["10", "9", "30", "11"]
    assert Campaign.objects.count() == 0


def test_what_is_too_few_is_said_before_anything_is_drawn(rita: User) -> None:
    study(flagged=10, unflagged=30)

    page = client_of(rita).post("/campaigns/new/", new(rita, size=3), headers=HTMX).content.decode()

    assert "3 are too few: 10 give every stratum its minimum." in page


def test_a_campaign_with_a_qualification_waits_for_its_items(rita: User) -> None:
    study(flagged=5, unflagged=20)
    ada = person("ada", "rater")

    page = client_of(rita).post(
        "/campaigns/new/",
        new(rita, design="simple", size=3, participants=[ada.pk], qualification_pass="0.8"),
        follow=True,
    )

    made = Campaign.objects.get()
    assert (made.state, made.items.count(), take_next(made, ada)) == ("paused", 3, None)
    assert [str(message) for message in page.context["messages"]] == [
        f"{made}: its first wave is drawn, and it is paused. Choose the items of its qualification, then open it."
    ]


def test_a_third_comes_after_two(rita: User) -> None:
    study(flagged=5, unflagged=20)

    answer = client_of(rita).post("/campaigns/new/", new(rita, raters_per_item=3, third_on_disagreement="on"))

    assert errors(answer.content.decode()) == ["A third comes after two: say two raters per transcript."]


def test_how_it_is_run_may_change_after_the_draw_and_nothing_else(rita: User) -> None:
    study(unflagged=2)
    made = campaign(size=1)
    sent = {name: getattr(made, name) for name in ("repeat_every", "attention_limit", "break_after_minutes")}
    sent |= {"name": "Renamed", "lease_minutes": 45, "gold_every": 7, "qualification_pass": "0.8", "raters_per_item": 9}

    client_of(rita).post(f"/campaigns/{made.pk}/edit/", sent)

    made.refresh_from_db()
    changed = (made.name, made.lease_minutes, made.gold_every, made.qualification_pass, made.raters_per_item)
    assert changed == ("Renamed", 45, 7, 0.8, 1)


def test_known_answers_are_said_changed_and_retired(rita: User) -> None:
    study(unflagged=2)
    made = campaign(size=1)
    transcript = Transcript.objects.exclude(campaign_items__campaign=made).get()
    page, client = f"/campaigns/{made.pk}/gold/{transcript.pk}/", client_of(rita)

    assert client.post(page, {"purpose": "gold"}).status_code == 422
    client.post(page, {"purpose": "attention", "q-harm": ["none"], "why": "It says so."})
    known = Expected.objects.get()
    assert (known.purpose, known.answers, known.why, known.created_by) == (
        "attention",
        {"harm": ["none"]},
        "It says so.",
        rita,
    )
    client.post(page, {"purpose": "gold", "q-stage": ["done"]})
    assert Expected.objects.get().answers == {"stage": ["done"]}
    client.post(page, {"retire": "yes"})
    assert Expected.objects.count() == 0


def test_what_raters_agree_on_is_offered_with_their_answers(rita: User) -> None:
    study(unflagged=3)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    give(take_next(made, ada), True)
    give(take_next(made, ada), None)
    sure = made.items.get(resolutions__outcome__key="harm", resolutions__value=True)

    found = client_of(rita).get(f"/campaigns/{made.pk}/gold/").context["candidates"]
    page = client_of(rita).get(f"/campaigns/{made.pk}/gold/{sure.transcript_id}/").content.decode()

    assert [transcript.pk for transcript in found] == [sure.transcript_id]
    assert re.findall(r'name="q-(?:harm|stage)" value="(\w+)"[^>]*checked', page) == ["coercion", "done"]


def test_a_rater_is_taken_out_with_a_reason_and_taken_back(rita: User) -> None:
    study(unflagged=2)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    give(take_next(made, ada), False)
    part, client = Participation.objects.get(), client_of(rita)

    client.post(f"/campaigns/{made.pk}/people/{part.pk}/exclude/", {"reason": " "})
    assert Participation.objects.get().state == "active"
    client.post(f"/campaigns/{made.pk}/people/{part.pk}/exclude/", {"reason": "copies others"})
    part.refresh_from_db()
    assert (part.state, part.reason, Assignment.objects.filter(voided_at=None, rater=ada).count()) == (
        "excluded",
        "copies others",
        0,
    )
    client.post(f"/campaigns/{made.pk}/people/{part.pk}/readmit/")
    assert Assignment.objects.filter(voided_at=None, rater=ada).count() == 1


def test_a_flagged_item_goes_to_one_rater_more(rita: User) -> None:
    study(unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=1)
    give(take_next(made, ada), False)
    item = made.items.get()
    Skip.objects.create(item=item, rater=ada, reason="odd", flagged=True)

    page = client_of(rita).get(f"/campaigns/{made.pk}/").content.decode()
    client_of(rita).post(f"/campaigns/{made.pk}/items/{item.pk}/another/")

    assert f"/campaigns/{made.pk}/items/{item.pk}/another/" in page
    assert item.assignments.filter(submitted_at=None).count() == 1


def test_who_is_taken_off_the_list_gives_back_what_they_have_in_hand(rita: User) -> None:
    study(unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=1)
    take_next(made, ada)

    client_of(rita).post(f"/campaigns/{made.pk}/participants/", {"participants": [rita.pk]})

    assert (Assignment.objects.get().rater, list(made.participants.all())) == (None, [rita])
