"""Who gets which of what is drawn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.models import (
    Assignment,
    Campaign,
    Care,
    Choice,
    ContentNote,
    Draft,
    Invitation,
    Label,
    Participation,
    Skip,
)
from labeling.queue.assign import put_aside, renew, save_draft, take_next, why_nothing
from labeling.queue.pace import progress
from tests.labeling.makers import OTHER, campaign, give, person, study
from tests.transcripts.study import ingest, sample

pytestmark = pytest.mark.django_db


def test_a_rater_resumes_what_they_hold() -> None:
    study(unflagged=3)
    ada = person("ada", "rater")
    made = campaign(ada, size=3)

    assert take_next(made, ada) == take_next(made, ada)


def test_a_rater_never_gets_two_places_of_one_transcript() -> None:
    study(unflagged=2)
    ada = person("ada", "rater")
    made = campaign(ada, size=2, raters_per_item=3)

    given = []
    while slot := take_next(made, ada):
        given.append(slot.item_id)
        give(slot, False)
    assert sorted(given) == sorted(made.items.values_list("pk", flat=True))


def test_a_campaign_that_is_not_open_gives_nothing_out() -> None:
    study(unflagged=2)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    made.state = Campaign.State.PAUSED

    assert take_next(made, ada) is None


def test_an_expired_lease_is_taken_over_and_the_draft_is_kept() -> None:
    study(unflagged=1)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=1)
    slot = take_next(made, ada)
    assert slot is not None
    save_draft(slot, {"comment": "so far"})
    assert take_next(made, ben) is None
    Assignment.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    taken = take_next(made, ben)

    assert taken == slot
    assert taken is not None
    assert taken.rater == ben
    assert renew(slot) is False
    assert Draft.objects.get(rater=ada).content == {"comment": "so far"}


def test_a_lease_is_renewed_while_nobody_else_has_it() -> None:
    study(unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=1)
    slot = take_next(made, ada)
    assert slot is not None
    Assignment.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    assert renew(slot) is True
    slot.refresh_from_db()
    assert slot.leased_until is not None
    assert slot.leased_until > timezone.now() + timedelta(minutes=29)


def test_what_is_put_aside_comes_back_last_and_goes_to_others_at_once() -> None:
    study(unflagged=2)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=2)
    first = take_next(made, ada)
    assert first is not None
    put_aside(first, "too long", flagged=True)

    second = take_next(made, ada)
    assert second is not None
    assert second.item != first.item
    give(second, False)
    back = take_next(made, ada)
    assert back is not None
    assert back.item == first.item
    put_aside(back, "again")
    to_ben = take_next(made, ben)
    assert to_ben is not None
    assert to_ben.item == first.item
    assert list(Skip.objects.order_by("pk").values_list("reason", "flagged")) == [
        ("too long", True),
        ("again", False),
    ]


@pytest.mark.usefixtures("filled_database")
@pytest.mark.django_db(transaction=True)
def test_raters_at_once_never_get_the_same_slot() -> None:
    study(unflagged=8)
    raters = [person(f"rater-{number}", "rater") for number in range(8)]
    made = campaign(*raters, size=8)
    start = Barrier(len(raters))

    def take(number: int) -> list[int]:
        taken = []
        start.wait(timeout=30)
        slot = take_next(made, raters[number])
        if slot is not None:
            taken.append(slot.pk)
        connection.close()
        return taken

    with ThreadPoolExecutor(len(raters)) as pool:
        taken = [pk for part in pool.map(take, range(len(raters))) for pk in part]

    assert sorted(taken) == sorted(Assignment.objects.values_list("pk", flat=True))


@pytest.mark.usefixtures("filled_database")
@pytest.mark.django_db(transaction=True)
def test_one_rater_in_two_tabs_holds_one_place_of_a_transcript() -> None:
    study(unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=1, raters_per_item=3)
    start = Barrier(4)

    def take(_: int) -> int | None:
        start.wait(timeout=30)
        slot = take_next(made, ada)
        connection.close()
        return slot.pk if slot else None

    with ThreadPoolExecutor(4) as pool:
        taken = set(pool.map(take, range(4)))

    assert len(taken - {None}) == 1
    assert Assignment.objects.filter(rater=ada).count() == 1


def test_a_label_has_the_rater_and_the_item_of_its_assignment() -> None:
    study(flagged=2)
    made = campaign(size=2)
    slot = take_next(made, person("ada", "rater"))
    assert slot is not None
    with pytest.raises(IntegrityError, match="of its assignment"), transaction.atomic():
        Label.objects.create(item=slot.item, assignment=slot, rater=person("bo"), text_sha256=b"t")


def test_a_published_codebook_stays_as_it_is() -> None:
    with pytest.raises(IntegrityError, match="published codebook stays as it is"), transaction.atomic():
        Choice.objects.filter(key="coercion").update(needs_evidence=False)


def test_a_paused_campaign_lets_finish_what_is_in_hand() -> None:
    study(unflagged=2)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    held = take_next(made, ada)
    made.state = Campaign.State.PAUSED

    assert take_next(made, ada) == held
    give(held, False)
    assert (take_next(made, ada), why_nothing(made, ada)) == (None, "paused")
    made.state = Campaign.State.CLOSED
    assert (take_next(made, ada), why_nothing(made, ada)) == (None, "closed")


def test_nobody_is_given_what_they_decline_to_read() -> None:
    ingest(sample("1"), sample("2", condition=OTHER))
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    note = ContentNote.objects.create(slug="own", name="Own", words="Own.", scenarios=["blackmail"])
    Care.objects.create(rater=ada).declined.add(note)

    given = []
    while slot := take_next(made, ada):
        given.append(slot.item.transcript.sample_key)
        give(slot, False)

    assert (given, progress(made, ada).left) == (["2"], 0)


@pytest.mark.parametrize("state", ["finished", "returned", "timed_out", "screened_out", "excluded"])
def test_whose_part_has_ended_is_given_nothing(state: str) -> None:
    study(unflagged=2)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    Participation.objects.update(state=state, ended_at=timezone.now())

    assert (take_next(made, ada), why_nothing(made, ada)) == (None, state)


@pytest.mark.parametrize(("labels", "minutes", "why"), [(1, 60, "labels"), (5, 60, ""), (5, 1, "minutes")])
def test_an_invitation_ends_at_its_number_and_its_time(labels: int, minutes: int, why: str) -> None:
    study(unflagged=3)
    ada = person("ada", "rater")
    made = campaign(ada, size=3)
    link = Invitation.objects.create(
        campaign=made,
        token_sha256=b"x",
        places=1,
        labels_each=labels,
        minutes=minutes,
        consent="Yes.",
        expires_at=timezone.now() + timedelta(days=1),
    )
    Participation.objects.update(invitation=link, joined_at=timezone.now() - timedelta(minutes=minutes == 1 and 2))
    if why != "minutes":
        give(take_next(made, ada), False)

    assert (take_next(made, ada) is None, why_nothing(made, ada)) == (why != "", why)
    assert progress(made, ada).of == labels
