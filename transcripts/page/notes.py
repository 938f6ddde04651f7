"""Notes and where they stand on a transcript's page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from transcripts.ingest.parsed import Span
from transcripts.models import Note, TranscriptText


@dataclass(frozen=True)
class Noted:
    """A note, and the anchor that it stands at: "" where nothing on the page holds its place any more."""

    note: Note
    anchor: str
    is_outdated: bool


def noted(notes: Iterable[Note], places: Mapping[str, Span], text: TranscriptText) -> list[Noted]:
    """`places`: what the page shows, by anchor (`Reading.places`)."""
    exact = {span: anchor for anchor, span in places.items()}
    return [Noted(note, _anchor(note, exact), note.is_outdated(text)) for note in notes]


def by_anchor(found: Iterable[Noted]) -> dict[str, list[Noted]]:
    at: defaultdict[str, list[Noted]] = defaultdict(list)
    for one in found:
        at[one.anchor].append(one)
    return dict(at)


def _anchor(note: Note, exact: Mapping[Span, str]) -> str:
    """The very passage, else the one that now stands where it began."""
    span = Span(note.place, note.start, note.end)
    around = (
        anchor for here, anchor in exact.items() if here.place == span.place and here.start <= span.start < here.end
    )
    return exact.get(span) or next(around, "")
