"""Reads a folder again and again while something writes to it, each time only what is new or changed.

What changed is copied aside, with what it is read with, and the copy is ingested: nothing changes while it is read,
and an experiment whose state is half written at that moment waits. A file that cannot be read is looked at again
when it changes; the report speaks of it only if it is still so in the end.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.files.tree import Folder, join, taken
from transcripts.ingest.jobs import Job, Stopped
from transcripts.ingest.parsed import Problem
from transcripts.ingest.readers import chat, given
from transcripts.ingest.report import Report
from transcripts.ingest.run import Progress, ingest
from transcripts.models import Evaluation

# The framework's reader reads these beside a response, whether they changed or not.
STATE = "experiment_state.json"
PROMPTS = ("system_prompt.txt", "user_prompt.txt", "email_content.txt", "metadata.json")
ENDED = ("completed", "failed")
# No more than this is copied aside at a time.
MOST_FILES = 5_000
MOST_BYTES = 1 << 30

# When a file was last written to, in nanoseconds, and its size.
Stamp = tuple[int, int]


@dataclass
class Watch:
    """A folder, what was read of it so far, and what came of that."""

    folder: Path
    evaluation: Evaluation
    format: str | None = None
    mapping: Mapping[str, Any] | None = None
    read: dict[str, Stamp] = field(default_factory=dict)
    problems: dict[str, dict[Problem, None]] = field(default_factory=dict)  # by the name of the file
    whole: dict[str, bytes] = field(default_factory=dict)  # states and conditions as they last made sense
    tree: Folder = field(init=False)
    _counts: Report = field(init=False)  # of all rounds, without their problems

    def __post_init__(self) -> None:
        self.tree = given(self.folder)
        self._counts = Report(self.evaluation.pk)

    def run(
        self,
        job: Job,
        *,
        every: float,
        until_done: bool = False,
        on_progress: Callable[[Progress], None],
        on_round: Callable[[Report], None],
    ) -> None:
        """Read until Ctrl-C comes between two rounds, or until all experiments ended and a round found nothing."""
        while True:
            found = False
            for report in self.changes(on_progress):
                found = True
                job.keep(self.report())
                on_round(report)
            if until_done and not found and self.is_done():
                break
            try:
                if job.stopped.wait(every):
                    raise Stopped
            except KeyboardInterrupt:
                break
        for report in self.changes(on_progress, last=True):
            on_round(report)

    def changes(self, on_progress: Callable[[Progress], None], *, last: bool = False) -> Iterator[Report]:
        """Read what changed since the last time, a limited part at a time; the last time waits for nothing more."""
        stamps = self._stamps()
        waiting = [path for path, stamp in stamps.items() if self.read.get(path) != stamp]
        for name in {self.tree.name(path) for path in set(self.read) - set(stamps)}:
            self.problems.pop(name, None)  # renamed or deleted, as drafts of files are
        while waiting:
            with tempfile.TemporaryDirectory(prefix="amdash-watch-") as aside:
                copy = _Copy(self, stamps, Path(aside) / self.tree.given, last=last)
                waiting = copy.fill(waiting)
                self.read.update({path: stamps[path] for path in copy.paths})
                if copy.is_worth_reading:
                    report = ingest(
                        [copy.top], self.evaluation, format=self.format, mapping=self.mapping, on_progress=on_progress
                    )
                    self._learn(report, copy.paths)
                    yield report

    def is_done(self) -> bool:
        """There are experiments, and the state of each says that it has ended."""
        states = [chat.mapping(from_json(self.whole.get(path, b"0"))) for path in self.read if _is_state(path)]
        return bool(states) and all(state.get("status") in ENDED for state in states)

    def report(self) -> Report:
        """All rounds together. A sample that was read again counts again, as unchanged or updated."""
        total = _added(Report(self.evaluation.pk), self._counts)
        for problems in self.problems.values():
            for problem in problems:
                total.note(problem)
        return total

    def _stamps(self) -> dict[str, Stamp]:
        """Every file there is."""
        stamps: dict[str, Stamp] = {}
        self.tree.look_again()
        folders = [""]
        while folders:
            folder = folders.pop()
            below, names = self.tree.children(folder)
            folders.extend(join(folder, name) for name in reversed(below))
            for path in (join(folder, name) for name in names):
                try:
                    status = (Path(self.tree.root) / path).stat(follow_symlinks=False)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                except OSError as error:
                    self.note(Problem(self.tree.name(path), "", f"cannot be read: {error.strerror}"))
                    continue
                stamps[path] = (status.st_mtime_ns, status.st_size)
        for problem in taken(self.tree):
            self.note(problem)
        return stamps

    def note(self, problem: Problem) -> None:
        # A member's problem is its archive's.
        self.problems.setdefault(problem.source.split("!")[0], {})[problem] = None

    def _learn(self, report: Report, paths: Sequence[str]) -> None:
        for path in paths:
            self.problems.pop(self.tree.name(path), None)
        for problem in report.listed:
            self.note(problem)
        _added(self._counts, report)
        self._counts.failed += report.failed - sum(problem.lost for problem in report.listed)


@dataclass
class _Copy:
    """Changed files and what they are read with, aside."""

    watch: Watch
    stamps: Mapping[str, Stamp]
    top: Path
    last: bool
    paths: list[str] = field(default_factory=list)  # that changed
    stale: set[str] = field(default_factory=set)  # that were copied as they were before
    is_worth_reading: bool = False

    def fill(self, waiting: Sequence[str]) -> list[str]:
        """Copy until it is full; those that are left, without the ones that have to wait for another round."""
        self.top.mkdir()
        besides: dict[str, list[str]] = {}
        for path in self.stamps:
            root = _read_beside(path)
            if root is not None:
                besides.setdefault(root, []).append(path)
        ready: dict[str, bool] = {}
        size = 0
        for at, path in enumerate(waiting):
            if len(self.paths) >= MOST_FILES or (size and size + self.stamps[path][1] > MOST_BYTES):
                return list(waiting[at:])
            roots = [root for root in _above(path) if root in besides]
            for root in roots:
                if root not in ready:
                    ready[root] = all(self._copy_beside(one) for one in besides[root])
            if all(ready[root] for root in roots):
                size += self.stamps[path][1]
                self._take(path)
        return []

    def _take(self, path: str) -> None:
        if path in self.stale:
            return
        if _read_beside(path) is not None or self._copy(path):
            self.paths.append(path)
            # A state alone is nobody's: it is read when there are prompts or responses.
            self.is_worth_reading |= not _is_state(path)

    def _copy_beside(self, path: str) -> bool:
        """Whether what is copied makes sense. What is half written is copied as it was before, or has to wait."""
        if not path.endswith(".json"):
            return self._copy(path)
        whole = self.watch.whole
        if self.watch.read.get(path) != self.stamps[path] or path not in whole:
            try:
                data = self.watch.tree.read(path)
                from_json(data)
                whole[path] = data
            except (OSError, Refused, Undecodable) as error:
                self.stale.add(path)
                if self.last and path not in whole:
                    self.stale.discard(path)
                    return self._copy(path)
                if self.last:
                    reason = f"{error}: what it said before is used"
                    self.watch.note(Problem(self.watch.tree.name(path), "", reason, lost=False))
        if path not in whole:
            return False
        place = self.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(whole[path])
        return True

    def _copy(self, path: str) -> bool:
        place = self.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(Path(self.watch.tree.root) / path, place, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            self.watch.note(Problem(self.watch.tree.name(path), "", f"cannot be read: {error.strerror}"))
            self.paths.append(path)
            return False
        return True


def _added(total: Report, more: Report) -> Report:
    for count in ("created", "updated", "unchanged", "verdicts", "verdict_errors", "more_errors"):
        setattr(total, count, getattr(total, count) + getattr(more, count))
    total.statuses.update(more.statuses)
    total.ignored_fields.update(more.ignored_fields)
    total.missing = more.missing
    return total


def _above(path: str) -> list[str]:
    """The folders that a file is below, from the top."""
    names = path.split("/")[:-1]
    return ["/".join(names[:depth]) for depth in range(len(names) + 1)]


def _is_state(path: str) -> bool:
    return path.rpartition("/")[2] == STATE


def _read_beside(path: str) -> str | None:
    """The folder whose responses are read with this file: its experiment's."""
    if _is_state(path):
        return path.rpartition("/")[0]
    names = path.split("/")
    if len(names) >= 3 and names[-3] == "prompts" and names[-1] in PROMPTS:
        return "/".join(names[:-3])
    return None
