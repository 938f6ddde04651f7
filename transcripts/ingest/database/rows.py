"""Parsed transcripts made ready to be written: everything that needs no database, done where they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from transcripts.ingest import parsed
from transcripts.ingest.database import copytext
from transcripts.ingest.database.copytext import BOOLEAN, clean, given
from transcripts.ingest.database.identity import (
    Unstorable,
    check_condition,
    check_name,
    check_path,
    condition_sha256,
    prompt_sha256,
    random_number,
)
from transcripts.parsing.gates import published_gates
from transcripts.parsing.personas import Cast, Persona

# A JSON text in PostgreSQL holds less than 256 MB.
_LARGEST = 200_000_000
# Prompts whose hashes are remembered, with their texts: samples of one condition mostly follow each other.
RECENT_PROMPTS = 8

# The classifiers whose published rule combines the judge's answer with string gates (formats of the
# agentic-misalignment framework and its Inspect port). The files keep only the two answers; the gates are
# worked out again from the text.
GATED = {"framework-harm", "inspect-harmfulness_scorer"}

_MESSAGE_FIELDS = tuple(part.name for part in fields(parsed.Message))


class Prompt(NamedTuple):
    """What a model was sent. Rows of one batch share it."""

    sha256: bytes
    system: str
    user: str


class Judged(NamedTuple):
    """A verdict: its classifier's version, and the rest as it is copied into the database, from the outcome on."""

    classifier: str
    version: str
    outcome: str
    failed: bool  # a failed classification is no answer
    copied: bytes


class Row(NamedTuple):
    """A transcript as it is copied into the database's tables; the database's own ids are put before each line."""

    model: str
    condition: parsed.Condition
    condition_sha256: bytes
    sample_key: str
    source: parsed.Source
    prompt: Prompt
    status: str
    content_sha256: bytes
    transcript: bytes
    text: bytes
    actions: tuple[bytes, ...]
    verdicts: tuple[Judged, ...]

    @property
    def size(self) -> int:
        """In bytes, without the prompt."""
        return len(self.text) + len(self.transcript)


# The columns that the lines of a row hold, ids first.
TRANSCRIPT = (
    "id, cell_id, prompt_id, source_id, "
    "sample_key, status, origin, u, stop_reason, error, recorded_at, text_sha256, content_sha256"
)
TEXT = "transcript_id, messages, reasoning, extra"
ACTION = 'transcript_id, ordinal, tool, place, start, "end", in_reasoning, recipients, roles, outside, problem'
VERDICT = "transcript_id, version_id, outcome, final, judge, gates, score, explanation, error, recorded_at, raw"


class Rows:
    """Makes the rows of one evaluation's transcripts."""

    def __init__(self, seed: str, personas: Iterable[Persona]) -> None:
        self.seed = seed
        by_scenario: dict[str, list[Persona]] = {}
        for persona in personas:
            by_scenario.setdefault(persona.scenario, []).append(persona)
        self.casts = {scenario: Cast(of_scenario) for scenario, of_scenario in by_scenario.items()}
        self._condition: tuple[parsed.Condition, bytes] | None = None

    def made(self, transcript: parsed.Transcript) -> Iterator[Row | parsed.Problem]:
        """The transcript's row, and what of it the database cannot hold."""
        try:
            row, problems = self._row(transcript)
        except Unstorable as problem:
            yield problem_of(transcript.source.path, transcript.sample_key, str(problem))
            return
        except UnicodeEncodeError:
            reason = "holds half a surrogate pair, which is no character"
            yield problem_of(transcript.source.path, transcript.sample_key, reason)
            return
        yield from problems
        yield row

    def _row(self, said: parsed.Transcript) -> tuple[Row, list[parsed.Problem]]:
        check_name("model's id", said.model)
        check_name("sample's id", said.sample_key)
        check_path(said.source.path)
        condition = self._condition_sha256(said.condition)
        messages = as_json([_plain(message) for message in said.messages])
        reasoning = as_json([_stretch(part) for part in said.reasoning])
        extra = as_json(said.extra)
        prompt = _prompt(said.system, said.user)
        shown = hashlib.sha256(messages).digest()
        content = content_sha256(said, prompt.sha256, shown, reasoning, extra)
        cast = self.casts.get(said.condition.scenario) or Cast()
        verdicts, problems = self._verdicts(said, cast)
        origin = next((part.origin for part in said.reasoning), parsed.Origin.NONE)
        u = random_number(self.seed, said.model, condition, said.sample_key)
        texts = [copytext.text(text) for text in (said.sample_key, said.status, origin)]
        ends = [copytext.text(said.stop_reason), copytext.text(said.error), given(said.recorded_at)]
        hashes = [copytext.binary(text_sha256(prompt.sha256, shown)), copytext.binary(content)]
        row = Row(
            model=said.model,
            condition=said.condition,
            condition_sha256=condition,
            sample_key=said.sample_key,
            source=said.source,
            prompt=prompt,
            status=said.status.value,
            content_sha256=content,
            transcript="\t".join([*texts, repr(u), *ends, *hashes]).encode() + b"\n",
            text=b"\t".join(map(copytext.json, (messages, reasoning, extra))) + b"\n",
            actions=tuple(_actions(said.actions, cast)),
            verdicts=verdicts,
        )
        return row, problems

    def _verdicts(self, said: parsed.Transcript, cast: Cast) -> tuple[tuple[Judged, ...], list[parsed.Problem]]:
        verdicts, problems = [], []
        for verdict in said.verdicts:
            try:
                verdicts.append(_judged(said, verdict, cast))
            except Unstorable as problem:
                reason = f"a verdict is left out: {problem}"
                problems.append(problem_of(said.source.path, said.sample_key, reason, lost=False))
        return tuple(verdicts), problems

    def _condition_sha256(self, condition: parsed.Condition) -> bytes:
        """Most samples have the condition of the one before."""
        if self._condition is None or self._condition[0] is not condition:
            check_condition(condition)
            self._condition = condition, condition_sha256(condition)
        return self._condition[1]


