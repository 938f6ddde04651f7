"""What a page or a snapshot shows, as files: an exhibit's figures as CSV or Parquet, all that is shown as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse

from .citation import citation
from .exhibit import Exhibit
from .models import Snapshot
from .parts import Part, exhibits
from .spreadsheet import as_csv, as_json, as_parquet, download, figures, formats

# Of a basis, what leads nowhere but inside.
INSIDE = ("evaluation_id", "classifier_version_id", "campaign_id", "calibration_id")


def deliver(snapshot: Snapshot, parts: Sequence[Part], form: str, number: str) -> HttpResponse | None:
    """A download; None for a form or an exhibit that is not there. Without a number the first exhibit is meant."""
    if form not in formats():
        return None
    if form == "json":
        return download(snapshot.title, as_json(told(snapshot, parts)), form)
    wanted = [part for part in exhibits(parts) if number in ("", str(part.number))]
    if not wanted or wanted[0].exhibit is None:
        return None
    exhibit = wanted[0].exhibit
    write = as_csv if form == "csv" else as_parquet
    caption = [*_retraction(snapshot), *exhibit.caption]
    return download(f"{snapshot.title} {number}", write(exhibit.columns, exhibit.every_row, caption), form)


def live(exhibit: Exhibit, name: str, form: str) -> HttpResponse:
    """What a live page shows, in one of `formats`."""
    if form == "json":
        return download(name, as_json(_exhibit(exhibit)), form)
    write = as_csv if form == "csv" else as_parquet
    return download(name, write(exhibit.columns, exhibit.every_row, exhibit.caption), form)


def told(snapshot: Snapshot, parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "title": snapshot.title,
        "retraction": snapshot.retraction_reason,
        "note": snapshot.note,
        "citation": citation(snapshot) if snapshot.published_at else "",
        "sha256": snapshot.fingerprint,
        "parts": [_part(part) for part in parts],
    }


def _part(part: Part) -> dict[str, Any]:
    exhibit = part.exhibit
    if exhibit is None:
        return {"text": part.text}
    return _exhibit(exhibit) | {
        "basis": {name: value for name, value in part.basis.items() if name not in INSIDE},
        "examples": [
            {"row": list(shown.row.names), "excerpts": shown.example.excerpts}
            | ({"transcript": shown.example.text} if shown.whole else {})
            for shown in part.examples
        ],
    }


def _exhibit(exhibit: Exhibit) -> dict[str, Any]:
    return {
        "exhibit": exhibit.title,
        "outcome": exhibit.outcome,
        "synthetic": exhibit.synthetic,
        "caption": exhibit.caption,
        "filters": exhibit.filters,
        "columns": list(exhibit.columns),
        "rows": [{"names": list(row.names)} | figures(row) for row in exhibit.every_row],
    }


def _retraction(snapshot: Snapshot) -> list[str]:
    retracted = snapshot.state == Snapshot.State.RETRACTED
    return [f"RETRACTED: {snapshot.retraction_reason}"] if retracted else []
