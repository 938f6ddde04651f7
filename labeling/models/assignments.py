"""Who has which transcript in hand, what they have typed so far, and what they have been shown."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from .campaigns import Campaign, CampaignItem


def random_id() -> int:
    """Raters see the ids of their slots: counted upwards they would tell gold, third and repeated ones apart.

    53 bits, so that a program that knows only floating numbers reads them right.
    """
    return secrets.randbelow(2**53 - 1) + 1


class Assignment(models.Model):
    """One slot of an item: room for one rater's answers, with a lease while somebody has it in hand.

    Slots are made with the draw; one for a third rater, a gold item or a repetition when it is needed. Taking one is
    a single statement over this table, so two raters never hold the same slot; a lease that ran out is free again.
    """

    class Purpose(models.TextChoices):
        PANEL = "panel", "one of the answers that are resolved"
        REPEAT = "repeat", "the same rater once more, to see whether they agree with themselves"

    id = models.BigIntegerField(primary_key=True, default=random_id, editable=False)
    item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="assignments")
    slot = models.PositiveSmallIntegerField()
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments"
    )
    leased_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    purpose = models.TextField(choices=Purpose.choices, default=Purpose.PANEL)
    # Copies of its item's, made by the database: the index by which the next open slot is found needs them here.
    campaign = models.ForeignKey(Campaign, null=True, on_delete=models.CASCADE, related_name="+", editable=False)
    serve_order = models.FloatField(null=True, editable=False)
    # Its rater was excluded: its labels stay and count no more, and another slot took its place.
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "slot"], name="assignment_slot_is_one"),
            models.UniqueConstraint(fields=["item", "rater", "purpose"], name="assignment_is_one_per_rater"),
            models.CheckConstraint(name="assignment_purpose_is_known", condition=Q(purpose__in=["panel", "repeat"])),
            models.CheckConstraint(
                name="assignment_lease_has_a_rater",
                condition=Q(leased_until__isnull=True) | Q(rater__isnull=False),
            ),
            models.CheckConstraint(
                name="assignment_submitted_has_a_rater",
                condition=Q(submitted_at__isnull=True) | Q(rater__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["rater", "submitted_at"], name="assignment_rater"),
            models.Index(
                fields=["campaign", "serve_order", "item", "slot"],
                name="assignment_free",
                condition=Q(submitted_at=None, voided_at=None, purpose="panel"),
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of item {self.item_id}"

    def is_held_by(self, user_id: int) -> bool:
        """Whether this rater may still answer: theirs, even if the lease ran out and nobody took it since."""
        return self.rater_id == user_id


class Draft(models.Model):
    """What a rater has typed and not submitted. It outlives the lease, so nothing typed is lost."""

    item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="drafts")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    content: models.JSONField[dict[str, Any]] = models.JSONField()
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "rater"], name="draft_is_one_per_rater")]

    def __str__(self) -> str:
        return f"draft of {self.rater_id} on item {self.item_id}"


class Skip(models.Model):
    """That a rater put an item aside, and why. It comes back to them after everything else: a drawn item must be
    finished, or is counted as non-response."""

    item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="skips")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    flagged = models.BooleanField(default=False, help_text="Something is wrong with the item: somebody should look.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["item", "rater"], name="skip_item_rater")]

    def __str__(self) -> str:
        return f"item {self.item_id} put aside by {self.rater_id}"


class Exposure(models.Model):
    """That a rater was shown a text with a content note: counted for their sake."""

    item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="exposures")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exposures")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "rater"], name="exposure_is_one_per_rater")]

    def __str__(self) -> str:
        return f"item {self.item_id} shown to {self.rater_id}"
