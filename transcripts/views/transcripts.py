"""The list of transcripts: filters, search, pages by key."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from transcripts.access import may_ingest, readable_transcripts, require_reader
from transcripts.listing import counts
from transcripts.listing import facets as choices_of
from transcripts.listing.filters import LABELS, Chosen, FilterForm, chosen_by
from transcripts.listing.keyset import COUNTED, ORDERS, Page, in_words, page
from transcripts.listing.lines import lines
from transcripts.listing.summaries import narrow, summaries
from transcripts.models import Action, SavedView, Transcript, TranscriptText, Verdict
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.search.scan import BadPattern, scan
from transcripts.search.snippets import snippets
from transcripts.search.terms import PROMPT_WEIGHTS, Scope, Search
from transcripts.synthetic import ribbon

PAGE = 50
SEARCH_PAGE = 20  # each row carries an extract


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the query without it."""

    label: str
    words: str
    without: str


@dataclass(frozen=True)
class Listing:
    """A page of the list with what it says of the whole: how many, or how far a scan has come."""

    page: Page[Transcript]
    count: str
    shown: str
    capped: bool = False
    notes: tuple[str, ...] = ()


@require_safe
def transcripts(request: HttpRequest) -> HttpResponse:
    everything = readable_transcripts(request.user)
    chosen = chosen_by(request.GET)
    if chosen is None:
        return _refused(request, FilterForm(request.GET).problems())
    search = chosen.search
    try:
        listing = _scanned(everything, chosen) if search.regexes else _listed(everything, chosen)
    except BadPattern as problem:
        return _refused(request, [f"Search: {problem}"])
    rows = listing.page.rows
    extracts = snippets(_with_texts(rows, search), search) if search.groups and rows else {}
    choices = choices_of.facets(chosen)
    query = kept_query(request.GET)
    context = {
        "chosen": chosen,
        "page": listing.page,
        "rows": lines(summaries(rows, chosen), extracts),
        "listing": listing,
        "facets": choices,
        "chips": _chips(request.GET, chosen, choices),
        "query": query,
        "tail": f"?{query}" if query else "",
        "orders": {} if search.regexes else ORDERS,
        "views": _views(request, query),
        "may_label": may_ingest(request.user),
        "synthetic": ribbon(transcript.cell.evaluation for transcript in rows),
    }
    return render(request, "transcripts/transcripts.html", context)


def _refused(request: HttpRequest, problems: list[str]) -> HttpResponse:
    return render(request, "transcripts/transcripts.html", {"problems": problems}, status=400)


def _listed(everything: TranscriptQuerySet, chosen: Chosen) -> Listing:
    size = SEARCH_PAGE if chosen.q else PAGE
    rows = narrow(chosen.besides_cells(everything))
    shown = page(rows, chosen.cursor, size, chosen.ordered, cells=chosen.cell_ids)
    found = counts.in_list(chosen, chosen.transcripts(everything))
    words = f"{len(shown.rows):,} of {in_words(found)} transcripts, {chosen.ordered.words}"
    return Listing(shown, in_words(found), words, capped=found > COUNTED)


def _scanned(everything: TranscriptQuerySet, chosen: Chosen) -> Listing:
    """What a regular expression found, as far as the time allowed; the next page looks on from there."""
    wanted = chosen.transcripts(everything)
    beyond = int(chosen.cursor[1:]) if chosen.cursor.startswith("a") else None
    result = scan(wanted, chosen.search.regexes, beyond=beyond, size=SEARCH_PAGE)
    by_id = {one.pk: one for one in narrow(wanted.filter(pk__in=result.found))}
    rows = [by_id[pk] for pk in result.found if pk in by_id]
    found = f"{len(rows):,} found in {result.looked_at:,} looked at"
    notes = []
    if result.stopped_at is not None:
        notes.append(
            "A regular expression is looked for in the texts themselves, newest first, for two seconds a page."
        )
    if result.undecided:
        notes.append(f"It took too long on {result.undecided:,} of them: whether it stands there is not known.")
    next_cursor = f"a{result.stopped_at}" if result.stopped_at is not None else ""
    return Listing(Page(rows, "", next_cursor), found, f"{found}, newest first", notes=tuple(notes))


def _with_texts(rows: list[Transcript], search: Search) -> list[Transcript]:
    """With the texts that extracts are made from, in one query each."""
    scopes = {term.scope for term in search.wanted()}
    prompt = ["prompt"] if scopes & PROMPT_WEIGHTS.keys() else []
    verdicts = (
        [Prefetch("verdicts", Verdict.objects.only("transcript", "explanation"))] if Scope.JUDGE in scopes else []
    )
    actions = Action.objects.only("transcript", "ordinal", "in_reasoning", "place", "start", "end")
    texts = TranscriptText.objects.only("messages", "reasoning")
    prefetch_related_objects(rows, Prefetch("text", texts), Prefetch("actions", actions), *prompt, *verdicts)
    return rows


@require_safe
def facets(request: HttpRequest) -> HttpResponse:
    """The filter form with counts: a fragment that the list does not wait for."""
    require_reader(request.user)
    chosen = chosen_by(request.GET)
    if chosen is None:
        return HttpResponse(status=204)
    return render(
        request,
        "transcripts/transcripts.html#filters",
        {"facets": choices_of.counted(chosen), "chosen": chosen, "count_words": counts.words(chosen)},
    )


def _views(request: HttpRequest, query: str) -> list[tuple[SavedView, bool, bool]]:
    """The saved views that the reader may open: whether it is theirs, and whether it is what is shown now."""
    assert isinstance(request.user, User), "strangers are told that nothing is there"
    seen = SavedView.objects.seen_by(request.user).select_related("owner")
    own = request.user.pk
    return [(view, view.owner_id == own, view.query == query) for view in seen]


def _chips(query: QueryDict, chosen: Chosen, choices: list[choices_of.Facet]) -> list[Chip]:
    words = {(facet.name, option.value): option.words for facet in choices for option in facet.options}
    chips = []
    for name, label in LABELS.items():
        values = chosen.values(name)
        # Ticked rows are one choice, however many they are.
        groups = [values] if name == "id" and values else [[value] for value in values]
        for group in groups:
            rest = query.copy()
            rest.pop("cursor", None)
            rest.setlist(name, [other for other in query.getlist(name) if other.strip() and other.strip() not in group])
            said = words.get((name, group[0]), group[0])
            if name == "id":
                said = f"{len(group):,} transcript{'' if len(group) == 1 else 's'}"
            chips.append(Chip(label, said, rest.urlencode()))
    return chips


def kept_query(query: QueryDict) -> str:
    """The filters and the order, as links and saved views keep them: without the page, in one spelling."""
    kept = QueryDict(mutable=True)
    for name in (*LABELS, "order"):
        if values := [value for value in query.getlist(name) if value]:
            kept.setlist(name, values)
    return kept.urlencode()
