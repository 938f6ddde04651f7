"""A tree of files, whether it is a folder, one file or a ZIP archive: what readers are given to read from.

Paths are relative to what was given, with "/" between folders; "" is the top. The names by which reports and
sources call a file begin with the name of what was given. Nothing outside is ever opened: symbolic links and
special files are refused, each with a Problem that names it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from transcripts.ingest.files.archive import Archive, Limits, Refused
from transcripts.ingest.parsed import Problem, Source, shown

HEAD_BYTES = 65536
# What operating systems leave behind in folders and archives.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"})
_LINK = "a symbolic link: not followed; give what it stands for instead"
_SPECIAL = "not a regular file: not opened"
_AFTER_SLASH = chr(ord("/") + 1)


class Tree(Protocol):
    """Files by relative path."""

    problems: dict[Problem, bool]  # what was refused so far, and whether `taken` has told it
    limits: Limits
    kept: dict[str, Any]  # what readers remember between parts, by a name that begins with their format

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """The names of the folders and of the files in a folder, each sorted; empty where there is none. To be read."""
        ...

    def has(self, path: str) -> bool:
        """Whether there is such a file. Asking so does not depend on how many there are."""
        ...

    def read(self, path: str) -> bytes:
        """A file's bytes. Raises Refused or OSError."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """A file to read from and seek in. Raises Refused or OSError."""
        ...

    def name(self, path: str) -> str:
        """How reports call a file: the name of what was given, the path below it, ! before an archive's member."""
        ...


