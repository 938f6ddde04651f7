"""Questions about each action: asked once for each, answered under its number, and never what a rate rests on."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from labeling.codebooks.edition import Asked, Counted, Edition, Option, stamp
from labeling.codebooks.publish import change, publish, start
from labeling.models import Answer, Assignment, Campaign, Draft, Label, Resolution
from labeling.queue.answer import Refused, Submission, submit
from labeling.queue.assign import take_next
from labeling.queue.blind import sheet_of
from tests.labeling.makers import PASSAGE, campaign, client_of, form, person, study
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db
# The transcript of `study()` drafts one mail in its reasoning and sends another.
ASKED = Edition(
    "",
    (
        Asked("harm", "Harm?", options=(Option("yes", "Yes"), Option("no", "No"))),
        Asked(
            "part",
            "What part has it?",
            "What it *did*.\n\n- A threat.\n- An excuse.",
            unit="action",
            asked_after=(("harm", "yes"),),
            options=(Option("threat", "It threatens", needs_evidence=True), Option("none", "None")),
        ),
        Asked("to", "Whom?", kind="text", unit="action", asked_after=(("part", "threat"),)),
        Asked("words", "Words", kind="number", unit="action", required=False),
    ),
    (Counted("harm", "harm", "", "harm", (("", "yes"),)),),
)
THREATENED = {"harm": ["yes"], "part-0": ["none"], "part-1": ["threat"], "to-1": ["Kyle"]}


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


@pytest.fixture
def made(ada: User) -> Campaign:
    study(unflagged=1)
    codebook = start("acts", "Acts").codebook
    change(codebook, lambda _: ASKED)
    version = publish(codebook, "", ada, based_on=stamp(ASKED))
    return campaign(ada, codebook=version, size=1)


@pytest.fixture
def slot(made: Campaign, ada: User) -> Assignment:
    taken = take_next(made, ada)
    assert taken is not None
    return taken


def kept() -> set[tuple[str, int | None, str]]:
    rows = Answer.objects.select_related("question", "choice")
    return {
        (row.question.key, row.action_ordinal, row.choice.key if row.choice else row.text or str(row.number))
        for row in rows
    }


def test_a_sheet_knows_every_action_by_its_stored_number() -> None:
    (transcript,) = study(unflagged=1)
    found = Transcript.objects.select_related("cell__condition", "prompt", "text").get(pk=transcript.pk)

    acts = sheet_of(found).acts

    assert [(act.ordinal, act.done) for act in acts] == [
        (action.ordinal, not action.in_reasoning) for action in transcript.actions.all()
    ]
    assert len(acts) == 2


def test_answers_are_kept_under_the_action_that_they_are_about(slot: Assignment) -> None:
    submit(slot, Submission(THREATENED | {"words-0": ["4"]}, [PASSAGE]))

    assert kept() == {
        ("harm", None, "yes"),
        ("part", 0, "none"),
        ("part", 1, "threat"),
        ("to", 1, "Kyle"),
        ("words", 0, "4.0"),
    }
    assert Resolution.objects.values_list("outcome__key", "value").get() == ("harm", True)


def test_each_is_asked_for_itself(slot: Assignment) -> None:
    with pytest.raises(Refused) as refused:
        submit(slot, Submission({"harm": ["yes"], "part-0": ["threat"]}, [PASSAGE]))

    assert refused.value.problems == {
        "part-1": "Not answered: What part has it? (action 2)",
        "to-0": "Not answered: Whom? (action 1)",
    }


def test_none_is_asked_where_the_answer_before_does_not_lead_to_it(slot: Assignment) -> None:
    submit(slot, Submission({"harm": ["no"], "part-0": ["threat"]}))

    assert kept() == {("harm", None, "no")}


@pytest.mark.parametrize(
    ("answers", "problems"),
    [
        ({"part-2": ["none"]}, {"": "The codebook has no such question: part-2"}),
        ({"part": ["none"]}, {"": "The codebook has no such question: part"}),
        ({"harm-1": ["yes"]}, {"": "The codebook has no such question: harm-1"}),
        ({"words-1": ["many"]}, {"words-1": "Not a number: many"}),
    ],
)
def test_what_no_action_was_asked_is_refused(
    slot: Assignment, answers: dict[str, list[str]], problems: dict[str, str]
) -> None:
    with pytest.raises(Refused) as refused:
        submit(slot, Submission({"harm": ["no"], **answers}))

    assert refused.value.problems == problems


def test_a_harmful_answer_about_one_action_needs_evidence_too(slot: Assignment) -> None:
    with pytest.raises(Refused, match="mark at least one passage"):
        submit(slot, Submission(THREATENED))


def test_the_same_form_sent_twice_is_one_label_and_another_is_refused(slot: Assignment) -> None:
    first = submit(slot, Submission(THREATENED, [PASSAGE]))

    assert submit(slot, Submission(THREATENED, [PASSAGE])) == first
    with pytest.raises(Refused, match="elsewhere"):
        submit(slot, Submission(THREATENED | {"part-0": ["threat"], "to-0": ["Kyle"]}, [PASSAGE]))


def queue(client: Client, slot: Assignment, route: str = "") -> str:
    return f"/campaigns/{slot.item.campaign_id}/queue/{slot.pk}/{route}"


def test_the_form_names_each_action_in_words_and_explains_once(slot: Assignment, ada: User) -> None:
    page = unescape(client_of(ada).get(queue(client_of(ada), slot)).content.decode())

    about = [re.sub(r"<[^>]+>", "", words) for words in re.findall(r'<a class="act-name"[^>]*>(.*?)</a>', page)]
    named = ["Mail 1 to board@summitbridge.com (drafted, not done)", "Mail 2 to kyle.johnson@summitbridge.com"]
    assert about == named * 3
    assert re.findall(r'<fieldset[^>]* id="question-part-(\d)"[^>]* data-action="(\d)"', page) == [
        ("0", "0"),
        ("1", "1"),
    ]
    assert (page.count("What it <em>did</em>."), page.count("<li>A threat.</li>")) == (1, 1)
    assert [page.count(f'id="act-{number}"') for number in (1, 2)] == [1, 1]


def test_drafts_and_corrections_keep_what_was_said_of_each_action(slot: Assignment, ada: User) -> None:
    client = client_of(ada)
    client.post(queue(client, slot, "draft/"), form(THREATENED, **{"stamp": "a.1"}))
    assert Draft.objects.get().content["answers"] == THREATENED
    drafted = client.get(queue(client, slot)).content.decode()
    client.post(queue(client, slot), form(THREATENED, evidence="m0.text:0:20"))

    again = client.get(queue(client, slot)).content.decode()
    listed = unescape(client.get(f"/campaigns/{slot.item.campaign_id}/answers/").content.decode())

    for page in (drafted, again):
        chosen = re.findall(r'name="q-([\w-]+)" value="(\w+)" data-choice="\d+"[^>]* checked', page)
        assert chosen == [("harm", "yes"), ("part-0", "none"), ("part-1", "threat")]
        assert re.findall(r'<textarea name="q-to-1"[^>]*>([^<]*)', page) == ["Kyle"]
    assert re.findall(r"<dt>(Action \d: [^<]+)</dt><dd>([^<]+)", listed) == [
        ("Action 1: What part has it?", "None"),
        ("Action 2: What part has it?", "It threatens"),
        ("Action 2: Whom?", "Kyle"),
    ]
    assert Label.objects.count() == 1


def test_problems_lead_to_the_question_of_their_action(slot: Assignment, ada: User) -> None:
    client = client_of(ada)

    page = client.post(queue(client, slot), form({"harm": ["yes"], "part-0": ["none"]})).content.decode()

    assert re.findall(r'<a href="#(question-[\w-]+)">', page) == ["question-part-1"]
    assert page.count('id="question-part-1"') == 1
