"""Reads everything that a run was given, in several processes where that is worth it, in one fixed order.

The walk runs here and hands out parts; reading processes (`reading`) make rows of them. What comes back is
taken up in the order of the parts, so that the result does not depend on who was faster, and only so much is
read ahead as keeps every process busy.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain

from transcripts.ingest import readers
from transcripts.ingest.files.tree import Folder, join
from transcripts.ingest.parsed import Part, Transcript
from transcripts.ingest.processes.pool import PART_BYTES, Pool
from transcripts.ingest.processes.reading import Chunk, Found, Input, Job, Reading

# More would wait for the one that writes.
MOST_PROCESSES = 4
# Up to so many parts, and bytes of files, are read before other processes have started.
FEW_PARTS = 8
FEW_BYTES = 8 << 20
FEW_RECORDS = 10_000


def chunks(input: Input, processes: int | None = None) -> Generator[Chunk]:
    """What all paths hold. `processes`: how many read; none are started for 0, and None is for as many as help."""
    work = _work(input)
    begin: list[Job | Found] = []
    jobs, size = 0, 0
    for one in work:
        begin.append(one)
        if isinstance(one, Job):
            jobs += 1
            size += one.size
        if jobs > FEW_PARTS or size > FEW_BYTES or len(begin) > FEW_RECORDS:
            processes = available() if processes is None else processes
            break
    everything = chain(begin, work)
    if processes:
        with closing(Pool(input, processes)) as pool:
            yield from pool.read(everything)
        return
    reading = Reading(input)
    for one in everything:
        if isinstance(one, Job):
            yield from reading.read(one)
        else:
            yield Chunk.of(one)


def available() -> int:
    """How many processes shall read on this machine, beside the one that writes."""
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return min(len(own), MOST_PROCESSES)


def _work(input: Input) -> Iterator[Job | Found]:
    chosen = readers.chosen(input.format, input.mapping)
    for number, path in enumerate(input.paths):
        tree = readers.given(path)
        for one in readers.parts(tree, chosen):
            if isinstance(one, Part):
                yield from (Job(number, part, size) for part, size in _shares(tree, one))
            elif not isinstance(one, Transcript):  # the walk opens no file
                yield one


def _shares(tree: Folder, part: Part) -> Iterator[tuple[Part, int]]:
    """The part with its size, or several where its files are large."""
    if part.format:
        yield part, 0
        return
    paths: list[str] = []
    size = 0
    for path in part.paths:
        paths.append(path)
        size += _file_size(tree, path)
        if size >= PART_BYTES:
            yield replace(part, paths=tuple(paths)), size
            paths, size = [], 0
    if paths:
        yield replace(part, paths=tuple(paths)), size


def _file_size(tree: Folder, path: str) -> int:
    try:
        return os.path.getsize(join(tree.root, path))
    except OSError:
        return 0  # told when it is opened
