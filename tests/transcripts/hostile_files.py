"""Files that were made to harm: how each is made in a folder, and what is to be told of it."""

import os
import socket
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.transcripts.zip_writing import CENTRAL, END, LOCAL, write_zip
from transcripts.ingest import readers
from transcripts.ingest.files.archive import Limits

EMPTY = "the file is empty"
TOO_LONG = "its first line is longer than 268,435,456 bytes, so its format cannot be told"
UNKNOWN = f"in no known format ({', '.join(readers.FORMATS)})"
LIMITS = Limits(members=50, total_bytes=400_000, member_bytes=200_000, ratio_from=20_000)
NOISE = bytes((number * number >> 3) & 255 for number in range(3000))

Told = tuple[str, str, str]
Make = Callable[[Path], None]


def holds(name: str, data: bytes) -> Make:
    def make(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return make


def packs(members: dict[str, bytes], method: int = 0, **lies: Any) -> Make:
    return lambda folder: write_zip(folder / "a.zip", members, method, **lies)


def cut(members: dict[str, bytes], *, by: int) -> Make:
    def make(folder: Path) -> None:
        write_zip(folder / "a.zip", members, 0)
        os.truncate(folder / "a.zip", (folder / "a.zip").stat().st_size - by)

    return make


def patched(members: dict[str, bytes], old: bytes, new: bytes, method: int = 0) -> Make:
    """An archive in which some bytes are others than they should be."""

    def make(folder: Path) -> None:
        write_zip(folder / "a.zip", members, method)
        whole = (folder / "a.zip").read_bytes()
        assert whole.count(old) > 0
        (folder / "a.zip").write_bytes(whole.replace(old, new))

    return make


def written(prefix: bytes = b"", comment: bytes = b"", **fields: Any) -> Make:
    """An archive as Python writes it, with one member of these properties."""

    def make(folder: Path) -> None:
        packed = BytesIO(prefix)
        with zipfile.ZipFile(packed, "a") as archive:
            archive.comment = comment
            member = zipfile.ZipInfo("m")
            for name, value in fields.items():
                setattr(member, name, value)
            archive.writestr(member, "junk")
        (folder / "a.zip").write_bytes(packed.getvalue())

    return make


def entry(name: bytes, at: int, packed: int, size: int, extra: bytes = b"", flags: int = 0) -> bytes:
    fields = (flags, 0, 0, 0, 0, packed, size, len(name), len(extra), 0, 0, 0, 0, at)
    return CENTRAL.pack(b"PK\x01\x02", 45, 45, *fields) + name + extra


def directory(*entries: bytes, body: bytes = LOCAL.pack(b"PK\x03\x04", 20, *[0] * 9)) -> bytes:
    whole = b"".join(entries)
    return body + whole + END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(whole), len(body), 0)


