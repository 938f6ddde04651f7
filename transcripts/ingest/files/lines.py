"""Reads JSON Lines as they come from strangers: one value at a time, whatever a file holds and however long it is.

A file that is one JSON array, or objects that are spread over several lines, is cut into its elements in the same
way. Memory is bounded by the longest line or element that is read (`Limits.line_bytes`), not by the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.files.tree import HEAD_BYTES, Tree
from transcripts.ingest.parsed import Problem, Source

_CHUNK = 1 << 18
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
# How many entries are looked at to tell a file's format, how long they may be, and how much is read for that.
_PROBED, _PROBED_BYTES, _PROBED_AT_ALL = 5, 16 << 20, 64 << 20
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
# Whatever comes before the next bracket, inside of elements, or before the next bracket or comma, between them.
_INSIDE = re.compile(rb'[^"{}\[\]]*+(?:"%b"[^"{}\[\]]*+)*+' % _IN_STRING.pattern, re.DOTALL)
_BETWEEN = re.compile(rb'[^"{}\[\],]*+(?:"%b"[^"{}\[\],]*+)*+' % _IN_STRING.pattern, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a file: of a line, or of an element of its array."""

    source: Source  # the file
    number: int  # of the line, or of the element; from 1
    where: str  # for reports: "line 3"; "[2]" for the third element
    value: Any


def entries(tree: Tree, path: str, format: str) -> Iterator[Entry | Problem]:
    """Every value of a file, in order; a Problem for each that cannot be read, and for a file that changes meanwhile.

    `format` is what the sources are to name. Blank lines are no entries. Nothing is raised.
    """
    name = tree.name(path)
    count = 0
    try:
        with tree.open(path) as file:
            sha256 = _sha256(file)
            origin = Source(name, sha256, file.tell(), format)
            text = _Text(file, origin.size)
            for piece in _pieces(text, tree.limits.line_bytes):
                count += 1
                yield _decoded(piece, origin)
            if text.digest.digest() != sha256:
                yield Problem(name, "", "changed while it was read: read it again when it is finished", lost=False)
            elif file.read(1):
                yield Problem(name, "", "grew while it was read: what was added meanwhile is not read", lost=False)
            elif not count:
                yield Problem(name, "", "the file is empty", lost=False)
    except (OSError, Refused) as error:
        yield Problem(name, "", f"cannot be read: {error}")


def first(tree: Tree, path: str, start: bytes) -> dict[str, Any]:
    """The first object among a file's first entries, to tell its format by; empty where there is none.

    `start` is how the file begins. What was found last is remembered, because one reader after the other asks.
    """
    if not start.removeprefix(_BOM).lstrip(_BLANK).startswith((b"{", b"[")):
        return {}
    seen = tree.kept.get("lines")
    if seen is None or seen[:2] != (path, start):
        seen = tree.kept["lines"] = (path, start, _first(tree, path))
    found: dict[str, Any] = seen[2]
    return found


def _first(tree: Tree, path: str) -> dict[str, Any]:
    origin = Source("", b"", 0, "")
    try:
        with tree.open(path) as file:
            for piece in islice(_pieces(_Text(file, _PROBED_AT_ALL), _PROBED_BYTES), _PROBED):
                found = _decoded(piece, origin)
                if isinstance(found, Entry) and isinstance(found.value, dict):
                    return found.value
    except (OSError, Refused):
        pass
    return {}


@dataclass(frozen=True, slots=True)
class _Piece:
    """The bytes of one entry; None where they are too long, or where only `reason` is to be told."""

    number: int
    where: str
    data: bytes | None
    reason: str = ""
    cut_off: bool = False  # the file ends with it, without saying that it is whole
    lost: bool = True


