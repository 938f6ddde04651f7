"""Reading processes, each with a thread here that asks it for one part after another.

They are plain programs that speak over pipes: workers of the job queue may have no children of the
`multiprocessing` kind, and a fork would take connections and threads along.
"""

from __future__ import annotations

import fcntl
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue

from transcripts.ingest import readers
from transcripts.ingest.database.rows import Row
from transcripts.ingest.files.tree import join
from transcripts.ingest.parsed import Problem
from transcripts.ingest.processes.reading import Chunk, Failure, Found, Input, Job

COMMAND = (sys.executable, "-c", "from transcripts.ingest.processes.reading import main; main()")
ROOT = Path(__file__).resolve().parents[3]
# Files are shared out in parts of about this size: a log of a thousand samples is a part by itself.
PART_BYTES = 4 << 20
# Parts under way for each process, and chunks of one that may wait here: they bound the memory.
PARTS_EACH = 8
CHUNKS_WAITING = 2
# Bytes that a process can hand over before anybody takes them: about a part's, where the system allows it.
PIPE = 1 << 20


class ReadingFailed(Exception):
    """A reader raised something; what, and where, is the message."""


class Ended(Exception):
    """A reading process has ended before it was done; the message says how."""


class Process:
    """One reading process."""

    def __init__(self, input: Input) -> None:
        self._popen = subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._popen.stdin
        assert self._popen.stdout
        with suppress(AttributeError, OSError):  # other systems have no such call, and some accounts may not
            fcntl.fcntl(self._popen.stdout, fcntl.F_SETPIPE_SZ, PIPE)
        self._jobs, self._answers = self._popen.stdin, self._popen.stdout
        self._unsent: list[object] = [input]
        self._asked: Job | None = None  # in advance

    def read(self, job: Job, following: Job | None = None) -> Iterator[Chunk]:
        """What a part holds. Raises Ended, after what was handed over before; ReadingFailed where a reader raised.

        The next call must ask for the `following` part: the process begins it as soon as it is done.
        """
        try:
            self._unsent += [one for one in (job, following) if one and one is not self._asked]
            self._asked = following
            for message in self._unsent:
                pickle.dump(message, self._jobs, pickle.HIGHEST_PROTOCOL)
            self._jobs.flush()
            self._unsent.clear()
            while True:
                answer = pickle.load(self._answers)
                if isinstance(answer, Failure):
                    raise ReadingFailed(f"{answer.said}\n\n{answer.trace}")
                yield answer
                if answer.last:
                    return
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            self.kill()
            raise Ended(_how(self._popen.wait())) from None

    def kill(self) -> None:
        self._popen.kill()

    def close(self) -> None:
        """End it and wait until it is gone."""
        self.kill()
        self._popen.wait()
        for pipe in (self._jobs, self._answers):
            with suppress(OSError):  # what was not sent is not needed
                pipe.close()


@dataclass
class _Task:
    """A part under way: what has been read of it and not yet taken up."""

    job: Job
    chunks: SimpleQueue[Chunk | BaseException] = field(default_factory=SimpleQueue)
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(CHUNKS_WAITING))


