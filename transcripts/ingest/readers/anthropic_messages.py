"""Reads Anthropic's Messages format: JSON Lines, or a JSON file with one record or a list.

    {"system", "messages": [{"role", "content": [{"type": "thinking"|"text"|"tool_use"|"tool_result"}]}], ...}
    {"request": {"system", "messages"}, "response": {"type": "message", "content", "stop_reason"}, ...}
    {"type": "message", "role": "assistant", "content": [...], "stop_reason"}        an answer alone
    {"custom_id", "result": {"type": "succeeded"|"errored"|"canceled"|"expired"}}    a line of a batch's results

A refusal (`stop_reason` refusal) is an answer. A batch's results do not repeat what the model was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transcripts.ingest.files.lines import first
from transcripts.ingest.files.tree import Tree
from transcripts.ingest.parsed import Message, Record
from transcripts.ingest.readers.chat import mapping, texts
from transcripts.ingest.readers.chat_content import Conversation
from transcripts.ingest.readers.chat_record import Talk, at, failure, foreign, is_talk, less, read_records, side

FORMAT = "anthropic"

_RESULTS = frozenset({"succeeded", "errored", "canceled", "expired"})
_BLOCKS = frozenset({"thinking", "redacted_thinking", "tool_use", "tool_result", "document"})


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """A record with what only Anthropic's format has."""
    record = first(tree, path, start)
    return not foreign(record) and is_own(record)


def read(tree: Tree, path: str) -> Iterator[Record]:
    """Every record."""
    yield from read_records(tree, path, FORMAT, talks)


def is_own(record: Mapping[str, Any]) -> bool:
    """Whether a record is in this format rather than in another with messages."""
    result = mapping(record.get("result"))
    request, response = at(record, side(record, "request", "params")), _response(record)[0]
    if texts(result, "type") in _RESULTS or _is_answer(response):
        return True
    messages = request.get("messages")
    if not is_talk(messages) or "choices" in response:
        return False
    listed = [mapping(message) for message in _list(messages)]
    if any(message.get("role") in ("tool", "developer") or message.get("tool_calls") for message in listed):
        return False
    blocks = {texts(mapping(part), "type") for message in listed for part in _list(message.get("content"))}
    told = isinstance(request.get("system"), str | list) and all(one.get("role") != "system" for one in listed)
    return told or bool(blocks & _BLOCKS) or "stop_reason" in record


def talks(record: dict[str, Any]) -> list[Talk]:
    """A record's conversation. Raises ValueError, in words, where it holds none."""
    asked = side(record, "request", "params")
    request = at(record, asked)
    response, answered = _response(record)
    talk = Conversation()
    messages: list[Message] = []
    if system := talk.text(request.get("system")):
        messages.append(Message("system", system))
    if "messages" in request:
        messages.extend(talk.messages(request["messages"]))
    if _is_answer(response):
        messages.extend(talk.message({"role": "assistant", "content": response["content"]}))
    error = _error(record, response)
    if not error and not any(message.role == "assistant" for message in messages) and not _is_answer(response):
        raise ValueError("; ".join(["holds no answer of a model", *(f"{where}: {why}" for where, why in talk.odd)]))
    rest = less(record, asked, "system", "messages")
    if _is_answer(response):
        rest = less(rest, answered, "content", "stop_reason", "role", "type")
    return [
        Talk(
            messages=messages,
            rest=rest,
            model=texts(response, "model") or texts(request, "model"),
            stop_reason=texts(response, "stop_reason") or texts(record, "stop_reason"),
            error=error,
            odd=talk.odd,
            ignored=talk.ignored,
        )
    ]


def _response(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What came back, and where it stands."""
    path = ("result", "message") if mapping(record.get("result")) else side(record, "response", "message")
    return at(record, path), path


def _is_answer(response: Mapping[str, Any]) -> bool:
    kind = response.get("type") == "message" or "stop_reason" in response
    return kind and response.get("role", "assistant") == "assistant" and isinstance(response.get("content"), str | list)


def _error(record: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """Why there is no answer, where the record says so."""
    result = mapping(record.get("result"))
    kind = texts(result, "type")
    if kind in _RESULTS and kind != "succeeded":
        return failure(result.get("error")) or f"the batch's request was {kind}"
    return failure(response.get("error") or record.get("error"))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
