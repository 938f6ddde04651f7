"""Model judges and rules at work: judges are made, runs of them started, watched and cancelled."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from labeling.access import judge_run_of, require_manager, runnable_classifier
from labeling.campaigns.population import CannotDraw, filters_of
from labeling.forms import CursorForm
from labeling.judges.endpoint import NotConfigured, base_url
from labeling.judges.judge_forms import JudgeForm, RunForm, VersionForm, initial_of
from labeling.judges.launch import (
    CannotLaunch,
    Estimate,
    cancel,
    estimate,
    launch,
    make_judge,
    make_version,
    rules_version,
    suggestion,
)
from labeling.judges.progress import Progress, progress
from labeling.judges.rules import RULES
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeItem, JudgeRun
from transcripts.listing.filters import LABELS
from transcripts.listing.keyset import page
from transcripts.models import Classifier, Verdict
from transcripts.synthetic import ribbon_of_everything

RUNS_A_PAGE = 50
ERRORS_A_PAGE = 50


class Request(HttpRequest):
    htmx: HtmxDetails


@require_http_methods(["GET", "HEAD", "POST"])
def new_judge(request: HttpRequest) -> HttpResponse:
    require_manager(request.user)
    outcome = "any_harm" if request.GET.get("outcome") == "any_harm" else "harm"
    form = JudgeForm(request.POST or None, initial=initial_of(None, outcome))
    if request.method == "POST" and form.is_valid():
        try:
            made = make_judge(form.cleaned_data["name"], form.judge())
        except CannotLaunch as problem:
            form.add_error("name", str(problem))
        else:
            messages.success(request, f"{made.classifier} is there, with its first version.")
            return redirect("labeling:judge", made.classifier.slug)
    context = {"form": form, "outcome": outcome, "classifier": None}
    return render(request, "labeling/edit_judge.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def new_judge_version(request: HttpRequest, slug: str) -> HttpResponse:
    """Another prompt, model or price: the earlier version and what it said stay as they are."""
    classifier = runnable_classifier(request.user, slug, Classifier.Kind.MODEL)
    newest = classifier.versions.exclude(settings={}).order_by("-pk").first()
    form = VersionForm(request.POST or None, initial=initial_of(ModelJudge.of(newest) if newest else None))
    if request.method == "POST" and form.is_valid():
        made = make_version(classifier, form.judge())
        if made == newest:
            messages.info(request, f"Nothing is changed: it is {made.version} still.")
        else:
            messages.success(request, f"{made} is what the next run asks.")
        return redirect("labeling:judge", slug)
    context = {"form": form, "classifier": classifier}
    return render(request, "labeling/edit_judge.html", context, status=422 if form.errors else 200)


@require_safe
def judge(request: HttpRequest, slug: str) -> HttpResponse:
    """What a judge is asked, version by version, and its runs."""
    classifier = _runnable(request, slug)
    versions = list(classifier.versions.order_by("-pk"))
    runs = JudgeRun.objects.filter(version__classifier=classifier).select_related("version__classifier", "evaluation")
    context = {
        "classifier": classifier,
        "is_model": classifier.kind == Classifier.Kind.MODEL,
        "versions": [(one, ModelJudge.of(one) if one.settings else None) for one in versions],
        "runs": [(run, progress(run)) for run in runs[:RUNS_A_PAGE]],
        "no_endpoint": _no_endpoint(classifier),
    }
    return render(request, "labeling/judge.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_judge_run(request: Request, slug: str) -> HttpResponse:
    """The query says which transcripts, in the list's own words; the form says the rest. Asked for by htmx, or by the
    button that counts, it says what the run would judge and cost, and starts nothing."""
    classifier = _runnable(request, slug)
    context: dict[str, Any] = {
        "classifier": classifier,
        "is_model": classifier.kind == Classifier.Kind.MODEL,
        "query": request.GET.urlencode(),
        "no_endpoint": _no_endpoint(classifier),
        "synthetic": ribbon_of_everything(),
    }
    try:
        filters = filters_of(request.GET)
    except CannotDraw as problem:
        return render(request, "labeling/new_judge_run.html", context | {"problem": str(problem)}, status=400)
    newest = classifier.versions.select_related("classifier").order_by("-pk").first()
    initial = {"evaluation": request.GET.get("evaluation")} | (suggestion(newest) if newest else {})
    form = RunForm(classifier, request.POST or None, initial=initial)
    counts = bool(request.htmx) or "count" in request.POST
    found = None
    if request.method == "POST" and form.is_valid():
        row = form.save(commit=False)
        row.filters = filters
        if counts:
            found = estimate(row)
        else:
            try:
                return redirect("labeling:judge_run", launch(row, require_manager(request.user)).pk)
            except (CannotLaunch, NotConfigured) as problem:
                form.add_error(None, str(problem))
    context |= {
        "form": form,
        "filters": [(LABELS[name], values) for name, values in filters.items()],
        "estimate": found,
        "cost": _dollars(found.cost) if isinstance(found, Estimate) else "",
    }
    template = "labeling/new_judge_run.html#estimate" if request.htmx else "labeling/new_judge_run.html"
    return render(request, template, context, status=422 if form.errors and not counts else 200)


@require_safe
def judge_runs(request: HttpRequest) -> HttpResponse:
    require_manager(request.user)
    form = CursorForm(request.GET)
    cursor = form.cleaned_data["cursor"] if form.is_valid() else ""
    runs = JudgeRun.objects.select_related("version__classifier", "evaluation", "created_by")
    found = page(runs, cursor, RUNS_A_PAGE)
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "query": query.urlencode(),
        "runs": [(run, progress(run)) for run in found.rows],
        "page": found,
        "models": Classifier.objects.filter(kind=Classifier.Kind.MODEL),
        "rules": list(RULES),
        "no_endpoint": _no_endpoint(None),
    }
    return render(request, "labeling/judge_runs.html", context)


@require_safe
def judge_run(request: Request, pk: int) -> HttpResponse:
    """One run while it lasts, and what became of it. With a kind of errors: the transcripts behind it."""
    run = judge_run_of(request.user, pk)
    told = progress(run)
    kind = request.GET.get("kind", "").replace("\0", "")
    context = {
        "run": run,
        "told": told,
        "is_model": run.version.classifier.kind == Classifier.Kind.MODEL,
        "judge": ModelJudge.of(run.version) if run.version.settings else None,
        "polls": run.is_open,
        "rate": f"{run.rate:.1f}" if run.rate else "",
        "remaining": _remaining(run, told),
        "cost": _dollars(told.cost),
        "guessed_cost": _dollars(told.guessed_cost),
        "filters": [(LABELS.get(name, name), values) for name, values in run.filters.items()],
        "kind": kind,
        "synthetic": bool(run.evaluation and run.evaluation.synthetic),
    }
    if kind:
        form = CursorForm(request.GET)
        context["page"] = page(
            _behind(run, kind), form.cleaned_data["cursor"] if form.is_valid() else "", ERRORS_A_PAGE
        )
    template = "labeling/judge_run.html#progress" if request.htmx else "labeling/judge_run.html"
    return render(request, template, context)


@require_POST
def cancel_judge_run(request: HttpRequest, pk: int) -> HttpResponse:
    run = judge_run_of(request.user, pk)
    if cancel(run):
        messages.success(request, "Cancelled: nothing more is sent. What was judged stays.")
    else:
        messages.info(request, "It has ended already.")
    return redirect("labeling:judge_run", pk)


def _runnable(request: HttpRequest, slug: str) -> Classifier:
    """With the rules as they are in this installation, which nobody has to make."""
    require_manager(request.user)
    if slug in RULES:
        with suppress(CannotLaunch):
            return rules_version(slug).classifier
    return runnable_classifier(request.user, slug)


def _behind(run: JudgeRun, kind: str) -> Any:
    """The items whose error is of this kind, each with the words of it."""
    said = Verdict.objects.filter(transcript=OuterRef("transcript"), version=run.version).exclude(error="")
    items = JudgeItem.objects.filter(run=run, state=JudgeItem.State.FAILED, kind=kind)
    return items.annotate(error=Subquery(said.values("error")[:1])).select_related(
        "transcript__cell__model", "transcript__cell__condition"
    )


def _remaining(run: JudgeRun, told: Progress) -> str:
    """In words, at the rate of this attempt."""
    if run.state != JudgeRun.State.RUNNING or not run.rate or not told.left:
        return ""
    seconds = told.left / run.rate
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    return f"about {round(seconds / 60)} min left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"


def _dollars(cost: str | Decimal | None) -> str:
    """With as many digits as tell something."""
    if cost is None:
        return ""
    value = Decimal(cost)
    return f"${value:,.2f}" if value >= 1 or not value else f"${value:.4f}"


def _no_endpoint(classifier: Classifier | None) -> str:
    """Why model judges cannot be run here; "" where they can, or where none is asked for."""
    if classifier is not None and classifier.kind != Classifier.Kind.MODEL:
        return ""
    try:
        base_url()
    except NotConfigured as problem:
        return str(problem)
    return ""
