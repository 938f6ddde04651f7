"""What a record of a chat format says beside its messages: which model, condition and sample, and what was judged.

There is no agreement on where that stands. It is looked for in the record itself and in its `metadata` (or `meta`);
what has no place of its own in a transcript is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from transcripts.ingest.files.decode import moment
from transcripts.ingest.files.lines import Entry, entries
from transcripts.ingest.files.tree import Tree
from transcripts.ingest.parsed import Ignored, Message, Problem, Record, Transcript
from transcripts.ingest.readers.chat import (
    TRUNCATED,
    UNKNOWN,
    answered,
    deeds,
    divided,
    mapping,
    place_of,
    status,
    texts,
    thoughts,
)
from transcripts.ingest.readers.chat_factors import LONGEST, condition_of, judged_of

_METADATA = ("metadata", "meta")
_SAMPLE = ("custom_id", "sample_id", "uuid", "id")
_TIME = ("timestamp", "created_at", "recorded_at", "created")
# Fields of records that belong to other formats.
_FOREIGN = frozenset(
    ("eval", "samples", "suite_name", "pipeline_name", "target_messages", "raw_response", "steps", "transcripts")
)


@dataclass
class Talk:
    """What a format makes of one record. `rest` is what it did not use."""

    messages: list[Message]
    rest: dict[str, Any]
    model: str = ""
    stop_reason: str = ""
    error: str = ""
    created: object = None
    answer: str = ""  # which one, where a record holds several
    odd: list[tuple[str, str]] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)


def foreign(record: Mapping[str, Any]) -> bool:
    """Whether a record has fields of a format that only looks like a chat."""
    return not record or not _FOREIGN.isdisjoint(record) or {"epoch", "target"} <= record.keys()


def is_talk(value: object) -> bool:
    """Whether a value is a list that begins with messages."""
    return isinstance(value, list) and any(isinstance(mapping(one).get("role"), str) for one in value[:9])


def without(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The record less the named fields and those that say nothing."""
    return {name: value for name, value in record.items() if name not in names and value not in (None, "", [], {})}


