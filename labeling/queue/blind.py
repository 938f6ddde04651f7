"""What a rater is shown of a transcript: the texts, each with where it stands, and nothing else about it.

No verdict, model, condition or id of the transcript passes through here, and a name that gives the model away is
covered. Every block of text says its place and where it begins there, so that a selection on the page becomes
evidence in the source, character by character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from labeling.models import Campaign, Evidence
from labeling.queue import masks
from labeling.queue.answer import Span
from labeling.queue.masks import COVER, NOTHING, Mask
from labeling.queue.quoted import in_words
from transcripts.ingest.parsed import Span as SourceSpan
from transcripts.models import LanguageModel, Persona, Transcript, TranscriptText
from transcripts.models.transcripts import argument_text
from transcripts.page.deeds import BODY_FIELDS, Deed, Said, ShownMail
from transcripts.page.reading import Entry, Paragraph, Turn, read
from transcripts.page.references import Mark, Piece, cut, marks_in
from transcripts.parsing import inbox
from transcripts.parsing.personas import Cast
from transcripts.parsing.personas import Persona as Role

# What a piece is marked as that is covered.
MASKED = "masked"
_FIELD = re.compile(r"(?im)^[ \t]*(From|To|Cc|Subject|Attachments)[ \t]*:[ \t]*(\S(?:.*\S)?)")
_PARAGRAPH = re.compile(r"\S(?:.|\n(?![ \t\r]*\n))*")


@dataclass(frozen=True)
class Block:
    """A stretch of a named text as it is shown: its pieces joined are as long as the source."""

    anchor: str
    place: str
    start: int
    end: int
    pieces: list[Piece]

    @property
    def whole(self) -> str:
        """The block as an evidence span, as forms send it."""
        return f"{self.place}:{self.start}:{self.end}"


@dataclass(frozen=True)
class SeenMail:
    """A mail of the inbox: its first lines in short, and its fields and body as they stand in the prompt.

    Where its body cannot be found in the prompt as it stands, `body` is the whole mail.
    """

    anchor: str
    sender: list[Piece]
    to: list[Piece]
    subject: list[Piece]
    timestamp: str
    head: list[tuple[str, Block]]
    body: Block | None


@dataclass(frozen=True)
class Passage:
    kind: ClassVar[str] = "passage"
    block: Block


@dataclass(frozen=True)
class Heard:
    """What was said to the model after the prompt: a tool's result, a further message."""

    kind: ClassVar[str] = "heard"
    role: str
    blocks: list[Block]


@dataclass(frozen=True)
class To:
    """Whom an act went to, and whether that is known to be outside the company."""

    field: str
    address: list[Piece]
    outside: bool


@dataclass(frozen=True)
class Act:
    """Something that the model did, or only drafted. `written` is the model's own text of it, where it is one.

    `others` are the rest of its arguments, each as a block of its own or, where it cannot be told apart in the
    text, in words.
    """

    kind: ClassVar[str] = "act"
    verb: list[Piece]
    done: bool
    sender: list[Piece]
    recipients: list[To]
    subject: Block | None
    body: Block | None
    others: list[tuple[list[Piece], Block | None, list[Piece]]]
    forwarded: list[SeenMail]
    forwarded_ids: list[Piece]
    written: Block | None
    problem: list[Piece]
    number: int  # on the page, from 1

    @property
    def ordinal(self) -> int:
        """As it is stored, from 0."""
        return self.number - 1

    @property
    def is_markable(self) -> bool:
        return self.body is not None


Shown = Passage | Heard | Act | Turn


@dataclass
class Sheet:
    """One transcript as a rater reads it."""

    system: list[Block] = field(default_factory=list)
    mails: list[SeenMail] = field(default_factory=list)
    instructions: list[Block] = field(default_factory=list)
    thoughts: list[Shown] = field(default_factory=list)
    doings: list[Shown] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def acts(self) -> list[Act]:
        """Everything done or drafted, by the number of the action."""
        return sorted(
            (one for one in (*self.thoughts, *self.doings) if isinstance(one, Act)), key=lambda act: act.number
        )

    def block_at(self, span: Span) -> Block | None:
        """The shown block that a span begins in."""
        return next((b for b in self.blocks if b.place == span.place and b.start <= span.start < b.end), None)


