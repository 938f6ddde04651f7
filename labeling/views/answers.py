"""A rater's own earlier answers in a campaign, to look at and to correct."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labeling.access import joined_campaign, takes_part
from labeling.forms import CursorForm
from labeling.models import Campaign, Expected, Label
from labeling.queue.blind import covered_quote, mask_of
from labeling.queue.pace import progress
from transcripts.listing.keyset import page

ANSWERS_A_PAGE = 50


@dataclass(frozen=True)
class Given:
    """One of the rater's labels, with its evidence as they may read it."""

    label: Label
    quotes: list[str]
    is_final: bool  # an answer of the qualification, which stays as it was given


@never_cache
@require_safe
def answers(request: HttpRequest, pk: int) -> HttpResponse:
    campaign, rater, _ = joined_campaign(request.user, pk)
    form = CursorForm(request.GET)
    # Repetitions too: a list without them would tell which ones they are.
    own = Label.objects.filter(item__campaign=campaign, rater=rater).newest()
    own = own.select_related("item__transcript__cell__model", "item__transcript__prompt", "item__transcript__text")
    own = own.prefetch_related("answers__question", "answers__choice", "evidence")
    final = set(
        Expected.objects.filter(item__campaign=campaign, purpose=Expected.Purpose.QUALIFICATION).values_list(
            "item_id", flat=True
        )
    )
    found = page(own, form.cleaned_data["cursor"] if form.is_valid() else "", ANSWERS_A_PAGE)
    context = {
        "campaign": campaign,
        "page": found,
        "given": [Given(label, _quotes(campaign, label), label.item_id in final) for label in found.rows],
        "progress": progress(campaign, rater),
        "may_correct": campaign.state != Campaign.State.CLOSED and takes_part(rater, campaign),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/answers.html", context)


def _quotes(campaign: Campaign, label: Label) -> list[str]:
    transcript = label.item.transcript
    mask = mask_of(campaign, transcript.cell.model)
    return [covered_quote(row, transcript.text, mask) for row in label.evidence.all()]
