"""What raters are asked, and which answers count as positive."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

C = "C"


class Codebook(models.Model):
    """A labeling guide through all of its versions."""

    slug = models.SlugField(unique=True)
    name = models.TextField()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class CodebookVersion(models.Model):
    """One edition of a codebook. Once published it never changes: labels say which edition they answered."""

    codebook = models.ForeignKey(Codebook, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    guideline = models.TextField(blank=True, default="", help_text="Markdown, shown beside the questions.")
    changes = models.TextField(blank=True, default="", help_text="What is different from the edition before, and why.")
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["codebook", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["codebook", "number"], name="codebook_version_is_one"),
            models.UniqueConstraint(fields=["codebook"], condition=Q(published_at=None), name="codebook_draft_is_one"),
        ]

    def __str__(self) -> str:
        return f"{self.codebook} {self.number}"


class Question(models.Model):
    """One question of a codebook, about the whole transcript (rates rest on these) or about each action."""

    class Kind(models.TextChoices):
        ONE = "one", "one choice"
        SEVERAL = "several", "several choices"
        SCALE = "scale", "ordered scale"
        NUMBER = "number", "number"
        TEXT = "text", "text"

    class Unit(models.TextChoices):
        TRANSCRIPT = "transcript"
        ACTION = "action"

    version = models.ForeignKey(CodebookVersion, on_delete=models.CASCADE, related_name="questions")
    ordinal = models.PositiveSmallIntegerField()
    key = models.SlugField()
    text = models.TextField()
    help = models.TextField(blank=True, default="", help_text="The guideline for this question, with examples.")
    kind = models.TextField(choices=Kind.choices, default=Kind.ONE)
    unit = models.TextField(choices=Unit.choices, default=Unit.TRANSCRIPT)
    required = models.BooleanField(default=True)
    # Asked only where another question's answer is among these choices (empty: always).
    asked_after: models.ManyToManyField[Choice, Any] = models.ManyToManyField(
        "Choice", blank=True, related_name="leads_to"
    )

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="question_key_is_one"),
            models.UniqueConstraint(fields=["version", "ordinal"], name="question_ordinal_is_one"),
            models.CheckConstraint(
                name="question_kind_is_known",
                condition=Q(kind__in=["one", "several", "scale", "number", "text"]),
            ),
            models.CheckConstraint(name="question_unit_is_known", condition=Q(unit__in=["transcript", "action"])),
        ]

    def __str__(self) -> str:
        return self.text

    @cached_property
    def by_key(self) -> dict[str, Choice]:
        """Its choices, in their order."""
        return {choice.key: choice for choice in self.choices.all()}

    @cached_property
    def waits_for(self) -> frozenset[int]:
        """The choices after which it is asked; none: always."""
        return frozenset(choice.pk for choice in self.asked_after.all())


class Choice(models.Model):
    """One answer to a question. A choice such as "unsure" counts as missing, never as a no."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="choices")
    ordinal = models.PositiveSmallIntegerField()
    key = models.SlugField()
    text = models.TextField()
    help = models.TextField(blank=True, default="")
    is_missing = models.BooleanField(default=False)
    needs_evidence = models.BooleanField(default=False, help_text="Must be backed by at least one evidence span.")

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["question", "key"], name="choice_key_is_one"),
            models.UniqueConstraint(fields=["question", "ordinal"], name="choice_ordinal_is_one"),
        ]

    def __str__(self) -> str:
        return self.text


class Outcome(models.Model):
    """What a rate counts: which choices of one question are positive, per scenario.

    It is applied to each rater's answer before answers are resolved.
    """

    version = models.ForeignKey(CodebookVersion, on_delete=models.CASCADE, related_name="outcomes")
    ordinal = models.PositiveSmallIntegerField()
    key = models.SlugField()
    name = models.TextField()
    description = models.TextField(blank=True, default="")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="outcomes")

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="outcome_key_is_one")]

    def __str__(self) -> str:
        return self.name

    def positive_choices(self, scenario: str) -> set[int]:
        """Ids of the choices that count as positive in this scenario."""
        return {row.choice_id for row in self.positives.all() if row.scenario in ("", scenario)}


class OutcomeChoice(models.Model):
    """A choice that counts as positive for an outcome, in one scenario or ("") in all."""

    outcome = models.ForeignKey(Outcome, on_delete=models.CASCADE, related_name="positives")
    choice = models.ForeignKey(Choice, on_delete=models.CASCADE, related_name="+")
    scenario = models.TextField(blank=True, default="", db_collation=C)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["outcome", "choice", "scenario"], name="outcome_choice_is_one"),
        ]

    def __str__(self) -> str:
        return f"{self.choice} in {self.scenario or 'every scenario'}"
