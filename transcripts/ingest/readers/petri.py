"""Reads transcripts of Petri (github.com/safety-research/petri), versions 3.0 and near it: one JSON file each.

An auditor model leads a conversation with the model under test, the target, and may take messages back; a judge
model scores the whole on many dimensions. What is read is the target's conversation as it stood at the end:
`target_messages`, or, where a file has none, what the events make of the view "target" when they are replayed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.decode import Undecodable, from_json, moment
from transcripts.ingest.files.tree import Tree, source
from transcripts.ingest.parsed import Condition, Ignored, Message, Problem, Record, Source, Transcript, Verdict
from transcripts.ingest.readers.chat import UNKNOWN, deeds, divided, mapping, status, texts, thoughts
from transcripts.ingest.readers.inspect_messages import Conversation
from transcripts.ingest.readers.petri_events import edits, replayed

FORMAT = "petri"
VERSION = "v3.0"

# How a transcript begins as Petri writes it, with something that only a transcript of Petri's says.
_METADATA = frozenset({b"metadata", b"created_at", b"updated_at"})
_SAID = frozenset({b"auditor_model", b"target_model", b"judge_output", b"events", b"target_messages"})
_NAME = re.compile(rb'"([a-z_]{1,40})"\s*:')
_ID = re.compile(rb'"transcript_id"\s*:\s*[^\s{]')  # a schema says what it is, in an object
# How it begins with its names sorted; the whole of the first message may stand before what its event is.
_EVENTS = re.compile(rb'\s*{\s*"events"\s*:\s*\[')
_EVENT = re.compile(rb'"type"\s*:\s*"transcript_event"')
_FURTHER = 4 << 20  # bytes
_MOST_WARNINGS = 20
_TAKEN = frozenset({"transcript_id", "target_model", "auditor_model", "judge_output", "created_at"})


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """An object that begins with a transcript's metadata or with its events."""
    start = start.removeprefix(b"\xef\xbb\xbf")
    if _EVENTS.match(start):
        return _EVENT.search(start) is not None or _EVENT.search(_further(tree, path)) is not None
    names = set(_NAME.findall(start)) if start.lstrip().startswith(b"{") else set()
    return names >= _METADATA and not names.isdisjoint(_SAID) and _ID.search(start) is not None


def _further(tree: Tree, path: str) -> bytes:
    try:
        with tree.open(path) as file:
            return file.read(_FURTHER)
    except (OSError, Refused):
        return b""


def read(tree: Tree, path: str) -> Iterator[Record]:
    """One transcript."""
    try:
        data = tree.read(path)
        found = transcript(from_json(data), source(tree, path, data, FORMAT))
    except Undecodable as error:
        yield Problem(tree.name(path), error.where, error.reason)
        return
    except (OSError, Refused) as error:
        yield Problem(tree.name(path), "", f"cannot be read: {error}")
        return
    except ValueError as error:
        yield Problem(tree.name(path), "", str(error))
        return
    yield from (Problem(tree.name(path), where, reason, lost=False) for where, reason in found.warnings)
    yield from (Ignored(name) for name in sorted(found.ignored))
    yield found.record


@dataclass
class Found:
    """A transcript, what was odd about it (where, and why), and the names of the fields that it left out."""

    record: Transcript
    warnings: list[tuple[str, str]] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)


def transcript(document: object, origin: Source) -> Found:
    """A document as a transcript. Raises ValueError, in words, where it is none."""
    if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
        raise ValueError("not a Petri transcript: it has no metadata")
    metadata: dict[str, Any] = document["metadata"]
    key = metadata.get("transcript_id")
    if not isinstance(key, str) or not key:
        raise ValueError("metadata.transcript_id is missing: which transcript this is is not known")
    warnings = list(_oddities(metadata))
    raw, rollbacks = _target_messages(document, warnings)
    talk = Conversation({})
    system, user, messages = divided(list(_messages(raw, talk, warnings)))
    thought = tuple(thoughts(messages))
    recorded_at = moment(metadata.get("created_at"))
    record = Transcript(
        source=origin,
        model=texts(metadata, "target_model") or UNKNOWN,
        condition=Condition("petri", free={"auditor": texts(metadata, "auditor_model") or UNKNOWN}),
        sample_key=key,
        status=status(messages, cut_off=False),
        system=system,
        user=user,
        messages=messages,
        reasoning=thought,
        actions=tuple(deeds(messages, thought)),
        verdicts=tuple(_verdicts(metadata)),
        recorded_at=recorded_at,
        extra=_extra(document, metadata, rollbacks, parsed_time=recorded_at is not None),
    )
    if len(warnings) > _MOST_WARNINGS:
        more = len(warnings) - _MOST_WARNINGS
        warnings[_MOST_WARNINGS:] = [("", f"{more:,} more oddities of the same kinds are not listed")]
    left_out = {name for name in ("events", "messages") if document.get(name)}
    return Found(record, warnings, talk.ignored | left_out)


