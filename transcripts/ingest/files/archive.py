"""Opens ZIP archives that nobody vouches for: safe names, bounded sizes, Zstandard members, broken ends.

Python before 3.14 cannot read ZIP method 93 (Zstandard), which Inspect logs use, and lists a directory of any length
before it can be asked how long it is. An archive without its directory at the end (a copy that was cut off) is
read from its front, as far as it goes.
"""

from __future__ import annotations

import io
import stat
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import IO, Any, cast

import zstandard

from transcripts.ingest.files.zip_directory import LOCAL, LOCAL_HEADER, Damaged, Listed, Member, found_in_front, listed

STORED, DEFLATED, ZSTANDARD = 0, 8, 93
_CHUNK = 1 << 20
_BUFFER = 1 << 16
_LONGEST_NAME = 4096  # characters
# The most that is kept in memory of a member that is sought in; the rest is in a temporary file.
_SPOOLED = 16 << 20


class Refused(Exception):
    """An archive or one of its members is not read; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read of an archive, or of a folder."""

    members: int = 2_000_000
    total_bytes: int = 64 << 30  # with what archives inside of the archive hold
    member_bytes: int = 1 << 30
    line_bytes: int = 256 << 20  # of JSON Lines, whether in an archive or not
    ratio: int = 500  # unpacked to packed, of members above `ratio_from`; DEFLATE cannot exceed 1,032
    ratio_from: int = 16 << 20
    levels: int = 100  # of folders


class Archive:
    """The files of a ZIP archive. `refused` says which members are left out, and why."""

    def __init__(self, file: IO[bytes], limits: Limits | None = None) -> None:
        self.file = file
        self.limits = limits or Limits()
        self.members: dict[str, Member] = {}
        self.refused: list[tuple[str, str, bool]] = []  # name, reason, whether something is lost by it
        self.total = 0
        self.inside: dict[str, int] = {}  # the totals of archives that are members, by name
        self._end = file.seek(0, io.SEEK_END)
        try:
            self._list(listed(file))
        except Damaged as error:
            self.members, self.refused = {}, []
            found = self._list(found_in_front(file))
            reason = f"the archive is damaged ({error}); {found:,} members are found in what is left"
            self.refused.insert(0, ("", reason, not found))
        if not self.members and not self.refused:
            self.refused.append(("", "the archive holds no files", False))

    def read(self, name: str) -> bytes:
        """A member, unpacked. Raises Refused where it is broken or not what it says."""
        whole = io.BytesIO()  # which hands out what it holds without a copy
        for chunk in self.chunks(self.members[name]):
            whole.write(chunk)
        return whole.getvalue()

    def open(self, name: str) -> IO[bytes]:
        """A member to read as it is unpacked, or to seek in. What `read` raises, reading raises, at the end too."""
        return io.BufferedReader(_Unpacked(self, self.members[name]), _BUFFER)

    def chunks(self, member: Member) -> Iterator[bytes]:
        """A member's bytes, none of them empty, compared with what the archive says of them."""
        unpack = {STORED: _stored, DEFLATED: _inflated, ZSTANDARD: _zstandard}[member.method]
        size = crc = 0
        try:
            for chunk in unpack(_Packed(self.file, self._content_at(member), member.packed)):
                size += len(chunk)
                if size > member.size:
                    raise Refused(f"unpacks to {member.size + 1:,} bytes or more, but says {member.size:,}")
                crc = zlib.crc32(chunk, crc)
                if chunk:
                    yield chunk
        except (zlib.error, zstandard.ZstdError) as error:
            raise Refused(f"cannot be unpacked: {error}") from None
        if size < member.size:
            raise Refused(f"unpacks to {size:,} bytes, but says {member.size:,}")
        if crc != member.crc:
            raise Refused("damaged: its content does not have the checksum that the archive gives for it")

    def _content_at(self, member: Member) -> int:
        self.file.seek(member.header_at)
        header = self.file.read(LOCAL_HEADER.size)
        if len(header) < LOCAL_HEADER.size or header[:4] != LOCAL:
            raise Refused("the archive is damaged: no member where its directory says")
        name_length, extra_length = LOCAL_HEADER.unpack(header)[9:]
        return int(member.header_at + LOCAL_HEADER.size + name_length + extra_length)

    def _list(self, entries: Iterable[Listed]) -> int:
        """Takes what is safe; how many entries there were."""
        count = 0
        for count, entry in enumerate(entries, 1):
            if count > self.limits.members:
                raise Refused(f"too many members: the limit is {self.limits.members:,}")
            self._admit(entry)
        self._refuse_overlapping()
        self.total = sum(member.size for member in self.members.values())
        self._refuse_total(self.total)
        outer = getattr(self.file, "raw", None)
        if isinstance(outer, _Unpacked):
            outer.archive.hold(outer.member.name, self.total)
        return count

    def hold(self, name: str, total: int) -> None:
        """Take note of how much an archive that is a member unpacks to. Raises Refused where all is too much."""
        self.inside[name] = total
        self._refuse_total(self.total + sum(self.inside.values()))

    def _refuse_total(self, total: int) -> None:
        if total > self.limits.total_bytes:
            raise Refused(f"{total:,} bytes when unpacked; the limit is {self.limits.total_bytes:,}")

    def _admit(self, entry: Listed) -> None:
        member = entry.member._replace(name=entry.member.name.replace("\\", "/"))
        name = member.name
        if name.endswith("/"):
            return  # a folder
        reason = self._unsafe_name(name) or self._unsafe_size(member.packed, member.size)
        if stat.S_ISLNK(entry.mode):
            reason = "a symbolic link"
        elif entry.flags & 0x1:
            reason = "encrypted"
        elif member.method not in (STORED, DEFLATED, ZSTANDARD):
            reason = f"packed with ZIP method {member.method}, which cannot be read"
        elif not 0 <= member.header_at < self._end:
            reason = "the archive is damaged: it says that this member is outside of it"
        if reason:
            self.refused.append((name[:_LONGEST_NAME], reason, True))
            return
        if name in self.members:
            self.refused.append((name, "in the archive more than once; the last one is read", False))
        self.members[name] = member

    def _unsafe_name(self, name: str) -> str:
        if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
            return "an absolute path"
        if ".." in name.split("/"):
            return "a path that leaves the folder"
        if "\0" in name or not name.strip():
            return "not a file name"
        if len(name) > _LONGEST_NAME:
            return f"a name of {len(name):,} characters; the limit is {_LONGEST_NAME:,}"
        if name.count("/") > self.limits.levels:
            return f"more than {self.limits.levels} folders deep"
        return ""

    def _unsafe_size(self, packed: int, size: int) -> str:
        if size > self.limits.member_bytes:
            return f"{size:,} bytes when unpacked; the limit is {self.limits.member_bytes:,}"
        if size > self.limits.ratio_from and size > packed * self.limits.ratio:
            return f"unpacks to {size // max(packed, 1):,} times its size; the limit is {self.limits.ratio}"
        return ""

    def _refuse_overlapping(self) -> None:
        """What is left shares no bytes, so that an archive cannot unpack the same ones over and over."""
        for member, following in pairwise(sorted(self.members.values(), key=attrgetter("header_at"))):
            if member.header_at + LOCAL_HEADER.size + member.packed > following.header_at:
                del self.members[member.name]
                reason = f"overlaps {following.name[:100]}, which only an archive that was made to harm does"
                self.refused.append((member.name, reason, True))


