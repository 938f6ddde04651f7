"""A database of a million transcripts, made within minutes: a few thousand are ingested, SQL makes the others of them.

Every copy differs from its original and from the other copies: in its key, its number, its texts' end, and the
hashes of all that. They make up evaluations of 100,000, each in the order in which a results tree is read. The
newest evaluation can be searched: each of its transcripts holds a word of its own, `q` and its id.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from psycopg import sql

from tests.bench.databases import Database, empty, first, schema
from tests.bench.measurement import Home, say
from tests.bench.results_tree import CASES, CAST, results_tree

TABLE = 1_000_000
BASE = 4_000
EVALUATION_SIZE = 100_000
ORIGINALS = "Bench originals"

COPIES = """
CREATE TEMP TABLE copies AS
SELECT b.id AS base, b.source_id AS base_source, new.id AS cell_id,
       {first} + row_number() OVER (ORDER BY b.cell_id, b.id, n) AS id
FROM transcripts_transcript b
JOIN transcripts_cell old ON old.id = b.cell_id
JOIN transcripts_cell new ON (new.model_id, new.condition_id) = (old.model_id, old.condition_id)
CROSS JOIN generate_series(1, {each}) n
WHERE old.evaluation_id = {originals} AND new.evaluation_id = {evaluation}
ORDER BY 4 LIMIT {rows}
"""
CELLS = """
INSERT INTO transcripts_cell (evaluation_id, model_id, condition_id, recorded_condition)
SELECT {evaluation}, model_id, condition_id, recorded_condition FROM transcripts_cell
WHERE evaluation_id = {originals} ORDER BY id
"""
PLANS = """
INSERT INTO transcripts_plan (cell_id, key, samples)
SELECT id, 'bench', {planned} FROM transcripts_cell WHERE evaluation_id = {evaluation}
"""

HASH = "sha256(m.id::text::bytea)"
ENDED = "to_jsonb((b.messages -> 0 ->> 'text') || ' Reference q' || m.id || '.')"
# What differs from the original, by table and column; `m` is the row of the copy, `b` the original's.
CHANGED = {
    "transcripts_source": {
        "id": "m.id",
        "evaluation_id": "{evaluation}",
        "path": "regexp_replace(b.path, 'sample_[0-9]+', 'sample_' || m.id)",
        "sha256": HASH,
    },
    "transcripts_transcript": {
        "id": "m.id",
        "cell_id": "m.cell_id",
        "source_id": "m.id",
        "sample_key": "'bench/' || m.id",
        "u": f"(('x' || left(encode({HASH}, 'hex'), 13))::bit(52)::bigint + 0.5) / 4503599627370496",
        "text_sha256": HASH,
        "content_sha256": HASH,
    },
    "transcripts_transcripttext": {
        "transcript_id": "m.id",
        "messages": "CASE WHEN b.messages = '[]' THEN b.messages "
        f"ELSE jsonb_set(b.messages, '{{{{0,text}}}}', {ENDED}) END",
    },
    "transcripts_action": {"transcript_id": "m.id"},
    "transcripts_verdict": {"transcript_id": "m.id", "explanation": "b.explanation || ' (' || m.id || ')'"},
    "transcripts_transcriptsearch": {
        "transcript_id": "m.id",
        "vector": "b.vector || setweight(to_tsvector('english', 'Reference q' || m.id || '.'), 'C')",
    },
}
KEYS = {"transcripts_source": "id = m.base_source", "transcripts_transcript": "id = m.base"}


def filled(home: Home, transcripts: int) -> Database:
    """The database of this many transcripts, made unless it is there."""
    database = Database(home, f"table_{transcripts}")
    made = database.noted()
    if made.get("schema") != schema():
        begin = time.monotonic()
        _make(database, transcripts)
        made = {"schema": schema(), "made_s": round(time.monotonic() - begin)}
        database.note(made)
    say(f"The table of {transcripts:,} transcripts ({database.size() / 1e6:,.0f} MB) took {made['made_s']} s to make.")
    return database


def _make(database: Database, transcripts: int) -> None:
    base = min(BASE, transcripts // 2)
    path, _ = results_tree(database.home.folder, base)
    database.create(empty(database.home))
    database.manage("ingest", str(path), "--evaluation", ORIGINALS)
    with database.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        left = transcripts - first(connection, "SELECT count(*) FROM transcripts_transcript")
        sizes = [EVALUATION_SIZE] * (left // EVALUATION_SIZE) + [left % EVALUATION_SIZE] * (left % EVALUATION_SIZE > 0)
        for number, rows in enumerate(sorted(sizes), 1):
            add(connection, number, rows, each=rows // base + 1, searchable=number == len(sizes))
            say(f"Evaluation {number} of {len(sizes)} is there.")
        _settle(connection)


def add(connection: psycopg.Connection[Any], number: int, rows: int, *, each: int, searchable: bool) -> None:
    """One more evaluation with this many copies, `each` of every original."""
    inserted = connection.execute(
        "INSERT INTO transcripts_evaluation (name, description, synthetic, seed, created_at) "
        "VALUES (%s, '', true, 'bench', now()) RETURNING id",
        [f"Bench copies {number}"],
    ).fetchone()
    assert inserted
    originals = connection.execute("SELECT id FROM transcripts_evaluation WHERE name = %s", [ORIGINALS]).fetchone()
    assert originals
    numbers = {
        "evaluation": inserted[0],
        "originals": originals[0],
        "first": first(connection, "SELECT max(greatest(id, source_id)) FROM transcripts_transcript"),
        "each": each,
        "rows": rows,
        "planned": rows // (len(CAST) * len(CASES)) + 1,
    }
    values = {name: sql.Literal(value) for name, value in numbers.items()}
    for statement in (CELLS, PLANS, COPIES):
        connection.execute(sql.SQL(statement).format(**values))
    connection.execute("CREATE INDEX ON copies (base)")
    connection.execute("ANALYZE copies")
    for table, changed in CHANGED.items():
        if searchable or table != "transcripts_transcriptsearch":
            _copy(connection, table, changed, values)
    connection.execute("DROP TABLE copies")


def _copy(
    connection: psycopg.Connection[Any], table: str, changed: dict[str, str], values: dict[str, sql.Literal]
) -> None:
    """Copy a table's rows: every column that is not changed stays, a key that is not given is made anew."""
    found = connection.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [table])
    columns = [name for (name,) in found if name != "id" or "id" in changed]
    chosen = [
        sql.SQL(changed[name]).format(**values) if name in changed else sql.Identifier("b", name) for name in columns
    ]
    connection.execute(
        sql.SQL("INSERT INTO {table} ({columns}) SELECT {chosen} FROM copies m JOIN {table} b ON b.{key} ORDER BY m.id")
        .format(
            table=sql.Identifier(table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            chosen=sql.SQL(", ").join(chosen),
            key=sql.SQL(KEYS.get(table, "transcript_id = m.base")),
        )
    )  # fmt: skip


def _settle(connection: psycopg.Connection[Any]) -> None:
    """Sequences, roll-ups, statistics: as after an ingest."""
    for table in ("transcripts_source", "transcripts_transcript"):
        name = sql.Identifier(table)
        moved = sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), max(id)) FROM {}")
        connection.execute(moved.format(sql.Literal(table), name))
    for (view,) in connection.execute("SELECT matviewname FROM pg_matviews WHERE schemaname = 'public'").fetchall():
        connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(view)))
    connection.execute("VACUUM ANALYZE")
