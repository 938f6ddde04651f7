"""Rows of CSV as it comes from strangers: any of three delimiters, UTF-8 or UTF-16, quoted line ends, ragged rows.

The header is row 0. Memory is bounded by the longest cell that is read.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from itertools import islice
from typing import IO, Any

from transcripts.ingest.files.lines import Entry
from transcripts.ingest.files.parquet import unique
from transcripts.ingest.parsed import Problem, Source

UTF16 = (b"\xff\xfe", b"\xfe\xff")
# What does not belong to any column of a CSV file: cells beyond its header.
BEYOND = "(beyond the header)"

_DELIMITERS = ",;\t"
_PROBED = 50  # rows by which a delimiter is told
_MOST_COLUMNS = 10_000
_LONGEST_CELL = 16 << 20  # characters; the csv module takes four bytes for each
_TOO_LONG = f"a cell of more than {_LONGEST_CELL:,} characters; maybe a quotation mark is not closed"
_UNCLOSED = "a quotation mark that is opened here is never closed: this and what follows is not read"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class _TooLong(Exception):
    """A line that is longer than any cell may be."""


class _Lines:
    """The lines of a text, for the csv module. It counts how often it was asked after the last one."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.number = 0
        self.ended = 0
        self.replaced = "\ufffd" if text.errors == "replace" else "\0"  # what the decoder writes for what is none
        self.odd = False  # what was read since this was last set holds what is no character, or cannot be stored

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.text.readline(_LONGEST_CELL)
        if not line:
            self.ended += 1
            raise StopIteration
        self.number += 1
        if len(line) >= _LONGEST_CELL and line[-1] not in "\r\n":
            while line and line[-1] not in "\r\n":
                line = self.text.readline(_LONGEST_CELL)
            raise _TooLong
        if not line.isascii() or "\0" in line:
            self.odd = self.odd or self.replaced in line
            line, changed = _UNSTORABLE.subn("\ufffd", line)
            self.odd = self.odd or changed > 0
        return line


def _text(file: IO[bytes], start: bytes) -> io.TextIOWrapper:
    if start.startswith(UTF16):
        return io.TextIOWrapper(file, "utf-16", "replace", newline="")
    return io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")


def csv_rows(file: IO[bytes], start: bytes, source: Source, wanted: Collection[str]) -> Iterator[Entry | Problem]:
    """Every row of a file that begins with `start`; none where no `wanted` column is in its header. Closes the file."""
    with _text(file, start) as text:
        yield from _rows(_Lines(text), _delimiter(start), source, wanted)


def _rows(lines: _Lines, delimiter: str, source: Source, wanted: Collection[str]) -> Iterator[Entry | Problem]:
    csv.field_size_limit(_LONGEST_CELL)
    records = _records(lines, delimiter, source)
    first = next(records, None)
    if first is None or isinstance(first, Problem):
        yield first or Problem(source.path, "", "holds no row", lost=False)
        return
    columns = unique(first[1])
    if len(columns) > _MOST_COLUMNS:
        yield Problem(source.path, "row 0 (line 1)", f"{len(columns):,} columns; {_MOST_COLUMNS:,} is the most")
        return
    if refused := refusal(source, wanted, columns):
        yield refused
        return
    odd, number = "", 0
    empty: list[Any] = []  # the first row without content, and how many there are
    for number, record in enumerate(records, 1):
        if isinstance(record, Problem):
            yield record
            continue
        where, cells = record
        if len(columns) > 1 and not any(cells):  # spreadsheets write such, by the thousand
            empty = empty or [where, 0]
            empty[1] += 1
            continue
        if lines.odd:
            odd, lines.odd = odd or where, False
        if len(cells) != len(columns):
            yield Problem(source.path, where, f"{len(cells)} cells where the header has {len(columns)}", lost=False)
        value: dict[str, Any] = dict(zip(columns, cells, strict=False))
        if cells[len(columns) :]:
            value[BEYOND] = cells[len(columns) :]
        yield Entry(source, number, where, value)
    if odd:
        yield Problem(source.path, odd, "here and maybe elsewhere: what is not UTF-8 is read as �", lost=False)
    if empty:
        yield Problem(source.path, empty[0], f"{empty[1]:,} rows without any content are left out", lost=False)
    if not number:
        yield Problem(source.path, "", "holds a header and no row", lost=False)


def _records(lines: _Lines, delimiter: str, source: Source) -> Iterator[tuple[str, list[str]] | Problem]:
    """The header, then each row, with its place. The csv module starts anew after a row that it refuses."""
    reader = csv.reader(lines, delimiter=delimiter)
    number = 0
    while True:
        where = f"row {number} (line {lines.number + 1})"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLong:
            yield Problem(source.path, where, _TOO_LONG)
        except csv.Error as error:
            yield Problem(source.path, where, _TOO_LONG if "field limit" in str(error) else str(error))
        else:
            if not cells:
                continue
            if lines.ended:  # asked for more where there is none: the row goes on inside quotation marks
                yield Problem(source.path, where, _UNCLOSED)
                return
            yield where, cells
        number += 1


def _delimiter(start: bytes) -> str:
    """The one that cuts the first rows into as many cells as their header."""

    def fit(delimiter: str) -> tuple[float, int]:
        text = _text(io.BytesIO(start), start)
        reader = csv.reader(_Lines(text), delimiter=delimiter)
        try:
            widths = [len(cells) for cells in islice(reader, _PROBED) if cells]
        except (csv.Error, _TooLong):
            return 0.0, 0
        if not widths or widths[0] < 2:
            return 0.0, 0
        # The last row may be cut off where the beginning ends.
        whole = widths[1:-1] or widths[1:] or widths
        return sum(width == widths[0] for width in whole) / len(whole), widths[0]

    return max(_DELIMITERS, key=fit)


def refusal(source: Source, wanted: Collection[str], columns: Collection[str]) -> Problem | None:
    """Why a table is not read: it has none of the columns without which no row says anything."""
    if not wanted or any(name in columns or name.split(".")[0] in columns for name in wanted):
        return None
    shown = ", ".join(islice((name[:60] for name in columns), 20))
    return Problem(source.path, "", f"has no column {' or '.join(sorted(wanted))}; its columns are {shown}")
