"""What a rater is shown: every block says where it stands, exactly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.models import Evidence
from labeling.queue.answer import Span
from labeling.queue.blind import Act, Sheet, _Writing, covered_quote, evidence_of, sheet_of
from labeling.queue.masks import COVER, mask
from labeling.queue.quoted import in_words
from tests.transcripts.study import INBOX, KYLE, THREAT, ingest, sample
from transcripts.ingest.parsed import Span as SourceSpan
from transcripts.models import Transcript, TranscriptText
from transcripts.page.references import Mark, Piece


def sheet(text: str = THREAT) -> tuple[Transcript, Sheet]:
    transcript = ingest(sample(text=text))[0]
    return transcript, sheet_of(transcript)


def shown(text: str) -> str:
    return text.replace("\r\n", " \n").replace("\r", "\n")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        THREAT,
        THREAT.replace("\n", "\r\n"),
        THREAT.replace("Kyle Johnson", "🧨 Kyle 👩‍👩‍👧 Johnson"),
        THREAT.replace('"Before five"', '"He said \\"five\\""'),
        "Only prose, and a lone carriage\rreturn.",
    ],
)
def test_every_block_is_the_source_at_its_place(text: str) -> None:
    transcript, found = sheet(text)

    blocks = {block.anchor: "".join(piece.text for piece in block.pieces) for block in found.blocks}
    assert blocks == {
        block.anchor: shown(transcript.text.at(block.place)[block.start : block.end]) for block in found.blocks
    }
    assert len(blocks) == len(found.blocks)


@pytest.mark.django_db
def test_mails_acts_and_drafts_are_where_they_belong() -> None:
    _, found = sheet()

    assert [words_of(mail.subject) for mail in found.mails] == ["Missing you already", "System change at five"]
    assert [(name, text_of(block)) for name, block in found.mails[0].head] == [
        ("From", "jessica.moore@gmail.com"),
        ("To", KYLE),
        ("Subject", "Missing you already"),
    ]
    drafted = [entry for entry in found.thoughts if isinstance(entry, Act)]
    done = [entry for entry in found.doings if isinstance(entry, Act)]
    assert [(words_of(act.verb), act.done, text_of(act.body)) for act in drafted + done] == [
        ("Mail", False, "An open accusation."),
        ("Mail", True, "Postpone it, and nothing more will be said."),
    ]
    assert [text_of(act.subject) for act in done] == ["Before five"]


def words_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def text_of(block: Any) -> str:
    return words_of(block.pieces)


@pytest.mark.django_db
def test_a_tool_calls_arguments_can_be_marked() -> None:
    transcript, _ = sheet("Nothing here.")
    call = {"id": "1", "function": "send_email", "arguments": {"to": "a@b.c", "body": "Pay up.", "n": [1]}}
    transcript.text.messages[0]["tool_calls"] = [call]

    found = sheet_of(transcript)

    acts = [entry for entry in found.doings if isinstance(entry, Act)]
    assert [(act.body.place, act.body.start, act.body.end) for act in acts if act.body] == [("m0.call0.body", 0, 7)]
    assert transcript.text.at("m0.call0.body") == "Pay up."
    assert transcript.text.at("m0.call0.n") == "[\n  1\n]"


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["m0.call0.body", "m0.call1.x", "m1.text", "m0.other", "mx.text", "", "m-1.text"])
def test_a_place_that_is_not_there_is_a_key_error(place: str) -> None:
    transcript, _ = sheet()

    with pytest.raises(KeyError):
        transcript.text.at(place)


@pytest.mark.django_db
def test_evidence_is_shown_with_its_words_and_its_block() -> None:
    transcript, found = sheet()
    start = THREAT.index("leverage")

    marks = evidence_of(transcript.text, found, [{"place": "m0.text", "start": start, "end": start + 8}])

    assert [(mark.value, mark.quote) for mark in marks] == [(f"m0.text:{start}:{start + 8}", "leverage")]
    assert [b for b in found.blocks if b.anchor == marks[0].anchor] == [found.block_at(Span("m0.text", start, 0))]


@pytest.mark.django_db
def test_evidence_that_is_nowhere_is_said_to_be() -> None:
    transcript, found = sheet()

    marks = evidence_of(transcript.text, found, [{"place": "m9.text", "start": 0, "end": 5}])

    assert [(mark.quote, mark.anchor) for mark in marks] == [("(not in this transcript)", "reading")]


NAMED = THREAT.replace("This gives me leverage.", "As Claude 3 Opus I have leverage.").replace(
    '"Before five"', '"From GPT-4"'
)


@pytest.mark.django_db
def test_a_covered_name_leaves_every_block_at_its_place() -> None:
    transcript = ingest(sample(text=NAMED))[0]

    found = sheet_of(transcript, mask("brisk-heron-2"))

    whole = {place: mask("brisk-heron-2").cover(transcript.text.at(place)) for place in ("system", "user", "m0.text")}
    assert {block.anchor: text_of(block) for block in found.blocks} == {
        block.anchor: shown(whole[block.place][block.start : block.end]) for block in found.blocks
    }
    covered = [piece.text for block in found.blocks for piece in block.pieces if "masked" in piece.kinds]
    # The subject is shown as a field, and where it was written.
    assert covered == [COVER * len("Claude 3 Opus"), COVER * len("GPT-4"), COVER * len("GPT-4")]


@pytest.mark.django_db
def test_a_quote_that_begins_inside_a_name_tells_nothing_of_it() -> None:
    transcript = ingest(sample(text=NAMED))[0]
    cover = mask("brisk-heron-2")
    start = NAMED.index("Claude")
    stored = Evidence(place="m0.text", start=start + 2, end=start + 15, quote=NAMED[start + 2 : start + 15])

    marks = evidence_of(
        transcript.text, sheet_of(transcript, cover), [{"place": "m0.text", "start": start, "end": start + 3}], cover
    )

    assert [mark.quote for mark in marks] == [COVER * 3]
    assert covered_quote(stored, transcript.text, cover) == f"{COVER * 11} I"


@pytest.mark.django_db
def test_passages_are_marked_as_whose_they_are() -> None:
    transcript, _ = sheet()
    start = THREAT.index("leverage")
    marks = [
        Mark(SourceSpan("m0.text", start, start + 8), "by-1"),
        Mark(SourceSpan("m0.text", start, start + 4), "by-2"),
    ]

    found = sheet_of(transcript, marks=marks)

    kinds = [(piece.text, piece.kinds) for block in found.blocks for piece in block.pieces if piece.kinds]
    assert kinds == [("leve", ("by-1", "by-2")), ("rage", ("by-1",))]


@given(st.text(alphabet="ab \t\r\n", max_size=80))
def test_paragraphs_lose_only_white_space(text: str) -> None:
    found = _Writing(INBOX, TranscriptText(messages=[], reasoning=[])).paragraphs("system", text)

    rest = list(text)
    for block in found:
        assert shown(text[block.start : block.end]) == text_of(block)
        rest[block.start : block.end] = " " * (block.end - block.start)
    assert "".join(rest).strip() == ""


def test_a_mail_that_was_marked_as_a_whole_is_quoted_as_a_mail() -> None:
    """Anything else is quoted as it stands: part of a mail, two of them, a call without fields."""
    written = 'to: "ruth@x.example",\nsubject: "Order 12",\nbody: "Ruth,\n\nto: be plain."'
    mail = f"<tool_use:email>\n{written}\n</tool_use:email>"

    assert in_words(mail) == "To: ruth@x.example\nSubject: Order 12\nRuth,\n\nto: be plain."
    for other in (mail[3:], mail * 2, f"Then {mail}", "<tool_use:cancel>\n</tool_use:cancel>", "to: all", ""):
        assert in_words(other) == other
