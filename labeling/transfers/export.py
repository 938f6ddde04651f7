"""Labels as JSONL, CSV or Parquet: every one that is asked for, in a file that is written as they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import IO, Any

import orjson

from labeling.models import Campaign, Label, LabelExport, Outcome, Question
from labeling.transfers.exported import TOGETHER, Record, records
from transcripts.downloads.downloads import CANARY, plain
from transcripts.downloads.records import FACTORS

# Of the flat formats, each with the type that Parquet has for it; answers and resolutions follow.
COLUMNS = {
    "label": "int64",
    "campaign": "string",
    "codebook": "string",
    "codebook_version": "int64",
    "rater": "string",
    "created_at": "time",
    "seconds": "double",
    "newest": "bool",
    "purpose": "string",
    "voided": "bool",
    "source": "string",
    "inclusion_probability": "double",
    "wave": "int64",
    "stratum": "string",
    "transcript": "int64",
    "evaluation": "string",
    "synthetic": "bool",
    "model": "string",
    **{name: "bool" if name == "prod" else "string" for name in FACTORS},
    "other_factors": "json",
    "sample_key": "string",
    "text_sha256": "string",
    "text_is_present": "bool",
    "action_answers": "json",
    "evidence": "json",
    "comment": "string",
    "recognised": "string",
}
ANSWER, AGREED, METHOD = "answer.", "resolution.", "resolution_method."
TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
Tell = Callable[[int], None]


def formats() -> list[str]:
    """Those that can be written here."""
    return [name for name in LabelExport.Format.values if name != "parquet" or find_spec("pyarrow")]


def count(campaigns: Sequence[Campaign]) -> int:
    """How many labels an export of these campaigns holds."""
    return Label.objects.filter(item__campaign__in=campaigns).count()


def export(file: IO[bytes], campaigns: Sequence[Campaign], form: str, tell: Tell = lambda rows: None) -> int:
    """Write all labels of the campaigns, in the order in which they were given; the result is how many.

    `tell` is called now and then with how many are written.
    """
    writers = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
    columns = COLUMNS | _asked(campaigns)
    written = 0
    for rows in writers[form](file, records(campaigns), columns):
        written += rows
        tell(written)
    return written


def _asked(campaigns: Sequence[Campaign]) -> dict[str, str]:
    """A column for each question about the transcript, and two for each outcome."""
    editions = {campaign.codebook_version_id for campaign in campaigns}
    questions = Question.objects.filter(version__in=editions, unit=Question.Unit.TRANSCRIPT).order_by("ordinal", "pk")
    columns: dict[str, str] = {}
    for key, kind in questions.values_list("key", "kind"):
        name, type_ = f"{ANSWER}{key}", "double" if kind == Question.Kind.NUMBER else "string"
        # Two editions may ask the same in two ways: then it is a text.
        columns[name] = type_ if columns.get(name, type_) == type_ else "string"
    outcomes = Outcome.objects.filter(version__in=editions).order_by("ordinal", "pk").values_list("key", flat=True)
    for key in dict.fromkeys(outcomes):
        columns |= {f"{AGREED}{key}": "bool", f"{METHOD}{key}": "string"}
    return columns


def _jsonl(file: IO[bytes], found: Iterator[Record], columns: dict[str, str]) -> Iterator[int]:
    while rows := list(islice(found, TOGETHER)):
        for record in rows:
            file.write(orjson.dumps(record | {"canary": CANARY}, option=orjson.OPT_APPEND_NEWLINE))
        yield len(rows)


def _csv(file: IO[bytes], found: Iterator[Record], columns: dict[str, str]) -> Iterator[int]:
    """The canary follows as a line that begins with #, after the number of rows: without it the file is cut off."""
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    written = 0
    while rows := list(islice(found, TOGETHER)):
        for record in rows:
            flat = _flat(record)
            writer.writerow([_cell(flat.get(name)) for name in columns])
        written += len(rows)
        yield len(rows)
    for sentence in (f"{written:,} labels", CANARY):
        writer.writerow([f"# {sentence}"])
    text.flush()
    text.detach()


def _parquet(file: IO[bytes], found: Iterator[Record], columns: dict[str, str]) -> Iterator[int]:
    import pyarrow as pa  # noqa: PLC0415 - slow import
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "string": pa.string(),
        "json": pa.string(),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()], metadata={"canary": CANARY})
    texts = [name for name, kind in columns.items() if kind == "string"]
    with parquet.ParquetWriter(file, schema) as writer:
        while rows := list(islice(found, TOGETHER)):
            flat = [_flat(record) for record in rows]
            for row in flat:
                row.update({name: str(row[name]) for name in texts if row.get(name) is not None})
            writer.write_table(pa.Table.from_pylist(flat, schema=schema))
            yield len(rows)


def _flat(record: Record) -> Record:
    """With a column for every answer; several choices are joined, and lists are written as JSON."""
    flat = {name: record[name] for name in COLUMNS}
    for name in ("other_factors", "action_answers", "evidence"):
        flat[name] = orjson.dumps(record[name]).decode()
    for key, said in record["answers"].items():
        flat[ANSWER + key] = "; ".join(said) if isinstance(said, list) else said
    for key, agreed in record["resolutions"].items():
        flat[AGREED + key], flat[METHOD + key] = agreed["value"], agreed["method"]
    return flat


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return plain(value)
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
