"""Pictures of a calibration as plain coordinates, which templates draw as SVG. y grows downwards, as on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SIDE = 100.0


@dataclass(frozen=True)
class Area:
    """One cell of the confusion as a rectangle: as wide as what people say is frequent, as high as the
    classifier says it of these."""

    key: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Dot:
    """A share with its interval in a square of 100, from the corner at the bottom left."""

    x: float
    y: float
    low: float
    high: float


def areas(cells: Mapping[str, Mapping[str, float]]) -> list[Area]:
    """The two columns are what people say, positive first; flagged is the upper part of each. All together are 100²."""
    weight = {key: cell["weight"] for key, cell in cells.items()}
    total = sum(weight.values())
    if not total:
        return []
    found, x = [], 0.0
    for upper, lower in (("tp", "fn"), ("fp", "tn")):
        column = weight[upper] + weight[lower]
        if not column:
            continue
        width, height = SIDE * column / total, SIDE * weight[upper] / column
        for key, y, part in ((upper, 0.0, height), (lower, height, SIDE - height)):
            if part:
                found.append(Area(key, *(round(one, 3) for one in (x, y, width, part))))
        x += width
    return found


def line(points: Sequence[Sequence[float]]) -> str:
    """Shares as the points of a polyline."""
    return " ".join(f"{SIDE * x:.2f},{SIDE * (1 - y):.2f}" for x, y in points)


def dots(bins: Sequence[Mapping[str, Any]]) -> list[Dot]:
    """Mean score against share of positives, with its interval."""
    return [
        Dot(
            *(
                round(SIDE * one, 2)
                for one in (b["mean"], 1 - b["rate"], 1 - b["limits"]["low"], 1 - b["limits"]["high"])
            )
        )
        for b in bins
    ]
