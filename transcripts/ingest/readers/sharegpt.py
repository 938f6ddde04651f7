"""Reads the format of ShareGPT and of the data sets that are written like it: JSON Lines, or a JSON file with a list.

    {"id", "conversations": [{"from": "human"|"gpt"|..., "value"}], "system", "tools", ...}

Some write `role` and `content` for `from` and `value`, or call the list `conversation` or `items`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.files.lines import first
from transcripts.ingest.files.tree import Tree
from transcripts.ingest.parsed import Message, Record, ToolCall
from transcripts.ingest.readers.chat import mapping, texts, tool_call
from transcripts.ingest.readers.chat_content import Conversation, call_from
from transcripts.ingest.readers.chat_record import Talk, failure, foreign, read_records, without

FORMAT = "sharegpt"

_LISTS = ("conversations", "conversation", "items", "messages")
_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "function": "tool",
    "function_response": "tool",
}


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """A record with a list of turns."""
    record = first(tree, path, start)
    return not foreign(record) and bool(_listed(record))


def read(tree: Tree, path: str) -> Iterator[Record]:
    """Every record."""
    yield from read_records(tree, path, FORMAT, talks)


def talks(record: dict[str, Any]) -> list[Talk]:
    """A record's conversation. Raises ValueError, in words, where it holds none."""
    name = _listed(record)
    if not name:
        raise ValueError("holds no conversation")
    talk = Conversation()
    messages = [Message("system", record["system"])] if texts(record, "system") else []
    for number, turn in enumerate(record[name]):
        if _is_turn(turn):
            messages.extend(_turn(turn, talk))
        else:
            talk.odd.append((f"{name}[{number}]", "not a turn: it does not say who speaks; the others are kept"))
    error = failure(record.get("error"))
    if not error and not any(message.role == "assistant" for message in messages):
        raise ValueError("; ".join(["holds no answer of a model", *(f"{where}: {why}" for where, why in talk.odd)]))
    rest = without(record, name, *(["system"] if isinstance(record.get("system"), str) else []))
    stop = texts(record, "finish_reason", "stop_reason")
    return [Talk(messages, rest, stop_reason=stop, error=error, odd=talk.odd, ignored=talk.ignored)]


def _listed(record: Mapping[str, Any]) -> str:
    """The name of the list of turns, if there is one. `messages` are turns only where they are written so."""
    for name in _LISTS:
        turns = record.get(name)
        turns = turns[:9] if isinstance(turns, list) else []
        if any(_is_turn(turn) and (name != "messages" or "from" in turn) for turn in turns):
            return name
    return ""


def _is_turn(turn: object) -> bool:
    return isinstance(mapping(turn).get("from", mapping(turn).get("role")), str)


def _turn(turn: Mapping[str, Any], talk: Conversation) -> Iterator[Message]:
    speaker = turn.get("from", turn.get("role"))
    role = _ROLES.get(speaker.lower(), speaker)
    said = next((turn[name] for name in ("value", "content", "text") if name in turn), None)
    if speaker == "function_call":
        yield Message(role, "", tool_calls=tuple(_calls(said)))
        return
    rest = {name: value for name, value in turn.items() if name not in ("from", "role", "value", "content", "text")}
    yield from talk.message({**rest, "role": role, "content": said})


def _calls(said: object) -> Iterator[ToolCall]:
    """The calls of a turn that is nothing else: a JSON text, of one or of several."""
    try:
        value = from_json(said.encode("utf-8", "surrogatepass")) if isinstance(said, str) else said
    except Undecodable as error:
        yield tool_call("", "", {"call": said}, f"the call is {error.reason}")
        return
    for call in value if isinstance(value, list) else [value]:
        yield call_from(call)
