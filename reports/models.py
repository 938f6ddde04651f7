"""What is published: frozen figures, the links that open them, and the reports that are made at a time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from transcripts.models import Transcript


class Disclosure(models.TextChoices):
    """How much is shown, each level with all that the one before it shows."""

    FIGURES = "figures", "figures only"
    EXCERPTS = "excerpts", "figures and redacted excerpts"
    TRANSCRIPTS = "transcripts", "figures and transcripts"

    @property
    def rank(self) -> int:
        return list(Disclosure).index(self)


class Snapshot(models.Model):
    """A frozen leaderboard or chart, or a page of several with text, with everything that they rest on.

    A draft until a person with the right to do so publishes it; from then on a trigger refuses every change
    but a retraction. `content` is what a shared page shows; `basis` says where it came from: evaluation,
    classifier version, codebook version, campaign, counts and hashes of transcripts, verdicts and labels,
    calibration, estimator and code version, seed. Each exhibit of a page has a basis of its own in `content`.
    Snapshots of one `subject` (a chart with its filters, a page and those made again from it) follow each other.
    """

    class Kind(models.TextChoices):
        LEADERBOARD = "leaderboard"
        CHART = "chart"
        PAGE = "page"

    class State(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETRACTED = "retracted"

    kind = models.TextField(choices=Kind.choices)
    title = models.TextField()
    note = models.TextField(blank=True, default="", help_text="What the reader should know, in the publisher's words.")
    subject = models.TextField(blank=True, default="")
    filters: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    content: models.JSONField[dict[str, Any]] = models.JSONField()
    basis: models.JSONField[dict[str, Any]] = models.JSONField()
    discloses = models.TextField(
        choices=Disclosure.choices, default=Disclosure.FIGURES, help_text="The most that its links may show."
    )
    fingerprint = models.TextField(blank=True, default="", help_text="SHA-256 of what was published.")
    state = models.TextField(choices=State.choices, default=State.DRAFT)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Kept as a name too: a published figure outlives the account of who published it.
    published_by = models.TextField(blank=True, default="")
    published_at = models.DateTimeField(null=True, blank=True)
    retracted_at = models.DateTimeField(null=True, blank=True)
    retraction_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["subject", "published_at"], name="snapshot_subject")]
        constraints = [
            models.CheckConstraint(
                name="snapshot_kind_is_known", condition=Q(kind__in=["leaderboard", "chart", "page"])
            ),
            models.CheckConstraint(name="snapshot_disclosure_is_known", condition=Q(discloses__in=Disclosure.values)),
            models.CheckConstraint(
                name="snapshot_state_is_whole",
                condition=Q(state="draft", published_at__isnull=True, retracted_at__isnull=True)
                | Q(state="published", published_at__isnull=False, retracted_at__isnull=True)
                | (
                    Q(state="retracted", published_at__isnull=False, retracted_at__isnull=False)
                    & ~Q(retraction_reason="")
                ),
            ),
            models.CheckConstraint(
                name="snapshot_published_by_somebody",
                condition=Q(published_at__isnull=True) | ~Q(published_by=""),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Example(models.Model):
    """A typical transcript behind a row of a snapshot's figures, copied when these were frozen.

    What a link shows of it is read from here alone. A trigger lets it change only while the snapshot is a draft;
    it goes when its transcript is erased.
    """

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="examples")
    transcript = models.ForeignKey(Transcript, on_delete=models.CASCADE, related_name="+")
    part = models.PositiveIntegerField(help_text="The number of the exhibit in its snapshot.")
    row = models.PositiveIntegerField(help_text="The row of the exhibit, from 0.")
    number = models.PositiveSmallIntegerField(help_text="Its place among the examples of the row, from 1.")
    excerpts: models.JSONField[list[dict[str, str]]] = models.JSONField(help_text="Passages, with names covered.")
    text: models.JSONField[dict[str, Any] | None] = models.JSONField(
        null=True, blank=True, help_text="The whole of it; empty where only excerpts may be shown."
    )

    class Meta:
        ordering = ["part", "row", "number"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "part", "row", "number"], name="example_has_a_place"),
        ]

    def __str__(self) -> str:
        return f"example {self.number} of row {self.row} in {self.snapshot_id}"


class ShareLink(models.Model):
    """A secret, expiring, revocable way into one snapshot. Only hashes of the token and of the password are kept."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="links")
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    token_prefix = models.TextField(help_text="The token's first characters, to tell links apart.")
    audience = models.TextField(help_text="For whom it is.")
    disclosure = models.TextField(choices=Disclosure.choices, default=Disclosure.FIGURES)
    password = models.TextField(blank=True, default="", help_text="As Django hashes it; empty: none is asked for.")
    # Wrong passwords since a moment: too many, and none is tried for a while.
    attempts = models.PositiveIntegerField(default=0)
    attempts_since = models.DateTimeField(null=True, blank=True)
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
                name="share_disclosure_is_known",
                condition=Q(disclosure__in=Disclosure.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.token_prefix}… to {self.snapshot} for {self.audience}"


