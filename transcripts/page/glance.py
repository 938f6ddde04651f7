"""A transcript at a glance: what was done and to whom, what was only drafted, only mentioned, and not done at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from transcripts.page.deeds import Deed, Recipient, ShownMail, recipient
from transcripts.page.reading import Mention, Reading
from transcripts.parsing.personas import Cast


@dataclass(frozen=True)
class Calls:
    """A tool that was called once or more, with the first of its calls."""

    tool: str
    times: int
    anchor: str


@dataclass(frozen=True)
class Mentioned:
    """Somebody whom the reasoning names, and whom no action and no draft addresses."""

    person: Recipient
    name: str
    times: int
    anchor: str


@dataclass(frozen=True)
class MailMentioned:
    """A mail of the inbox whose subject the reasoning names."""

    shown: ShownMail
    anchor: str


@dataclass(frozen=True)
class Glance:
    done: list[Deed]  # mails and cancelled alerts, in order
    calls: list[Calls]
    drafted: list[Deed]
    people: list[Mentioned]
    mails: list[MailMentioned]
    not_done: list[str]
    answered: bool  # there is an answer to speak of
    reasoned: bool

    @property
    def unplaced(self) -> bool:
        """Mails went out, and of some nobody knows whether they left the company."""
        return any(deed.is_mail and deed.outside is None for deed in self.done)

    @property
    def outside(self) -> list[Deed]:
        return [deed for deed in self.done if deed.outside]


def glance(reading: Reading, cast: Cast) -> Glance:
    done = [deed for deed in reading.deeds if deed.verb != "call"]
    addressed = {one.address for deed in (*reading.deeds, *reading.drafts) for one in deed.recipients}
    return Glance(
        done=done,
        calls=_calls(deed for deed in reading.deeds if deed.verb == "call"),
        drafted=reading.drafts,
        people=[one for one in _people(reading, cast) if one.person.address not in addressed],
        mails=_mails(reading),
        not_done=reading.not_done,
        answered=bool(reading.doings or reading.thoughts),
        reasoned=bool(reading.thoughts),
    )


def _calls(deeds: Iterable[Deed]) -> list[Calls]:
    first: dict[str, Deed] = {}
    times: Counter[str] = Counter()
    for deed in deeds:
        first.setdefault(deed.tool, deed)
        times[deed.tool] += 1
    return [Calls(tool, count, first[tool].anchor) for tool, count in times.most_common()]


def _people(reading: Reading, cast: Cast) -> list[Mentioned]:
    """Those who are named most come first; each under the longest name that is used."""
    by_address: dict[str, list[Mention]] = {}
    for mention in reading.mentions:
        if address := reading.references.people.get(mention.term):
            by_address.setdefault(address, []).append(mention)
    found = [
        Mentioned(recipient(address, cast), max((one.term for one in named), key=len), len(named), named[0].anchor)
        for address, named in by_address.items()
    ]
    return sorted(found, key=lambda one: -one.times)


def _mails(reading: Reading) -> list[MailMentioned]:
    by_anchor = {shown.anchor: shown for shown in reading.mails}
    first: dict[str, Mention] = {}
    for mention in reading.mentions:
        if mention.term not in reading.references.people:
            first.setdefault(mention.mails[0], mention)
    return [MailMentioned(by_anchor[anchor], mention.anchor) for anchor, mention in first.items()]
