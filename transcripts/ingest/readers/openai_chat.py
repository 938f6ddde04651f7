"""Reads OpenAI's chat format and what others log in it: JSON Lines, or a JSON file with one record or a list.

    {"messages": [{"role", "content", "tool_calls", ...}], ...}          a conversation, with the answer in it
    {"request": {"messages"}, "response": {"choices"}, ...}              a call; also without the two objects
    {"custom_id", "response": {"status_code", "body"}, "error"}          a line of a batch's output
    {"input", "output": [{"type": "reasoning"|"message"|"function_call"}]}   a call of the Responses interface

Several answers to one prompt are a transcript each. A prompt without an answer and without an error is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transcripts.ingest.files.lines import first
from transcripts.ingest.files.tree import Tree
from transcripts.ingest.parsed import Message, Record
from transcripts.ingest.readers import anthropic_messages
from transcripts.ingest.readers.chat import mapping, texts
from transcripts.ingest.readers.chat_content import Conversation
from transcripts.ingest.readers.chat_record import Talk, at, failure, foreign, is_talk, less, read_records, side

FORMAT = "openai"

_CHOICE = frozenset({"index", "message", "text", "finish_reason", "stop_reason"})


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """A record with messages or choices, unless it is Anthropic's."""
    record = first(tree, path, start)
    if foreign(record) or anthropic_messages.is_own(record):
        return False
    response = at(record, side(record, "response"))
    asked = is_talk(at(record, side(record, "request")).get("messages"))
    batch = {"custom_id", "response", "error"} <= record.keys()
    return asked or batch or bool(_choices(response)) or _is_output(response)


def read(tree: Tree, path: str) -> Iterator[Record]:
    """Every answer of every record."""
    yield from read_records(tree, path, FORMAT, talks)


def talks(record: dict[str, Any]) -> list[Talk]:
    """A record's conversations, one for each answer. Raises ValueError, in words, where it holds none."""
    asked, answered = side(record, "request"), side(record, "response")
    request, response = at(record, asked), at(record, answered)
    talk = Conversation()
    sent = list(_sent(request, talk))
    answers = list(_answers(response, talk))
    error = failure(response.get("error") or record.get("error")) or _failed(record)
    if not answers:
        if not error and not any(message.role == "assistant" for message in sent):
            raise ValueError("; ".join(["holds no answer of a model", *(f"{where}: {why}" for where, why in talk.odd)]))
        answers.append(([], texts(response, "finish_reason", "stop_reason")))
    read_of_response = ["choices"] * bool(_choices(response)) + ["output"] * _is_output(response)
    rest = less(less(record, asked, *_read_of(request)), answered, *read_of_response)
    return [
        Talk(
            messages=[*sent, *answer],
            rest=rest,
            model=texts(response, "model") or texts(request, "model"),
            stop_reason=stop,
            error=error or ("the provider stopped with an error" if stop == "error" else ""),
            created=response.get("created") or response.get("created_at"),
            answer=str(number) if len(answers) > 1 else "",
            odd=talk.odd if number == 1 else [],
            ignored=talk.ignored if number == 1 else set(),
        )
        for number, (answer, stop) in enumerate(answers, 1)
    ]


def _failed(record: Mapping[str, Any]) -> str:
    code = mapping(record.get("response")).get("status_code")
    return f"status code {code}" if isinstance(code, int) and code >= 400 else ""


def _choices(response: Mapping[str, Any]) -> list[Any]:
    choices = response.get("choices")
    listed = choices if isinstance(choices, list) else []
    return listed if any({"message", "text"} & mapping(choice).keys() for choice in listed) else []


def _is_output(response: Mapping[str, Any]) -> bool:
    output = response.get("output")
    listed = output if isinstance(output, list) else []
    typed = any(mapping(item).get("type") in ("message", "reasoning", "function_call") for item in listed)
    return typed or (response.get("object") == "response" and isinstance(output, list))


