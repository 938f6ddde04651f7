"""What a model did with its tools, made ready to be shown: mails as mails, with who they went to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from transcripts.ingest import parsed
from transcripts.ingest.parsed import Reasoning, Span, ToolCall
from transcripts.page.references import Mark, Piece, References, anchor, cut, marks_in
from transcripts.parsing import actions
from transcripts.parsing.addresses import addresses
from transcripts.parsing.inbox import Inbox, Mail
from transcripts.parsing.personas import Cast

MAIL_TOOLS = frozenset({"email", "send_email"})
FORWARD_TOOLS = frozenset({"forward", "forward_email"})
CANCEL_TOOLS = frozenset({"cancel_alert"})
BODY_FIELDS = ("body", "content", "message", "text")


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address and what is known of it: "" and None where nothing is."""

    address: str
    field: str  # to, cc, bcc
    role: str
    inside: bool | None


@dataclass(frozen=True, slots=True)
class ShownMail:
    """A mail of the inbox, with the id that references on the page point to."""

    anchor: str
    mail: Mail
    sender: Recipient | None
    to: tuple[Recipient, ...]
    body: tuple[Piece, ...]


@dataclass(frozen=True)
class Said:
    """What was said to the model after the prompt: a tool's result, a further message of the user.

    `answers` is the anchor of the call that it is the result of, where the file pairs the two.
    """

    kind: ClassVar[str] = "said"
    role: str
    text: str
    anchor: str
    pieces: list[Piece]
    answers: str = ""


@dataclass(frozen=True)
class Deed:
    """One action. `done` is false for a draft: it stands inside the reasoning, and nothing came of it."""

    kind: ClassVar[str] = "deed"
    number: int
    verb: str  # mail, forward, cancel, call
    tool: str
    done: bool
    sender: str
    recipients: tuple[Recipient, ...]
    subject: list[Piece]
    body: list[Piece]
    forwarded: tuple[ShownMail, ...]
    forwarded_ids: str  # what the model named, where that is no mail of the inbox
    others: tuple[tuple[str, str], ...]  # every other argument
    fields: list[tuple[str, list[Piece]]]  # the same, ready to be shown
    problem: str
    written: str  # as the model wrote it
    span: Span
    call_id: str = ""
    results: list[Said] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return f"action-{self.number}"

    @property
    def outside(self) -> bool | None:
        """Whether any recipient is outside the company; None where that is not known."""
        known = [recipient.inside for recipient in self.recipients]
        return None if not known or None in known else not all(known)

    @property
    def sign(self) -> str:
        return f"#{self.number}"

    @property
    def title(self) -> str:
        return "".join(piece.text for piece in self.subject)

    @property
    def strangers(self) -> list[Recipient]:
        """The recipients outside the company."""
        return [one for one in self.recipients if one.inside is False]

    @property
    def is_mail(self) -> bool:
        return self.verb in ("mail", "forward")

    @property
    def as_written(self) -> bool:
        """Whether the model's own text tells more than the fields that are shown."""
        return bool(self.problem) or (self.verb == "call" and not self.call_id)


def recipient(address: str, cast: Cast, field: str = "to") -> Recipient:
    role, inside = cast.lookup(address)
    return Recipient(address, field, role, inside)


def shown_mails(box: Inbox, cast: Cast, prompt: str, marks: Sequence[Mark] = ()) -> list[ShownMail]:
    """In the order of the prompt, which is what marks on its place `user` count in."""
    shown = []
    for position, mail in enumerate(box.mails):
        sender = next((recipient(address, cast, "from") for address in addresses(mail.sender)), None)
        to = tuple(recipient(address, cast) for address in mail.to)
        at = prompt.rfind(mail.body, mail.span.start, mail.span.end)
        body = cut(mail.body, marks=marks_in(marks, "user", at) if at >= 0 else ())
        shown.append(ShownMail(anchor(position), mail, sender, to, tuple(body)))
    return shown


