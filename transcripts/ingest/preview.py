"""The first rows of an uploaded table, and what a mapping would make of them. Nothing is written."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import IO, Any

from transcripts.ingest import mapping as maps
from transcripts.ingest.files.archive import Limits, Refused
from transcripts.ingest.files.lines import Entry, first
from transcripts.ingest.files.tables import kind, rows
from transcripts.ingest.files.tree import HEAD_BYTES, Tree, Zipped, head, join
from transcripts.ingest.parsed import Problem, Record
from transcripts.ingest.readers import READERS
from transcripts.ingest.readers.chat import place_of
from transcripts.ingest.readers.mapped import FORMAT, File
from transcripts.ingest.readers.mapped_row import Row
from transcripts.models import Ingestion

# Rows that are looked at for columns and their values, and how much of a file is read for them.
ROWS = 100
BYTES = 8 << 20
# Rows whose transcripts are shown.
SHOWN = 10
# Columns and values that can be chosen from; how deep it is looked into nested ones.
_COLUMNS, _VALUES, _DEPTH = 300, 20, 3
_LONGEST_VALUE = 100
_ZIP = b"PK\x03\x04"


class _Upload:
    """An uploaded file as a tree. Where a table can be read from its beginning, there is no more of it than that."""

    def __init__(self, row: Ingestion) -> None:
        self.file = row.file
        self.label = PurePath(row.name).name
        self.problems: dict[Problem, bool] = {}
        self.limits = Limits()
        self.kept: dict[str, Any] = {}
        self.cut = False

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        return ([], []) if folder else ([], [self.label])

    def has(self, path: str) -> bool:
        return path == self.label

    def read(self, path: str) -> bytes:
        with self.open(path) as file:
            return file.read()

    def open(self, path: str) -> IO[bytes]:
        file: IO[bytes] = self.file.storage.open(str(self.file.name), "rb")
        start = file.read(HEAD_BYTES)
        file.seek(0)
        if self.file.size <= BYTES or start.startswith(_ZIP) or kind(start) == "parquet":
            return file
        with file:
            self.cut = True
            return io.BytesIO(file.read(BYTES))

    def name(self, path: str) -> str:
        return self.label


@dataclass
class Sample:
    """The first rows of a table."""

    name: str
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    cut: bool = False  # only the beginning of a large file was looked at

    @property
    def columns(self) -> list[str]:
        """The columns in their order, and the paths to what is nested in them."""
        found: dict[str, None] = {}
        for entry in self.entries:
            found.update(dict.fromkeys(_paths(entry.value, "", _DEPTH)))
        return list(found)[:_COLUMNS]

    def values(self, column: str) -> list[str]:
        """What stands in a column, the most frequent first."""
        given = maps.Given(column)
        counts = Counter(
            text for entry in self.entries if isinstance(entry.value, dict) and (text := Row(entry.value).text(given))
        )
        return [value for value, _ in counts.most_common(_VALUES) if len(value) <= _LONGEST_VALUE]


def claimed(row: Ingestion) -> bool:
    """Whether an upload is in a known format, or cannot be a table: then nothing needs to be said of its columns."""
    tree = _Upload(row)
    start = head(tree, tree.label)
    if start.startswith(_ZIP) or any(reader.claims(tree, tree.label, start) for reader in READERS):
        return True
    if kind(start) == "json":
        return not first(tree, tree.label, start)
    found = sample(row)
    return not any(isinstance(entry.value, dict) and len(entry.value) > 1 for entry in found.entries)


def sample(row: Ingestion) -> Sample:
    """The first rows of an upload; of an archive, those of the first table in it."""
    tree = _Upload(row)
    if not head(tree, tree.label).startswith(_ZIP):
        return _sample(tree, tree.label, tree)
    try:
        with tree.open(tree.label) as file:
            archive = Zipped(file, tree.label)
            path = next(_files(archive, ""), "")
            return _sample(archive, path, tree) if path else Sample(tree.label)
    except (OSError, Refused) as error:
        return Sample(tree.label, problems=[Problem(tree.label, "", f"the archive is not read: {error}")])


def read(found: Sample, mapping: Mapping[str, Any]) -> tuple[list[tuple[Entry, list[Record]]], list[Problem]]:
    """What the first rows become, row by row, and what is odd about several. Raises BadMapping."""
    file = File(found.name, place_of(found.name.rpartition("!")[2]), maps.parse(mapping))
    made = [(entry, list(file.records(entry))) for entry in found.entries]
    return made[:SHOWN], list(file.warnings())


def _sample(tree: Tree, path: str, upload: _Upload) -> Sample:
    found = Sample(tree.name(path))
    for one in islice(rows(tree, path, FORMAT), ROWS):
        if isinstance(one, Entry):
            found.entries.append(one)
        else:
            found.problems.append(one)
    found.cut = upload.cut
    if found.cut and len(found.entries) + len(found.problems) < ROWS and found.problems:
        found.problems.pop()  # where the beginning ends
    return found


def _files(tree: Tree, folder: str) -> Iterator[str]:
    folders, names = tree.children(folder)
    yield from (join(folder, name) for name in names)
    for name in folders:
        yield from _files(tree, join(folder, name))


def _paths(value: object, above: str, depth: int) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        path = f"{above}.{name}" if above else name
        yield path
        if depth > 1:
            yield from _paths(inner, path, depth - 1)
