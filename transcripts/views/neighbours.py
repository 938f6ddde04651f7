"""From one transcript to the next of the list that the reader came from."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from transcripts.access import readable_transcript, readable_transcripts
from transcripts.listing.filters import Chosen, chosen_by
from transcripts.listing.keyset import neighbours
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.search.scan import BadPattern, scan
from transcripts.views.transcripts import kept_query


@dataclass(frozen=True)
class Beside:
    """Addresses of the transcripts before and after one in its list; "" where there is none."""

    before: str
    after: str


def beside_in_list(request: HttpRequest, pk: int, everything: TranscriptQuerySet, chosen: Chosen | None) -> Beside:
    """In the same order and under the same filters as the list. Without filters that can be read, in the whole list.

    What a regular expression finds has to be looked for, which is done when the reader asks for it.
    """
    query = kept_query(request.GET)
    if chosen and chosen.search.regexes:
        return Beside(*(_address(name, pk, query) for name in ("previous", "next")))
    if chosen is None:
        found = neighbours(everything, pk)
    else:
        found = neighbours(chosen.besides_cells(everything), pk, chosen.ordered, cells=chosen.cell_ids)
    return Beside(*(_address("transcript", other, query) if other else "" for other in found))


@require_safe
def step(request: HttpRequest, pk: int, *, back: bool) -> HttpResponse:
    """On to the next transcript that a list holds, or back; where none is found, how far the look came."""
    found = readable_transcript(request.user, pk)
    chosen = chosen_by(request.GET)
    query = kept_query(request.GET)
    if chosen is None:
        return redirect(f"{reverse('transcripts:transcripts')}?{query}")
    everything = readable_transcripts(request.user)
    terms = chosen.search.regexes
    if not terms:
        beside = neighbours(chosen.besides_cells(everything), pk, chosen.ordered, cells=chosen.cell_ids)
        return redirect(_address("transcript", beside[0 if back else 1] or pk, query))
    beyond = int(chosen.cursor[1:] or 0) or pk
    try:
        result = scan(chosen.transcripts(everything), terms, beyond=beyond, size=1, back=back)
    except BadPattern:
        return redirect(f"{reverse('transcripts:transcripts')}?{query}")
    if result.found:
        return redirect(_address("transcript", result.found[0], query))
    context = {
        "transcript": found,
        "back": back,
        "result": result,
        "on": "" if result.stopped_at is None else f"{query}&cursor={'b' if back else 'a'}{result.stopped_at}",
        "query": query,
        "synthetic": found.cell.evaluation.synthetic,
    }
    return render(request, "transcripts/step.html", context)


def _address(name: str, pk: int, query: str) -> str:
    return reverse(f"transcripts:{name}", args=[pk]) + (f"?{query}" if query else "")
