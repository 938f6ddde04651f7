"""Figures as CSV that is safe to open in a spreadsheet, as JSON and as Parquet; each says what it is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from django.http import HttpResponse
from django.utils.text import slugify

from transcripts.downloads.downloads import CANARY, plain

from .rows import Row

FIGURES = (
    "rank",
    "rate",
    "low",
    "high",
    "raw_rate",
    "in_words",
    "tier",
    "reason",
    "remarks",
    "target",
    "transcripts",
    "labels",
    "raters",
    "failed",
    "never_came",
    "cells",
    "scale",
    "p_adjusted",
    # What the study itself published, beside ours and never mixed with it.
    "published_rate",
    "published_words",
)

NUMBERS = ("rate", "low", "high", "raw_rate", "p_adjusted", "published_rate")
COUNTS = ("transcripts", "labels", "raters", "failed", "never_came", "cells")
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def as_csv(columns: Sequence[str], rows: Iterable[Row], caption: Iterable[str]) -> str:
    """A table with a head; the caption and the canary follow as lines that begin with #."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*columns, *FIGURES])
    for row in rows:
        cells = (_cell(name, value) for name, value in figures(row).items())
        writer.writerow([*map(plain, row.names), *cells])
    for sentence in (*caption, CANARY):
        writer.writerow([f"# {sentence}"])
    return out.getvalue()


def as_parquet(columns: Sequence[str], rows: Iterable[Row], caption: Iterable[str]) -> bytes:
    """The columns of the CSV with their types; the caption and the canary are the file's metadata."""
    import pyarrow as pa  # noqa: PLC0415 - slow import
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {**dict.fromkeys(NUMBERS, pa.float64()), **dict.fromkeys(COUNTS, pa.int64())}
    heads = _distinct(columns)
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in (*heads, *FIGURES)])
    records = [dict(zip(heads, row.names, strict=True)) | figures(row) for row in rows]
    table = pa.Table.from_pylist(records, schema=schema)
    out = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({"canary": CANARY, "caption": "\n".join(caption)}), out)
    return out.getvalue()


def as_json(told: Any) -> str:
    return json.dumps({"canary": CANARY} | told, ensure_ascii=False, indent=1)


def figures(row: Row) -> dict[str, Any]:
    """A row's figures by the names of FIGURES, as plain values; its own names stand beside them."""

    def rounded(number: float | None) -> float | None:
        return None if number is None else round(number, 6)

    return dict(
        zip(
            FIGURES,
            (
                row.rank,
                *map(rounded, (row.value, row.low, row.high, row.raw)),
                *(row.words, row.tier_words, row.reason, "; ".join(row.remarks), row.target),
                *(row.n_transcripts, row.n_labels, row.n_raters, row.n_failed, row.n_missing, row.n_cells),
                *(str(row.scale), row.p, rounded(row.published), row.published_words),
            ),
            strict=True,
        )
    )


def formats() -> list[str]:
    """Those that can be written here."""
    return [form for form in TYPES if form != "parquet" or find_spec("pyarrow")]


def download(name: str, body: str | bytes, form: str = "csv") -> HttpResponse:
    response = HttpResponse(body, content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{slugify(name)[:80] or "figures"}.{form}"'
    response["X-Robots-Tag"] = "noindex"
    return response


def _distinct(columns: Sequence[str]) -> list[str]:
    """A table's own columns beside the figures': names that are there already get a dash."""
    taken = {*FIGURES}
    heads = []
    for column in columns:
        name = column
        while name in taken:
            name += "_"
        taken.add(name)
        heads.append(name)
    return heads


def _cell(name: str, value: Any) -> Any:
    if name == "p_adjusted":  # may be very small
        return "" if value is None else f"{value:.3g}"
    if name in NUMBERS:
        return "" if value is None else f"{value:.6f}"
    return value if name in COUNTS else plain(value)
