"""Where a search hits in a transcript: short extracts with the hits marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from transcripts.ingest.parsed import Span
from transcripts.models import Transcript
from transcripts.page.references import Piece, cut
from transcripts.search.hits import Region, hits, regions
from transcripts.search.terms import Search

EXTRACTS = 2  # of each transcript
BEFORE, AFTER = 90, 130  # characters around a hit


def snippets(transcripts: Sequence[Transcript], search: Search) -> dict[int, list[Piece]]:
    """For each transcript what stands around its first hits, in pieces."""
    everything = [region for transcript in transcripts for region in regions(search, transcript)]
    by_transcript: defaultdict[int, list[tuple[Region, Span]]] = defaultdict(list)
    for region, span in hits(search, everything).found:
        by_transcript[region.transcript].append((region, span))
    return {pk: _extracts(found) for pk, found in by_transcript.items()}


def _extracts(found: Sequence[tuple[Region, Span]]) -> list[Piece]:
    pieces: list[Piece] = []
    shown: list[Span] = []
    for region, span in found:
        if len(shown) == EXTRACTS:
            break
        if any(span.place == other.place and other.start <= span.start < other.end for other in shown):
            continue
        at = region.span.start
        start, end = _words(region.text, span.start - at, span.end - at)
        shown.append(Span(span.place, at + start, at + end))
        marks = [(other.start - at - start, other.end - at - start, "hit") for near, other in found if near is region]
        pieces += [Piece(" … ")] if pieces else []
        pieces += cut(region.text[start:end], marks=marks)
    return pieces


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """Some characters around text[start:end], from the beginning of a word to the end of one."""
    low, high = max(0, start - BEFORE), min(len(text), end + AFTER)
    while low and low < start and not text[low - 1].isspace():
        low += 1
    while high < len(text) and high > end and not text[high].isspace():
        high -= 1
    return low, high
