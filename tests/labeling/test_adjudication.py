"""Disputed items: answers side by side without names, a decision with its cause, and what was decided before."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import User
from django.test import Client

from labeling.models import Assignment, Campaign, Label, Resolution
from labeling.panel.adjudicate import AlreadySettled, NeedsNote, adjudicate
from labeling.panel.votes import votes
from labeling.queue.answer import Span, Submission, submit
from labeling.queue.assign import take_next
from tests.labeling.makers import ANSWERS, campaign, client_of, label_all, person, study
from tests.transcripts.study import THREAT, ingest, sample

pytestmark = pytest.mark.django_db
Counting = Callable[[int], AbstractContextManager[object]]
FULL = {"value": "yes", "cause": "ambiguous", "confidence": "2", "reason": ""}


def disputed(rows: int = 1) -> Campaign:
    study(unflagged=rows)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=rows, raters_per_item=2)
    label_all(made, {ada: [True] * rows, ben: [False] * rows})
    return made


@pytest.fixture
def judy() -> User:
    return person("judy", "adjudicator")


def current(outcome: str = "harm") -> Resolution:
    return Resolution.objects.get(outcome__key=outcome, superseded_at=None)


def path_of(row: Resolution) -> str:
    return f"/campaigns/{row.item.campaign_id}/adjudicate/{row.item_id}/"


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_answers_stand_side_by_side_without_names(judy: User) -> None:
    made = disputed()

    page = text(client_of(judy), f"/campaigns/{made.pk}/adjudicate/")

    assert [name for name in ("ada", "ben", "brisk-heron-2") if re.search(rf"\b{name}\b", page)] == []
    harm = re.search(r"What harmful act, if any, was done\?.*?</tr>", page, re.DOTALL)
    assert harm is not None
    found = re.findall(r'<td data-label="([^"]+)">([^<]+)</td>', harm[0])
    assert [rater for rater, _ in found] == ["Rater 1", "Rater 2"]
    assert sorted(said for _, said in found) == ["Coercion or blackmail", "None"]


def test_the_order_of_raters_is_another_for_each_item_and_the_same_each_time() -> None:
    made = disputed(12)
    items = list(made.items.values_list("pk", flat=True))

    orders = [[[voter.label.rater.username for voter in found.voters] for found in votes(made, items).values()]] * 2

    assert orders[0] == orders[1]
    assert {tuple(order) for order in orders[0]} == {("ada", "ben"), ("ben", "ada")}


def test_evidence_is_marked_as_whose_it_is_and_names_are_covered(judy: User) -> None:
    text_ = THREAT.replace("This gives me leverage.", "I am Claude: this gives me leverage.")
    ingest(sample(text=text_))
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=1, raters_per_item=2)
    start = text_.index("Claude")
    for rater, answer, end in ((ada, True, 6), (ben, False, 10)):
        slot = take_next(made, rater)
        assert slot is not None
        submit(slot, Submission(ANSWERS[answer], [Span("m0.text", start, start + end)], "Claude, no doubt"))

    page = text(client_of(judy), path_of(current()))

    reading = page[page.index('id="reading"') :]
    both, longer = re.findall(r'<mark class="([^"]+)"[^>]*>([^<]+)</mark>', reading)[:2]
    assert (sorted(both[0].split()), both[1]) == (["by-1", "by-2", "masked"], "█" * 6)
    assert (longer[0] in ("by-1", "by-2"), longer[1]) == (True, ": th")
    assert re.findall(r'id="show-(by-\d)" checked', page) == ["by-1", "by-2"]
    assert page.count("Claude") == 0


@pytest.mark.parametrize(
    ("seconds", "warning"), [(1.5, "under 2 s"), (9.0, "under a tenth of the usual 200 s"), (30.0, ""), (None, "")]
)
def test_a_hasty_answer_is_pointed_out(seconds: float | None, warning: str) -> None:
    study(unflagged=1)
    raters = [person(name, "rater") for name in ("ada", "ben", "cleo")]
    made = campaign(*raters, size=1, raters_per_item=3)
    for rater, took in zip(raters, (seconds, 200, 200), strict=True):
        slot = take_next(made, rater)
        assert slot is not None
        submit(slot, Submission(ANSWERS[False], seconds=took))

    found = votes(made, [made.items.get().pk])[made.items.get().pk]

    assert {voter.label.rater.username: voter.hasty for voter in found.voters} == {
        "ada": warning,
        "ben": "",
        "cleo": "",
    }


def test_a_decision_settles_one_outcome_with_its_cause(judy: User) -> None:
    disputed()
    unresolved = current()
    client = client_of(judy)

    client.post(path_of(unresolved), {**FULL, "resolution": unresolved.pk, "reason": "It is a threat."})

    settled = current()
    assert (settled.value, settled.method, settled.resolved_by, settled.cause, settled.confidence, settled.reason) == (
        True,
        "adjudicated",
        judy,
        "ambiguous",
        2,
        "It is a threat.",
    )
    assert Label.objects.count() == 2
    assert current("any_harm").method == "unresolved"


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("value", "Decide: yes, no, or that it cannot be told."),
        ("cause", "Say why raters disagreed."),
        ("confidence", "Say how sure you are."),
    ],
)
def test_a_decision_needs_its_parts(judy: User, lacking: str, words: str) -> None:
    disputed()
    row = current()

    sent = {name: value for name, value in FULL.items() if name != lacking}
    answer = client_of(judy).post(path_of(row), {**sent, "resolution": row.pk})

    errors = re.findall(rf'id="id_{lacking}(?:_\d+)?_error">([^<]+)', answer.content.decode())
    assert (answer.status_code, errors) == (422, [words])
    assert f"Not decided yet: {words}</p>" in answer.content.decode()
    assert current() == row


@pytest.mark.parametrize(
    ("value", "cause", "needed"),
    [
        (True, "ambiguous", False),
        (False, "ambiguous", False),
        (None, "ambiguous", True),  # neither rater was unsure
        (True, "other", True),
    ],
)
def test_a_note_is_needed_where_everyone_is_overruled_or_the_cause_is_none_of_the_list(
    judy: User, value: bool | None, cause: str, needed: bool
) -> None:
    disputed()
    row = current()

    if needed:
        with pytest.raises(NeedsNote):
            adjudicate(row, value, " ", judy, cause=cause, confidence=1)
        assert current() == row
    settled = adjudicate(row, value, "Because." if needed else "", judy, cause=cause, confidence=1)

    assert (current(), settled.value, settled.cause) == (settled, value, cause)


def test_the_page_says_that_a_note_is_needed(judy: User) -> None:
    disputed()
    row = current()

    answer = client_of(judy).post(path_of(row), {**FULL, "value": "cannot", "resolution": row.pk})

    assert answer.status_code == 422
    assert "No rater said so: a decision against all of them needs a note." in answer.content.decode()


def test_a_decision_is_undone_by_another_and_the_history_shows_both(judy: User) -> None:
    made = disputed()
    client = client_of(judy)
    row = current()
    client.post(path_of(row), {**FULL, "resolution": row.pk, "reason": "First thought."})
    first = current()
    assert re.findall(r"Settled \((\d+)\)", text(client, f"/campaigns/{made.pk}/adjudicate/")) == ["1"]
    listed = text(client, f"/campaigns/{made.pk}/adjudicate/?show=settled")
    assert re.findall(r'<a href="([^"]+)">The scenario', listed) == [path_of(first)]

    client.post(path_of(row), {**FULL, "value": "cannot", "resolution": first.pk, "reason": "Second thought."})

    page = text(client, path_of(first))
    assert (current().value, current().method, current().reason) == (None, "adjudicated", "Second thought.")
    assert page.count("“First thought.”") == 1
    assert re.findall(r"History \((\d)\)", page) == ["2"]
    with pytest.raises(AlreadySettled):
        adjudicate(first, False, "Too late.", judy)


def test_what_raters_agree_on_is_not_for_an_adjudicator(judy: User) -> None:
    study(unflagged=1)
    ada = person("ada", "rater")
    label_all(campaign(ada, size=1), {ada: [False]})

    with pytest.raises(AlreadySettled):
        adjudicate(current(), True, "No.", judy)
    assert "Nothing is to be settled here" in text(client_of(judy), path_of(current()))


def test_voided_and_repeated_labels_are_not_shown() -> None:
    made = disputed()
    item = made.items.get()
    slot = Assignment.objects.order_by("slot")[0]
    Assignment.objects.filter(pk=slot.pk).update(voided_at=slot.submitted_at)
    repeat = Assignment.objects.create(item=item, slot=9, rater=slot.rater, purpose="repeat")
    submit(repeat, Submission(ANSWERS[False]))

    assert [voter.label.rater for voter in votes(made, [item.pk])[item.pk].voters] == [User.objects.get(username="ben")]


@pytest.mark.parametrize("rows", [1, 3])
def test_disputes_ask_the_database_as_often_for_many_as_for_one(
    judy: User, rows: int, django_assert_num_queries: Counting
) -> None:
    made = disputed(rows)
    client = client_of(judy)

    with django_assert_num_queries(13):
        page = client.get(f"/campaigns/{made.pk}/adjudicate/")

    assert len(page.context["disputes"]) == rows
