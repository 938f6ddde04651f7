"""The statements behind `store`: prompts and sources by content, and the rows of transcripts that have changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.utils import timezone
from psycopg import Cursor

from transcripts.ingest.database.copying import copy
from transcripts.ingest.database.copytext import array_literal
from transcripts.ingest.database.rows import TEXT, TRANSCRIPT, Row

# Ids of prompts that are remembered; where every sample has a prompt of its own, remembering is of no use.
MOST_PROMPTS = 10_000

FIND_PROMPTS = "SELECT sha256, id FROM transcripts_prompt WHERE sha256 = ANY(%s)"
# In the order of their hashes, so that two runs that bring the same ones cannot wait for each other.
ADD_PROMPTS = """
INSERT INTO transcripts_prompt (sha256, system, "user")
SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[]) AS p(sha256, system, "user") ORDER BY sha256
ON CONFLICT DO NOTHING
"""

ADD_SOURCES = """
INSERT INTO transcripts_source (evaluation_id, path, sha256, size, format, ingested_at)
SELECT %s, path, sha256, size, format, %s
FROM unnest(%s::text[], %s::bytea[], %s::bigint[], %s::text[]) AS s(path, sha256, size, format)
ON CONFLICT DO NOTHING
RETURNING path, sha256, id
"""
FIND_SOURCES = """
SELECT f.path, f.sha256, f.id
FROM unnest(%s::text[], %s::bytea[]) AS s(path, sha256)
JOIN transcripts_source f ON (f.evaluation_id, f.path, f.sha256) = (%s, s.path, s.sha256)
"""

STAGING = """
CREATE TEMP TABLE IF NOT EXISTS staged_transcript (LIKE transcripts_transcript);
CREATE TEMP TABLE IF NOT EXISTS staged_text (LIKE transcripts_transcripttext);
TRUNCATE staged_transcript, staged_text
"""
UPDATE_TRANSCRIPTS = """
UPDATE transcripts_transcript t
SET status = s.status, origin = s.origin, prompt_id = s.prompt_id, source_id = s.source_id,
    stop_reason = s.stop_reason, error = s.error, recorded_at = s.recorded_at, text_sha256 = s.text_sha256,
    content_sha256 = s.content_sha256
FROM staged_transcript s WHERE t.id = s.id
"""
UPDATE_TEXTS = """
UPDATE transcripts_transcripttext t SET messages = s.messages, reasoning = s.reasoning, extra = s.extra
FROM staged_text s WHERE t.transcript_id = s.transcript_id
"""


def write_prompts(cursor: Cursor[Any], rows: Iterable[Row], known: dict[bytes, int]) -> dict[bytes, int]:
    """The ids of the rows' prompts by hash; those not known yet are written, and remembered in `known`."""
    wanted = {row.prompt.sha256: row.prompt for row in rows}
    ids = {sha256: known[sha256] for sha256 in wanted if sha256 in known}
    if new := [sha256 for sha256 in wanted if sha256 not in ids]:
        ids |= _found(cursor, new)
    if added := [prompt for sha256, prompt in wanted.items() if sha256 not in ids]:
        cursor.execute(ADD_PROMPTS, [list(column) for column in zip(*added, strict=True)])
        ids |= _found(cursor, [prompt.sha256 for prompt in added])
    if len(known) > MOST_PROMPTS:
        known.clear()
    known |= ids
    return ids


def _found(cursor: Cursor[Any], hashes: list[bytes]) -> dict[bytes, int]:
    return {bytes(sha256): pk for sha256, pk in cursor.execute(FIND_PROMPTS, [hashes])}


def write_sources(cursor: Cursor[Any], rows: Iterable[Row], evaluation: int) -> dict[tuple[str, bytes], int]:
    """The ids of the rows' sources by path and content."""
    wanted = {(row.source.path, row.source.sha256): row.source for row in rows}
    sizes = array_literal([str(source.size) for source in wanted.values()])
    formats = array_literal([source.format for source in wanted.values()])
    added = cursor.execute(ADD_SOURCES, [evaluation, timezone.now(), *_arrays(wanted), sizes, formats])
    ids = {(path, bytes(sha256)): pk for path, sha256, pk in added}
    missing = [key for key in wanted if key not in ids]
    if missing:
        found = cursor.execute(FIND_SOURCES, [*_arrays(missing), evaluation])
        ids |= {(path, bytes(sha256)): pk for path, sha256, pk in found}
    return ids


def _arrays(keys: Collection[tuple[str, bytes]]) -> tuple[str, str]:
    return array_literal([path for path, _ in keys]), array_literal([rf"\x{sha256.hex()}" for _, sha256 in keys])


def update(cursor: Cursor[Any], ids: Sequence[int], transcripts: Iterable[bytes], texts: Iterable[bytes]) -> None:
    """Change transcripts to what the lines say; their actions and their search vectors are to be made again."""
    cursor.execute(STAGING)
    copy(cursor, "staged_transcript", TRANSCRIPT, transcripts)
    copy(cursor, "staged_text", TEXT, texts)
    cursor.execute(UPDATE_TRANSCRIPTS)
    cursor.execute(UPDATE_TEXTS)
    for table in ("transcripts_action", "transcripts_transcriptsearch"):
        cursor.execute(f"DELETE FROM {table} WHERE transcript_id = ANY(%s)", [ids])
