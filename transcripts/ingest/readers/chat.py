"""What the chat formats share: from a list of messages to the parts of a transcript."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.parsed import Action, Message, Origin, Reasoning, Span, Status, ToolCall
from transcripts.parsing import actions, reasoning

# What providers call an answer that was cut off at the token limit.
TRUNCATED = frozenset({"max_tokens", "length", "model_length", "max_output_tokens"})
UNKNOWN = "unknown"
LONGEST_PLACE = 200  # characters of a path in the key of a sample
# A placeholder that public code of the agentic-misalignment scenarios leaves in prompts with a mitigation.
UNFILLED = "{company_name}"
UNFILLED_REASON = f"the model was sent {UNFILLED} as it stands, a placeholder that was never filled in"


def divided(messages: Sequence[Message]) -> tuple[str, str, tuple[Message, ...]]:
    """What the model was given before it first spoke: system, user; and everything from there on."""
    at = 0
    parts: dict[str, list[str]] = {"system": [], "user": []}
    for role in ("system", "user"):
        while at < len(messages) and messages[at].role == role:
            parts[role].append(messages[at].text)
            at += 1
    return "\n\n".join(parts["system"]), "\n\n".join(parts["user"]), tuple(messages[at:])


def answered(messages: Sequence[Message]) -> bool:
    """Whether the model said or did anything."""
    return any(message.role == "assistant" and (message.text.strip() or message.tool_calls) for message in messages)


def status(messages: Sequence[Message], *, cut_off: bool, failed: bool = False) -> Status:
    """What became of a model call; thoughts that were cut off before an answer are a truncated one."""
    if failed:
        return Status.ERROR
    thought = any(message.reasoning for message in messages)
    if not answered(messages) and not (cut_off and thought):
        return Status.EMPTY
    return Status.TRUNCATED if cut_off else Status.COMPLETE


def thoughts(messages: Sequence[Message]) -> Iterator[Reasoning]:
    """The private reasoning in and beside what the assistant wrote."""
    for number, message in enumerate(messages):
        if message.role != "assistant":
            continue
        if message.reasoning or message.redacted:
            span = Span(f"m{number}.reasoning", 0, len(message.reasoning))
            yield Reasoning(span, Origin.REDACTED if message.redacted else Origin.NATIVE)
        yield from reasoning.find(message.text, f"m{number}.text")


def deeds(messages: Sequence[Message], thought: Sequence[Reasoning]) -> Iterator[Action]:
    """The action blocks and the real tool calls of the assistant."""
    for number, message in enumerate(messages):
        if message.role != "assistant":
            continue
        for place, text in (("reasoning", message.reasoning), ("text", message.text)):
            yield from actions.find(text, f"m{number}.{place}", thought)
        yield from actions.from_calls(message.tool_calls, number)


def tool_call(id: object, function: object, arguments: object, problem: str = "") -> ToolCall:
    """A tool call whose arguments are named, or a JSON text of such; what cannot be read is kept as a text."""
    if isinstance(arguments, str):
        try:
            arguments = from_json(arguments.encode("utf-8", "surrogatepass")) if arguments.strip() else {}
        except Undecodable as error:
            problem = problem or f"the arguments are {error.reason}"
    if not isinstance(arguments, dict):
        problem = problem or ("" if arguments is None else "the arguments are not named")
        arguments = {} if arguments is None else {"arguments": arguments}
    return ToolCall(
        id=str(id or ""), function=function if isinstance(function, str) else "", arguments=arguments, problem=problem
    )


def place_of(path: str) -> str:
    """How samples without ids of their own name their file: by its path below what was given, shortened if need be."""
    whole = os.fsencode(path).decode("utf-8", "replace")
    if len(whole) <= LONGEST_PLACE:
        return whole
    return f"{hashlib.sha256(whole.encode()).hexdigest()[:16]}/{whole[-LONGEST_PLACE // 2 :]}"


def mapping(value: object) -> dict[str, Any]:
    """The value, or nothing where it is no mapping."""
    return value if isinstance(value, dict) else {}


def texts(value: Mapping[str, Any], *names: str) -> str:
    """The first of the named values that is a text with anything in it."""
    return next((value[name] for name in names if isinstance(value.get(name), str) and value[name]), "")
