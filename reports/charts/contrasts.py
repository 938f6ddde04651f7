"""What a goal conflict, a threat, a mitigation or a notice changes, model by model."""

from __future__ import annotations

from reports.contrasts import contrasts
from reports.filters import Report
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Contrasts"
SUMMARY = "What a goal conflict, a threat, a mitigation or a notice changes, against the same conditions without it."
TARGET = (
    "Estimated is how much more often a panel of raters would call transcripts positive with the factor "
    "than without it."
)
ABOUT = ""
WEIGHTING = (
    "Each line compares the same conditions with and without one factor, every condition counting equally. "
    "An asterisk marks differences that stand among all that are shown (Benjamini–Hochberg, 5 %)."
)
LAYOUT: tuple[str, ...] = ()
MEASURE = "Difference"


def columns(report: Report) -> tuple[str, ...]:
    return "Factor", "Model"


def rows(report: Report) -> list[Row]:
    return contrasts(report)
