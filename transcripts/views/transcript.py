"""One transcript: what the model could see, thought and did, and what its judges made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from transcripts.access import may_note, readable_notes, readable_transcript, readable_transcripts
from transcripts.ingest.parsed import Span, Status
from transcripts.listing.filters import chosen_by
from transcripts.listing.keyset import COUNTED, in_words
from transcripts.models import Condition, Persona, Transcript, Verdict
from transcripts.page import gaps
from transcripts.page.citations import citations
from transcripts.page.glance import glance
from transcripts.page.judgements import judgement
from transcripts.page.kept import kept
from transcripts.page.notes import by_anchor, noted
from transcripts.page.raw import as_json
from transcripts.page.reading import read
from transcripts.page.references import Mark, marks_of
from transcripts.page.threads import Box, threads
from transcripts.parsing.personas import Cast
from transcripts.parsing.personas import Persona as Role
from transcripts.search.hits import Hits, hits, regions
from transcripts.search.terms import Search
from transcripts.views.neighbours import beside_in_list
from transcripts.views.transcripts import kept_query

IN_CELL = """
SELECT count(*) FILTER (WHERE id <= %(pk)s), count(*),
    (SELECT sum(samples) FROM transcripts_plan WHERE cell_id = %(cell)s),
    coalesce((SELECT sum(n) FROM transcripts_status_tally WHERE cell_id = %(cell)s), 0),
    coalesce((SELECT sum(n) FROM transcripts_status_tally WHERE cell_id = %(cell)s AND status = 'error'), 0)
