"""The live leaderboard."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from reports.access import require_reader
from reports.downloads import live
from reports.exhibit import LEADERBOARD, Exhibit
from reports.filters import NoReport, Report
from reports.leaderboard import SORTS, sort
from reports.spreadsheet import formats

from .choices import choices, nothing


def leaderboard(request: HttpRequest) -> HttpResponse:
    require_reader(request.user)
    try:
        report = Report.from_query(request.GET)
    except NoReport as reason:
        return nothing(request, "Leaderboard", reason)
    exhibit = Exhibit.of_leaderboard(report, timezone.now())
    by = request.GET.get("sort", "")
    exhibit = replace(exhibit, rows=sort(exhibit.rows, by), below=sort(exhibit.below, by))
    if (form := request.GET.get("format", "")) in formats():
        return live(exhibit, f"Leaderboard {report.basis.evaluation}", form)
    context = {
        "exhibit": exhibit,
        "sort": by if by.removeprefix("-") in SORTS else "rate",
        **choices(report, LEADERBOARD, exhibit),
    }
    return render(request, "reports/leaderboard.html", context)
