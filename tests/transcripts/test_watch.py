import json
import os
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.transcripts.framework_tree import CONDITION, response, write_state, write_tree
from transcripts.ingest import watch
from transcripts.ingest.files.archive import Limits
from transcripts.ingest.report import Report
from transcripts.ingest.run import Progress
from transcripts.ingest.watch import Watch
from transcripts.models import Cell, Evaluation, Ingestion, Transcript

pytestmark = pytest.mark.django_db


def nobody(progress: Progress) -> None:
    pass


def watching(folder: Path) -> Watch:
    return Watch(folder, Evaluation.objects.create(name="Running"))


def counts(rounds: list[Report]) -> list[tuple[int, int, int, int]]:
    return [(one.created, one.updated, one.unchanged, one.failed) for one in rounds]


def look(watch: Watch, *, last: bool = False) -> list[tuple[int, int, int, int]]:
    return counts([*watch.changes(nobody, last=last)])


def place(root: Path, sample: int) -> Path:
    return root / "models" / "org_model_a" / CONDITION / f"sample_{sample:03d}" / "response.json"


def add(root: Path, sample: int, **more: Any) -> Path:
    path = place(root, sample)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(response(sample, **more)))
    return path


def begun(root: Path, samples: int = 1) -> Path:
    write_tree(root, [response(number + 1) for number in range(samples)])
    write_state(root, ["org/model:a"], 5)
    return root


