"""Writing a page of several exhibits while it is a draft."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from reports import compose
from reports.access import changeable_pages, discardable_snapshot, require_reader
from reports.filters import NoReport, Report
from reports.forms import PartForm
from reports.models import Snapshot
from reports.parts import parts_of
from reports.share import NotAllowed

from .choices import nothing
from .snapshots import page, page_form


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Put what a live page shows into a page that is a draft, or into a new one."""
    user = require_reader(request.user)
    form = PartForm(request.POST or None, initial=request.GET.dict(), pages=changeable_pages(user))
    if not form.is_valid():
        return render(request, "reports/add_part.html", {"form": form}, status=400 if form.is_bound else 200)
    try:
        report = Report.from_query(QueryDict(form.cleaned_data["query"]))
    except NoReport as reason:
        return nothing(request, "Add to a page", reason)
    draft = form.cleaned_data["page"] or _new(form, user)
    try:
        compose.add_exhibit(draft, report, form.cleaned_data["slug"])
    except (NotAllowed, compose.Full) as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "It stands at the foot of the page, as it is now.")
    return redirect("reports:snapshot", draft.pk)


def _new(form: PartForm, user: User) -> Snapshot:
    return compose.make_page(title=form.cleaned_data["title"] or "A new page", note="", by=user)


@require_POST
def words(request: HttpRequest, pk: int) -> HttpResponse:
    """The words of a draft, whatever it is; then what the pressed button says beside."""
    found = discardable_snapshot(request.user, pk)
    form = page_form(found, parts_of(found), request.POST)
    if not form.is_valid():
        return page(request, found, words_form=form, status=400)
    try:
        compose.set_words(found, title=form.cleaned_data["title"], note=form.cleaned_data["note"], texts=form.texts)
        _pressed(found, request.POST.get("then", ""))
    except (NotAllowed, compose.Full) as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "Saved.")
    return redirect("reports:snapshot", pk)


def _pressed(found: Snapshot, then: str) -> None:
    """ "text", or what is done with a part: "up-3", "down-3", "remove-3"."""
    if found.kind != Snapshot.Kind.PAGE:
        return
    act, _, number = then.partition("-")
    if act == "text":
        compose.add_text(found)
    elif act in ("up", "down", "remove") and number.isascii() and number.isdigit() and len(number) < 6:
        if act == "remove":
            compose.remove(found, int(number))
        else:
            compose.move(found, int(number), 1 if act == "down" else -1)
