"""For staff who repair things. What was said and found stays as it is: these rows can be read, not changed."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from labeling.models import (
    Answer,
    Assignment,
    Calibration,
    Campaign,
    CampaignItem,
    Choice,
    Codebook,
    CodebookVersion,
    Draft,
    Evidence,
    Invitation,
    Label,
    Outcome,
    Participation,
    Question,
    Resolution,
    Skip,
    Stratum,
    Wave,
)


class ReadOnly:
    """Rows that the database itself does not let anybody change."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class AnswerInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Answer
    extra = 0


class EvidenceInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Evidence
    extra = 0


@admin.register(Label)
class LabelAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "item", "rater", "created_at", "seconds"]
    list_select_related = ["item__campaign", "rater"]
    inlines = [AnswerInline, EvidenceInline]


@admin.register(Resolution)
class ResolutionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "item", "outcome", "value", "method", "created_at", "superseded_at"]
    list_filter = ["method"]
    list_select_related = ["item__campaign", "outcome"]


@admin.register(Calibration)
class CalibrationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "classifier_version", "campaign", "outcome", "created_at", "created_by"]
    list_select_related = ["classifier_version__classifier", "campaign", "outcome", "created_by"]


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "name", "evaluation", "state", "design", "created_at"]
    list_filter = ["state", "design"]
    list_select_related = ["evaluation"]
    fields = ["name", "lease_minutes", "contact"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # A campaign begins with its draw.


@admin.register(Assignment)
class AssignmentAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "item", "slot", "rater", "leased_until", "submitted_at"]
    list_select_related = ["item__campaign", "rater"]


@admin.register(CampaignItem)
class CampaignItemAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "campaign", "transcript", "source", "pi", "serve_order"]
    list_filter = ["source"]
    list_select_related = ["campaign", "transcript"]


@admin.register(Wave, Stratum)
class DrawAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """A recorded draw: its probabilities rest on it."""


@admin.register(Draft)
class DraftAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "item", "rater", "saved_at"]
    list_select_related = ["item__campaign", "rater"]
    raw_id_fields = ["item", "rater"]


@admin.register(Skip)
class SkipAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "item", "rater", "reason", "flagged", "created_at"]
    list_filter = ["flagged"]
    list_select_related = ["item__campaign", "rater"]


@admin.register(Codebook)
class CodebookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["slug", "name"]


@admin.register(CodebookVersion, Question, Choice, Outcome)
class GuideAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """A published codebook never changes: labels say which edition they answered."""


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "campaign", "note", "places", "expires_at", "revoked_at", "created_by"]
    list_select_related = ["campaign", "created_by"]
    exclude = ["token_sha256"]


@admin.register(Participation)
class ParticipationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "campaign", "rater", "state", "joined_at", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["campaign", "rater"]
