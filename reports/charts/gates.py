"""Where the rule gates overrule the judge."""

from __future__ import annotations

from reports.counts import gate_conflicts
from reports.filters import Report
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Gate conflicts"
SUMMARY = "How often the gates turn the judge's answer into the opposite, model by model."
TARGET = "Counted is how often the final verdict is not what the judge said."
ABOUT = ""
WEIGHTING = "Counted over all verdicts that have both a judge and gates; nothing is estimated."
LAYOUT: tuple[str, ...] = ()
MEASURE = "Share"


def columns(report: Report) -> tuple[str, ...]:
    return "Conflict", "Model"


def rows(report: Report) -> list[Row]:
    return gate_conflicts(report)
