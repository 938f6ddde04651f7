"""Writes rows to the database: what is new straight into its tables by COPY, what has changed set by set.

A batch is one transaction: a killed run leaves whole batches, and the next run finds them unchanged. Batches of
one evaluation take turns, so that what is stored does not change between looking and writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import DataError, OperationalError, connection, transaction
from django.utils import timezone
from psycopg import Cursor
from psycopg.errors import ProgramLimitExceeded

from transcripts.ingest import parsed
from transcripts.ingest.database.cells import Cells
from transcripts.ingest.database.copying import copy
from transcripts.ingest.database.copytext import array_literal
from transcripts.ingest.database.identity import Unstorable, check_identity, condition_sha256
from transcripts.ingest.database.rows import ACTION, TEXT, TRANSCRIPT, Row, Rows, problem_of
from transcripts.ingest.database.verdicts import Merged, Verdicts
from transcripts.ingest.database.written import update, write_prompts, write_sources
from transcripts.ingest.report import Report
from transcripts.models import Evaluation, Persona
from transcripts.parsing import personas

# A batch lost to a power cut is read again by the next run: it need not wait for the disk. What is looked for is
# found by index, whatever the statistics of a database that has just grown say.
SETTINGS = "SELECT " + ", ".join(
    f"set_config('{name}', 'off', true)"
    for name in ("synchronous_commit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin")
)

STORED = """
SELECT t.cell_id, t.sample_key, t.id, t.content_sha256, f.path
FROM unnest(%s::bigint[], %s::text[]) AS k(cell_id, sample_key)
JOIN transcripts_transcript t ON (t.cell_id, t.sample_key) = (k.cell_id, k.sample_key)
JOIN transcripts_source f ON f.id = t.source_id
"""

NEW_IDS = "SELECT nextval(pg_get_serial_sequence('transcripts_transcript', 'id')) FROM generate_series(1, %s)"


class Key(NamedTuple):
    """Identity of a transcript inside its evaluation."""

    cell: int
    sample: str


class Stored(NamedTuple):
    """What is known of a transcript before a row is written. Without an id: it is in the same batch."""

    id: int | None
    content_sha256: bytes
    path: str


Placed = tuple[Key, Row]


@dataclass
class Batch:
    """Rows by what becomes of them."""

    created: list[Placed] = field(default_factory=list)
    updated: list[Placed] = field(default_factory=list)
    unchanged: list[Placed] = field(default_factory=list)
    contradicting: list[tuple[Row, str]] = field(default_factory=list)  # and the path of the file that was kept
    ids: dict[Key, int] = field(default_factory=dict)

    @property
    def changed(self) -> list[Placed]:
        return self.created + self.updated

    @property
    def kept(self) -> list[Placed]:
        return self.created + self.updated + self.unchanged


class Ids:
    """A set of database ids, a bit each: they lie close together, and a run may have read millions."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}

    def __contains__(self, pk: int) -> bool:
        return bool(self._pages.get(pk >> 10, 0) >> (pk & 1023) & 1)

    def update(self, pks: Iterable[int]) -> None:
        for pk in pks:
            self._pages[pk >> 10] = self._pages.get(pk >> 10, 0) | 1 << (pk & 1023)