def side(record: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """Where the request or the response of a call stands: below the first of the names that is there, or nowhere else.

    Batches wrap each once more, in a `body`.
    """
    path = tuple(name for name in names if mapping(record.get(name)))[:1]
    return (*path, "body") if mapping(at(record, path).get("body")) else path


def at(record: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    """The object at a path of names."""
    return at(mapping(record.get(path[0])), path[1:]) if path else record


def less(record: Mapping[str, Any], path: tuple[str, ...], *names: str) -> dict[str, Any]:
    """The record, where the object at the path has lost the named fields."""
    if path:
        return without({**record, path[0]: less(record[path[0]], path[1:], *names)})
    return without(record, *names)


def failure(value: object) -> str:
    """An error in words: a text, or what stands as the message of an object, which may stand in another."""
    while isinstance(value, dict):
        inner = value.get("message") or value.get("error") or value.get("type") or "the call failed"
        value = inner if isinstance(inner, dict | str) else str(inner)
    return value if isinstance(value, str) else str(value) if value else ""


def read_records(tree: Tree, path: str, format: str, talks: Callable[[dict[str, Any]], list[Talk]]) -> Iterator[Record]:
    """The transcripts of a file. `talks` makes talks of a record, or raises ValueError in words."""
    file = _File(tree.name(path), place_of(path))
    for entry in entries(tree, path, format):
        if isinstance(entry, Problem):
            yield entry
            continue
        try:
            if not isinstance(entry.value, dict):
                raise ValueError("not a record: no JSON object")
            found = talks(entry.value)
        except ValueError as error:
            yield Problem(file.name, entry.where, str(error))
            continue
        for talk in found:
            yield from (Problem(file.name, f"{entry.where} {at}", why, lost=False) for at, why in talk.odd)
            yield from (Ignored(name) for name in sorted(talk.ignored))
            yield file.transcript(talk, entry)
    yield from file.warnings()


@dataclass
class _File:
    """What is seen of one file."""

    name: str
    place: str
    unnamed: str = ""  # where a record names no model
    repeated: str = ""  # where a record repeats an id
    seen: set[int] = field(default_factory=set)  # hashes of samples: a file may hold millions

    def transcript(self, talk: Talk, entry: Entry) -> Transcript:
        record = entry.value
        said = {"created": talk.created, **mapping(record.get("meta")), **mapping(record.get("metadata"))}
        said.update({name: value for name, value in record.items() if value is not None or name not in said})
        condition, used = condition_of(said)
        model = texts(said, "model") or talk.model
        if not model:
            self.unnamed = self.unnamed or entry.where
        model = model or UNKNOWN
        judged, taken = judged_of(said)
        recorded_at, time = _recorded_at(said)
        named = {"model"} if texts(said, "model") else set()
        named |= {"error"} if record.get("error") == talk.error else set()
        key, keys = self._key(said, entry, talk.answer, f"{model} {condition}")
        system, user, messages = divided(talk.messages)
        thought = tuple(thoughts(messages))
        return Transcript(
            source=entry.source,
            model=model,
            condition=condition,
            sample_key=key,
            status=status(
                messages, cut_off=talk.stop_reason in TRUNCATED, failed=bool(talk.error) and not answered(messages)
            ),
            system=system,
            user=user,
            messages=messages,
            reasoning=thought,
            actions=tuple(deeds(messages, thought)),
            verdicts=judged,
            error=talk.error,
            stop_reason=talk.stop_reason,
            recorded_at=recorded_at,
            extra=_extra(talk.rest, used | taken | keys | time | named),
        )

    def _key(self, said: Mapping[str, Any], entry: Entry, answer: str, cell: str) -> tuple[str, set[str]]:
        """The sample's id, or its place in the file where it has none of its own; and the fields that say it."""
        key, used = _id(said)
        epoch = said.get("epoch")
        if key.isdecimal():  # numbers tell samples apart in one file only
            key = f"{self.place}/{key}"
        if key and isinstance(epoch, int) and not isinstance(epoch, bool):
            key, used = f"{key}/{epoch}", {*used, "epoch"}
        ending = f"/{answer}" if answer else ""
        if key and not self._is_new(f"{cell} {key}{ending}"):
            self.repeated = self.repeated or entry.where
            key, used = "", set()
        return (key or f"{self.place}#{entry.number}") + ending, used

    def _is_new(self, sample: str) -> bool:
        count = len(self.seen)
        self.seen.add(hash(sample))
        return len(self.seen) > count

    def warnings(self) -> Iterator[Problem]:
        """What is odd about the whole file, each once, with the first place."""
        if self.unnamed:
            yield Problem(
                self.name, self.unnamed, "names no model here and maybe elsewhere: taken as unknown", lost=False
            )
        if self.repeated:
            reason = "repeats the id of a sample before it: such samples are known by their place in the file"
            yield Problem(self.name, self.repeated, reason, lost=False)


def _id(said: Mapping[str, Any]) -> tuple[str, set[str]]:
    for name in _SAMPLE:
        value = said.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(str(value).strip()) <= LONGEST:
            return str(value), {name}
    return "", set()


def _recorded_at(said: Mapping[str, Any]) -> tuple[datetime | None, set[str]]:
    for name in _TIME:
        value = said.get(name)
        if isinstance(value, int | float) and 1e9 <= value < 1 << 32:  # seconds since 1970
            return datetime.fromtimestamp(value, UTC), {name}
        if found := moment(value):
            return found, {name}
    return None, set()


def _extra(rest: Mapping[str, Any], used: set[str]) -> dict[str, Any]:
    """Every field that has no place of its own."""
    kept = without(rest, *used)
    for name in _METADATA:
        if isinstance(kept.get(name), dict):
            # What the record itself says otherwise was not taken from its metadata.
            inner = {key: value for key, value in kept[name].items() if key not in used or (key in rest)}
            kept[name] = inner
    return without(kept)
