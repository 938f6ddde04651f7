"""Figures as CSV that is safe to open in a spreadsheet, and that says what it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

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
)


def as_csv(columns: Sequence[str], rows: Iterable[Row], caption: Iterable[str]) -> str:
    """A table with a head; the caption and the canary follow as lines that begin with #."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*columns, *FIGURES])
    for row in rows:
        figures = [_fraction(number) for number in (row.value, row.low, row.high, row.raw)]
        counts = [
            row.n_transcripts,
            row.n_labels,
            row.n_raters,
            row.n_failed,
            row.n_missing,
            row.n_cells,
        ]
        texts = [row.words, row.tier_words, row.reason, "; ".join(row.remarks), row.target]
        names = [plain(name) for name in row.names]
        writer.writerow([*names, plain(row.rank), *figures, *map(plain, texts), *counts])
    for sentence in (*caption, CANARY):
        writer.writerow([f"# {sentence}"])
    return out.getvalue()


def download(name: str, text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(name) or "figures"}.csv"'
    response["X-Robots-Tag"] = "noindex"
    return response


def _fraction(number: float | None) -> str:
    return "" if number is None else f"{number:.6f}"
