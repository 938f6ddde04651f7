"""Files that were made to harm, each beside one that was not: told by name and reason, and the other one is read."""

import json
import os
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import override_settings

from amdash.celery import app
from tests.transcripts.hostile_files import HOSTILE, LIMITS, LINK, NOISE, SPECIAL, Make, Told, written
from tests.transcripts.test_petri_reader import document
from tests.transcripts.test_uploads import BROKER, upload, wait_for, worker
from tests.transcripts.valid_inputs import write_openai, write_petri
from transcripts.ingest import readers
from transcripts.ingest.files import tree
from transcripts.ingest.files.archive import Archive, Refused
from transcripts.ingest.parsed import Part, Problem, Transcript
from transcripts.ingest.run import ingest
from transcripts.models import Evaluation, Ingestion
from transcripts.tasks import run_ingestion


def problems(records: list[Any]) -> list[Told]:
    return [(record.source, record.where, record.reason) for record in records if isinstance(record, Problem)]


@pytest.mark.parametrize(("make", "expected"), [pytest.param(*rest, id=name) for name, *rest in HOSTILE])
def test_a_hostile_file_is_told_and_its_neighbour_is_read(tmp_path: Path, make: Make, expected: list[Told]) -> None:
    root = tmp_path / "given"
    (root / "bad").mkdir(parents=True)
    make(root / "bad")
    write_petri(root / "good", 1)
    records = list(readers.read(root, limits=LIMITS))
    assert problems(records) == [(f"given/bad/{source}", where, reason) for source, where, reason in expected]
    kept = [record.source.path for record in records if isinstance(record, Transcript)]
    assert kept == ["given/good/t0.json"]


ODD = {
    "a BOM": lambda data: b"\xef\xbb\xbf" + data,
    "CRLF": lambda data: data.replace(b", ", b",\r\n"),
    "a key twice": lambda data: data.replace(b'{"metadata"', b'{"metadata": 1, "metadata"'),
    "half a character": lambda data: data.replace(b"Read.", b"\\ud800"),
    "a million digits": lambda data: data.replace(b'"tags": ["mail"]', b'"tags": ' + b"9" * 1_000_000),
    "a million decimals": lambda data: data.replace(b'"tags": ["mail"]', b'"tags": 0.' + b"9" * 1_000_000),
    "no number": lambda data: data.replace(b'"tags": ["mail"]', b'"tags": [NaN, -Infinity, 1e999]'),
    "199 levels": lambda data: data.replace(b'["mail"]', b"[" * 197 + b"]" * 197),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_and_can_be_read_is_read(tmp_path: Path, odd: str) -> None:
    plain = json.dumps(document()).encode()
    (tmp_path / "t.json").write_bytes(ODD[odd](plain))
    assert (tmp_path / "t.json").read_bytes() != plain
    started = time.process_time()
    (found,) = [record for record in readers.read(tmp_path) if isinstance(record, Transcript)]
    assert time.process_time() - started < 2
    assert found.messages[0].tool_calls[0].arguments == {"to": "k@x.com"}
    assert orjson.dumps(found.extra)


@pytest.mark.parametrize("written_as", [{}, {"prefix": b"#!/bin/sh\n"}, {"comment": b"c" * 65_535}])
def test_an_archive_may_begin_and_end_with_something_else(tmp_path: Path, written_as: dict[str, bytes]) -> None:
    written(**written_as)(tmp_path)
    with (tmp_path / "a.zip").open("rb") as file:
        assert Archive(file).read("m") == b"junk"


def test_members_of_unknown_length_are_read_by_the_directory(tmp_path: Path) -> None:
    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

    packed = Pipe()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m", NOISE)
    assert Archive(BytesIO(packed.getvalue())).read("m") == NOISE


def test_hard_links_are_files(tmp_path: Path) -> None:
    write_petri(tmp_path, 1)
    os.link(tmp_path / "t0.json", tmp_path / "t1.json")
    assert sum(isinstance(record, Transcript) for record in readers.read(tmp_path)) == 2


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="this system has no /proc")
def test_a_file_that_says_that_it_is_empty_is_read() -> None:
    assert os.stat("/proc/self/status").st_size == 0
    assert tree.Folder(Path("/proc/self")).read("status").startswith(b"Name:")


