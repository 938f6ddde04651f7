"""How far people agree, and the classifier with them."""

from __future__ import annotations

from reports.filters import Report
from reports.quality import agreement
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Agreement"
SUMMARY = "How far people agree with each other, with the classifier, and with themselves."
TARGET = (
    "Shown is how far two answers to one transcript agree, as the newest calibration found it: percent agreement, "
    "and beyond chance alpha and AC1."
)
ABOUT = ""
WEIGHTING = (
    "Every transcript weighs by how likely it was to be drawn. "
    "It speaks of all that the campaign speaks of: no filter narrows it."
)
LAYOUT: tuple[str, ...] = ()
MEASURE = "Agreement"


def columns(report: Report) -> tuple[str, ...]:
    return "Coefficient", "Between"


def rows(report: Report) -> list[Row]:
    return agreement(report)
