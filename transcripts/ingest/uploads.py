"""Runs an uploaded file through ingest, under a lease, so that a killed worker's job is taken over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.db.models import F, Q
from django.utils import timezone

from transcripts.ingest.jobs import Job, Stopped
from transcripts.ingest.run import ingest, settle
from transcripts.lease import LEASE
from transcripts.models import Evaluation, Ingestion

# A file that ends the worker every time is given up with a sentence that says so.
ATTEMPTS = 5
_LONGEST_NAME = 255  # bytes


def run(ingestion_id: int) -> None:
    """Do the job if nobody else is at it. What an earlier, killed run has written is found unchanged."""
    row = _take(ingestion_id)
    if row is None:
        return
    job = Job(row)
    try:
        with job.kept(), _local(row) as path:
            ingest(
                [path],
                row.evaluation,
                format=row.format or None,
                mapping=row.mapping,
                on_progress=job.tell,
                report=job.report,
            )
    except Stopped:
        job.end(Ingestion.State.CANCELLED)
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not the file's: when the lease has run out, the job is taken again
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
        job.end(Ingestion.State.FAILED, error=error)
        raise
    else:
        job.end(Ingestion.State.DONE)


def again(row: Ingestion, by: User) -> Ingestion:
    """A new job for a file that was uploaded before; the earlier one keeps its report."""
    return Ingestion.objects.create(
        evaluation=row.evaluation,
        name=row.name,
        file=row.file.name,
        format=row.format,
        mapping=row.mapping,
        created_by=by,
    )


def requeue_stale() -> list[int]:
    """Ids of jobs that wait for a worker too long: their message was lost, or their worker was killed."""
    now = timezone.now()
    stale = Q(state=Ingestion.State.RUNNING, leased_until__lt=now) | Q(
        state=Ingestion.State.QUEUED, created_at__lt=now - LEASE
    )
    return list(Ingestion.objects.filter(stale).exclude(file="").values_list("pk", flat=True))


def settle_abandoned() -> None:
    """Bring roll-ups and search up to date where a run was killed before it could."""
    now = timezone.now()
    busy = Ingestion.objects.filter(state=Ingestion.State.RUNNING, leased_until__gt=now)
    unsettled = Evaluation.objects.filter(unsettled_at__lt=now - LEASE).exclude(pk__in=busy.values("evaluation"))
    for evaluation in unsettled:
        # Taken by one worker only, for as long as a lease.
        mine = Evaluation.objects.filter(pk=evaluation.pk, unsettled_at=evaluation.unsettled_at)
        if mine.update(unsettled_at=timezone.now()):
            settle(evaluation)


def _take(ingestion_id: int) -> Ingestion | None:
    now = timezone.now()
    free = Q(state=Ingestion.State.QUEUED) | Q(state=Ingestion.State.RUNNING, leased_until__lt=now)
    taken = Ingestion.objects.filter(free, pk=ingestion_id).update(
        state=Ingestion.State.RUNNING, leased_until=now + LEASE, attempts=F("attempts") + 1, started_at=now
    )
    if not taken:
        return None
    row = Ingestion.objects.select_related("evaluation").get(pk=ingestion_id)
    if row.attempts > ATTEMPTS:
        reason = f"given up after {ATTEMPTS} attempts, each of which ended with its worker or its database connection"
        Job(row).end(Ingestion.State.FAILED, error=reason)
        return None
    return row


@contextmanager
def _local(row: Ingestion) -> Iterator[Path]:
    """The uploaded file on disk: storage may be remote, and readers tell a file by its own name."""
    with tempfile.TemporaryDirectory(prefix="amdash-ingest-") as folder:
        # Its end says what it is; names may be as long in characters as files' names may be in bytes.
        path = Path(folder) / Path(row.name).name.encode()[-_LONGEST_NAME:].decode(errors="ignore")
        with row.file.open("rb") as uploaded, path.open("wb") as local:
            for chunk in uploaded.chunks():
                local.write(chunk)
        yield path
