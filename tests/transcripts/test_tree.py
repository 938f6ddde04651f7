import os
import zipfile
from pathlib import Path

import pytest

from tests.transcripts.zip_writing import write_zip
from transcripts.ingest import readers
from transcripts.ingest.files import decode
from transcripts.ingest.files.archive import Archive, Limits, Refused
from transcripts.ingest.files.tree import Folder, Tree, Zipped, taken
from transcripts.ingest.parsed import Problem

KNOWN = ", ".join(readers.FORMATS)


def walk(tree: Tree, folder: str = "") -> list[str]:
    folders, files = tree.children(folder)
    prefix = f"{folder}/" if folder else ""
    return [prefix + name for name in files] + [path for name in folders for path in walk(tree, prefix + name)]


def test_a_folder_and_its_archive_are_the_same_tree(tmp_path: Path) -> None:
    root = tmp_path / "given"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "x.txt").write_text("x")
    (root / "y.txt").write_text("y")
    (root / ".DS_Store").write_text("litter")
    for method in (0, 8, 93):
        write_zip(tmp_path / "t.zip", {"a/b/x.txt": b"x", "y.txt": b"y", "__MACOSX/z": b""}, method)
        with (tmp_path / "t.zip").open("rb") as file:
            zipped = Zipped(file, "t.zip")
            folder = Folder(root)
            assert walk(folder) == walk(zipped) == ["y.txt", "a/b/x.txt"]
            assert folder.read("a/b/x.txt") == zipped.read("a/b/x.txt") == b"x"
            assert (folder.name("y.txt"), zipped.name("y.txt")) == ("given/y.txt", "t.zip!y.txt")


def test_links_and_pipes_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    root = tmp_path / "given"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")
    tree = Folder(root)
    assert tree.children("") == ([], [])
    assert {problem.source: problem.reason.partition(":")[0] for problem in taken(tree)} == {
        "given/link": "a symbolic link",
        "given/pipe": "not a regular file",
    }
    assert list(taken(tree)) == []
    for path in ("../outside", "link", "pipe", "/etc/passwd"):
        with pytest.raises((OSError, Refused)):
            tree.read(path)


def refusals(path: Path, limits: Limits | None = None) -> list[tuple[str, str]]:
    with path.open("rb") as file:
        return [(name, reason) for name, reason, _ in Archive(file, limits).refused]


def test_members_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    write_zip(tmp_path / "t.zip", {"../up": b"", "/abs": b"", "C:/x": b"", "a/..\\b": b"", "fine": b"x"})
    assert refusals(tmp_path / "t.zip") == [
        ("../up", "a path that leaves the folder"),
        ("/abs", "an absolute path"),
        ("C:/x", "an absolute path"),
        ("a/../b", "a path that leaves the folder"),
    ]


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert refusals(tmp_path / "t.zip") == [("link", "a symbolic link")]


def test_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    write_zip(path, {"zeros": bytes(100_000), "fine": b"x"})
    assert refusals(path, Limits(ratio_from=1000)) == [
        ("zeros", f"unpacks to {100_000 // packed(path, 'zeros'):,} times its size; the limit is 500")
    ]
    assert refusals(path, Limits(member_bytes=10)) == [("zeros", "100,000 bytes when unpacked; the limit is 10")]
    for limits in (Limits(members=1), Limits(total_bytes=1000)):
        with path.open("rb") as file, pytest.raises(Refused, match="the limit is"):
            Archive(file, limits)


def packed(path: Path, name: str) -> int:
    with path.open("rb") as file:
        return Archive(file).members[name].packed


@pytest.mark.parametrize("method", [0, 8, 93])
def test_a_member_that_lies_about_its_size_is_unpacked_no_further(tmp_path: Path, method: int) -> None:
    write_zip(tmp_path / "t.zip", {"zeros": bytes(5_000_000)}, method, claimed_size=10)
    with (
        (tmp_path / "t.zip").open("rb") as file,
        pytest.raises(Refused, match="11 bytes or more, but says 10"),
    ):
        Archive(file).read("zeros")


def test_a_member_of_several_frames_is_read_whole(tmp_path: Path) -> None:
    write_zip(tmp_path / "t.zip", {"long": b"one" + b"two"}, frames=2)
    with (tmp_path / "t.zip").open("rb") as file:
        assert Archive(file).read("long") == b"onetwo"


def test_an_archive_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    write_zip(path, {"a": b"1" * 50, "b": b"2" * 50, "c": b"3" * 50}, method=0)
    path.write_bytes(path.read_bytes()[:200])
    with path.open("rb") as file:
        archive = Archive(file)
        assert archive.read("a") == b"1" * 50
        assert archive.read("b") == b"2" * 50
        with pytest.raises(Refused, match="ends in the middle"):
            archive.read("c")
    assert [name for name, _ in refusals(path)] == [""]


