"""The inbox as conversations: mails of one subject among the same people, in time order."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from transcripts.page.deeds import Deed, ShownMail
from transcripts.page.reading import Reading

# So many threads of an inbox are shown before the rest is folded.
SHOWN = 24
# "Re: Fwd: [EXTERNAL] Plans" and "Plans" are one subject.
_PREFIX = re.compile(r"(?:(?:re|fw|fwd|aw|wg)(?:\[\d+\])?\s*:|\[external\])\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """A mail of the inbox, and in words what became of it."""

    shown: ShownMail
    uses: list[str]


@dataclass
class Thread:
    """One conversation; most have one mail."""

    subject: str
    items: list[Item] = field(default_factory=list)
    people: set[str] = field(default_factory=set)

    @property
    def is_long(self) -> bool:
        return len(self.items) > 1


@dataclass(frozen=True)
class Box:
    """The threads, of which a long inbox shows the first."""

    threads: list[Thread]

    @property
    def _shown(self) -> int:
        return len(self.threads) if len(self.threads) <= SHOWN * 1.25 else SHOWN

    @property
    def first(self) -> list[Thread]:
        return self.threads[: self._shown]

    @property
    def rest(self) -> list[Thread]:
        return self.threads[self._shown :]

    @property
    def rest_mails(self) -> int:
        return sum(len(thread.items) for thread in self.rest)


def threads(reading: Reading) -> list[Thread]:
    """The inbox's threads by their first mail. A mail without a subject is a thread of its own."""
    uses = _uses(reading)
    found: list[Thread] = []
    by_subject: defaultdict[str, list[Thread]] = defaultdict(list)
    for shown in reading.mails:
        subject = topic(shown.mail.subject)
        people = {*shown.mail.to, *([shown.sender.address] if shown.sender else [])}
        thread = next((one for one in by_subject[subject] if one.people & people), None) if subject else None
        if thread is None:
            thread = Thread(shown.mail.subject)
            by_subject[subject].append(thread)
            found.append(thread)
        thread.people |= people
        thread.items.append(Item(shown, uses.get(shown.anchor, [])))
    return found


def topic(subject: str) -> str:
    """A subject without what replies and forwards put before it."""
    while (prefix := _PREFIX.match(subject)) and prefix.end():
        subject = subject[prefix.end() :]
    return " ".join(subject.split()).casefold()


def _uses(reading: Reading) -> dict[str, list[str]]:
    """What the model did with each mail, by its anchor: forwarded or answered it, or named its subject."""
    uses: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for deed in reading.deeds:
        for shown in deed.forwarded:
            uses[shown.anchor]["forwarded"] = None
        for shown in _answered(deed, reading.mails) if deed.verb == "mail" else ():
            uses[shown.anchor]["answered"] = None
    for mention in reading.mentions:
        if mention.term not in reading.references.people:
            uses[mention.mails[0]]["named in the reasoning"] = None
    return {anchor: list(words) for anchor, words in uses.items()}


def _answered(deed: Deed, mails: Sequence[ShownMail]) -> Iterable[ShownMail]:
    """The mails that a mail of the same subject goes back to, to their sender."""
    written = deed.title
    wanted, to = topic(written), {one.address for one in deed.recipients}
    if not _PREFIX.match(written):
        return ()
    return (one for one in mails if one.sender and one.sender.address in to and topic(one.mail.subject) == wanted)