def problem_of(path: str, sample_key: str, reason: str, *, lost: bool = True) -> parsed.Problem:
    """Something about one sample."""
    return parsed.Problem(path, f"sample {sample_key[:100]}", reason, lost)


def text_sha256(prompt: bytes, messages: bytes) -> bytes:
    """Of what a reader is shown: prompt and messages, by their own hashes."""
    return hashlib.sha256(prompt + messages).digest()


def content_sha256(said: parsed.Transcript, prompt: bytes, messages: bytes, *texts: bytes) -> bytes:
    """Of everything that was parsed, verdicts apart: those may be added to a transcript that stays as it is.

    `prompt` and `messages` are hashes of their own.
    """
    rest = as_json([said.status, said.error, said.stop_reason, said.recorded_at, said.actions])
    digest = hashlib.sha256(prompt + messages)
    for part in (*texts, rest):
        digest.update(hashlib.sha256(part).digest())
    return digest.digest()


def as_json(value: Any) -> bytes:
    """The value as JSON. Raises Unstorable where it cannot be, or is too large."""
    try:
        data = _dumped(value)
        if b"\\u0000" in data:
            data = _dumped(_clean_deeply(value))
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise Unstorable(f"cannot be written as JSON: {error}") from None
    if len(data) > _LARGEST:
        raise Unstorable(f"{len(data):,} bytes of text; the database holds at most {_LARGEST:,} in one place")
    return data


def _dumped(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # perhaps for a key that is no text; the option costs time
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


@lru_cache(RECENT_PROMPTS)
def _prompt(system: str, user: str) -> Prompt:
    return Prompt(prompt_sha256(system, user), clean(system), clean(user))


def _plain(message: parsed.Message) -> dict[str, Any]:
    """A message as stored: fields that say nothing are left out."""
    said = {name: getattr(message, name) for name in _MESSAGE_FIELDS}
    return {name: value for name, value in said.items() if value or name in ("role", "text")}


def _stretch(part: parsed.Reasoning) -> dict[str, Any]:
    span = part.span
    return {"place": span.place, "start": span.start, "end": span.end, "origin": part.origin, "closed": part.closed}


def _actions(actions: Iterable[parsed.Action], cast: Cast) -> Iterator[bytes]:
    for ordinal, action in enumerate(actions):
        people = [clean(address) for address in action.recipients]
        values = (
            copytext.text(action.tool),
            copytext.text(action.span.place),
            str(action.span.start),
            str(action.span.end),
            BOOLEAN[action.in_reasoning],
            copytext.array(people),
            copytext.array([cast.lookup(address)[0] for address in people]),
            BOOLEAN[cast.leaves_company(people)],
            copytext.text(action.problem),
        )
        yield ("\t".join((str(ordinal), *values)) + "\n").encode()


def _judged(said: parsed.Transcript, verdict: parsed.Verdict, cast: Cast) -> Judged:
    for what in ("classifier", "version", "outcome"):
        check_name(f"verdict's {what}", getattr(verdict, what))
    gates: dict[str, bool] = {}
    if verdict.classifier in GATED and not verdict.error:
        answer = "\n".join(message.text for message in said.messages if message.role == "assistant")
        gates = published_gates(said.condition.scenario, answer, cast.gated, cast.gated)
    values = (
        copytext.text(verdict.outcome).encode(),
        BOOLEAN[verdict.final].encode(),
        BOOLEAN[verdict.judge].encode(),
        copytext.json(as_json(gates)),
        given(verdict.score).encode(),
        copytext.text(verdict.explanation).encode(),
        copytext.text(verdict.error).encode(),
        given(verdict.recorded_at).encode(),
        copytext.json(as_json(verdict.raw)),
    )
    copied = b"\t".join(values) + b"\n"
    return Judged(verdict.classifier, verdict.version, verdict.outcome, bool(verdict.error), copied)


def _clean_deeply(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): _clean_deeply(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_deeply(entry) for entry in value]
    return value
