"""Saved views: the list's filters under a name, each with an address of its own."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from transcripts.access import own_view, require_reader, seen_view
from transcripts.listing.filters import FilterForm
from transcripts.models import SavedView
from transcripts.views.transcripts import kept_query


class ViewForm(forms.Form):
    """A view's name, and whether every reader sees it."""

    name = forms.CharField(max_length=120)
    shared = forms.BooleanField(required=False, label="Shared with all readers")

    def __init__(self, owner: User, *args: object, view: SavedView | None = None) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        own = SavedView.objects.filter(owner=owner)
        self._others = own.exclude(pk=view.pk) if view else own

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self._others.filter(name=name).exists():
            raise forms.ValidationError(f"You have a view named {name} already.")
        return name


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keeps the query that the list was shown with."""
    require_reader(request.user)
    assert isinstance(request.user, User), "readers are users"
    query = QueryDict(request.POST.get("query", "")[:10_000])
    if FilterForm(query).chosen() is None:
        messages.error(request, "The view was not saved: its filters cannot be understood.")
        return redirect("transcripts:transcripts")
    form = ViewForm(request.user, request.POST)
    if form.is_valid():
        kept = kept_query(query)
        made = SavedView.objects.create(
            name=form.cleaned_data["name"], query=kept, owner=request.user, shared=form.cleaned_data["shared"]
        )
        messages.success(request, f"Saved as {made}: its address is {request.build_absolute_uri(_address(made))}")
        return redirect(_listed(made.query))
    for errors in form.errors.values():
        messages.error(request, f"The view was not saved. {' '.join(map(str, errors))}")
    return redirect(_listed(kept_query(query)))


@require_safe
def saved_view(request: HttpRequest, pk: int) -> HttpResponse:
    return redirect(_listed(seen_view(request.user, pk).query))


@require_http_methods(["GET", "HEAD", "POST"])
def edit_view(request: HttpRequest, pk: int) -> HttpResponse:
    view = own_view(request.user, pk)
    if "delete" in request.POST:
        view.delete()
        messages.success(request, f"The view {view} is deleted; the transcripts stay.")
        return redirect(_listed(view.query))
    assert isinstance(request.user, User), "owners are users"
    given = request.POST if request.method == "POST" else {"name": view.name, "shared": view.shared}
    form = ViewForm(request.user, given, view=view)
    if request.method == "POST" and form.is_valid():
        view.name, view.shared = form.cleaned_data["name"], form.cleaned_data["shared"]
        view.save(update_fields=["name", "shared"])
        messages.success(request, f"Saved as {view}, {'shared with all readers' if view.shared else 'private'}.")
        return redirect(_listed(view.query))
    status = 422 if form.errors else 200
    return render(request, "transcripts/edit_view.html", {"view": view, "form": form}, status=status)


def _address(view: SavedView) -> str:
    return reverse("transcripts:saved_view", args=[view.pk])


def _listed(query: str) -> str:
    return f"{reverse('transcripts:transcripts')}{'?' if query else ''}{query}"
