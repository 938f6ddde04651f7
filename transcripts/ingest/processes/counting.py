"""Counts the files that a run will read, beside it: how many there are is known before they are read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.zip_directory import Damaged, listed


class Total:
    """The number of files below paths; None until it is known, and where it cannot be told."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files: int | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._count, args=(paths,), name="counting", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until it is known, or is known not to be."""
        self._thread.join()

    def close(self) -> None:
        """Count no further."""
        self._ended.set()
        self.wait()

    def _count(self, paths: Sequence[Path]) -> None:
        files = 0
        try:
            for path in paths:
                for _ in _files(path):
                    files += 1
                    if self._ended.is_set():
                        return
        except (OSError, Damaged, Refused):
            return  # told by whoever reads it
        self.files = files


def _files(path: Path) -> Iterator[object]:
    if path.is_dir():
        yield from _below(os.fspath(path))
    elif path.suffix.lower() == ".zip":
        with path.open("rb") as file:
            yield from (one for one in listed(file) if not one.member.name.endswith("/"))
    else:
        yield path


def _below(folder: str) -> Iterator[object]:
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry
