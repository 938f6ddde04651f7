"""Drafts and published snapshots, what changed between them, and the links to them."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from reports import share
from reports.access import (
    discardable_snapshot,
    may_publish,
    publishable_snapshot,
    readable_snapshot,
    require_reader,
    revocable_link,
)
from reports.changes import changes, previous
from reports.charts import theme
from reports.citation import citation
from reports.compose import again as make_again
from reports.downloads import deliver
from reports.filters import NoReport, Report
from reports.forms import LinkForm, PageForm, PublishForm, RetractionForm, SnapshotForm
from reports.models import Disclosure, ShareView, Snapshot
from reports.parts import Part, exhibits, is_synthetic, parts_of
from reports.policy import for_charts
from transcripts.synthetic import ribbon_of_everything

from .choices import nothing

LISTED_VIEWS = 20


def snapshots(request: HttpRequest) -> HttpResponse:
    require_reader(request.user)
    listed = Snapshot.objects.defer("content").select_related("created_by").annotate(n_links=Count("links"))
    context = {"snapshots": listed, "may_publish": may_publish(request.user), "synthetic": ribbon_of_everything()}
    return render(request, "reports/snapshots.html", context)


@require_POST
def new_snapshot(request: HttpRequest) -> HttpResponse:
    user = require_reader(request.user)
    form = SnapshotForm(request.POST)
    if not form.is_valid():
        return render(request, "reports/new_snapshot.html", {"form": form}, status=400)
    try:
        report = Report.from_query(QueryDict(form.cleaned_data["query"]))
    except NoReport as reason:
        return nothing(request, "Snapshot", reason)
    made = share.make_snapshot(
        report,
        form.cleaned_data["slug"],
        title=form.cleaned_data["title"],
        note=form.cleaned_data["note"],
        by=user,
    )
    messages.success(request, "The draft is made. Nobody outside sees it until it is published and shared.")
    return redirect("reports:snapshot", made.pk)


def snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    return page(request, readable_snapshot(request.user, pk))


@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    found = publishable_snapshot(request.user, pk)
    form = PublishForm({"discloses": Disclosure.FIGURES} | request.POST.dict())
    if not form.is_valid():
        return page(request, found, publish_form=form, status=400)
    discloses = Disclosure(form.cleaned_data["discloses"])
    return _after(
        request,
        pk,
        lambda: share.publish(found, require_reader(request.user), discloses),
        "Published. From now on it never changes.",
    )


@require_POST
def retract(request: HttpRequest, pk: int) -> HttpResponse:
    found = publishable_snapshot(request.user, pk)
    form = RetractionForm(request.POST)
    if not form.is_valid():
        return page(request, found, retraction_form=form, status=400)
    said = "Retracted. Whoever opens a link reads the reason first."
    return _after(request, pk, lambda: share.retract(found, form.cleaned_data["reason"]), said)


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    found = discardable_snapshot(request.user, pk)
    said = f"The draft “{found.title}” is gone."
    return _after(request, pk, lambda: share.discard(found), said, to=reverse("reports:snapshots"))


def _after(request: HttpRequest, pk: int, act: Callable[[], object], said: str, to: str = "") -> HttpResponse:
    """Do it and say so, or say why it cannot be done."""
    here = reverse("reports:snapshot", args=[pk])
    try:
        act()
    except share.NotAllowed as reason:
        messages.error(request, str(reason))
        return redirect(here)
    messages.success(request, said)
    return redirect(to or here)


@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """A new draft of the same with today's data."""
    user = require_reader(request.user)
    try:
        made = make_again(readable_snapshot(user, pk), user)
    except NoReport as reason:
        return nothing(request, "Snapshot", reason)
    messages.success(request, "A new draft with today's data. The old snapshot stays as it is.")
    return redirect("reports:snapshot", made.pk)