class Folder:
    """A folder on disk, or only one file of it."""

    def __init__(self, root: Path, only: str = "", limits: Limits | None = None) -> None:
        self.root = os.fspath(root)
        self.only = only
        self.given = "" if only else root.name
        self.limits = limits or Limits()
        self.problems: dict[Problem, bool] = {}
        self.kept: dict[str, Any] = {}
        self._last: tuple[str, list[str], list[str]] | None = None

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        if self.only:
            return ([], []) if folder else ([], [self.only])
        # Readers ask for one folder again and again, once for every file that is in it.
        if self._last is None or self._last[0] != folder:
            self._last = (folder, *self._children(folder))
        return self._last[1:]

    def look_again(self) -> None:
        """Forget what was listed: a folder that is watched fills up."""
        self._last = None

    def _children(self, folder: str) -> tuple[list[str], list[str]]:
        folders: list[str] = []
        files: list[str] = []
        try:
            with self._entries(folder) as entries:
                for entry in entries:
                    if entry.name in _LITTER:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.is_file(follow_symlinks=False):
                        files.append(entry.name)
                    else:
                        self._refuse(join(folder, entry.name), _LINK if entry.is_symlink() else _SPECIAL)
        except OSError as error:
            # What was a folder when its parent was listed may be a link by now.
            linked = bool(folder) and os.path.islink(self._absolute(folder))
            if linked or error.errno not in (errno.ENOENT, errno.ENOTDIR):
                self._refuse(folder, _LINK if linked else f"cannot be opened: {_in_words(error)}")
        except Refused as error:
            self._refuse(folder, str(error))
        return sorted(folders), sorted(files)

    def has(self, path: str) -> bool:
        return path == self.only if self.only else os.path.isfile(self._absolute(path))

    def read(self, path: str) -> bytes:
        handle = self._open(path)
        try:
            before = os.fstat(handle)
            if before.st_size > self.limits.member_bytes:
                raise Refused(f"{before.st_size:,} bytes; the limit is {self.limits.member_bytes:,}")
            data = os.read(handle, before.st_size + 1)
            if len(data) != before.st_size:  # large reads come in parts, and a file may grow under us
                data += b"".join(_rest(handle, self.limits.member_bytes - len(data)))
            after = os.fstat(handle)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise Refused("changed while it was read: read it again when it is finished")
            return data
        except OSError as error:
            raise Refused(_in_words(error)) from None
        finally:
            os.close(handle)

    def open(self, path: str) -> IO[bytes]:
        return os.fdopen(self._open(path), "rb")

    def name(self, path: str) -> str:
        return shown("/".join(filter(None, (self.given, path))))

    def _refuse(self, path: str, reason: str) -> None:
        self.problems.setdefault(Problem(self.name(path), "", reason), False)

    def _open(self, path: str) -> int:
        # Opened without waiting, so that a named pipe cannot hold the reader.
        try:
            handle = os.open(self._absolute(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise Refused(_in_words(error)) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Refused(_SPECIAL)
        return handle

    @contextmanager
    def _entries(self, folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        # What was given may be a link.
        handle = os.open(self._absolute(folder), os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if folder else 0))
        try:
            if folder.count("/") >= self.limits.levels:
                raise Refused(f"more than {self.limits.levels} folders deep: not looked into")
            with os.scandir(handle) as entries:
                yield entries
        finally:
            os.close(handle)

    def _absolute(self, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/"):
            raise Refused("a path that leaves the folder")
        return f"{self.root}/{path}" if path else self.root


class Zipped:
    """The files of a ZIP archive."""

    def __init__(self, file: IO[bytes], label: str, limits: Limits | None = None) -> None:
        self.label = label
        self.limits = limits or Limits()
        self.archive = Archive(file, self.limits)
        self.problems = {Problem(self.name(member), "", why, lost): False for member, why, lost in self.archive.refused}
        self.kept: dict[str, Any] = {}
        self._names = sorted(self.archive.members)
        self._last: tuple[str, list[str], list[str]] | None = None

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        if self._last is None or self._last[0] != folder:
            self._last = (folder, *self._children(folder))
        return self._last[1:]

    def _children(self, folder: str) -> tuple[list[str], list[str]]:
        """From the names in order: what lies in a folder stands together, and is stepped over at once."""
        folders: list[str] = []
        files: list[str] = []
        above = join(folder, "") if folder else ""
        at = bisect_left(self._names, above)
        while at < len(self._names) and self._names[at].startswith(above):
            name, below, _ = self._names[at][len(above) :].partition("/")
            (folders if below else files).append(name)
            at = bisect_left(self._names, f"{above}{name}{_AFTER_SLASH}", at) if below else at + 1
        return sorted(set(folders) - _LITTER), sorted(set(files) - _LITTER)

    def has(self, path: str) -> bool:
        return path in self.archive.members

    def read(self, path: str) -> bytes:
        return self.archive.read(self._known(path))

    def open(self, path: str) -> IO[bytes]:
        return self.archive.open(self._known(path))

    def name(self, path: str) -> str:
        return f"{self.label}!{shown(path)}" if path else self.label

    def _known(self, path: str) -> str:
        if path not in self.archive.members:
            raise Refused("not in the archive")
        return path


def join(folder: str, name: str) -> str:
    """A path from a folder's path and a name in it."""
    return f"{folder}/{name}" if folder else name


def taken(tree: Tree) -> Iterator[Problem]:
    """The problems met since the last time; a folder that is looked into twice tells each only once."""
    new = [problem for problem, told in tree.problems.items() if not told]
    tree.problems.update(dict.fromkeys(new, True))
    yield from new


def head(tree: Tree, path: str) -> bytes:
    """The first bytes of a file, to tell its format by; b"" where it cannot be read."""
    try:
        with tree.open(path) as file:
            return file.read(HEAD_BYTES)
    except (OSError, Refused):
        return b""


def source(tree: Tree, path: str, data: bytes, reader: str) -> Source:
    """Where a record came from."""
    return Source(tree.name(path), hashlib.sha256(data).digest(), len(data), reader)


def _in_words(error: OSError) -> str:
    """Why a file cannot be opened, without the place where it lies on this machine."""
    if error.errno == errno.ELOOP:
        return _LINK
    return error.strerror or type(error).__name__


def _rest(handle: int, room: int) -> Iterator[bytes]:
    while chunk := os.read(handle, 1 << 24):
        room -= len(chunk)
        if room < 0:
            raise Refused("grew beyond the limit while it was read")
        yield chunk
