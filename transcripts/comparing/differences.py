"""Two texts, word by word: what both have, what only the first has, what only the second."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
# The comparison is quadratic in what differs; beyond this many words the texts are compared line by line.
MOST_WORDS = 8_000
# What two sentences have in common by chance only chops up what differs: shorter runs between changes belong to them.
WORTH_KEEPING = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of words: `kind` is "same", "gone" (only in the first text) or "new" (only in the second)."""

    kind: str
    text: str


def differences(before: str, after: str) -> list[Stretch]:
    """Stretches that read, without the new ones, as the first text, and without the gone ones as the second."""
    if before == after:
        return [Stretch("same", before)] if before else []
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    middle = before[start : len(before) - end], after[start : len(after) - end]
    whole = [Stretch("same", before[:start]), *_compared(*middle), Stretch("same", before[len(before) - end :])]
    return [
        Stretch(kind, "".join(stretch.text for stretch in run))
        for kind, run in groupby((stretch for stretch in whole if stretch.text), key=lambda stretch: stretch.kind)
    ]


def shortened(stretches: list[Stretch], around: int = 160) -> list[Stretch]:
    """The same with long unchanged runs cut to what stands around the changes; "cut" stretches say how much is left
    out, in characters."""
    found: list[Stretch] = []
    for number, stretch in enumerate(stretches):
        head = around if number else 0
        tail = around if number + 1 < len(stretches) else 0
        if stretch.kind != "same" or len(stretch.text) <= head + tail + around:
            found.append(stretch)
            continue
        start = stretch.text[:head].rpartition(" ")[0] if head else ""
        end = stretch.text[len(stretch.text) - tail :].partition(" ")[2] if tail else ""
        left_out = len(stretch.text) - len(start) - len(end)
        found += [Stretch("same", start), Stretch("cut", f"{left_out:,}"), Stretch("same", end)]
    return [stretch for stretch in found if stretch.text]


def _shared(before: str, after: str) -> int:
    """How many characters both begin with, to the end of a word."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[:middle] == after[:middle]:
            low = middle
        else:
            high = middle - 1
    while 0 < low < max(len(before), len(after)) and before[low - 1].isalnum():
        low -= 1
    return low


def _compared(before: str, after: str) -> Iterator[Stretch]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > MOST_WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    gone, fresh = "", ""
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        kept = "".join(old[a:b]) if kind == "equal" else ""
        at_an_end = not gone + fresh or (b, d) == (len(old), len(new))
        if kept and (at_an_end or len(kept.strip()) >= WORTH_KEEPING):
            yield from (Stretch("gone", gone), Stretch("new", fresh), Stretch("same", kept))
            gone, fresh = "", ""
        else:
            gone += "".join(old[a:b])
            fresh += "".join(new[c:d])
    yield from (Stretch("gone", gone), Stretch("new", fresh))
