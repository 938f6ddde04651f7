"""One sample of an Inspect log as a transcript."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transcripts.ingest.files.decode import moment
from transcripts.ingest.parsed import Message, Source, Transcript
from transcripts.ingest.readers.chat import TRUNCATED, answered, deeds, divided, mapping, status, texts, thoughts
from transcripts.ingest.readers.inspect_log import Log
from transcripts.ingest.readers.inspect_messages import Conversation
from transcripts.ingest.readers.inspect_scores import verdicts

# What the solver and the scorers did step by step; its messages stand in `messages` already.
_IGNORED = frozenset({"events", "events_data", "message_pool", "call_pool", "timelines", "transcript"})
_USED = frozenset({"id", "epoch", "messages", "output", "scores", "score", "error", "completed_at", "attachments"})


@dataclass(frozen=True, slots=True)
class Found:
    """A sample's transcript and the names of the fields that it left out."""

    record: Transcript
    sample_id: str
    ignored: set[str]
    odd: tuple[str, ...] = ()  # warnings


def member_source(path: str, data: bytes) -> Source:
    """The source of a sample that is a file of its own in an archive."""
    return Source(path, hashlib.sha256(data).digest(), len(data), "inspect")


def transcript(sample: object, log: Log, origin: Source) -> Found:
    """A sample as a transcript. Raises ValueError, in words, where it is none."""
    if not isinstance(sample, dict) or "id" not in sample:
        raise ValueError("not a sample: it has no id")
    sample_id, epoch = str(sample["id"]), sample.get("epoch", 1)
    # Logs of 2024 have the attachments with the events.
    talk = Conversation(
        {**mapping(mapping(sample.get("transcript")).get("content")), **mapping(sample.get("attachments"))}
    )
    output = mapping(sample.get("output"))
    system, user, messages = divided(_messages(sample, output, talk))
    metadata = mapping(sample.get("metadata"))
    stop_reason = _stop_reason(output)
    error, in_scoring = _error(sample, messages)
    invalid = _invalid(sample)
    cut_off = stop_reason in TRUNCATED or bool(sample.get("limit"))
    recorded_at = moment(sample.get("completed_at")) or moment(log.created)
    thought = tuple(thoughts(messages))
    record = Transcript(
        source=origin,
        model=log.model,
        condition=log.condition(sample_id, metadata),
        sample_key=f"{texts(sample, 'uuid') or log.id}/{sample_id}/{epoch}",
        status=status(messages, cut_off=cut_off, failed=bool(invalid) or (bool(error) and not in_scoring)),
        system=system,
        user=user,
        messages=messages,
        reasoning=thought,
        actions=tuple(deeds(messages, thought)),
        verdicts=tuple(verdicts(sample, log, error if in_scoring else "", recorded_at)),
        error="; ".join(filter(None, (invalid, "" if in_scoring else error))),
        stop_reason=stop_reason,
        recorded_at=recorded_at,
        extra=_extra(sample, output, log),
    )
    ignored = talk.ignored | {f"sample.{name}" for name in _IGNORED if sample.get(name)}
    return Found(record, sample_id, ignored, tuple(talk.odd))


def _messages(sample: Mapping[str, Any], output: Mapping[str, Any], talk: Conversation) -> list[Message]:
    raw = sample.get("messages")
    listed = list(raw) if isinstance(raw, list) else []
    if not listed:
        given = sample.get("input")
        listed = list(given) if isinstance(given, list) else [{"role": "user", "content": str(given or "")}]
    messages = [talk.message(item) for item in listed]
    if any(message.role == "assistant" for message in messages):
        return messages
    # Some logs keep the answer only in the output.
    choices = output.get("choices")
    if isinstance(choices, list) and choices and isinstance(mapping(choices[0]).get("message"), dict):
        messages.append(talk.message({"role": "assistant", **choices[0]["message"]}))
    elif isinstance(output.get("completion"), str) and output["completion"]:
        messages.append(Message("assistant", talk.resolve(output["completion"])))
    return messages


def _error(sample: Mapping[str, Any], messages: Sequence[Message]) -> tuple[str, bool]:
    """The sample's error, and whether it came from a scorer after the model had answered."""
    raw = sample.get("error")
    if not raw:
        return "", False
    record = raw if isinstance(raw, dict) else {"message": raw}
    message = str(record.get("message") or "the sample failed")
    traceback = str(record.get("traceback") or "")
    in_scoring = "await scorer(" in traceback or ", in score\n" in traceback
    return message, in_scoring and answered(messages)


def _invalid(sample: Mapping[str, Any]) -> str:
    """Who took the sample out of the evaluation afterwards, and why; "" where nobody did."""
    if not sample.get("invalidation"):
        return ""
    record = mapping(sample["invalidation"])
    by, reason = texts(record, "author"), texts(record, "reason")
    return "marked invalid in the log" + (f" by {by}" if by else "") + (f": {reason}" if reason else "")


def _stop_reason(output: Mapping[str, Any]) -> str:
    choices = output.get("choices")
    first = mapping(choices[0]) if isinstance(choices, list) and choices else {}
    reason = first.get("stop_reason")
    return reason if isinstance(reason, str) else ""


def _extra(sample: Mapping[str, Any], output: Mapping[str, Any], log: Log) -> dict[str, Any]:
    """Every other field of the sample that is not empty, and what the log says of the task."""
    left_out = _IGNORED | _USED
    if not moment(sample.get("completed_at")):
        left_out = left_out - {"completed_at"}
    if sample.get("messages") and not isinstance(sample.get("input"), str):
        left_out = left_out | {"input"}  # chat messages, with which the others begin
    kept = {name: value for name, value in sample.items() if name not in left_out and value not in (None, "", [], {})}
    record = mapping(sample.get("error"))
    if record.get("traceback"):
        kept["traceback"] = record["traceback"]
    for name in sorted(output.keys() - {"choices", "completion"}):
        if output[name]:
            kept[f"output_{name}"] = output[name]
    choices = output.get("choices")
    if isinstance(choices, list) and len(choices) > 1:
        kept["output_other_choices"] = choices[1:]
    return {**kept, "log": dict(log.about)}
