"""Strangers who take part through a link: how they come in, what they may open, and how their part ends."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from labeling.crowd.invite import JOINS_A_MINUTE, invitation_of, revoke
from labeling.crowd.join import CannotJoin, Given, end_overdue, join
from labeling.crowd.payment import way_out
from labeling.models import (
    Assignment,
    Campaign,
    CampaignItem,
    ContentNote,
    Draft,
    Expected,
    Invitation,
    Label,
    Participation,
)
from labeling.queue.decline import set_care
from tests.labeling.crowd import ids, invite, joined, late
from tests.labeling.makers import HARMLESS, campaign, client_of, form, person, study

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Campaign:
    study(unflagged=4)
    return campaign(size=4)


def in_hand(part: Participation) -> list[Assignment]:
    return list(Assignment.objects.filter(rater=part.rater, submitted_at=None))


def answer(client: Client, made: Campaign, part: Participation) -> str:
    """Open the queue and answer what it shows; where that leads."""
    client.get(f"/campaigns/{made.pk}/queue/")
    (slot,) = in_hand(part)
    sent = client.post(f"/campaigns/{made.pk}/queue/{slot.pk}/", form(HARMLESS), follow=True)
    return str(sent.request["PATH_INFO"])


def test_nothing_is_kept_before_somebody_agrees(made: Campaign) -> None:
    client, address = Client(), invite(made)

    page = client.get(address + ids("pid1"))

    assert (page.status_code, "Do you agree?" in page.content.decode()) == (200, True)
    assert (Participation.objects.count(), User.objects.filter(groups__name="crowd").count()) == (0, 0)
    assert "sessionid" not in client.cookies


def test_the_whole_way_from_consent_to_the_code(made: Campaign) -> None:
    client, address = Client(), invite(made, completion_url="https://platform.example/done?cc=DONE-1")

    assert client.post(address + ids("pid1"))["Location"] == f"/campaigns/{made.pk}/instructions/"
    part = Participation.objects.select_related("rater").get()
    assert client.get(f"/campaigns/{made.pk}/queue/")["Location"] == f"/campaigns/{made.pk}/instructions/"
    assert client.post(f"/campaigns/{made.pk}/instructions/")["Location"] == f"/campaigns/{made.pk}/queue/"
    assert answer(client, made, part) == f"/campaigns/{made.pk}/queue/"
    assert answer(client, made, part) == f"/campaigns/{made.pk}/end/"

    page = client.get(f"/campaigns/{made.pk}/end/").content.decode()
    part.refresh_from_db()
    assert part.state == "finished"
    assert re.findall(r"<code>(.*?)</code>", page) == ["DONE-1"]
    assert re.findall(r'href="(https://platform[^"]*)" rel="noreferrer"', page) == [
        "https://platform.example/done?cc=DONE-1"
    ]
    assert client.get(f"/campaigns/{made.pk}/queue/")["Location"] == f"/campaigns/{made.pk}/end/"


def test_of_a_participant_only_the_given_ids_are_kept(made: Campaign) -> None:
    client = Client(HTTP_USER_AGENT="Browser of Ada", REMOTE_ADDR="198.51.100.7")
    client.post(invite(made) + ids("pid1"))

    part = Participation.objects.select_related("rater").get()
    rater = part.rater
    assert (part.external_id, part.study_id, part.session_id) == ("pid1", "study", "session")
    assert (rater.first_name, rater.last_name, rater.email, rater.has_usable_password()) == ("", "", "", False)
    assert re.fullmatch("crowd-[0-9a-f]{12}", rater.username)
    assert list(rater.groups.values_list("name", flat=True)) == ["crowd"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        kept = repr(cursor.fetchall()) + repr(client.session.items())
    assert [secret for secret in ("Ada", "198.51.100.7", "pid1") if secret in kept] == []


def test_the_same_person_resumes_and_cannot_join_twice(made: Campaign) -> None:
    address = invite(made)
    _, part = joined(address, "pid1")
    elsewhere = Client()

    assert elsewhere.get(address + ids("pid1"))["Location"] == f"/campaigns/{made.pk}/queue/"
    assert elsewhere.post(invite(made) + ids("pid1"))["Location"] == f"/campaigns/{made.pk}/queue/"

    assert Participation.objects.count() == 1
    assert elsewhere.session["_auth_user_id"] == str(part.rater_id)


def test_without_an_id_every_browser_is_a_new_person(made: Campaign) -> None:
    address = invite(made)
    first, _ = joined(address)
    joined(address)

    first.post(address)

    assert Participation.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, 410, "This link has expired."),
        ({"revoked_at": timezone.now()}, 410, "This link was withdrawn by those who sent it."),
        ({"places": 1}, 410, "All places are taken. One may become free: try again later."),
    ],
)
def test_a_closed_link_says_why(made: Campaign, change: dict[str, object], status: int, words: str) -> None:
    address = invite(made)
    joined(address, "first")
    Invitation.objects.update(**change)

    answers = [Client().get(address + ids("pid2")), Client().post(address + ids("pid2"))]

    assert [(each.status_code, words in each.content.decode()) for each in answers] == [(status, True)] * 2
    assert Participation.objects.count() == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [("paused", "This study is paused. Try again later."), ("closed", "This study takes nobody in any more.")],
)
def test_only_an_open_campaign_takes_people_in(made: Campaign, state: str, words: str) -> None:
    address = invite(made)
    Campaign.objects.update(state=state)

    page = Client().post(address)

    assert (page.status_code, words in page.content.decode()) == (410, True)


@pytest.mark.parametrize("token", ["unknown", "x" * 43, "ü"])
def test_an_unknown_link_is_not_found(made: Campaign, token: str) -> None:
    assert Client().get(f"/join/{token}/").status_code == 404


@pytest.mark.parametrize("pid", ["{{%PROLIFIC_PID%}}", "a b", "a\0b", "x" * 201])
def test_an_id_that_the_platform_did_not_fill_in_is_refused(made: Campaign, pid: str) -> None:
    answer = Client().post(invite(made), query_params={"PROLIFIC_PID": pid})

    assert (answer.status_code, Participation.objects.count()) == (400, 0)
    assert "What the address gives as PROLIFIC_PID is no id" in answer.content.decode()


def test_whoever_is_signed_in_stays_so_and_is_told_to_use_a_private_window(made: Campaign) -> None:
    researcher = person("rita", "researcher")
    client = client_of(researcher)

    page = client.post(invite(made))

    assert (page.status_code, "private window" in page.content.decode()) == (409, True)
    assert (client.session["_auth_user_id"], Participation.objects.count()) == (str(researcher.pk), 0)


def test_a_flood_of_people_has_to_wait(made: Campaign) -> None:
    address = invite(made, places=1000)
    invitation = Invitation.objects.get()
    people = User.objects.bulk_create(User(username=f"u{n}") for n in range(JOINS_A_MINUTE))
    Participation.objects.bulk_create(
        Participation(campaign=made, rater=rater, invitation=invitation) for rater in people
    )

    page = Client().post(address)

    assert (page.status_code, page["Retry-After"]) == (429, "60")
    Participation.objects.update(joined_at=timezone.now() - timedelta(minutes=1))
    assert Client().post(address).status_code == 302


def test_the_session_lasts_as_long_as_the_time(made: Campaign) -> None:
    client, _ = joined(invite(made, minutes=90))

    assert client.session.get_expiry_age() == pytest.approx((90 + 60) * 60, abs=5)


def test_stopping_frees_what_is_in_hand_and_forgets_what_was_typed(made: Campaign) -> None:
    address = invite(made, places=1)
    client, part = joined(address, "pid1")
    client.get(f"/campaigns/{made.pk}/queue/")
    (slot,) = in_hand(part)
    client.post(f"/campaigns/{made.pk}/queue/{slot.pk}/draft/", form(HARMLESS, stamp="a.1"))
    assert Draft.objects.count() == 1

    assert client.get(f"/campaigns/{made.pk}/stop/").status_code == 200
    page = client.post(f"/campaigns/{made.pk}/stop/", follow=True).content.decode()

    part.refresh_from_db()
    slot.refresh_from_db()
    assert (part.state, slot.rater, slot.leased_until, Draft.objects.count()) == ("returned", None, None, 0)
    assert ("Thank you" in page, "DONE-1" in page) == (True, False)
    assert client.post(f"/campaigns/{made.pk}/queue/{slot.pk}/", form(HARMLESS)).status_code == 302
    assert Label.objects.count() == 0
    assert Client().get(address + ids("pid1"))["Location"] == f"/campaigns/{made.pk}/end/"
    joined(address, "pid2")  # the place is free


def test_whose_time_has_run_out_is_told_so_and_holds_nothing(made: Campaign) -> None:
    address = invite(made, places=1)
    client, part = joined(address, "pid1")
    client.get(f"/campaigns/{made.pk}/queue/")
    (slot,) = in_hand(part)
    late(part)

    sent = client.post(f"/campaigns/{made.pk}/queue/{slot.pk}/", form(HARMLESS), headers={"Accept": "application/json"})
    page = client.get(f"/campaigns/{made.pk}/queue/", follow=True)

    part.refresh_from_db()
    assert (sent.status_code, page.request["PATH_INFO"]) == (409, f"/campaigns/{made.pk}/end/")
    assert "Your time ran out" in page.content.decode()
    assert (part.state, part.ended_at, in_hand(part)) == ("timed_out", part.deadline, [])
    joined(address, "pid2")


def test_a_place_whose_time_ran_out_is_free_before_anybody_noticed(made: Campaign) -> None:
    address = invite(made, places=1)
    _, part = joined(address, "pid1")
    late(part)

    joined(address, "pid2")

    assert Participation.objects.get(pk=part.pk).state == "active"


def test_the_sweep_ends_what_is_overdue_and_nothing_else(made: Campaign) -> None:
    address = invite(made)
    slow, slow_part = joined(address, "slow")
    slow.get(f"/campaigns/{made.pk}/queue/")
    _, quick_part = joined(address, "quick")
    made.participants.add(person("ada", "rater"))
    late(slow_part)

    assert end_overdue() == 1

    assert in_hand(slow_part) == []
    states = Participation.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["timed_out", "active", "active"]
    assert end_overdue() == 0


def test_where_nothing_is_left_the_part_is_finished_with_the_code(made: Campaign) -> None:
    client, part = joined(invite(made, labels_each=100))

    ways = [answer(client, made, part) for _ in range(4)]

    part.refresh_from_db()
    assert ways[-1] == f"/campaigns/{made.pk}/end/"
    assert (part.state, part.reason, way_out(part).code) == ("finished", "nothing more was left to label", "DONE-1")


def test_whoever_declines_all_that_there_is_gets_no_code(made: Campaign) -> None:
    client, part = joined(invite(made))
    set_care(part.rater, ContentNote.objects.all(), reveals_at_once=False, minutes=None)

    page = client.get(f"/campaigns/{made.pk}/queue/", follow=True).content.decode()

    part.refresh_from_db()
    assert (part.state, "DONE-1" in page, "not your fault" in page) == ("returned", False, True)


def test_whoever_does_not_pass_the_qualification_gets_the_code_for_that(made: Campaign) -> None:
    Campaign.objects.update(qualification_pass=1)
    transcript = made.items.values_list("transcript", flat=True)[0]
    known = CampaignItem.objects.create(campaign=made, transcript_id=transcript, source="gold", serve_order=0)
    Expected.objects.create(item=known, purpose="qualification", answers={"harm": ["coercion"]})
    client, part = joined(invite(made, screen_out_code="OUT-1"))

    answer(client, made, part)
    page = client.get(f"/campaigns/{made.pk}/queue/", follow=True)

    part.refresh_from_db()
    assert (part.state, page.request["PATH_INFO"]) == ("screened_out", f"/campaigns/{made.pk}/end/")
    assert re.findall(r"<code>(.*?)</code>", page.content.decode()) == ["OUT-1"]


def test_a_pause_ends_nobody_s_part(made: Campaign) -> None:
    client, part = joined(invite(made))
    Campaign.objects.update(state="paused")

    page = client.get(f"/campaigns/{made.pk}/queue/")

    part.refresh_from_db()
    assert (page.status_code, part.state) == (200, "active")


def test_no_address_but_one_on_the_web_is_ever_linked(made: Campaign) -> None:
    _, part = joined(invite(made, completion_url="javascript:alert(1)"))
    part.state = Participation.State.FINISHED

    assert way_out(part).url == ""


def test_a_participant_opens_their_own_task_and_nothing_else(made: Campaign) -> None:
    other = campaign(name="Other", size=1)
    client, part = joined(invite(made), "pid1")
    client.get(f"/campaigns/{made.pk}/queue/")
    slot, elsewhere = in_hand(part)[0].pk, other.items.get().assignments.get().pk
    values = {"pk": other.pk, "slot": elsewhere, "token": "x", "first": 1, "second": 2, "slug": "harm", "item": 1}

    opened = {}
    for path in sorted(paths()):
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values.get(found[1], 1)), path)
        status = client.get(address).status_code
        if status not in (404, 405):
            opened[path] = status

    assert opened == {
        "/": 302,
        "/campaigns/": 302,
        "/care/": 200,
        "/healthz": 200,
        "/login/": 302,
        "/signin/<str:uid>/<str:token>/": 302,
    }
    own = {f"/campaigns/{made.pk}/{page}": 200 for page in ("", "queue/", f"queue/{slot}/", "answers/", "stop/")}
    assert {path: client.get(path).status_code for path in own} == own


def paths() -> set[str]:
    """Every route but those of the admin, whose first page sends whoever is no staff away."""

    def under(resolver: URLResolver, prefix: str) -> set[str]:
        found = set()
        for each in resolver.url_patterns:
            path = prefix + str(each.pattern)
            if isinstance(each, URLPattern):
                found.add(path)
            elif str(each.pattern) != "admin/":
                found |= under(each, path)
        return found

    return under(get_resolver(), "/")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("filled_database")
def test_of_many_who_come_at_once_no_more_join_than_there_are_places() -> None:
    study(unflagged=1)
    token = invite(campaign(size=1), places=2).split("/")[2]

    def come(number: int) -> bool:
        try:
            found = invitation_of(token)
            assert found is not None
            join(found, Given(f"pid{number // 2}"))  # each of them twice
        except CannotJoin:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(come, range(8)))

    assert (Participation.objects.count(), sum(came)) == (2, 4)


def test_only_the_first_withdrawal_is_dated(made: Campaign) -> None:
    invite(made)
    revoke(Invitation.objects.get())
    first = Invitation.objects.get().revoked_at

    revoke(Invitation.objects.get())

    assert Invitation.objects.get().revoked_at == first
