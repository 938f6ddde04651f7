"""Raters at work, over loopback HTTP, on the web server that `./run` starts.

`label_rate`: 16 clients save labels on slots that they hold. `raters_*`: 40 raters at once take, draft, put aside and
submit for five minutes; `killed_*`: the same while a web process and a worker with an export are killed. Afterwards
every acknowledged label is in the database, once, and no slot was ever shown to two raters at a time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from amdash import embedded, serve
from tests.bench.databases import EVALUATION, Database, at_home, empty, first, scratch
from tests.bench.measurement import Bench, Measurement, Options, say
from tests.bench.processes import kill
from tests.bench.rater import Held, Rater
from tests.bench.results_tree import results_tree
from tests.bench.web import Server, served

CLIENTS = 16
LABELS_EACH = 300
RATERS = 40
EACH = 3  # raters of an item
SECONDS = 300.0
TRANSCRIPTS = 6_000
# An export's lease, and how soon beat looks for one that ran out.
TAKEN_OVER = 60 + 10 + 30


def measure(options: Options) -> Iterator[Measurement]:
    transcripts = options.transcripts or TRANSCRIPTS
    with at_home(options) as home:
        path, _ = results_tree(home.folder, transcripts)
        with scratch(home, "labeling", empty(home)) as database:
            database.manage("ingest", str(path), "--evaluation", EVALUATION)
            yield from _saving(database, options.requests or LABELS_EACH, transcripts)
            for prefix in ("raters", "killed"):
                yield from _sitting(database, prefix, options, transcripts)


def _saving(database: Database, each: int, transcripts: int) -> Iterator[Measurement]:
    """How fast labels are saved, and nothing else."""
    items = min(transcripts, CLIENTS * each // EACH + 1)
    each = items * EACH // CLIENTS
    made = panel(database, raters=CLIENTS, items=items, each=EACH, leased=each)
    with served(database) as server, _raters(server, made) as raters:
        _at_once(raters, lambda rater: [rater.save(slot) for slot in made["slots"][rater.number][:5]])
        begin = time.perf_counter()
        took = _at_once(raters, lambda rater: [rater.save(slot) for slot in made["slots"][rater.number][5:]])
        seconds = time.perf_counter() - begin
    yield Measurement("label_rate", round(len(took) / seconds, 1), "labels/s", len(took))
    yield Measurement("label_p95_ms", round(statistics.quantiles(took, n=20)[-1], 1), "ms", len(took))


def _sitting(database: Database, prefix: str, options: Options, transcripts: int) -> Iterator[Measurement]:
    """Everybody at once for a while, killed in the middle or not, and what became of their labels."""
    seconds = options.seconds or SECONDS
    made = panel(database, raters=options.raters or RATERS, items=transcripts, each=EACH, leased=0)
    held = Held()
    with served(database) as server, _raters(server, made, held) as raters:
        end = time.monotonic() + seconds
        with _killing(database, server, made["campaign"], seconds / 2, prefix == "killed") as killed:
            took = _at_once(raters, lambda rater: rater.work_until(end))
    acknowledged = [slot for rater in raters for slot in rater.submitted]
    wrong = _wrong(database, made["campaign"], acknowledged)
    for what, count in wrong.items():
        say(f"{prefix}: {what}: {count}")
    done, retried = len(acknowledged), sum(rater.retried for rater in raters)
    say(f"{prefix}: {sum(rater.skipped for rater in raters):,} put aside, {retried:,} requests sent again")
    yield Measurement(f"{prefix}_rate", round(done / seconds, 1), "labels/s", done)
    if took:
        yield Measurement(f"{prefix}_p95_ms", round(statistics.quantiles(took, n=20)[-1], 1), "ms", len(took))
    yield Measurement(f"{prefix}_held_twice", len(held.twice), "slots", done)
    yield Measurement(f"{prefix}_lost", wrong["lost"], "labels", done)
    yield Measurement(f"{prefix}_doubled", wrong["doubled"], "labels", done)
    if prefix == "killed":
        yield Measurement("killed_processes", killed.processes, "processes", done)
        yield Measurement("killed_exports_lost", killed.exports_lost, "exports", done)


def _wrong(database: Database, campaign: int, acknowledged: Sequence[int]) -> dict[str, int]:
    """What is not as it has to be in the database, counted."""
    inside = "FROM labeling_assignment a JOIN labeling_campaignitem i ON i.id = a.item_id WHERE i.campaign_id = %s"
    labels = "(SELECT count(*) FROM labeling_label l WHERE l.assignment_id = a.id)"
    with database.connect() as connection:
        rows = connection.execute(f"SELECT a.id, {labels}, a.submitted_at IS NOT NULL {inside}", [campaign]).fetchall()
        twice = connection.execute(
            f"SELECT count(*) FROM (SELECT {inside.replace('FROM', 'a.item_id, a.rater_id FROM', 1)} "
            "AND a.rater_id IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1) t",
            [campaign],
        ).fetchone()
        full = connection.execute(
            f"SELECT count(*) FROM (SELECT {inside.replace('FROM', 'a.item_id FROM', 1)} GROUP BY 1 "
            "HAVING bool_and(a.submitted_at IS NOT NULL)) t WHERE NOT EXISTS ("
            "SELECT FROM labeling_resolution r WHERE r.item_id = t.item_id)",
            [campaign],
        ).fetchone()
    counts = {pk: n for pk, n, _ in rows}
    return {
        "lost": sum(counts.get(slot) != 1 for slot in set(acknowledged)) + len(acknowledged) - len(set(acknowledged)),
        "doubled": sum(n > 1 for n in counts.values()),
        "labels without a submitted slot, or the reverse": sum((n > 0) != submitted for _, n, submitted in rows),
        "raters with two slots of an item": twice[0] if twice else 0,
        "full items without a resolution": full[0] if full else 0,
    }


@dataclass
class Killed:
    """What was killed, and whether what it was at was lost."""

    processes: int = 0
    exports_lost: int = 0
    problems: list[str] = field(default_factory=list)


@contextmanager
def _killing(database: Database, server: Server, campaign: int, after: float, really: bool) -> Iterator[Killed]:
    """While the block runs, a web process and a worker are killed after so many seconds; a new worker is started."""
    killed = Killed()
    if not really:
        yield killed
        return
    with _worker(database) as worker:

        def strike() -> None:
            time.sleep(after)
            with database.connect() as connection:
                connection.execute(
                    "INSERT INTO labeling_labelexport (campaign_id, format, file, state, attempts, rows, problem, "
                    "created_at) VALUES (%s, 'jsonl', '', 'running', 1, 0, '', now())",
                    [campaign],
                )
                # As a worker leaves it that is killed while it writes.
                connection.execute("UPDATE labeling_labelexport SET leased_until = now() + interval '5 seconds'")
            for pid in (*server.workers()[:1], worker.pid, *_children(worker.pid)):
                kill(pid)
                killed.processes += 1

        thread = threading.Thread(target=strike)
        thread.start()
        yield killed
        thread.join()
    with _worker(database), database.connect() as connection:
        open_exports = "SELECT count(*) FROM labeling_labelexport WHERE state <> 'done'"
        until = time.monotonic() + TAKEN_OVER
        while first(connection, open_exports) and time.monotonic() < until:
            time.sleep(0.5)
        killed.exports_lost = first(connection, open_exports)


@contextmanager
def _worker(database: Database) -> Iterator[subprocess.Popen[bytes]]:
    schedule = database.home.folder / "beat-schedule"
    command = [sys.executable, "-m", *serve._worker()[:-1], str(schedule)]
    with (
        (database.home.folder / "worker.log").open("ab") as log,
        subprocess.Popen(command, cwd=embedded.ROOT, env=database.environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            for pid in (*_children(process.pid), process.pid):
                kill(pid)
            process.wait()
            for path in database.home.folder.glob("beat-schedule*"):
                path.unlink()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def panel(database: Database, **wanted: int) -> Any:
    """A campaign with raters, as `tests.bench.panel` makes it."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench.panel"],
        cwd=embedded.ROOT,
        env=database.environment,
        input=json.dumps(wanted).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(result.stdout)


@contextmanager
def _raters(server: Server, made: dict[str, Any], held: Held | None = None) -> Iterator[list[Rater]]:
    shared = held or Held()
    raters = [
        Rater(server.port, session, made["campaign"], made["answers"], number, shared, Random(number))
        for number, session in enumerate(made["sessions"])
    ]
    yield raters
    for rater in raters:
        rater.close()


def _at_once(raters: Sequence[Rater], work: Any) -> list[float]:
    """Every rater in a thread of its own; how long each save took, in milliseconds."""
    with ThreadPoolExecutor(len(raters)) as pool:
        return [took for found in pool.map(work, raters) for took in found]


KINDS = ("rate", "p95_ms", "held_twice", "lost", "doubled")
MEASURES = (
    "label_rate",
    "label_p95_ms",
    *(f"{prefix}_{kind}" for prefix in ("raters", "killed") for kind in KINDS),
    "killed_processes",
    "killed_exports_lost",
)

BENCH = Bench("labeling", MEASURES, measure)
