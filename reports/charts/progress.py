"""How far the labeling has come."""

from __future__ import annotations

from reports.counts import progress
from reports.filters import Report
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Labeling progress"
SUMMARY = "How much of the drawn sample is answered and agreed, model by model."
TARGET = "Counted is how much of the sample that was drawn is answered and agreed."
ABOUT = ""
WEIGHTING = "Counted over the drawn sample of the campaign; nothing is estimated."
LAYOUT: tuple[str, ...] = ()
MEASURE = "Share"


def columns(report: Report) -> tuple[str, ...]:
    return "Model", "Step"


def rows(report: Report) -> list[Row]:
    return progress(report)