def _oddities(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    version = metadata.get("version")
    if version != VERSION:
        said = f"version {str(version)[:40]}" if version else "no version"
        yield "metadata.version", f"{said}: read as if it were {VERSION}, the one that is known"
    if not texts(metadata, "target_model"):
        yield "metadata.target_model", "which model was audited is not recorded"


def _target_messages(document: Mapping[str, Any], warnings: list[tuple[str, str]]) -> tuple[list[Any], int]:
    """The target's messages as they stand in the file, and how often the auditor took some back."""
    events = document.get("events")
    if "events" in document and not isinstance(events, list):
        warnings.append(("events", "not a list"))
    happened = events if isinstance(events, list) else []
    rollbacks = sum(edit.get("operation") == "rollback" for _, edit in edits(happened) if isinstance(edit, dict))
    listed = document.get("target_messages")
    if isinstance(listed, list) and listed:
        return listed, rollbacks
    if listed is not None and not isinstance(listed, list):
        warnings.append(("target_messages", "not a list: the events are replayed instead"))
    view = replayed(happened)
    warnings.extend(view.warnings)
    if not view.messages:
        warnings.append(("", "neither target_messages nor events hold a message of the target's conversation"))
    return view.messages, rollbacks


def _messages(raw: list[Any], talk: Conversation, warnings: list[tuple[str, str]]) -> Iterator[Message]:
    for number, item in enumerate(raw):
        try:
            yield talk.message(item)
        except ValueError as error:
            warnings.append((f"message {number} of the target", f"left out: {error}"))


def _verdicts(metadata: Mapping[str, Any]) -> Iterator[Verdict]:
    """A verdict for each dimension. A grade from 1 to 10 is no yes or no, so that it is only a score."""
    output = metadata.get("judge_output")
    if output is None:
        return
    said = mapping(output)
    # What the judge wrote is about all dimensions, and would be stored once for each: the first one holds it.
    explanation = "\n\n".join(filter(None, (texts(said, "summary"), texts(said, "justification"))))
    scores = said.get("scores")
    if not isinstance(scores, dict) or not scores:
        raw = {} if scores is None else {"scores": scores}
        yield _verdict(metadata, "scores", None, "the judge's output holds no scores", explanation, raw)
        return
    for name, value in scores.items():
        score = _number(value)
        error = "" if score is not None else "the score is no number"
        yield _verdict(metadata, name or "unnamed", score, error, explanation, {"score": value})
        explanation = ""


def _verdict(
    metadata: Mapping[str, Any],
    outcome: str,
    score: float | None,
    error: str,
    explanation: str,
    raw: Mapping[str, Any],
) -> Verdict:
    return Verdict(
        classifier="petri-judge",
        version=texts(metadata, "judge_model") or UNKNOWN,
        outcome=outcome,
        final=None,
        judge=None,
        explanation=explanation,
        error=error,
        score=score,
        recorded_at=moment(metadata.get("updated_at")),
        raw=raw,
    )


def _extra(
    document: Mapping[str, Any], metadata: Mapping[str, Any], rollbacks: int, *, parsed_time: bool
) -> dict[str, Any]:
    """Every other field: description, tags and times, what the judge answered word by word, and unknown ones."""
    taken = _TAKEN if parsed_time else _TAKEN - {"created_at"}
    kept = {name: value for name, value in document.items() if name not in ("metadata", "events", "messages")}
    if isinstance(kept.get("target_messages"), list):
        del kept["target_messages"]
    kept["metadata"] = {name: value for name, value in metadata.items() if name not in taken and value is not None}
    for name in ("target_model", "auditor_model"):
        if not isinstance(metadata.get(name), str | None):
            kept["metadata"][name] = metadata[name]
    output = metadata.get("judge_output")
    if isinstance(output, dict):
        kept["judge_output"] = {
            name: value
            for name, value in output.items()
            if name != "scores" and (name not in ("summary", "justification") or not isinstance(value, str))
        }
    elif output is not None:
        kept["judge_output"] = output
    if rollbacks:
        kept["rollbacks"] = rollbacks  # what was taken back is not part of the conversation
    return kept


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value) if abs(value) < 1e300 else math.inf
    return number if math.isfinite(number) else None
