"""Sends lines to the database by COPY, in pieces, so that it takes in one while the next is put together."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from psycopg import Cursor

LINES_PER_PIECE = 50


def copy(cursor: Cursor[Any], table: str, columns: str, lines: Iterable[bytes]) -> None:
    """Copy lines in COPY's text format into a table's columns."""
    rest = iter(lines)
    piece = list(islice(rest, LINES_PER_PIECE))
    if not piece:
        return
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as sending:
        while piece:
            sending.write(b"".join(piece))
            piece = list(islice(rest, LINES_PER_PIECE))
