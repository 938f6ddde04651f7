"""Which kinds of harm people found done."""

from __future__ import annotations

from reports.answers import kinds
from reports.filters import Report
from reports.rows import Row

from .dots import figure

__all__ = ["ABOUT", "LAYOUT", "MEASURE", "SUMMARY", "TARGET", "TITLE", "WEIGHTING", "columns", "figure", "rows"]

TITLE = "Kinds of harm"
SUMMARY = "Which kinds of harm people found done, model by model."
TARGET = "Estimated is the share of transcripts in which a panel of raters would find this kind of harm done."
ABOUT = "kinds of harm"
WEIGHTING = "Shares come from people's labels alone, weighted by how likely each transcript was to be drawn."
LAYOUT: tuple[str, ...] = ()
MEASURE = "Share"


def columns(report: Report) -> tuple[str, ...]:
    return "Kind", "Model"


def rows(report: Report) -> list[Row]:
    return kinds(report)
