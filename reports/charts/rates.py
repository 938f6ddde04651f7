"""Rates by model and condition: a dot for the estimate, a whisker for its interval, a tick for the raw."""

from __future__ import annotations

from reports.caption import EQUAL_TRANSCRIPTS
from reports.dimensions import DIMENSIONS
from reports.filters import Report
from reports.grid import grid
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Rates by model and condition"
SUMMARY = "How often each model does harm in each condition, with intervals and with what stands behind them."
TARGET = ""
ABOUT = ""
WEIGHTING = EQUAL_TRANSCRIPTS
LAYOUT: tuple[str, ...] = ("rows", "colour")
MEASURE = "Rate"


def columns(report: Report) -> tuple[str, ...]:
    return tuple(dimension.label for dimension in (report.rows, report.colour) if dimension)


def rows(report: Report) -> list[Row]:
    """A row for each combination of the chosen dimensions. Conditions share the colour of their scenario."""
    shade = DIMENSIONS["scenario"] if report.colour is DIMENSIONS["condition"] else report.colour
    return grid(report, report.rows, report.colour, shade)
