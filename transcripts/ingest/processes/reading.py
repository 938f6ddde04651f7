"""Reads parts and makes rows of what they hold: in this process, or as a process of its own.

`main` takes an `Input` and then `Job`s from its standard input, and answers each
with `Chunk`s, the last of which says so; all of them pickled, between two processes of one program. It knows no
Django, has no connection to the database, and ends when its input does.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

from transcripts.ingest import readers
from transcripts.ingest.database.rows import Prompt, Row, Rows
from transcripts.ingest.files.tree import Folder
from transcripts.ingest.parsed import Ignored, Part, Planned, Problem, Transcript
from transcripts.parsing.personas import Persona

# What is handed over at a time: enough to be worth it, little enough to keep several in memory.
CHUNK_RECORDS = 250
CHUNK_BYTES = 2_000_000
NICE = 5


# What there is to tell of an input, from the walk or from a part.
Found = Row | Planned | Problem | Ignored


@dataclass(frozen=True)
class Input:
    """What one run reads, and what rows are made with."""

    paths: tuple[Path, ...]
    format: str | None
    mapping: Mapping[str, Any] | None
    seed: str
    personas: tuple[Persona, ...]


@dataclass(frozen=True)
class Job:
    """A part of the path with that number. `skip` rows of its first path have been handed over before.

    A careful process hands over every row at once, so that its end tells what it was reading.
    """

    given: int
    part: Part
    size: int = 0  # of its files, in bytes; 0 for folders
    skip: int = 0
    careful: bool = False


@dataclass
class Chunk:
    """What was read next. `paths` of the job's part are finished; of the one after, `rows` were handed over in all."""

    records: list[Row | Planned | Problem] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    paths: int = 0
    rows: int = 0
    last: bool = False
    size: int = 0  # in bytes

    @classmethod
    def of(cls, record: Found) -> Chunk:
        """One record, by itself."""
        chunk = cls()
        chunk.note(record)
        return chunk

    def note(self, record: Found) -> None:
        if isinstance(record, Ignored):
            self.ignored[record.field] += 1
            return
        self.records.append(record)
        self.size += record.size if isinstance(record, Row) else 200

    @property
    def full(self) -> bool:
        return len(self.records) >= CHUNK_RECORDS or self.size >= CHUNK_BYTES


class Failure(NamedTuple):
    """A mistake of a reader, or memory that did not suffice: what was raised, in words."""

    said: str
    trace: str


class Reading:
    """Reads the parts of one run's input."""

    def __init__(self, input: Input) -> None:
        self.input = input
        self.readers = readers.chosen(input.format, input.mapping)
        self.rows = Rows(input.seed, input.personas)
        self._tree: tuple[int, Folder] | None = None

    def tree(self, given: int) -> Folder:
        """The path with that number as a tree. Only one is kept: what readers remember of it is large."""
        if self._tree is None or self._tree[0] != given:
            self._tree = given, readers.given(self.input.paths[given])
        return self._tree[1]

    def read(self, job: Job) -> Iterator[Chunk]:
        """Everything of a part, in order."""
        tree, chunk = self.tree(job.given), Chunk()
        prompts: dict[bytes, Prompt] = {}
        for number, path in enumerate(job.part.paths):
            chunk.paths, chunk.rows = number, 0
            for record in self._made(tree, replace(job.part, paths=(path,))):
                if isinstance(record, Row):
                    chunk.rows += 1
                if number == 0 and chunk.rows < job.skip + isinstance(record, Row):
                    continue
                if isinstance(record, Row):
                    record = record._replace(prompt=prompts.setdefault(record.prompt.sha256, record.prompt))
                chunk.note(record)
                if chunk.full or job.careful:
                    yield chunk
                    chunk = Chunk(paths=number, rows=chunk.rows)
                    prompts.clear()
            if job.careful:
                chunk.paths, chunk.rows = number + 1, 0
                yield chunk
                chunk = Chunk()
        chunk.paths, chunk.rows, chunk.last = len(job.part.paths), 0, True
        yield chunk

    def _made(self, tree: Folder, part: Part) -> Iterator[Found]:
        for record in readers.read_part(tree, part, self.readers):
            if isinstance(record, Transcript):
                yield from self.rows.made(record)
            else:
                yield record


def serve(jobs: IO[bytes], answers: IO[bytes]) -> None:
    """Answer jobs until there are no more."""

    def send(answer: Chunk | Failure) -> None:
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()

    reading: Reading | None = None
    while True:
        try:
            asked = pickle.load(jobs)
        except EOFError:
            return
        try:
            if reading is None:
                reading = Reading(asked)
                continue
            for chunk in reading.read(asked):
                send(chunk)
        except BrokenPipeError:
            return  # nobody listens
        except Exception as error:
            send(Failure(f"{type(error).__name__}: {error}", traceback.format_exc()))
            return


def main() -> None:
    # Whatever is printed here is no answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Who writes, and who looks at pages, comes first: reading ahead fills the time that is left.
    os.nice(NICE)
    # An interruption is for the process that asked: this one ends when its input does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, answers)
    # What is left in the buffer when nobody listens is no error to tell.
    with suppress(BrokenPipeError):
        answers.close()
