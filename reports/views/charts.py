"""Charts of live figures."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from reports.access import require_reader
from reports.charts import CHARTS, theme
from reports.downloads import live
from reports.exhibit import Exhibit
from reports.filters import NoReport, Report
from reports.policy import for_charts
from reports.spreadsheet import formats
from transcripts.synthetic import ribbon_of_everything

from .choices import choices, nothing


def charts(request: HttpRequest) -> HttpResponse:
    require_reader(request.user)
    listed = [(slug, chart.TITLE, chart.SUMMARY) for slug, chart in CHARTS.items()]
    return render(request, "reports/charts.html", {"charts": listed, "synthetic": ribbon_of_everything()})


@for_charts
def chart(request: HttpRequest, slug: str) -> HttpResponse:
    require_reader(request.user)
    if slug not in CHARTS:
        raise Http404
    try:
        report = Report.from_query(request.GET)
    except NoReport as reason:
        return nothing(request, CHARTS[slug].TITLE, reason)
    form = request.GET.get("format", "")
    exhibit = Exhibit.of_chart(report, slug, timezone.now(), drawn=form not in formats())
    if form in formats():
        return live(exhibit, f"{exhibit.title} {report.basis.evaluation}", form)
    context = {
        "exhibit": exhibit,
        "plotly": theme.SCRIPT,
        "layout": CHARTS[slug].LAYOUT,
        "summary": CHARTS[slug].SUMMARY,
        "unpublished": report.published and all(row.published is None for row in exhibit.rows),
        **choices(report, slug, exhibit),
    }
    return render(request, "reports/chart.html", context)
