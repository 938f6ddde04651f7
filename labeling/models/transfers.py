"""Labels on their way out of the product and into it: jobs with a state, a lease and an end."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from .campaigns import Campaign


class Transfer(models.Model):
    """One job. The broker's message only says "look at this row"; whoever holds the lease does the work.

    A lease that is not renewed is up for grabs, so a killed worker's job is taken over: an export is written anew,
    and an import finds what was kept before it unchanged.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    state = models.TextField(choices=State.choices, default=State.QUEUED)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0, help_text="Labels written or read so far.")
    total = models.PositiveIntegerField(null=True, blank=True, help_text="Empty where it is not known beforehand.")
    problem = models.TextField(blank=True, default="", help_text="Why it failed.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="%(class)s_state_is_known", condition=Q(state__in=["queued", "running", "done", "failed"])
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)


class LabelExport(Transfer):
    """All labels of a campaign in one file, which is deleted when it expires; the row stays."""

    class Format(models.TextChoices):
        JSONL = "jsonl", "JSON Lines: a line per label, answers and evidence as lists"
        CSV = "csv", "CSV: a row per label, safe to open in a spreadsheet"
        PARQUET = "parquet", "Parquet: the same columns with their types, for data frames"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="exports")
    format = models.TextField(choices=Format.choices, default=Format.JSONL)
    file = models.FileField(upload_to="exports/", blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes of the file.")
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta(Transfer.Meta):
        abstract = False
        constraints = [
            *Transfer.Meta.constraints,
            models.CheckConstraint(
                name="labelexport_format_is_known", condition=Q(format__in=["jsonl", "csv", "parquet"])
            ),
            models.CheckConstraint(name="labelexport_file_expires", condition=Q(file="") | Q(expires_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"labels of {self.campaign} as {self.format}"


class LabelImport(Transfer):
    """Labels made elsewhere, from an uploaded file or by the command: which campaign they became, and the report."""

    name = models.TextField(help_text="The file, by the name that it came with.")
    file = models.FileField(upload_to="imports/", blank=True)
    campaign_name = models.TextField()
    choices: models.JSONField[dict[str, Any]] = models.JSONField(
        default=dict, blank=True, help_text="The mapping and what else was chosen, for whoever does the work."
    )
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.SET_NULL, related_name="imports", editable=False
    )
    report: models.JSONField[dict[str, Any] | None] = models.JSONField(null=True, blank=True)

    class Meta(Transfer.Meta):
        abstract = False
        constraints = [*Transfer.Meta.constraints]

    def __str__(self) -> str:
        return f"{self.name} into {self.campaign_name}"
