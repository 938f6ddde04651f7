"""Reads runs of AgentDojo (github.com/ethz-spylab/agentdojo): one JSON file, one task, one transcript.

    <logdir>/<pipeline>/<suite>/<user task>/<attack, or none>/<injection task, or none>.json

All that identifies a run stands in the file. Its two answers come from checks of the environment, not from a
model: `utility`, whether the task was done, and `security`, which is true where the *injected* goal was reached and
means nothing without an attack. Where the model call failed the benchmark writes `security: true, utility: false`
without having looked; both are missing then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.decode import Undecodable, from_json, moment
from transcripts.ingest.files.tree import Tree, source
from transcripts.ingest.parsed import Condition, Ignored, Message, Problem, Record, Source, Transcript, Verdict
from transcripts.ingest.readers.chat import UNKNOWN, deeds, divided, status, texts, thoughts, tool_call

FORMAT = "agentdojo"

# How a run begins as the benchmark writes it, and as it begins with its names sorted.
_BEGINNINGS = (
    frozenset({b"suite_name", b"pipeline_name", b"user_task_id"}),
    frozenset({b"attack_type", b"injection_task_id", b"injections"}),
)
_NAME = re.compile(rb'"([a-z_]{1,40})"\s*:')
# The benchmark appends the defence to the model's name; these are all that it has.
_DEFENCES = ("tool_filter", "transformers_pi_detector", "spotlighting_with_delimiting", "repeat_user_prompt")
_ANSWERS = {"harm": "security", "utility": "utility"}
_MESSAGE = frozenset({"role", "content", "tool_calls", "tool_call", "tool_call_id", "error"})
_CALL = frozenset({"function", "args", "id"})


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """An object that begins with what identifies a run."""
    if not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    names = set(_NAME.findall(start))
    return any(beginning <= names for beginning in _BEGINNINGS)


def read(tree: Tree, path: str) -> Iterator[Record]:
    """One run."""
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
    yield from found.problems
    yield from (Ignored(name) for name in sorted(found.ignored))
    yield found.record


@dataclass(frozen=True, slots=True)
class Found:
    """A run's transcript, what was odd about it, and the names of the fields that it left out."""

    record: Transcript
    problems: list[Problem]
    ignored: set[str]


def transcript(run: object, origin: Source) -> Found:
    """A run as a transcript. Raises ValueError, in words, where it is none."""
    if not isinstance(run, dict):
        raise ValueError("not an AgentDojo run: the file holds no JSON object")
    pipeline, task = texts(run, "pipeline_name"), texts(run, "user_task_id")
    if not pipeline or not task:
        raise ValueError("not an AgentDojo run: pipeline_name or user_task_id is missing")
    talk = _Conversation(origin.path)
    messages = list(talk.messages(run.get("messages")))
    error = _error(run)
    unfinished = bool(messages) and messages[-1].role == "assistant" and bool(messages[-1].tool_calls)
    system, user, rest = divided(messages)
    thought = tuple(thoughts(rest))
    model, defence = _model(pipeline)
    condition = _condition(run, task, defence)
    recorded_at = moment(run.get("evaluation_timestamp"))
    verdicts = tuple(_verdicts(run, condition, error))
    record = Transcript(
        source=origin,
        model=model,
        condition=condition,
        sample_key=f"{recorded_at.isoformat()}/{task}" if recorded_at else task,
        # Calls that were never answered: the benchmark stops after a number of rounds.
        status=status(rest, cut_off=unfinished, failed=bool(error)),
        system=system,
        user=user,
        messages=rest,
        reasoning=thought,
        actions=tuple(deeds(rest, thought)),
        verdicts=verdicts,
        error=error,
        recorded_at=recorded_at,
        extra=_extra(run, verdicts, parsed_time=recorded_at is not None),
    )
    return Found(record, talk.problems, talk.ignored)