def in_64_bits(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def overlapping() -> bytes:
    """Two members of which the first says that it holds the second."""
    inner = LOCAL.pack(b"PK\x03\x04", 20, *[0] * 7, 1, 0) + b"b"
    outer = LOCAL.pack(b"PK\x03\x04", 20, *[0] * 7, 1, 0) + b"a"
    return directory(entry(b"a", 0, len(inner), len(inner)), entry(b"b", len(outer), 0, 0), body=outer + inner)


def opens_socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(folder)  # the address of a socket is short
        try:
            one.bind("s")
        finally:
            os.chdir(here)


def sparse(folder: Path) -> None:
    (folder / "s.json").write_text("{")
    os.truncate(folder / "s.json", 1 << 40)


def deep(folder: Path) -> None:
    (folder / "/".join(["d"] * 200)).mkdir(parents=True)


MANY = {str(number): b"" for number in range(51)}
_64 = 0xFFFFFFFF
DEEP_NAME = "/".join("d" * 102)
LINK = "a symbolic link: not followed; give what it stands for instead"
SPECIAL = "not a regular file: not opened"
NO_DIRECTORY = "the archive is damaged (its directory is not what it should be)"
SALVAGED = "the archive is damaged (its directory is missing)"
CHECKSUM = "damaged: its content does not have the checksum that the archive gives for it"
OVERLAPS = "overlaps b, which only an archive that was made to harm does"
BRACES = zlib.compress(b"{" * 50, wbits=-15)
ZEROS = len(zlib.compress(bytes(100_000), wbits=-15))

HOSTILE: list[tuple[str, Make, list[Told]]] = [
    # texts
    ("nul", holds("x.json", b'{"a": "\0"}'), [("x.json", "line 1 column 8", "not JSON: Invalid control character at")]),
    (
        "UTF-8 cut off",
        holds("x.json", b'{"a": "\xc3"}'),
        [("x.json", "line 1", "not UTF-8: invalid continuation byte")],
    ),
    ("UTF-16", holds("x.json", '{"a": 1}'.encode("utf-16")), [("x.json", "", UNKNOWN)]),
    ("deep", holds("x.json", b"[" * 100_000), [("x.json", "", "not JSON that can be read: nested too deeply")]),
    (
        "levels",
        holds("x.json", b"[" * 201 + b"]" * 201),
        [("x.json", "", "not JSON that can be read: nested deeper than 200 levels")],
    ),
    ("digits", holds("x.json", b'{"a": ' + b"9" * 100_000 + b"}"), [("x.json", "", UNKNOWN)]),
    ("empty", holds("x.json", b""), [("x.json", "", EMPTY)]),
    ("spaces", holds("x.json", b" " * 100_000), [("x.json", "", UNKNOWN)]),
    # names
    ("a name of two lines", holds("a\nb", b"x"), [("a\\nb", "", UNKNOWN)]),
    ("a name that steers a terminal", holds("\x1b[2Jx", b"x"), [("\\x1b[2Jx", "", UNKNOWN)]),
    ("a name that reads backwards", holds("gpj.\u202exe", b"x"), [("gpj.\\u202exe", "", UNKNOWN)]),
    ("a name that is not UTF-8", holds(os.fsdecode(b"\xff\xfe"), b"x"), [("\\udcff\\udcfe", "", UNKNOWN)]),
    # files
    ("a link", lambda folder: (folder / "l").symlink_to("/etc/passwd"), [("l", "", LINK)]),
    ("a link to a folder", lambda folder: (folder / "l").symlink_to("/etc"), [("l", "", LINK)]),
    ("a link to itself", lambda folder: (folder / "l").symlink_to("l"), [("l", "", LINK)]),
    ("a pipe", lambda folder: os.mkfifo(folder / "p"), [("p", "", SPECIAL)]),
    ("a socket", opens_socket, [("s", "", SPECIAL)]),
    ("a huge file", sparse, [("s.json", "", TOO_LONG)]),
    ("deep folders", deep, [("/".join(["d"] * 100), "", "more than 100 folders deep: not looked into")]),
    # archives
    ("empty", holds("a.zip", directory(body=b"")), [("a.zip", "", "the archive holds no files")]),
    (
        "cut off at once",
        holds("a.zip", b"PK\x03\x04"),
        [("a.zip", "", f"{SALVAGED}; 0 members are found in what is left")],
    ),
    (
        "not a directory",
        holds("a.zip", directory(b"x" * 46)),
        [("a.zip", "", f"{NO_DIRECTORY}; 1 members are found in what is left"), ("a.zip!?", "", EMPTY)],
    ),
    (
        "cut off",
        cut({"a": b"x" * 9, "b": b"x" * 9}, by=121),
        [
            ("a.zip", "", f"{SALVAGED}; 2 members are found in what is left"),
            ("a.zip!a", "", UNKNOWN),
            ("a.zip!b", "", "cannot be read: the archive ends in the middle of this member"),
        ],
    ),
    ("leaves", packs({"../x": b"x"}), [("a.zip!../x", "", "a path that leaves the folder")]),
    ("leaves backwards", packs({"a\\..\\..\\x": b"x"}), [("a.zip!a/../../x", "", "a path that leaves the folder")]),
    ("absolute", packs({"/etc/x": b"x"}), [("a.zip!/etc/x", "", "an absolute path")]),
    ("a drive", packs({"C:\\x": b"x"}), [("a.zip!C:/x", "", "an absolute path")]),
    ("a nul", packs({"a\0b": b"x"}), [("a.zip!a\\x00b", "", "not a file name")]),
    (
        "a long name",
        packs({"x" * 5000: b""}),
        [(f"a.zip!{'x' * 4096}", "", "a name of 5,000 characters; the limit is 4,096")],
    ),
    ("deep", packs({DEEP_NAME: b"x"}), [(f"a.zip!{DEEP_NAME}", "", "more than 100 folders deep")]),
    ("a link", written(external_attr=(stat.S_IFLNK | 0o777) << 16), [("a.zip!m", "", "a symbolic link")]),
    ("encrypted", holds("a.zip", directory(entry(b"m", 0, 0, 0, flags=1))), [("a.zip!m", "", "encrypted")]),
    (
        "LZMA",
        written(compress_type=zipfile.ZIP_LZMA),
        [("a.zip!m", "", "packed with ZIP method 14, which cannot be read")],
    ),
    (
        "a ratio",
        packs({"m": bytes(100_000)}, 8),
        [("a.zip!m", "", f"unpacks to {100_000 // ZEROS} times its size; the limit is 500")],
    ),
    ("large", packs({"m": bytes(200_001)}), [("a.zip!m", "", "200,001 bytes when unpacked; the limit is 200,000")]),
    (
        "large together",
        packs({str(number): bytes(199_999) for number in range(3)}),
        [("a.zip", "", "the archive is not read: 599,997 bytes when unpacked; the limit is 400,000")],
    ),
    ("many", packs(MANY), [("a.zip", "", "the archive is not read: too many members: the limit is 50")]),
    *(
        (
            f"lies {method}",
            packs({"m": NOISE}, method, claimed_size=9),
            [("a.zip!m", "", "cannot be read: unpacks to 10 bytes or more, but says 9")],
        )
        for method in (0, 8, 93)
    ),
    *(
        (
            f"lies the other way {method}",
            packs({"m": b"{" + NOISE}, method, claimed_size=9999),
            [("a.zip!m", "", "cannot be read: unpacks to 3,001 bytes, but says 9,999")],
        )
        for method in (0, 8, 93)
    ),
    (
        "a flipped bit",
        patched({"m": b'{"a": "harmless"}'}, b"harmless", b"harmlesr"),
        [("a.zip!m", "", f"cannot be read: {CHECKSUM}")],
    ),
    (
        "no DEFLATE",
        patched({"m": b"{" * 50}, BRACES, b"\xff" * len(BRACES), 8),
        [("a.zip!m", "", "cannot be read: cannot be unpacked: Error -3 while decompressing data: invalid block type")],
    ),
    ("overlaps", holds("a.zip", overlapping()), [("a.zip!a", "", OVERLAPS), ("a.zip!b", "", EMPTY)]),
    (
        "twice",
        holds("a.zip", directory(entry(b"m", 0, 0, 0), entry(b"m", 0, 0, 0))),
        [("a.zip!m", "", "in the archive more than once; the last one is read"), ("a.zip!m", "", EMPTY)],
    ),
    (
        "huge in 64 bits",
        holds("a.zip", directory(entry(b"m", 0, _64, _64, in_64_bits(1 << 63, 1 << 62)))),
        [("a.zip!m", "", f"{1 << 63:,} bytes when unpacked; the limit is 200,000")],
    ),
    (
        "far in 64 bits",
        holds("a.zip", directory(entry(b"m", _64, 0, 0, in_64_bits((1 << 64) - 1)))),
        [("a.zip!m", "", "the archive is damaged: it says that this member is outside of it")],
    ),
    (
        "packed in 64 bits",
        holds("a.zip", directory(entry(b"m", 0, _64, 9, in_64_bits(1 << 62)))),
        [("a.zip!m", "", "cannot be read: unpacks to 10 bytes or more, but says 9")],
    ),
    (
        "64 bits that are not there",
        holds("a.zip", directory(entry(b"m", 0, 0, _64, b"\1\0\xff\xff"))),
        [("a.zip!m", "", f"{_64:,} bytes when unpacked; the limit is 200,000")],
    ),
    (
        "an archive in an archive",
        packs({"in.zip": directory(body=b"")}),
        [("a.zip!in.zip", "", "an archive inside an archive is not opened: unpack the outer one")],
    ),
    ("a name that steers a terminal", packs({"\x1b[2J": b"x"}), [("a.zip!\\x1b[2J", "", UNKNOWN)]),
    ("a comment", written(comment=b"PK\x05\x06" * 9), [("a.zip!m", "", UNKNOWN)]),
]
