"""The way of people who come through an invitation: consent, instructions, and the end. They have no account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from labeling.access import Elsewhere, is_crowd, joined_campaign, own_part, page_of, participation_of
from labeling.codebooks.guideline import parts
from labeling.crowd.invite import invitation_of, why_closed
from labeling.crowd.join import EXTERNAL_ID, SESSION_ID, STUDY_ID, CannotJoin, Crowded, Given, instructed, known
from labeling.crowd.join import end as end_part
from labeling.crowd.join import join as take_in
from labeling.crowd.payment import way_out
from labeling.models import Invitation, Participation
from labeling.queue.assign import done

UNKNOWN = "This link leads nowhere. Check that you have the whole address."
NO_ID = (
    "What the address gives as {} is no id: your platform has not filled it in, or something in it was changed on the "
    "way. Open the link from there again."
)
ENDED = "Your part in this campaign has ended. Reload the page to see why."
# So that the last page can still tell somebody whose time ran out what became of it.
GRACE = timedelta(hours=1)
View = TypeVar("View", bound=Callable[..., Any])


def at_their_place(view: View) -> View:
    """Send participants who have not got so far, or whose part has ended, to the page at which they are."""

    @wraps(view)
    def shown(request: HttpRequest, pk: int, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return cast(HttpResponse, view(request, pk, *args, **kwargs))
        except Elsewhere as elsewhere:
            if "application/json" in request.headers.get("Accept", ""):
                return JsonResponse({"problem": ENDED}, status=409)
            return redirect(elsewhere.page, pk)

    return cast(View, shown)


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for consent. Before it is given nothing is kept; a POST gives it, makes the participant and signs them in."""
    invitation = invitation_of(token)
    given = Given(*(request.GET.get(name, "").strip() for name in (EXTERNAL_ID, STUDY_ID, SESSION_ID)))
    if invitation is None:
        return _no_entry(request, UNKNOWN, 404)
    if given.unsound:
        return _no_entry(request, NO_ID.format(" and ".join(given.unsound)), 400)
    if request.user.is_authenticated and not is_crowd(request.user):
        return render(request, "labeling/no_entry.html", {"signed_in": True, "invitation": invitation}, status=409)
    if part := known(invitation, given) or _part_of_this_browser(request, invitation, given):
        return _enter(request, part)
    if why := why_closed(invitation):
        return _no_entry(request, why, 410)
    if request.method != "POST":
        context = {
            "invitation": invitation,
            "consent": parts(invitation.consent),
            "synthetic": invitation.campaign.evaluation.synthetic,
        }
        return render(request, "labeling/join.html", context)
    try:
        return _enter(request, take_in(invitation, given))
    except CannotJoin as problem:
        return _no_entry(request, str(problem), 429 if isinstance(problem, Crowded) else 410)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def instructions(request: HttpRequest, pk: int) -> HttpResponse:
    """Before the first transcript, and whenever they are looked up again."""
    part = own_part(request.user, pk)
    if page_of(part) == "labeling:end":
        return redirect("labeling:end", pk)
    assert part.invitation is not None, "own_part asks for one"
    if request.method == "POST":
        instructed(part)
        return redirect("labeling:queue", pk)
    context = {
        "campaign": part.campaign,
        "part": part,
        "words": parts(part.invitation.instructions),
        "guideline": parts(part.campaign.codebook_version.guideline),
        "synthetic": part.campaign.evaluation.synthetic,
    }
    return render(request, "labeling/instructions.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Give one's part back. It is asked once more, since there is no way back in."""
    part = own_part(request.user, pk)
    if page_of(part) == "labeling:end":
        return redirect("labeling:end", pk)
    if request.method == "POST":
        end_part(part, Participation.State.RETURNED)
        return redirect("labeling:end", pk)
    context = {
        "campaign": part.campaign,
        "labelled": done(part.campaign, part.rater),
        "synthetic": part.campaign.evaluation.synthetic,
    }
    return render(request, "labeling/stop.html", context)


@never_cache
@require_safe
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """How a part has ended, with the code that tells the platform so."""
    campaign, rater, part = joined_campaign(request.user, pk)
    if part is None:
        raise Http404
    if part.is_over_time:
        end_part(part, Participation.State.TIMED_OUT, at=part.deadline)
        part.refresh_from_db()
    if part.state == Participation.State.ACTIVE:
        return redirect("labeling:queue", pk)
    context = {
        "campaign": campaign,
        "part": part,
        "way_out": way_out(part),
        "labelled": done(campaign, rater),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/end.html", context)


def _no_entry(request: HttpRequest, why: str, status: int) -> HttpResponse:
    response = render(request, "labeling/no_entry.html", {"why": why}, status=status)
    if status == 429:
        response["Retry-After"] = "60"
    return response


def _part_of_this_browser(request: HttpRequest, invitation: Invitation, given: Given) -> Participation | None:
    """Whoever joined without an id is known by their session only."""
    if given.external_id or not isinstance(request.user, User):
        return None
    return participation_of(invitation.campaign, request.user)


def _enter(request: HttpRequest, part: Participation) -> HttpResponse:
    """Sign this browser in as that participant, for as long as they have, and lead them to where they are."""
    if request.user != part.rater:
        login(request, part.rater, backend="django.contrib.auth.backends.ModelBackend")
    request.session.set_expiry(max(part.deadline or timezone.now(), timezone.now()) + GRACE)
    return redirect(page_of(part), part.campaign_id)
