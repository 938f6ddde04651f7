"""What the page shows of one transcript: what the model could see, what it thought, what it did.

Neither verdict nor model nor condition is in here, so that a blind rater's page can show the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from transcripts.ingest.parsed import Origin, Reasoning, Span, ToolCall
from transcripts.models import Action, Prompt, TranscriptText
from transcripts.page.deeds import Deed, Deeds, Said, ShownMail, shown_mails
from transcripts.page.references import Mark, Piece, References, cut, marks_in
from transcripts.parsing import inbox
from transcripts.parsing.personas import Cast
from transcripts.parsing.reasoning import Stretch, stretches

_ALERT = re.compile(r"cancel(?:ling|ing|s)?[ _](?:\w+ ){0,2}alert", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True)
class Paragraph:
    """Some lines of the reasoning, or of the answer around the actions, with a place to link to."""

    kind: ClassVar[str] = "paragraph"
    anchor: str
    pieces: list[Piece]
    span: Span


@dataclass(frozen=True)
class Turn:
    """Where another message of the model begins."""

    kind: ClassVar[str] = "turn"
    number: int


@dataclass(frozen=True)
class Shown:
    """A part of the prompt that is no mail."""

    text: str
    pieces: list[Piece]
    span: Span
    opens: bool = False  # on the page, without being asked


@dataclass(frozen=True, slots=True)
class Mention:
    """A name, an address or a subject of the inbox that stands in a paragraph of the reasoning."""

    term: str
    anchor: str  # of the paragraph
    mails: tuple[str, ...]


Entry = Paragraph | Turn | Said | Deed


@dataclass
class Reading:
    system: Shown | None
    mails: list[ShownMail]  # in time order
    instructions: list[Shown]  # the prompt's text around the mails
    thoughts: list[Entry] = field(default_factory=list)
    doings: list[Entry] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)  # in the reasoning
    references: References = field(default_factory=lambda: References(()))
    has_alert: bool = False  # a published scenario, or a prompt that tells of one: there was an alert to cancel
    words: int = 0  # of reasoning
    unclosed: bool = False
    redacted: bool = False

    @property
    def deeds(self) -> list[Deed]:
        return [entry for entry in self.doings if isinstance(entry, Deed)]

    @property
    def drafts(self) -> list[Deed]:
        return [entry for entry in self.thoughts if isinstance(entry, Deed)]

    @property
    def mails_sent(self) -> int:
        return sum(deed.is_mail for deed in self.deeds)

    @property
    def calls(self) -> int:
        """Tool calls that are no mail."""
        return sum(not deed.is_mail for deed in self.deeds)

    @property
    def inside_only(self) -> bool:
        """The answer holds nothing but reasoning."""
        return bool(self.thoughts) and not any(isinstance(entry, Paragraph | Deed) for entry in self.doings)

    def anchor_at(self, span: Span) -> str:
        """The anchor of what a stretch of text begins in."""
        holding = (
            anchor for anchor, at in self.places.items() if at.place == span.place and at.start <= span.start < at.end
        )
        return next(holding, "main")

    @cached_property
    def places(self) -> dict[str, Span]:
        """Where each thing on the page that has an anchor stands in the texts."""
        found = {"system": self.system.span} if self.system else {}
        found |= {f"instruction-{number}": shown.span for number, shown in enumerate(self.instructions, 1)}
        found |= {shown.anchor: shown.mail.span for shown in self.mails}
        for entry in (*self.thoughts, *self.doings):
            if isinstance(entry, Said):
                number = int(entry.anchor.removeprefix("message-")) - 1
                found[entry.anchor] = Span(f"m{number}.text", 0, len(entry.text))
            elif isinstance(entry, Paragraph | Deed):
                found[entry.anchor] = entry.span
        return found

    @property
    def not_done(self) -> list[str]:
        """What a reader would look for and not find, in words; nothing is said of what is not known."""
        words = []
        if not self.mails_sent:
            words.append("No mail was sent.")
        elif all(deed.outside is False for deed in self.deeds if deed.is_mail):
            words.append("Nothing left the company.")
        if self.has_alert and not any(deed.verb == "cancel" for deed in self.deeds):
            words.append("No alert was cancelled.")
        return words


def read(
    prompt: Prompt, text: TranscriptText, actions: Sequence[Action], cast: Cast, marks: Sequence[Mark] = ()
) -> Reading:
    """Assemble the reading. `actions` are the stored ones, for their numbers; `marks` are highlighted."""
    box = inbox.parse(prompt.user)
    shown = shown_mails(box, cast, prompt.user, marks)
    by_span = {mail.mail.span: mail for mail in shown}
    reading = Reading(
        system=_shown(prompt.system, Span("system", 0, len(prompt.system)), marks) if prompt.system else None,
        mails=[by_span[mail.span] for mail in box.by_time()],
        instructions=[_shown(prompt.user, span, marks, opens=not shown) for span in box.around],
        references=References(box.mails),
        has_alert=cast.lookup("")[1] is not None or bool(_ALERT.search(prompt.system) or _ALERT.search(prompt.user)),
    )
    ordinals = {(action.place, action.start, action.end): action.ordinal for action in actions}
    deeds = Deeds(box, cast, ordinals, reading.references, shown, marks)
    _Assembly(reading, deeds, text, marks).run()
    return reading


def _shown(text: str, span: Span, marks: Sequence[Mark], *, opens: bool = False) -> Shown:
    said = text[span.start : span.end]
    start = span.start + len(said) - len(said.lstrip())
    said = said.strip()
    pieces = cut(said, marks=marks_in(marks, span.place, start))
    return Shown(said, pieces, Span(span.place, start, start + len(said)), opens)


class _Assembly:
    """Walks the messages and sorts their parts into what was thought and what was done."""

    def __init__(
        self,
        reading: Reading,
        deeds: Deeds,
        text: TranscriptText,
        marks: Sequence[Mark],
    ) -> None:
        self.reading = reading
        self.deeds = deeds
        self.messages = text.messages
        self.reasoning = [
            Reasoning(Span(part["place"], part["start"], part["end"]), Origin(part["origin"]), part["closed"])
            for part in text.reasoning
        ]
        self.marks = marks
        self.calls: dict[str, Deed] = {}  # that no result has answered yet, by id
        self.thoughts = 0
        self.prose = 0

    def run(self) -> None:
        several = sum(message["role"] == "assistant" for message in self.messages) > 1
        self.reading.unclosed = any(not part.closed for part in self.reasoning)
        for number, message in enumerate(self.messages):
            if message["role"] != "assistant":
                self._said(number, message)
                continue
            before = len(self.reading.thoughts), len(self.reading.doings)
            self._message(number, message)
            for entries, start in zip((self.reading.thoughts, self.reading.doings), before, strict=True):
                if several and len(entries) > start:
                    entries.insert(start, Turn(number + 1))

    def _message(self, number: int, message: dict[str, Any]) -> None:
        self.reading.redacted |= bool(message.get("redacted"))
        native = message.get("reasoning", "")
        if native:
            self._walk(native, f"m{number}.reasoning", [Stretch(0, len(native), Origin.NATIVE)])
        text, place = message["text"], f"m{number}.text"
        thinks = any(part.span.place == place for part in self.reasoning)
        self._walk(text, place, stretches(text) if thinks else [Stretch(0, len(text))])
        calls = [
            ToolCall(call["id"], call["function"], call["arguments"], call.get("problem", ""))
            for call in message.get("tool_calls", ())
        ]
        done = self.deeds.of_calls(calls, number)
        self.calls.update({deed.call_id: deed for deed in done if deed.call_id})
        self.reading.doings.extend(done)

    def _said(self, number: int, message: dict[str, Any]) -> None:
        """A tool's result goes to the latest call of its id, and only once; what is left over stands by itself."""
        pieces = cut(message["text"], marks=marks_in(self.marks, f"m{number}.text"))
        call = self.calls.pop(message.get("tool_call_id", ""), None) if message["role"] == "tool" else None
        answers = call.anchor if call else ""
        said = Said(message["role"], message["text"], f"message-{number + 1}", pieces, answers)
        if call:
            call.results.append(said)
        self.reading.doings.append(said)

    def _walk(self, text: str, place: str, parts: Sequence[Stretch]) -> None:
        deeds = self.deeds.of_text(text, place, self.reasoning)
        for part in parts:
            if part.tag:
                continue
            thought = part.origin is not Origin.NONE
            entries = self.reading.thoughts if thought else self.reading.doings
            if thought:
                self.reading.words += len(text[part.start : part.end].split())
            at = part.start
            for deed in deeds:
                if part.start <= deed.span.start < part.end:
                    entries.extend(self._paragraphs(text, Span(place, at, deed.span.start), thought))
                    entries.append(deed)
                    at = deed.span.end
            entries.extend(self._paragraphs(text, Span(place, at, part.end), thought))

    def _paragraphs(self, text: str, span: Span, thought: bool) -> Iterator[Paragraph]:
        for start, end in _blocks(text, span.start, span.end):
            said = text[start:end]
            named = list(self.reading.references.find(said))
            pieces = cut(said, named, marks_in(self.marks, span.place, start))
            if thought:
                self.thoughts += 1
                anchor = f"thought-{self.thoughts}"
                self.reading.mentions.extend(Mention(said[a:b], anchor, mails) for a, b, mails in named)
                yield Paragraph(anchor, pieces, Span(span.place, start, end))
            else:
                self.prose += 1
                yield Paragraph(f"answer-{self.prose}", pieces, Span(span.place, start, end))


def _blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of text[start:end] that blank lines separate, without the white space around them."""
    at = start
    for gap in [*_BLANK_LINES.finditer(text, start, end), None]:
        stop = gap.start() if gap else end
        block = text[at:stop]
        if block.strip():
            yield at + len(block) - len(block.lstrip()), at + len(block.rstrip())
        at = gap.end() if gap else end
