"""Jobs of the labeling app. A message only points at a row; the row says what is left to do."""

from __future__ import annotations

from amdash.celery import app
from labeling.calibration import rollup
from labeling.crowd import join
from labeling.judges import job, judge
from labeling.judges.text import train
from labeling.models import LabelExport, LabelImport, Training
from labeling.transfers import bring_in, deliver
from labeling.transfers.jobs import fail_interrupted, stale


@app.task
def run_export(*, export_id: int) -> None:
    deliver.run(export_id)


@app.task
def run_import(*, import_id: int) -> None:
    bring_in.run(import_id)


@app.task
def run_training(*, training_id: int) -> None:
    train.run(training_id)


@app.task
def requeue_stale_transfers() -> None:
    """The beat's: whatever a killed worker has left undone, and a killed command cannot tell."""
    fail_interrupted()
    for export_id in stale(LabelExport):
        run_export.delay(export_id=export_id)
    for import_id in stale(LabelImport):
        run_import.delay(import_id=import_id)
    for training_id in stale(Training):
        run_training.delay(training_id=training_id)


@app.task
def run_judge(*, run_id: int) -> None:
    judge.run(run_id)


@app.task
def requeue_stale_judge_runs() -> None:
    """The beat's: runs whose worker was killed, or whose message was lost."""
    for run_id in job.stale():
        run_judge.delay(run_id=run_id)


@app.task
def delete_expired_exports() -> None:
    deliver.delete_expired()


@app.task
def forget_changes() -> None:
    rollup.forget_changes()


@app.task
def end_overdue_parts() -> None:
    """The beat's: whoever came through an invitation and has run out of time holds nothing up."""
    join.end_overdue()
