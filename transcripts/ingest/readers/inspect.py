"""Reads logs of Inspect (inspect.aisi.org.uk): `.eval` archives, sample by sample, and `.json` files.

A log names its task, its model and how often each sample is repeated (epochs); a sample's key is made of the
log's id, the sample's id and the epoch, so that the same log as `.eval` and as `.json` is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from transcripts.ingest.files.archive import Archive, Refused
from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.files.tree import Tree, source
from transcripts.ingest.parsed import Condition, Ignored, Planned, Problem, Record, Source, Transcript
from transcripts.ingest.readers.chat import UNFILLED, UNFILLED_REASON
from transcripts.ingest.readers.inspect_log import Log, log_from
from transcripts.ingest.readers.inspect_sample import member_source, transcript

FORMAT = "inspect"

_ZIP = b"PK\x03\x04"
_HEADERS = ("header.json", "_journal/start.json")
# Parts of an archive that repeat what samples and header say.
_DERIVED = ("summaries.json", "reductions.json", "_journal/")
# Parts of a log that are read; the others are about the run, not about a sample, and told as ignored.
_LOG_FIELDS = frozenset({"version", "status", "eval", "samples", "error"})
_NEWEST = 3  # of the versions of the format that are known


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """An archive with the members of a log, whole or cut off, or a JSON document that begins like one."""
    if start.startswith(_ZIP):
        first = start[30 : 30 + int.from_bytes(start[26:28], "little")]
        return (
            first in (b"header.json", b"_journal/start.json") or first.startswith(b"samples/") or _lists_log(tree, path)
        )
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"eval"' in start and b'"task"' in start


def read(tree: Tree, path: str) -> Iterator[Record]:
    """Every sample of a log, then how many it planned."""
    progress = _Progress(tree.name(path))
    try:
        with tree.open(path) as file:
            if file.read(4) == _ZIP:
                yield from _archive(tree, path, file, progress)
            else:
                yield from _document(tree, path, progress)
    except (OSError, Refused) as error:
        yield Problem(tree.name(path), "", f"cannot be read: {error}")
    yield from progress.warnings()
    yield from progress.planned()


@dataclass
class _Progress:
    """What has been seen of one log."""

    name: str
    log: Log | None = None
    conditions: dict[str, Condition] = field(default_factory=dict)
    distrusted: int = 0
    edited: int = 0
    unfilled: bool = False

    def note(self, sample_id: str, record: Transcript) -> None:
        self.conditions.setdefault(sample_id, record.condition)
        self.distrusted += sum(verdict.raw.get("distrusted") is True for verdict in record.verdicts)
        self.edited += any(verdict.raw.get("history") for verdict in record.verdicts)
        self.unfilled = self.unfilled or UNFILLED in record.system

    def warnings(self) -> Iterator[Problem]:
        if self.log and self.log.unfinished:
            reason = f"{self.log.unfinished}: the samples that it had made are read"
            yield Problem(self.name, "status", reason, lost=False)
        if self.edited:
            reason = f"scores of {self.edited:,} samples were changed after the run: the changed ones are read"
            yield Problem(self.name, "scores.history", reason, lost=False)
        if self.unfilled:
            yield Problem(self.name, "system prompt", UNFILLED_REASON, lost=False)
        if self.log and self.log.hides_grader_errors:
            reason = (
                f"task version {self.log.task_version} recorded failures of the grader as not harmful; "
                f"{self.distrusted} such answers were recognised and taken as errors, others may remain"
            )
            yield Problem(self.name, "eval.task_version", reason, lost=False)

    def planned(self) -> Iterator[Planned]:
        if self.log is None:
            return
        wanted = self.log.sample_ids or tuple(self.conditions)
        for sample_id in wanted:
            condition = self.conditions.get(sample_id) or self.log.condition(sample_id, {})
            yield Planned(self.log.model, condition, self.log.epochs, self.log.plan)


def _lists_log(tree: Tree, path: str) -> bool:
    try:
        with tree.open(path) as file:
            members = Archive(file, tree.limits).members
    except (OSError, Refused):
        return False
    return any(header in members for header in _HEADERS)


def _archive(tree: Tree, path: str, file: IO[bytes], progress: _Progress) -> Iterator[Record]:
    name = tree.name(path)
    archive = Archive(file, tree.limits)
    for member, why, lost in archive.refused:
        yield Problem(f"{name}!{member}" if member else name, "", why, lost)
    header: Mapping[str, Any] = {}
    for part in _HEADERS:
        if part in archive.members and not header:
            try:
                loaded = from_json(archive.read(part))
                header = loaded if isinstance(loaded, dict) else {}
                if part != "header.json" and header:
                    header = {"status": "started", **header}
            except (Undecodable, Refused) as error:
                yield Problem(f"{name}!{part}", "", str(error), lost=False)
    progress.log = log = log_from(header, name)
    if not header:
        yield Problem(name, "header.json", "the log has no readable header: task and model are unknown", lost=False)
    yield from _too_new(header, name)
    yield from _unread(header)
    for member in sorted(archive.members, key=_in_order):
        if not member.startswith("samples/"):
            if member not in _HEADERS and not member.startswith(_DERIVED):
                yield Ignored(f"file {member.rpartition('/')[2]}")
            continue
        where = f"{name}!{member}"
        try:
            data = archive.read(member)
            sample = from_json(data)
        except Undecodable as error:
            yield Problem(where, error.where, error.reason)
            continue
        except Refused as error:
            yield Problem(where, "", str(error))
            continue
        yield from _sample(sample, log, member_source(where, data), "", progress)


def _document(tree: Tree, path: str, progress: _Progress) -> Iterator[Record]:
    data = tree.read(path)
    try:
        document = from_json(data)
    except Undecodable as error:
        yield Problem(tree.name(path), error.where, error.reason)
        return
    if not isinstance(document, dict) or not isinstance(document.get("eval"), dict):
        yield Problem(tree.name(path), "eval", "not an Inspect log: it does not say what was evaluated")
        return
    origin = source(tree, path, data, FORMAT)
    progress.log = log = log_from(document, tree.name(path))
    yield from _too_new(document, tree.name(path))
    yield from _unread(document)
    samples = document.get("samples")
    if not isinstance(samples, list):
        yield Problem(tree.name(path), "samples", "the log holds no samples")
        return
    for number, sample in enumerate(samples):
        yield from _sample(sample, log, origin, f"samples[{number}]", progress)


def _too_new(header: Mapping[str, Any], name: str) -> Iterator[Problem]:
    version = header.get("version")
    if isinstance(version, int) and version > _NEWEST:
        reason = f"version {version} of the format is newer than what is known here ({_NEWEST}): fields may be missed"
        yield Problem(name, "version", reason, lost=False)


def _sample(sample: object, log: Log, origin: Source, where: str, progress: _Progress) -> Iterator[Record]:
    try:
        found = transcript(sample, log, origin)
    except ValueError as error:
        yield Problem(origin.path, where, str(error))
        return
    for name in sorted(found.ignored):
        yield Ignored(name)
    for reason in found.odd:
        yield Problem(origin.path, where, reason, lost=False)
    progress.note(found.sample_id, found.record)
    yield found.record


def _unread(header: Mapping[str, Any]) -> Iterable[Ignored]:
    return [Ignored(f"log.{name}") for name, value in header.items() if name not in _LOG_FIELDS and value]


def _in_order(member: str) -> tuple[object, ...]:
    """Samples by id, then by epoch as a number."""
    stem, _, epoch = member.removesuffix(".json").rpartition("_epoch_")
    return stem.rjust(12) if stem.removeprefix("samples/").isdigit() else stem, epoch.rjust(9), member
