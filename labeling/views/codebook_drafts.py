"""A codebook's draft as a whole: started, put in order, published or thrown away."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.access import managed_codebook, require_manager
from labeling.codebooks.changes import changes
from labeling.codebooks.codebook import described
from labeling.codebooks.codebook_forms import OrderForm, PublishForm
from labeling.codebooks.edition import doubts, moved, stamp
from labeling.codebooks.guideline import parts
from labeling.codebooks.publish import NotNow, change, discard, draft_of, edition_before, obstacles, publish, redraft
from labeling.models import Codebook

from .codebooks import shown_changes, shown_outcomes, shown_questions


@require_POST
def start_draft(request: HttpRequest, slug: str) -> HttpResponse:
    """A draft copied from the newest edition, or the one that there is."""
    codebook = managed_codebook(request.user, slug)
    redraft(codebook)
    return redirect("labeling:edit_codebook", slug)


@never_cache
@require_safe
def edit_codebook(request: HttpRequest, slug: str) -> HttpResponse:
    """The draft as a whole: its parts, their order, what stands in the way of publishing it."""
    codebook = managed_codebook(request.user, slug)
    return _overview(request, codebook)


def _overview(request: HttpRequest, codebook: Codebook, form: PublishForm | None = None) -> HttpResponse:
    draft = draft_of(codebook)
    if draft is None:
        nothing = {"codebook": codebook, "newest": codebook.versions.first()}
        return render(request, "labeling/no_draft.html", nothing, status=409 if form else 200)
    edition = described(draft)
    before = edition_before(draft)
    context: dict[str, object] = {
        "codebook": codebook,
        "draft": draft,
        "guideline": parts(edition.guideline),
        "questions": shown_questions(edition),
        "outcomes": shown_outcomes(edition),
        "problems": obstacles(draft, edition),
        "doubts": doubts(edition),
        "before": before[0] if before else None,
        "changes": shown_changes(changes(before[1], edition)) if before else [],
        "form": form or PublishForm(initial={"based_on": stamp(edition), "note": draft.changes}),
        "stamp": stamp(edition),
    }
    return render(request, "labeling/edit_codebook.html", context, status=422 if form else 200)


@require_POST
def reorder_codebook(request: HttpRequest, slug: str) -> HttpResponse:
    """One question or outcome one place up or down."""
    codebook = managed_codebook(request.user, slug)
    form = OrderForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            change(codebook, lambda now: moved(now, data["part"], data["key"], data["step"]))
        except NotNow as problem:
            messages.error(request, str(problem))
    return redirect("labeling:edit_codebook", slug)


@require_POST
def publish_codebook(request: HttpRequest, slug: str) -> HttpResponse:
    codebook = managed_codebook(request.user, slug)
    form = PublishForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            version = publish(codebook, data["note"], require_manager(request.user), based_on=data["based_on"])
        except NotNow as problem:
            form.add_error("note", str(problem))
        else:
            messages.success(request, f"{version} is published. New campaigns can ask it from now on.")
            return redirect("labeling:codebook", slug, version.number)
    return _overview(request, codebook, form)


@require_POST
def discard_draft(request: HttpRequest, slug: str) -> HttpResponse:
    codebook = managed_codebook(request.user, slug)
    try:
        discard(codebook, based_on=request.POST.get("based_on", ""))
    except NotNow as problem:
        messages.error(request, str(problem))
        return redirect("labeling:edit_codebook", slug)
    messages.success(request, f"The draft of {codebook} is thrown away.")
    return redirect("labeling:codebooks")
