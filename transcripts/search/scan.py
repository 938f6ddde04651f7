"""Regular-expression search: a bounded look through texts, newest first, that says how far it came.

PostgreSQL does the matching, because it can be interrupted: a pattern that takes for ever ends at the time limit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DataError, OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from transcripts.models import Transcript, TranscriptText
from transcripts.models.transcripts import TranscriptQuerySet, argument_text
from transcripts.search.terms import Scope, Term
from transcripts.search.vectors import pieces

SECONDS = 2.0
FIRST_BATCH, BATCH = 50, 400  # where hits are near, few are looked at
BATCH_MILLISECONDS = 500
ALONE_MILLISECONDS = 100  # for a text of a batch that took too long


class BadPattern(ValueError):
    """Not a regular expression; the message is PostgreSQL's, in words."""


@dataclass
class Scan:
    """What a look through the list found. `stopped_at`: the last that was looked at; None where it came to the end."""

    found: list[int] = field(default_factory=list)  # in the order of the look
    looked_at: int = 0
    undecided: int = 0  # texts that a pattern took too long on: not found, and not known to be without it
    stopped_at: int | None = None


def scan(
    wanted: TranscriptQuerySet, terms: Sequence[Term], *, beyond: int | None, size: int, back: bool = False
) -> Scan:
    """Up to `size` of the wanted transcripts in which all terms hold. Raises BadPattern.

    The look goes from the id `beyond` on, or from the end: to older ones, or back to newer ones.
    """
    check(terms)
    result = Scan(stopped_at=beyond)
    deadline = time.monotonic() + SECONDS
    batch = FIRST_BATCH
    while len(result.found) < size and time.monotonic() < deadline:
        at = result.stopped_at
        rows = wanted if at is None else wanted.filter(pk__gt=at) if back else wanted.filter(pk__lt=at)
        ids = list(rows.order_by("pk" if back else "-pk").values_list("pk", flat=True)[:batch])
        if not ids:
            result.stopped_at = None
            return result
        for some, hits in _decided(ids, terms):
            _take(some, hits, size, result)
            if len(result.found) == size or time.monotonic() > deadline:
                break
        batch = min(BATCH, batch * 2)
    return result


def check(terms: Sequence[Term]) -> None:
    """Raises BadPattern where PostgreSQL cannot read one."""
    for term in terms:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT '' ~ %s", [term.text])
        except DataError as error:
            raise BadPattern(f"/{term.text}/: {str(error).splitlines()[0]}") from None


def _decided(ids: Sequence[int], terms: Sequence[Term]) -> Iterator[tuple[Sequence[int], set[int] | None]]:
    """Which of the ids match, all at once; where that takes too long one by one, and None for one that does alone."""
    texts = dict(_texts(ids))
    try:
        yield ids, _matching(texts, terms, BATCH_MILLISECONDS)
        return
    except OperationalError as error:
        _raise_unless_cancelled(error)
    for pk in ids:
        try:
            yield [pk], _matching({pk: texts[pk]}, terms, ALONE_MILLISECONDS)
        except OperationalError as error:
            _raise_unless_cancelled(error)
            yield [pk], None


def _raise_unless_cancelled(error: OperationalError) -> None:
    if not isinstance(error.__cause__, QueryCanceled):
        raise error


def _take(ids: Sequence[int], hits: set[int] | None, size: int, result: Scan) -> None:
    result.undecided += hits is None
    for pk in ids:
        result.stopped_at = pk
        result.looked_at += 1
        if hits and pk in hits:
            result.found.append(pk)
            if len(result.found) == size:
                return


def _matching(texts: Mapping[int, Mapping[Scope, str]], terms: Sequence[Term], milliseconds: int) -> set[int]:
    left = set(texts)
    for term in terms:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            operator = "~*" if term.any_case else "~"
            cursor.execute(
                f"SELECT id FROM unnest(%s::bigint[], %s::text[]) AS t(id, body) WHERE body {operator} %s",
                [list(left), [texts[pk][term.scope] for pk in left], term.text],
            )
            hits = {pk for (pk,) in cursor.fetchall()}
        left = left - hits if term.excluded else hits
    return left


def _texts(ids: Sequence[int]) -> Iterator[tuple[int, Mapping[Scope, str]]]:
    rows = TranscriptText.objects.filter(pk__in=ids).select_related("transcript__prompt")
    for row in rows.prefetch_related("transcript__actions", "transcript__verdicts"):
        yield row.pk, _by_scope(row, row.transcript)


def _by_scope(row: TranscriptText, transcript: Transcript) -> Mapping[Scope, str]:
    done = [
        {"place": action.place, "start": action.start, "end": action.end}
        for action in transcript.actions.all()
        if not action.in_reasoning
    ]
    own = pieces(row, done)
    said = [[message.get("reasoning", ""), message["text"]] for message in row.messages]
    return {
        Scope.OWN: "\n".join(text for texts in [*said, _arguments(row)] for text in texts if text),
        Scope.REASONING: own.reasoning,
        Scope.SENT: own.done,
        Scope.SYSTEM: transcript.prompt.system,
        Scope.INBOX: transcript.prompt.user,
        Scope.JUDGE: "\n".join(verdict.explanation for verdict in transcript.verdicts.all()),
    }


def _arguments(row: TranscriptText) -> list[str]:
    calls = [call for message in row.messages for call in message.get("tool_calls", ())]
    return [argument_text(value) for call in calls for value in call["arguments"].values()]
