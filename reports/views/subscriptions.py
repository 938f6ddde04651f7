"""Reports that are made by themselves: when, and who is told."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reports.access import changeable_subscription, require_publisher, subscriptions_of
from reports.charts import CHARTS
from reports.exhibit import LEADERBOARD
from reports.filters import NoReport, Report
from reports.forms import SubscriptionForm
from reports.models import Subscription
from reports.parts import pinned

from .choices import nothing

LISTED = 20


@require_safe
def subscriptions(request: HttpRequest) -> HttpResponse:
    listed = subscriptions_of(request.user).select_related("evaluation").prefetch_related("recipients", "occasions")
    return render(request, "reports/subscriptions.html", {"subscriptions": listed})


@require_http_methods(["GET", "POST"])
def new_subscription(request: HttpRequest) -> HttpResponse:
    """Of the report whose address comes along; its evaluation is settled here, whichever is the newest later."""
    user = require_publisher(request.user)
    asked = request.POST or request.GET
    try:
        report = Report.from_query(QueryDict(asked.get("query", "")))
    except NoReport as reason:
        return nothing(request, "Regular report", reason)
    slug = asked.get("slug", "")
    title = "Leaderboard" if slug == LEADERBOARD else CHARTS[slug].TITLE if slug in CHARTS else ""
    initial = {"slug": slug, "query": pinned(report), "title": f"{title}: {report.basis.evaluation}"}
    form = SubscriptionForm(request.POST or None, initial=initial)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "reports/new_subscription.html", {"form": form, "report": report}, status=status)
    given = form.cleaned_data
    made = Subscription.objects.create(
        title=given["title"],
        slug=given["slug"],
        query=pinned(report),
        evaluation=report.basis.evaluation,
        when=given["when"],
        hour=given["hour"],
        bound=None if given["bound"] is None else given["bound"] / 100,
        created_by=user,
    )
    made.recipients.set(given["recipients"])
    messages.success(request, "The report will be made by itself, as a draft each time.")
    return redirect("reports:subscription", made.pk)


@require_http_methods(["GET", "POST"])
def subscription(request: HttpRequest, pk: int) -> HttpResponse:
    """What was made of it so far. A POST pauses it, or lets it go on."""
    found = changeable_subscription(request.user, pk)
    if request.method == "POST":
        Subscription.objects.filter(pk=pk).update(paused=request.POST.get("paused") == "yes")
        return redirect("reports:subscription", pk)
    occasions = found.occasions.select_related("snapshot").prefetch_related("crossings", "mailings")[:LISTED]
    context = {"subscription": found, "occasions": occasions, "listed": LISTED, "is_board": found.slug == LEADERBOARD}
    return render(request, "reports/subscription.html", context)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = changeable_subscription(request.user, pk)
    found.delete()
    messages.success(request, f"“{found.title}” is made no more. Its snapshots stay.")
    return redirect("reports:subscriptions")
