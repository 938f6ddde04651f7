import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.ingest.files import lines
from transcripts.ingest.files.archive import Limits
from transcripts.ingest.files.lines import Entry, entries, first
from transcripts.ingest.files.tree import HEAD_BYTES, Folder
from transcripts.ingest.parsed import Problem

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=9), VALUES, max_size=4), min_size=1, max_size=6)


def folder(tmp_path: Path, data: bytes, limit: int = 1 << 20) -> Folder:
    (tmp_path / "f").write_bytes(data)
    return Folder(tmp_path, only="f", limits=Limits(line_bytes=limit))


def found(tmp_path: Path, data: bytes, limit: int = 1 << 20) -> list[Any]:
    """Values by place; of what cannot be read, the reason, and whether something is lost by it."""
    return [
        (item.where, item.value) if isinstance(item, Entry) else (item.where, item.reason, item.lost)
        for item in entries(folder(tmp_path, data, limit), "f", "x")
    ]


def test_every_line_is_an_entry_with_its_number_and_blank_lines_are_none(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"a":1}\r\n\r\n  \n{"a":1,"a":2}\n[3]\n"no newline"'
    assert found(tmp_path, data) == [
        ("line 1", {"a": 1}),
        ("line 4", {"a": 2}),
        ("line 5", [3]),
        ("line 6", "no newline"),
    ]


def test_the_source_is_the_file(tmp_path: Path) -> None:
    (item,) = entries(folder(tmp_path, b'{"a":1}\n'), "f", "x")
    assert isinstance(item, Entry)
    assert (item.source.path, item.source.size, item.source.format) == ("f", 8, "x")
    assert item.source.sha256.hex() == "e346432021b04179518d9614f3560ccd71354a4ee101ddcb893d6959a9d6301c"


def test_what_cannot_be_read_is_told_and_its_neighbours_are_kept(tmp_path: Path) -> None:
    data = b'{"a":1}\n{"a":\n{"a":\xff}\n{"a":"\0"}\n' + b"[" * 300 + b"]" * 300 + b'\n{"a":"\\ud800\\u0000"}\n'
    assert found(tmp_path, data) == [
        ("line 1", {"a": 1}),
        ("line 2 column 6", "not JSON: Expecting value", True),
        ("line 3", "not UTF-8: invalid start byte", True),
        ("line 4 column 7", "not JSON: Invalid control character at", True),
        ("line 5", "not JSON that can be read: nested deeper than 200 levels", True),
        ("line 6", {"a": "\ufffd\ufffd"}),
    ]


def test_a_line_that_is_still_being_written_is_told_as_such(tmp_path: Path) -> None:
    assert found(tmp_path, b'{"a":1}\n{"a":') == [
        ("line 1", {"a": 1}),
        ("line 2", "the file ends in the middle of this line", True),
    ]


@pytest.mark.parametrize("end", [b"", b"\n", b'\n{"a":2}\n'])
def test_a_line_beyond_the_limit_is_skipped(tmp_path: Path, end: bytes) -> None:
    after = [("line 3", {"a": 2})] if b"2" in end else []
    assert found(tmp_path, b'{"a":1}\n"' + b"x" * 900_000 + b'"' + end, limit=20) == [
        ("line 1", {"a": 1}),
        ("line 2", "longer than 20 bytes, the most that is read at once", True),
        *after,
    ]


def test_a_line_as_long_as_the_limit_is_read(tmp_path: Path) -> None:
    assert found(tmp_path, b'"12345678"\n"12345678"', limit=10) == [("line 1", "12345678"), ("line 2", "12345678")]


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_an_array_gives_its_elements(tmp_path: Path, indent: int | None) -> None:
    values = [{"a": [1, {"b": ']},[\\"'}]}, 7, {}, "x, y"]
    assert found(tmp_path, json.dumps(values, indent=indent).encode()) == [
        (f"[{number}]", value) for number, value in enumerate(values)
    ]


def test_a_string_is_one_wherever_the_chunks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [{"a": '\\"]}, \\'}, {"b": [{}]}]
    for chunk in range(1, 20):
        monkeypatch.setattr(lines, "_CHUNK", chunk)
        assert [value for _, value in found(tmp_path, json.dumps(values).encode())] == values


def test_objects_spread_over_lines_are_entries(tmp_path: Path) -> None:
    data = b'{\n  "a": {\n    "b": 1\n  }\n}\n{\n  "a": 2\n}\n'
    assert found(tmp_path, data) == [("[0]", {"a": {"b": 1}}), ("[1]", {"a": 2})]


def test_a_broken_element_costs_only_itself(tmp_path: Path) -> None:
    assert found(tmp_path, b'[{"a":1}, {"a":}, {"a":"' + b"x" * 50 + b'"}, {"a":2}]', limit=20) == [
        ("[0]", {"a": 1}),
        ("[1]", "not JSON: Expecting value", True),
        ("[2]", "longer than 20 bytes, the most that is read at once", True),
        ("[3]", {"a": 2}),
    ]


