"""Invitations as those who run a campaign see them, the people who came, and what they are paid by."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from labeling.models import Assignment, Campaign, CampaignItem, Expected, Invitation, Participation
from labeling.queue.answer import Submission, submit
from labeling.queue.assign import take_next
from labeling.queue.care import shown
from tests.labeling.crowd import invite, joined, late
from tests.labeling.makers import HARMLESS, campaign, client_of, give, person, study
from transcripts.downloads.downloads import CANARY

pytestmark = pytest.mark.django_db
Counting = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def made() -> Campaign:
    study(unflagged=4)
    return campaign(size=4)


@pytest.fixture
def manager() -> Client:
    return client_of(person("rita", "researcher"))


def filled(**changes: str) -> dict[str, str]:
    return {"note": "", "places": "3", "labels_each": "2", "minutes": "60", "days": "7", "consent": "Yes?"} | changes


def test_the_link_is_shown_once_and_only_its_hash_is_kept(made: Campaign, manager: Client) -> None:
    page = manager.post(f"/campaigns/{made.pk}/invitations/", filled(note="Pilot"))

    token = page.context["address"].split("/")[-2]
    row = Invitation.objects.get()
    assert bytes(row.token_sha256) == hashlib.sha256(token.encode()).digest()
    assert f"http://testserver/join/{token}/" in page.content.decode()
    assert token not in manager.get(f"/campaigns/{made.pk}/invitations/").content.decode()
    assert (row.note, row.places, row.created_by and row.created_by.username) == ("Pilot", 3, "rita")
    assert Client().get(f"/join/{token}/").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"places": "0"},
        {"labels_each": ""},
        {"minutes": "-1"},
        {"days": "400"},
        {"consent": " "},
        {"completion_url": "javascript:alert(1)"},
        {"completion_url": "ftp://platform.example/"},
        {"screen_out_url": "not an address at all"},
    ],
)
def test_a_link_without_sound_limits_is_refused(made: Campaign, manager: Client, change: dict[str, str]) -> None:
    page = manager.post(f"/campaigns/{made.pk}/invitations/", filled(**change))

    assert (page.status_code, set(page.context["form"].errors), Invitation.objects.count()) == (422, set(change), 0)


def test_a_withdrawn_link_takes_nobody_in_and_whoever_is_in_goes_on(made: Campaign, manager: Client) -> None:
    address = invite(made)
    inside, _ = joined(address, "pid1")

    manager.post(f"/campaigns/{made.pk}/invitations/{Invitation.objects.get().pk}/revoke/")

    assert Client().post(address).status_code == 410
    assert inside.get(f"/campaigns/{made.pk}/queue/").status_code == 200


def test_the_list_counts_how_parts_stand(made: Campaign, manager: Client) -> None:
    address = invite(made, places=3)
    parts = [joined(address, f"pid{number}")[1] for number in range(3)]
    Participation.objects.filter(pk=parts[0].pk).update(state="finished", ended_at="2026-01-01T00:00Z")
    late(parts[1])

    ((row, closed, left),) = manager.get(f"/campaigns/{made.pk}/invitations/").context["invitations"]

    assert (row.joined, row.active, row.finished, row.returned, closed, left) == (3, 2, 1, 0, "", 1)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("page", "queries"), [("invitations", 5), ("people", 8)])
def test_the_pages_ask_the_database_as_often_for_many(
    made: Campaign, manager: Client, django_assert_num_queries: Counting, page: str, queries: int, n: int
) -> None:
    for number in range(n):
        joined(invite(made), f"pid{number}")
    manager.get(f"/campaigns/{made.pk}/{page}/")  # a codebook's questions are asked for once

    with django_assert_num_queries(queries):
        manager.get(f"/campaigns/{made.pk}/{page}/")


def test_a_part_that_is_ended_by_hand_frees_what_is_unfinished(made: Campaign, manager: Client) -> None:
    client, part = joined(invite(made), "pid1")
    client.get(f"/campaigns/{made.pk}/queue/")
    url = f"/campaigns/{made.pk}/people/{part.pk}/end/"

    manager.post(url)
    assert Participation.objects.get(pk=part.pk).state == "active"  # a reason is asked for
    manager.post(url, {"reason": "returned on the platform"})

    part.refresh_from_db()
    assert (part.state, part.reason) == ("returned", "returned on the platform")
    assert Assignment.objects.filter(rater=part.rater).count() == 0


def test_changing_who_takes_part_touches_nobody_who_came_through_a_link(made: Campaign, manager: Client) -> None:
    ada = person("ada", "rater")
    _, part = joined(invite(made), "pid1")

    page = manager.get(f"/campaigns/{made.pk}/")
    manager.post(f"/campaigns/{made.pk}/participants/", {"participants": [ada.pk]})

    assert part.rater not in page.context["participants_form"].fields["participants"].queryset
    assert set(made.participants.all()) == {ada, part.rater}


def test_people_are_listed_with_their_work(made: Campaign, manager: Client) -> None:
    _, part = joined(invite(made), "pid1")
    slot = take_next(made, part.rater)
    assert slot is not None
    shown(slot.item, part.rater)
    give(slot, False)

    page = manager.get(f"/campaigns/{made.pk}/people/?state=active")
    none = manager.get(f"/campaigns/{made.pk}/people/?state=finished")

    ((row, score, _),) = page.context["lines"]
    assert (row.external_id, row.labels, row.shown, score) == ("pid1", 1, 1, None)
    assert list(none.context["lines"]) == []


def test_the_export_for_payment(made: Campaign, manager: Client) -> None:
    address = invite(made)
    _, part = joined(address, "-pid1")
    known = CampaignItem.objects.create(
        campaign=made, transcript_id=made.items.values_list("transcript")[0][0], source="gold", serve_order=9
    )
    Expected.objects.create(item=known, answers={"harm": ["none"]})
    slot = Assignment.objects.create(item=known, slot=1, rater=part.rater)
    submit(slot, Submission(HARMLESS, seconds=90.0))
    give(take_next(made, part.rater), False)
    Participation.objects.filter(pk=part.pk).update(
        state="finished", ended_at="2026-02-01T10:00Z", reason="=cmd()", joined_at="2026-02-01T09:00Z"
    )
    joined(address, "pid2")
    made.participants.add(person("ada", "rater"))

    answer = manager.get(f"/campaigns/{made.pk}/people/payment/")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]

    first, second = csv.DictReader(lines[:-1])
    assert first == {
        "external_id": "'-pid1",
        "study_id": "study",
        "session_id": "session",
        "rater": part.rater.username,
        "joined_at": "2026-02-01T09:00:00+00:00",
        "ended_at": "2026-02-01T10:00:00+00:00",
        "state": "finished",
        "reason": "'=cmd()",
        "labels": "2",
        "minutes_active": "1.5",
        "gold_right": "1",
        "gold_of": "1",
        "qualification": "",
        "completion_code": "DONE-1",
    }
    assert (second["external_id"], second["state"], second["completion_code"]) == ("pid2", "active", "")
    assert lines[-1] == f"# {CANARY}"
    assert answer["Content-Disposition"] == 'attachment; filename="payment-campaign.csv"'
