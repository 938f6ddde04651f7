"""Items with known answers: who gets them when, what is right, and what follows for the rater."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from labeling.calibration.basis import Basis, sample_items
from labeling.campaigns.choose import add_gold
from labeling.campaigns.gold import Score, scores
from labeling.models import Assignment, Campaign, Label, Resolution
from labeling.panel.resolve import resolve_item
from labeling.queue.answer import Refused, Submission, submit
from labeling.queue.assign import REPEAT_AFTER, put_aside, take_next, why_nothing
from labeling.queue.pace import progress
from tests.labeling.makers import (
    HARMLESS,
    answer_all,
    campaign,
    client_of,
    give,
    part_of,
    person,
    run_as,
    study,
    undrawn,
)
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db
NO, YES = {"harm": ["none"]}, {"harm": ["coercion"]}


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


@pytest.fixture
def ben() -> User:
    return person("ben", "rater")


def test_one_of_every_block_has_a_known_answer_at_a_place_that_differs(ada: User, ben: User) -> None:
    study(unflagged=40)
    made = run_as(campaign(ada, ben, size=30, raters_per_item=2), gold_every=5)
    for transcript in undrawn(made, 6):
        add_gold(made, transcript, "gold", NO)

    given = {rater: [slot.item.source for slot in answer_all(made, rater)] for rater in (ada, ben)}

    for sources in given.values():
        assert Counter(sources) == {"sample": 30, "gold": 6}
        assert [sources[n : n + 5].count("gold") for n in range(0, 30, 5)] == [1] * 6
    places = [[n % 5 for n, source in enumerate(sources) if source == "gold"] for sources in given.values()]
    assert places[0] != places[1] or len(set(places[0])) > 1


def test_nobody_has_a_transcript_both_as_a_gold_item_and_as_a_drawn_one(ada: User, ben: User) -> None:
    study(unflagged=6)
    made = run_as(campaign(ada, ben, size=6, raters_per_item=2), gold_every=2)
    for transcript in Transcript.objects.all():
        add_gold(made, transcript, "gold", NO)

    had = {rater: [slot.item.transcript_id for slot in answer_all(made, rater)] for rater in (ada, ben)}

    assert {rater: Counter(Counter(given).values()) for rater, given in had.items()} == {ada: {1: 6}, ben: {1: 6}}


def test_a_gold_slot_is_its_raters_alone_and_goes_when_it_is_put_aside(ada: User, ben: User) -> None:
    study(unflagged=3)
    made = run_as(campaign(ada, ben, size=1), gold_every=1)
    (transcript,) = undrawn(made)
    add_gold(made, transcript, "gold", NO)
    slot = take_next(made, ada)
    assert slot is not None
    assert slot.item.source == "gold"
    Assignment.objects.filter(pk=slot.pk).update(leased_until=timezone.now() - timedelta(hours=1))
    other = take_next(made, ben)
    assert other is not None
    assert (other.item.source, other.pk) == ("gold", other.pk)
    assert other.pk != slot.pk

    put_aside(slot, "cannot judge")

    drawn = take_next(made, ada)
    assert drawn is not None
    assert drawn.item.source == "sample"
    give(drawn, False)
    back = take_next(made, ada)
    assert back is not None
    assert back.item == slot.item
    assert Assignment.objects.filter(item=slot.item).count() == 2


def test_a_gold_page_looks_like_any_other(ada: User) -> None:
    study(unflagged=3)
    made = campaign(ada, size=1)
    client = client_of(ada)
    drawn = client.get(f"/campaigns/{made.pk}/queue/").content.decode()
    put_aside(Assignment.objects.get(rater=ada), "later")
    run_as(made, gold_every=1)
    (transcript,) = undrawn(made)
    add_gold(made, transcript, "gold", NO)

    known = client.get(f"/campaigns/{made.pk}/queue/").content.decode()

    assert Assignment.objects.get(rater=ada).item.source == "gold"
    assert masked(known) == masked(drawn)


RANDOM = r'"X-CSRFToken": "[^"]+"|nonce="[^"]+"|name="(?:csrfmiddlewaretoken|stamp)" value="[^"]+"'


def masked(page: str) -> str:
    """Without what is random on every page."""
    return re.sub(r"/queue/\d+/", "/queue/SLOT/", re.sub(RANDOM, "", page))


def test_gold_and_repeated_answers_enter_no_resolution_and_no_rate(ada: User, ben: User) -> None:
    study(unflagged=30)
    made = run_as(campaign(ada, size=14), gold_every=4, repeat_every=4)
    for transcript in undrawn(made, 5):
        add_gold(made, transcript, "gold", YES)

    given = answer_all(made, ada)

    kinds = Counter((slot.item.source, slot.purpose) for slot in given)
    assert kinds["sample", "panel"] == 14
    assert kinds["gold", "panel"] >= 3
    assert kinds["sample", "repeat"] >= 1
    drawn = set(made.items.filter(source="sample").values_list("pk", flat=True))
    assert set(Resolution.objects.values_list("item", flat=True)) == drawn
    resting = {pk for row in Resolution.objects.all() for pk in row.label_ids}
    assert resting == set(
        Label.objects.filter(item__in=drawn, assignment__purpose="panel").values_list("pk", flat=True)
    )
    assert sample_items(Basis.of(made.evaluation)).count() == 14
    gold_item = made.items.filter(source="gold").first()
    assert gold_item is not None
    assert resolve_item(gold_item) == []


def test_an_own_answer_is_asked_for_again_when_some_others_came_in_between(ada: User) -> None:
    study(unflagged=30)
    made = run_as(campaign(ada, size=30), repeat_every=5)

    given = answer_all(made, ada)

    first: dict[int, int] = {}
    for n, slot in enumerate(given):
        if slot.purpose == "repeat":
            assert n - first[slot.item_id] > REPEAT_AFTER
        else:
            first[slot.item_id] = n
    repeated = [slot.item_id for slot in given if slot.purpose == "repeat"]
    assert len(repeated) == len(set(repeated)) >= 3
    assert Resolution.objects.filter(superseded_at=None, outcome__key="harm").count() == 30


def qualified(made: Campaign, share: float, *known: dict[str, list[str]]) -> list[Transcript]:
    run_as(made, qualification_pass=share)
    chosen = undrawn(made, len(known))
    for transcript, answers in zip(chosen, known, strict=True):
        add_gold(made, transcript, "qualification", answers, why="A threat needs no threatening word.")
    return chosen


def test_the_qualification_comes_first_and_lets_in(ada: User) -> None:
    study(unflagged=6)
    made = campaign(ada, size=3)
    chosen = qualified(made, 0.5, NO, YES)

    given = answer_all(made, ada)

    assert [slot.item.transcript_id for slot in given[:2]] == [transcript.pk for transcript in chosen]
    assert [slot.item.source for slot in given] == ["gold", "gold", "sample", "sample", "sample"]
    assert part_of(made, ada).qualified_at is not None
    found = progress(made, ada)
    assert (found.answered, found.by_rater) == (5, 3)  # practice is none of the work
    add_gold(made, undrawn(made)[0], "qualification", YES)
    assert take_next(made, ada) is None


def test_who_does_not_pass_is_screened_out(ada: User) -> None:
    study(unflagged=6)
    made = campaign(ada, size=3)
    qualified(made, 0.75, NO, YES)

    given = answer_all(made, ada)

    part = part_of(made, ada)
    assert (len(given), part.state, why_nothing(made, ada)) == (2, "screened_out", "screened_out")
    assert part.reason == "1 of 2 right in the qualification, 75% needed"


def test_after_a_qualification_item_its_page_says_what_was_right_and_why(ada: User, ben: User) -> None:
    study(unflagged=3)
    made = campaign(ada, ben, size=1)
    qualified(made, 1.0, {"harm": ["coercion"], "stage": ["not_considered"]})
    slot = take_next(made, ada)
    assert slot is not None
    sent = {f"q-{key}": values for key, values in HARMLESS.items()} | {"revision": "0"}

    answer = client_of(ada).post(f"/campaigns/{made.pk}/queue/{slot.pk}/", sent)

    assert answer["Location"] == f"/campaigns/{made.pk}/queue/{slot.pk}/feedback/"
    page = client_of(ada).get(answer["Location"]).content.decode()
    assert re.findall(r"<b>(.) ", page) == ["✗", "✓"]
    assert "A threat needs no threatening word." in page
    assert "your part ends here" in page
    assert client_of(ben).get(answer["Location"]).status_code == 404


def test_a_qualification_answer_cannot_be_corrected_after_its_feedback(ada: User) -> None:
    study(unflagged=3)
    made = campaign(ada, size=1)
    qualified(made, 0.5, YES, YES)
    slot = take_next(made, ada)
    give(slot, False)
    assert slot is not None

    with pytest.raises(Refused, match="stays as it is"):
        submit(slot, Submission(HARMLESS), revision=1)


def test_what_was_answered_in_the_qualification_opens_as_its_feedback(ada: User) -> None:
    study(unflagged=3)
    made = campaign(ada, size=1)
    qualified(made, 0.5, YES, YES)
    slot = take_next(made, ada)
    give(slot, True)
    assert slot is not None
    there = f"/campaigns/{made.pk}/queue/{slot.pk}/"

    assert client_of(ada).get(there)["Location"] == f"{there}feedback/"
    page = client_of(ada).get(f"/campaigns/{made.pk}/answers/").content.decode()
    assert (page.count("What was right"), page.count("Read again and correct")) == (1, 0)


def test_a_drawn_item_and_a_gold_one_have_no_feedback(ada: User) -> None:
    study(unflagged=2)
    made = run_as(campaign(ada, size=1), gold_every=1)
    add_gold(made, undrawn(made)[0], "gold", YES)
    for slot in answer_all(made, ada):
        assert client_of(ada).get(f"/campaigns/{made.pk}/queue/{slot.pk}/feedback/").status_code == 404


@pytest.mark.parametrize(
    ("known", "right"),
    [
        ({"harm": ["none"]}, 1),
        ({"harm": ["coercion"]}, 0),
        ({"belief": ["none", "test"]}, 1),
        ({"severity": ["3"]}, 0),
        ({"harm": ["none"], "stage": ["done"]}, 1),
    ],
)
def test_what_is_right(ada: User, known: dict[str, list[str]], right: int) -> None:
    study(unflagged=2)
    made = run_as(campaign(ada, size=1), gold_every=1)
    add_gold(made, undrawn(made)[0], "gold", known)

    answer_all(made, ada)

    failed = int(right < len(known))
    assert scores(made, ["gold"]) == {ada.pk: Score(right, len(known), items=1, failed=failed)}


def test_unsure_is_not_right(ada: User) -> None:
    study(unflagged=2)
    made = run_as(campaign(ada, size=1), gold_every=1)
    add_gold(made, undrawn(made)[0], "attention", NO)

    give(take_next(made, ada), None)

    assert scores(made, ["attention"])[ada.pk].failed == 1
