"""Every chart: a module with rows(report), which asks the database, and figure(rows), which only draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from . import agreement, beliefs, classifier, contrasts, course, gates, heatmap, kinds, progress, rates, steps

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reports.filters import Report
    from reports.rows import Row


class Chart(Protocol):
    TITLE: str
    SUMMARY: str
    # What is estimated, and what it is about, where that is no rate of the chosen outcome.
    TARGET: str
    ABOUT: str
    WEIGHTING: str
    # What of the layout can be chosen: rows, colour.
    LAYOUT: tuple[str, ...]
    # What the figures are, for the head of the table.
    MEASURE: str

    def columns(self, report: Report) -> tuple[str, ...]:
        """What the rows' names are, for the head of the table."""

    def rows(self, report: Report) -> list[Row]:
        """The figures, from the database."""

    def figure(self, rows: Sequence[Row]) -> go.Figure:
        """The drawing, from the figures alone."""


CHARTS: dict[str, Chart] = {
    "rates": rates,
    "heatmap": heatmap,
    "contrasts": contrasts,
    "steps": steps,
    "kinds": kinds,
    "beliefs": beliefs,
    "gates": gates,
    "classifier": classifier,
    "agreement": agreement,
    "progress": progress,
    "course": course,
}
