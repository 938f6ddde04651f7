"""Notes on places of a transcript: written by researchers, read by every reader, changed by their authors."""

from __future__ import annotations

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from transcripts.access import own_note, readable_notes, readable_transcript, require_noter
from transcripts.ingest.parsed import Span
from transcripts.listing.keyset import CURSOR, page
from transcripts.models import Note, Transcript
from transcripts.models.notes import LONGEST, QUOTED, passage
from transcripts.page.notes import by_anchor, noted
from transcripts.page.reading import read
from transcripts.parsing.personas import Cast
from transcripts.synthetic import ribbon

PAGE = 50


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


class NoteForm(forms.Form):
    text = forms.CharField(
        label="Note",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True, "class": "note-text"}),
    )


class CursorForm(forms.Form):
    cursor = forms.RegexField(regex=CURSOR, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
def write_note(request: HtmxRequest, pk: int) -> HttpResponse:
    """A new note on what has the anchor `at`."""
    author = require_noter(request.user)
    found = readable_transcript(author, pk)
    anchor = request.GET.get("at", "")
    span = _places(found).get(anchor)
    if span is None:
        raise Http404
    words = passage(found.text, span.place, span.start, span.end)
    form = NoteForm(request.POST or None, auto_id=f"{anchor}-%s")
    if request.method == "POST" and form.is_valid():
        note = Note(transcript=found, place=span.place, start=span.start, end=span.end, author=author)
        note.text = form.cleaned_data["text"]
        note.about(words)
        note.save()
        return _saved(request, found, anchor, note)
    context = {"title": "Note on a passage", "form": form, "quote": words[:QUOTED]}
    return _form(request, found, anchor, context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_note(request: HtmxRequest, pk: int) -> HttpResponse:
    note = own_note(request.user, pk)
    found = readable_transcript(request.user, note.transcript_id)
    anchor = _anchor_of(note, found)
    form = NoteForm(request.POST or None, initial={"text": note.text}, auto_id=f"note-{pk}-%s")
    if request.method == "POST" and form.is_valid():
        note.text, note.edited_at = form.cleaned_data["text"], timezone.now()
        note.save(update_fields=["text", "edited_at"])
        return _saved(request, found, anchor, note)
    context = {"title": "Edit your note", "form": form, "quote": note.quote, "editing": note}
    return _form(request, found, anchor, context)


@require_POST
def delete_note(request: HtmxRequest, pk: int) -> HttpResponse:
    note = own_note(request.user, pk)
    found = readable_transcript(request.user, note.transcript_id)
    anchor = _anchor_of(note, found)
    note.delete()
    return _saved(request, found, anchor)


@require_safe
def notes_at(request: HtmxRequest, pk: int) -> HttpResponse:
    """The notes of one place: what the page goes back to when nothing is written after all."""
    found = readable_transcript(request.user, pk)
    anchor = request.GET.get("at", "")
    if not request.htmx:
        place = f"#{anchor}" if anchor in _places(found) else ""
        return redirect(reverse("transcripts:transcript", args=[found.pk]) + place)
    return _fragment(request, found, anchor)


@require_safe
def notes(request: HttpRequest) -> HttpResponse:
    """All notes, newest first."""
    rows: QuerySet[Note] = readable_notes(request.user).select_related(
        "transcript__cell__evaluation", "transcript__cell__model", "transcript__cell__condition"
    )
    form = CursorForm(request.GET)
    found = page(rows, form.cleaned_data["cursor"] if form.is_valid() else "", PAGE)
    context = {
        "page": found,
        "shown": f"{len(found.rows):,} note{'' if len(found.rows) == 1 else 's'}, newest first",
        "synthetic": ribbon(note.transcript.cell.evaluation for note in found.rows),
    }
    return render(request, "transcripts/notes.html", context)


def _places(found: Transcript) -> dict[str, Span]:
    """Who the people are makes no difference to where things stand."""
    return read(found.prompt, found.text, list(found.actions.all()), Cast()).places


def _anchor_of(note: Note, found: Transcript) -> str:
    return noted([note], _places(found), found.text)[0].anchor


def _form(request: HtmxRequest, found: Transcript, anchor: str, context: dict[str, object]) -> HttpResponse:
    if request.htmx:
        return _fragment(request, found, anchor, **context)
    context |= {"transcript": found, "anchor": anchor, "synthetic": found.cell.evaluation.synthetic}
    return render(request, "transcripts/write_note.html", context)


def _saved(request: HtmxRequest, found: Transcript, anchor: str, note: Note | None = None) -> HttpResponse:
    if request.htmx:
        return _fragment(request, found, anchor, renewed=True)
    place = f"note-{note.pk}" if note else anchor
    return redirect(reverse("transcripts:transcript", args=[found.pk]) + (f"#{place}" if place else ""))


def _fragment(request: HtmxRequest, found: Transcript, anchor: str, **context: object) -> HttpResponse:
    """The notes of one place, with the form if one is open; after a change also the page's list of all notes."""
    rows = readable_notes(request.user).filter(transcript=found).order_by("pk")
    everything = noted(rows, _places(found), found.text)
    context |= {
        "transcript": found,
        "here": by_anchor(everything).get(anchor, []),
        "anchor": anchor,
        "noted": everything,
    }
    return render(request, "transcripts/_notes_at.html", context)