class _Text:
    """A file's first `size` bytes, from its beginning, hashed while they are read."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file = file
        self.left = size
        self.digest = hashlib.sha256()
        file.seek(0)
        self.start = file.read(min(size, HEAD_BYTES))
        file.seek(0)

    def read(self) -> bytes:
        return self._count(self.file.read(min(_CHUNK, self.left)))

    def line(self, limit: int) -> bytes:
        return self._count(self.file.readline(min(limit, self.left)))

    def _count(self, data: bytes) -> bytes:
        self.left -= len(data)
        self.digest.update(data)
        return data


def _sha256(file: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.digest()


def _decoded(piece: _Piece, origin: Source) -> Entry | Problem:
    if piece.data is None:
        return Problem(origin.path, piece.where, piece.reason, piece.lost)
    try:
        return Entry(origin, piece.number, piece.where, from_json(piece.data))
    except Undecodable as error:
        if piece.cut_off:
            what = "line" if piece.where.startswith("line") else "entry"
            return Problem(origin.path, piece.where, f"the file ends in the middle of this {what}")
        column = error.where.removeprefix("line 1") if piece.where.startswith("line") else ""
        return Problem(origin.path, piece.where + column, error.reason)


def _pieces(text: _Text, limit: int) -> Iterator[_Piece]:
    return _elements(text, limit) if _is_document(text.start) else _lines(text, limit)


def _is_document(start: bytes) -> bool:
    """Whether a file is an array or a spread-out object. A broken first line of JSON Lines is neither."""
    line, _, rest = start.removeprefix(_BOM).lstrip(_BLANK).partition(b"\n")
    line, following = line.rstrip(), rest.lstrip(b"\r\n")
    if line.startswith(b"["):
        return line == b"[" or line.endswith(b",") or not following.startswith(b"{")
    if not line.startswith(b"{") or not following or following.startswith((b"{", b"[")):
        return False
    cutter = _Cutter(limit=len(line))
    return not list(cutter.feed(line)) and not cutter.in_string


def _lines(text: _Text, limit: int) -> Iterator[_Piece]:
    number = 0
    while line := text.line(limit + 1):
        number += 1
        where = f"line {number}"
        if len(line) > limit and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = text.line(_CHUNK)
            yield _Piece(number, where, None, _too_long(limit))
        elif line.strip(_BLANK):
            yield _Piece(number, where, line.rstrip(_BLANK), cut_off=not line.endswith(b"\n"))


def _elements(text: _Text, limit: int) -> Iterator[_Piece]:
    cutter = _Cutter(limit)
    while chunk := text.read():
        yield from cutter.feed(chunk)
    yield from cutter.end()


@dataclass
class _Cutter:
    """Cuts JSON into the elements of its array, or into objects that follow each other, without understanding it."""

    limit: int
    depth: int = 0
    base: int = 0  # the depth at which elements stand: 1 in an array
    in_string: bool = False
    escaped: bool = False  # the last chunk ended with a backslash
    number: int = 0
    length: int = 0
    parts: list[bytes] = field(default_factory=list)  # of the element so far; none of one that is too long
    begun: bool = False

    def feed(self, chunk: bytes) -> Iterator[_Piece]:
        at, kept = int(self.escaped), 0
        self.escaped = False
        while at < len(chunk):
            if self.in_string:
                at = self._string_end(chunk, at)
                continue
            at = _end(_BETWEEN if self.depth <= self.base else _INSIDE, chunk, at) + 1
            mark = chunk[at - 1 : at]
            if mark == b'"':  # of a string that does not end in this chunk
                self.in_string = True
            elif mark in (b"{", b"["):
                self.depth += 1
                if mark == b"[" and not self.begun:
                    self.base, kept = 1, at
                self.begun = True
            elif mark == b"," and self.depth == self.base:
                yield from self._cut(chunk[kept : at - 1])
                kept = at
            elif mark in (b"}", b"]"):
                ends = self.depth == self.base == 1  # the array itself
                self.depth = max(self.depth - 1, 0)
                if ends:
                    self.base = 0
                if self.depth == self.base:
                    yield from self._cut(chunk[kept : at - 1 if ends else at])
                    kept = at
        self._keep(chunk[kept:])

    def end(self) -> Iterator[_Piece]:
        for piece in self._cut(b""):
            yield _Piece(piece.number, piece.where, piece.data, piece.reason, cut_off=True)
        if self.base:
            yield _Piece(self.number, f"[{self.number}]", None, "the file ends before its array does", lost=False)

    def _string_end(self, chunk: bytes, at: int) -> int:
        """Where a string's text goes on after its closing quote, or the chunk's end."""
        at = _end(_IN_STRING, chunk, at)
        if chunk[at : at + 1] == b'"':
            self.in_string = False
        elif at < len(chunk):
            self.escaped = True
        return at + 1

    def _keep(self, data: bytes) -> None:
        self.length += len(data)
        if self.length > self.limit:
            self.parts = []
        elif data:
            self.parts.append(data)

    def _cut(self, data: bytes) -> Iterator[_Piece]:
        self._keep(data)
        whole, length = b"".join(self.parts), self.length
        self.parts, self.length = [], 0
        if length > self.limit:
            yield self._piece(None, _too_long(self.limit))
        elif whole.removeprefix(_BOM).strip(_BLANK):
            yield self._piece(whole.strip(_BLANK))

    def _piece(self, data: bytes | None, reason: str = "") -> _Piece:
        self.number += 1
        return _Piece(self.number, f"[{self.number - 1}]", data, reason)


def _end(pattern: re.Pattern[bytes], chunk: bytes, at: int) -> int:
    match = pattern.match(chunk, at)
    return match.end() if match else at


def _too_long(limit: int) -> str:
    return f"longer than {limit:,} bytes, the most that is read at once"
