"""Transcripts as JSONL, CSV or Parquet: every one that is asked for, in a stream whose memory does not grow."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import orjson

from transcripts.downloads.downloads import CANARY, plain
from transcripts.downloads.records import FACTORS, Record, records
from transcripts.listing.filters import Chosen
from transcripts.models.transcripts import TranscriptQuerySet

PART = 64_000  # characters or bytes that go out together
ROW_GROUP = 5_000
# The columns of the flat formats, each with the type that Parquet has for it.
COLUMNS = {
    "id": "int64",
    "evaluation": "string",
    "synthetic": "bool",
    "model": "string",
    **{name: "bool" if name == "prod" else "string" for name in FACTORS},
    "other_factors": "string",
    "sample_key": "string",
    "status": "string",
    "stop_reason": "string",
    "error": "string",
    "recorded_at": "string",
    "reasoning_origin": "string",
    "outcome": "string",
    "classifier": "string",
    "classifier_version": "string",
    "verdict": "string",
    "final": "bool",
    "judge": "bool",
    "gates_overrule_judge": "bool",
    "did": "string",
    "how_far": "string",
    "wrote_to": "string",
    "outside": "bool",
    "drafts": "int64",
    "labels": "int64",
    "label_state": "string",
    "label_value": "bool",
    "verdicts": "string",
    "deeds": "string",
}
TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def formats() -> list[str]:
    """Those that can be written here."""
    return [name for name in TYPES if name != "parquet" or find_spec("pyarrow")]


def export(wanted: TranscriptQuerySet, chosen: Chosen, form: str, *, texts: bool = False) -> Iterator[bytes]:
    """The transcripts in the order of their ids. `texts`: prompts and messages whole, which only JSONL holds."""
    writers: dict[str, Callable[[Iterator[Record]], Iterator[bytes]]] = {
        "jsonl": _jsonl,
        "csv": _csv,
        "parquet": _parquet,
    }
    return writers[form](records(wanted, chosen, texts=texts and form == "jsonl"))


def _jsonl(records: Iterator[Record]) -> Iterator[bytes]:
    out = bytearray()
    for record in records:
        out += orjson.dumps(record | {"canary": CANARY}, option=orjson.OPT_APPEND_NEWLINE)
        if len(out) > PART:
            yield bytes(out)
            out.clear()
    if out:
        yield bytes(out)


def _flat(record: Record) -> Record:
    return record | {
        "did": "; ".join(record["did"]),
        "wrote_to": "; ".join(record["wrote_to"]),
        **{name: orjson.dumps(record[name]).decode() for name in ("other_factors", "verdicts", "deeds")},
    }


def _csv(records: Iterator[Record]) -> Iterator[bytes]:
    """The canary follows as a line that begins with #, after the number of rows: without it the file is cut off."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = 0
    for rows, record in enumerate(records, start=1):  # noqa: B007
        flat = _flat(record)
        writer.writerow([_cell(flat[name]) for name in COLUMNS])
        if out.tell() > PART:
            yield _taken(out)
    for sentence in (f"{rows:,} transcripts", CANARY):
        writer.writerow([f"# {sentence}"])
    yield _taken(out)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return plain(str(value))


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


def _parquet(records: Iterator[Record]) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {"int64": pa.int64(), "bool": pa.bool_(), "string": pa.string()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()], metadata={"canary": CANARY})
    out = _Sink()
    with parquet.ParquetWriter(out, schema) as writer:
        rows: list[Record] = []
        for record in records:
            rows.append({name: value for name, value in _flat(record).items() if name in COLUMNS})
            if len(rows) == ROW_GROUP:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows = []
                yield out.taken()
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    yield out.taken()


class _Sink(io.RawIOBase):
    """A file that hands on what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def taken(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found
