"""Finds what a ZIP archive holds: by the directory at its end, or from its front where the end is missing.

One member after the other, so that a caller who has seen enough stops at once, and nothing is kept that a file made
to harm could multiply. Sizes and places are what the archive says of itself: whoever reads a member checks them.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

LOCAL_HEADER = struct.Struct("<4s5H3I2H")
LOCAL = b"PK\x03\x04"
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_LONGEST_COMMENT = 0xFFFF
_IN_64_BITS = 0xFFFFFFFF  # what stands in the place of a number that follows in 64 bits
_EXTRA_64 = 1
_UTF_8 = 0x800


class Damaged(Exception):
    """The directory cannot be read; the message says why."""


class Member(NamedTuple):
    """A file in an archive: where its packed bytes are, and how large and of what checksum it says that it is."""

    name: str
    header_at: int
    packed: int
    size: int
    method: int
    crc: int


class Listed(NamedTuple):
    """A member with the flags and the Unix mode that the directory gives it."""

    member: Member
    flags: int
    mode: int


def listed(file: IO[bytes]) -> Iterator[Listed]:
    """Every member of the directory. Raises Damaged, also after some."""
    start, size, shift = _directory(file)
    file.seek(start)
    left = size
    while left > 0:
        head = file.read(_ENTRY.size)
        if len(head) < _ENTRY.size or head[:4] != b"PK\x01\x02":
            raise Damaged("its directory is not what it should be")
        _, _, _, flags, method, _, _, crc, packed, size, *lengths, _, _, mode, at = _ENTRY.unpack(head)
        rest = file.read(sum(lengths))
        name, extra = rest[: lengths[0]], rest[lengths[0] : lengths[0] + lengths[1]]
        if _IN_64_BITS in (size, packed, at):
            size, packed, at = _in_64_bits(extra, size, packed, at)
        yield Listed(Member(_name(name, flags), at + shift, packed, size, method, crc), flags, mode >> 16)
        left -= len(head) + len(rest)


def found_in_front(file: IO[bytes]) -> Iterator[Listed]:
    """The members from the front of an archive on, as far as each says where the next one is."""
    at = 0
    while True:
        file.seek(at)
        header = file.read(LOCAL_HEADER.size)
        if len(header) < LOCAL_HEADER.size or header[:4] != LOCAL:
            return
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL_HEADER.unpack(header)
        if flags & 0x8:
            return  # of unknown length: what follows cannot be found
        name = _name(file.read(name_length), flags)
        yield Listed(Member(name or "?", at, packed, size, method, crc), flags, 0)
        at += LOCAL_HEADER.size + name_length + extra_length + packed


def _directory(file: IO[bytes]) -> tuple[int, int, int]:
    """Where the directory begins, how long it is, and by how much everything lies further back than it says."""
    end = file.seek(0, io.SEEK_END)
    tail_at = max(0, end - _END.size - _LONGEST_COMMENT - _LOCATOR_64.size - _END_64.size)
    file.seek(tail_at)
    tail = file.read()
    ends = [match.start() for match in re.finditer(b"PK\x05\x06", tail) if match.start() + _END.size <= len(tail)]
    if not ends:
        raise Damaged("its directory is missing")
    # A comment may look like an end too; the one whose comment ends with the file is it.
    at = next((at for at in ends if at + _END.size + _END.unpack_from(tail, at)[-1] == len(tail)), ends[-1])
    _, _, _, _, _, size, offset, _ = _END.unpack_from(tail, at)
    locator_at = at - _LOCATOR_64.size
    if locator_at >= 0 and tail[locator_at : locator_at + 4] == b"PK\x06\x07":
        at = locator_at - _END_64.size
        if at < 0 or tail[at : at + 4] != b"PK\x06\x06":
            raise Damaged("its directory is missing")
        *_, size, offset = _END_64.unpack_from(tail, at)
    start = tail_at + at - size
    if start < 0:
        raise Damaged("its directory is said to be longer than the archive")
    return start, size, start - offset


def _in_64_bits(extra: bytes, *numbers: int) -> list[int]:
    """The numbers, with those that are written in 64 bits in their places, as far as these are there."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _EXTRA_64:
            written = extra[at + 4 : at + 4 + length]
            values = iter(struct.unpack_from(f"<{len(written) // 8}Q", written))
            return [next(values, number) if number == _IN_64_BITS else number for number in numbers]
        at += 4 + length
    return list(numbers)


def _name(name: bytes, flags: int) -> str:
    # Bytes that are no UTF-8 stay visible, so that two such names stay two.
    return name.decode("utf-8", "backslashreplace") if flags & _UTF_8 or name.isascii() else name.decode("cp437")
