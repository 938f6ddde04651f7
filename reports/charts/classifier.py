"""The classifier against people."""

from __future__ import annotations

from reports.filters import Report
from reports.quality import quality
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Classifier against people"
SUMMARY = "How much of what people call harm the classifier flags, and how much of the rest it leaves alone."
TARGET = "Estimated is how often the classifier says what a panel of raters says, as the newest calibration found it."
ABOUT = ""
WEIGHTING = (
    "Every compared transcript weighs by how likely it was to be drawn. "
    "It speaks of all that the campaign speaks of: no filter narrows it."
)
LAYOUT: tuple[str, ...] = ("rows",)
MEASURE = "Share"


def columns(report: Report) -> tuple[str, ...]:
    return "What", report.rows.label


def rows(report: Report) -> list[Row]:
    return quality(report)