@require_safe
def compared(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """What changed from the other to this one."""
    new, old = readable_snapshot(request.user, pk), readable_snapshot(request.user, other)
    context = {"new": new, "old": old, "changes": changes(old, new), "synthetic": ribbon_of_everything()}
    return render(request, "reports/changes.html", context)


@require_safe
def example(request: HttpRequest, pk: int, part: int, row: int, number: int) -> HttpResponse:
    """A transcript as a link would show it."""
    snapshot = readable_snapshot(request.user, pk)
    found = snapshot.examples.filter(part=part, row=row, number=number, text__isnull=False).first()
    if found is None:
        raise Http404
    context = {"snapshot": snapshot, "example": found, "synthetic": is_synthetic(parts_of(snapshot))}
    return render(request, "reports/example.html", context)


@require_POST
def new_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Answers with the page itself and no redirect: the token is shown here, once, and kept nowhere."""
    found = publishable_snapshot(request.user, pk)
    form = LinkForm(request.POST, most=found.discloses)
    if not form.is_valid():
        return page(request, found, link_form=form, status=400)
    sent = request.session.setdefault("link_forms", [])
    if form.cleaned_data["once"] in sent:
        messages.info(request, "That link was made already. Its address was shown once and cannot be shown again.")
        return redirect("reports:snapshot", pk)
    if form.cleaned_data["once"]:
        request.session["link_forms"] = [*sent, form.cleaned_data["once"]][-20:]
    try:
        _, token = share.make_link(
            found,
            audience=form.cleaned_data["audience"],
            days=form.cleaned_data["days"],
            disclosure=Disclosure(form.cleaned_data["disclosure"]),
            password=form.cleaned_data["password"],
            by=require_reader(request.user),
        )
    except share.NotAllowed as reason:
        messages.error(request, str(reason))
        return redirect("reports:snapshot", pk)
    return page(request, found, address=request.build_absolute_uri(f"/s/{token}/"))


@require_POST
def revoke(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    share.revoke(revocable_link(request.user, pk, link))
    messages.success(request, "Revoked. The link opens nothing any more.")
    return redirect("reports:snapshot", pk)


def page_form(found: Snapshot, parts: list[Part], data: QueryDict | None = None) -> PageForm:
    texts = {part.number: part.text for part in parts if not part.exhibit}
    return PageForm(data, texts=texts, initial={"title": found.title, "note": found.note})


@for_charts
def page(
    request: HttpRequest,
    found: Snapshot,
    *,
    publish_form: PublishForm | None = None,
    link_form: LinkForm | None = None,
    retraction_form: RetractionForm | None = None,
    words_form: PageForm | None = None,
    address: str = "",
    status: int = 200,
) -> HttpResponse:
    is_draft = found.state == Snapshot.State.DRAFT
    wanted = request.GET.get("format", "")
    level = Disclosure.TRANSCRIPTS if is_draft else Disclosure(found.discloses)
    parts = parts_of(found, level, texts=wanted == "json")
    if wanted:
        file = deliver(found, parts, wanted, request.GET.get("part", ""))
        if file is None:
            raise Http404
        return file
    before = previous(found)
    may_change = may_publish(request.user) or found.created_by_id == request.user.pk
    words_form = (words_form or page_form(found, parts)) if is_draft and may_change else None
    context = {
        "snapshot": found,
        "parts": parts,
        "synthetic": is_synthetic(parts),
        "several": len(exhibits(parts)) > 1,
        "plotly": theme.SCRIPT if any(part.frozen.get("figure") for part in parts) else "",
        "n_examples": sum(len(part.examples) for part in parts),
        "previous": before,
        "changes": changes(before, found) if before else [],
        "others": _of_the_subject(found),
        "citation": citation(found, address) if found.published_at else "",
        "views": ShareView.objects.filter(link__snapshot=found).select_related("link").order_by("-pk")[:LISTED_VIEWS],
        "links": found.links.annotate(n_views=Count("views"), last_view=Max("views__opened_at")),
        "publish_form": publish_form or PublishForm(),
        "link_form": link_form or LinkForm(most=found.discloses),
        "retraction_form": retraction_form or RetractionForm(),
        "words_form": words_form,
        "written": [(part, None if part.exhibit else words_form[f"text-{part.number}"]) for part in parts]
        if words_form
        else [],
        "may_publish": may_publish(request.user),
        "may_change": may_change,
        "address": address,
        # The answer to a POST stands under the form's address.
        "here": reverse("reports:snapshot", args=[found.pk]),
        "now": timezone.now(),
    }
    response = render(request, "reports/snapshot.html", context, status=status)
    if address:
        response["Cache-Control"] = "no-store"
    return response


def _of_the_subject(found: Snapshot) -> list[Snapshot]:
    """Everything else about the same, newest first, to compare with."""
    others = Snapshot.objects.filter(subject=found.subject).exclude(pk=found.pk) if found.subject else None
    return list(others.defer("content", "basis")) if others is not None else []
