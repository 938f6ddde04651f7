"""What somebody wishes of a plan, as a form and as the part of a link that says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode

from labeling.calibration.planning import GROUPINGS, Wish
from labeling.stats.sampling import MINIMUM_PER_STRATUM

DEFAULTS = {"by": "model", "half_width": "5", "minimum": str(MINIMUM_PER_STRATUM)}


class PlanForm(forms.Form):
    """Which groups, and how short their intervals are to be. Half-widths are in points here, shares everywhere else."""

    by = forms.ChoiceField(choices=[(key, words) for key, (words, _) in GROUPINGS.items()], label="A rate for each")
    half_width = forms.FloatField(
        min_value=0.5, max_value=50, label="Wished half-width, in points", widget=forms.NumberInput(attrs={"step": 0.5})
    )
    minimum = forms.IntegerField(
        min_value=MINIMUM_PER_STRATUM, max_value=1000, label="At least so many of each stratum"
    )

    def __init__(self, query: Mapping[str, Any]) -> None:
        super().__init__(DEFAULTS | {name: query[name] for name in DEFAULTS if query.get(name)})

    def wish(self) -> Wish:
        found = self.cleaned_data
        return Wish(found["by"], found["half_width"] / 100, found["minimum"])


class ComparisonForm(forms.Form):
    """Two groups of the plan, and optionally the difference that should be told; in points."""

    first = forms.TypedChoiceField(coerce=int, label="Tell")
    second = forms.TypedChoiceField(coerce=int, label="from")
    apart = forms.FloatField(
        required=False,
        min_value=0.5,
        max_value=90,
        label="Difference, in points",
        help_text="Empty: the one that their estimates show.",
        widget=forms.NumberInput(attrs={"step": 0.5}),
    )

    def __init__(self, names: list[str], query: QueryDict) -> None:
        asked = "first" in query
        super().__init__(query if asked else None, initial={"first": 0, "second": 1})
        choices = list(enumerate(names))
        for name in ("first", "second"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("first") is not None and found.get("first") == found.get("second"):
            self.add_error("second", "Choose two different ones.")
        return found


def as_query(wish: Wish) -> str:
    """For the link to a new campaign, which then draws what the plan asks for."""
    return urlencode(
        {"plan": "yes", "by": wish.by, "half_width": f"{100 * wish.half_width:g}", "minimum": str(wish.minimum)}
    )


def wish_of(query: QueryDict) -> Wish | None:
    """The plan that a link brings with it; none where it brings none that can be understood."""
    form = PlanForm(query)
    return form.wish() if query.get("plan") == "yes" and form.is_valid() else None
