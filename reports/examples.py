"""Typical transcripts behind the rows of an exhibit: chosen by chance, copied once, and shown from the copy alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import QueryDict

from labeling.calibration.basis import sample_items
from labeling.models import Evidence, Resolution
from labeling.queue.masks import Mask
from transcripts.downloads.downloads import CANARY
from transcripts.listing.filters import FilterForm
from transcripts.models import Cell, Persona, Transcript, TranscriptText

from .exhibit import LEADERBOARD, Exhibit
from .filters import Report
from .models import Example
from .redaction import covers, short
from .rows import Row, Scale

# The exhibits whose rows are rates of the outcome: what people agreed to count shows these, and no other figure.
RATES = ("rates", "heatmap", LEADERBOARD)
PER_ROW = 2
PASSAGES = 3
LONGEST = 400  # characters of a passage
SPELLED = (
    f"Up to {PER_ROW} transcripts of each row that people agreed to count, the first in a random order that was fixed "
    f"when they came in. A passage is what the raters who said so marked as their evidence: up to {PASSAGES} of a "
    f"transcript, of {LONGEST} characters each, with names and addresses covered."
)


@dataclass(frozen=True)
class Shown:
    """An example with the row that it stands behind."""

    row: Row
    example: Example
    whole: bool


def shown(examples: Iterable[Example], exhibit: Exhibit, whole: Container[int]) -> list[Shown]:
    """`whole`: the ids of those that may be read whole."""
    rows = exhibit.every_row
    return [Shown(rows[each.row], each, each.pk in whole) for each in examples if each.row < len(rows)]


def examples(report: Report, exhibit: Exhibit) -> list[Example]:
    """The copies for the rows of a live exhibit, not yet of any snapshot."""
    basis = report.basis
    if basis.campaign is None or basis.label_outcome is None or exhibit.slug not in RATES:
        return []
    agreed = _agreed(report)
    chosen = [
        (index, number, transcript)
        for index, row in enumerate(exhibit.every_row)
        for number, transcript in enumerate(_of(row, agreed)[:PER_ROW], 1)
    ]
    known = Transcript.objects.for_reading().filter(text__isnull=False)
    texts = known.in_bulk({transcript for _, _, transcript in chosen})
    evidence = _evidence(report, texts.keys())
    personas: dict[str, list[Persona]] = defaultdict(list)
    for persona in Persona.objects.filter(scenario__in={t.cell.condition.scenario for t in texts.values()}):
        personas[persona.scenario].append(persona)
    copies = {
        pk: (_excerpts(transcript, evidence[pk], personas[transcript.cell.condition.scenario]), _copy(transcript))
        for pk, transcript in texts.items()
    }
    return [
        Example(transcript_id=pk, part=1, row=index, number=number, excerpts=copies[pk][0], text=copies[pk][1])
        for index, number, pk in chosen
        if pk in copies
    ]


def _agreed(report: Report) -> list[tuple[int, int]]:
    """Cell and id of the drawn transcripts that people agreed to count, in their permanent random order."""
    items = sample_items(report.basis).filter(resolved=True, transcript__cell__in=report.estimates.shown)
    return list(items.order_by("transcript__u", "transcript").values_list("transcript__cell", "transcript"))


def _of(row: Row, agreed: Sequence[tuple[int, int]]) -> list[int]:
    """Those of a row, by the cells that its link leads to. A difference of two rates has none of its own."""
    form = FilterForm(QueryDict(row.query))
    chosen = form.chosen()
    if not row.query or row.scale != Scale.RATE or chosen is None:
        return []
    cells = set(Cell.objects.filter(chosen.cells()).values_list("pk", flat=True))
    return [transcript for cell, transcript in agreed if cell in cells]


def _evidence(report: Report, transcripts: Iterable[int]) -> dict[int, list[Evidence]]:
    """By transcript: what was marked by the raters whose own answer is the agreed one."""
    outcome = report.basis.label_outcome
    assert outcome is not None
    resolutions = Resolution.objects.filter(
        item__campaign=report.basis.campaign,
        item__transcript__in=transcripts,
        outcome=outcome,
        superseded_at__isnull=True,
    ).values_list("label_ids", flat=True)
    labels = [label for ids in resolutions for label in ids]
    found: dict[int, list[Evidence]] = defaultdict(list)
    # What was marked for another question (a belief, a motive) shows another thing.
    about = Q(question=outcome.question) | Q(question__isnull=True)
    rows = Evidence.objects.filter(about, label__in=labels).select_related("label__item__transcript__cell__condition")
    for row in rows.prefetch_related("label__answers").order_by("label", "place", "start"):
        transcript = row.label.item.transcript
        positive = outcome.positive_choices(transcript.cell.condition.scenario)
        if any(answer.choice_id in positive for answer in row.label.answers.all()):
            found[transcript.pk].append(row)
    return found


def _excerpts(transcript: Transcript, evidence: Sequence[Evidence], people: Sequence[Persona]) -> list[dict[str, str]]:
    mask = covers(_texts(transcript), people)
    found: dict[str, dict[str, str]] = {}
    for row in evidence:
        passage = _passage(transcript.text, row, mask)
        if passage:
            found.setdefault(passage, {"from": _where(transcript.text, row), "text": passage})
    return list(found.values())[:PASSAGES]


def _passage(text: TranscriptText, row: Evidence, mask: Mask) -> str:
    """The covered words of a span. One that was marked in another text, or outside of it, is none."""
    try:
        whole = text.at(row.place)
    except KeyError:
        return ""
    if whole[row.start : row.end] != row.quote:
        return ""
    # The whole is covered first: a span may begin inside a name.
    words = short(mask.cover(whole)[row.start : row.end].strip())
    return words if len(words) <= LONGEST else words[:LONGEST].rpartition(" ")[0] + " …"


def _where(text: TranscriptText, row: Evidence) -> str:
    if row.place in ("system", "user"):
        return "the prompt"
    thought = row.place.endswith(".reasoning") or any(
        part["place"] == row.place and part["start"] <= row.start < part["end"] for part in text.reasoning
    )
    return "its reasoning" if thought else "what it said and did"


def _texts(transcript: Transcript) -> Iterator[str]:
    yield transcript.prompt.system
    yield transcript.prompt.user
    for message in transcript.text.messages:
        yield from _strings(message)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _copy(transcript: Transcript) -> dict[str, Any]:
    """What the model was shown and what it answered: no other field of the file, nothing that judges or raters said."""
    kept = ("role", "text", "reasoning", "tool_calls")
    return {
        "canary": CANARY,
        "system": transcript.prompt.system,
        "user": transcript.prompt.user,
        "messages": [
            {name: message[name] for name in kept if message.get(name)} for message in transcript.text.messages
        ],
    }
