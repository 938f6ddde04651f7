"""Finds, in what a model wrote, the mails and people of its inbox that it speaks of."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from transcripts.ingest.parsed import Span
from transcripts.models import Transcript
from transcripts.parsing.addresses import addresses
from transcripts.parsing.inbox import Mail

# Shorter subjects ("Re: Hi") and first names stand in a text by chance.
SUBJECT_LENGTH = 10
NAME_LENGTH = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, shown in one way: plain, marked, a reference that lights up mails, or both.

    `kinds` says what it is marked as: a "hit" of the search, "cited" by a judge, a rater's "evidence".
    """

    text: str
    lights: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def marked(self) -> bool:
        return bool(self.kinds)


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of one of a transcript's texts to be marked, and as what."""

    span: Span
    kind: str


# What raters mark is known in labeling, which adds it here when it starts: kind → the marks of a transcript.
marks_of: dict[str, Callable[[Transcript], Iterable[Mark]]] = {}


def marks_in(marks: Iterable[Mark], place: str, start: int = 0) -> list[tuple[int, int, str]]:
    """The marks of one text, counted from `start` on."""
    here = (mark for mark in marks if mark.span.place == place)
    return [(mark.span.start - start, mark.span.end - start, mark.kind) for mark in here]


def anchor(position: int) -> str:
    """The id, on the page, of the mail that stands at this position of the prompt."""
    return f"mail-{position + 1}"


class References:
    """The names, addresses and subjects of one inbox, each with the mails that it means."""

    def __init__(self, mails: Sequence[Mail]) -> None:
        self._mails = mails

    @cached_property
    def people(self) -> dict[str, str]:
        """The address behind each name and each address of the inbox."""
        known = dict.fromkeys(address for mail in self._mails for address in (*addresses(mail.sender), *mail.to))
        return {**{address: address for address in known}, **dict(_names(known))}

    @cached_property
    def _terms(self) -> dict[str, tuple[str, ...]]:
        sent: defaultdict[str, list[str]] = defaultdict(list)
        got: defaultdict[str, list[str]] = defaultdict(list)
        terms: dict[str, tuple[str, ...]] = {}
        for position, mail in enumerate(self._mails):
            for address in addresses(mail.sender):
                sent[address].append(anchor(position))
            for address in mail.to:
                got[address].append(anchor(position))
            if len(mail.subject) >= SUBJECT_LENGTH:
                terms[mail.subject] = (anchor(position),)
        for term, address in self.people.items():
            terms[term] = tuple(dict.fromkeys(sent[address] + got[address]))
        return terms

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        if not self._terms:
            return None
        longest_first = sorted(self._terms, key=len, reverse=True)
        return re.compile(r"(?<![\w@.])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w@])")

    def find(self, text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """Start, end and the mails meant, in order and without overlap."""
        for match in self._pattern.finditer(text) if self._pattern else ():
            yield match.start(), match.end(), self._terms[match[0]]


def _names(known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """For kyle.johnson@…: "Kyle Johnson", "kyle.johnson", and either name that nobody else bears."""
    full = {}
    for address in known:
        parts = address.partition("@")[0].split(".")
        if len(parts) == 2 and all(part.isalpha() and len(part) >= NAME_LENGTH for part in parts):
            full[tuple(part.capitalize() for part in parts)] = address
    bearers = Counter(part for name in full for part in name)
    for name, address in full.items():
        yield " ".join(name), address
        yield ".".join(name).lower(), address
        yield from ((part, address) for part in name if bearers[part] == 1)


def cut(
    text: str,
    references: Iterable[tuple[int, int, tuple[str, ...]]] = (),
    marks: Iterable[tuple[int, int, str]] = (),
) -> list[Piece]:
    """The text in pieces; joined again they give the text. Marks may overlap references and each other."""
    lights = list(references)
    marked = [(max(start, 0), min(end, len(text)), kind) for start, end, kind in marks]
    marked = [(start, end, kind) for start, end, kind in marked if start < end]
    if not lights and not marked:
        return [Piece(text)] if text else []
    edges = sorted({0, len(text), *(edge for start, end, _ in (*lights, *marked) for edge in (start, end))})
    pieces = []
    for start, end in zip(edges, edges[1:], strict=False):
        mails = next((mails for a, b, mails in lights if a <= start and end <= b), ())
        kinds = dict.fromkeys(kind for a, b, kind in marked if a <= start and end <= b)
        pieces.append(Piece(text[start:end], mails, tuple(kinds)))
    return pieces


def folded(pieces: Sequence[Piece], most: int) -> tuple[Sequence[Piece], list[Piece]]:
    """The beginning of a text, and the rest of it where it is much longer than `most` characters."""
    if sum(len(piece.text) for piece in pieces) <= most * 1.25:
        return pieces, []
    at = 0
    first: list[Piece] = []
    for number, piece in enumerate(pieces):
        if at + len(piece.text) > most:
            end = _word_end(piece.text, most - at)
            before, after = replace(piece, text=piece.text[:end]), replace(piece, text=piece.text[end:])
            return [*first, before], [after, *pieces[number + 1 :]]
        first.append(piece)
        at += len(piece.text)
    return first, []


def _word_end(text: str, most: int) -> int:
    """Where to cut: after the last line or word that ends before `most`, unless that would lose most of it."""
    ends = (text.rfind(end, 0, most) + 1 for end in ("\n", " "))
    return next((end for end in ends if end >= most * 0.8), most)
