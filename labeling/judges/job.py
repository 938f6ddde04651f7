"""The row of a run while it lasts: its lease, and what became of the calls of a worker that was killed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from labeling.models import JudgeItem, JudgeRun
from transcripts.lease import LEASE, renewed

# A run that ends the worker every time is given up with a sentence that says so; one that gets on is not.
FRUITLESS = 5
State = JudgeRun.State


class Lost(Exception):
    """Somebody else holds the lease, or the run is gone."""


class Job:
    """One attempt at a run."""

    def __init__(self, row: JudgeRun) -> None:
        self.row = row
        self.rate: float | None = None

    def kept(self) -> AbstractContextManager[None]:
        """Renew the lease for as long as the block runs."""
        return renewed(self._beat, f"judge-run-{self.row.pk}")

    def hold(self) -> bool:
        """Inside a transaction: nobody takes the run over until its end. False where it was cancelled; raises Lost."""
        state = (
            JudgeRun.objects.select_for_update()
            .filter(pk=self.row.pk, attempts=self.row.attempts, finished_at=None)
            .values_list("state", flat=True)
            .first()
        )
        if state is None:
            raise Lost
        return state != State.CANCELLED

    def _beat(self) -> None:
        mine = JudgeRun.objects.filter(pk=self.row.pk, attempts=self.row.attempts, finished_at=None)
        mine.update(leased_until=timezone.now() + LEASE, rate=self.rate)


def take(run_id: int) -> Job | None:
    """The run, unless somebody else is at it or it has ended. A cancelled one is taken to be brought to its end."""
    now = timezone.now()
    with transaction.atomic():
        row = (
            JudgeRun.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("version__classifier")
            .filter(_free(now), pk=run_id, finished_at=None)
            .first()
        )
        if row is None:
            return None
        row.attempts += 1
        row.fruitless += 1
        row.state = row.state if row.state == State.CANCELLED else State.RUNNING
        row.leased_until, row.started_at = now + LEASE, row.started_at or now
        row.save(update_fields=["attempts", "fruitless", "state", "leased_until", "started_at"])
        # What was under way when its worker ended was perhaps answered, and paid for; nobody will know.
        under_way = JudgeItem.objects.filter(run=row, state=JudgeItem.State.SENT)
        under_way.update(state=JudgeItem.State.WAITING, lost=F("lost") + 1, unmetered=F("unmetered") + 1)
    return Job(row)


def _free(now: datetime) -> Q:
    """Nobody holds it."""
    return Q(state=State.QUEUED) | Q(leased_until__lt=now) | Q(leased_until=None)


def stale() -> list[int]:
    """Ids of runs that wait for a worker too long: their message was lost, or their worker was killed."""
    now = timezone.now()
    waiting = Q(leased_until__lt=now) | Q(leased_until=None, created_at__lt=now - LEASE)
    return list(JudgeRun.objects.filter(waiting, finished_at=None).values_list("pk", flat=True))
