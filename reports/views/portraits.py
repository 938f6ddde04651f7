"""The page of one model."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from reports.access import require_reader
from reports.caption import EQUAL_CELLS, sentences
from reports.filters import NoReport, Report
from reports.portrait import portrait
from transcripts.access import readable_transcripts
from transcripts.models import LanguageModel

from .choices import nothing


@require_safe
def model(request: HttpRequest, pk: int) -> HttpResponse:
    user = require_reader(request.user)
    shown = get_object_or_404(LanguageModel, pk=pk)
    own = request.GET.copy()
    own.setlist("model", [shown.recorded_id])
    own["colour"] = "none"
    everybody = request.GET.copy()
    everybody.pop("model", None)
    try:
        report, every = Report.from_query(own), Report.from_query(everybody)
    except NoReport as reason:
        return nothing(request, str(shown), reason)
    if not report.cells:
        return nothing(request, str(shown), NoReport("This model is in no cell of the evaluation."))
    found = portrait(report, every, shown, readable_transcripts(user))
    rows = [*found.most, *found.least]
    context = {
        "portrait": found,
        "report": report,
        "everybody": every,
        "caption": sentences(report.basis, rows, EQUAL_CELLS, timezone.now(), labels=report.labelled),
        "synthetic": report.basis.evaluation.synthetic,
    }
    return render(request, "reports/model.html", context)
