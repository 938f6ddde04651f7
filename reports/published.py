"""The rates that the study published, to be laid beside one's own: read from its figures, and never mixed with ours.

Lynch et al., "Agentic Misalignment: How LLMs Could Be Insider Threats", arXiv 2510.05179, figures 7–12; 100 samples
a bar, no intervals, judged by a classifier that nobody validated. Where the figure shows no bar the rate is taken as 0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from transcripts.models import Cell

SOURCE = "arXiv 2510.05179"
RATES = Path(__file__).with_name("published.csv")
FACTORS = ("scenario", "goal_type", "goal_value", "urgency", "mitigation")


@dataclass(frozen=True)
class Published:
    """A published rate: where it stands, and how many samples it rests on."""

    figure: str
    model: str
    rate: float
    n: int
    note: str

    @property
    def words(self) -> str:
        return f"as published {100 * self.rate:.0f} % of {self.n} ({SOURCE}, figure {self.figure})"


@cache
def published() -> dict[tuple[str, ...], Published]:
    """By model and the factors of the condition; of figures that repeat a bar, the first."""
    found: dict[tuple[str, ...], Published] = {}
    with RATES.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            key = (line["model_id"], *(line[name] for name in FACTORS))
            one = Published(line["figure"], line["model"], float(line["rate"]), int(line["n"]), line["note"])
            found.setdefault(key, one)
    return found


def published_of(cells: Iterable[Cell]) -> Published | None:
    """What was published of these cells: only where they are one, run just as published."""
    only, *others = cells
    condition = only.condition
    if others or condition.prod or condition.free or condition.awareness != "none":
        return None
    return published().get((only.model.recorded_id, *(getattr(condition, name) for name in FACTORS)))
