"""What a judge quotes: the passages of a transcript that stand, word for word, in its explanation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from transcripts.ingest.parsed import Span

# Quotation marks as judges write them; an apostrophe inside a word opens and closes nothing.
_QUOTED = re.compile(
    r"\"([^\"]{8,2000})\"|“([^”]{8,2000})”|(?<!\w)'([^'\n]{8,500})'(?!\w)|‘([^’]{8,500})’|`([^`]{8,500})`"
)
# Judges leave words out, and end a quotation with a stop of their own.
_LEFT_OUT = re.compile(r"\s*(?:\.\.\.|…|\[[^\]]{0,40}\])\s*")
_EDGE = " \t\n.,;:!?"
SHORTEST = 8  # characters, and three words: less stands in a text by chance
FEWEST_WORDS = 3
MOST = 40  # of one explanation


def citations(explanation: str, texts: Iterable[tuple[str, str]]) -> list[Span]:
    """Where the quotations of the explanation stand in the named texts; of each its first place."""
    wanted = list(dict.fromkeys(_quotations(explanation)))[:MOST]
    named = list(texts)
    found = []
    for words in wanted:
        pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
        for place, text in named:
            match = pattern.search(text)
            if match:
                found.append(Span(place, match.start(), match.end()))
                break
    return found


def _quotations(explanation: str) -> Iterator[tuple[str, ...]]:
    for match in _QUOTED.finditer(explanation):
        quoted = next(group for group in match.groups() if group)
        for part in _LEFT_OUT.split(quoted):
            words = tuple(part.strip(_EDGE).split())
            if len(words) >= FEWEST_WORDS and sum(map(len, words)) >= SHORTEST:
                yield words
