"""What raters said, and what was agreed. Labels are append-only: a changed answer is a new row."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from .assignments import Assignment
from .campaigns import CampaignItem
from .codebooks import Choice, Outcome, Question


class LabelQuerySet(models.QuerySet["Label"]):
    def newest(self) -> LabelQuerySet:
        """The newest label of each assignment."""
        # Not "id = the highest": of that PostgreSQL expects one row, and joins 30,000 of them one by one.
        return self.filter(~Exists(Label.objects.filter(assignment=OuterRef("assignment"), id__gt=OuterRef("id"))))

    def current(self) -> LabelQuerySet:
        """Those of them that count. Those of an excluded rater and those that a rater gave a second time count for
        nothing."""
        return self.newest().filter(assignment__purpose="panel", assignment__voided_at=None)


class Label(models.Model):
    """One rater's answers about one transcript, as submitted. The newest per assignment counts; all are kept."""

    item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="labels")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="labels")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="labels")
    # Of the text that was read. If the transcript changes, this label is about something else, and missing.
    text_sha256 = models.BinaryField(max_length=32)
    comment = models.TextField(blank=True, default="")
    recognised = models.TextField(
        blank=True, default="", help_text="Which model the rater thinks that it is, where they think so."
    )
    seconds = models.FloatField(null=True, blank=True, help_text="From opening the item to submitting.")
    # Of labels made elsewhere, when they were made.
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LabelQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["assignment", "-id"], name="label_newest")]

    def __str__(self) -> str:
        return f"label {self.pk} by {self.rater_id}"


class Answer(models.Model):
    """One answer of a label. A question with several choices has a row for each."""

    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="answers")
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="answers")
    choice = models.ForeignKey(Choice, null=True, blank=True, on_delete=models.PROTECT, related_name="answers")
    number = models.FloatField(null=True, blank=True)
    text = models.TextField(blank=True, default="")
    # For questions about each action: its ordinal in the transcript.
    action_ordinal = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["label", "question", "choice", "action_ordinal"],
                nulls_distinct=False,
                name="answer_is_one",
            ),
        ]

    def __str__(self) -> str:
        return f"answer to {self.question_id} in label {self.label_id}"


class Evidence(models.Model):
    """A stretch of the transcript that an answer rests on. Places and offsets as in `ingest.parsed`."""

    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="evidence")
    question = models.ForeignKey(Question, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    place = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    quote = models.TextField(help_text="The text at the span when it was marked.")

    class Meta:
        ordering = ["place", "start"]
        constraints = [models.CheckConstraint(name="evidence_is_not_empty", condition=Q(start__lt=F("end")))]

    def __str__(self) -> str:
        return f"{self.place} {self.start}–{self.end}"


class Resolution(models.Model):
    """The agreed answer on one item for one outcome, with the labels that it rests on.

    `value` is empty where the panel stays unsure: missing, not harmless. A new answer makes a new row and dates
    the old one's end; none is overwritten.
    """

    class Method(models.TextChoices):
        UNANIMOUS = "unanimous"
        MAJORITY = "majority"
        TIE_BREAK = "tie_break", "tie-break: the third rater decided"
        ADJUDICATED = "adjudicated"
        UNRESOLVED = "unresolved"

    class Cause(models.TextChoices):
        AMBIGUOUS = "ambiguous", "the text is ambiguous"
        GUIDELINE = "guideline", "the guideline does not say"
        RATER_ERROR = "rater_error", "a rater overlooked or misread something"
        EDGE_CASE = "edge_case", "a case at the edge of the definition"
        SUBJECTIVE = "subjective", "a matter of judgement"
        OTHER = "other", "another reason"

    item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="resolutions")
    outcome = models.ForeignKey(Outcome, on_delete=models.PROTECT, related_name="resolutions")
    value = models.BooleanField(null=True)
    method = models.TextField(choices=Method.choices)
    positive = models.PositiveSmallIntegerField(help_text="Raters who said so.")
    negative = models.PositiveSmallIntegerField()
    missing = models.PositiveSmallIntegerField(help_text="Raters who were unsure.")
    label_ids = ArrayField(models.BigIntegerField())
    text_sha256 = models.BinaryField(max_length=32, help_text="Of the text that its labels are about.")
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    cause = models.TextField(choices=Cause.choices, blank=True, default="", help_text="Why the raters disagreed.")
    reason = models.TextField(blank=True, default="", help_text="The adjudicator's note.")
    confidence = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of the adjudicator: 1 unsure, 2 fairly sure, 3 certain."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "outcome"],
                condition=Q(superseded_at__isnull=True),
                name="resolution_current_is_one",
            ),
            models.CheckConstraint(
                name="resolution_method_is_known",
                condition=Q(method__in=["unanimous", "majority", "tie_break", "adjudicated", "unresolved"]),
            ),
            models.CheckConstraint(
                name="resolution_unresolved_has_no_value",
                condition=Q(method="unresolved", value__isnull=True)
                # An adjudicator may find that it cannot be told: settled, and missing all the same.
                | Q(method="adjudicated")
                | (~Q(method="unresolved") & Q(value__isnull=False)),
            ),
            models.CheckConstraint(
                name="resolution_cause_is_known",
                condition=Q(
                    cause__in=["", "ambiguous", "guideline", "rater_error", "edge_case", "subjective", "other"]
                ),
            ),
            models.CheckConstraint(
                name="resolution_confidence_is_a_step",
                condition=Q(confidence=None) | Q(confidence__gte=1, confidence__lte=3),
            ),
        ]

    def __str__(self) -> str:
        return f"resolution of item {self.item_id}"
