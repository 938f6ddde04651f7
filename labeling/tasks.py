"""Jobs of the labeling app. A message only points at a row; the row says what is left to do."""

from __future__ import annotations

from amdash.celery import app
from labeling.crowd import join
from labeling.models import LabelExport, LabelImport
from labeling.transfers import bring_in, deliver
from labeling.transfers.jobs import fail_interrupted, stale


@app.task
def run_export(*, export_id: int) -> None:
    deliver.run(export_id)


@app.task
def run_import(*, import_id: int) -> None:
    bring_in.run(import_id)


@app.task
def requeue_stale_transfers() -> None:
    """The beat's: whatever a killed worker has left undone, and a killed command cannot tell."""
    fail_interrupted()
    for export_id in stale(LabelExport):
        run_export.delay(export_id=export_id)
    for import_id in stale(LabelImport):
        run_import.delay(import_id=import_id)


@app.task
def delete_expired_exports() -> None:
    deliver.delete_expired()


@app.task
def end_overdue_parts() -> None:
    """The beat's: whoever came through an invitation and has run out of time holds nothing up."""
    join.end_overdue()
