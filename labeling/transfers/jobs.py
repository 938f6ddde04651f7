"""The row of a transfer while it lasts: its lease, how far it has come, and how it ended.

A thread renews the lease and writes the progress, on a connection of its own. Whoever finds that somebody else has
taken the job over stops.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from labeling.models import LabelExport, LabelImport, Training
from transcripts.lease import LEASE, renewed

# A job that ends the worker every time is given up with a sentence that says so.
ATTEMPTS = 5

INTERRUPTED = "interrupted: run the command again; what was kept is known to it"

Transfer = TypeVar("Transfer", LabelExport, LabelImport, Training)


class Lost(Exception):
    """Somebody else holds the lease."""


class Job(Generic[Transfer]):
    """One run of a transfer."""

    def __init__(self, row: Transfer) -> None:
        self.row: Transfer = row
        self.rows = 0
        self._lost = threading.Event()

    def tell(self, rows: int) -> None:
        """Remember how far the run has come. Raises Lost where it is to go no further."""
        if self._lost.is_set():
            raise Lost
        self.rows = rows

    def kept(self) -> AbstractContextManager[None]:
        """Renew the lease for as long as the block runs."""
        return renewed(self._beat, f"{self.row._meta.model_name}-{self.row.pk}")

    def end(self, state: str, **found: Any) -> bool:
        """Write how it ended; False where somebody else has it by now."""
        found |= {"state": state, "rows": self.rows, "finished_at": timezone.now(), "leased_until": None}
        return bool(self._mine().update(**found))

    def _beat(self) -> None:
        if self._mine().update(leased_until=timezone.now() + LEASE, rows=self.rows):
            return
        # A row that is not there at all says nothing: what was deleted with it ends the run.
        if type(self.row)._default_manager.filter(pk=self.row.pk).exists():
            self._lost.set()

    def _mine(self) -> QuerySet[Transfer]:
        model: type[Transfer] = type(self.row)
        mine: QuerySet[Transfer] = model._default_manager.filter(
            pk=self.row.pk, attempts=self.row.attempts, state=model.State.RUNNING
        )
        return mine


def take(model: type[Transfer], pk: int) -> Job[Transfer] | None:
    """The job, unless somebody else is at it or it has ended."""
    now = timezone.now()
    free = Q(state="queued") | Q(state="running", leased_until__lt=now)
    taken = model._default_manager.filter(free, pk=pk).update(
        state="running", leased_until=now + LEASE, attempts=F("attempts") + 1, started_at=now, rows=0
    )
    if not taken:
        return None
    job = Job(model._default_manager.get(pk=pk))
    if job.row.attempts > ATTEMPTS:
        reason = f"given up after {ATTEMPTS} attempts, each of which ended with its worker or its database connection"
        job.end("failed", problem=reason)
        return None
    return job


def stale(model: type[LabelExport] | type[LabelImport] | type[Training]) -> list[int]:
    """Ids of jobs that wait for a worker too long: their message was lost, or their worker was killed."""
    now = timezone.now()
    waiting = Q(state="running", leased_until__lt=now) | Q(state="queued", created_at__lt=now - LEASE)
    if model is LabelImport:
        # A command's has no file, and nobody takes it over.
        return list(LabelImport.objects.filter(waiting).exclude(file="").values_list("pk", flat=True))
    return list(model._default_manager.filter(waiting).values_list("pk", flat=True))


def fail_interrupted() -> None:
    """Say of commands that were killed that they were: there is no file from which a worker could go on."""
    now = timezone.now()
    LabelImport.objects.filter(file="", state="running", leased_until__lt=now).update(
        state="failed", finished_at=now, leased_until=None, problem=INTERRUPTED
    )
