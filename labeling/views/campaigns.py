"""Campaigns: the list, a new one, and how one of them stands."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling.access import (
    adjudicated_item,
    managed_campaign,
    managed_part,
    may_adjudicate,
    may_manage,
    page_of,
    part_of_crowd,
    require_manager,
    takes_part,
    visible_campaign,
    visible_campaigns,
)
from labeling.campaigns import standing
from labeling.campaigns.campaign_forms import TRANSITIONS, ParticipantsForm, ReasonForm, StateForm, WaveForm
from labeling.campaigns.choose import CannotChoose, ask_another
from labeling.campaigns.draw import draw_wave
from labeling.campaigns.population import CannotDraw
from labeling.campaigns.screen import exclude as exclude_rater
from labeling.campaigns.screen import readmit as readmit_rater
from labeling.codebooks.guideline import parts
from labeling.forms import CursorForm
from labeling.models import Assignment, Campaign, LabelImport, Participation, Resolution
from labeling.panel.guesses import guesses
from labeling.queue.assign import give_back
from labeling.queue.pace import progress
from transcripts.listing.filters import LABELS
from transcripts.listing.keyset import page
from transcripts.synthetic import ribbon

CAMPAIGNS_A_PAGE = 50
FLAGS_SHOWN = 20


@require_safe
def campaigns(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User), "the middleware asks strangers to sign in"
    if part := part_of_crowd(request.user):
        return redirect(page_of(part), part.campaign_id)
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
        rows = Assignment.objects.filter(campaign=OuterRef("pk"), **only).order_by()
        return Coalesce(
            Subquery(rows.values("campaign").annotate(n=Count("pk")).values("n")),
            0,
        )

    drawn = {"purpose": Assignment.Purpose.PANEL, "voided_at": None, "item__expected": None}
    return found.annotate(
        slots=slots(**drawn),
        submitted=slots(submitted_at__isnull=False, **drawn),
        own=slots(submitted_at__isnull=False, rater=user),
        takes_part=Count("participants", filter=Q(participants=user)),
        is_imported=Exists(LabelImport.objects.filter(campaign=OuterRef("pk"))),
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
        "filters": [(LABELS.get(name, name), values) for name, values in found.filters.items() if values],
        "hidden": [Campaign.Hidden(name).label for name in found.hides],
        "steps": TRANSITIONS[found.state].items(),
        "strata": standing.strata(found),
        "probabilities": standing.probabilities(found),
        "answers": standing.answers(found),
        "gold": standing.gold(found),
        "waves": found.waves.select_related("drawn_by"),
        "raters": standing.raters(found),
        "outcomes": standing.outcomes(found),
        "unresolved": unsettled["outcomes"],
        "disputed": unsettled["items"],
        "response": standing.response(found),
        "guesses": guesses(found),
        "sees_verdict": Campaign.Hidden.VERDICT not in found.hides,
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
            by = require_manager(request.user)
            drawn = draw_wave(found, form.cleaned_data["size"], by, form.cleaned_data["allocation"])
        except CannotDraw as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, f"Wave {drawn.number} is drawn: {drawn.items.count()} transcripts.")
    else:
        messages.error(request, "A wave has between 1 and 100,000 transcripts.")
    return redirect("labeling:campaign", pk)


@require_POST
def participants(request: HttpRequest, pk: int) -> HttpResponse:
    """Who takes part from now on. Whoever is taken out keeps the answers that they gave; parts that have ended, and
    those of people who came through an invitation, stay as they are."""
    found = managed_campaign(request.user, pk)
    form = ParticipantsForm(found, request.POST)
    if form.is_valid():
        wanted = form.cleaned_data["participants"]
        own = found.participations.filter(invitation=None, state=Participation.State.ACTIVE)
        gone = own.exclude(rater__in=wanted)
        for part in gone.select_related("rater"):
            give_back(found, part.rater)
        gone.delete()
        found.participants.add(*wanted)
        messages.success(request, "Saved who takes part.")
    else:
        messages.error(request, "Nobody was changed: choose from the list.")
    return redirect("labeling:campaign", pk)


@require_POST
def exclude(request: HttpRequest, pk: int, part: int) -> HttpResponse:
    """Take a rater out by hand: their answers stay and count no more."""
    found = managed_campaign(request.user, pk)
    excluded = managed_part(found, part)
    form = ReasonForm(request.POST)
    if excluded.state == Participation.State.EXCLUDED:
        messages.error(request, "They are excluded already.")
    elif form.is_valid():
        exclude_rater(excluded, form.cleaned_data["reason"])
        messages.success(request, f"{excluded.rater} is excluded: others answer in their place.")
    else:
        messages.error(request, "Say why: the reason is kept with the exclusion.")
    return redirect(reverse("labeling:campaign", args=[pk]) + "#raters")


@require_POST
def readmit(request: HttpRequest, pk: int, part: int) -> HttpResponse:
    found = managed_campaign(request.user, pk)
    excluded = managed_part(found, part)
    if excluded.state == Participation.State.EXCLUDED:
        readmit_rater(excluded)
        messages.success(request, f"{excluded.rater} takes part again, and their answers count.")
    else:
        messages.error(request, "They are not excluded.")
    return redirect(reverse("labeling:campaign", args=[pk]) + "#raters")


@require_POST
def another(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    """One rater more for an item that somebody flagged or disputes."""
    found = managed_campaign(request.user, pk)
    asked = adjudicated_item(found, item)
    try:
        ask_another(asked)
    except CannotChoose as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"Transcript {asked.transcript_id} goes to one rater more.")
    return redirect(reverse("labeling:campaign", args=[pk]) + "#flags")
