"""Whatever is done to one input, no reader breaks, what is beside it is read as if it were alone, and a loss is told.

A longer search: HOSTILE_EXAMPLES=5000 pytest tests/transcripts/test_reader_properties.py --timeout 0
"""

import json
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transcripts.valid_inputs import MAPPING, ROWS, VALID
from tests.transcripts.zip_writing import write_zip
from transcripts.ingest import readers
from transcripts.ingest.files.archive import Archive, Refused
from transcripts.ingest.parsed import Ignored, Planned, Problem, Record, Transcript
from transcripts.ingest.run import ingest
from transcripts.models import Evaluation

GOOD, BAD = 2, 3  # samples of the input that is left alone, and of the one that is not
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "0"))

# Where data come from that mean harm: what cannot be stored, what is no number, what is too much.
NASTY: list[Any] = [
    *(
        "",
        "\0",
        "\ud800",
        "\ufeff",
        "\u202e",
        "\x1b[2J",
        "../../etc/passwd",
        "/",
        "x" * 10_000,
        "attachment://" + "0" * 32,
    ),
    *(None, True, False, 0, -1, 2**31, 2**64, -(2**63), 10**40, 1e308, 0.1, float("nan"), float("inf")),
    *([], {}, [[]], [None], [{}], {"": ""}, {"\0": "\ud800"}, {"role": "assistant"}, {"text": None}),
    *("2026-13-45", "9999-12-31T23:59:59-14:00", "true", "[", '{"a":', "<think>", "<tool_use:email>\nto:"),
]
VALUES = st.sampled_from(NASTY) | st.text(max_size=9) | st.integers()
BYTES = st.sampled_from(
    [b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\r", b"\r\n", b"\n", b'"', b"\\"]
)
BYTES |= st.sampled_from(
    [b"[" * 300, b'{"a":' * 300, b"9" * 5000, b"PK\x03\x04", b"NaN", b"1e999", b"\x1b]0;x\x07", b","]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, part in inner for place in places(part, (*path, name)))]


def change_json(draw: st.DrawFn, document: Any) -> Any:
    """The document with one of its places deleted, replaced, doubled, nested or mixed up with another."""
    path = draw(st.sampled_from(places(document)))
    how = draw(st.sampled_from(["delete", "replace", "double", "nest", "swap", "text"]))
    parent = None
    old = document
    for name in path:
        parent, old = old, old[name]
    if parent is None:
        return draw(VALUES) if how == "replace" else {"x": document} if how == "nest" else [document]
    name = path[-1]
    if how == "delete":
        del parent[name]
    elif how == "double" and isinstance(parent, list):
        parent.insert(name, old)
    elif how == "double":
        parent[f"{name}{name}"] = old
    elif how == "swap" and isinstance(parent, dict):
        other = draw(st.sampled_from(sorted(parent)))
        parent[name], parent[other] = parent[other], old
    elif how == "text":
        parent[name] = json.dumps(old)
    else:
        parent[name] = [old] if how == "nest" else draw(VALUES)
    return document


def change_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    to = min(len(data), at + draw(st.integers(1, 40)))
    how = draw(st.sampled_from(["cut", "flip", "insert", "remove", "repeat"]))
    if how == "flip" and at < len(data):
        return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
    middle = {"insert": draw(BYTES) + data[at:to], "repeat": data[at:to] * 2}.get(how, b"")
    return data[:at] + middle + (b"" if how == "cut" else data[to:])


def unpacked(path: Path) -> dict[str, bytes]:
    """The members of an archive, where it is one and whole."""
    try:
        with path.open("rb") as file:
            archive = Archive(file)
            return {name: archive.read(name) for name in archive.members}
    except Refused:
        return {}


def change_content(draw: st.DrawFn, path: Path) -> None:
    data = path.read_bytes()
    members = unpacked(path) if draw(st.booleans()) else {}
    if members:
        name = draw(st.sampled_from(sorted(members)))
        members[name] = changed_data(draw, members[name])
        write_zip(path, members)
    else:
        path.write_bytes(changed_data(draw, data))


def changed_data(draw: st.DrawFn, data: bytes) -> bytes:
    try:
        lines = data.splitlines(keepends=True)
        at = draw(st.integers(0, max(0, len(lines) - 1)))
        document = json.loads(lines[at])
    except (ValueError, IndexError, RecursionError):
        return change_bytes(draw, data)
    if draw(st.integers(0, 3)) == 0:
        return change_bytes(draw, data)
    lines[at] = json.dumps(change_json(draw, document)).encode() + b"\n"
    return b"".join(lines)


