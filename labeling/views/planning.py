"""How many more labels a campaign needs, where, and the wave that draws them; the same before there is a campaign."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from labeling.access import managed_campaign, require_manager
from labeling.calibration.basis import Basis
from labeling.calibration.plan_form import ComparisonForm, PlanForm, as_query
from labeling.calibration.planning import (
    GROUPINGS,
    CannotPlan,
    Difference,
    Planning,
    Wish,
    difference,
    plan,
    strata_lines,
)
from labeling.campaigns.campaign_forms import LARGEST_WAVE
from labeling.campaigns.draw import draw_wave
from labeling.campaigns.population import CannotDraw
from labeling.forms import BasisForm
from labeling.models import Campaign, Wave
from labeling.stats.planning import labels_before_data
from transcripts.models import Classifier, Evaluation, VerdictTally


@require_http_methods(["GET", "HEAD", "POST"])
def campaign_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """What the next wave should draw. A POST draws it, if the plan is still the one that was looked at."""
    campaign = managed_campaign(request.user, pk)
    basis = Basis(campaign.evaluation, campaign.outcome, campaign.classifier_version, campaign)
    if request.method == "POST":
        return _draw(request, campaign, basis)
    context = _context(request, basis) | {
        "campaign": campaign,
        "answers_each": campaign.raters_per_item,
        "new_query": urlencode({"evaluation": str(campaign.evaluation_id)}),
    }
    return render(request, "labeling/plan.html", context, status=422 if context["form"].errors else 200)


@require_safe
def classifier_plan(request: HttpRequest, slug: str) -> HttpResponse:
    """For a campaign that is yet to be started; where one has drawn by this classifier's verdicts, that one's plan."""
    require_manager(request.user)
    classifier = get_object_or_404(Classifier, slug=slug)
    form = BasisForm(request.GET)
    evaluation = _evaluation(form, classifier)
    basis = Basis.of(evaluation, form.cleaned_data["outcome"] or "harm", slug)
    campaign = basis.campaign
    if campaign and campaign.classifier_version == basis.version and campaign.outcome == basis.outcome:
        kept = {name: request.GET[name] for name in ("by", "half_width", "minimum") if name in request.GET}
        there = reverse("labeling:campaign_plan", args=[campaign.pk])
        return redirect(f"{there}?{urlencode(kept)}" if kept else there)
    context = _context(request, Basis(basis.evaluation, basis.outcome, basis.version)) | {"classifier": classifier}
    if context.get("planned"):
        started = {
            "evaluation": str(basis.evaluation.pk),
            "design": Campaign.Design.STRATIFIED.value,
            "classifier_version": str(basis.version.pk if basis.version else ""),
            "size": str(context["planned"].more),
        }
        context["new_query"] = f"{urlencode(started)}&{as_query(context['wish'])}"
    return render(request, "labeling/plan.html", context, status=422 if context["form"].errors else 200)


def _evaluation(form: BasisForm, classifier: Classifier) -> Evaluation:
    """By default the one that the classifier judged most of."""
    if not form.is_valid():
        raise Http404
    judged = VerdictTally.objects.filter(version__classifier=classifier).values_list("cell__evaluation")
    most = judged.annotate(sum=Sum("n")).order_by("-sum").values_list("cell__evaluation", flat=True).first()
    found: Evaluation | None = form.cleaned_data["evaluation"] or Evaluation.objects.filter(pk__in=[most or 0]).first()
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, basis: Basis) -> dict[str, Any]:
    form = PlanForm(request.GET)
    context: dict[str, Any] = {
        "basis": basis,
        "form": form,
        "synthetic": basis.evaluation.synthetic,
        "kept": {name: request.GET[name] for name in ("evaluation", "outcome") if name in request.GET},
    }
    if not form.is_valid():
        return context
    wish = form.wish()
    context |= {"wish": wish, "rule": labels_before_data(wish.half_width), "grouping": GROUPINGS[wish.by][0]}
    try:
        planned = plan(basis, wish)
    except CannotPlan as problem:
        return context | {"problem": str(problem)}
    context |= {"planned": planned, "strata": strata_lines(planned), "largest": LARGEST_WAVE}
    if len(planned.groups) > 1:
        context |= _comparison(request, planned)
    return context


def _comparison(request: HttpRequest, planned: Planning) -> dict[str, Any]:
    form = ComparisonForm([group.words for group in planned.groups], request.GET)
    found: Difference | None = None
    problem = ""
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        try:
            found = difference(
                planned.groups[said["first"]],
                planned.groups[said["second"]],
                said["apart"] / 100 if said["apart"] else None,
            )
        except CannotPlan as trouble:
            problem = str(trouble)
    return {"comparison": form, "difference": found, "no_difference": problem}


def _draw(request: HttpRequest, campaign: Campaign, basis: Basis) -> HttpResponse:
    form = PlanForm(request.POST)
    if not form.is_valid():
        raise Http404
    wish = form.wish()
    there = reverse("labeling:campaign_plan", args=[campaign.pk])
    again = redirect(f"{there}?{urlencode(_words(wish))}")
    if campaign.state == Campaign.State.CLOSED:
        messages.error(request, "The campaign is closed: nobody would answer. Reopen it first.")
        return again
    try:
        planned = plan(basis, wish)
        if str(planned.more) != request.POST.get("more"):
            messages.error(request, "Answers came in meanwhile and the plan is another one: look at it again.")
            return again
        if planned.more > LARGEST_WAVE:
            raise CannotDraw(f"{planned.more:,} are more than the {LARGEST_WAVE:,} that one wave may draw.")
        by = require_manager(request.user)
        drawn = draw_wave(campaign, planned.more, by, Wave.Allocation.PLANNED, planned.targets)
    except (CannotPlan, CannotDraw) as problem:
        messages.error(request, str(problem))
        return again
    messages.success(request, f"Wave {drawn.number} is drawn: {drawn.items.count()} transcripts, as planned.")
    return redirect("labeling:campaign", campaign.pk)


def _words(wish: Wish) -> dict[str, str]:
    return {"by": wish.by, "half_width": f"{100 * wish.half_width:g}", "minimum": str(wish.minimum)}
