"""A model judge over a whole study, against an endpoint on this machine that fails, with the worker killed twice.

Afterwards every transcript has one verdict or one error, and the cost adds up with what the endpoint billed: what was
told lies below it, and what was told and guessed together above it. `judge_busy_*` is how much of the calls allowed at
once are in the endpoint's hands, at two latencies: as long as it is nearly all of them, the endpoint sets the pace.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from amdash import embedded, serve
from tests.bench.databases import EVALUATION, Database, at_home, empty, scratch
from tests.bench.measurement import Bench, Measurement, Options, say
from tests.bench.processes import kill
from tests.bench.results_tree import results_tree

TRANSCRIPTS = 20_000
CONCURRENCY = 32
KILLS = 2
LATENCIES = {"fast": 0.25, "slow": 1.0}  # seconds
KILLED_LATENCY = 0.2
FAILURES = {"server_error": 0.03, "rate_limited": 0.01, "cut": 0.02, "garbage": 0.02, "refusal": 0.01}
# A pace is measured for so long, or while the middle of the run lasts.
PACE_SECONDS = 20.0
PATIENCE = 900.0  # seconds without anything new
WINDOW = 3  # times the calls at once: what a kill loses at most


def measure(options: Options) -> Iterator[Measurement]:
    transcripts = options.transcripts or TRANSCRIPTS
    with at_home(options) as home, _endpoint() as endpoint:
        path, _ = results_tree(home.folder, transcripts)
        with scratch(home, "judging", empty(home)) as database:
            database.manage("ingest", str(path), "--evaluation", EVALUATION)
            os.environ["JUDGE_BASE_URL"] = f"http://127.0.0.1:{endpoint.port}/v1"
            bench = Judging(database, endpoint)
            for name, latency in LATENCIES.items():
                yield from bench.pace(name, latency)
            yield from bench.killed(options.kills if options.kills is not None else KILLS)


@dataclass(frozen=True)
class Endpoint:
    port: int

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def stats(self) -> Any:
        return self.ask("GET", "/stats")


@contextmanager
def _endpoint() -> Iterator[Endpoint]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.bench.judge_server", str(port)]
    with subprocess.Popen(command, cwd=embedded.ROOT) as process:
        try:
            _until(lambda: _listens(port), 10)
            yield Endpoint(port)
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(true: Any, patience: float) -> None:
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise RuntimeError("it took too long")
        time.sleep(0.1)


@dataclass
class Memory:
    """Resident megabytes of the processes that work, second by second."""

    by_pid: dict[int, list[float]] = field(default_factory=dict)

    def weigh(self, pids: list[int]) -> None:
        for pid in pids:
            if (size := _resident_mb(pid)) is not None:
                self.by_pid.setdefault(pid, []).append(size)

    @property
    def peak(self) -> float:
        return max((max(sizes) for sizes in self.by_pid.values()), default=0.0)

    @property
    def growth(self) -> float:
        """From the second third of a process's life at work to its last, for whichever process it is most."""
        found = [0.0]
        for sizes in self.by_pid.values():
            third = len(sizes) // 3
            if third >= 2:
                found.append(max(sizes[-third:]) - max(sizes[third : 2 * third]))
        return max(found)


