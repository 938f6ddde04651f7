"""From files to transcripts, in order: read, store, refresh the roll-ups, count what is missing, make searchable."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import Error

from transcripts.ingest import parsed
from transcripts.ingest.database.rows import Row
from transcripts.ingest.database.store import Store
from transcripts.ingest.processes.counting import Total
from transcripts.ingest.processes.parallel import chunks
from transcripts.ingest.processes.reading import Chunk, Input
from transcripts.ingest.report import Report
from transcripts.models import Cell, Evaluation
from transcripts.models.tallies import refresh_tallies
from transcripts.search import vectors

# A batch is one transaction: large enough for set-based writes, small enough to keep in memory.
BATCH_RECORDS = 500
BATCH_BYTES = 16_000_000


@dataclass(frozen=True)
class Progress:
    """How far a run has come. `files_total` is None while it is not known."""

    stage: str
    files: int
    transcripts: int
    files_total: int | None = None


def _nobody(progress: Progress) -> None:
    pass


def ingest(
    paths: Iterable[Path],
    evaluation: Evaluation,
    *,
    format: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] = _nobody,
    report: Report | None = None,
    processes: int | None = None,
) -> Report:
    """Read everything below the paths into the evaluation and tell what became of it.

    Reading the same input again changes nothing. Whatever `on_progress` raises stops the run between two
    batches; what was written stays, and is counted and made searchable. A `report` that is given is filled
    as the run goes, so that one that is stopped can be told of too.
    """
    report = Report(evaluation.pk) if report is None else report
    files = 0
    try:
        store = Store(evaluation, report)
        input = Input(tuple(path.resolve() for path in paths), format, mapping, evaluation.seed, tuple(store.personas))
        with closing(Total(input.paths)) as total, closing(_store(input, store, processes)) as stored:
            for files in stored:
                on_progress(Progress("reading", files, report.transcripts, total.files))
    except BaseException:
        # Where the database is the trouble, the beat settles it later.
        with suppress(Error):
            settle(evaluation)
            report.missing = missing(evaluation)
        raise
    settle(evaluation, lambda indexed: on_progress(Progress("making searchable", files, indexed, files)))
    report.missing = missing(evaluation)
    return report


def settle(evaluation: Evaluation, on_progress: Callable[[int], None] = lambda indexed: None) -> None:
    """Bring roll-ups and search up to date with what was written. What is stopped here is left to the next time."""
    evaluation.refresh_from_db(fields=["unsettled_at"])
    refresh_tallies()
    indexed = 0
    for _ in vectors.index_prompts():
        on_progress(indexed)
    for count in vectors.index(evaluation):
        indexed += count
        on_progress(indexed)
    # Unless another run has written meanwhile.
    Evaluation.objects.filter(pk=evaluation.pk, unsettled_at=evaluation.unsettled_at).update(unsettled_at=None)


def missing(evaluation: Evaluation) -> list[dict[str, str | int]]:
    """Cells with fewer transcripts than planned, by the roll-ups. A failed call is a transcript: it was obtained."""
    cells = Cell.objects.filter(evaluation=evaluation).with_counts().select_related("model", "condition")
    return [
        {
            "model": cell.model.recorded_id,
            "condition": cell.recorded_condition or str(cell.condition),
            "factors": str(cell.condition),
            "planned": cell.planned,
            "obtained": cell.obtained,
        }
        for cell in cells.order_by("model__recorded_id", "condition_id")
        if cell.planned is not None and cell.obtained < cell.planned
    ]


def _store(input: Input, store: Store, processes: int | None) -> Generator[int]:
    """Write everything, batch by batch; yields how many files were read."""
    files, last = 0, ""
    with closing(_batches(chunks(input, processes), store.report)) as batches:
        for batch in batches:
            rows, plans = [], []
            for record in batch:
                match record:
                    case Row():
                        rows.append(record)
                        file = record.source.path
                    case parsed.Planned():
                        plans.append(record)
                        continue
                    case parsed.Problem():
                        store.report.note(record)
                        file = record.source
                # A log inside what was given is one file, however many samples are members of it.
                file = "!".join(file.split("!")[:2])
                files += file != last
                last = file
            store.plan(*plans)
            store.add(rows)
            yield files


def _batches(chunks: Generator[Chunk], report: Report) -> Generator[list[Row | parsed.Planned | parsed.Problem]]:
    batch: list[Row | parsed.Planned | parsed.Problem] = []
    size = 0
    with closing(chunks):
        for chunk in chunks:
            report.ignored_fields.update(chunk.ignored)
            for record in chunk.records:
                batch.append(record)
                size += record.size if isinstance(record, Row) else 0
                if len(batch) >= BATCH_RECORDS or size > BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
    if batch:
        yield batch
