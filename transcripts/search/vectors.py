"""Full-text search over what models wrote, were shown and were judged: vectors made after the texts are readable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from psycopg import Connection
from psycopg.errors import ProgramLimitExceeded

from transcripts.models import Evaluation, TranscriptText

# PostgreSQL refuses a vector of more than a megabyte. Beyond this many characters a transcript can be read but
# not searched; the page says so.
SEARCHABLE_CHARACTERS = 200_000
# Of either part of a prompt: a vector of so many characters stays below the limit, whatever the words.
PROMPT_CHARACTERS = 50_000
CONFIG = "english"
BATCH = 500


# Whatever the statistics of a database that has just grown say, nothing is looked through that an index leads to.
BY_INDEX = "SELECT " + ", ".join(
    f"set_config('{name}', 'off', true)" for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
)
LACKING = """
SELECT t.id, x.messages::text, x.reasoning::text,
       (SELECT json_agg(json_build_object('place', a.place, 'start', a.start, 'end', a."end") ORDER BY a.ordinal)::text
        FROM transcripts_action a WHERE a.transcript_id = t.id AND NOT a.in_reasoning),
       (SELECT string_agg(v.explanation, E'\n' ORDER BY v.version_id, v.outcome) FROM transcripts_verdict v
        WHERE v.transcript_id = t.id AND v.superseded_at IS NULL AND v.explanation <> '')
FROM transcripts_transcript t JOIN transcripts_transcripttext x ON x.transcript_id = t.id
WHERE t.cell_id = %s AND t.id > %s
  AND NOT EXISTS (SELECT FROM transcripts_transcriptsearch s WHERE s.transcript_id = t.id)
ORDER BY t.id LIMIT %s
"""
WRITE = """
INSERT INTO transcripts_transcriptsearch (transcript_id, vector, judged)
SELECT id,
       setweight(to_tsvector(%s, a), 'A') || setweight(to_tsvector(%s, b), 'B') || setweight(to_tsvector(%s, c), 'C'),
       to_tsvector(%s, d)
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[]) AS t(id, a, b, c, d)
ON CONFLICT (transcript_id) DO UPDATE SET vector = excluded.vector, judged = excluded.judged
"""
WRITE_PROMPTS = """
INSERT INTO transcripts_promptsearch (prompt_id, vector)
SELECT p.id, setweight(to_tsvector(%s, left(p.system, %s)), 'A') || setweight(to_tsvector(%s, left(p."user", %s)), 'B')
FROM transcripts_prompt p
WHERE p.id > %s AND NOT EXISTS (SELECT FROM transcripts_promptsearch s WHERE s.prompt_id = p.id)
ORDER BY p.id LIMIT %s
ON CONFLICT DO NOTHING RETURNING prompt_id
"""


class Pieces(NamedTuple):
    """A transcript's own text by where it stands; each character is in exactly one."""

    reasoning: str
    done: str
    rest: str


def pieces(text: TranscriptText, done: list[dict[str, Any]]) -> Pieces:
    """Cut the messages into reasoning, what was done, and the rest. `done` are spans of actions that were done."""
    found: dict[str, list[str]] = {"reasoning": [], "done": [], "rest": []}
    spans = [(span, "reasoning") for span in text.reasoning] + [(span, "done") for span in done]
    for index, message in enumerate(text.messages):
        place, end = f"m{index}.text", 0
        for span, kind in sorted(spans, key=lambda pair: (pair[0]["start"], pair[0]["end"])):
            if span["place"] != place or span["start"] < end:
                continue
            found["rest"].append(message["text"][end : span["start"]])
            found[kind].append(message["text"][span["start"] : span["end"]])
            end = span["end"]
        found["rest"].append(message["text"][end:])
        found["reasoning"].append(message.get("reasoning", ""))
        for call in message.get("tool_calls", ()):
            found["done"].append(" ".join(map(str, (call["function"], *call["arguments"].values()))))
    return Pieces(*("\n".join(filter(None, found[kind])) for kind in Pieces._fields))


def index(evaluation: Evaluation) -> Iterator[int]:
    """Make vectors for the evaluation's transcripts that have none; yields how many, batch by batch.

    While PostgreSQL makes those of one batch, the texts of the next are cut here.
    """
    connection.ensure_connection()
    batches = _lacking(evaluation)
    rows = [_cut(*found) for found in next(batches, ())]
    with ThreadPoolExecutor(1, "search") as thread:
        while rows:
            following = next(batches, ())
            # The connection is the thread's until it is done.
            writing = thread.submit(_write, connection.connection, rows)
            cut = [_cut(*found) for found in following]
            with connection.wrap_database_errors:
                writing.result()
            yield len(rows)
            rows = cut


def _lacking(evaluation: Evaluation) -> Iterator[list[tuple[Any, ...]]]:
    """What there is to search in of the transcripts without vectors, cell by cell: as far as an index leads."""
    found: list[tuple[Any, ...]] = []
    for cell in list(evaluation.cells.order_by("pk").values_list("pk", flat=True)):
        more = True
        last = 0
        while more:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(BY_INDEX)
                cursor.execute(LACKING, [cell, last, BATCH - len(found)])
                found += cursor.fetchall()
            more = len(found) == BATCH
            if more:
                last = found[-1][0]
                yield found
                found = []
    if found:
        yield found


def index_prompts() -> Iterator[int]:
    """Make vectors for the prompts that have none; yields how many, batch by batch."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(WRITE_PROMPTS, [CONFIG, PROMPT_CHARACTERS, CONFIG, PROMPT_CHARACTERS, last, BATCH])
            made = [pk for (pk,) in cursor.fetchall()]
        if not made:
            return
        last = max(made)
        yield len(made)


def _cut(pk: int, messages: str, reasoning: str, done: str | None, judged: str | None) -> tuple[Any, ...]:
    text = TranscriptText(pk=pk, messages=orjson.loads(messages), reasoning=orjson.loads(reasoning))
    return (pk, *_clipped((*pieces(text, orjson.loads(done or "[]")), judged or "")))


def _clipped(found: Iterable[str]) -> tuple[str, ...]:
    left = SEARCHABLE_CHARACTERS
    clipped = []
    for piece in found:
        clipped.append(piece[:left])
        left -= len(clipped[-1])
    return tuple(clipped)


def _write(connection: Connection[Any], rows: list[tuple[Any, ...]]) -> None:
    """Insert vectors set by set; one that PostgreSQL finds too long is cut further, alone."""
    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(WRITE, [CONFIG] * 4 + list(map(list, zip(*rows, strict=True))))
    except ProgramLimitExceeded:
        if len(rows) > 1:
            for row in rows:
                _write(connection, [row])
        elif any(rows[0][1:]):
            pk, *texts = rows[0]
            _write(connection, [(pk, *(text[: len(text) // 2] for text in texts))])
