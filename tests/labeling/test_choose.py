"""Transcripts that somebody chose while reading: labelled like the sample, and never part of a rate."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from labeling.calibration.basis import Basis, sample_items
from labeling.campaigns.choose import CannotChoose, Chosen, add_chosen
from labeling.campaigns.draw import draw_wave
from labeling.models import Assignment, Campaign, CampaignItem
from labeling.queue.assign import take_next
from tests.labeling.makers import campaign, client_of, give, person, study
from tests.transcripts.study import ingest, sample
from transcripts.ingest.parsed import Status
from transcripts.models import Transcript
from transcripts.models.transcripts import TranscriptQuerySet

pytestmark = pytest.mark.django_db


def browsed(made: Campaign) -> list[int]:
    return sorted(made.items.filter(source="browse").values_list("transcript_id", flat=True))


def undrawn(made: Campaign) -> list[int]:
    rows = Transcript.objects.filter(cell__evaluation=made.evaluation).exclude(campaign_items__campaign=made)
    return list(rows.order_by("u").values_list("pk", flat=True))


def by_id(*ids: int) -> TranscriptQuerySet:
    return Transcript.objects.filter(pk__in=ids)


def test_what_is_chosen_gets_slots_for_every_rater() -> None:
    study(flagged=4)
    made = campaign(size=2, raters_per_item=3)
    chosen = undrawn(made)

    assert add_chosen(made, by_id(*chosen)) == Chosen(added=2, already=0, elsewhere=0, unanswered=0)
    assert browsed(made) == sorted(chosen)
    assert Assignment.objects.filter(item__source="browse").count() == 6


def test_a_second_time_nothing_is_added() -> None:
    study(flagged=4)
    made = campaign(size=2)
    add_chosen(made, Transcript.objects.all())

    assert add_chosen(made, Transcript.objects.all()) == Chosen(added=0, already=4, elsewhere=0, unanswered=0)
    assert made.items.count() == 4


def test_what_cannot_be_labelled_in_it_is_told() -> None:
    elsewhere = study(flagged=1, name="Another")
    study(flagged=2)
    failed = ingest(sample("failed", "", status=Status.ERROR))
    made = campaign(size=1)

    found = add_chosen(made, Transcript.objects.all())

    assert found == Chosen(added=1, already=1, elsewhere=len(elsewhere), unanswered=len(failed))
    assert found.words == (
        "1 added; 1 in it already; 1 left out, of another evaluation; 1 left out, without an answer to label"
    )


def test_it_never_enters_a_rate() -> None:
    study(flagged=3)
    rater = person("ada", "rater")
    made = campaign(rater, size=1)
    (drawn,) = made.items.all()
    add_chosen(made, Transcript.objects.all())
    while slot := take_next(made, rater):
        give(slot, True)

    assert [item.pk for item in sample_items(Basis.of(made.evaluation))] == [drawn.pk]


def test_a_later_wave_takes_in_what_it_draws() -> None:
    """The sample is the beginning of the order of the random numbers, whatever was chosen by hand before."""
    study(flagged=6)
    rater = person("ada", "rater")
    made = campaign(rater, size=2)
    first, *_, last = undrawn(made)
    add_chosen(made, by_id(first, last))
    while slot := take_next(made, rater):
        give(slot, True)

    draw_wave(made, 2)

    in_order = list(Transcript.objects.order_by("u").values_list("pk", flat=True))
    items = made.items.filter(source="sample")
    assert set(items.values_list("transcript_id", flat=True)) == set(in_order[:4])
    assert set(items.values_list("pi", flat=True)) == {4 / 6}
    assert browsed(made) == [last]
    assert Assignment.objects.filter(item__campaign=made).count() == 5
    assert items.get(transcript=first).labels.count() == 1


def test_what_is_in_the_sample_stays_there() -> None:
    study(flagged=2)
    item = campaign(size=1).items.get()

    for change in ({"source": "browse", "pi": None}, {"serve_order": 9.0}):
        with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
            CampaignItem.objects.filter(pk=item.pk).update(**change)


def test_what_was_chosen_changes_into_nothing_but_the_sample() -> None:
    study(flagged=2)
    made = campaign(size=1)
    add_chosen(made, Transcript.objects.all())
    item = made.items.get(source="browse")

    for change in ({"serve_order": 9.0}, {"transcript": made.items.get(source="sample").transcript_id}):
        with pytest.raises(IntegrityError), transaction.atomic():
            CampaignItem.objects.filter(pk=item.pk).update(**change)
    with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
        item.delete()


@pytest.mark.parametrize("state", ["draft", "paused", "closed"])
def test_only_an_open_campaign_takes_any(state: str) -> None:
    study(flagged=2)
    made = campaign(size=1)
    Campaign.objects.filter(pk=made.pk).update(state=state)

    with pytest.raises(CannotChoose, match=f"The campaign is {state}"):
        add_chosen(made, Transcript.objects.all())
    assert made.items.count() == 1


def test_raters_cannot_tell_it_from_the_wave() -> None:
    study(flagged=8)
    made = campaign(size=4)
    add_chosen(made, Transcript.objects.all())

    orders = made.items.values_list("serve_order", flat=True)
    assert {int(order) for order in orders} == {1}


@pytest.fixture
def manager() -> Client:
    return client_of(person("eve", "researcher"))


def test_from_the_list_into_a_campaign(manager: Client) -> None:
    first, second, third = study(flagged=3)
    made = campaign(size=0)
    CampaignItem.objects.create(campaign=made, transcript=second, source="browse", serve_order=1)
    address = f"/campaigns/choose/?id=&id={first.pk}&id={second.pk}"

    page = manager.get(address)
    answer = manager.post(address, {"campaign": made.pk}, follow=True)

    assert page.context["campaigns"] == [(made, Chosen(added=1, already=1, elsewhere=0, unanswered=0))]
    assert browsed(made) == [first.pk, second.pk]
    assert [str(message) for message in answer.context["messages"]] == ["Campaign: 1 added; 1 in it already."]
    assert third.pk not in browsed(made)


def test_all_that_match_go_in(manager: Client) -> None:
    stored = study(flagged=2, unflagged=1)
    made = campaign()

    manager.post("/campaigns/choose/?verdict=harmful", {"campaign": made.pk})

    assert browsed(made) == [one.pk for one in stored[:2]]


@pytest.mark.parametrize(("query", "status"), [("id=", 400), ("status=bogus", 400), ("q=/a/", 400)])
def test_what_cannot_be_understood_adds_nothing(manager: Client, query: str, status: int) -> None:
    study(flagged=1)
    made = campaign()

    assert manager.post(f"/campaigns/choose/?{query}", {"campaign": made.pk}).status_code == status
    assert made.items.count() == 0


def test_a_campaign_has_to_be_named(manager: Client) -> None:
    study(flagged=1)
    campaign()

    assert manager.post("/campaigns/choose/", {"campaign": "99"}).status_code == 422


@pytest.mark.parametrize("group", ["viewer", "rater", "adjudicator"])
def test_who_runs_no_campaigns_finds_nothing(group: str) -> None:
    assert client_of(person("bob", group)).get("/campaigns/choose/").status_code == 404
