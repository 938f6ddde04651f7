"""A new campaign, with a look at what it would draw from; and what may be changed about a running one."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from labeling.access import managed_campaign, require_manager
from labeling.calibration.plan_form import wish_of
from labeling.calibration.planning import CannotPlan, Wish, targets
from labeling.campaigns.campaign_forms import (
    FIRST_ALLOCATIONS,
    LARGEST_WAVE,
    CampaignForm,
    RunningForm,
    prefilled,
    suggestion,
)
from labeling.campaigns.launch import launch
from labeling.campaigns.population import CannotDraw, filters_of
from labeling.campaigns.preview import Preview, preview
from labeling.models import Campaign, Wave
from transcripts.listing.filters import LABELS
from transcripts.synthetic import ribbon_of_everything

WAITS = "{}: its first wave is drawn, and it is paused. Choose the items of its qualification, then open it."


class Request(HttpRequest):
    htmx: HtmxDetails


@require_http_methods(["GET", "HEAD", "POST"])
def new_campaign(request: Request) -> HttpResponse:
    """The query says which transcripts, in the list's own words; the form says the rest. Asked for by htmx, or by the
    button that counts, it shows what would be drawn from and draws nothing."""
    manager = require_manager(request.user)
    context: dict[str, object] = {"query": request.GET.urlencode(), "synthetic": ribbon_of_everything()}
    try:
        filters = filters_of(request.GET)
    except CannotDraw as problem:
        return render(request, "labeling/new_campaign.html", context | {"problem": str(problem)}, status=400)
    start = suggestion(request.GET.get("evaluation", ""), manager) | prefilled(request.GET)
    form = CampaignForm(request.POST or None, initial=start)
    wish = wish_of(request.GET)
    if wish:
        _offer_plan(form)
    counts = bool(request.htmx) or "count" in request.POST
    if request.method == "POST" and form.is_valid() and not counts:
        made = form.save(commit=False)
        made.filters = filters
        said = form.cleaned_data
        try:
            aims = _aims(made, said["allocation"], wish)
            launch(made, said["participants"], said["size"], manager, said["allocation"], aims)
        except (CannotDraw, CannotPlan) as problem:
            form.add_error("size", str(problem))
        else:
            is_open = made.state == Campaign.State.OPEN
            messages.success(request, f"{made} is open: its first wave is drawn." if is_open else WAITS.format(made))
            return redirect("labeling:campaign", made.pk)
    context |= {
        "form": form,
        "filters": [(LABELS[name], values) for name, values in filters.items()],
        "speaks_of_cells": Campaign(filters=filters).speaks_of_cells,
        "preview": _preview(form, filters, wish) if counts and request.method == "POST" else None,
    }
    template = "labeling/new_campaign.html#preview" if request.htmx else "labeling/new_campaign.html"
    return render(request, template, context, status=422 if form.errors and not counts else 200)


def _offer_plan(form: CampaignForm) -> None:
    """The plan that led here is one more way to share the first wave out, and the one to begin with."""
    field = form.fields["allocation"]
    assert isinstance(field, forms.ChoiceField)
    field.choices = [(Wave.Allocation.PLANNED.value, Wave.Allocation.PLANNED.label), *FIRST_ALLOCATIONS]
    field.initial = Wave.Allocation.PLANNED
    field.help_text = "What the plan asks for says how many; the number below is then its sum, and changes nothing."


def _aims(made: Campaign, allocation: str, wish: Wish | None) -> dict[tuple[int | None, str, str], int] | None:
    return targets(made, wish) if wish and allocation == Wave.Allocation.PLANNED else None


def _preview(form: CampaignForm, filters: dict[str, list[str]], wish: Wish | None) -> Preview | None:
    """By what is filled in so far; None where that does not tell the population yet."""
    form.is_valid()
    said = form.cleaned_data
    if not said.get("evaluation") or not said.get("design") or form.has_error("classifier_version"):
        return None
    campaign = Campaign(
        evaluation=said["evaluation"],
        design=said["design"],
        classifier_version=said.get("classifier_version"),
        filters=filters,
    )
    allocation = said.get("allocation") or Wave.Allocation.NEYMAN
    try:
        aims = _aims(campaign, allocation, wish)
    except CannotPlan as problem:
        return Preview(0, [], str(problem))
    return preview(campaign, said.get("size") or LARGEST_WAVE, allocation, aims)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """How raters are checked and looked after may change after the draw; what is drawn, asked and hidden may not."""
    found = managed_campaign(request.user, pk)
    form = RunningForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved. It holds from the next transcript that somebody opens.")
        return redirect("labeling:campaign", pk)
    name = Campaign.objects.values_list("name", flat=True).get(pk=pk)
    context = {"campaign": found, "name": name, "form": form, "synthetic": found.evaluation.synthetic}
    return render(request, "labeling/edit_campaign.html", context, status=422 if form.errors else 200)
