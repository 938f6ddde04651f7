"""Rows of a chart: an estimate for each combination of two dimensions, and a gap where there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from transcripts.models import Cell

from .dimensions import Dimension
from .filters import Report
from .published import published_of
from .rows import Row

NOT_RUN = "this model was not run in this condition"


def grid(report: Report, down: Dimension, across: Dimension | None, shade: Dimension | None = None) -> list[Row]:
    """Rows in the dimensions' own order, those of one value of `down` together."""
    dimensions = [dimension for dimension in (down, across) if dimension]
    surroundings = report.surroundings
    found: dict[tuple[tuple[str, ...], ...], Row] = {}
    for group in report.estimates.by(lambda cell: tuple(d.order(cell) for d in dimensions)):
        cell = group.cells[0]
        beside = published_of(group.cells) if report.published else None
        row = surroundings.row(
            group,
            tuple(d.words(cell) for d in dimensions),
            colour=shade.words(cell) if shade else "",
            query=report.transcripts(cell, *dimensions),
        )
        if beside:
            row = replace(row, published=beside.rate, published_words=beside.words)
        found[tuple(d.order(cell) for d in dimensions)] = row
    # Every model could have been run in every condition: what was not is said. Two factors need not combine.
    if across and "model" in (down.name, across.name):
        found = _gaps(report.cells, down, across, shade) | found
    return [found[key] for key in sorted(found)]


def _gaps(
    cells: Iterable[Cell], down: Dimension, across: Dimension, shade: Dimension | None
) -> dict[tuple[tuple[str, ...], ...], Row]:
    firsts = {dimension: {dimension.order(cell): cell for cell in cells} for dimension in (down, across)}
    condition = down if across.name == "model" else across
    return {
        (one, other): Row(
            names=(down.words(of_one), across.words(of_other)),
            tier="-",
            words="no data",
            reason=NOT_RUN,
            colour=_shade_of_gap(shade, down, condition, of_one, of_other),
        )
        for one, of_one in firsts[down].items()
        for other, of_other in firsts[across].items()
    }


def _shade_of_gap(shade: Dimension | None, down: Dimension, condition: Dimension, of_one: Cell, of_other: Cell) -> str:
    """The colour of a combination that no cell has: from the cell that stands for its half."""
    if shade is None:
        return ""
    stands_for_condition = of_one if condition is down else of_other
    stands_for_model = of_other if condition is down else of_one
    return shade.words(stands_for_model if shade.name == "model" else stands_for_condition)
