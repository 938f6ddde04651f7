"""What an OpenAI-compatible endpoint answers, taken apart without trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

LONGEST_WAIT = 600.0  # seconds, whatever an endpoint asks for
DEFAULT_WAIT = 1.0
MOST_TOKENS = 10**9


class NoCompletion(Exception):
    """The body is no chat completion. `may_pass`: it was cut, or the server's own trouble."""

    def __init__(self, problem: str, *, may_pass: bool) -> None:
        super().__init__(problem)
        self.may_pass = may_pass


@dataclass(frozen=True, slots=True)
class Completion:
    """What the judge model said. Tokens are None where the endpoint does not tell them."""

    content: str | None
    refusal: str
    finish: str
    model: str
    tokens_in: int | None
    tokens_out: int | None


def completion(data: bytes) -> Completion:
    """A body of status 200. Raises NoCompletion."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise NoCompletion(f"the body is no JSON ({error}): {shown(data)}", may_pass=True) from None
    if not isinstance(said, dict):
        raise NoCompletion(f"the body is no object: {shown(data)}", may_pass=False)
    choices = said.get("choices")
    if not isinstance(choices, list) or not choices:
        raise NoCompletion(f"no choices in {shown(data)}", may_pass="error" in said)
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise NoCompletion(f"no message in {shown(data)}", may_pass=False)
    content = message.get("content")
    tokens = _usage(said.get("usage"))
    return Completion(
        content=content if isinstance(content, str) else None,
        refusal=_text(message.get("refusal")),
        finish=_text(choice.get("finish_reason")),
        model=_text(said.get("model"))[:200],
        tokens_in=tokens[0] if tokens else None,
        tokens_out=tokens[1] if tokens else None,
    )


def _usage(usage: Any) -> tuple[int, int] | None:
    """Both numbers or none: half a bill is no bill."""
    if not isinstance(usage, dict):
        return None
    given = usage.get("prompt_tokens"), usage.get("completion_tokens")
    tokens = [n for n in given if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= MOST_TOKENS]
    return (tokens[0], tokens[1]) if len(tokens) == 2 else None


def _text(value: Any) -> str:
    """A text that can be stored; JSON can spell null characters."""
    return value.replace("\0", "�") if isinstance(value, str) else ""


def message_of(data: bytes) -> str:
    """What an error's body says."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        return shown(data)
    error = said.get("error", said) if isinstance(said, dict) else said
    message = error.get("message") if isinstance(error, dict) else error
    return message[:300] if isinstance(message, str) else shown(data)


def shown(data: bytes, most: int = 200) -> str:
    return data[:most].decode(errors="replace").replace("\0", "�")


def seconds_to_wait(headers: Mapping[str, str]) -> float:
    """Of Retry-After, which is a number of seconds or a date."""
    given = headers.get("retry-after", "").strip()
    try:
        seconds = float(given)
    except ValueError:
        try:
            at = parsedate_to_datetime(given)
        except ValueError:
            return DEFAULT_WAIT
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    return min(LONGEST_WAIT, max(0.0, seconds)) if seconds == seconds else DEFAULT_WAIT
