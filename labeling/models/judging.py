"""Runs of a classifier over transcripts: what was asked for, how far it is, and what each call cost."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from transcripts.models import ClassifierVersion, Evaluation, Transcript


class JudgeRun(models.Model):
    """One run. The broker's message only says "look at this row"; whoever holds the lease does the work.

    A lease that is not renewed is up for grabs, so a killed worker's run is taken over and goes on with what is left.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"
        OUT_OF_BUDGET = "out_of_budget", "out of budget"

    class Which(models.TextChoices):
        MISSING = "missing", "those without an answer of this version"
        ALL = "all", "all: an answer that turns out otherwise takes the place of the earlier one"

    version = models.ForeignKey(ClassifierVersion, on_delete=models.PROTECT, related_name="runs")
    evaluation = models.ForeignKey(
        Evaluation, null=True, blank=True, on_delete=models.CASCADE, related_name="judge_runs"
    )
    filters: models.JSONField[dict[str, list[str]]] = models.JSONField(default=dict, blank=True)
    which = models.TextField(choices=Which.choices, default=Which.MISSING)
    concurrency = models.PositiveIntegerField(default=8, help_text="Calls at once.")
    per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Calls a minute at most.")
    timeout_seconds = models.PositiveIntegerField(default=120, help_text="What one call may take.")
    budget_usd = models.DecimalField(null=True, blank=True, max_digits=12, decimal_places=4)
    budget_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="How often a worker took it: whose lease it is.")
    fruitless = models.PositiveIntegerField(default=0, help_text="Attempts in a row that kept nothing.")
    planned_at = models.DateTimeField(null=True, blank=True, help_text="When its transcripts were written down.")
    skipped = models.PositiveIntegerField(default=0, help_text="In scope, with an answer of this version already.")
    rate = models.FloatField(null=True, blank=True, help_text="Transcripts a second, lately.")
    report: models.JSONField[dict[str, Any] | None] = models.JSONField(null=True, blank=True)
    problem = models.TextField(blank=True, default="", help_text="Why it failed.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="judgerun_state_is_known",
                condition=Q(state__in=["queued", "running", "done", "cancelled", "failed", "out_of_budget"]),
            ),
            models.CheckConstraint(name="judgerun_which_is_known", condition=Q(which__in=["missing", "all"])),
            models.CheckConstraint(name="judgerun_makes_calls", condition=Q(concurrency__gt=0, timeout_seconds__gt=0)),
            models.UniqueConstraint(
                fields=["version"], condition=Q(state__in=["queued", "running"]), name="judgerun_is_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.version}"

    @property
    def is_open(self) -> bool:
        """Somebody is at it, or will be. A cancelled run still waits for the calls that are under way."""
        return self.finished_at is None

    @property
    def may_be_cancelled(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)


class JudgeItem(models.Model):
    """One transcript of a run, in the order of the transcripts' random numbers: a part is a random sample of the whole.

    What was sent is written down before it is, so that a killed worker's calls are known to be lost. Tokens are those
    that the endpoint told; a call of which nobody told them is `unmetered`, and what it may have cost is guessed.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        ANSWERED = "answered"
        FAILED = "failed"

    run = models.ForeignKey(JudgeRun, on_delete=models.CASCADE, related_name="items")
    transcript = models.ForeignKey(Transcript, on_delete=models.CASCADE, related_name="+")
    state = models.TextField(choices=State.choices, default=State.WAITING)
    kind = models.TextField(blank=True, default="", help_text="Of the error.")
    calls = models.PositiveIntegerField(default=0, help_text="Calls whose end was seen.")
    lost = models.PositiveIntegerField(default=0, help_text="Calls that may have been under way in a killed worker.")
    unmetered = models.PositiveIntegerField(default=0)
    tokens_in = models.PositiveBigIntegerField(default=0)
    tokens_out = models.PositiveBigIntegerField(default=0)
    guessed_in = models.PositiveBigIntegerField(default=0)
    guessed_out = models.PositiveBigIntegerField(default=0)
    changed = models.BooleanField(default=False, help_text="Its verdict is new, or not what it was.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "transcript"], name="judgeitem_is_one"),
            models.CheckConstraint(
                name="judgeitem_state_is_known", condition=Q(state__in=["waiting", "sent", "answered", "failed"])
            ),
            models.CheckConstraint(
                name="judgeitem_error_has_a_kind",
                condition=Q(state="failed", kind__gt="") | (~Q(state="failed") & Q(kind="")),
            ),
            models.CheckConstraint(
                name="judgeitem_unmetered_was_called", condition=Q(unmetered__lte=F("calls") + F("lost"))
            ),
        ]
        indexes = [
            models.Index(fields=["run", "id"], name="judgeitem_waiting", condition=Q(state="waiting")),
            models.Index(fields=["run", "state", "kind"], name="judgeitem_states"),
        ]

    def __str__(self) -> str:
        return f"transcript {self.transcript_id} of run {self.run_id}"