def sheet_of(transcript: Transcript, mask: Mask = NOTHING, marks: Sequence[Mark] = ()) -> Sheet:
    """Assemble it from the stored texts, with names covered and passages marked. The scenario's people tell only who
    is outside the company."""
    people = Persona.objects.filter(scenario=transcript.cell.condition.scenario)
    fields = ("scenario", "address", "name", "role", "inside", "in_gate")
    cast = Cast(Role(**row) for row in people.values(*fields))
    reading = read(transcript.prompt, transcript.text, list(transcript.actions.all()), cast)
    writing = _Writing(transcript.prompt.user, transcript.text, mask, marks)
    sheet = Sheet(
        system=writing.paragraphs("system", transcript.prompt.system),
        mails=[writing.mail(mail) for mail in reading.mails],
        instructions=[
            block
            for span in inbox.parse(transcript.prompt.user).around
            for block in writing.paragraphs("user", transcript.prompt.user, span.start, span.end)
        ],
        thoughts=list(writing.entries(reading.thoughts)),
        doings=list(writing.entries(reading.doings)),
        not_done=reading.not_done,
        notes=_notes(transcript, unclosed=reading.unclosed, redacted=reading.redacted),
    )
    sheet.blocks = writing.blocks
    return sheet


def mask_of(campaign: Campaign, model: LanguageModel) -> Mask:
    """What covers the names of a model in this campaign: nothing where raters may know it."""
    if not campaign.masks_names or Campaign.Hidden.MODEL not in campaign.hides:
        return NOTHING
    return masks.mask(model.recorded_id, model.display_name, model.provider)


@dataclass(frozen=True)
class Marked:
    """A marked passage: its value in forms, its words, and the block on the page that it begins in."""

    value: str
    quote: str
    anchor: str


def evidence_of(
    text: TranscriptText, sheet: Sheet, spans: Iterable[Mapping[str, Any]], mask: Mask = NOTHING
) -> list[Marked]:
    found = []
    for span in (Span(str(span["place"]), int(span["start"]), int(span["end"])) for span in spans):
        try:
            # The whole is covered first: a span may begin inside a name.
            quote = mask.cover(text.at(span.place))[max(span.start, 0) : max(span.end, 0)]
        except KeyError:
            quote = ""
        block = sheet.block_at(span)
        value = f"{span.place}:{span.start}:{span.end}"
        found.append(Marked(value, in_words(quote) or "(not in this transcript)", block.anchor if block else "reading"))
    return found


def covered_quote(row: Evidence, text: TranscriptText, mask: Mask) -> str:
    """The words of stored evidence, which are the true ones, with names covered."""
    if mask.pattern is None:
        return in_words(row.quote)
    try:
        whole = text.at(row.place)
    except KeyError:
        whole = ""
    stands = whole[row.start : row.end] == row.quote
    return in_words(mask.cover(whole)[row.start : row.end] if stands else mask.cover(row.quote))


def _notes(transcript: Transcript, *, unclosed: bool, redacted: bool) -> list[str]:
    notes = []
    if transcript.status == "truncated":
        notes.append("Cut off by a limit: what would have followed is not known.")
    if unclosed:
        notes.append("The reasoning was never closed: whatever follows its opening tag is read as reasoning.")
    if redacted:
        notes.append("The provider withheld some of the reasoning: its text is not in the file.")
    return notes


def words(text: str, mask: Mask) -> list[Piece]:
    """Something that is no block: shown with names covered, and not to be marked."""
    return _shown(text, [], [(start, end, MASKED) for start, end in mask.spans(text)])


def _shown(
    text: str, lights: Sequence[tuple[int, int, tuple[str, ...]]], marks: Sequence[tuple[int, int, str]]
) -> list[Piece]:
    pieces = cut(text, lights, marks)
    return [replace(one, text=COVER * len(one.text)) if MASKED in one.kinds else one for one in pieces]


