"""Codebooks to read: what raters are asked, which answers count, and what changed from edition to edition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Count, Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from labeling.access import managed_edition, require_manager
from labeling.codebooks.changes import KINDS, Change, changes
from labeling.codebooks.codebook import described
from labeling.codebooks.codebook_forms import NewCodebookForm
from labeling.codebooks.edition import Asked, Counted, Edition
from labeling.codebooks.guideline import Part, parts
from labeling.codebooks.publish import edition_before, start
from labeling.models import Codebook, CodebookVersion
from transcripts.comparing.differences import Stretch, differences, shortened


@dataclass(frozen=True)
class ShownQuestion:
    """A question as it is read: its guideline in paragraphs, and what it waits for in words."""

    number: int
    asked: Asked
    kind: str
    help: list[Part]
    waits: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class ShownOutcome:
    """An outcome with its positive choices in words, by scenario ("" for every one)."""

    counted: Counted
    question: str
    rows: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class ShownChange:
    change: Change
    details: list[tuple[str, list[Stretch]]]


@require_safe
def codebooks(request: HttpRequest) -> HttpResponse:
    require_manager(request.user)
    versions = CodebookVersion.objects.select_related("published_by").annotate(used=Count("campaigns"))
    found = Codebook.objects.prefetch_related(Prefetch("versions", versions.order_by("-number")))
    return render(request, "labeling/codebooks.html", {"codebooks": found})


@require_safe
def codebook(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One edition; of the draft, what it would look like."""
    version = managed_edition(request.user, slug, number)
    edition = described(version)
    before = edition_before(version)
    context = {
        "codebook": version.codebook,
        "version": version,
        "versions": version.codebook.versions.all(),
        "guideline": parts(edition.guideline),
        "questions": shown_questions(edition),
        "outcomes": shown_outcomes(edition),
        "before": before[0] if before else None,
        "changes": shown_changes(changes(before[1], edition)) if before else [],
        "campaigns": version.campaigns.all(),
    }
    return render(request, "labeling/codebook.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_codebook(request: HttpRequest) -> HttpResponse:
    require_manager(request.user)
    form = NewCodebookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = start(form.cleaned_data["slug"], form.cleaned_data["name"], form.cleaned_data["source"])
        messages.success(request, f"{made.codebook} has a draft now. Nobody is asked anything until it is published.")
        return redirect("labeling:edit_codebook", made.codebook.slug)
    return render(request, "labeling/new_codebook.html", {"form": form}, status=422 if form.errors else 200)


def shown_questions(edition: Edition) -> list[ShownQuestion]:
    return [
        ShownQuestion(number, asked, KINDS[asked.kind], parts(asked.help), _waits(edition, asked))
        for number, asked in enumerate(edition.questions, start=1)
    ]


def _waits(edition: Edition, asked: Asked) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for key, choice in asked.asked_after:
        found.setdefault(key, []).append(choice)
    return [(one.text, _texts(one, found[key])) for key in found if (one := edition.question(key)) is not None]


def shown_outcomes(edition: Edition) -> list[ShownOutcome]:
    found = []
    for counted in edition.outcomes:
        question = edition.question(counted.question)
        rows = [(scenario, _texts(question, keys)) for scenario, keys in counted.by_scenario.items()]
        found.append(ShownOutcome(counted, question.text if question else "", rows))
    return found


def _texts(question: Asked | None, keys: Iterable[str]) -> list[str]:
    options = [(key, question.option(key) if question else None) for key in keys]
    return [option.text if option else key for key, option in options]


def shown_changes(found: Iterable[Change]) -> list[ShownChange]:
    return [
        ShownChange(change, [(one.what, shortened(differences(one.before, one.after))) for one in change.details])
        for change in found
    ]
