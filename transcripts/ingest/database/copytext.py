"""PostgreSQL's COPY text format: made where transcripts are read, so that the writing process only puts ids before it.

https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NULL = r"\N"
BOOLEAN = {None: NULL, True: "t", False: "f"}

# PostgreSQL stores no NUL; its visible sign takes the place, so that offsets stay true.
_SIGN_OF_NUL = "\u2400"
_SPECIAL = re.compile(r"[\0\t\n\r\\]")
_ESCAPES = (("\\", r"\\"), ("\n", r"\n"), ("\0", _SIGN_OF_NUL), ("\t", r"\t"), ("\r", r"\r"))


def clean(text: str) -> str:
    """The text as it is stored."""
    return text.replace("\0", _SIGN_OF_NUL)


def text(value: str) -> str:
    """A text."""
    if _SPECIAL.search(value):  # faster, all five, than a translation table
        for character, sign in _ESCAPES:
            value = value.replace(character, sign)
    return value


def json(value: bytes) -> bytes:
    """A JSON text without white space. Of what COPY wants escaped, it can only hold the backslash."""
    return value.replace(b"\\", rb"\\")


def given(value: object) -> str:
    """A number or a time, if there is one."""
    return NULL if value is None else str(value)


def binary(value: bytes) -> str:
    """A value of type bytea."""
    return rf"\\x{value.hex()}"


def array(values: Sequence[str]) -> str:
    """An array of texts."""
    return text(array_literal(values))


def array_literal(values: Sequence[str]) -> str:
    """An array of texts as SQL writes it: far faster to hand over, for hundreds of values, than a list of them."""
    if not values:
        return "{}"
    joined = '","'.join(value.replace("\\", r"\\").replace('"', r"\"") for value in values)
    return f'{{"{joined}"}}'