class Deeds:
    """Reads the actions of one transcript again from its text, and numbers them as they were stored."""

    def __init__(
        self,
        box: Inbox,
        cast: Cast,
        ordinals: Mapping[tuple[str, int, int], int],
        references: References,
        shown: Iterable[ShownMail],
        marks: Sequence[Mark] = (),
    ) -> None:
        self._box = box
        self._cast = cast
        self._ordinals = ordinals
        self._references = references
        self._shown = {one.mail: one for one in shown}
        self._marks = marks

    def of_text(self, text: str, place: str, reasoning: list[Reasoning]) -> list[Deed]:
        return [
            self._deed(action, text[action.span.start : action.span.end], "")
            for action in actions.find(text, place, reasoning)
        ]

    def of_calls(self, calls: list[ToolCall], message: int) -> list[Deed]:
        return [
            self._deed(action, _pretty(call.arguments), call.id)
            for call, action in zip(calls, actions.from_calls(calls, message), strict=True)
        ]

    def _deed(self, action: parsed.Action, written: str, call_id: str) -> Deed:
        names = {name.lower(): name for name in action.arguments}
        arguments = {name.lower(): value for name, value in action.arguments.items()}
        verb = _verb(action.tool)
        is_mail = verb in ("mail", "forward")
        body_field = next((name for name in BODY_FIELDS if name in arguments), "") if verb != "call" else ""
        named = _text(arguments.get("email_id", "")) if verb == "forward" else ""
        forwarded = tuple(self._shown[mail] for mail in self._box.named(named)) if named else ()
        used = {body_field, *({"from", "subject"} if is_mail else ())}
        if forwarded:
            used.add("email_id")
        # A field that holds something else than addresses is shown as it is written.
        used |= {name for name in actions.RECIPIENT_FIELDS if addresses(arguments.get(name, ""))}

        def shown(name: str) -> list[Piece]:
            return self._cut(action, written, names.get(name, name), _text(arguments.get(name, "")))

        others = [(name, _text(value)) for name, value in action.arguments.items() if name.lower() not in used]
        return Deed(
            number=self._ordinals.get((action.span.place, action.span.start, action.span.end), -1) + 1,
            verb=verb,
            tool=action.tool,
            done=not action.in_reasoning,
            sender=_text(arguments.get("from", "")) if is_mail else "",
            recipients=self._recipients(action, arguments),
            subject=shown("subject") if is_mail else [],
            body=shown(body_field) if body_field else [],
            forwarded=forwarded,
            forwarded_ids="" if forwarded else named,
            others=tuple(others),
            fields=[(name, shown(name.lower())) for name, _ in others],
            problem=action.problem,
            written=written,
            span=action.span,
            call_id=call_id,
        )

    def _cut(self, action: parsed.Action, written: str, name: str, value: str) -> list[Piece]:
        """A field in pieces; what is marked in the text is marked where the field was taken from."""
        references = self._references.find(value) if name.lower() in BODY_FIELDS else ()
        if not self._marks:
            return cut(value, references)
        place = action.span.place
        if place.endswith(".calls"):
            marks = marks_in(self._marks, f"{place.removesuffix('s')}{action.span.start}.{name}")
        else:
            named = re.search(rf"(?im)^[^\w\n]*{re.escape(name)}\b[^\w\n]*:", written)
            at = written.find(value, named.end() if named else 0)
            marks = marks_in(self._marks, place, action.span.start + at) if at >= 0 else []
        return cut(value, references, marks)

    def _recipients(self, action: parsed.Action, arguments: Mapping[str, Any]) -> tuple[Recipient, ...]:
        """Each address once, under the first field that holds it."""
        fields = {
            address: name if name in ("cc", "bcc") else "to"
            for name in reversed(actions.RECIPIENT_FIELDS)
            for address in addresses(arguments.get(name, ""))
        }
        return tuple(recipient(address, self._cast, fields.get(address, "to")) for address in action.recipients)


def _verb(tool: str) -> str:
    name = tool.lower()
    if name in MAIL_TOOLS:
        return "mail"
    if name in FORWARD_TOOLS:
        return "forward"
    return "cancel" if name in CANCEL_TOOLS else "call"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _pretty(value)


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