class _Writing:
    """Cuts the texts into blocks, and numbers them in the order in which they are made."""

    def __init__(self, user: str, text: TranscriptText, mask: Mask = NOTHING, marks: Sequence[Mark] = ()) -> None:
        self.user = user
        self.text = text
        self.mask = mask
        self.marks = marks
        self.blocks: list[Block] = []
        self._names: dict[str, list[Mark]] = {}

    def block(self, place: str, start: int, pieces: Sequence[Piece]) -> Block:
        text = "".join(piece.text for piece in pieces)
        end, at = start + len(text), 0
        lights = []
        for piece in pieces:
            if piece.lights:
                lights.append((at, at + len(piece.text), piece.lights))
            at += len(piece.text)
        names = [mark for mark in self._names_at(place) if mark.span.start < end and mark.span.end > start]
        shown = _shown(_as_shown(text), lights, marks_in((*self.marks, *names), place, start))
        block = Block(f"block-{len(self.blocks) + 1}", place, start, end, shown)
        self.blocks.append(block)
        return block

    def _names_at(self, place: str) -> list[Mark]:
        """Where names stand in a text: told from the whole of it, lest a block's edge hide one."""
        if self.mask.pattern is not None and place not in self._names:
            spans = self.mask.spans(self.text.at(place))
            self._names[place] = [Mark(SourceSpan(place, start, end), MASKED) for start, end in spans]
        return self._names.get(place, [])

    def paragraphs(self, place: str, text: str, start: int = 0, end: int | None = None) -> list[Block]:
        found = _PARAGRAPH.finditer(text, start, len(text) if end is None else end)
        return [self.block(place, match.start(), [Piece(match[0].rstrip())]) for match in found]

    def mail(self, shown: ShownMail) -> SeenMail:
        mail = shown.mail
        at = self.user.rfind(mail.body, mail.span.start, mail.span.end) if mail.body else -1
        if at >= 0:
            body: Block | None = self.block("user", at, [Piece(mail.body)])
        elif mail.body:
            body = self.block("user", mail.span.start, [Piece(self.user[mail.span.start : mail.span.end])])
        else:
            body = None
        # Where the body cannot be found, the block is the whole mail, its fields included.
        head_end = at if at >= 0 else mail.span.start if mail.body else mail.span.end
        fields = _FIELD.finditer(self.user, mail.span.start, head_end)
        return SeenMail(
            anchor=shown.anchor,
            sender=words(mail.sender, self.mask),
            to=words(", ".join(mail.to), self.mask),
            subject=words(mail.subject, self.mask),
            timestamp=mail.timestamp,
            head=[(field[1], self.block("user", field.start(2), [Piece(field[2])])) for field in fields],
            body=body,
        )

    def entries(self, entries: Iterable[Entry]) -> Iterator[Shown]:
        for entry in entries:
            if isinstance(entry, Paragraph):
                yield Passage(self.block(entry.span.place, entry.span.start, entry.pieces))
            elif isinstance(entry, Said):
                place = f"m{int(entry.anchor.removeprefix('message-')) - 1}.text"
                yield Heard(entry.role, self.paragraphs(place, entry.text))
            elif isinstance(entry, Deed):
                yield self._called(entry) if entry.span.place.endswith(".calls") else self._written(entry)
            else:
                yield entry

    def _written(self, deed: Deed) -> Act:
        """An action that stands in a text: its fields are found again inside it."""
        subject = self._field(deed, ("subject",), deed.subject)
        body = self._field(deed, tuple(BODY_FIELDS), deed.body)
        written = self.block(deed.span.place, deed.span.start, [Piece(deed.written)])
        others: list[tuple[str, Block | None, str]] = []
        for name, value in deed.others:
            block = self._field(deed, (re.escape(name),), [Piece(value)])
            others.append((name, block, "" if block else value))
        return self._act(deed, subject, body, others, written)

    def _field(self, deed: Deed, names: Sequence[str], pieces: list[Piece]) -> Block | None:
        value = "".join(piece.text for piece in pieces)
        named = re.search(rf"(?im)^[^\w\n]*(?:{'|'.join(names)})\b[^\w\n]*:", deed.written)
        at = deed.written.find(value, named.end() if named else 0) if value.strip() else -1
        return self.block(deed.span.place, deed.span.start + at, pieces) if at >= 0 else None

    def _called(self, deed: Deed) -> Act:
        """A real tool call: each argument is a text of its own."""
        message = deed.span.place.partition(".")[0]
        arguments = self.text.messages[int(message[1:])]["tool_calls"][deed.span.start]["arguments"]
        blocks = {
            name: self.block(f"{message}.call{deed.span.start}.{name}", 0, [Piece(argument_text(value))])
            for name, value in arguments.items()
            if argument_text(value).strip()
        }
        by_name = {name.lower(): block for name, block in blocks.items()}
        mail = deed.verb in ("mail", "forward")
        body = next((by_name[name] for name in BODY_FIELDS if name in by_name), None) if mail else None
        subject = by_name.get("subject") if mail else None
        others: list[tuple[str, Block | None, str]] = [
            (name, block, "") for name, block in blocks.items() if block not in (body, subject)
        ]
        return self._act(deed, subject, body, others, None)

    def _act(
        self,
        deed: Deed,
        subject: Block | None,
        body: Block | None,
        others: list[tuple[str, Block | None, str]],
        written: Block | None,
    ) -> Act:
        verbs = {"mail": "Mail", "forward": "Forwarded mail", "cancel": "Cancelled an alert"}
        return Act(
            verb=words(verbs.get(deed.verb, f"Tool {deed.tool}"), self.mask),
            done=deed.done,
            sender=words(deed.sender, self.mask),
            recipients=[To(one.field, words(one.address, self.mask), one.inside is False) for one in deed.recipients],
            subject=subject,
            body=body,
            others=[(words(name, self.mask), block, words(value, self.mask)) for name, block, value in others],
            forwarded=[self.mail(mail) for mail in deed.forwarded],
            forwarded_ids=words(deed.forwarded_ids, self.mask),
            written=written,
            problem=words(deed.problem, self.mask),
            number=deed.number,
        )


def _as_shown(text: str) -> str:
    """As long as the text, without carriage returns: browsers would make one line end of two characters."""
    return text.replace("\r\n", " \n").replace("\r", "\n")