def _read_of(request: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what is read of a request: one way of asking, where it shows several."""
    if "messages" in request:
        return ("messages",)
    if isinstance(request.get("prompt"), str) or is_talk(request.get("prompt")):
        return ("prompt",)
    kinds = {"instructions": str, "input": str | list}
    return tuple(name for name, kind in kinds.items() if isinstance(request.get(name), kind))


def _sent(request: Mapping[str, Any], talk: Conversation) -> Iterator[Message]:
    for name in _read_of(request):
        given = request[name]
        if isinstance(given, str) and name != "messages":
            yield Message("system" if name == "instructions" else "user", given)
        elif name == "input":
            yield from _items(given, name, talk)
        else:
            yield from talk.messages(given, name)


def _answers(response: Mapping[str, Any], talk: Conversation) -> Iterator[tuple[list[Message], str]]:
    """Each answer, and why it ended."""
    for number, choice in enumerate(_choices(response)):
        raw = mapping(choice)
        said = raw.get("message") if isinstance(raw.get("message"), dict) else {"content": raw.get("text")}
        if not {"message", "text"} & raw.keys():
            talk.odd.append((f"choices[{number}]", "no answer; the others are kept"))
            continue
        talk.ignored.update(f"choices.{name}"[:100] for name in raw.keys() - _CHOICE if raw[name])
        answer = list(talk.message({**mapping(said), "role": "assistant"}))
        yield answer, texts(raw, "finish_reason", "stop_reason")
    if _is_output(response):
        yield list(_items(response["output"], "output", talk)), _stopped(response)


def _items(listed: list[Any], where: str, talk: Conversation) -> Iterator[Message]:
    """Items of the Responses interface; reasoning and calls stand apart there from what the model says."""
    pending: dict[str, Any] = {}  # what the model thought and called since its last message
    for number, item in enumerate(listed):
        raw = mapping(item)
        kind = raw.get("type", "message")
        if kind == "reasoning":
            parts = [part for name in ("content", "summary") for part in _list(raw.get(name))]
            said = "\n\n".join(filter(None, (texts(mapping(part), "text") for part in parts)))
            pending["reasoning"] = "\n\n".join(filter(None, (pending.get("reasoning", ""), said)))
            if not raw.get("content"):  # a summary is not the reasoning
                pending["reasoning_details"] = [{"type": "reasoning.encrypted"}]
        elif kind in ("function_call", "custom_tool_call"):
            pending.setdefault("tool_calls", []).append({**raw, "id": raw.get("call_id") or raw.get("id")})
        elif kind in ("function_call_output", "custom_tool_call_output"):
            yield from _flushed(pending, talk)
            yield from talk.message({"role": "tool", "content": raw.get("output"), "tool_call_id": raw.get("call_id")})
        elif isinstance(raw.get("role"), str) and kind == "message":
            said_by_model = raw["role"] == "assistant" and "tool_calls" not in pending
            if not said_by_model:
                yield from _flushed(pending, talk)
            own = {name: value for name, value in raw.items() if name not in ("id", "status")}
            yield from talk.message({**own, **(pending if said_by_model else {})})
            pending = {} if said_by_model else pending
        elif isinstance(kind, str) and kind.endswith("_call"):
            pending.setdefault("tool_calls", []).append({"id": raw.get("id"), "name": kind, "input": dict(raw)})
        else:
            talk.odd.append((f"{where}[{number}]", "not an item that is known; the others are kept"))
    yield from _flushed(pending, talk)


def _flushed(pending: dict[str, Any], talk: Conversation) -> Iterator[Message]:
    if pending:
        yield from talk.message({"role": "assistant", **pending})
        pending.clear()


def _stopped(response: Mapping[str, Any]) -> str:
    """Why a response of the Responses interface ended, where it says so."""
    details = mapping(response.get("incomplete_details"))
    return texts(details, "reason") or texts(response, "status").replace("completed", "stop")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