def test_an_array_that_is_still_being_written_is_told_as_such(tmp_path: Path) -> None:
    assert found(tmp_path, b'[{"a":1},\n{"a":2}') == [
        ("[0]", {"a": 1}),
        ("[1]", {"a": 2}),
        ("[2]", "the file ends before its array does", False),
    ]
    assert found(tmp_path, b'[{"a":1},\n{"a":') == [
        ("[0]", {"a": 1}),
        ("[1]", "the file ends in the middle of this entry", True),
        ("[2]", "the file ends before its array does", False),
    ]


def test_what_stands_behind_an_array_is_told(tmp_path: Path) -> None:
    assert found(tmp_path, b'[{"a":1}] junk') == [
        ("[0]", {"a": 1}),
        ("[1]", "the file ends in the middle of this entry", True),
    ]


@pytest.mark.parametrize("line", [b"{", b'{"a": [', b'["a"]', b"[}"])
def test_a_broken_first_line_does_not_hide_the_others(tmp_path: Path, line: bytes) -> None:
    assert found(tmp_path, line + b'\n{"a":1}\n{"a":2}\n')[1:] == [("line 2", {"a": 1}), ("line 3", {"a": 2})]


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    reading = entries(folder(tmp_path, b'{"a":1}\n' * 90_000), "f", "x")
    next(reading)
    (tmp_path / "f").write_bytes(b'{"a":2}\n' * 90_000)
    last = list(reading)[-1]
    reason = "changed while it was read: read it again when it is finished"
    assert last == Problem("f", "", reason, lost=False)


def test_a_file_that_grows_while_it_is_read_is_read_as_it_was(tmp_path: Path) -> None:
    reading = entries(folder(tmp_path, b'{"a":1}\n'), "f", "x")
    next(reading)
    (tmp_path / "f").write_bytes(b'{"a":1}\n{"a":2}\n')
    reason = "grew while it was read: what was added meanwhile is not read"
    assert list(reading) == [Problem("f", "", reason, lost=False)]


def test_a_file_without_entries_or_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    assert found(tmp_path, b"\n \n") == [("", "the file is empty", False)]
    (problem,) = entries(Folder(tmp_path), "absent", "x")
    assert isinstance(problem, Problem)
    assert (problem.source, problem.lost) == (f"{tmp_path.name}/absent", True)


def test_the_first_object_is_found_behind_broken_lines_and_beyond_the_head(tmp_path: Path) -> None:
    long = {"a": "x" * HEAD_BYTES}
    for data in (b'{"b"\n\n[1]\n{"a":1}\n', b'[{"a":1}', b'\xef\xbb\xbf\n{"a":1}'):
        assert first(folder(tmp_path, data), "f", data) == {"a": 1}
    data = json.dumps(long).encode()
    assert first(folder(tmp_path, data), "f", data[:HEAD_BYTES]) == long
    assert [first(folder(tmp_path, data), "f", data) for data in (b"", b"text", b"{\n", b"[1]")] == [{}] * 4


@given(OBJECTS, st.sampled_from([None, 1]), st.integers(1, 40), st.booleans())
def test_what_is_written_is_read_wherever_the_chunks_end(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], indent: int | None, chunk: int, ascii: bool
) -> None:
    tmp_path = tmp_path_factory.mktemp("lines")
    stored = json.loads(json.dumps(values).replace("\\u0000", "\\ufffd"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_CHUNK", chunk)
        array = json.dumps(values, indent=indent, ensure_ascii=ascii).encode()
        assert [value for _, value in found(tmp_path, array)] == stored
        spread = "\n".join(json.dumps({"a": value}, indent=indent, ensure_ascii=ascii) for value in values).encode()
        assert [value["a"] for _, value in found(tmp_path, spread)] == stored


@given(OBJECTS, st.binary(min_size=1, max_size=4), st.integers(0), st.integers(0, 1))
def test_damage_to_a_line_costs_no_other(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], junk: bytes, at: int, replaced: int
) -> None:
    whole = [json.dumps({"a": value}).encode() for value in [*values, {}]]
    hit = at % len(whole)
    place = at % len(whole[hit])
    junk = junk.replace(b"\n", b"x")
    damaged = [*whole]
    damaged[hit] = whole[hit][:place] + junk + whole[hit][place + replaced :]
    items = found(tmp_path_factory.mktemp("lines"), b"\n".join([*damaged, b""]))
    kept = {item[0]: item[1] for item in items if len(item) == 2}
    assert len(items) == len(whole)
    assert [kept.get(f"line {number}") for number in range(1, len(whole) + 1) if number != hit + 1] == [
        json.loads(line.replace(b"\\u0000", b"\\ufffd")) for number, line in enumerate(whole) if number != hit
    ]
