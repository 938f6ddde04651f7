"""Runs of ingest: the page that follows one until its report is there, the report itself, and an evaluation's list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.middleware import HtmxDetails

from transcripts import access
from transcripts.ingest import uploads
from transcripts.lease import LEASE
from transcripts.models import Ingestion
from transcripts.tasks import run_ingestion

# Lines of a report that its page lists at first; the rest is a link away.
LISTED = 100
# Runs on one page of an evaluation's list.
RUNS = 100
# A run renews its lease every second, and a message to a worker takes less: after this long something is wrong.
SILENT = timedelta(seconds=15)


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


@dataclass(frozen=True)
class Pace:
    """How fast an open or ended run goes, in seconds; None where it cannot be told."""

    seconds: int
    per_second: int | None
    left: int | None
    silent_since: datetime | None  # nothing was heard of it since


@require_http_methods(["GET", "HEAD", "POST"])
def ingestion(request: HtmxRequest, pk: int) -> HttpResponse:
    job = access.ingestion(request.user, pk)
    if request.method == "POST":
        return _again(request, job) if "again" in request.POST else _stop(job)
    if job.state == Ingestion.State.MAPPING:
        return redirect("transcripts:mapping", pk=job.pk)
    query, whole = request.GET.get("q", "").strip(), "all" in request.GET
    context = {
        "job": job,
        "pace": _pace(job),
        "polls": job.is_open or _is_stopping(job),
        "report": _report(job, query, whole=whole),
        "query": query,
        "whole": whole,
        "synthetic": job.evaluation.synthetic,
    }
    template = "transcripts/ingestion.html#progress" if request.htmx else "transcripts/ingestion.html"
    return render(request, template, context)


@require_safe
def ingestion_report(request: HttpRequest, pk: int) -> HttpResponse:
    job = access.ingestion(request.user, pk)
    name = f"amdash-report-{job.pk}.json"
    return HttpResponse(
        orjson.dumps(job.told(), option=orjson.OPT_INDENT_2),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
def ingestions(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.readable_evaluation(request.user, pk)
    page = Paginator(found.ingestions.listed(), RUNS).get_page(request.GET.get("page"))
    context = {
        "evaluation": found,
        "page": page,
        "may_ingest": access.may_ingest(request.user),
        "synthetic": found.synthetic,
    }
    return render(request, "transcripts/ingestions.html", context)


def _stop(job: Ingestion) -> HttpResponse:
    # Whoever runs it sees this within seconds; what it has written stays.
    open_states = [Ingestion.State.QUEUED, Ingestion.State.RUNNING]
    Ingestion.objects.filter(pk=job.pk, state__in=open_states).update(
        state=Ingestion.State.CANCELLED, finished_at=timezone.now(), leased_until=None
    )
    return redirect("transcripts:ingestion", pk=job.pk)


def _again(request: HttpRequest, job: Ingestion) -> HttpResponse:
    if job.can_be_read_again:
        with transaction.atomic():
            job = uploads.again(job, access.require_ingester(request.user))
            transaction.on_commit(partial(run_ingestion.delay, ingestion_id=job.pk))
    return redirect("transcripts:ingestion", pk=job.pk)


def _is_stopping(job: Ingestion) -> bool:
    """Its report is awaited: whoever runs it has yet to see that it was stopped."""
    recently = job.started_at and job.finished_at and timezone.now() - job.finished_at < SILENT
    return job.state == Ingestion.State.CANCELLED and job.report is None and bool(recently)


def _pace(job: Ingestion) -> Pace:
    now = timezone.now()
    began = job.started_at or job.created_at
    heard = job.leased_until - LEASE if job.leased_until else job.created_at
    seconds = max(((job.finished_at or now) - began).total_seconds(), 0.001)
    reading = job.started_at is not None and (job.stage == "reading" or not job.is_open)
    return Pace(
        seconds=round(seconds),
        per_second=round(job.transcripts_done / seconds) if reading and job.transcripts_done else None,
        left=round(seconds * (job.files_total - job.files_done) / job.files_done)
        if reading and job.files_total and 0 < job.files_done < job.files_total
        else None,
        silent_since=heard if job.is_open and now - heard > SILENT else None,
    )


def _report(job: Ingestion, query: str, *, whole: bool) -> dict[str, Any] | None:
    """The report for the page: the errors that hold the query, and long lists cut unless the whole is asked for."""
    if job.report is None:
        return None
    report = dict(job.report)
    report["read"] = sum(report.get(name, 0) for name in ("created", "updated", "unchanged"))
    report["errors_count"] = len(report.get("errors", []))
    if query:
        report["errors"] = [one for one in report["errors"] if query.lower() in " ".join(one.values()).lower()]
    report["found"] = len(report.get("errors", []))
    for name in ("errors", "missing"):
        lines = report.get(name, [])
        report[f"{name}_cut"] = 0 if whole else max(0, len(lines) - LISTED)
        report[name] = lines if whole else lines[:LISTED]
    report["missing_count"] = len(job.report.get("missing", []))
    return report