@dataclass(frozen=True)
class Judging:
    database: Database
    endpoint: Endpoint

    def pace(self, name: str, latency: float) -> Iterator[Measurement]:
        """How busy the endpoint is kept, while nothing fails; and how soon a cancellation is seen."""
        self.endpoint.ask("POST", "/set", {"latency": latency})
        with self.worker():
            run = self.ask_setup(name=f"Pace {name}", concurrency=CONCURRENCY)["run"]
            total = self.planned(run)
            self.wait(run, lambda done: done > total * 0.1)
            before, done = self.endpoint.stats(), self.done(run)
            end = time.monotonic() + PACE_SECONDS
            self.wait(run, lambda done: done > total * 0.8 or time.monotonic() > end)
            after, done = self.endpoint.stats(), self.done(run) - done
            self.ask_setup(cancel=run)
            cancelled = time.time()
            self.wait(run, lambda done: False)
            last = max(0.0, self.endpoint.stats()["last"] - cancelled)
        seconds = after["now"] - before["now"]
        busy = (after["busy"] - before["busy"]) / seconds / CONCURRENCY
        say(f"{name}: {latency} s a call, {done / seconds:.1f} transcripts/s; allowed: {CONCURRENCY / latency:.0f}")
        yield Measurement(f"judge_busy_{name}", round(100 * busy, 1), "%", done)
        yield Measurement(f"judge_rate_{name}", round((after["calls"] - before["calls"]) / seconds, 1), "calls/s", done)
        yield Measurement(f"judge_cancel_{name}", round(last, 2), "s", 1)

    def killed(self, kills: int) -> Iterator[Measurement]:
        """The whole study, with failures and kills; then what is in the database against what was billed."""
        self.endpoint.ask("POST", "/set", {"latency": KILLED_LATENCY} | FAILURES)
        memory, begin = Memory(), time.monotonic()
        run = total = 0
        for number in range(kills + 1):
            with self.worker() as worker:
                if not run:
                    run = self.ask_setup(name="Killed", concurrency=CONCURRENCY)["run"]
                    total = self.planned(run)
                until = total * (number + 1) // (kills + 1) if number < kills else total + 1
                self.wait(run, lambda done, until=until: done >= until, memory, worker)
                say(f"{time.monotonic() - begin:.0f} s: {self.done(run):,} done" + " and killed" * (number < kills))
        seconds = time.monotonic() - begin
        yield from self.judged(run, kills)
        yield Measurement("judge_seconds", round(seconds, 1), "s", total)
        yield Measurement("judge_peak_mb", round(memory.peak, 1), "MB", total)
        yield Measurement("judge_growth_mb", round(memory.growth, 1), "MB", total)

    def judged(self, run: int, kills: int) -> Iterator[Measurement]:
        billed = self.endpoint.stats()
        with self.database.connect() as connection:
            report = connection.execute("SELECT report FROM labeling_judgerun WHERE id = %s", [run]).fetchone()
            wrong = connection.execute(WRONG, [run]).fetchone()
            doubled = connection.execute(DOUBLED, [run]).fetchone()
        assert report is not None
        assert wrong is not None
        assert doubled is not None
        told = report[0]
        say(f"endpoint: {billed}")
        say(f"report: {told}")
        outside = 0
        for what in ("tokens_in", "tokens_out"):
            most = told[what] + told[what.replace("tokens", "guessed")]
            outside += max(0, told[what] - billed[what]) + max(0, billed[what] - most)
        unheard = billed["tokens_in"] + billed["tokens_out"] - told["tokens_in"] - told["tokens_out"]
        n = told["planned"]
        yield Measurement("judge_wrong", wrong[0] + told["left"], "transcripts", n)
        yield Measurement("judge_doubled", doubled[0], "verdicts", n)
        yield Measurement("judge_errors", told["failed"], "transcripts", n)
        yield Measurement("judge_tokens_outside", outside, "tokens", n)
        yield Measurement("judge_tokens_unheard", unheard, "tokens", n)
        yield Measurement("judge_calls_lost", told["lost"], "calls", kills)
        yield Measurement("judge_calls_lost_bound", kills * WINDOW * CONCURRENCY, "calls", kills)
        yield Measurement("judge_calls_unmetered", told["unmetered"], "calls", billed["calls"])

    @contextmanager
    def worker(self) -> Iterator[int]:
        """The worker that `./run` starts, killed with all that it started at the end."""
        folder = self.database.home.folder
        command = [sys.executable, "-m", *serve._worker()[:-1], str(folder / "beat-schedule")]
        with (
            (folder / "worker.log").open("ab") as log,
            subprocess.Popen(
                command, cwd=embedded.ROOT, env=self.database.environment, stdout=log, stderr=log
            ) as process,
        ):
            try:
                yield process.pid
            finally:
                process.send_signal(signal.SIGSTOP)  # so that it starts no child in the place of a killed one
                for pid in (*_children(process.pid), process.pid):
                    kill(pid)
                process.wait()
                for path in folder.glob("beat-schedule*"):
                    path.unlink()

    def ask_setup(self, **wanted: Any) -> Any:
        result = subprocess.run(
            [sys.executable, "-m", "tests.bench.judge_setup"],
            cwd=embedded.ROOT,
            env=self.database.environment,
            input=json.dumps(wanted).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(result.stdout)

    def planned(self, run: int) -> int:
        planned = "SELECT count(*) FROM labeling_judgerun WHERE planned_at IS NOT NULL AND id = "
        _until(lambda: self.count(f"{planned}{int(run)}"), 120)
        return self.count(f"SELECT count(*) FROM labeling_judgeitem WHERE run_id = {int(run)}")

    def done(self, run: int) -> int:
        return self.count(
            f"SELECT count(*) FROM labeling_judgeitem WHERE run_id = {int(run)} AND state IN ('answered', 'failed')"
        )

    def count(self, query: str) -> int:
        with self.database.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def wait(self, run: int, enough: Any, memory: Memory | None = None, worker: int = 0) -> None:
        """Until enough is done, or the run has ended."""
        ended = f"SELECT count(*) FROM labeling_judgerun WHERE finished_at IS NOT NULL AND id = {int(run)}"
        last, weighed, since, looked = -1, -1, time.monotonic(), 0.0
        while not enough(done := self.done(run)) and not self.count(ended):
            if done != last:
                last, since = done, time.monotonic()
            if time.monotonic() > since + PATIENCE:
                raise RuntimeError(f"nothing new for {PATIENCE:.0f} s at {done:,} done")
            # While it works: what it waits with is less.
            if memory is not None and done > weighed >= 0 and time.monotonic() > looked + 1:
                looked = time.monotonic()
                memory.weigh(_children(worker))
            weighed = done
            time.sleep(0.2)


# Transcripts of the run that have not exactly one answer or one error, or whose item says otherwise.
WRONG = """
SELECT count(*) FROM labeling_judgeitem i JOIN labeling_judgerun r ON r.id = i.run_id
WHERE i.run_id = %s AND NOT EXISTS (
    SELECT FROM transcripts_verdict v WHERE v.transcript_id = i.transcript_id AND v.version_id = r.version_id
    AND v.superseded_at IS NULL AND (v.error <> '') = (v.final IS NULL) AND (v.error <> '') = (i.state = 'failed')
)
"""
# Verdicts, current ones and earlier, beyond the first of each transcript.
DOUBLED = """
SELECT count(*) - count(DISTINCT v.transcript_id) FROM transcripts_verdict v
JOIN labeling_judgerun r ON r.version_id = v.version_id WHERE r.id = %s
"""


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident_mb(pid: int) -> float | None:
    """Of what this process alone holds: what a fork shares with its parent is not counted again."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1e3


PACES = tuple(f"judge_{what}_{name}" for name in LATENCIES for what in ("busy", "rate", "cancel"))
MEASURES = (
    *PACES,
    "judge_wrong",
    "judge_doubled",
    "judge_errors",
    "judge_tokens_outside",
    "judge_tokens_unheard",
    "judge_calls_lost",
    "judge_calls_lost_bound",
    "judge_calls_unmetered",
    "judge_seconds",
    "judge_peak_mb",
    "judge_growth_mb",
)

BENCH = Bench("judging", MEASURES, measure)
