"""JSON and text as they come from strangers: what is wrong is told by place, and what remains can be stored.

A database text can hold neither NUL nor half a surrogate pair; both become U+FFFD, one for one, so that
offsets keep counting the same characters.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

import orjson

_BOM = b"\xef\xbb\xbf"
DEEPEST = 200  # levels of lists and objects; what is kept of a document is written as JSON again
# As many digits as a whole number beyond 64 bits has, which the fast parser would round; quicker than a pattern.
_MANY_DIGITS = b"0" * 19
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_64_BITS = range(-(1 << 63), 1 << 64)
# Values take a hundred bytes of memory or more each, however short they are written.
_MOST_VALUES = 20_000_000
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_YEARS = range(1900, 2201)  # no model spoke outside of these; neither Python nor PostgreSQL can hold every year
_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


class Undecodable(Exception):
    """Not JSON. `where` is the place, such as "line 3 column 7"."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(reason)
        self.where = where
        self.reason = reason


def from_json(data: bytes) -> Any:
    """A JSON document's value.

    What Python writes and others cannot hold becomes text: NaN, Infinity, and whole numbers beyond 64 bits.
    """
    data = data.removeprefix(_BOM)
    _refuse_many(data)
    try:
        value = orjson.loads(data)
        odd = b"\\u0000" in data
        if _MANY_DIGITS in data.translate(_DIGITS_AS_ZEROS):
            value, odd = _leniently(data), True
    except orjson.JSONDecodeError:
        value, odd = _leniently(data), True
    _refuse_depth(data, value)
    return _clean(value) if odd else value


def text(data: bytes) -> str:
    """A text file's characters; what is not UTF-8 becomes U+FFFD."""
    return data.removeprefix(_BOM).decode("utf-8", "replace").replace("\0", "\ufffd")


def moment(value: object) -> datetime | None:
    """An ISO time, in UTC, or None. Times without a zone (the framework writes local ones) are taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year in _YEARS else None


def _leniently(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=str, parse_int=_whole)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Undecodable(f"line {line}", f"not UTF-8: {error.reason}") from None
    except json.JSONDecodeError as error:
        raise Undecodable(f"line {error.lineno} column {error.colno}", f"not JSON: {error.msg}") from None
    except RecursionError:
        raise Undecodable("", "not JSON that can be read: nested too deeply") from None
    except ValueError as error:
        raise Undecodable("", f"not JSON that can be read: {error}") from None


def _whole(digits: str) -> int | str:
    # Python itself refuses to read thousands of digits.
    return int(digits) if len(digits) < 19 or (len(digits) < 22 and int(digits) in _64_BITS) else digits


def _refuse_many(data: bytes) -> None:
    if len(data) > _MOST_VALUES and _are_many(data) and _are_many(_STRING.sub(b"", data)):
        raise Undecodable("", f"not JSON that can be read: more than {_MOST_VALUES:,} values")


def _are_many(data: bytes) -> bool:
    found = 0
    for at in range(0, len(data), 1 << 24):
        part = data[at : at + (1 << 24)]
        found += part.count(b",") + part.count(b"[") + part.count(b"{")
        if found > _MOST_VALUES:
            return True
    return False


def _refuse_depth(data: bytes, value: Any) -> None:
    if data.count(b"[") + data.count(b"{") <= DEEPEST:
        return
    level = [value]
    for _ in range(DEEPEST):
        below = [item for item in level if isinstance(item, dict | list)]
        level = [inner for item in below for inner in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return
    raise Undecodable("", f"not JSON that can be read: nested deeper than {DEEPEST} levels")


def _clean(value: Any) -> Any:
    """The same value without characters that a database text cannot hold. Depth is bounded by the parser."""
    if isinstance(value, str):
        return value.translate(_UNSTORABLE)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # from a number such as 1e999
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    return value
