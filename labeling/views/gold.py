"""Items whose answer is known: choosing them, saying what is right, and telling raters after the qualification."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from labeling.access import assignment_of, joined_campaign, managed_campaign, require_manager
from labeling.campaigns.campaign_forms import GoldForm
from labeling.campaigns.choose import add_gold, retire_gold
from labeling.campaigns.gold import agreed_answers, gold_lines, marked, settled
from labeling.campaigns.population import CannotDraw, chosen_by
from labeling.codebooks.codebook import questions_of
from labeling.models import Campaign, Expected, Label, Participation
from transcripts.models import Transcript
from transcripts.models.transcripts import TranscriptQuerySet

CANDIDATES_SHOWN = 50


@require_safe
def gold(request: HttpRequest, pk: int) -> HttpResponse:
    """The campaign's items with known answers, and transcripts that could become some: those that the query chooses
    in the list's own words, else those on which its raters or an adjudicator agreed."""
    found = managed_campaign(request.user, pk)
    problem = ""
    try:
        candidates = _candidates(request, found)
    except CannotDraw as cannot:
        candidates, problem = Transcript.objects.none(), str(cannot)
    context = {
        "campaign": found,
        "lines": gold_lines(found),
        "candidates": candidates.select_related("cell__model", "cell__condition")[:CANDIDATES_SHOWN],
        "count": candidates.count(),
        "chosen": bool(request.GET),
        "problem": problem,
        "synthetic": found.evaluation.synthetic,
    }
    return render(request, "labeling/gold.html", context, status=400 if problem else 200)


def _candidates(request: HttpRequest, campaign: Campaign) -> QuerySet[Transcript]:
    inside: TranscriptQuerySet = Transcript.objects.judgeable().filter(cell__evaluation=campaign.evaluation)
    known = Expected.objects.filter(item__campaign=campaign)
    inside = inside.exclude(pk__in=known.values("item__transcript"))
    if request.GET:
        return chosen_by(request.GET).transcripts(inside).order_by("-pk")
    return inside.filter(pk__in=settled(campaign).values("transcript")).order_by("-pk")


@require_http_methods(["GET", "HEAD", "POST"])
def gold_item(request: HttpRequest, pk: int, transcript: int) -> HttpResponse:
    """What the right answers to one transcript are; or that it is given to nobody any more."""
    found = managed_campaign(request.user, pk)
    inside = Transcript.objects.judgeable().filter(cell__evaluation=found.evaluation)
    about = get_object_or_404(inside.select_related("cell__model", "cell__condition"), pk=transcript)
    expected = Expected.objects.filter(item__campaign=found, item__transcript=about).first()
    if request.method == "POST" and "retire" in request.POST and expected is not None:
        retire_gold(expected)
        messages.success(request, f"Transcript {about.pk} is no item with a known answer any more.")
        return redirect("labeling:gold", pk)
    form = GoldForm(
        questions_of(found.codebook_version_id),
        request.POST or None,
        initial=_initial(found, about, expected),
    )
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        add_gold(found, about, said["purpose"], said["answers"], said["why"], require_manager(request.user))
        messages.success(request, f"Saved what is right about transcript {about.pk}.")
        return redirect("labeling:gold", pk)
    context = {
        "campaign": found,
        "transcript": about,
        "expected": expected,
        "form": form,
        "synthetic": found.evaluation.synthetic,
    }
    return render(request, "labeling/gold_item.html", context, status=422 if form.errors else 200)


def _initial(campaign: Campaign, transcript: Transcript, expected: Expected | None) -> dict[str, object]:
    answers = expected.answers if expected else agreed_answers(campaign, transcript.pk)
    about = {"purpose": expected.purpose, "why": expected.why} if expected else {"purpose": Expected.Purpose.GOLD}
    return {**about, **{f"q-{key}": keys for key, keys in answers.items()}}


@never_cache
@require_safe
def feedback(request: HttpRequest, pk: int, slot: int) -> HttpResponse:
    """What was right and what was not in a qualification item that the rater has answered, and why."""
    campaign, rater, part = joined_campaign(request.user, pk)
    answered = assignment_of(campaign, slot)
    expected = Expected.objects.filter(item=answered.item, purpose=Expected.Purpose.QUALIFICATION).first()
    label = Label.objects.filter(assignment=answered, rater=rater).order_by("-pk").first()
    if expected is None or label is None:
        raise Http404
    context = {
        "campaign": campaign,
        "part": part,
        "marks": marked(label, expected, questions_of(campaign.codebook_version_id)),
        "why": expected.why,
        "is_over": part is not None and part.state == Participation.State.SCREENED_OUT,
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/feedback.html", context)