class Store:
    """Puts batches of one evaluation's transcripts into the database and counts what changed in a report."""

    def __init__(self, evaluation: Evaluation, report: Report) -> None:
        self.evaluation = evaluation
        self.report = report
        self.personas = [personas.Persona(**row) for row in Persona.objects.values(*_PERSONA)]
        self.cells = Cells(evaluation)
        self.verdicts = Verdicts()
        self.prompts: dict[bytes, int] = {}
        # What this run has read: what another file says of one of them is no update.
        self.read = Ids()

    def plan(self, *plans: parsed.Planned) -> None:
        known = []
        for planned in plans:
            try:
                check_identity(planned.model, planned.condition, planned.key)
            except Unstorable as problem:
                self.report.note(parsed.Problem("", "planned samples", str(problem), lost=False))
                continue
            known.append(((planned.model, condition_sha256(planned.condition)), planned))
        self.cells.need({key: planned.condition for key, planned in known})
        self.cells.plan(known)

    def write(self, transcripts: Iterable[parsed.Transcript]) -> None:
        """Make rows of the transcripts and add them."""
        rows = Rows(self.evaluation.seed, self.personas)
        made = [one for transcript in transcripts for one in rows.made(transcript)]
        for problem in made:
            if isinstance(problem, parsed.Problem):
                self.report.note(problem)
        self.add([row for row in made if isinstance(row, Row)])

    def add(self, rows: Sequence[Row]) -> None:
        """Write one batch."""
        self.cells.need({(row.model, row.condition_sha256): row.condition for row in rows})
        self.verdicts.need(rows)
        self._add([(Key(self.cells[row.model, row.condition_sha256], row.sample_key), row) for row in rows])

    def _add(self, rows: Sequence[Placed]) -> None:
        """Write the rows; where the database refuses them, find the one that it cannot hold and keep the others."""
        if not rows:
            return
        prompts = dict(self.prompts)
        try:
            batch, merged = self._transaction(rows)
        except (DataError, UnicodeEncodeError, OperationalError) as error:
            self.prompts = prompts  # those that were undone have lost their ids
            if isinstance(error, OperationalError) and not isinstance(error.__cause__, ProgramLimitExceeded):
                raise
            if len(rows) == 1:
                self._lose(rows[0][1], f"the database cannot hold it: {str(error).splitlines()[0]}")
                return
            self._add(rows[: len(rows) // 2])
            self._add(rows[len(rows) // 2 :])
            return
        self._count(batch)
        self.report.verdicts += merged.answers
        self.report.verdict_errors += merged.errors
        for problem in merged.problems:
            self.report.note(problem)

    def _transaction(self, rows: Sequence[Placed]) -> tuple[Batch, Merged]:
        with transaction.atomic(), connection.wrap_database_errors, connection.cursor() as wrapped:
            cursor: Cursor[Any] = wrapped.cursor
            cursor.execute(SETTINGS)
            # Also the lock by which the batches of one evaluation take turns.
            unsettled = "UPDATE transcripts_evaluation SET unsettled_at = %s WHERE id = %s"
            cursor.execute(unsettled, [timezone.now(), self.evaluation.pk])
            batch = self._sorted(rows, self._stored(cursor, rows))
            if batch.changed:
                self._write(cursor, batch)
            new = {batch.ids[key] for key, _ in batch.created}
            judged = [(row, batch.ids[key]) for key, row in batch.kept]
            read = {pk for _, pk in judged if pk in self.read}
            return batch, self.verdicts.write(cursor, judged, new, read)

    def _stored(self, cursor: Cursor[Any], rows: Sequence[Placed]) -> dict[Key, Stored]:
        cells = array_literal([str(key.cell) for key, _ in rows])
        found = cursor.execute(STORED, [cells, array_literal([key.sample for key, _ in rows])])
        return {Key(cell, sample): Stored(pk, bytes(content), path) for cell, sample, pk, content, path in found}

    def _sorted(self, rows: Sequence[Placed], stored: Mapping[Key, Stored]) -> Batch:
        """What becomes of each row. A changed file updates its transcript; another file does not."""
        batch, known, read = Batch(), dict(stored), set[Key]()
        batch.ids = {key: before.id for key, before in stored.items() if before.id is not None}
        for key, row in rows:
            before = known.get(key)
            if before is None:
                batch.created.append((key, row))
            elif before.content_sha256 == row.content_sha256:
                batch.unchanged.append((key, row))
            elif key in read or batch.ids[key] in self.read or not same_file(row.source.path, before.path):
                batch.contradicting.append((row, before.path))
                continue
            else:
                batch.updated.append((key, row))
            known[key] = Stored(None, row.content_sha256, row.source.path)
            read.add(key)
        return batch

    def _write(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Everything but the verdicts. A created transcript's id is drawn here, so that nothing has to be looked up."""
        rows = [row for _, row in batch.changed]
        prompts = write_prompts(cursor, rows, self.prompts)
        sources = write_sources(cursor, rows, self.evaluation.pk)
        if batch.created:
            drawn = cursor.execute(NEW_IDS, [len(batch.created)])
            batch.ids |= {key: pk for (key, _), (pk,) in zip(batch.created, drawn, strict=True)}

        def transcripts(rows: Iterable[Placed]) -> Iterable[bytes]:
            for key, row in rows:
                ids = (
                    batch.ids[key],
                    key.cell,
                    prompts[row.prompt.sha256],
                    sources[row.source.path, row.source.sha256],
                )
                yield b"%d\t%d\t%d\t%d\t%b" % (*ids, row.transcript)

        def texts(rows: Iterable[Placed]) -> Iterable[bytes]:
            return (b"%d\t%b" % (batch.ids[key], row.text) for key, row in rows)

        copy(cursor, "transcripts_transcript", TRANSCRIPT, transcripts(batch.created))
        copy(cursor, "transcripts_transcripttext", TEXT, texts(batch.created))
        if batch.updated:
            changed = [batch.ids[key] for key, _ in batch.updated]
            update(cursor, changed, transcripts(batch.updated), texts(batch.updated))
        actions = (b"%d\t%b" % (batch.ids[key], line) for key, row in batch.changed for line in row.actions)
        copy(cursor, "transcripts_action", ACTION, actions)

    def _count(self, batch: Batch) -> None:
        self.report.created += len(batch.created)
        self.report.updated += len(batch.updated)
        self.report.unchanged += len(batch.unchanged)
        for _, row in batch.kept:
            self.report.statuses[row.status] += 1
        self.read.update(batch.ids[key] for key, _ in batch.kept)
        for row, kept in batch.contradicting:
            self._lose(row, f"says something else than {kept}, which is kept, for the same sample")

    def _lose(self, row: Row, reason: str) -> None:
        self.report.lose(problem_of(row.source.path, row.sample_key, reason))


_PERSONA = ("scenario", "address", "name", "role", "inside", "in_gate")


def same_file(path: str, other: str) -> bool:
    """Whether two paths may name one file: they are the same, or one begins further up, or in an archive."""
    short, long = sorted((path, other), key=len)
    return short == long or long.endswith((f"/{short}", f"!{short}"))
