"""Who takes part in a campaign, through which door, and what is done for their sake."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .campaigns import Campaign


class Invitation(models.Model):
    """A secret link by which people without an account take part, within its own limits.

    The token is shown once and kept as its SHA-256. Of a participant nothing is kept but the ids that the link's
    address brings.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="invitations")
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    note = models.TextField(blank=True, default="", help_text="For whom it is; only those who run the campaign see it.")
    places = models.PositiveIntegerField(help_text="How many people may take part through it.")
    labels_each = models.PositiveIntegerField(help_text="How many transcripts each of them labels at most.")
    minutes = models.PositiveIntegerField(help_text="How long each of them has from joining.")
    consent = models.TextField(help_text="Markdown: what taking part means. Agreed to before anything else.")
    instructions = models.TextField(blank=True, default="", help_text="Markdown, before the first transcript.")
    completion_code = models.TextField(blank=True, default="", help_text="Shown at the end, for payment.")
    completion_url = models.URLField(
        blank=True, default="", max_length=1000, help_text="Where the end leads, such as a crowd platform's page."
    )
    screen_out_code = models.TextField(blank=True, default="", help_text="For those who do not pass the qualification.")
    screen_out_url = models.URLField(blank=True, default="", max_length=1000)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="invitation_has_limits", condition=Q(places__gte=1, labels_each__gte=1, minutes__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.campaign}"


class Participation(models.Model):
    """One person's part in one campaign, from joining to its end."""

    class State(models.TextChoices):
        ACTIVE = "active"
        FINISHED = "finished"
        RETURNED = "returned", "gave it back"
        TIMED_OUT = "timed_out", "ran out of time"
        SCREENED_OUT = "screened_out", "did not pass the qualification"
        EXCLUDED = "excluded"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="participations")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="participations")
    invitation = models.ForeignKey(
        Invitation, null=True, blank=True, on_delete=models.PROTECT, related_name="participations"
    )
    # As the crowd platform's address gives them (PROLIFIC_PID, STUDY_ID, SESSION_ID): for payment, and nothing else.
    external_id = models.TextField(blank=True, default="", db_collation="C")
    study_id = models.TextField(blank=True, default="")
    session_id = models.TextField(blank=True, default="")
    state = models.TextField(choices=State.choices, default=State.ACTIVE)
    joined_at = models.DateTimeField(auto_now_add=True)
    consented_at = models.DateTimeField(null=True, blank=True)
    instructed_at = models.DateTimeField(null=True, blank=True)
    qualified_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(
        blank=True, default="", help_text="Why it ended, in words for those who run the campaign."
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "rater"], name="participation_is_one"),
            models.UniqueConstraint(
                fields=["invitation", "external_id"], condition=~Q(external_id=""), name="participation_is_one_per_id"
            ),
            models.CheckConstraint(
                name="participation_state_is_known",
                condition=Q(state__in=["active", "finished", "returned", "timed_out", "screened_out", "excluded"]),
            ),
            models.CheckConstraint(
                name="participation_ends_once",
                condition=Q(state="active", ended_at=None) | (~Q(state="active") & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater_id} in {self.campaign_id}"

    @property
    def deadline(self) -> datetime | None:
        """When the time that the invitation gives runs out; there is none for those who came without one."""
        return self.joined_at + timedelta(minutes=self.invitation.minutes) if self.invitation else None

    @property
    def is_over_time(self) -> bool:
        return self.state == self.State.ACTIVE and self.deadline is not None and self.deadline <= timezone.now()


class ContentNote(models.Model):
    """A kind of content that some would rather not read, and the scenarios in which it occurs."""

    slug = models.SlugField(unique=True)
    name = models.TextField()
    words = models.TextField(help_text="Shown before such a text opens. It must not tell how the transcript ends.")
    scenarios = ArrayField(models.TextField(), default=list)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Care(models.Model):
    """What a rater wants for their own sake: what they decline to read, and how texts are opened to them."""

    rater = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="care")
    declined = models.ManyToManyField(ContentNote, blank=True, related_name="+")
    reveals_at_once = models.BooleanField(default=False, help_text="Open texts without covering them first.")
    break_after_minutes = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="When to be reminded of a break; empty: as the campaign says."
    )

    def __str__(self) -> str:
        return f"care for {self.rater_id}"