class ShareView(models.Model):
    """That a link was opened, when, and as what. Nothing about who."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="views")
    what = models.TextField(default="page", help_text="The page, a transcript, or the format of a download.")
    opened_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.link_id} at {self.opened_at:%Y-%m-%d %H:%M}"


class Subscription(models.Model):
    """A report that is made by itself, as a draft: after an ingest into its evaluation, each day or each week.

    With a `bound` it also tells when a corrected rate is above or below it with its whole interval.
    """

    class When(models.TextChoices):
        INGEST = "ingest", "after an ingest into the evaluation"
        DAILY = "daily", "every day"
        WEEKLY = "weekly", "every Monday"

    title = models.TextField()
    slug = models.TextField(help_text="The chart, or the leaderboard.")
    query = models.TextField(blank=True, default="")
    evaluation = models.ForeignKey("transcripts.Evaluation", on_delete=models.CASCADE, related_name="+")
    when = models.TextField(choices=When.choices, default=When.INGEST)
    hour = models.PositiveSmallIntegerField(default=6, help_text="In UTC; of daily and weekly ones.")
    bound = models.FloatField(null=True, blank=True, help_text="A rate from 0 to 1.")
    recipients = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    paused = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="subscription_when_is_known", condition=Q(when__in=["ingest", "daily", "weekly"])
            ),
            models.CheckConstraint(name="subscription_hour_is_one", condition=Q(hour__lte=23)),
            models.CheckConstraint(
                name="subscription_bound_is_a_rate",
                condition=Q(bound__isnull=True) | Q(bound__gte=0, bound__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Occasion(models.Model):
    """One cause for which a subscription's report was made (an ingest, a day, a week). There is one for each cause,
    however often the message about it comes."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="occasions")
    cause = models.TextField()
    snapshot = models.ForeignKey(Snapshot, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    problem = models.TextField(blank=True, default="", help_text="Why there is no report.")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["subscription", "cause"], name="occasion_is_one")]

    def __str__(self) -> str:
        return f"{self.cause} of {self.subscription_id}"


class Crossing(models.Model):
    """That a corrected rate was found on one side of the bound with its whole interval, where it was not before."""

    occasion = models.ForeignKey(Occasion, on_delete=models.CASCADE, related_name="crossings")
    row = models.TextField(help_text="The names of the row.")
    above = models.BooleanField()
    words = models.TextField(help_text="The rate with its interval.")
    told = models.BooleanField(help_text="False for a rate that was below the bound from the first.")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["occasion", "row"], name="crossing_is_one")]

    def __str__(self) -> str:
        return f"{self.row} {'above' if self.above else 'below'} the bound"


class Mailing(models.Model):
    """One mail to one person about one occasion. It is marked as sent before it is, so that none is sent twice."""

    occasion = models.ForeignKey(Occasion, on_delete=models.CASCADE, related_name="mailings")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["occasion", "recipient"], name="mailing_is_one")]

    def __str__(self) -> str:
        return f"to {self.recipient_id} about {self.occasion_id}"
