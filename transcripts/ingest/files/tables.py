"""Rows of tables as they come from strangers: JSON Lines, CSV and Parquet, told by content.

A row is an `Entry` whose value is an object from column to value. Memory is bounded by the longest row.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from transcripts.ingest.files.archive import Limits, Refused
from transcripts.ingest.files.csv_rows import UTF16, csv_rows, refusal
from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.files.lines import Entry, entries
from transcripts.ingest.files.parquet import BUFFER
from transcripts.ingest.files.tree import Tree, head
from transcripts.ingest.parsed import Problem, Source

_UTF8 = b"\xef\xbb\xbf"
_CHUNK = 1 << 20
_ROOT = Path(__file__).resolve().parents[3]


def kind(start: bytes) -> str:
    """What a file that begins so can be read as: json, parquet, csv; or why it cannot, in words."""
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(UTF16):
        return "csv"
    if start.removeprefix(_UTF8).lstrip(b" \t\r\n").startswith((b"{", b"[")):
        return "json"
    if start.startswith(b"PK\x03\x04"):
        return "a spreadsheet or another archive, not a table: save it as CSV"
    if start.count(0) * 20 > len(start):
        return "not a table: neither JSON Lines nor CSV nor Parquet"
    return "csv"


def rows(tree: Tree, path: str, format: str, wanted: Collection[str] = ()) -> Iterator[Entry | Problem]:
    """Every row of a file, in order; a Problem for each that cannot be read. Nothing is raised.

    Of a file whose columns are known beforehand, nothing is read where none of the `wanted` is among them.
    """
    start = head(tree, path)
    what = kind(start)
    if what == "json":
        yield from entries(tree, path, format)
        return
    try:
        with tree.open(path) as file:
            sha256 = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                sha256.update(chunk)
            source = Source(tree.name(path), sha256.digest(), file.tell(), format)
            file.seek(0)
            if not source.size:
                yield Problem(source.path, "", "the file is empty", lost=False)
            elif what == "csv":
                yield from csv_rows(file, start, source, wanted)
            elif what == "parquet":
                yield from _parquet(file, source, wanted, tree.limits)
            else:
                yield Problem(source.path, "", what)
    except (OSError, Refused) as error:
        yield Problem(tree.name(path), "", f"cannot be read: {error}")


def _parquet(file: IO[bytes], source: Source, wanted: Collection[str], limits: Limits) -> Iterator[Entry | Problem]:
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as copy:
        command = [sys.executable, "-m", "transcripts.ingest.files.parquet"]
        process = subprocess.Popen(
            command, BUFFER, cwd=_ROOT, stdin=_on_disk(file, copy), stdout=subprocess.PIPE, stderr=told
        )
        assert process.stdout is not None
        number, most = 0, limits.members
        try:
            for number, line in enumerate(_bounded(process.stdout, limits.line_bytes), 1):
                if number > most:
                    yield Problem(source.path, f"row {number}", f"more than {most:,} rows: the others are not read")
                    return
                found = _decoded(line, number, source, limits.line_bytes)
                if number == 1 and isinstance(found, Entry) and (refused := refusal(source, wanted, found.value)):
                    yield refused
                    return
                yield found
            if process.wait():
                told.seek(0)
                said = told.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                reason = said or f"damaged: it ended the program that reads it (code {process.returncode})"
                yield Problem(source.path, f"after row {number}" if number else "", f"cannot be read: {reason}")
            elif not number:
                yield Problem(source.path, "", "holds no row", lost=False)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _bounded(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """Lines; of one that is too long, only the beginning."""
    while line := file.readline(limit + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(1 << 20)
        yield line


def _decoded(line: bytes, number: int, source: Source, limit: int) -> Entry | Problem:
    where = f"row {number}"
    if len(line) > limit:
        return Problem(source.path, where, f"longer than {limit:,} bytes, the most that is read at once")
    try:
        return Entry(source, number, where, from_json(line))
    except Undecodable as error:
        return Problem(source.path, where, error.reason)


def _on_disk(file: IO[bytes], copy: IO[bytes]) -> IO[bytes]:
    """The file itself, where another process can read it from its beginning; else the copy, filled."""
    try:
        file.fileno()
    except (OSError, AttributeError):
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        return copy
    return file
