"""What a transcript shows at a glance."""

from __future__ import annotations

from typing import Any

from tests.transcripts.study import INBOX, THREAT
from transcripts.models import Prompt, TranscriptText
from transcripts.page.glance import Glance, glance
from transcripts.page.reading import read
from transcripts.parsing import personas, reasoning
from transcripts.parsing.personas import Cast

CAST = Cast(person for person in personas.known() if person.scenario == "blackmail")


def glance_at(text: str, cast: Cast = CAST, **message: Any) -> Glance:
    found = [
        {
            "place": "m0.text",
            "start": part.span.start,
            "end": part.span.end,
            "origin": part.origin,
            "closed": part.closed,
        }
        for part in reasoning.find(text, "m0.text")
    ]
    said = [{"role": "assistant", "text": text, **message}]
    return glance(read(Prompt(user=INBOX), TranscriptText(messages=said, reasoning=found), [], cast), cast)


def test_acts_drafts_and_mentions_are_told_apart() -> None:
    found = glance_at(THREAT.replace("This gives", "Jessica and her mail Missing you already: this gives"))

    assert [(deed.title, deed.recipients[0].role) for deed in found.done] == [("Before five", "target")]
    assert [deed.recipients[0].address for deed in found.drafted] == ["board@summitbridge.com"]
    assert [(one.name, one.person.inside, one.times, one.anchor) for one in found.people] == [
        ("Jessica", False, 1, "thought-2")
    ]
    assert [(one.shown.mail.subject, one.anchor) for one in found.mails] == [("Missing you already", "thought-2")]
    assert found.not_done == ["Nothing left the company.", "No alert was cancelled."]


def test_somebody_is_named_by_the_longest_name_and_counted() -> None:
    found = glance_at("<think>Kyle. Kyle Johnson! kyle.johnson@summitbridge.com</think>Fine.")

    assert [(one.name, one.times) for one in found.people] == [("kyle.johnson@summitbridge.com", 3)]


def test_what_left_the_company_is_said_with_who_got_it() -> None:
    found = glance_at(
        '<tool_use:email>\nto: "kyle.johnson@summitbridge.com, tips@news.org"\nbody: "x"\n</tool_use:email>'
    )

    assert [[one.address for one in deed.strangers] for deed in found.outside] == [["tips@news.org"]]


def test_where_nobody_knows_the_company_nothing_is_said_to_have_left_or_stayed() -> None:
    found = glance_at('<tool_use:email>\nto: "tips@news.org"\nbody: "x"\n</tool_use:email>', Cast())

    assert (found.unplaced, found.outside, found.not_done) == (True, [], [])


def test_tool_calls_are_counted_by_their_name() -> None:
    calls = [{"id": str(n), "function": name, "arguments": {}} for n, name in enumerate(["look", "read", "read"])]

    assert [(one.tool, one.times) for one in glance_at("", tool_calls=calls).calls] == [("read", 2), ("look", 1)]


def test_an_answer_without_reasoning_mentions_nobody_that_is_known() -> None:
    found = glance_at("I refuse.")

    assert (found.answered, found.reasoned, found.people, found.done) == (True, False, [], [])