FROM (SELECT id FROM transcripts_transcript WHERE cell_id = %(cell)s ORDER BY id LIMIT %(most)s) counted
"""
ORIGINS = {
    "scratchpad": "scratchpad",
    "think": "think tag",
    "native": "the model's own reasoning channel",
    "redacted": "withheld by the provider",
    "none": "no reasoning recorded",
}


@dataclass(frozen=True)
class Factor:
    name: str
    words: str
    state: str  # on: set; unknown: the source does not say; "": in its plain form


@dataclass(frozen=True)
class Position:
    """Where a transcript stands in its cell, in words, and how much of the cell is missing."""

    number: str
    obtained: str
    missing: str


@require_safe
def transcript(request: HttpRequest, pk: int) -> HttpResponse:
    found = readable_transcript(request.user, pk)
    chosen = chosen_by(request.GET)
    verdicts = list(found.verdicts.select_related("version__classifier"))
    search = chosen.search if chosen else Search()
    hit = hits(search, list(regions(search, found))) if search.groups else Hits()
    cited = _cited(found, verdicts)
    marks = [*(Mark(span, "hit") for span in hit.spans), *(Mark(span, "cited") for span in cited), *_others(found)]
    people = cast(found.cell.condition.scenario)
    reading = read(found.prompt, found.text, list(found.actions.all()), people, marks)
    notes = noted(readable_notes(request.user).filter(transcript=found).order_by("pk"), reading.places, found.text)
    cancelled = any(deed.verb == "cancel" for deed in reading.deeds)
    quotes = [(found.text.at(span.place)[span.start : span.end], reading.anchor_at(span)) for span in cited]
    query = kept_query(request.GET)
    context = {
        "transcript": found,
        "cell": found.cell,
        "evaluation": found.cell.evaluation,
        "factors": factors(found.cell.condition),
        "origin": ORIGINS[found.origin],
        "status": gaps.STATUS_WORDS[Status(found.status)],
        "reading": reading,
        "inbox": Box(threads(reading)),
        "glance": glance(reading, people),
        "noted": notes,
        "notes_at": by_anchor(notes),
        "note_url": reverse("transcripts:write_note", args=[found.pk]) if may_note(request.user) else "",
        "judgements": [
            judgement(verdict, cancelled=cancelled, quotes=quotes, hits=_hits_in(verdict, hit)) for verdict in verdicts
        ],
        "gaps": [
            *gaps.of_transcript(found, reading),
            *gaps.of_verdicts(found, verdicts),
            *gaps.of_text(found, found.text),
            *hit.problems,
        ],
        "kept": kept(found.text.extra),
        "marked": Counter(mark.kind for mark in marks),
        "position": _position(found),
        "beside": beside_in_list(request, found.pk, readable_transcripts(request.user), chosen),
        "query": f"?{query}" if query else "",
        "filtered": chosen is not None and not chosen.is_empty(),
        "synthetic": found.cell.evaluation.synthetic,
    }
    return render(request, "transcripts/transcript.html", context)


@require_safe
def raw(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that is kept of a transcript, to read or to download; the canary string stays in it."""
    found = readable_transcript(request.user, pk)
    body = orjson.dumps(as_json(found), option=orjson.OPT_INDENT_2).decode()
    # Escaped they are the same JSON, and can neither hide nor reorder what is read.
    body = gaps.DIRECTION_MARKS.sub(lambda mark: f"\\u{ord(mark[0]):04x}", body)
    if "download" in request.GET:
        response = HttpResponse(body, content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="transcript-{found.pk}.json"'
        return response
    answers = [message for message in found.text.messages if message["role"] == "assistant"]
    context = {
        "transcript": found,
        "json": body,
        "answers": answers,
        "synthetic": found.cell.evaluation.synthetic,
    }
    return render(request, "transcripts/raw.html", context)


def cast(scenario: str) -> Cast:
    """The people of a scenario, as they are known now."""
    rows = Persona.objects.filter(scenario=scenario).values("scenario", "address", "name", "role", "inside", "in_gate")
    return Cast(Role(**row) for row in rows)


def _hits_in(verdict: Verdict, hit: Hits) -> list[str]:
    """The words of an explanation that the search found."""
    spans = (span for span in hit.spans if span.place == f"verdict-{verdict.pk}")
    return [verdict.explanation[span.start : span.end] for span in spans]


def _cited(found: Transcript, verdicts: Iterable[Verdict]) -> list[Span]:
    """What the judges quote, wherever it stands: in the answers, else in what the model was shown."""
    texts = [
        (f"m{number}.{part}", message.get(part, ""))
        for number, message in enumerate(found.text.messages)
        for part in ("reasoning", "text")
    ]
    texts += [("user", found.prompt.user), ("system", found.prompt.system)]
    explanations = dict.fromkeys(verdict.explanation for verdict in verdicts)
    return [span for explanation in explanations for span in citations(explanation, texts)]


def _others(found: Transcript) -> list[Mark]:
    return [mark for marks in marks_of.values() for mark in marks(found)]


def factors(condition: Condition) -> list[Factor]:
    """Every factor of the condition, set or not, so that what is absent can be seen as well."""
    goal = condition.goal_type
    if goal not in ("none", "unknown") and condition.goal_value != "none":
        goal = f"{goal} · {condition.goal_value}"
    named = [
        ("goal", goal),
        ("threat", condition.urgency),
        ("mitigation", condition.mitigation),
        ("awareness notice", condition.awareness),
        *((name, str(value)) for name, value in sorted(condition.free.items())),
    ]
    found = [Factor(name, words, {"none": "", "unknown": "unknown"}.get(words, "on")) for name, words in named]
    if condition.prod:
        found.append(Factor("variant", "without scratchpad", "on"))
    return found


def _position(found: Transcript) -> Position:
    """Counted as far as counts go: a cell may hold a million samples."""
    with connection.cursor() as cursor:
        cursor.execute(IN_CELL, {"pk": found.pk, "cell": found.cell_id, "most": COUNTED + 1})
        number, obtained, planned, tallied, failed = cursor.fetchone()
    all_obtained = obtained if obtained <= COUNTED else tallied
    return Position(
        number=in_words(number),
        obtained=in_words(obtained),
        missing=gaps.of_cell(planned, all_obtained, failed),
    )
