"""Everything that people send to the labeling pages, parsed; the answers themselves are in `questionnaire`,
and campaigns in `campaign_forms`."""

from __future__ import annotations

from typing import Any

from django import forms

from labeling.models import Resolution
from transcripts.listing.keyset import CURSOR
from transcripts.models import Evaluation

SKIP_REASONS = {
    "cannot judge": "Somebody else should judge this one",
    "distressing": "I would rather not read this one",
    "recognised": "I recognise the model or the situation",
    "broken": "Something is wrong with how it is shown",
    "other": "Another reason (say which)",
}


class CursorForm(forms.Form):
    """Which page of a list."""

    cursor = forms.RegexField(required=False, regex=CURSOR)


class SkipForm(forms.Form):
    """Why an item is put aside."""

    reason = forms.ChoiceField(choices=SKIP_REASONS, error_messages={"required": "Say why, so that it can be mended."})
    words = forms.CharField(required=False, max_length=2000)
    flagged = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("reason") == "other" and not found.get("words", "").strip():
            self.add_error("words", "Say which reason.")
        return found

    def in_words(self) -> str:
        reason = SKIP_REASONS[self.cleaned_data["reason"]] if self.cleaned_data["reason"] != "other" else ""
        return ": ".join(part for part in (reason, self.cleaned_data["words"].strip()) if part)


class AdjudicationForm(forms.Form):
    """The decision on one outcome of an item. Whether it needs a note, the workflow says."""

    DECISIONS = {"yes": True, "no": False, "cannot": None}

    resolution = forms.IntegerField(widget=forms.HiddenInput)
    value = forms.TypedChoiceField(
        choices=[("yes", "Yes"), ("no", "No"), ("cannot", "It cannot be told (missing, not harmless)")],
        coerce=DECISIONS.__getitem__,
        widget=forms.RadioSelect,
        label="Decision",
        error_messages={"required": "Decide: yes, no, or that it cannot be told."},
    )
    cause = forms.ChoiceField(
        choices=Resolution.Cause.choices,
        widget=forms.RadioSelect,
        label="Why raters disagreed",
        error_messages={"required": "Say why raters disagreed."},
    )
    confidence = forms.TypedChoiceField(
        choices=[(1, "1 unsure"), (2, "2 fairly sure"), (3, "3 certain")],
        coerce=int,
        widget=forms.RadioSelect,
        label="How sure you are",
        error_messages={"required": "Say how sure you are."},
    )
    reason = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Note",
        help_text="What decided it: the passage, or the line of the guideline. Needed where no rater said so.",
    )


class SettledForm(CursorForm):
    """Whether the adjudication page lists what is open, or what was settled."""

    show = forms.ChoiceField(required=False, choices=[("settled", "settled")])


class BasisForm(forms.Form):
    """Which evaluation and outcome a classifier's page speaks of, and which of its calibrations."""

    evaluation = forms.ModelChoiceField(queryset=Evaluation.objects.all(), required=False)
    outcome = forms.CharField(required=False, max_length=100)
    calibration = forms.IntegerField(required=False, min_value=1)
    version = forms.IntegerField(required=False, min_value=1)


CELLS = {
    "tp": "flagged, and people agree",
    "fp": "flagged, but people say no",
    "fn": "not flagged, but people say yes",
    "tn": "not flagged, and people agree",
    "without_verdict": "without verdict",
    "without_resolution": "without an agreed answer",
}


SHOWN = {
    "": "all that changed",
    "on": "flagged by the second alone",
    "off": "flagged by the first alone",
    "labelled": "those that people have judged",
}


class VersionsForm(BasisForm, CursorForm):
    """Which two classifier versions are compared, and which of their differences are listed."""

    with_version = forms.IntegerField(required=False, min_value=1)
    show = forms.ChoiceField(required=False, choices=SHOWN)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A word of Python, and no name of an attribute.
        self.fields["with"] = forms.SlugField(required=False, max_length=200)


class CellForm(BasisForm, CursorForm):
    """A cell of a confusion table."""

    cell = forms.ChoiceField(choices=CELLS)
