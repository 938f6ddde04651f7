"""The factors of a cell's condition, as the list's filters name and spell them."""

from __future__ import annotations

from transcripts.listing.filters import CELL_LOOKUPS
from transcripts.models import Cell

FACTORS = tuple(name for name in CELL_LOOKUPS if name not in ("evaluation", "model", "condition"))


def factor(cell: Cell, name: str) -> str:
    value = getattr(cell.condition, name)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def condition_filters(cell: Cell) -> dict[str, str]:
    """The filters that choose the cell's condition and no other."""
    if cell.condition.free:
        return {"condition": str(cell.condition_id)}
    return {name: factor(cell, name) for name in FACTORS}
