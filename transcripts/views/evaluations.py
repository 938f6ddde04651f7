"""The evaluations, each with how much of it is here."""

from __future__ import annotations

from django.db.models import Count, Max, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from transcripts.access import require_reader
from transcripts.models import Evaluation, Source, StatusTally
from transcripts.synthetic import ribbon


@require_safe
def evaluations(request: HttpRequest) -> HttpResponse:
    require_reader(request.user)
    of_this = StatusTally.objects.filter(cell__evaluation=OuterRef("pk")).order_by()
    obtained = of_this.values("cell__evaluation").annotate(sum=Sum("n")).values("sum")
    failed = of_this.filter(status="error").values("cell__evaluation").annotate(sum=Sum("n")).values("sum")
    sources = Source.objects.filter(evaluation=OuterRef("pk")).order_by()
    rows = Evaluation.objects.annotate(
        models=Count("cells__model", distinct=True),
        conditions=Count("cells__condition", distinct=True),
        obtained=Coalesce(Subquery(obtained), 0),
        failed=Coalesce(Subquery(failed), 0),
        last_ingested=Subquery(sources.values("evaluation").annotate(last=Max("ingested_at")).values("last")),
    )
    # An upload that could not be read leaves an evaluation with nothing in it.
    filled = list(rows.filter(models__gt=0))
    return render(request, "transcripts/evaluations.html", {"evaluations": filled, "synthetic": ribbon(filled)})
