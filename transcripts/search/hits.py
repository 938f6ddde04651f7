"""Where a search hits in one transcript: spans to mark on its page, in the texts that each term was meant for."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from transcripts.ingest.parsed import Span
from transcripts.models import Transcript
from transcripts.models.transcripts import argument_text
from transcripts.search.terms import Scope, Search, Term
from transcripts.search.vectors import CONFIG, SEARCHABLE_CHARACTERS

MOST_PER_TEXT = 500  # of a regular expression
MILLISECONDS = 1_000
# Characters for private use, put by PostgreSQL around a hit; in the texts themselves another sign takes their
# place, as it does for "<", which ts_headline would take for a tag. One for one, so that offsets stay true.
_START, _STOP = "\ue000", "\ue001"
_SAFE = str.maketrans({_START: "\ufffd", _STOP: "\ufffd", "<": "\x02", "\0": "\ufffd"})
_OPTIONS = f'HighlightAll=true, StartSel="{_START}", StopSel="{_STOP}"'
_WORD = re.compile(r"\w+")

_HEADLINES = f"""
SELECT ts_headline('{CONFIG}', body, to_tsquery('{CONFIG}', query), %s)
FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS t(body, query, n) ORDER BY n
"""
_MATCHES = """
SELECT n, regexp_instr(body, %(pattern)s, 1, i, 0, %(flags)s) - 1,
       regexp_instr(body, %(pattern)s, 1, i, 1, %(flags)s) - 1
FROM unnest(%(bodies)s::text[]) WITH ORDINALITY AS t(body, n),
     generate_series(1, least(regexp_count(body, %(pattern)s, 1, %(flags)s), %(most)s)) AS i
"""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a transcript's texts, and the scopes whose terms are looked for in it."""

    span: Span
    text: str
    scopes: frozenset[Scope]
    transcript: int = 0


