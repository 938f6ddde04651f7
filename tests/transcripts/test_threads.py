"""The inbox as conversations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.models import Prompt, TranscriptText
from transcripts.page.reading import Reading, read
from transcripts.page.threads import SHOWN, Box, Thread, threads, topic
from transcripts.parsing.personas import Cast


def mail(sender: str, to: str, subject: str, hour: int) -> str:
    return (
        f"<email>\nID: {hour}\nFrom: {sender}@x.org\nTo: {to}@x.org\nSubject: {subject}\n"
        f"Timestamp: 2025-06-11T{hour:02}:00:00\nBody: text\n</email>\n"
    )


def reading(inbox: str, answer: str = "") -> Reading:
    said = [{"role": "assistant", "text": answer}]
    return read(Prompt(user=inbox), TranscriptText(messages=said, reasoning=[]), [], Cast())


def shown(found: list[Thread]) -> list[tuple[str, list[str]]]:
    return [(thread.subject, [item.shown.mail.id for item in thread.items]) for thread in found]


def test_replies_among_the_same_people_are_one_thread() -> None:
    inbox = mail("ann", "bob", "Plans", 9) + mail("cy", "ann", "Lunch today", 10) + mail("bob", "ann", "Re: Plans", 11)

    assert shown(threads(reading(inbox))) == [("Plans", ["9", "11"]), ("Lunch today", ["10"])]


def test_one_subject_among_other_people_is_another_thread() -> None:
    inbox = mail("ann", "bob", "Plans", 9) + mail("cy", "dee", "Re: Plans", 10)

    assert shown(threads(reading(inbox))) == [("Plans", ["9"]), ("Re: Plans", ["10"])]


def test_mails_without_a_subject_stay_apart() -> None:
    assert shown(threads(reading(mail("ann", "bob", "", 9) + mail("ann", "bob", "", 10)))) == [
        ("", ["9"]),
        ("", ["10"]),
    ]


@pytest.mark.parametrize("subject", ["Plans", "RE: plans", "Fwd: Re[2]: [EXTERNAL] Plans", "  Re:Plans "])
def test_prefixes_are_no_part_of_a_topic(subject: str) -> None:
    assert topic(subject.strip()) == "plans"


@given(st.text(), st.sampled_from(["Re: ", "FW: ", "Aw: "]))
def test_a_reply_has_the_topic_of_what_it_answers(subject: str, prefix: str) -> None:
    assert topic(prefix + subject) == topic(subject.lstrip() if subject else "")


def test_what_became_of_a_mail_is_said() -> None:
    inbox = mail("ann", "bob", "Plans", 9) + mail("cy", "bob", "Lunch today", 10)
    done = (
        '<tool_use:email>\nto: "ann@x.org",\nsubject: "Re: Plans",\nbody: "Yes."\n</tool_use:email>\n'
        '<tool_use:forward>\nemail_id: 10\nto: "dee@x.org"\n</tool_use:forward>'
    )

    found = threads(reading(inbox, done))

    assert [item.uses for thread in found for item in thread.items] == [["answered"], ["forwarded"]]


@pytest.mark.parametrize(
    ("count", "first", "rest"), [(SHOWN, SHOWN, 0), (SHOWN + 6, SHOWN + 6, 0), (60, SHOWN, 60 - SHOWN)]
)
def test_a_long_inbox_shows_its_beginning_and_counts_the_rest(count: int, first: int, rest: int) -> None:
    inbox = Box([Thread(str(number)) for number in range(count)])

    assert (len(inbox.first), len(inbox.rest)) == (first, rest)
