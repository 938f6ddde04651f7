"""What automated classifiers said. Recorded here because files bring verdicts with them; judged in labeling."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from .conditions import C
from .transcripts import Transcript


class Classifier(models.Model):
    """An automated judge: imported with the files, rule gates, a model judge, or one trained on people's labels."""

    class Kind(models.TextChoices):
        IMPORTED = "imported"
        RULES = "rules"
        MODEL = "model"
        TRAINED = "trained"

    slug = models.SlugField(unique=True, max_length=200)
    name = models.TextField()
    kind = models.TextField(choices=Kind.choices)
    description = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                name="classifier_kind_is_known", condition=Q(kind__in=["imported", "rules", "model", "trained"])
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ClassifierVersion(models.Model):
    """A classifier as it was when it judged: the grader model, the prompt, the rules. Never edited."""

    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="versions")
    version = models.TextField(db_collation=C)
    settings: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["classifier", "id"]
        constraints = [
            models.UniqueConstraint(fields=["classifier", "version"], name="classifier_version_is_one"),
        ]

    def __str__(self) -> str:
        # A failed classification may not name its grader.
        return f"{self.classifier} {'(version not recorded)' if self.version == 'unknown' else self.version}"


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def overruled(self) -> VerdictQuerySet:
        """Those where the gates overrule the judge: the final verdict is not what the judge model said."""
        return self.filter(final__isnull=False, judge__isnull=False).exclude(final=F("judge"))


class CurrentVerdicts(models.Manager["Verdict"]):
    """Those that count. What they said before is in `Verdict.history`."""

    def get_queryset(self) -> VerdictQuerySet:
        return VerdictQuerySet(self.model, using=self._db).filter(superseded_at=None)


class Verdict(models.Model):
    """One classifier version's answer on one transcript for one outcome. Append-only: a changed answer is a new row.

    `final` is what the classifier's rule made of everything, `judge` what the judge model alone said, `gates`
    which rule gates let it pass. Empty is missing and never "no": an answer that could not be parsed has an error.
    """

    transcript = models.ForeignKey(Transcript, on_delete=models.CASCADE, related_name="verdicts")
    version = models.ForeignKey(ClassifierVersion, on_delete=models.PROTECT, related_name="verdicts")
    outcome = models.TextField(db_collation=C)
    final = models.BooleanField(null=True)
    judge = models.BooleanField(null=True)
    gates: models.JSONField[dict[str, bool]] = models.JSONField(default=dict, blank=True)
    score = models.FloatField(null=True, blank=True)
    explanation = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")
    recorded_at = models.DateTimeField(null=True, blank=True)
    raw: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True, help_text="When another answer took its place.")

    objects = CurrentVerdicts.from_queryset(VerdictQuerySet)()
    history = VerdictQuerySet.as_manager()

    class Meta:
        ordering = ["version_id", "outcome"]
        constraints = [
            models.UniqueConstraint(
                fields=["transcript", "version", "outcome"],
                condition=Q(superseded_at=None),
                name="verdict_is_one_at_a_time",
            ),
            models.CheckConstraint(
                name="verdict_error_is_not_an_answer",
                condition=Q(error="") | Q(final__isnull=True, judge__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["version", "outcome", "final", "transcript"],
                name="verdict_final",
                condition=Q(superseded_at=None),
            ),
            models.Index(
                fields=["version", "transcript"],
                name="verdict_overruled",
                condition=Q(superseded_at=None) & (Q(final=True, judge=False) | Q(final=False, judge=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"verdict of {self.version} on transcript {self.transcript_id}"

    @property
    def overruled(self) -> bool:
        """The gates changed the judge's answer."""
        return self.final is not None and self.judge is not None and self.final != self.judge
