"""Items on which raters found no majority: their answers side by side, without names, and a decision."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Abs
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from labeling.access import adjudicated_campaign, adjudicated_item
from labeling.codebooks.guideline import parts
from labeling.forms import AdjudicationForm, SettledForm
from labeling.models import Campaign, CampaignItem, Resolution
from labeling.panel.adjudicate import SETTLABLE, AlreadySettled, NeedsNote, adjudicate
from labeling.panel.votes import Votes, votes
from labeling.queue.blind import mask_of, sheet_of
from transcripts.listing.keyset import page
from transcripts.models import Transcript

METHOD = Resolution.Method
DISPUTES_SHOWN = 25


@dataclass(frozen=True)
class Dispute:
    """An item with its outcomes that are open (or were decided), and what its raters answered."""

    item: int
    resolutions: list[Resolution]
    votes: Votes


@dataclass(frozen=True)
class Decision:
    """One outcome of an item: how it stands, what was decided before (newest first), and the form to decide it."""

    resolution: Resolution
    earlier: list[Resolution]
    form: AdjudicationForm


@never_cache
@require_safe
def adjudication(request: HttpRequest, pk: int) -> HttpResponse:
    """The most disputed first, the next ones come up as these are settled; or what was settled, newest first."""
    campaign, _ = adjudicated_campaign(request.user, pk)
    form = SettledForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    unresolved = _current(campaign).filter(method=METHOD.UNRESOLVED)
    decided = _current(campaign).filter(method=METHOD.ADJUDICATED)
    context = {
        "campaign": campaign,
        "count": unresolved.aggregate(n=Count("item", distinct=True))["n"],
        "settled_count": decided.count(),
        "shows_settled": asked.get("show") == "settled",
        "synthetic": campaign.evaluation.synthetic,
    }
    if asked.get("show") == "settled":
        found = page(decided.select_related("resolved_by"), asked["cursor"], DISPUTES_SHOWN)
        context |= {"page": found}
    else:
        disputed = unresolved.order_by(Abs(F("positive") - F("negative")), "missing", "item")
        shown = list(dict.fromkeys(disputed.values_list("item", flat=True)))[:DISPUTES_SHOWN]
        context |= {"disputes": _disputes(campaign, shown, unresolved)}
    return render(request, "labeling/adjudication.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def dispute(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    """One item, with the transcript as raters saw it and their evidence in it."""
    campaign, adjudicator = adjudicated_campaign(request.user, pk)
    found = adjudicated_item(campaign, item)
    form = AdjudicationForm(request.POST) if request.method == "POST" else None
    if form is not None and form.is_valid() and _decide(request, found, form, adjudicator):
        more = _current(campaign).filter(item=found, method=METHOD.UNRESOLVED).exists()
        return redirect("labeling:dispute", pk, item) if more else redirect("labeling:adjudication", pk)
    transcript = Transcript.objects.select_related("cell__condition", "cell__model", "prompt", "text").get(
        pk=found.transcript_id
    )
    settlable = _current(campaign).filter(item=found, method__in=SETTLABLE)
    shown = _disputes(campaign, [found.pk], settlable)[0]
    context = {
        "campaign": campaign,
        "dispute": shown,
        "decisions": [_decision(row, form) for row in shown.resolutions],
        "sheet": sheet_of(transcript, mask_of(campaign, transcript.cell.model), shown.votes.marks(transcript)),
        "guideline": parts(campaign.codebook_version.guideline),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/dispute.html", context, status=200 if form is None else 422)


def _decide(request: HttpRequest, found: CampaignItem, form: AdjudicationForm, by: User) -> bool:
    """Whether the decision stands, or another one that came before it; else the form says what it lacks."""
    said = form.cleaned_data
    chosen = Resolution.objects.filter(pk=said["resolution"], item=found).select_related("outcome").first()
    if chosen is None:
        raise Http404
    try:
        adjudicate(chosen, said["value"], said["reason"], by, cause=said["cause"], confidence=said["confidence"])
    except NeedsNote as problem:
        form.add_error("reason", str(problem))
        return False
    except AlreadySettled as settled:
        messages.warning(request, str(settled))
    else:
        messages.success(request, f"Settled: {chosen.outcome}.")
    return True


def _decision(row: Resolution, sent: AdjudicationForm | None) -> Decision:
    earlier = Resolution.objects.filter(item=row.item_id, outcome=row.outcome_id, superseded_at__isnull=False)
    if sent is not None and sent["resolution"].value() == str(row.pk):
        form = sent
    else:
        form = AdjudicationForm(initial={"resolution": row.pk}, auto_id=f"id_%s_{row.pk}")
    return Decision(row, list(earlier.select_related("resolved_by").order_by("-pk")), form)


def _current(campaign: Campaign) -> QuerySet[Resolution]:
    rows = Resolution.objects.filter(item__campaign=campaign, superseded_at__isnull=True)
    return rows.select_related("outcome")


def _disputes(campaign: Campaign, items: list[int], resolutions: QuerySet[Resolution]) -> list[Dispute]:
    answers = votes(campaign, items)
    by_item: dict[int, list[Resolution]] = {pk: [] for pk in items}
    for row in resolutions.filter(item__in=items).select_related("resolved_by").order_by("outcome__ordinal"):
        by_item[row.item_id].append(row)
    return [Dispute(pk, by_item[pk], answers[pk]) for pk in items]
