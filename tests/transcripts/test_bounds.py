"""What is read takes time and memory in proportion to what is given, whatever that says of itself."""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcripts.hostile_files import CHECKSUM, NOISE
from tests.transcripts.inspect_logs import members as log_members
from tests.transcripts.inspect_logs import sample as log_sample
from tests.transcripts.zip_writing import write_zip, zipped
from transcripts.ingest import readers
from transcripts.ingest.files import decode
from transcripts.ingest.files.archive import Archive, Limits, Refused
from transcripts.ingest.files.tree import Zipped
from transcripts.ingest.parsed import Problem, Transcript


@pytest.mark.parametrize("method", [0, 8, 93])
@given(data=st.data())
def test_a_member_is_a_file_like_any_other(method: int, data: st.DataObject) -> None:
    content = NOISE * data.draw(st.integers(0, 3))
    with Archive(BytesIO(zipped({"m": content}, method))).open("m") as stream:
        plain = BytesIO(content)
        for _ in range(data.draw(st.integers(1, 6))):
            how = data.draw(st.sampled_from(["read", "readline", "seek", "end"]))
            count = data.draw(st.integers(0, 9000))
            if how == "seek":
                assert stream.seek(count % 7 and count) == plain.seek(count % 7 and count)
            elif how == "end":
                assert stream.seek(-min(count, len(content)), 2) == plain.seek(-min(count, len(content)), 2)
            else:
                assert getattr(stream, how)(count) == getattr(plain, how)(count)
            assert stream.tell() == plain.tell()


def consumed(stream: IO[bytes]) -> int:
    return sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 18), b""))


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """The most memory, in bytes, that was taken since this was asked before."""
    tracemalloc.start()
    before = 0

    def since() -> int:
        nonlocal before
        most = tracemalloc.get_traced_memory()[1] - before
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        return most

    yield since
    tracemalloc.stop()


Peak = Callable[[], int]


@pytest.mark.parametrize("method", [0, 8, 93])
def test_a_large_member_is_read_in_little_memory(tmp_path: Path, method: int, peak: Peak) -> None:
    write_zip(tmp_path / "a.zip", {"m": NOISE * 20_000}, method)
    peak()
    with (tmp_path / "a.zip").open("rb") as file, Archive(file, Limits(ratio=100_000)).open("m") as stream:
        assert consumed(stream) == 60_000_000
    assert peak() < 8_000_000


@pytest.mark.parametrize("method", [0, 8, 93])
def test_a_member_that_unpacks_to_more_than_it_says_costs_no_memory(method: int, peak: Peak) -> None:
    archive = Archive(BytesIO(zipped({"m": bytes(60_000_000)}, method, claimed_size=1_000_000)))
    peak()
    with pytest.raises(Refused, match="unpacks to 1,000,001 bytes or more, but says 1,000,000"):
        archive.read("m")
    assert peak() < 8_000_000


@pytest.mark.parametrize("read", [lambda one: one.read(), consumed, lambda one: one.seek(0, 2), list])
def test_a_damaged_member_is_told_however_it_is_read(read: Callable[[IO[bytes]], object]) -> None:
    whole = zipped({"m": b"harmless" * 100_000}, 0)
    with (
        Archive(BytesIO(whole.replace(b"harmless", b"harmlesr", 1))).open("m") as stream,
        pytest.raises(Refused, match=CHECKSUM),
    ):
        read(stream)


def test_what_archives_in_an_archive_unpack_to_counts_together(tmp_path: Path) -> None:
    logs = {f"{number}.eval": zipped(log_members(log_sample(number))) for number in (1, 2, 3)}
    write_zip(tmp_path / "a.zip", logs, 0)
    with (tmp_path / "a.zip").open("rb") as file:
        outer = Archive(file)
        with outer.open("1.eval") as inner:
            one = Archive(inner).total
    limits = Limits(total_bytes=outer.total + 2 * one)
    records = list(readers.read(tmp_path / "a.zip", limits=limits))
    assert sum(isinstance(record, Transcript) for record in records) == 2
    reason = f"{limits.total_bytes + one:,} bytes when unpacked; the limit is {limits.total_bytes:,}"
    told = [record for record in records if isinstance(record, Problem)]
    assert told == [Problem("a.zip!3.eval", "", f"cannot be read: {reason}")]


def test_a_hundred_thousand_members_are_listed_in_little_memory(peak: Peak) -> None:
    file = BytesIO(zipped({f"d{number % 300}/{number}": b"" for number in range(100_000)}, 0))
    peak()
    tree = Zipped(file, "a.zip")
    assert sum(len(tree.children(folder)[1]) for folder in tree.children("")[0]) == 100_000
    assert peak() < 45_000_000


def test_names_of_many_folders_take_no_more_memory_than_they_are_long(peak: Peak) -> None:
    names = [f"{number}/" + "d/" * 98 + "x" for number in range(2000)]
    file = BytesIO(zipped(dict.fromkeys(names, b""), 0))
    peak()
    assert len(Zipped(file, "a.zip").children("")[0]) == 2000
    assert peak() < 4_000_000


def test_a_folder_of_many_lists_is_read_in_time(tmp_path: Path) -> None:
    """Each of them asks for the files that may lie beside it."""
    for number in range(3000):
        (tmp_path / f"{number}.json").write_text('[{"condition": "", "sample_id": 0, "response": "", "success": true}]')
    started = time.process_time()
    list(readers.read(tmp_path))
    assert time.process_time() - started < 6


def test_json_of_too_many_values_is_refused_before_it_takes_memory(monkeypatch: pytest.MonkeyPatch, peak: Peak) -> None:
    monkeypatch.setattr(decode, "_MOST_VALUES", 1000)
    data = b"[" + b"[]," * 1_000_000 + b"0]"
    peak()
    with pytest.raises(decode.Undecodable, match="more than 1,000 values"):
        decode.from_json(data)
    assert peak() < 10_000_000


@pytest.mark.parametrize("text", ["," * 5000, '","' * 5000, "\\" * 5000, '\\,[{"' * 5000])
def test_marks_inside_of_texts_are_no_values(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(decode, "_MOST_VALUES", 1000)
    assert decode.from_json(json.dumps([text]).encode()) == [text]


@pytest.mark.parametrize("end", [b'\\"' * 200_000, b"," * 200_000 + b"\\"])
def test_a_text_that_never_ends_is_told_in_time(monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    monkeypatch.setattr(decode, "_MOST_VALUES", 1000)
    started = time.process_time()
    with pytest.raises(decode.Undecodable, match="not JSON: Unterminated string|not JSON: Invalid"):
        decode.from_json(b'["' + end)
    assert time.process_time() - started < 2