# Files that change between the walk and the reading, or during it.


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda path: None, "cannot be read: No such file or directory"),
    "a folder": (Path.mkdir, f"cannot be read: {SPECIAL}"),
    "a pipe": (pipe, f"cannot be read: {SPECIAL}"),
    "a link": (link, f"cannot be read: {LINK}"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_something_else_by_now_is_told(tmp_path: Path, change: str) -> None:
    write_petri(tmp_path / "given", 2)
    folder = readers.given(tmp_path / "given")
    (part,) = readers.parts(folder, readers.READERS)
    assert isinstance(part, Part)
    (tmp_path / "given" / "t0.json").unlink()
    become, reason = CHANGES[change]
    become(tmp_path / "given" / "t0.json")
    records = list(readers.read_part(folder, part, readers.READERS))
    assert problems(records) == [("given/t0.json", "", reason)]
    assert [record.source.path for record in records if isinstance(record, Transcript)] == ["given/t1.json"]


def test_a_folder_that_is_a_link_by_now_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "given" / "a").mkdir(parents=True)
    folder = tree.Folder(tmp_path / "given")
    assert folder.children("") == (["a"], [])
    (tmp_path / "given" / "a").rmdir()
    (tmp_path / "given" / "a").symlink_to("/etc")
    assert folder.children("a") == ([], [])
    assert [(problem.source, problem.reason) for problem in folder.problems] == [("given/a", LINK)]


@pytest.mark.parametrize("change", [b"", b"{", b'{"a": 1}  '])
def test_a_file_that_is_written_while_it_is_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b'{"a": 1}')
    read = os.read

    def meanwhile(handle: int, count: int) -> bytes:
        path.write_bytes(change)
        os.utime(path, ns=(0, 0))
        return read(handle, count)

    monkeypatch.setattr(os, "read", meanwhile)
    with pytest.raises(Refused, match="changed while it was read: read it again when it is finished"):
        tree.Folder(tmp_path).read("x")


# All the way.


def zoo(root: Path) -> None:
    """Every hostile thing in a folder of its own, and a valid input of three samples."""
    for number, (_, make, _) in enumerate(HOSTILE):
        (root / f"{number}").mkdir(parents=True)
        make(root / f"{number}")
    write_petri(root / "good", 3)


@pytest.mark.django_db
def test_the_report_of_everything_hostile_adds_up(tmp_path: Path) -> None:
    zoo(tmp_path / "given")
    lost = {one for one in readers.read(tmp_path / "given") if isinstance(one, Problem) and one.lost}
    report = ingest([tmp_path / "given"], evaluation := Evaluation.objects.create(name="Hostile"))
    assert (report.created, report.updated, report.unchanged, report.failed) == (3, 0, 0, len(lost))
    again = ingest([tmp_path / "given"], evaluation)
    assert (again.created, again.updated, again.unchanged, again.failed) == (0, 0, 3, len(lost))


@pytest.mark.django_db(transaction=True)
def test_a_worker_survives_everything_hostile(tmp_path: Path) -> None:
    zoo(tmp_path / "given")
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((tmp_path / "given").rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 30 and path.name.isprintable():
                archive.write(path, path.relative_to(tmp_path))
    write_openai(tmp_path / "chat", 2)
    with override_settings(MEDIA_ROOT=tmp_path / "uploads"):
        hostile = upload(packed.getvalue(), "zoo.zip")
        (tmp_path / "chat" / "chat.jsonl").rename(tmp_path / "uploads" / "chat.jsonl")
        after = Ingestion.objects.create(evaluation=hostile.evaluation, name="chat.jsonl", file="chat.jsonl")
        with worker(tmp_path) as process:
            with app.connection_for_write(BROKER) as broker:
                for job in (hostile, after):
                    app.send_task(run_ingestion.name, kwargs={"ingestion_id": job.pk}, connection=broker)
            wait_for("both jobs", lambda: Ingestion.objects.filter(finished_at__isnull=False).count() == 2)
            assert process.poll() is None
    ended = [(job.state, job.attempts, (job.report or {}).get("created")) for job in Ingestion.objects.order_by("pk")]
    assert ended == [("done", 1, 3), ("done", 1, 2)]
