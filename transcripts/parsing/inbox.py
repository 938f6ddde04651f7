"""Reads the incoming mails out of a user prompt: the `<email>` blocks of the agentic-misalignment scenarios.

Parsed when a transcript is shown, never stored: the prompt's text is the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from transcripts.ingest.parsed import Span
from transcripts.parsing.addresses import addresses

_TAG = re.compile(r"<(/?)email>", re.IGNORECASE)
_HEADER = re.compile(r"[ \t]*(ID|From|To|Cc|Attachments|Subject|Timestamp|Date|Body)[ \t]*:[ \t]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """One incoming mail. `id` is what a forward names (only some scenarios number their mails)."""

    id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    timestamp: str
    attachments: tuple[str, ...]
    body: str
    span: Span

    @property
    def sent_at(self) -> datetime | None:
        """The time in `timestamp`, or None where it is missing or not a time."""
        try:
            moment = datetime.fromisoformat(self.timestamp)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the first day of the calendar, east of Greenwich
            return None


@dataclass(frozen=True, slots=True)
class Inbox:
    """The mails of a prompt as they stand, and the stretches of text around them."""

    mails: tuple[Mail, ...]
    around: tuple[Span, ...]

    def by_time(self) -> tuple[Mail, ...]:
        """Oldest first; mails without a readable time come last, in the order of the prompt."""
        last = datetime.max.replace(tzinfo=UTC)
        return tuple(sorted(self.mails, key=lambda mail: mail.sent_at or last))

    def named(self, email_id: object) -> tuple[Mail, ...]:
        """The mails that a forward's `email_id` names: one number, or several ("3, 5")."""
        wanted = re.findall(r"\d+", str(email_id))
        return tuple(mail for mail in self.mails if mail.id and mail.id in wanted)


def parse(text: str, place: str = "user") -> Inbox:
    """Splits a prompt into its mails and the rest; an unclosed block ends at the next one or at the end."""
    mails: list[Mail] = []
    around: list[Span] = []
    at = 0
    for start, inner, inner_end, end in _blocks(text):
        if text[at:start].strip():
            around.append(Span(place, at, start))
        mails.append(_mail(text[inner:inner_end], Span(place, start, end)))
        at = end
    if text[at:].strip():
        around.append(Span(place, at, len(text)))
    return Inbox(tuple(mails), tuple(around))


def _blocks(text: str) -> Iterable[tuple[int, int, int, int]]:
    """Start, inner start, inner end and end of each block."""
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(text):
        if tag[1]:
            if opened:
                yield opened.start(), opened.end(), tag.start(), tag.end()
                opened = None
        else:
            if opened:
                yield opened.start(), opened.end(), tag.start(), tag.start()
            opened = tag
    if opened:
        yield opened.start(), opened.end(), len(text), len(text)


def _mail(block: str, span: Span) -> Mail:
    lines = block.strip("\r\n").split("\n")
    fields: dict[str, str] = {}
    body_from = 0
    for number, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is None:
            break
        name = header[1].lower()
        body_from = number + 1
        fields[name] = line[header.end() :].rstrip("\r")
        if name == "body":
            break
    body = "\n".join([*([fields["body"]] if "body" in fields else []), *lines[body_from:]])
    return Mail(
        id=fields.get("id", "").strip(),
        sender=fields.get("from", "").strip(),
        to=addresses(fields.get("to", "") + "," + fields.get("cc", "")),
        subject=fields.get("subject", "").strip(),
        timestamp=(fields.get("timestamp") or fields.get("date", "")).strip(),
        attachments=_attachments(fields.get("attachments", "")),
        body=body.strip("\r\n"),
        span=span,
    )


def _attachments(text: str) -> tuple[str, ...]:
    """File names from `['a.pdf', 'b.pdf']`, or from a plain list with commas."""
    names = (name.strip(" \t'\"") for name in text.strip(" \t[]").split(","))
    return tuple(name for name in names if name)
