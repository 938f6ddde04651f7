"""What is done for the sake of raters: their own wishes, and the notes that stand before a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from labeling.access import rated_slot, require_manager, require_rater, visible_campaigns
from labeling.forms import SKIP_REASONS
from labeling.models import Assignment, Campaign, ContentNote
from labeling.queue.care import Opening, care_of, exposures, shown
from labeling.queue.decline import set_care
from labeling.views.crowd import at_their_place
from transcripts.models import Condition


class NotesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Kinds of content, with the words that stand before such a text."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return format_html("<b>{}.</b> {}", obj.name, obj.words)


class CareForm(forms.Form):
    """A rater's own wishes."""

    declined = NotesField(
        queryset=ContentNote.objects.all(),
        required=False,
        label="I would rather not read texts with",
        help_text="You are given none of these. What you have in hand of them goes to others.",
    )
    reveals_at_once = forms.BooleanField(
        required=False,
        label="Open texts at once",
        help_text="The notes still stand above a text, but it is not covered first.",
    )
    break_after_minutes = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=600,
        label="Remind me of a break after how many minutes",
        help_text="0: never. Empty: as the campaign says.",
    )


class ContentNoteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A kind of content. Its scenarios are those that the transcripts know, and those that it had before."""

    class Meta:
        model = ContentNote
        fields = ["name", "words", "scenarios"]
        field_classes = {"name": forms.CharField}
        widgets = {"name": forms.TextInput, "words": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "words": "Shown before such a text opens. They must not tell how a transcript ends, nor name a condition: "
            "raters are blind."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {*Condition.objects.values_list("scenario", flat=True), *self.instance.scenarios} - {""}
        self.fields["scenarios"] = forms.MultipleChoiceField(
            choices=[(name, name) for name in sorted(known)],
            widget=forms.CheckboxSelectMultiple,
            label="Scenarios in which it occurs",
        )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        self.instance.slug = self.instance.slug or slugify(name)[:50]
        if not self.instance.slug:
            raise forms.ValidationError("The name needs at least one letter or digit.")
        if ContentNote.objects.filter(slug=self.instance.slug).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("There is a note of this name.")
        return name


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def care(request: HttpRequest) -> HttpResponse:
    rater = require_rater(request.user)
    kept = care_of(rater)
    form = CareForm(
        request.POST or None,
        initial={
            "declined": kept.declined.all() if kept.pk else [],
            "reveals_at_once": kept.reveals_at_once,
            "break_after_minutes": kept.break_after_minutes,
        },
    )
    if request.method == "POST":
        form = CareForm(request.POST)
        if form.is_valid():
            set_care(
                rater,
                form.cleaned_data["declined"],
                reveals_at_once=form.cleaned_data["reveals_at_once"],
                minutes=form.cleaned_data["break_after_minutes"],
            )
            messages.success(request, "Saved. It holds from the next text on.")
            return redirect("labeling:care")
    own = visible_campaigns(rater).filter(participants=rater)
    total, by_note = exposures(rater)
    context = {
        "form": form,
        "total": total,
        "by_note": by_note,
        "contacts": own.exclude(contact="").exclude(state=Campaign.State.CLOSED).order_by("name"),
    }
    return render(request, "labeling/care.html", context, status=422 if form.errors else 200)


@at_their_place
@never_cache
@require_POST
def reveal(request: HttpRequest, pk: int, slot: int) -> HttpResponse:
    """Take the cover from a text: the rater asked for it."""
    _, rater, held = rated_slot(request.user, pk, slot)
    if not held.is_held_by(rater.pk):
        raise Http404
    shown(held.item, rater)
    return redirect("labeling:assignment", pk, slot)


def cover(
    request: HttpRequest, slot: Assignment, opens: Opening, problems: Mapping[str, str], last: Assignment | None
) -> HttpResponse:
    """In the place of a text that is not opened yet: its notes, and the choice to see it or to put it aside; and to
    correct the last one, as on any page that follows it."""
    campaign = slot.item.campaign
    context = {
        "campaign": campaign,
        "slot": slot,
        "opening": opens,
        "problems": problems,
        "reasons": SKIP_REASONS,
        "last": last,
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/cover.html", context, status=422 if problems else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def content_notes(request: HttpRequest) -> HttpResponse:
    """All kinds of content that stand before a text; a POST adds one."""
    require_manager(request.user)
    form = ContentNoteForm(request.POST or None)
    if request.method == "POST":
        form = ContentNoteForm(request.POST)
        if form.is_valid():
            messages.success(request, f"Added: {form.save().name}.")
            return redirect("labeling:content_notes")
    context = {"notes": ContentNote.objects.all(), "form": form}
    return render(request, "labeling/content_notes.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def content_note(request: HttpRequest, slug: str) -> HttpResponse:
    """Change one, or delete it with the button of that name."""
    require_manager(request.user)
    note = ContentNote.objects.filter(slug=slug).first()
    if note is None:
        raise Http404
    form = ContentNoteForm(instance=note)
    if request.method == "POST":
        if "delete" in request.POST:
            note.delete()
            messages.success(request, f"Deleted: {note.name}. Texts open without it from now on.")
            return redirect("labeling:content_notes")
        form = ContentNoteForm(request.POST, instance=note)
        if form.is_valid():
            form.save()
            messages.success(request, f"Saved: {note.name}.")
            return redirect("labeling:content_notes")
    context = {"note": note, "form": form}
    return render(request, "labeling/content_note.html", context, status=422 if form.errors else 200)
