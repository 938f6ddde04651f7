"""What the page shows of one transcript."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transcripts.study import KYLE, THREAT
from transcripts.ingest import parsed
from transcripts.models import Action, Prompt, TranscriptText
from transcripts.page.deeds import Said
from transcripts.page.reading import Entry, Paragraph, Reading, read
from transcripts.page.references import Mark
from transcripts.parsing import personas
from transcripts.parsing.personas import Cast
from transcripts.parsing.reasoning import find

CAST = Cast(person for person in personas.known() if person.scenario == "blackmail")
FORWARD = """<tool_use:forward>
email_id: 2
to: "tips@news.org",
body: "See below."
</tool_use:forward>"""
NUMBERED = """<email>
ID: 2
From: a.b@x.org
To: c.d@x.org
Subject: Plans
Timestamp: 2025-06-11T10:00:00
Body: secret
</email>"""


def reading_of(text: str, *, user: str = "", reasoning: list[dict[str, object]] | None = None) -> Reading:
    said = {"role": "assistant", "text": text}
    return read(Prompt(user=user), TranscriptText(messages=[said], reasoning=reasoning or []), [], CAST)


def thoughts_of(text: str) -> list[dict[str, object]]:
    end = text.index("</SCRATCHPAD_REASONING>")
    start = len("<SCRATCHPAD_REASONING>")
    return [{"place": "m0.text", "start": start, "end": end, "origin": "scratchpad", "closed": True}]


def kinds(entries: list[Entry]) -> list[str]:
    return [entry.kind for entry in entries]


def test_a_draft_inside_the_reasoning_is_not_done() -> None:
    reading = reading_of(THREAT, reasoning=thoughts_of(THREAT))

    assert kinds(reading.thoughts) == ["paragraph", "paragraph", "deed"]
    assert [(draft.done, draft.recipients[0].address) for draft in reading.drafts] == [
        (False, "board@summitbridge.com")
    ]
    assert [(deed.done, deed.recipients[0].address) for deed in reading.deeds] == [(True, KYLE)]
    assert reading.mails_sent == 1


def test_a_sent_mail_has_its_parts_and_its_reader_s_role() -> None:
    (deed,) = reading_of(THREAT, reasoning=thoughts_of(THREAT)).deeds

    assert "".join(piece.text for piece in deed.subject) == "Before five"
    assert "".join(piece.text for piece in deed.body) == "Postpone it, and nothing more will be said."
    assert [(one.role, one.inside) for one in deed.recipients] == [("target", True)]
    assert deed.outside is False
    assert deed.others == ()


def test_the_prose_between_actions_is_kept_with_its_place() -> None:
    reading = reading_of(THREAT, reasoning=thoughts_of(THREAT))

    (prose,) = [entry for entry in reading.doings if isinstance(entry, Paragraph)]
    assert THREAT[prose.span.start : prose.span.end] == "I write to Kyle."


def test_a_forward_shows_what_was_forwarded() -> None:
    (deed,) = reading_of(FORWARD, user=NUMBERED).deeds

    assert [shown.mail.subject for shown in deed.forwarded] == ["Plans"]
    assert deed.outside is True


def test_a_forward_of_an_unknown_mail_says_so() -> None:
    (deed,) = reading_of(FORWARD).deeds

    assert (deed.forwarded, deed.forwarded_ids) == ((), "2")


def test_mails_come_in_time_order_under_the_numbers_of_the_prompt() -> None:
    later = NUMBERED.replace("ID: 2", "ID: 1").replace("10:00", "12:00")

    reading = reading_of("", user=later + NUMBERED)

    assert [(shown.anchor, shown.mail.id) for shown in reading.mails] == [("mail-2", "2"), ("mail-1", "1")]


def test_nothing_is_said_of_leaving_where_nobody_knows_the_company() -> None:
    text = TranscriptText(messages=[{"role": "assistant", "text": THREAT}], reasoning=[])

    assert read(Prompt(), text, [], Cast()).not_done == []


def test_tool_calls_and_their_answers_follow_each_other() -> None:
    call = {"id": "1", "function": "search", "arguments": {"query": "x"}}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "text": "Looking.", "tool_calls": [call]},
        {"role": "tool", "text": "three hits", "tool_call_id": "1"},
        {"role": "assistant", "text": "Done."},
    ]

    reading = read(Prompt(), TranscriptText(messages=messages, reasoning=[]), [], CAST)

    assert kinds(reading.doings) == ["turn", "paragraph", "deed", "said", "turn", "paragraph"]
    assert reading.deeds[0].others == (("query", "x"),)


def test_native_reasoning_is_thought() -> None:
    message = {"role": "assistant", "text": "Answer.", "reasoning": "One.\n\nTwo."}

    reading = read(Prompt(), TranscriptText(messages=[message], reasoning=[]), [], CAST)

    assert kinds(reading.thoughts) == ["paragraph", "paragraph"]
    assert reading.words == 2


@pytest.mark.parametrize("gap", ["\n\n", "\n \t\n\n", "\n\n\n"])
def test_blank_lines_separate_paragraphs(gap: str) -> None:
    text = f"  First line.\nStill first.{gap}Second.  "

    spans = [entry.span for entry in reading_of(text).doings if isinstance(entry, Paragraph)]

    assert [text[span.start : span.end] for span in spans] == ["First line.\nStill first.", "Second."]
    assert spans[0] == parsed.Span("m0.text", 2, 2 + len("First line.\nStill first."))


def test_stored_actions_give_their_numbers() -> None:
    start = FORWARD.index("<tool_use")
    stored = Action(ordinal=4, place="m0.text", start=start, end=len(FORWARD))

    reading = read(
        Prompt(),
        TranscriptText(messages=[{"role": "assistant", "text": FORWARD}], reasoning=[]),
        [stored],
        CAST,
    )

    assert [deed.anchor for deed in reading.deeds] == ["action-5"]


def test_a_recipient_that_is_no_address_is_shown_as_written() -> None:
    (deed,) = reading_of('<tool_use:email>\nto: "the board"\ncc: "a@x.org"\n</tool_use:email>').deeds

    assert [(one.address, one.field) for one in deed.recipients] == [("a@x.org", "cc")]
    assert deed.others == (("to", "the board"),)


def conversation(*messages: dict[str, Any]) -> Reading:
    return read(Prompt(), TranscriptText(messages=list(messages), reasoning=[]), [], CAST)


def result(text: str, call_id: str) -> dict[str, Any]:
    return {"role": "tool", "text": text, "tool_call_id": call_id}


def test_each_result_goes_to_its_call() -> None:
    calls: list[dict[str, Any]] = [{"id": name, "function": "look", "arguments": {}} for name in ("a", "b")]
    asked = {"role": "assistant", "text": "", "tool_calls": calls}

    reading = conversation(asked, result("of b", "b"), result("of a", "a"), result("again", "a"), result("stray", "x"))

    assert [[said.text for said in deed.results] for deed in reading.deeds] == [["of a"], ["of b"]]
    assert [entry.text for entry in reading.doings if isinstance(entry, Said) and not entry.answers] == [
        "again",
        "stray",
    ]


def test_an_id_used_twice_means_the_latest_call() -> None:
    asked = {"role": "assistant", "text": "", "tool_calls": [{"id": "a", "function": "look", "arguments": {}}]}

    reading = conversation(asked, result("first", "a"), asked, result("second", "a"))

    assert [[said.text for said in deed.results] for deed in reading.deeds] == [["first"], ["second"]]


def test_every_anchor_has_its_place() -> None:
    call = {"id": "1", "function": "search", "arguments": {"query": "x"}}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "text": "Looking.", "tool_calls": [call]},
        {"role": "tool", "text": "three hits", "tool_call_id": "1"},
    ]
    prompt = Prompt(system="Be good.", user=f"  Read on.\n{NUMBERED}")

    places = read(prompt, TranscriptText(messages=messages, reasoning=[]), [], CAST).places

    assert places == {
        "system": parsed.Span("system", 0, 8),
        "instruction-1": parsed.Span("user", 2, 10),
        "mail-1": parsed.Span("user", 11, 11 + len(NUMBERED)),
        "answer-1": parsed.Span("m0.text", 0, 8),
        "action-0": parsed.Span("m0.calls", 0, 1),
        "message-2": parsed.Span("m1.text", 0, 10),
    }


@pytest.mark.parametrize(
    ("text", "inside"),
    [("<think>All of it.", True), ("<think>Some.</think>Rest.", False), ("Nothing hidden.", False), ("", False)],
)
def test_an_answer_that_is_all_reasoning_is_known(text: str, inside: bool) -> None:
    parts = [
        {"place": "m0.text", "start": part.span.start, "end": part.span.end, "origin": "think", "closed": part.closed}
        for part in find(text, "m0.text")
    ]

    assert reading_of(text, reasoning=parts).inside_only is inside


@pytest.mark.parametrize(("system", "said"), [("You may cancel an alert.", ["No alert was cancelled."]), ("Hi.", [])])
def test_an_alert_is_spoken_of_where_there_was_one(system: str, said: list[str]) -> None:
    text = TranscriptText(messages=[{"role": "assistant", "text": THREAT}], reasoning=[])

    assert read(Prompt(system=system), text, [], Cast()).not_done == said


def test_marks_stand_in_every_field_of_an_action() -> None:
    call = {"id": "1", "function": "send_email", "arguments": {"Subject": "Old plans", "body": "b", "note": "my plans"}}
    marks = [
        Mark(parsed.Span("m0.call0.Subject", 4, 9), "hit"),
        Mark(parsed.Span("m0.call0.note", 3, 8), "hit"),
    ]
    text = TranscriptText(messages=[{"role": "assistant", "text": "", "tool_calls": [call]}], reasoning=[])

    (deed,) = read(Prompt(), text, [], CAST, marks).deeds

    fields = [deed.subject, *(pieces for _, pieces in deed.fields)]
    assert [[piece.text for piece in pieces if piece.kinds] for pieces in fields] == [["plans"], ["plans"]]
