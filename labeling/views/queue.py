"""The blind queue: one transcript after the other, with the questions beside it.

Nothing here may tell a rater the verdict, the model, the condition, or what others said, unless the campaign says
that it need not be hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.access import rated_campaign, rated_slot
from labeling.campaigns.gold import is_qualification
from labeling.codebooks.codebook import guideline_of, questions_of
from labeling.codebooks.guideline import parts
from labeling.crowd.join import next_slot
from labeling.forms import SKIP_REASONS, SkipForm
from labeling.models import Assignment, Campaign, Care, Draft, Participation
from labeling.queue.answer import Refused, submission_of, submit
from labeling.queue.assign import put_aside, renew, save_draft
from labeling.queue.blind import evidence_of, mask_of, sheet_of
from labeling.queue.care import care_of, opening, shown
from labeling.queue.pace import progress_of
from labeling.queue.questionnaire import (
    LONGEST_SITTING,
    Content,
    new_stamp,
    remembered,
    saves,
    sent,
    shown_questions,
    stamp_of,
)
from labeling.queue.told import told
from labeling.views.care import cover
from labeling.views.crowd import at_their_place
from transcripts.models import Transcript

LOST = "The time for this transcript ran out, and somebody else has it now. What you typed is kept as a draft."

NEWER = "A newer draft or answer of yours exists: reload the page to see it. What stands here was not saved."


@dataclass(frozen=True)
class Sitting:
    """A rater at one slot of a campaign, theirs or (after the lease ran out) somebody else's by now."""

    request: HttpRequest
    campaign: Campaign
    rater: User
    part: Participation | None
    slot: Assignment

    @property
    def is_mine(self) -> bool:
        return self.slot.is_held_by(self.rater.pk)

    @property
    def wants_json(self) -> bool:
        return "application/json" in self.request.headers.get("Accept", "")


def _sitting(request: HttpRequest, pk: int, slot: int) -> Sitting:
    opened, rater, held = rated_slot(request.user, pk, slot)
    return Sitting(request, opened.campaign, rater, opened.part, held)


