"""The row of one run of ingest while the run lasts: its lease, how far it has come, and how it ended.

The lease says that somebody is at it. A thread renews it and writes the progress, on a connection of its own:
what the run is busy with cannot keep it from doing so, and what keeps it from doing so does not end the run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from django.db import Error
from django.db.models import QuerySet
from django.utils import timezone

from transcripts.ingest.parsed import shown
from transcripts.ingest.report import Report
from transcripts.ingest.run import Progress
from transcripts.lease import LEASE, renewed
from transcripts.models import Evaluation, Ingestion

INTERRUPTED = "interrupted: run the command again; what was written is kept"


class Stopped(Exception):
    """The job was cancelled, or somebody else holds its lease."""


class Job:
    """One run. `tell` is its `on_progress`; `report` is what it has done so far."""

    def __init__(self, row: Ingestion) -> None:
        self.row = row
        self.report = Report(row.evaluation_id)
        self.stopped = threading.Event()
        self.progress: Progress | None = None

    def tell(self, progress: Progress) -> None:
        """Remember how far the run has come. Raises Stopped where it is to go no further."""
        if self.stopped.is_set():
            # Told now, although what was written is yet to be made searchable.
            self.end(Ingestion.State.CANCELLED)
            raise Stopped
        self.progress = progress

    def kept(self) -> AbstractContextManager[None]:
        """Renew the lease for as long as the block runs."""
        return renewed(self._beat, str(self.row.pk))

    def end(self, state: Ingestion.State, *, error: str = "") -> None:
        """Write how it ended, unless it was cancelled or taken over; a cancelled one keeps its report."""
        done = {"finished_at": timezone.now(), "leased_until": None, **self._reached()}
        if self.progress or state == Ingestion.State.DONE:  # else it ended before it began
            done["report"] = self.report.as_json()
        if not self._mine().update(state=state, error=error, **done):
            Ingestion.objects.filter(pk=self.row.pk, state=Ingestion.State.CANCELLED).update(**done)

    def keep(self, report: Report) -> None:
        """Write what a run that lasts has done so far."""
        self.report = report
        with suppress(Error):
            self._mine().update(report=report.as_json())

    def _beat(self) -> None:
        known = {"leased_until": timezone.now() + LEASE, "finished_at": None, "error": "", **self._reached()}
        if self._mine().update(state=Ingestion.State.RUNNING, **known):
            return
        # A row that is not there at all says nothing: what was deleted with it ends the run.
        if Ingestion.objects.filter(pk=self.row.pk).exists():
            self.stopped.set()

    def _mine(self) -> QuerySet[Ingestion]:
        """The row, unless it is cancelled or taken over. One given up too early, asleep perhaps, lives again."""
        alive = [Ingestion.State.RUNNING, Ingestion.State.FAILED]
        return Ingestion.objects.filter(pk=self.row.pk, attempts=self.row.attempts, state__in=alive)

    def _reached(self) -> dict[str, Any]:
        if self.progress is None:
            return {}
        return {
            "stage": self.progress.stage,
            "files_done": self.progress.files,
            "files_total": self.progress.files_total,
            "transcripts_done": self.progress.transcripts,
        }


def begin(evaluation: Evaluation, paths: Sequence[Path], **choices: Any) -> Job:
    """The job of a run that reads from disk, as the command does: it needs no worker, and none takes it over."""
    now = timezone.now()
    row = Ingestion.objects.create(
        evaluation=evaluation,
        name=shown(", ".join(map(str, paths))),
        state=Ingestion.State.RUNNING,
        attempts=1,
        started_at=now,
        leased_until=now + LEASE,
        **choices,
    )
    return Job(row)


def fail_interrupted() -> None:
    """Say of commands that were killed that they were: there is no file from which a worker could go on."""
    now = timezone.now()
    Ingestion.objects.filter(file="", state=Ingestion.State.RUNNING, leased_until__lt=now).update(
        state=Ingestion.State.FAILED, finished_at=now, leased_until=None, error=INTERRUPTED
    )
