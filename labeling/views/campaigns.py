"""Campaigns: the list, a new one, and how one of them stands."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling import standing
from labeling.access import (
    managed_campaign,
    may_adjudicate,
    may_manage,
    require_manager,
    takes_part,
    visible_campaign,
    visible_campaigns,
)
from labeling.assign import progress
from labeling.draw import CannotDraw, draw_wave
from labeling.forms import TRANSITIONS, CampaignForm, CursorForm, ParticipantsForm, StateForm, WaveForm, suggestion
from labeling.guideline import parts
from labeling.launch import launch
from labeling.models import Assignment, Campaign, Resolution
from transcripts.keyset import page
from transcripts.synthetic import ribbon, ribbon_of_everything

CAMPAIGNS_A_PAGE = 50
FLAGS_SHOWN = 20


@require_safe
def campaigns(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User), "the middleware asks strangers to sign in"
    found = _with_progress(visible_campaigns(request.user), request.user)
    form = CursorForm(request.GET)
    shown = page(found, form.cleaned_data["cursor"] if form.is_valid() else "", CAMPAIGNS_A_PAGE)
    context = {
        "page": shown,
        "may_manage": may_manage(request.user),
        "may_adjudicate": may_adjudicate(request.user),
        "synthetic": ribbon(campaign.evaluation for campaign in shown.rows),
    }
    return render(request, "labeling/campaigns.html", context)


def _with_progress(found: QuerySet[Campaign], user: User) -> QuerySet[Campaign]:
    def slots(**only: object) -> Coalesce:
        rows = Assignment.objects.filter(item__campaign=OuterRef("pk"), **only).order_by()
        return Coalesce(
            Subquery(rows.values("item__campaign").annotate(n=Count("pk")).values("n")),
            0,
        )

    return found.annotate(
        slots=slots(),
        submitted=slots(submitted_at__isnull=False),
        own=slots(submitted_at__isnull=False, rater=user),
        takes_part=Count("participants", filter=Q(participants=user)),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new_campaign(request: HttpRequest) -> HttpResponse:
    manager = require_manager(request.user)
    form = CampaignForm(request.POST or None, initial=suggestion(request.GET.get("evaluation", ""), manager))
    if request.method == "POST" and form.is_valid():
        try:
            made = launch(
                form.save(commit=False),
                form.cleaned_data["participants"],
                form.cleaned_data["size"],
                manager,
            )
        except CannotDraw as problem:
            form.add_error("size", str(problem))
        else:
            messages.success(request, f"{made} is open: its first wave is drawn.")
            return redirect("labeling:campaign", made.pk)
    status = 422 if form.errors else 200
    return render(
        request, "labeling/new_campaign.html", {"form": form, "synthetic": ribbon_of_everything()}, status=status
    )


@require_safe
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """For those who run it everything; for its raters its guideline and their own progress."""
    found = visible_campaign(request.user, pk)
    assert isinstance(request.user, User), "the middleware asks strangers to sign in"
    context = {
        "campaign": found,
        "guideline": parts(found.codebook_version.guideline),
        "progress": progress(found, request.user),
        "takes_part": takes_part(request.user, found),
        "may_adjudicate": may_adjudicate(request.user),
        "synthetic": found.evaluation.synthetic,
    }
    if not may_manage(request.user):
        return render(request, "labeling/campaign_for_raters.html", context)
    return _standing(request, managed_campaign(request.user, pk), context)


def _standing(request: HttpRequest, found: Campaign, context: dict[str, object]) -> HttpResponse:
    flags = standing.flags(found)
    unresolved = Resolution.objects.filter(
        item__campaign=found, superseded_at__isnull=True, method=Resolution.Method.UNRESOLVED
    )
    unsettled = unresolved.aggregate(outcomes=Count("pk"), items=Count("item", distinct=True))
    context |= {
        "campaign": found,
        "steps": TRANSITIONS[found.state].items(),
        "strata": standing.strata(found),
        "probabilities": standing.probabilities(found),
        "waves": found.waves.select_related("drawn_by"),
        "raters": standing.raters(found),
        "outcomes": standing.outcomes(found),
        "unresolved": unsettled["outcomes"],
        "disputed": unsettled["items"],
        "response": standing.response(found),
        "flags": flags[:FLAGS_SHOWN],
        "flag_count": flags.count(),
        "wave_form": WaveForm(),
        "participants_form": ParticipantsForm(found),
    }
    return render(request, "labeling/campaign.html", context)


@require_POST
def state(request: HttpRequest, pk: int) -> HttpResponse:
    """Open, pause, close or reopen. The moment is the manager's choice and must not depend on the answers."""
    found = managed_campaign(request.user, pk)
    form = StateForm(found, request.POST)
    if form.is_valid():
        found.state = form.cleaned_data["state"]
        found.save(update_fields=["state"])
        messages.success(request, f"The campaign is {found.state} now.")
    else:
        messages.error(request, f"A campaign that is {found.state} cannot become that.")
    return redirect("labeling:campaign", pk)


@require_POST
def wave(request: HttpRequest, pk: int) -> HttpResponse:
    found = managed_campaign(request.user, pk)
    form = WaveForm(request.POST)
    if form.is_valid():
        try:
            drawn = draw_wave(found, form.cleaned_data["size"], require_manager(request.user))
        except CannotDraw as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, f"Wave {drawn.number} is drawn: {drawn.items.count()} transcripts.")
    else:
        messages.error(request, "A wave has between 1 and 100,000 transcripts.")
    return redirect("labeling:campaign", pk)


@require_POST
def participants(request: HttpRequest, pk: int) -> HttpResponse:
    """Who takes part from now on. Whoever is taken out keeps the answers that they gave."""
    found = managed_campaign(request.user, pk)
    form = ParticipantsForm(found, request.POST)
    if form.is_valid():
        found.participants.set(form.cleaned_data["participants"])
        messages.success(request, "Saved who takes part.")
    else:
        messages.error(request, "Nobody was changed: choose from the list.")
    return redirect("labeling:campaign", pk)