@at_their_place
@never_cache
@require_safe
def queue(request: HttpRequest, pk: int) -> HttpResponse:
    """The rater's next transcript: what they have in hand, else a new one."""
    opened, rater = rated_campaign(request.user, pk)
    campaign = opened.campaign
    slot = next_slot(campaign, rater, opened.part, care := care_of(rater))
    if slot is not None:
        return _show(Sitting(request, campaign, rater, opened.part, slot), care=care)
    context = {
        "campaign": campaign,
        "progress": progress_of(campaign, rater, opened.part),
        "last": _last(request, campaign, rater),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/rest.html", context)


@at_their_place
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def assignment(request: HttpRequest, pk: int, slot: int) -> HttpResponse:
    """One transcript in hand, or one's own earlier answers to correct. A POST submits."""
    sitting = _sitting(request, pk, slot)
    if request.method != "POST":
        if not sitting.is_mine:
            raise Http404
        if sitting.slot.submitted_at and is_qualification(sitting.slot.item):
            return redirect("labeling:feedback", pk, slot)
        return _show(sitting)
    content, problems = _sent(request)
    if not sitting.is_mine:
        return _lost(sitting, content)
    if not problems:
        try:
            submit(sitting.slot, submission_of(_timed(content, sitting)), revision=_revision(request))
        except Refused as refused:
            problems = refused.problems
            if not _keep(sitting, content, submitting=True):
                problems[""] = " ".join([problems.get("", ""), NEWER]).strip()
    if problems:
        return _show(sitting, content, problems)
    after = f"{reverse('labeling:queue', args=[pk])}?after={slot}"
    if is_qualification(sitting.slot.item):
        after = reverse("labeling:feedback", args=[pk, slot])
    return JsonResponse({"next": after}) if sitting.wants_json else redirect(after)


@at_their_place
@never_cache
@require_POST
def draft(request: HttpRequest, pk: int, slot: int) -> HttpResponse:
    """Keep what is typed so far; asked for by the page as one types, and by the buttons that mark evidence."""
    sitting = _sitting(request, pk, slot)
    content, problems = _sent(request)
    if not sitting.is_mine:
        return _lost(sitting, content)
    if problems:
        if sitting.wants_json:
            return JsonResponse({"problem": " ".join(problems.values())}, status=422)
        return _show(sitting, content, problems)
    if not _keep(sitting, content):
        if sitting.wants_json:
            return JsonResponse({"problem": NEWER}, status=409)
        return _show(sitting, content, {"": NEWER}, status=409)
    if sitting.wants_json:
        return JsonResponse({"saved": f"{timezone.localtime():%H:%M:%S}"})
    place = "#evidence" if {"mark", "unmark"} & set(request.POST) else ""
    return redirect(reverse("labeling:assignment", args=[pk, slot]) + place)


@at_their_place
@never_cache
@require_POST
def renewal(request: HttpRequest, pk: int, slot: int) -> HttpResponse:
    """The page's sign of life, by which the lease goes on."""
    sitting = _sitting(request, pk, slot)
    if sitting.is_mine and (sitting.slot.submitted_at is not None or renew(sitting.slot)):
        return JsonResponse({})
    return JsonResponse({"problem": LOST}, status=409)


@at_their_place
@never_cache
@require_POST
def skip(request: HttpRequest, pk: int, slot: int) -> HttpResponse:
    """Put the transcript aside with a reason; what was typed stays for when it comes back."""
    sitting = _sitting(request, pk, slot)
    content, problems = _sent(request)
    if not sitting.is_mine:
        return _lost(sitting, content)
    if sitting.slot.submitted_at is not None:
        raise Http404
    form = SkipForm(request.POST)
    if not form.is_valid():
        problems[""] = " ".join(str(error) for errors in form.errors.values() for error in errors)
    if problems:
        return _show(sitting, content, problems)
    if "covered" not in request.POST:  # what was not opened has no answers
        _keep(sitting, content)
    put_aside(sitting.slot, form.in_words(), flagged=form.cleaned_data["flagged"])
    messages.success(request, "Put aside. It comes back after the others.")
    after = reverse("labeling:queue", args=[pk])
    return JsonResponse({"next": after}) if sitting.wants_json else redirect(after)


@transaction.atomic
def _keep(sitting: Sitting, content: Content, *, submitting: bool = False) -> bool:
    """Save the draft, unless another page saved or submitted since this one was opened: then nothing is changed."""
    slot = Assignment.objects.select_for_update(of=("self",)).get(pk=sitting.slot.pk)
    stored = Draft.objects.filter(item=slot.item_id, rater=sitting.rater).first()
    (page, count), (last_page, last_count) = saves(content["stamp"]), saves(stamp_of(stored))
    own = page != "" and page == last_page
    held = slot.rater_id == sitting.rater.pk
    if held and not submitting and str(slot.labels.count()) != sitting.request.POST.get("revision", "0"):
        return False
    if stored is not None and not own and sitting.request.POST.get("based_on", "") != stamp_of(stored):
        return False
    if own and count < last_count:
        return True  # a save of the same page that was overtaken by its next one
    if held:
        save_draft(sitting.slot, content)
    else:
        Draft.objects.update_or_create(item=slot.item, rater=sitting.rater, defaults={"content": content})
    return True


def _show(
    sitting: Sitting,
    content: Content | None = None,
    problems: Mapping[str, str] | None = None,
    status: int = 422,
    care: Care | None = None,
) -> HttpResponse:
    """The page; with problems, what was sent stays in the form."""
    campaign, slot = sitting.campaign, sitting.slot
    labels = list(slot.labels.order_by("id")) if slot.submitted_at is not None else []
    kept = Draft.objects.filter(item=slot.item_id, rater=sitting.rater).first()
    based_on = stamp_of(kept)
    if not content:
        content = remembered(kept, labels[-1] if labels else None)
    elif saves(content["stamp"])[0] != saves(based_on)[0]:  # refused as older: what this page holds stays older
        based_on = sitting.request.POST.get("based_on", "")
    related = ("cell__condition", "cell__model", "prompt", "text")
    transcript = Transcript.objects.select_related(*related).get(pk=slot.item.transcript_id)
    care = care or care_of(sitting.rater)
    opens = opening(slot, transcript.cell.condition.scenario, sitting.rater, care)
    if opens.covered:
        last = _last(sitting.request, campaign, sitting.rater)
        return cover(sitting.request, slot, opens, problems or {}, last)
    if opens.first:
        shown(slot.item, sitting.rater)
    mask = mask_of(campaign, transcript.cell.model)
    sheet = sheet_of(transcript, mask)
    edition = campaign.codebook_version_id
    context = {
        "campaign": campaign,
        "slot": slot,
        "opening": opens,
        "revision": len(labels),
        "sheet": sheet,
        "questions": shown_questions(questions_of(edition), content, problems or {}, sheet.acts),
        "evidence": evidence_of(transcript.text, sheet, content.get("evidence", []), mask),
        "told": told(campaign, slot, transcript),
        "asks_recognised": Campaign.Hidden.MODEL in campaign.hides,
        "content": content,
        "restored": kept is not None and not problems,
        "based_on": based_on,
        "stamp": new_stamp(),
        "problems": problems or {},
        "guideline": parts(guideline_of(edition)),
        "reasons": SKIP_REASONS,
        "progress": progress_of(campaign, sitting.rater, sitting.part, care),
        "last": _last(sitting.request, campaign, sitting.rater),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(sitting.request, "labeling/queue.html", context, status=status if problems else 200)


def _lost(sitting: Sitting, content: Content) -> HttpResponse:
    """Somebody else has it by now: what was typed is kept for when another place of it comes to this rater."""
    kept = bool(content) and _keep(sitting, content)
    if sitting.wants_json:
        return JsonResponse({"problem": LOST, "kept": kept}, status=409)
    context = {"campaign": sitting.campaign, "why": LOST}
    return render(sitting.request, "labeling/lost.html", context, status=409)


def _sent(request: HttpRequest) -> tuple[Content, dict[str, str]]:
    try:
        return sent(request.POST), {}
    except Refused as refused:
        return {}, refused.problems


def _timed(content: Content, sitting: Sitting) -> Content:
    """With the time that the page counted while it was looked at, else the time since the slot was taken."""
    if content["seconds"] is not None or sitting.slot.leased_at is None or sitting.slot.submitted_at:
        return content
    seconds = (timezone.now() - sitting.slot.leased_at).total_seconds()
    return {**content, "seconds": min(seconds, LONGEST_SITTING)}


def _revision(request: HttpRequest) -> int:
    text = request.POST.get("revision", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Refused({"": "The form is damaged: reload the page. Your draft is kept."})
    return int(text)


def _last(request: HttpRequest, campaign: Campaign, rater: User) -> Assignment | None:
    """What the rater submitted just now, to offer its correction."""
    after = request.GET.get("after", "")
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        return None
    own = Assignment.objects.filter(item__campaign=campaign, rater=rater, submitted_at__isnull=False)
    found = own.filter(pk=int(after)).first()
    return None if found and is_qualification(found.item) else found
