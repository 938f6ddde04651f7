"""What a download tells of each transcript: records that are read set by set, without an object for every row.

The ids are fixed when the stream begins, by a cursor on the server; so its memory does not grow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db.models import TextField
from django.db.models.functions import Cast

from transcripts.listing.filters import Chosen
from transcripts.listing.gist import Deed, Gist, Told, gists
from transcripts.listing.labelled import Labelled, labelled
from transcripts.listing.lookups import among
from transcripts.models import Action, Cell, ClassifierVersion, Prompt, Transcript, TranscriptText, Verdict
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.page.judgements import call, latest

TOGETHER = 1_000  # rows in memory
TEXTS_TOGETHER = 50  # with their texts, of which one may have megabytes
FACTORS = ("scenario", "goal_type", "goal_value", "urgency", "prod", "mitigation", "awareness")
Record = dict[str, Any]


class Row(NamedTuple):
    """The narrow row of a transcript."""

    pk: int
    cell_id: int
    prompt_id: int
    status: str
    origin: str
    sample_key: str
    stop_reason: str
    error: str
    recorded_at: datetime | None


class Said(NamedTuple):
    """A verdict."""

    transcript_id: int
    version_id: int
    outcome: str
    final: bool | None
    judge: bool | None
    gates: dict[str, bool]
    score: float | None
    explanation: str
    error: str


class Done(NamedTuple):
    """An action."""

    transcript_id: int
    tool: str
    in_reasoning: bool
    recipients: list[str]
    roles: list[str]
    outside: bool | None
    problem: str


class Version(NamedTuple):
    classifier: str
    version: str


def records(wanted: TranscriptQuerySet, chosen: Chosen, *, texts: bool) -> Iterator[Record]:
    """The transcripts in the order of their ids."""
    size = TEXTS_TOGETHER if texts else TOGETHER
    ids: list[int] = []
    for pk in wanted.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=10_000):
        ids.append(pk)
        if len(ids) == size:
            yield from _read(ids, chosen, texts=texts)
            ids = []
    if ids:
        yield from _read(ids, chosen, texts=texts)


def _read(ids: Sequence[int], chosen: Chosen, *, texts: bool) -> Iterator[Record]:
    found = Transcript.objects.filter(among("pk", ids)).order_by("pk").values_list(*Row._fields)
    rows = [Row(*row) for row in found]
    cells = _cells({row.cell_id for row in rows})
    verdicts: defaultdict[int, list[Said]] = defaultdict(list)
    for verdict in _rows(Verdict, Said, ids, ("version_id", "outcome")):
        verdicts[verdict.transcript_id].append(verdict)
    done: defaultdict[int, list[Done]] = defaultdict(list)
    for action in _rows(Action, Done, ids, ("ordinal",)):
        done[action.transcript_id].append(action)
    versions = {
        pk: Version(slug, version)
        for pk, slug, version in ClassifierVersion.objects.order_by().values_list("pk", "classifier__slug", "version")
    }
    told = {row.pk: _told(row, cells[row.cell_id]["scenario"], done[row.pk]) for row in rows}
    gist, labels = gists(told), labelled(ids, chosen.judged_outcome)
    text = _texts(rows) if texts else {}
    for row in rows:
        head = {"id": row.pk, **cells[row.cell_id]}
        body = _record(row, verdicts[row.pk], versions, chosen)
        yield (
            head
            | body
            | _known(gist[row.pk], labels[row.pk])
            | {
                "verdicts": [_verdict(each, versions[each.version_id]) for each in verdicts[row.pk]],
                "deeds": [_deed(each) for each in done[row.pk]],
                **text.get(row.pk, {}),
            }
        )


def _rows(model: Any, row: Any, ids: Sequence[int], order: tuple[str, ...]) -> Iterator[Any]:
    found = model.objects.filter(among("transcript", ids)).order_by(*order).values_list(*row._fields)
    return map(row._make, found)


def _cells(ids: set[int]) -> dict[int, Record]:
    """What every transcript of a cell has in common."""
    return {
        cell.pk: {
            "evaluation": cell.evaluation.name,
            "synthetic": cell.evaluation.synthetic,
            "model": cell.model.recorded_id,
            **{name: getattr(cell.condition, name) for name in FACTORS},
            "other_factors": cell.condition.free,
        }
        for cell in Cell.objects.filter(among("pk", ids)).select_related("evaluation", "model", "condition")
    }


def _told(row: Row, scenario: str, done: Sequence[Done]) -> Told:
    deeds = (Deed(each.tool, each.in_reasoning, tuple(each.roles), each.outside) for each in done)
    return Told(row.status, row.origin, scenario, tuple(deeds))


def _record(row: Row, verdicts: Sequence[Said], versions: dict[int, Version], chosen: Chosen) -> Record:
    outcome = chosen.judged_outcome
    verdict = latest(
        each
        for each in verdicts
        if each.outcome == outcome
        and (not chosen.classifier or versions[each.version_id].classifier in chosen.classifier)
    )
    version = versions[verdict.version_id] if verdict else Version("", "")
    overruled = None
    if verdict and verdict.final is not None:
        overruled = verdict.judge is not None and verdict.final != verdict.judge
    return {
        "sample_key": row.sample_key,
        "status": row.status,
        "stop_reason": row.stop_reason,
        "error": row.error,
        "recorded_at": row.recorded_at.isoformat() if row.recorded_at else None,
        "reasoning_origin": row.origin,
        "outcome": outcome,
        "classifier": version.classifier,
        "classifier_version": version.version,
        "verdict": call(verdict),
        "final": verdict.final if verdict else None,
        "judge": verdict.judge if verdict else None,
        "gates_overrule_judge": overruled,
    }


def _known(gist: Gist, labels: Labelled) -> Record:
    return {
        "did": gist.did,
        "how_far": gist.reach,
        "wrote_to": list(gist.roles),
        "outside": gist.outside if gist.reach else None,
        "drafts": gist.drafts,
        "labels": labels.labels,
        "label_state": labels.state,
        "label_value": labels.value,
    }


def _verdict(verdict: Said, version: Version) -> Record:
    return {
        "classifier": version.classifier,
        "version": version.version,
        "outcome": verdict.outcome,
        "final": verdict.final,
        "judge": verdict.judge,
        "gates": verdict.gates,
        "score": verdict.score,
        "explanation": verdict.explanation,
        "error": verdict.error,
    }


def _deed(action: Done) -> Record:
    return {
        "tool": action.tool,
        "done": not action.in_reasoning,
        "recipients": action.recipients,
        "roles": action.roles,
        "outside": action.outside,
        "problem": action.problem,
    }


def _texts(rows: Sequence[Row]) -> dict[int, Record]:
    """Prompts, which many share, and messages."""
    names = ("messages", "reasoning", "extra")
    prompts = Prompt.objects.in_bulk({row.prompt_id for row in rows})
    # Read as text: the JSON is taken apart and put together again by the faster of two parsers.
    found = TranscriptText.objects.filter(among("pk", [row.pk for row in rows]))
    own = {
        pk: dict(zip(names, map(orjson.loads, texts), strict=True))
        for pk, *texts in found.values_list("pk", *(Cast(name, TextField()) for name in names))
    }
    return {
        row.pk: {"system": prompts[row.prompt_id].system, "user": prompts[row.prompt_id].user, **own[row.pk]}
        for row in rows
    }
