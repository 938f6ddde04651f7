"""The outcome against what the reasoning says the situation is."""

from __future__ import annotations

from reports.answers import beliefs
from reports.filters import Report
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Stated belief and harm"
SUMMARY = "How often harm was done where the reasoning says that it is a test, that it is real, or neither."
TARGET = (
    "Estimated is the share, among transcripts in which a panel of raters would find this belief stated, "
    "that it would call positive for the outcome."
)
ABOUT = ""
WEIGHTING = (
    "Shares come from people's labels alone, weighted by how likely each transcript was to be drawn. "
    "Each line speaks of the transcripts with that stated belief only: a belief is not assigned at random."
)
LAYOUT: tuple[str, ...] = ()
MEASURE = "Rate"


def columns(report: Report) -> tuple[str, ...]:
    return "Model", "Stated belief"


def rows(report: Report) -> list[Row]:
    return beliefs(report)
