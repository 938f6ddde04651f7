"""Rows of CSV and Parquet files, and what any bytes become."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcripts.test_framework_reader import JSON, problems, transcripts
from tests.transcripts.test_mapped_reader import MAPPING, lines, read, where
from transcripts.ingest import readers
from transcripts.ingest.files import csv_rows, tables
from transcripts.ingest.parsed import Problem, Record

# CSV


def answers(records: Sequence[Record]) -> list[str]:
    return [one.messages[0].text if one.messages else "" for one in transcripts(list(records))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_of_every_kind(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    rows = [["model", "answer"], ["m", f'é, "x";\t{end}second'], ["m", "b"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    records = read(tmp_path, text.getvalue().encode(encoding))
    assert (answers(records), where(records)) == ([row[1] for row in rows[1:]], [])


def test_a_ragged_row_is_told_and_kept(tmp_path: Path) -> None:
    records = read(tmp_path, 'answer,model\n"a\nb",m,c,d\n\ne\n')
    assert where(records) == [
        ("row 1 (line 2)", "4 cells where the header has 2", False),
        ("row 2 (line 5)", "1 cells where the header has 2", False),
        ("row 2 (line 5)", "names no model: taken as unknown", False),
    ]
    assert answers(records) == ["a\nb", "e"]
    assert transcripts(records)[0].extra == {csv_rows.BEYOND: ["c", "d"]}


def test_rows_without_content_are_left_out_and_counted(tmp_path: Path) -> None:
    records = read(tmp_path, "model,answer\n,\nm,a\n,\n")
    assert (answers(records), where(records)) == (
        ["a"],
        [("row 1 (line 2)", "2 rows without any content are left out", False)],
    )
    assert len(answers(read(tmp_path, 'answer\n""\n', {"model": "=m", "response": "answer"}))) == 1


def test_columns_without_a_name_or_with_the_same_are_told_apart(tmp_path: Path) -> None:
    (found,) = transcripts(read(tmp_path, "answer,,answer,x,x\na,1,b,2,3\n"))
    assert (found.messages[0].text, found.extra) == ("a", {"column 2": "1", "answer (2)": "b", "x": "2", "x (2)": "3"})


def test_a_quotation_mark_that_is_never_closed_is_told(tmp_path: Path) -> None:
    records = read(tmp_path, 'model,answer\nm,a\nm,"b\nm,c\n')
    reason = "a quotation mark that is opened here is never closed: this and what follows is not read"
    assert (answers(records), where(records)) == (["a"], [("row 2 (line 3)", reason, True)])


@pytest.mark.parametrize("long", ["x" * 200, '"' + "x\n" * 100 + '"'])
def test_a_cell_beyond_the_limit_costs_only_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: str) -> None:
    monkeypatch.setattr(csv_rows, "_LONGEST_CELL", 100)
    records = read(tmp_path, f"model,answer\nm,a\nm,{long}\n")
    assert answers(records) == ["a"]
    assert where(records)[0][0] == "row 2 (line 3)"
    assert [lost for _, _, lost in where(records)].count(True) >= 1


def test_what_is_not_utf8_and_nul_is_read_as_such_and_told(tmp_path: Path) -> None:
    records = read(tmp_path, b"model,answer\nm,a\nm,\xe9\x00\n")
    assert answers(records) == ["a", "\ufffd\ufffd"]
    assert where(records) == [
        ("row 2 (line 3)", "here and maybe elsewhere: what is not UTF-8 is read as \ufffd", False)
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", ("", "the file is empty", False)),
        (b"\n\n", ("", "holds no row", False)),
        (b"model,answer\n", ("", "holds a header and no row", False)),
        (b"a,b\n1,2\n3,4\n", ("", "has no column answer; its columns are a, b", True)),
        (b"\x00\x01" * 50, ("", "not a table: neither JSON Lines nor CSV nor Parquet", True)),
        (b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml",
         ("", "a spreadsheet or another archive, not a table: save it as CSV", True)),
        (b"," * 20_000 + b"answer\n", ("row 0 (line 1)", "20,001 columns; 10,000 is the most", True)),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_one_problem(tmp_path: Path, content: bytes, problem: Any) -> None:
    assert where(read(tmp_path, content)) == [problem]


def test_tables_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", "model,answer\nm,a\n")
        archive.writestr("b.jsonl", lines({"model": "m", "answer": "b"}))
    found = transcripts(list(readers.read(tmp_path / "t.zip", mapping=MAPPING)))
    assert [(one.source.path, one.sample_key) for one in found] == [
        ("t.zip!a.csv", "a.csv#1"),
        ("t.zip!b.jsonl", "b.jsonl#1"),
    ]


# Parquet


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    import pyarrow  # noqa: PLC0415 - slow import
    import pyarrow.parquet  # noqa: PLC0415

    out = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), out, **options)
    written: bytes = out.getvalue().to_pybytes()
    return written


def test_parquet_gives_plain_values(tmp_path: Path) -> None:
    content = parquet(
        {
            "answer": ["a", "b\0", None],
            "meta": [{"model": "m", "tags": ["x"]}, {"model": "m", "tags": None}, {"model": "m", "tags": []}],
            "day": [date(2026, 1, 2), None, None],
            "odd": [float("nan"), 1.5, None],
            "bytes": [b"\xff", b"text", None],
        },
        row_group_size=2,
    )
    mapping = {"response": "answer", "model": "meta.model", "recorded_at": "day"}
    records = read(tmp_path, content, mapping, "t.parquet")
    found = transcripts(records)
    assert (where(records), answers(records)) == ([], ["a", "b\ufffd", ""])
    assert found[0].recorded_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert [one.extra for one in found] == [
        {"meta": {"tags": ["x"]}, "bytes": "/w=="},
        {"odd": 1.5, "bytes": "text"},
        {},
    ]


def test_parquet_in_an_archive_and_with_too_many_rows(tmp_path: Path) -> None:
    content = parquet({"answer": ["a"] * 5, "model": ["m"] * 5})
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.parquet", content)
    assert len(transcripts(list(readers.read(tmp_path / "t.zip", mapping=MAPPING)))) == 5
    records = read(tmp_path, content, name="t.parquet", members=3)
    assert where(records) == [("row 4", "more than 3 rows: the others are not read", True)]
    assert len(transcripts(records)) == 3


def test_parquet_without_the_column_or_without_rows_or_cut_off(tmp_path: Path) -> None:
    assert where(read(tmp_path, parquet({"a": ["x"]}))) == [("", "has no column answer; its columns are a", True)]
    assert where(read(tmp_path, parquet({"answer": []}))) == [("", "holds no row", False)]
    (problem,) = where(read(tmp_path, parquet({"answer": ["x"]})[:-20]))
    assert (problem[1].split(":")[:2], problem[2]) == (["cannot be read", " damaged"], True)


def test_a_parquet_bomb_ends_the_reading_and_nothing_else(tmp_path: Path) -> None:
    import pyarrow  # noqa: PLC0415 - slow import

    long = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1000, "int32"), pyarrow.array(["x" * 50_000_000]))
    content = parquet({"answer": long}, compression="zstd", store_schema=False)
    assert len(content) < 10_000
    reason = "cannot be read: what it unpacks to does not fit into 2 GB of memory"
    assert where(read(tmp_path, content)) == [("", reason, True)]


# Any input

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd"), max_size=8)


@given(st.lists(st.tuples(CELL, CELL), max_size=6), st.sampled_from(",;\t"), st.sampled_from(["utf-8", "utf-16"]))
def test_what_is_written_as_csv_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("model", "answer"), *rows])
    records = read(tmp_path_factory.mktemp("csv"), text.getvalue().encode(encoding))
    kept = [answer for model, answer in rows if model.strip() or answer.strip()]
    assert [one for one in answers(records) if one] == [answer for answer in kept if answer.strip()]
    assert [one for one in where(records) if one[2]] == []


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.text("ab,;\t\"'\n\r\0{}[]:", max_size=80).map(str.encode), st.booleans())
def test_any_bytes_give_a_record_for_every_row(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, headed: bool
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "t").write_bytes((b"answer,model\n" if headed else b"") + data)
    tree = readers.given(folder / "t")
    rows = list(tables.rows(tree, "t", "mapped", wanted={"answer"}))
    entries = [one for one in rows if not isinstance(one, Problem)]
    lost = [one for one in rows if isinstance(one, Problem) and one.lost]
    records = list(readers.read(folder / "t", mapping=MAPPING))
    told = [one for one in records if isinstance(one, Problem) and one.lost]
    assert len(transcripts(records)) + len(told) == len(entries) + len(lost)
    assert records or not data.strip()


@given(st.lists(JSON, max_size=5))
def test_any_json_lines_give_a_record_for_each(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    good = {"answer": "a", "model": "m"}
    mapping = {"response": "answer", "model": "model", "messages": "talk", "recorded_at": "at"}
    records = read(tmp_path_factory.mktemp("json"), lines(good, *values), mapping, "t.jsonl")
    lost = [one for one in records if isinstance(one, Problem) and one.lost]
    assert len(transcripts(records)) + len(lost) == len(values) + 1
    assert transcripts(records)[0].messages[0].text == "a"


def test_the_problem_names_the_file(tmp_path: Path) -> None:
    assert problems(read(tmp_path, "model,answer\n")) == [("t.csv", "holds a header and no row", False)]
