"""A marked passage in words: a mail that was marked as a whole reads as a mail, and not as the tool was sent it."""

from __future__ import annotations

import re
from typing import Any

from transcripts.page.deeds import BODY_FIELDS
from transcripts.parsing.fields import fields

_BLOCK = re.compile(r"\s*<tool_use:[^<>]{1,200}>(.*?)(?:</tool_use[^<>]{0,200}>)?\s*", re.DOTALL | re.IGNORECASE)
HEAD = ("from", "to", "cc", "bcc", "subject")


def in_words(quote: str) -> str:
    """The passage itself, unless it is one whole mail whose fields can be read."""
    found = _BLOCK.fullmatch(quote)
    if found is None or "<tool_use" in found[1].lower():
        return quote
    given, problem = fields(found[1])
    body = next((given[name] for name in BODY_FIELDS if given.get(name)), "")
    head = [f"{name.capitalize()}: {_plain(given[name])}" for name in HEAD if given.get(name)]
    return "\n".join([*head, _plain(body)]).strip() if head and not problem else quote


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
