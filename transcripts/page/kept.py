"""What a transcript's file holds and no column of ours: a person's remarks, settings, what was injected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

# Left out here; the raw response has them.
_BLANK_LINES = re.compile(r"\n\s*\n")
# A longer field, and what comes after so many fields, is on the page of the raw response.
LONGEST = 2_000
MOST = 60
# So little is shown without being asked for.
FEW = 4
SHORT = 1_500


@dataclass(frozen=True)
class Field:
    """A field by its path in the file, and its value as text."""

    name: str
    text: str


@dataclass(frozen=True)
class Kept:
    fields: list[Field]
    more: int  # fields that are too long or too many for the page

    @property
    def opens(self) -> bool:
        return not self.more and len(self.fields) <= FEW and sum(len(field.text) for field in self.fields) <= SHORT


def kept(extra: Mapping[str, Any]) -> Kept:
    found = [Field(" · ".join(path), text) for path, text in _leaves(extra, ()) if text.strip()]
    short = [field for field in found if len(field.text) <= LONGEST][:MOST]
    return Kept(short, len(found) - len(short))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is not empty, object by object; a list is one field."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, str):
        yield path, _BLANK_LINES.sub("\n", value.strip())
    elif value is not None and value != []:
        yield path, orjson.dumps(value).decode()