def reasons(path: Path) -> list[tuple[str, str, str]]:
    records = list(readers.read(path))
    assert all(isinstance(record, Problem) for record in records)
    return [(record.source, record.where, record.reason) for record in records if isinstance(record, Problem)]


def test_what_no_reader_knows_is_named(tmp_path: Path) -> None:
    root = tmp_path / "given"
    root.mkdir()
    (root / "notes.txt").write_text("hello")
    (root / "broken.json").write_text('{"a": 1,\n "b": }')
    (root / "lines.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    (root / "deep.json").write_text("[" * 5000)
    (root / "empty").write_text("")
    (root / "latin.json").write_bytes(b'{"a": "\xe9"}')
    write_zip(root / "outer.zip", {"inner.zip": b"PK\x03\x04rest"}, method=0)
    (root / "not.zip").write_bytes(b"PK\x03\x04")
    assert {source: (where, reason.partition(":")[0]) for source, where, reason in reasons(root)} == {
        "given/notes.txt": ("", f"in no known format ({KNOWN})"),
        "given/broken.json": ("line 2 column 7", "not JSON"),
        "given/lines.jsonl": ("", f"in no known format ({KNOWN})"),
        "given/deep.json": ("", "not JSON that can be read"),
        "given/empty": ("", "the file is empty"),
        "given/latin.json": ("line 1", "not UTF-8"),
        "given/outer.zip!inner.zip": ("", "an archive inside an archive is not opened"),
        "given/not.zip": (
            "",
            "the archive is damaged (its directory is missing); 0 members are found in what is left",
        ),
    }


def test_a_path_that_is_not_there_and_an_unknown_format(tmp_path: Path) -> None:
    assert [source for source, _, _ in reasons(tmp_path / "nothing.zip")] == ["nothing.zip"]
    with pytest.raises(ValueError, match=f"unknown format 'x'; known are {KNOWN}"):
        list(readers.read(tmp_path, format="x"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": "NaN", "b": "-Infinity", "c": "inf"}),
        (b'{"a": "x\\u0000y\\ud800z"}', {"a": "x\ufffdy\ufffdz"}),
        (b'["\\u0000"]', ["\ufffd"]),
        (b"[NaN, 1000000000000000000000000000000, 7]", ["NaN", "1000000000000000000000000000000", 7]),
        (b"[18446744073709551615, 18446744073709551616]", [2**64 - 1, "18446744073709551616"]),
        (b"[-9223372036854775808, -9223372036854775809]", [-(2**63), "-9223372036854775809"]),
        (
            b'{"a": 0.1234567890123456789012, "b": "12345678901234567890123"}',
            {"a": 0.12345678901234568, "b": "12345678901234567890123"},
        ),
        (b"7" * 5000, "7" * 5000),
    ],
)
def test_odd_json_becomes_something_that_can_be_stored(data: bytes, expected: object) -> None:
    assert decode.from_json(data) == expected


def test_times_without_a_zone_are_utc() -> None:
    found = decode.moment("2026-11-20T20:11:18.672954")
    assert found is not None
    assert found.isoformat() == "2026-11-20T20:11:18.672954+00:00"
    assert decode.moment("2025-09-23T08:09:58-04:00") is not None
    assert decode.moment("soon") is None
    assert decode.moment(5) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2025-01-01T00:00:00-14:00", "2025-01-01T14:00:00+00:00"),
        ("2025-01-01T00:00:00+23:59:59.999999", "2024-12-31T00:00:00.000001+00:00"),
        ("0001-01-01T00:00:00+14:00", "None"),
        ("9999-12-31T23:59:59-14:00", "None"),
        ("1899-12-31T23:59:59", "None"),
        ("2201-01-01T00:00:00", "None"),
    ],
)
def test_a_time_is_in_utc_and_near_our_own(written: str, expected: str) -> None:
    found = decode.moment(written)
    assert str(found and found.isoformat()) == expected


def test_a_file_whose_first_line_is_too_long_to_tell_its_format_says_so(tmp_path: Path) -> None:
    (tmp_path / "long.jsonl").write_text('{"a": "' + "x" * 70_000 + '\n{"messages": []}\n')
    (tmp_path / "empty.json").write_bytes(b"")
    records = list(readers.read(tmp_path, limits=Limits(line_bytes=69_000)))
    assert [(record.source.rpartition("/")[2], record.reason) for record in records if isinstance(record, Problem)] == [
        ("empty.json", "the file is empty"),
        ("long.jsonl", "its first line is longer than 69,000 bytes, so its format cannot be told"),
    ]
