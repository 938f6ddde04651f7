"""Text classifiers of our own on their way: what each is trained on, how far it has come, and what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from transcripts.models import ClassifierVersion

from .campaigns import Campaign
from .transfers import Transfer


class Training(Transfer):
    """One training, and the scoring of every transcript of its evaluation. A job as transfers are: whoever takes it
    over trains on the same labels again, which gives the same model, and goes on with what has no verdict yet.

    `resolution_ids` are those that it learns from, written down once; `report` is what its page shows.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="trainings")
    outcome = models.TextField(help_text="Its key in the campaign's codebook, and that of the verdicts.")
    version = models.ForeignKey(
        ClassifierVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="trainings"
    )
    resolution_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    report: models.JSONField[dict[str, Any] | None] = models.JSONField(null=True, blank=True)

    class Meta(Transfer.Meta):
        abstract = False
        constraints = [*Transfer.Meta.constraints]

    def __str__(self) -> str:
        return f"text classifier of {self.outcome} by {self.campaign}"