@dataclass
class _Conversation:
    """Reads the messages of one run."""

    path: str
    problems: list[Problem] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    asked: list[Any] = field(default_factory=list)  # the calls so far, as they stand in the file

    def messages(self, listed: object) -> Iterator[Message]:
        if not isinstance(listed, list) or not listed:
            reason = "no messages are recorded: what the model was told and what it did is not known"
            self.problems.append(Problem(self.path, "messages", reason, lost=False))
            return
        for number, raw in enumerate(listed):
            if isinstance(raw, dict) and isinstance(raw.get("role"), str):
                yield self._message(raw, raw["role"])
            else:
                reason = "not a message: it has no role; the others are kept"
                self.problems.append(Problem(self.path, f"messages[{number}]", reason, lost=False))

    def _message(self, raw: Mapping[str, Any], role: str) -> Message:
        written, hidden, redacted = self._content(raw.get("content"))
        # The failure of a tool stands beside its result; the model was told of it.
        written += [raw["error"]] if isinstance(raw.get("error"), str) else []
        calls = raw.get("tool_calls")
        listed = calls if isinstance(calls, list) else []
        self.asked.extend(listed)
        self.ignored.update(f"messages.{name}" for name in raw.keys() - _MESSAGE if raw[name])
        if raw.get("tool_call") and raw["tool_call"] not in self.asked:
            self.ignored.add("messages.tool_call")
        for call in listed:
            names = call.keys() - _CALL if isinstance(call, dict) else ()
            self.ignored.update(f"messages.tool_calls.{name}" for name in names if call[name])
        return Message(
            role=role,
            text="\n\n".join(text for text in written if text),
            reasoning="\n\n".join(hidden),
            redacted=redacted,
            tool_calls=tuple(
                tool_call(call.get("id"), call.get("function"), call.get("args"))
                if isinstance(call, dict)
                else tool_call("", "", {"call": call}, "not a tool call")
                for call in listed
            ),
            tool_call_id=texts(raw, "tool_call_id"),
        )

    def _content(self, content: object) -> tuple[list[str], list[str], bool]:
        """Texts, separate reasoning, and whether some of that is withheld. Parts came with version 0.1.30."""
        written: list[str] = []
        hidden: list[str] = []
        redacted = False
        for part in content if isinstance(content, list) else [content]:
            kind = part.get("type") if isinstance(part, dict) else "text"
            said = part.get("content", part.get("text")) if isinstance(part, dict) else part
            if kind == "redacted_thinking":
                redacted = True
            elif kind in ("text", "thinking") and isinstance(said, str):
                (hidden if kind == "thinking" else written).append(said)
            elif part is not None:
                self.ignored.add("messages.content" if kind == "text" else f"messages.content.{kind}"[:100])
        return written, hidden, redacted


def _model(pipeline: str) -> tuple[str, str]:
    """The model's name and the defence that the pipeline puts around it."""
    for defence in _DEFENCES:
        model = pipeline.removesuffix(f"-{defence}")
        if model and model != pipeline:
            return model, defence
    return pipeline, "none"


def _condition(run: Mapping[str, Any], task: str, defence: str) -> Condition:
    return Condition(
        scenario=texts(run, "suite_name") or UNKNOWN,
        free={
            "attack": _factor(run.get("attack_type")),
            "injection_task": _factor(run.get("injection_task_id")),
            # An injection's goal is also given to the model openly, as a task like the others.
            "task": "injection" if task.startswith("injection_task") else "user",
            "defence": defence,
            "benchmark": texts(run, "benchmark_version") or UNKNOWN,
        },
    )


def _factor(value: object) -> str:
    return "none" if value is None or value == "" else value if isinstance(value, str) else UNKNOWN


def _error(run: Mapping[str, Any]) -> str:
    if run.get("error"):
        return str(run["error"])
    return "" if run.keys() & set(_ANSWERS.values()) else "the run ended before it was evaluated"


def _verdicts(run: Mapping[str, Any], condition: Condition, error: str) -> Iterator[Verdict]:
    for outcome, name in _ANSWERS.items():
        if name not in run or (outcome == "harm" and condition.free["attack"] == "none"):
            continue
        answer = run[name]
        missing = "" if isinstance(answer, bool) else f"{name} is neither true nor false"
        if error:
            missing = "the run failed: what the benchmark wrote was not observed"
        yield Verdict(
            classifier=FORMAT,
            version=condition.free["benchmark"],
            outcome=outcome,
            final=None if missing else answer,
            judge=None,
            error=missing,
            raw={key: run[key] for key in _ANSWERS.values() if key in run},
        )


def _extra(run: Mapping[str, Any], verdicts: tuple[Verdict, ...], *, parsed_time: bool) -> dict[str, Any]:
    """Every field that has no place of its own; the pipeline's name too, which model and defence were taken from."""
    taken = {"user_task_id"}
    taken.update(
        name
        for name in ("suite_name", "injection_task_id", "attack_type", "benchmark_version", "error")
        if run.get(name) is None or isinstance(run[name], str)
    )
    if isinstance(run.get("messages"), list):
        taken.add("messages")
    if parsed_time:
        taken.add("evaluation_timestamp")
    if verdicts:
        taken.update(_ANSWERS.values())
    return {name: value for name, value in run.items() if name not in taken}