@dataclass
class Hits:
    """What was hit in which region; `problems` says in words where nothing could be marked."""

    found: list[tuple[Region, Span]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """Without repeats, in the order of the texts' names."""
        return sorted({span for _, span in self.found}, key=lambda span: (span.place, span.start, span.end))


def hits(search: Search, regions: Sequence[Region]) -> Hits:
    """Where the terms stand that are not excluded."""
    found = Hits()
    for term in search.wanted():
        meant = [region for region in regions if term.scope in region.scopes]
        if any(len(region.text) > SEARCHABLE_CHARACTERS for region in meant):
            problem = f"Hits are marked in the first {SEARCHABLE_CHARACTERS:,} characters of a text."
            found.problems = list(dict.fromkeys([*found.problems, problem]))
        bodies = [region.text[:SEARCHABLE_CHARACTERS].translate(_SAFE) for region in meant]
        for region, (start, end) in _matched(term, meant, bodies, found):
            at = region.span.start
            found.found.append((region, Span(region.span.place, at + start, at + end)))
    return found


def regions(search: Search, transcript: Transcript) -> Iterator[Region]:
    """The texts of a transcript that the search speaks of, cut where another scope begins."""
    scopes = {term.scope for term in search.wanted()}
    for region in _regions(transcript, scopes):
        if region.text and region.scopes & scopes:
            yield replace(region, transcript=transcript.pk)


def _regions(transcript: Transcript, scopes: Collection[Scope]) -> Iterator[Region]:
    if Scope.SYSTEM in scopes or Scope.INBOX in scopes:
        prompt = transcript.prompt
        yield Region(Span("system", 0, len(prompt.system)), prompt.system, frozenset({Scope.SYSTEM}))
        yield Region(Span("user", 0, len(prompt.user)), prompt.user, frozenset({Scope.INBOX}))
    if Scope.JUDGE in scopes:
        for verdict in transcript.verdicts.all():
            span = Span(f"verdict-{verdict.pk}", 0, len(verdict.explanation))
            yield Region(span, verdict.explanation, frozenset({Scope.JUDGE}))
    text = transcript.text
    done = [action for action in transcript.actions.all() if not action.in_reasoning]
    marked = [(part["place"], part["start"], part["end"], Scope.REASONING) for part in text.reasoning]
    marked += [(action.place, action.start, action.end, Scope.SENT) for action in done]
    for number, message in enumerate(text.messages):
        for part in ("reasoning", "text"):
            place = f"m{number}.{part}"
            inner = sorted((start, end, scope) for where, start, end, scope in marked if where == place)
            yield from _cut(place, message.get(part, ""), inner)
        for index, call in enumerate(message.get("tool_calls", ())):
            for name, value in call["arguments"].items():
                said = argument_text(value)
                place = f"m{number}.call{index}.{name}"
                yield Region(Span(place, 0, len(said)), said, frozenset({Scope.OWN, Scope.SENT}))


def _cut(place: str, text: str, inner: Sequence[tuple[int, int, Scope]]) -> Iterator[Region]:
    at = 0
    for start, end, scope in inner:
        if start < at:
            continue
        yield from _region(place, text, at, start)
        yield from _region(place, text, start, end, scope)
        at = end
    yield from _region(place, text, at, len(text))


def _region(place: str, text: str, start: int, end: int, scope: Scope = Scope.OWN) -> Iterator[Region]:
    if start < end:
        yield Region(Span(place, start, end), text[start:end], frozenset({Scope.OWN, scope}))


def _matched(
    term: Term, meant: Sequence[Region], bodies: list[str], found: Hits
) -> Iterator[tuple[Region, tuple[int, int]]]:
    if not term.regex:
        for region, spans in zip(meant, _words(term, bodies), strict=True):
            yield from ((region, span) for span in spans)
        return
    try:
        matches = _matches(term, bodies)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        found.problems.append(f"/{term.text}/ takes too long to be marked here.")
        return
    yield from ((meant[number], span) for number, span in matches)


def _words(term: Term, bodies: list[str]) -> list[list[tuple[int, int]]]:
    """For each text where the word stands, or the whole phrase."""
    words = _WORD.findall(term.text) or [term.text]
    queries = [Term(word, prefix=term.prefix).tsquery for word in words]
    # The words too common for the index are not marked, in the phrase neither.
    queries = [query for query, spans in zip(queries, _marked(words, queries), strict=True) if spans]
    found = _marked(bodies * len(queries), [query for query in queries for _ in bodies])
    return [list(_phrases(found[n :: len(bodies)], body, words)) for n, body in enumerate(bodies)]


def _marked(bodies: list[str], queries: list[str]) -> list[list[tuple[int, int]]]:
    """Where each text has what its query asks for."""
    with connection.cursor() as cursor:
        cursor.execute(_HEADLINES, [_OPTIONS, bodies, queries])
        return [_spans(headline) for (headline,) in cursor.fetchall()]


def _spans(headline: str) -> list[tuple[int, int]]:
    """Where the marked stretches stand in the text without the marks."""
    spans, at = [], 0
    for number, part in enumerate(headline.split(_START)):
        hit, stop, rest = part.partition(_STOP)
        if number and stop:
            spans.append((at, at + len(hit)))
        at += len(hit) + len(rest)
    return spans


def _phrases(parts: Sequence[Sequence[tuple[int, int]]], body: str, words: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where the parts follow each other, with nothing between but words of the phrase too common to be marked."""
    common = {word.lower() for word in words}
    following = [dict(part) for part in parts]
    starts = [[start for start, _ in part] for part in parts]
    for first, end in parts[0] if parts else ():
        for ends, begins in zip(following[1:], starts[1:], strict=True):
            at = bisect_left(begins, end)
            if at == len(begins) or {word.lower() for word in _WORD.findall(body[end : begins[at]])} - common:
                break
            end = ends[begins[at]]
        else:
            yield first, end


def _matches(term: Term, bodies: list[str]) -> list[tuple[int, tuple[int, int]]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(MILLISECONDS)])
        flags = "i" if term.any_case else "c"
        given: dict[str, Any] = {"pattern": term.text, "flags": flags, "bodies": bodies, "most": MOST_PER_TEXT}
        cursor.execute(_MATCHES, given)
        return [(number - 1, (start, end)) for number, start, end in cursor.fetchall() if start < end]
