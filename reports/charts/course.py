"""How rates differ from evaluation to evaluation."""

from __future__ import annotations

from reports.course import course
from reports.filters import Report
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "From evaluation to evaluation"
SUMMARY = "How the rate of a model changed between evaluations, over the conditions that all of them have."
TARGET = ""
ABOUT = ""
WEIGHTING = (
    "Every condition counts equally. A model is shown over the conditions that all of its evaluations have, of the "
    "twelve newest evaluations."
)
LAYOUT: tuple[str, ...] = ()
MEASURE = "Rate"


def columns(report: Report) -> tuple[str, ...]:
    return "Model", "Evaluation"


def rows(report: Report) -> list[Row]:
    return course(report)
