"""The readers, in the order in which they are asked, and the walk that finds what each can read.

A new format is a module here with the three names of `Reader`, and one line in `READERS`. Formats are told
by content, a file at a time; what nobody claims is a Problem. A format whose files only make sense together
claims their folder (`FolderReader`). The walk hands out parts, which may be read in any process.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from transcripts.ingest.files.archive import Limits, Refused
from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.files.tree import Folder, Tree, Zipped, head, join, taken
from transcripts.ingest.parsed import Part, Problem, Record, mistake
from transcripts.ingest.readers import (
    agentdojo,
    anthropic_messages,
    flat,
    framework,
    inspect,
    openai_chat,
    petri,
    sharegpt,
)
from transcripts.ingest.readers.mapped import Mapped

logger = logging.getLogger(__name__)

# Files that one process takes at a time: enough to be worth handing over, few enough to share them out evenly.
PART_FILES = 100


class Reader(Protocol):
    """What a reader module offers."""

    FORMAT: str

    def claims(self, tree: Tree, path: str, start: bytes) -> bool:
        """Whether a file is this reader's; `start` is how it begins."""
        ...

    def read(self, tree: Tree, path: str) -> Iterator[Record]:
        """The records of one file. What is wrong with it is a Problem, never an exception."""
        ...


class FolderReader(Reader, Protocol):
    """What a module offers whose format is a folder of many files."""

    def claims_folder(self, tree: Tree, folder: str) -> bool:
        """Whether a folder, with everything below it, is this reader's."""
        ...

    def parts(self, tree: Tree, folder: str) -> Iterator[Part | Record]:
        """What a claimed folder is cut into, and what the cutting finds."""
        ...

    def read_part(self, tree: Tree, part: Part) -> Iterator[Record]:
        """The records of one part."""
        ...


FOLDER_READERS: tuple[FolderReader, ...] = (framework,)
READERS: tuple[Reader, ...] = (
    framework,
    inspect,
    petri,
    agentdojo,
    flat,
    anthropic_messages,
    openai_chat,
    sharegpt,
)
FORMATS = tuple(reader.FORMAT for reader in READERS)


def chosen(format: str | None, mapping: Mapping[str, Any] | None = None) -> tuple[Reader, ...]:
    """The reader of that name, or all; the one that a mapping makes, where there is one. Raises ValueError."""
    if mapping is not None:
        return (Mapped(mapping),)
    readers = tuple(reader for reader in READERS if format in (None, reader.FORMAT))
    if not readers:
        raise ValueError(f"unknown format {format!r}; known are {', '.join(FORMATS)}")
    return readers


def given(path: Path, limits: Limits | None = None) -> Folder:
    """A folder, or a single file, as a tree."""
    path = path.resolve()
    return Folder(path, limits=limits) if path.is_dir() else Folder(path.parent, only=path.name, limits=limits)


def read(
    path: Path,
    *,
    format: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Iterator[Record]:
    """The records of a folder, a file or a ZIP archive, read here; a `format` overrides what the content looks like."""
    yield from _read(given(path, limits), chosen(format, mapping))


def parts(tree: Tree, readers: Sequence[Reader]) -> Iterator[Part | Record]:
    """What a tree is cut into, folder by folder, and what the walk finds on the way."""
    files: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        owner = next((one for one in FOLDER_READERS if one in readers and one.claims_folder(tree, folder)), None)
        if owner:
            yield from owner.parts(tree, folder)
        else:
            below, names = tree.children(folder)
            folders.extend(join(folder, name) for name in reversed(below))
            files.extend(join(folder, name) for name in names)
        yield from taken(tree)
        while len(files) >= PART_FILES:
            yield Part(tuple(files[:PART_FILES]))
            del files[:PART_FILES]
    if files:
        yield Part(tuple(files))


def read_part(tree: Tree, part: Part, readers: Sequence[Reader], *, packed: bool = False) -> Iterator[Record]:
    """The records of one part; `packed` where the tree is an archive, in which no other is opened."""
    owner = next((one for one in FOLDER_READERS if part.format == one.FORMAT), None)
    if owner:
        yield from owner.read_part(tree, part)
    else:
        for path in part.paths:
            yield from _file(tree, path, readers, packed=packed)
    yield from taken(tree)


def _read(tree: Tree, readers: Sequence[Reader], *, packed: bool = False) -> Iterator[Record]:
    for part in parts(tree, readers):
        if isinstance(part, Part):
            yield from read_part(tree, part, readers, packed=packed)
        else:
            yield part


def _file(tree: Tree, path: str, readers: Sequence[Reader], *, packed: bool) -> Iterator[Record]:
    try:
        yield from _records(tree, path, readers, packed=packed)
    except Exception as error:
        # A reader's own mistake: it costs this file, and the log has where it lies.
        logger.exception("A reader failed at %s", tree.name(path))
        yield mistake(tree.name(path), error)


def _records(tree: Tree, path: str, readers: Sequence[Reader], *, packed: bool) -> Iterator[Record]:
    start = head(tree, path)
    reader = next((reader for reader in readers if reader.claims(tree, path, start)), None)
    if reader is None and start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _archive(tree, path, readers, packed=packed)
    elif reader is None and len(readers) > 1:
        yield _unclaimed(tree, path, start)
    else:
        yield from (reader or readers[0]).read(tree, path)


def _archive(tree: Tree, path: str, readers: Sequence[Reader], *, packed: bool) -> Iterator[Record]:
    if packed:
        yield Problem(tree.name(path), "", "an archive inside an archive is not opened: unpack the outer one")
        return
    try:
        with tree.open(path) as file:
            yield from _read(Zipped(file, tree.name(path), tree.limits), readers, packed=True)
    except (OSError, Refused) as error:
        yield Problem(tree.name(path), "", f"the archive is not read: {error}")


def _unclaimed(tree: Tree, path: str, start: bytes) -> Problem:
    """Why a file is not read: not a known format, or a broken file of what may be one."""
    reason = f"in no known format ({', '.join(FORMATS)})"
    try:
        if not start:
            reason = "the file is empty" if not tree.read(path) else reason
        elif start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
            if b"\n" not in start and _begins_too_long(tree, path):
                reason = f"its first line is longer than {tree.limits.line_bytes:,} bytes, so its format cannot be told"
            else:
                from_json(tree.read(path))
    except Undecodable as error:
        if "Extra data" not in error.reason:  # several documents, as in JSON Lines, are not a broken one
            return Problem(tree.name(path), error.where, error.reason)
    except (OSError, Refused) as error:
        return Problem(tree.name(path), "", f"cannot be read: {error}")
    return Problem(tree.name(path), "", reason)


def _begins_too_long(tree: Tree, path: str) -> bool:
    """Whether the first line is longer than a line may be; found out without holding it."""
    with tree.open(path) as file:
        seen = 0
        while seen <= tree.limits.line_bytes and (chunk := file.read(1 << 20)):
            end = chunk.find(b"\n")
            seen += end if end >= 0 else len(chunk)
            if end >= 0:
                break
        return seen > tree.limits.line_bytes
