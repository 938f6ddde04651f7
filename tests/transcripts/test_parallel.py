"""Reading in several processes: the same result as in one, whatever becomes of them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.framework_tree import VERDICT, response, write_state, write_tree
from transcripts.ingest import run as ingest_run
from transcripts.ingest.database import rows
from transcripts.ingest.database.rows import Row, Rows
from transcripts.ingest.parsed import Condition, Message, Problem, Source, Status, Transcript
from transcripts.ingest.processes import parallel, pool, reading
from transcripts.ingest.processes.parallel import chunks
from transcripts.ingest.processes.reading import Input, Job, Reading
from transcripts.ingest.run import Progress, ingest
from transcripts.models import Action, Cell, Evaluation, Plan, Prompt, TranscriptText, Verdict
from transcripts.models import Source as SourceRow
from transcripts.models import Transcript as TranscriptRow
from transcripts.parsing import personas

MODELS = 12
# A reading process that is killed when it comes to a file of that name, and otherwise as every other.
DEADLY = """
import os, signal
from pathlib import Path
from transcripts.ingest import readers
from transcripts.ingest.processes import reading
from transcripts.ingest.files.tree import Folder

read = Folder.read

def deadly(tree, path):
    if {name!r} in path and {condition}:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(tree, path)

Folder.read = deadly
reading.main()
"""


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "FEW_PARTS", 2)


def study(root: Path, *, samples: int = 3) -> Path:
    """An experiment of one cell for each model; one response is broken, two files contradict each other."""
    for number in range(MODELS):
        answers = [
            response(
                n, model=f"org/m{number:02d}", answer=f"<think>Hm {n}</think> é\t\\{number}", classification=VERDICT
            )
            for n in range(1, samples + 1)
        ]
        if number:
            for item in answers:
                folder = root / "models" / f"org_m{number:02d}" / item["metadata"]["condition"]
                path = folder / f"sample_{item['metadata']['sample_id']:03d}" / "response.json"
                path.parent.mkdir(parents=True)
                path.write_text(json.dumps(item))
        else:
            write_tree(root, answers)
    write_state(root, [f"org/m{number:02d}" for number in range(MODELS)], samples)
    broken = next((root / "models" / "org_m03").rglob("response.json"))
    broken.write_text("{")
    copy = root / "models" / "org_m05-again" / "c" / "sample_001" / "response.json"
    copy.parent.mkdir(parents=True)
    copy.write_text(json.dumps(response(1, model="org/m05", answer="something else")))
    return root


def given(*paths: Path) -> Input:
    return Input(paths, None, None, "seed", personas.known())


def found(*paths: Path, processes: int) -> list[Any]:
    records = [record for chunk in chunks(given(*paths), processes) for record in chunk.records]
    return [(record.model, record.sample_key, record.text) if isinstance(record, Row) else record for record in records]


def database() -> dict[str, list[Any]]:
    """Everything that ingest writes, ids included, and moments of writing excluded."""
    tables: dict[str, Any] = {
        "cells": Cell.objects.order_by("model__recorded_id").values_list("model__recorded_id", "recorded_condition"),
        "plans": Plan.objects.order_by("cell__model__recorded_id").values_list("key", "samples"),
        "prompts": Prompt.objects.order_by("sha256").values_list("system", "user"),
        "sources": SourceRow.objects.order_by("path").values_list("path", "sha256", "size", "format"),
        "transcripts": TranscriptRow.objects.order_by("pk").values_list(
            "cell__model__recorded_id", "sample_key", "status", "origin", "u", "source__path", "content_sha256"
        ),
        "texts": TranscriptText.objects.order_by("pk").values_list("messages", "reasoning", "extra"),
        "actions": Action.objects.order_by("pk").values_list("tool", "place", "start", "end", "recipients", "roles"),
        "verdicts": Verdict.objects.order_by("pk").values_list("version__version", "outcome", "final", "judge", "raw"),
    }
    return {name: list(rows) for name, rows in tables.items()}


def run(root: Path, processes: int) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """What one run leaves in an empty database, and its report."""
    Evaluation.objects.all().delete()
    Prompt.objects.all().delete()
    evaluation = Evaluation.objects.create(name="Study", seed="fixed")
    report = ingest([root], evaluation, processes=processes).as_json()
    del report["evaluation"]
    return database(), report


@pytest.mark.django_db
def test_several_processes_write_what_one_writes(tmp_path: Path) -> None:
    root = study(tmp_path / "study")
    content, report = run(root, 0)
    assert report["created"] == MODELS * 3 - 1
    assert report["failed"] == 2
    assert (content, report) == run(root, 3)


def test_what_is_read_is_in_the_order_of_the_parts(tmp_path: Path) -> None:
    a, b = study(tmp_path / "a"), study(tmp_path / "b", samples=1)
    assert found(a, b, processes=3) == found(a, b, processes=0)


def test_few_parts_are_read_here(tmp_path: Path) -> None:
    write_tree(tmp_path / "study", [response()])
    reading = chunks(given(tmp_path / "study"))
    assert isinstance(next(reading).records[0], Row)
    assert reading_processes() == []


def deadly(monkeypatch: pytest.MonkeyPatch, name: str, condition: str = "True") -> None:
    program = DEADLY.format(name=name, condition=condition)
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, "-c", program))


def test_a_process_that_is_killed_once_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, mark = study(tmp_path / "study"), tmp_path / "killed"
    whole = found(root, processes=0)
    deadly(monkeypatch, "org_m07", f"not Path({str(mark)!r}).exists() and not Path({str(mark)!r}).touch()")
    assert found(root, processes=2) == whole
    assert mark.exists()


def test_a_file_that_kills_its_reader_is_named_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = study(tmp_path / "study")
    whole = found(root, processes=0)
    condition = response()["metadata"]["condition"]
    sample = f"models/org_m07/{condition}/sample_002"
    deadly(monkeypatch, sample)
    read = found(root, processes=2)
    reason = "lost: two processes that read it were ended (signal SIGKILL, as when memory runs out)"
    assert [one for one in read if one not in whole] == [Problem(f"study/{sample}", "", reason)]
    assert [one[:2] for one in whole if one not in read] == [("org/m07", "run-1/2")]
    assert len(read) == len(whole)


def test_one_of_many_files_that_kills_its_reader_is_the_only_one_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        path = tmp_path / "flat" / f"{number:02d}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(response(number + 1)))
    whole = found(tmp_path / "flat", processes=0)
    deadly(monkeypatch, "07.json")
    read = found(tmp_path / "flat", processes=2)
    assert [one.source for one in read if isinstance(one, Problem) and one.lost] == ["flat/07.json"]
    keys = [[one[1] for one in records if isinstance(one, tuple)] for records in (read, whole)]
    assert keys[0] == [key for key in keys[1] if not key.endswith("/8")]


def test_what_the_walk_of_a_part_raises_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        DEADLY.format(name="", condition="False")
        .replace("Folder.read", "Folder.children")
        .replace("return read(tree, path)", "1 // 0")
    )
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, "-c", program))
    with pytest.raises(pool.ReadingFailed, match="ZeroDivisionError"):
        found(study(tmp_path / "study"), processes=2)
    assert reading_processes() == []


def test_what_a_reader_raises_costs_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = DEADLY.format(name="org_m07", condition="1 // 0")
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, "-c", program))
    read = found(study(tmp_path / "study"), processes=2)
    told = {one.reason.rpartition(": ")[2] for one in read if isinstance(one, Problem) and "org_m07" in one.source}
    assert told == {"integer division or modulo by zero"}


def reading_processes() -> list[int]:
    """This process's children that read; the browser of other tests is one too."""
    children = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    return [int(pid) for pid in children if "reading" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are told by /proc")
@pytest.mark.django_db
def test_a_run_that_is_stopped_ends_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def stop(progress: Progress) -> None:
        seen.extend(reading_processes())
        raise Stop

    monkeypatch.setattr(ingest_run, "BATCH_RECORDS", 1)
    with pytest.raises(Stop):
        ingest([study(tmp_path / "study")], Evaluation.objects.create(name="S"), on_progress=stop, processes=2)
    assert len(seen) in (1, 2)  # the second may still be starting
    assert reading_processes() == []


def test_a_reading_process_ends_with_the_one_that_asks(tmp_path: Path) -> None:
    process = pool.Process(given(tmp_path))
    process._jobs.close()
    assert process._popen.wait(timeout=30) == 0
    process._answers.close()


def transcripts(count: int, prompt: str) -> Iterator[Transcript]:
    for number in range(count):
        source = Source("p", bytes(32), 1, "f")
        messages = (Message("assistant", "x"),)
        system = prompt.format(number)
        yield Transcript(source, "m", Condition("s"), str(number), Status.COMPLETE, system, "", messages)


def test_few_prompts_are_remembered() -> None:
    made = Rows("seed", ())
    for transcript in transcripts(50, "prompt {}"):
        list(made.made(transcript))
    assert rows._prompt.cache_info().currsize == rows.RECENT_PROMPTS


def test_a_prompt_is_handed_over_once_in_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_RECORDS", 10)
    write_tree(tmp_path, [response(n) for n in range(1, 26)])
    part = next(one for one in parallel._work(given(tmp_path)) if isinstance(one, Job))
    sizes = []
    for chunk in Reading(given(tmp_path)).read(part):
        sent = [record.prompt for record in chunk.records if isinstance(record, Row)]
        sizes.append((len(sent), len({id(prompt) for prompt in sent})))
    assert sizes == [(10, 1), (10, 1), (5, 1)]