class _Packed:
    """A member's packed bytes, read from wherever others have left the archive's file."""

    def __init__(self, file: IO[bytes], at: int, left: int) -> None:
        self.file = file
        self.at = at
        self.left = left

    def read(self, count: int = _CHUNK) -> bytes:
        if not self.left:
            return b""
        self.file.seek(self.at)
        data = self.file.read(min(count, self.left))
        if not data:
            raise Refused("the archive ends in the middle of this member")
        self.at += len(data)
        self.left -= len(data)
        return data


def _stored(packed: _Packed) -> Iterator[bytes]:
    while chunk := packed.read():
        yield chunk


def _inflated(packed: _Packed) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-15)
    while not unpacker.eof and (chunk := unpacker.unconsumed_tail or packed.read()):
        yield unpacker.decompress(chunk, _CHUNK)
    yield unpacker.flush()


def _zstandard(packed: _Packed) -> Iterator[bytes]:
    # The window bounds the memory that a frame may ask for: 2^27 is what the zstd program itself accepts.
    # Inspect writes a member of more than 200 MB as several frames.
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with unpacker.stream_reader(cast(IO[bytes], packed), read_across_frames=True) as reader:
        while chunk := reader.read(_CHUNK):
            yield chunk


class _Unpacked(io.RawIOBase):
    """A member as a file: unpacked while it is read, and into a temporary file as soon as somebody seeks in it."""

    def __init__(self, archive: Archive, member: Member) -> None:
        self.archive = archive
        self.member = member
        self._at = 0
        self._chunks = archive.chunks(member)
        self._chunk = memoryview(b"")
        self._whole: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._whole:
            self._chunk = memoryview(self._whole.read(len(buffer)))
        elif not self._chunk:
            self._chunk = memoryview(next(self._chunks, b""))
        count = min(len(buffer), len(self._chunk))
        buffer[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset + (0, self._at, self.member.size)[whence]
        if target == self._at:
            return target
        if self._whole is None and target == 0:
            self._chunks, self._chunk = self.archive.chunks(self.member), memoryview(b"")
        else:
            self._whole = self._whole or self._spooled()
            self._whole.seek(target)
        self._at = target
        return target

    def close(self) -> None:
        if self._whole:
            self._whole.close()
        super().close()

    def _spooled(self) -> IO[bytes]:
        self._chunk = memoryview(b"")
        whole = tempfile.SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115, closed with the member
        try:
            for chunk in self.archive.chunks(self.member):
                whole.write(chunk)
        except BaseException:
            whole.close()
            raise
        return whole
