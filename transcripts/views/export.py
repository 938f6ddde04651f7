"""Transcripts to take away: a page that asks how, and the download itself."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from transcripts.access import readable_transcripts
from transcripts.downloads import export as exports
from transcripts.downloads.downloads import as_download
from transcripts.listing.counts import in_list
from transcripts.listing.filters import LABELS, Chosen, FilterForm
from transcripts.listing.keyset import in_words
from transcripts.synthetic import ribbon_of_everything
from transcripts.views.transcripts import kept_query

WORDS = {
    "jsonl": "JSONL: a line per transcript, verdicts and deeds as lists",
    "csv": "CSV: a row per transcript, safe to open in a spreadsheet",
    "parquet": "Parquet: the same columns with their types, for data frames",
}
NO_EXPRESSIONS = (
    "A regular expression is looked for page by page, so what it finds cannot be taken as a whole: "
    "tick rows, or search for words."
)


class ExportForm(forms.Form):
    format = forms.ChoiceField(required=False, choices=lambda: [(name, WORDS[name]) for name in exports.formats()])
    texts = forms.BooleanField(required=False)


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """With a `format` the file, without one the question; the same filters as the list."""
    everything = readable_transcripts(request.user)
    filters, form = FilterForm(request.GET), ExportForm(request.GET)
    chosen = filters.chosen()
    problems = [] if chosen else filters.problems()
    if chosen and chosen.search.regexes:
        problems = [NO_EXPRESSIONS]
    if not form.is_valid():
        problems += [str(error) for errors in form.errors.values() for error in errors]
    if chosen is None or problems:
        return render(request, "transcripts/export.html", {"problems": problems}, status=400)
    wanted = chosen.transcripts(everything)
    if how := form.cleaned_data["format"]:
        stream = exports.export(wanted, chosen, how, texts=form.cleaned_data["texts"])
        return as_download(StreamingHttpResponse(stream, content_type=exports.TYPES[how]), _name(chosen), how)
    context = {
        "count": in_words(in_list(chosen, wanted)),
        "formats": [(name, WORDS[name]) for name in exports.formats()],
        "fields": [(name, value) for name in LABELS for value in chosen.values(name)],
        "query": kept_query(request.GET),
        "synthetic": ribbon_of_everything(),
        "ticked": len(chosen.id),
        "filters": [(LABELS[name].lower(), value) for name in LABELS if name != "id" for value in chosen.values(name)],
    }
    return render(request, "transcripts/export.html", context)


def _name(chosen: Chosen) -> str:
    values = [value for name in LABELS if name not in ("id", "evaluation", "q") for value in chosen.values(name)]
    return " ".join(["transcripts", *values, *(["chosen"] if chosen.id else [])])
