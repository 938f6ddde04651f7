"""What rates are grouped by: the model, the condition, or one factor of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from transcripts.listing.factors import FACTORS, condition_filters, factor
from transcripts.listing.filters import LABELS
from transcripts.models import Cell


@dataclass(frozen=True)
class Dimension:
    """One way to tell cells apart: how a cell's value is named, ordered, and found in the transcript list."""

    name: str
    label: str
    words: Callable[[Cell], str]
    order: Callable[[Cell], tuple[str, ...]]
    filters: Callable[[Cell], Mapping[str, str]]


def _order(cell: Cell, name: str) -> str:
    """The plain form comes first, as what the others are compared with."""
    value = factor(cell, name)
    return "" if value in ("none", "no") else value


def _of_factor(name: str) -> Dimension:
    def words(cell: Cell) -> str:
        value = factor(cell, name)
        return value if name == "scenario" else f"{LABELS[name].lower()}: {value}"

    return Dimension(
        name=name,
        label=LABELS[name],
        words=words,
        order=lambda cell: (_order(cell, name),),
        filters=lambda cell: {name: factor(cell, name)},
    )


def _condition_order(cell: Cell) -> tuple[str, ...]:
    return (*(_order(cell, name) for name in FACTORS), str(sorted(cell.condition.free.items())))


DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension(
            "model",
            "Model",
            lambda cell: str(cell.model),
            lambda cell: (cell.model.recorded_id,),
            lambda cell: {"model": cell.model.recorded_id},
        ),
        Dimension("condition", "Condition", lambda cell: str(cell.condition), _condition_order, condition_filters),
        *map(_of_factor, FACTORS),
    )
}
