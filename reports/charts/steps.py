"""How far it went: considered, drafted, done."""

from __future__ import annotations

from reports.answers import steps
from reports.filters import Report
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Considered, drafted, done"
SUMMARY = "How far each model went: the share that considered harm, that drafted it, and that did it."
TARGET = (
    "Estimated is the share of transcripts of which a panel of raters would say that the harm was "
    "considered at least, drafted at least, or done."
)
ABOUT = "how far it went"
WEIGHTING = (
    "Shares come from people's labels alone, weighted by how likely each transcript was to be drawn. "
    "Each step holds those after it."
)
LAYOUT: tuple[str, ...] = ()
MEASURE = "Share"


def columns(report: Report) -> tuple[str, ...]:
    return "Model", "Step"


def rows(report: Report) -> list[Row]:
    return steps(report)
