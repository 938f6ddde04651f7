"""What a share link opens: the frozen figures, for anybody who has the link."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from reports.charts import theme
from reports.citation import citation
from reports.downloads import deliver
from reports.forms import PasswordForm
from reports.models import Disclosure, ShareLink
from reports.parts import exhibits, is_synthetic, parts_of
from reports.policy import for_charts
from reports.share import TooMany, note_view, open_link, unlock

# After this many seconds the password is asked for again.
OPEN_FOR = 12 * 60 * 60
COOKIE = "opened"


def behind_the_link(view: Callable[..., HttpResponse | None]) -> Callable[..., HttpResponse]:
    """Open the link, ask for its password if it has one, and seal the answer. Whatever opens nothing, and whatever
    is not there, is one and the same page.

    Rendered without the request, so that nothing depends on who asks: no session, and no cookie but the one that
    says, in the browser alone, that the password was given. Without a session there is nothing to forge a request
    with.
    """

    @csrf_exempt
    @login_not_required
    @require_http_methods(["GET", "HEAD", "POST"])
    @for_charts
    @wraps(view)
    def opened(request: HttpRequest, token: str, **place: int) -> HttpResponse:
        link = open_link(token)
        if link is None:
            return _sealed(_nothing())
        here = f"/s/{token}/"
        if request.method == "POST":
            return _sealed(_answered(request, link, here))
        if link.password and not _is_unlocked(request, link):
            asked_for_page = request.path == here and not request.GET
            return _sealed(_asked(here, PasswordForm(), 200 if asked_for_page else 403))
        return _sealed(view(request, link, **place) or _nothing())

    return opened


@behind_the_link
def shared(request: HttpRequest, link: ShareLink) -> HttpResponse | None:
    snapshot = link.snapshot
    form = request.GET.get("format", "")
    parts = parts_of(snapshot, Disclosure(link.disclosure), texts=form == "json")
    if form:
        file = deliver(snapshot, parts, form, request.GET.get("part", ""))
        if file:
            note_view(link, form)
        return file
    note_view(link, "page")
    context = {
        "snapshot": snapshot,
        "parts": parts,
        "synthetic": is_synthetic(parts),
        "several": len(exhibits(parts)) > 1,
        "plotly": theme.SCRIPT if any(part.frozen.get("figure") for part in parts) else "",
        "citation": citation(snapshot, request.build_absolute_uri(request.path)),
        "shared": True,
    }
    return HttpResponse(render_to_string("reports/shared.html", context))


@behind_the_link
def shared_example(request: HttpRequest, link: ShareLink, part: int, row: int, number: int) -> HttpResponse | None:
    """A whole transcript, where the link shows those."""
    if link.disclosure != Disclosure.TRANSCRIPTS:
        return None
    found = link.snapshot.examples.filter(part=part, row=row, number=number, text__isnull=False).first()
    if found is None:
        return None
    note_view(link, "transcript")
    synthetic = is_synthetic(parts_of(link.snapshot))
    context = {"snapshot": link.snapshot, "example": found, "synthetic": synthetic, "shared": True}
    return HttpResponse(render_to_string("reports/example.html", context))


def _answered(request: HttpRequest, link: ShareLink, here: str) -> HttpResponse:
    """What follows a password: the page, or the question again."""
    form = PasswordForm(request.POST)
    if link.password and form.is_valid():
        try:
            right = unlock(link, form.cleaned_data["password"])
        except TooMany:
            form.add_error(None, "Too many passwords were tried. Wait a quarter of an hour and try again.")
            return _asked(here, form, 429)
        if not right:
            form.add_error(None, "That is not the password.")
    if link.password and form.errors:
        return _asked(here, form, 403)
    response = HttpResponseRedirect(here)
    response.status_code = 303
    if link.password:
        response.set_cookie(
            COOKIE,
            TimestampSigner(salt=COOKIE).sign(_key(link)),
            max_age=OPEN_FOR,
            path=here,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _is_unlocked(request: HttpRequest, link: ShareLink) -> bool:
    try:
        key = TimestampSigner(salt=COOKIE).unsign(request.COOKIES.get(COOKIE, ""), max_age=OPEN_FOR)
    except BadSignature:
        return False
    return constant_time_compare(key, _key(link))


def _key(link: ShareLink) -> str:
    return salted_hmac("reports.shared", f"{link.pk} {link.password}").hexdigest()


def _asked(here: str, form: PasswordForm, status: int) -> HttpResponse:
    return HttpResponse(render_to_string("reports/password.html", {"form": form, "here": here}), status=status)


def _nothing() -> HttpResponse:
    return HttpResponseNotFound(render_to_string("reports/no_link.html"))


def _sealed(response: HttpResponse) -> HttpResponse:
    """Found by no search engine, kept by no cache, and its address told to no other site."""
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
