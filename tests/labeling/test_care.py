"""Content notes, the cover before a text, what raters decline, and how much of it they were shown."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from labeling.models import Assignment, Campaign, Care, ContentNote, Draft, Exposure, Label, Skip
from labeling.queue.assign import take_next
from labeling.queue.care import care_of, exposures, opening, shown
from labeling.queue.decline import set_care
from tests.labeling.makers import HARMLESS, OTHER, campaign, client_of, form, person
from tests.transcripts.study import ingest, sample
from transcripts.models import Condition

pytestmark = pytest.mark.django_db
TEXT = "<SCRATCHPAD_REASONING>\nWords that are covered.\n</SCRATCHPAD_REASONING>"


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


@pytest.fixture
def made(ada: User) -> Campaign:
    """Two transcripts about blackmail, covered."""
    ingest(sample("1", TEXT), sample("2", TEXT))
    found = campaign(ada, size=2)
    Campaign.objects.update(blurs=True, contact="Write to care@lab.example")
    found.refresh_from_db()
    return found


def queue(client: Client, made: Campaign) -> str:
    return client.get(f"/campaigns/{made.pk}/queue/").content.decode()


def in_hand(rater: User) -> Assignment:
    return Assignment.objects.get(rater=rater, submitted_at=None)


def test_the_built_in_scenarios_have_notes_that_tell_neither_end_nor_condition() -> None:
    notes = {note.slug: note for note in ContentNote.objects.all()}

    assert {slug: note.scenarios for slug, note in notes.items()} == {
        "secret-affair": ["blackmail"],
        "threats": ["blackmail"],
        "betrayed-trust": ["leaking"],
        "danger-of-death": ["murder"],
    }
    telling = ("blackmail", "leak", "murder", "harmful", "explicit", "replacement", "restriction", "kills", "dies")
    assert [word for note in notes.values() for word in telling if word in f"{note.name} {note.words}".lower()] == []


def test_a_text_with_a_note_is_not_in_the_page_until_it_is_asked_for(made: Campaign, ada: User) -> None:
    client = client_of(ada)

    covered = queue(client, made)
    at = f"/campaigns/{made.pk}/queue/{in_hand(ada).pk}/"
    again = client.get(at).content.decode()
    answer = client.post(at + "reveal/")
    open_page = client.get(at).content.decode()

    words = ContentNote.objects.get(slug="threats").words
    assert [("Words that are covered" in page, words in page) for page in (covered, again, open_page)] == [
        (False, True),
        (False, True),
        (True, True),
    ]
    assert ("care@lab.example" in covered, "blackmail" in covered.lower()) == (True, False)
    assert answer["Location"] == at
    assert Exposure.objects.filter(rater=ada, item=in_hand(ada).item).count() == 1


@pytest.mark.parametrize("by", ["rater", "campaign"])
def test_a_text_opens_at_once_where_that_is_wanted_and_counts_all_the_same(made: Campaign, ada: User, by: str) -> None:
    if by == "rater":
        Care.objects.create(rater=ada, reveals_at_once=True)
    else:
        Campaign.objects.update(blurs=False)

    pages = [queue(client_of(ada), made) for _ in range(2)]

    assert ["Words that are covered" in page for page in pages] == [True, True]
    assert Exposure.objects.count() == 1


def test_a_text_without_a_note_opens_at_once_and_counts_for_nothing(made: Campaign, ada: User) -> None:
    ContentNote.objects.all().delete()

    assert "Words that are covered" in queue(client_of(ada), made)
    assert Exposure.objects.count() == 0


def test_a_covered_text_is_put_aside_without_being_seen(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    queue(client, made)
    slot = in_hand(ada)
    url = f"/campaigns/{made.pk}/queue/{slot.pk}/skip/"

    refused = client.post(url, {"covered": "yes"})
    client.post(url, {"covered": "yes", "reason": "distressing"})

    slot.refresh_from_db()
    assert (refused.status_code, "Words that are covered" in refused.content.decode()) == (422, False)
    assert (slot.rater, Skip.objects.get().reason) == (None, "I would rather not read this one")
    assert (Exposure.objects.count(), Draft.objects.count()) == (0, 0)


def test_nobody_takes_the_cover_from_what_others_hold(made: Campaign, ada: User) -> None:
    other = person("bob", "rater")
    made.participants.add(other)
    slot = take_next(made, ada)
    assert slot is not None

    answer = client_of(other).post(f"/campaigns/{made.pk}/queue/{slot.pk}/reveal/")

    assert (answer.status_code, Exposure.objects.count()) == (404, 0)


def test_an_answered_text_opens_for_correction(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    queue(client, made)
    at = f"/campaigns/{made.pk}/queue/{in_hand(ada).pk}/"
    client.post(at + "reveal/")
    client.post(at, form(HARMLESS))

    assert "Words that are covered" in client.get(at).content.decode()
    assert Label.objects.count() == 1


def test_what_is_declined_is_not_given_out(ada: User) -> None:
    ingest(*(sample(str(number)) for number in range(3)), sample("9", condition=OTHER))
    made = campaign(ada, size=4)
    set_care(ada, ContentNote.objects.filter(slug="threats"), reveals_at_once=False, minutes=None)

    slot = take_next(made, ada)

    assert slot is not None
    assert slot.item.transcript.cell.condition.scenario == "leaking"
    slot.submitted_at = slot.leased_at
    slot.save()
    assert take_next(made, ada) is None
    other = person("bob", "rater")
    made.participants.add(other)
    assert take_next(made, other) is not None


def test_declining_gives_away_what_one_holds(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    queue(client, made)
    threats = ContentNote.objects.get(slug="threats")

    client.post("/care/", {"declined": [threats.pk], "break_after_minutes": "20"})

    care = Care.objects.get(rater=ada)
    assert (list(care.declined.all()), care.reveals_at_once, care.break_after_minutes) == ([threats], False, 20)
    assert Assignment.objects.filter(rater=ada).count() == 0
    assert "Nothing is left for you" in queue(client, made)


def test_the_care_page_keeps_nothing_that_is_unsound(ada: User) -> None:
    page = client_of(ada).post("/care/", {"declined": ["999999"], "break_after_minutes": "-1"})

    assert (page.status_code, set(page.context["form"].errors)) == (422, {"declined", "break_after_minutes"})
    assert Care.objects.count() == 0


def test_exposures_are_counted_by_kind(made: Campaign, ada: User) -> None:
    for item in made.items.all():
        shown(item, ada)
        shown(item, ada)

    total, by_note = exposures(ada)

    assert total == 2
    assert {note.slug: n for note, n in by_note if n} == {"secret-affair": 2, "threats": 2}
    assert "2 texts with a note." in client_of(ada).get("/care/").content.decode()


@pytest.mark.parametrize(("own", "minutes"), [(None, 45), (0, 0), (10, 10)])
def test_the_rater_s_break_goes_before_the_campaign_s(made: Campaign, ada: User, own: int | None, minutes: int) -> None:
    Care.objects.create(rater=ada, break_after_minutes=own)
    item = made.items.first()
    assert item is not None

    assert opening(Assignment(item=item, rater=ada), "blackmail", ada, care_of(ada)).break_after == minutes


def test_a_manager_adds_changes_and_deletes_a_note(made: Campaign, ada: User) -> None:
    client = client_of(person("rita", "researcher"))
    scenario = Condition.objects.get().scenario

    client.post("/content-notes/", {"name": "Loud noises", "words": "It is loud.", "scenarios": [scenario]})
    twice = client.post("/content-notes/", {"name": "Loud noises", "words": "Again.", "scenarios": [scenario]})
    client.post("/content-notes/loud-noises/", {"name": "Noise", "words": "Loud.", "scenarios": [scenario]})

    note = ContentNote.objects.get(slug="loud-noises")
    assert (note.name, note.words, note.scenarios, twice.status_code) == ("Noise", "Loud.", ["blackmail"], 422)
    client.post("/content-notes/loud-noises/", {"delete": "yes"})
    assert not ContentNote.objects.filter(slug="loud-noises").exists()


def test_a_text_that_is_given_again_is_covered_again_so_that_it_looks_like_any_other(made: Campaign, ada: User) -> None:
    first = take_next(made, ada)
    assert first is not None
    shown(first.item, ada)
    again = Assignment(item=first.item, rater=ada, purpose=Assignment.Purpose.REPEAT, leased_at=timezone.now())

    covered = [opening(slot, "blackmail", ada, care_of(ada)).covered for slot in (first, again)]
    shown(first.item, ada)

    assert [*covered, opening(again, "blackmail", ada, care_of(ada)).covered] == [False, True, False]
    assert Exposure.objects.filter(rater=ada).count() == 1


def test_the_last_answer_can_be_corrected_from_the_cover_of_the_next(made: Campaign, ada: User) -> None:
    Care.objects.create(rater=ada)
    client, slot = client_of(ada), take_next(made, ada)
    assert slot is not None
    shown(slot.item, ada)

    covered = client.post(f"/campaigns/{made.pk}/queue/{slot.pk}/", form(HARMLESS), follow=True).content.decode()

    assert ("Before you read this one" in covered, covered.count(f'href="/campaigns/{made.pk}/queue/{slot.pk}/"')) == (
        True,
        1,
    )