def change_files(draw: st.DrawFn, folder: Path) -> bool:
    """Whether something may be gone without a trace: a file, or rows at the end of a file of rows."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if not files:
        return True
    path, other = draw(st.sampled_from(files)), draw(st.sampled_from(files))
    how = draw(st.sampled_from(["content"] * 8 + ["drop", "swap", "rename", "copy", "link", "pack"]))
    if how == "content":
        before = path.read_bytes()
        change_content(draw, path)
        return b"\n" in before and path.stat().st_size < len(before)
    elif how == "drop":
        path.unlink()
    elif how == "swap":
        one, two = path.read_bytes(), other.read_bytes()
        path.write_bytes(two)
        other.write_bytes(one)
    elif how in ("rename", "copy"):
        name = draw(
            st.sampled_from(["x", "x.json", "x.csv", "a\nb.json", "\u202ex", "response.json", os.fsdecode(b"\xff")])
        )
        (shutil.copyfile if how == "copy" else os.rename)(
            path, path.with_name(name) if path.name != name else path.with_name("y")
        )
    elif how == "pack":
        data = path.read_bytes()
        path.unlink()
        write_zip(path.with_name(f"{path.name}.zip"), {path.name: data})
    else:
        path.unlink()
        path.symlink_to(other)
    return how == "drop"


@cache
def alone(good: str, mapping: bool) -> tuple[Transcript, ...]:
    """What the input that is left alone gives where there is nothing else."""
    with TemporaryDirectory() as folder:
        VALID[good](Path(folder) / "given" / "good" / "in", GOOD, "good")
        found = readers.read(Path(folder) / "given", mapping=MAPPING if mapping else None)
        return tuple(record for record in found if isinstance(record, Transcript))


def beside(bad: str) -> str:
    """The format whose input lies beside that of another: the next one. A mapping reads nothing but rows."""
    names = [name for name in VALID if (name in ROWS) == (bad in ROWS)]
    return names[(names.index(bad) + 1) % len(names)]


def from_bad(record: Record) -> bool:
    path = (
        record.source.path if isinstance(record, Transcript) else record.source if isinstance(record, Problem) else ""
    )
    return path.startswith("given/bad")


def check(records: list[Record], good: str, mapping: bool, dropped: bool) -> None:
    assert all(isinstance(record, Transcript | Planned | Problem | Ignored) for record in records)
    kept = [record for record in records if isinstance(record, Transcript) and not from_bad(record)]
    assert sorted(kept, key=repr) == sorted(alone(good, mapping), key=repr)
    assert len(kept) == GOOD
    for record in records:
        if isinstance(record, Problem):
            assert record.source.startswith("given")
            assert record.reason
            assert (record.source + record.where + record.reason).isprintable()
    found = sum(isinstance(record, Transcript) and from_bad(record) for record in records)
    told = any(isinstance(record, Problem | Ignored) for record in records)
    assert found >= BAD or told or dropped


def mutated(draw: st.DrawFn, bad: str, root: Path) -> bool:
    """An input with up to three changes, beside another without; whether a file of it is gone."""
    VALID[beside(bad)](root / "good" / "in", GOOD, "good")
    VALID[bad](root / "bad" / "in", BAD, "bad")
    gone = [change_files(draw, root / "bad") for _ in range(draw(st.integers(1, 3)))]
    return any(gone)


def test_every_format_has_a_valid_input(tmp_path: Path) -> None:
    assert set(readers.FORMATS) <= set(VALID)
    for name, write in VALID.items():
        write(tmp_path / name / "in", 3)
        records = list(readers.read(tmp_path / name, mapping=MAPPING if name in ROWS else None))
        found = [record.source.format for record in records if isinstance(record, Transcript)]
        expected = {"inspect-json": "inspect", "csv": "mapped"}.get(name, name)
        assert (name, found) == (name, [expected] * 3)
        assert [record for record in records if isinstance(record, Problem)] == []


Draw = Callable[..., Any]


@pytest.mark.parametrize("bad", VALID)
@settings(
    max_examples=EXAMPLES or 25,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
)
@given(data=st.data())
def test_nothing_that_is_done_to_an_input_harms_its_neighbour(bad: str, data: st.DataObject) -> None:
    mapping = bad in ROWS
    with TemporaryDirectory() as folder:
        root = Path(folder) / "given"
        dropped = mutated(data.draw, bad, root)  # type: ignore[arg-type]
        check(list(readers.read(root, mapping=MAPPING if mapping else None)), beside(bad), mapping, dropped)


@pytest.mark.parametrize("bad", VALID)
@settings(max_examples=EXAMPLES or 10, derandomize=not EXAMPLES, deadline=None)
@given(data=st.data())
def test_an_archive_with_any_bytes_changed_is_read_or_refused_in_words(bad: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder) / "given"
        VALID[bad](root, BAD)
        packed = Path(folder) / "given.zip"
        with zipfile.ZipFile(
            packed, "w", data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
        ) as archive:
            for path in sorted(root.rglob("*.*")):
                archive.write(path, path.relative_to(folder))
        packed.write_bytes(change_bytes(data.draw, packed.read_bytes()))  # type: ignore[arg-type]
        records = list(readers.read(packed, mapping=MAPPING if bad in ROWS else None))
        found = sum(isinstance(record, Transcript) for record in records)
        assert found == BAD or any(isinstance(record, Problem) for record in records)


@pytest.mark.django_db
@pytest.mark.parametrize("bad", [name for name in VALID if name not in ROWS])
# All examples share the transaction of the test, and a transaction can lock only so many tables.
@settings(max_examples=min(EXAMPLES, 100) or 4, derandomize=not EXAMPLES, deadline=None)
@given(data=st.data())
def test_the_report_adds_up(bad: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder) / "given"
        mutated(data.draw, bad, root)  # type: ignore[arg-type]
        records = list(readers.read(root))
        lost = Counter(record for record in records if isinstance(record, Problem) and record.lost)
        inputs = sum(isinstance(record, Transcript) for record in records) + len(lost)
        evaluation = Evaluation.objects.create(name=folder)
        first = ingest([root], evaluation)
        assert inputs == first.created + first.updated + first.unchanged + first.failed
        again = ingest([root], evaluation)
        assert (again.created, again.updated, again.unchanged) == (
            0,
            0,
            first.created + first.updated + first.unchanged,
        )