def test_a_round_reads_only_what_is_new_or_changed(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    first = look(watch)
    nothing = look(watch)
    add(tmp_path / "tree", 2)
    add(tmp_path / "tree", 1, answer="Something else.")
    second = look(watch)
    assert (first, nothing, second) == ([(1, 0, 0, 0)], [], [(1, 1, 0, 0)])


def test_what_is_read_later_is_of_the_same_experiment_and_condition(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    look(watch)
    add(tmp_path / "tree", 2)
    look(watch)
    assert Cell.objects.count() == 1
    assert sorted(Transcript.objects.values_list("sample_key", flat=True)) == ["run-1/1", "run-1/2"]
    assert sorted(Transcript.objects.values_list("source__path", flat=True)) == [
        str(place(Path("tree"), number)) for number in (1, 2)
    ]


def test_a_response_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    path = add(tmp_path / "tree", 2)
    whole = path.read_text()
    path.write_text(whole[:40])
    look(watch)
    meanwhile = watch.report().failed
    path.write_text(whole)
    look(watch)
    report = watch.report()
    assert (meanwhile, report.created, report.failed, report.errors) == (1, 2, 0, [])


def test_a_file_that_stays_broken_is_reported_once(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    add(tmp_path / "tree", 2).write_text('{"raw_response": ')
    look(watch)
    add(tmp_path / "tree", 3)
    look(watch)
    look(watch, last=True)
    report = watch.report()
    assert (report.created, report.failed) == (2, 1)
    assert [problem.source for problem in report.errors] == [str(place(Path("tree"), 2))]


def test_a_draft_that_was_renamed_is_not_reported(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    draft = tmp_path / "tree" / "models" / "x.json.part"
    draft.write_text("{")
    look(watch)
    draft.unlink()
    look(watch)
    assert watch.report().errors == []


def test_an_experiment_whose_state_is_half_written_waits(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    state = tmp_path / "tree" / "experiment_state.json"
    whole = state.read_text()
    state.write_text(whole[:20])
    waits = look(watch)
    state.write_text(whole)
    reads = look(watch)
    assert (waits, reads) == ([], [(1, 0, 0, 0)])
    assert Transcript.objects.get().sample_key == "run-1/1"


def test_a_state_that_is_half_written_later_is_taken_as_it_was(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    look(watch)
    (tmp_path / "tree" / "experiment_state.json").write_text('{"experi')
    add(tmp_path / "tree", 2)
    look(watch)
    look(watch, last=True)
    assert sorted(Transcript.objects.values_list("sample_key", flat=True)) == ["run-1/1", "run-1/2"]
    assert [problem.source for problem in watch.report().errors] == ["tree/experiment_state.json"]


def test_a_state_that_stays_broken_keeps_nothing_from_being_read(tmp_path: Path) -> None:
    watch = watching(begun(tmp_path / "tree"))
    (tmp_path / "tree" / "experiment_state.json").write_text("{")
    assert look(watch) == []
    assert look(watch, last=True) == [(1, 0, 0, 0)]
    assert [problem.lost for problem in watch.report().errors] == [False]


def test_much_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_FILES", 8)
    parts = [sum(part) for part in look(watching(begun(tmp_path / "tree", 20)))]
    assert (sum(parts), max(parts) <= 8) == (20, True)


@pytest.mark.parametrize(
    ("statuses", "done"),
    [([], False), (["running"], False), (["completed", "running"], False), (["completed", "failed"], True)],
)
def test_a_watch_is_done_when_every_experiment_has_ended(tmp_path: Path, statuses: list[str], done: bool) -> None:
    for number, status in enumerate(statuses):
        root = begun(tmp_path / f"run-{number}")
        state = json.loads((root / "experiment_state.json").read_text())
        (root / "experiment_state.json").write_text(json.dumps(state | {"status": status}))
    watch = watching(tmp_path)
    look(watch)
    assert watch.is_done() == done


def test_the_command_watches_until_the_experiment_is_done(tmp_path: Path) -> None:
    root = begun(tmp_path / "tree")

    def end() -> None:
        add(root, 2)
        state = json.loads((root / "experiment_state.json").read_text())
        (root / "experiment_state.json").write_text(json.dumps(state | {"status": "completed"}))

    out, err = StringIO(), StringIO()
    timer = threading.Timer(0.5, end)
    timer.start()
    call_command("ingest", str(root), "--watch", "--until-done", "--every", "0.1", "--json", stdout=out, stderr=err)
    timer.join()
    kept = Ingestion.objects.get()
    assert (kept.state, kept.report) == ("done", json.loads(out.getvalue()))
    assert err.getvalue().splitlines()[0] == "1 created, 0 updated, 0 unchanged, 0 failed"
    assert Transcript.objects.count() == 2


@pytest.mark.parametrize("arguments", [["--watch", "other"], ["--until-done"]])
def test_what_cannot_be_watched_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    arguments = [str(tmp_path) if one == "other" else one for one in arguments]
    with pytest.raises(CommandError):
        call_command("ingest", str(tmp_path), *arguments)
    assert Ingestion.objects.count() == 0


def test_a_state_that_cannot_be_read_waits_and_does_not_end_the_watch(tmp_path: Path) -> None:
    root = begun(tmp_path / "tree")
    watch = watching(root)
    usual, watch.tree.limits = watch.tree.limits, Limits(member_bytes=10)
    waited = look(watch)
    watch.tree.limits = usual
    assert (waited, look(watch)) == ([], [(1, 0, 0, 0)])


def test_a_file_whose_path_is_too_long_is_told_and_does_not_end_the_watch(tmp_path: Path) -> None:
    root = begun(tmp_path / "tree")
    folder = os.open(root, os.O_RDONLY)
    for length in [250] * ((4090 - len(str(root))) // 251):
        os.mkdir("f" * length, dir_fd=folder)
        folder, above = os.open("f" * length, os.O_RDONLY, dir_fd=folder), folder
        os.close(above)
    os.close(os.open("n" * 255, os.O_CREAT, dir_fd=folder))
    os.close(folder)
    watch = watching(root)
    assert look(watch) == [(1, 0, 0, 0)]
    assert [problem.reason for problem in watch.report().errors] == ["cannot be read: File name too long"]


def test_files_that_come_into_a_folder_without_folders_are_seen(tmp_path: Path) -> None:
    watch = watching(tmp_path)
    before = look(watch)
    (tmp_path / "one.json").write_text(json.dumps(response(1)))
    first = look(watch)
    (tmp_path / "two.json").write_text(json.dumps(response(2)))
    assert (before, first, look(watch)) == ([], [(1, 0, 0, 0)], [(1, 0, 0, 0)])
