"""Jobs of the transcripts app. A message only points at a row; the row says what is left to do."""

from __future__ import annotations

from amdash.celery import app
from transcripts.ingest.jobs import fail_interrupted
from transcripts.ingest.uploads import requeue_stale, run, settle_abandoned


@app.task
def run_ingestion(*, ingestion_id: int) -> None:
    run(ingestion_id)


@app.task
def requeue_stale_ingestions() -> None:
    """The beat's: whatever a killed worker has left undone, and a killed command cannot tell."""
    fail_interrupted()
    for ingestion_id in requeue_stale():
        run_ingestion.delay(ingestion_id=ingestion_id)
    settle_abandoned()