class Pool:
    """Several reading processes for one input."""

    def __init__(self, input: Input, processes: int) -> None:
        self.input = input
        self.parts = PARTS_EACH * processes
        self._closed = False
        self._todo: SimpleQueue[_Task | None] = SimpleQueue()
        self._under_way: deque[_Task | Chunk] = deque()
        self._processes: dict[int, Process] = {}
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), name=f"reading-{number}", daemon=True)
            for number in range(processes)
        ]
        for thread in self._threads:
            thread.start()

    def read(self, work: Iterable[Job | Found]) -> Iterator[Chunk]:
        """What the jobs' parts hold, and the records between them, in order."""
        for one in work:
            if isinstance(one, Job):
                task = _Task(one)
                self._under_way.append(task)
                self._todo.put(task)
            else:
                self._between(one)
            while self._enough():
                yield from self._next()
        while self._under_way:
            yield from self._next()

    def close(self) -> None:
        """End all processes, whatever they are at."""
        with self._lock:
            self._closed = True
            processes = list(self._processes.values())
        for process in processes:
            process.kill()
        for task in self._under_way:
            if isinstance(task, _Task):
                task.room.release()
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    def _between(self, record: Found) -> None:
        last = self._under_way[-1] if self._under_way else None
        if isinstance(last, Chunk) and not last.full:
            last.note(record)
        else:
            self._under_way.append(Chunk.of(record))

    def _enough(self) -> bool:
        """Whether something is to be taken up before more is handed out."""
        first = self._under_way[0] if self._under_way else None
        if isinstance(first, Chunk) and first.full:
            return True
        return sum(isinstance(one, _Task) for one in self._under_way) >= self.parts

    def _next(self) -> Iterator[Chunk]:
        first = self._under_way[0]
        if isinstance(first, Chunk):
            yield first
        else:
            yield from _taken(first)
        self._under_way.popleft()

    def _serve(self, number: int) -> None:
        """One thread: do what is to be done, until there is no more."""
        try:
            task = self._todo.get()
            while task is not None and not self._closed:
                following = self._following(task.job)
                try:
                    self._do(number, task, following.job if following else None)
                except Exception as error:
                    task.chunks.put(error)
                task = following or self._todo.get()
        finally:
            if process := self._processes.pop(number, None):
                process.close()

    def _following(self, job: Job) -> _Task | None:
        """What is asked for in advance, so that no process waits; not behind a large part that takes its time."""
        try:
            return self._todo.get_nowait() if job.size < PART_BYTES else None
        except Empty:
            return None

    def _do(self, number: int, task: _Task, following: Job | None) -> None:
        """Read a part. What ends the process is read again, carefully, and given up when it ends a second one."""
        left, careful = _Left(task.job), False
        while left.paths:
            try:
                for chunk in self._process(number).read(left.job(careful), following):
                    left.take(chunk)
                    self._put(task, chunk)
                return
            except Ended as ended:
                if process := self._processes.pop(number, None):
                    process.close()
                if self._closed:
                    return
                if careful and left.paths and (problem := left.blame(self.input, str(ended))):
                    self._put(task, Chunk.of(problem))
                careful = True
        self._put(task, Chunk(last=True))

    def _process(self, number: int) -> Process:
        with self._lock:
            if self._closed:
                raise Ended("closed")
            if number not in self._processes:
                self._processes[number] = Process(self.input)
            return self._processes[number]

    def _put(self, task: _Task, chunk: Chunk) -> None:
        task.room.acquire()
        if self._closed:
            raise Ended("closed")
        task.chunks.put(chunk)


@dataclass
class _Left:
    """What is left to read of a part, after what was handed over."""

    whole: Job
    paths: deque[str] = field(init=False)
    rows: int = 0  # that were handed over of the first path
    last: str = ""  # the file that the last of them came from
    taken: int = 0  # paths that the process at work has finished

    def __post_init__(self) -> None:
        self.paths = deque(self.whole.part.paths)

    def job(self, careful: bool) -> Job:
        self.taken = 0
        if not careful:
            return self.whole
        part = replace(self.whole.part, paths=tuple(self.paths))
        return replace(self.whole, part=part, skip=self.rows, careful=careful)

    def take(self, chunk: Chunk) -> None:
        while self.taken < chunk.paths:
            self.paths.popleft()
            self.taken += 1
        self.rows = chunk.rows
        self.last = next((one.source.path for one in reversed(chunk.records) if isinstance(one, Row)), self.last)

    def blame(self, input: Input, how: str) -> Problem | None:
        """Give up the first path; or, where it is a folder with others in it, find out which of them it is."""
        tree, path, rows = readers.given(input.paths[self.whole.given]), self.paths.popleft(), self.rows
        self.rows = 0
        inside = [join(path, name) for name in tree.children(path)[0]] if self.whole.part.format else []
        if inside:
            done = [name for name in inside if self.last.startswith(f"{tree.name(name)}/")]
            # One that itself holds folders may not be done: what was read of it is found unchanged.
            after = inside.index(done[0]) + (not tree.children(done[0])[0]) if done else 0
            self.paths.extendleft(reversed(inside[after:]))
            return None
        kept = f"; {rows:,} of its transcripts are kept" if rows else ""
        return Problem(tree.name(path), "", f"lost: two processes that read it were ended ({how}){kept}")


def _taken(task: _Task) -> Iterator[Chunk]:
    while True:
        chunk = task.chunks.get()
        if isinstance(chunk, BaseException):
            raise chunk
        task.room.release()
        yield chunk
        if chunk.last:
            return


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"signal {name}" + (", as when memory runs out" if code == -signal.SIGKILL else "")
