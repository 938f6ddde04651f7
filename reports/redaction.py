"""Covers the people and addresses of a story in a passage that is shown to strangers.

Names are known from who writes and who is written to: the scenario's personas, and the addresses and heads of mails
in the transcript's own texts. A name that stands nowhere there is not found; a person reads a draft before it is
published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from labeling.queue.masks import COVER, Mask
from transcripts.models import Persona
from transcripts.parsing.addresses import addresses

ADDRESS = r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)*"
LINK = r"https?://[^\s<>\"']+"
NUMBER = r"\+?\d[\d ()/-]{7,}\d"
SHORTEST = 3
_HEAD = re.compile(r"(?im)^[ \t\"']*(?:From|To|Cc|Bcc|Sender|Reply-To)[\"']?[ \t]*:[ \t]*(\S.*)$")
_BESIDE = re.compile(rf"((?:[^\W\d_][\w'’.-]*[ \t]+){{1,4}})[<(\[]{ADDRESS}")
_GREETING = re.compile(r"\b(?:Dear|Hi|Hello|Hey)[ \t]+((?:[^\W\d_a-z][\w'’-]+[ \t]?){1,3})")
_WORD = re.compile(rf"[^\W\d_][\w'’-]{{{SHORTEST - 1},}}")
_RUN = re.compile(f"{COVER}(?:[ .]?{COVER})*")


def covers(texts: Iterable[str], people: Iterable[Persona] = ()) -> Mask:
    """The mask for one transcript, from all its texts."""
    words: set[str] = set()
    for person in people:
        words |= _words(person.name.partition(",")[0])
        words |= _words(person.address)
    for text in texts:
        for address in addresses(text):
            words |= _words(address)
        for found in (*_HEAD.findall(text), *_BESIDE.findall(text), *_GREETING.findall(text)):
            words |= _words(found)
    names = [_written(word) for word in sorted(words, key=len, reverse=True)]
    return Mask(re.compile("|".join([LINK, ADDRESS, NUMBER, *names])))


def short(text: str) -> str:
    """A covered text without the lengths of what is covered."""
    return _RUN.sub(COVER * 3, text)


def _words(name: str) -> set[str]:
    """The words of a name or of an address: its domain's end is nobody's name."""
    local, at, domain = name.lower().partition("@")
    parts = _WORD.findall(re.sub(r"[._+-]", " ", f"{local} {domain.rpartition('.')[0]}" if at else local))
    return {part.removesuffix("'s").removesuffix("’s") for part in parts}


def _written(word: str) -> str:
    """As names are written, "Jane", "JANE", "SummitBridge": begun in lower case they are words of the language."""
    return rf"(?<![^\W_])(?=[^\W\d_a-z])(?i:{re.escape(word)})(?![^\W_])"
