"""What a page shows and a snapshot freezes: a chart or a leaderboard with its table, drawing and caption."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from transcripts.listing.filters import LABELS

from .caption import EQUAL_CELLS, outcome_name, sentences
from .charts import CHARTS
from .filters import Report
from .leaderboard import leaderboard
from .rows import Row

LEADERBOARD = "leaderboard"
# What the newest calibration found, of everything that the campaign speaks of.
UNFILTERED = ("classifier", "agreement")


@dataclass(frozen=True)
class Exhibit:
    """Plain values only: rendered from a live report or thawed from a snapshot, it reads the same.

    `rows` are the figures, `below` those of a leaderboard that are not ranked, `filters` what narrows them.
    """

    slug: str
    title: str
    columns: tuple[str, ...]
    rows: list[Row]
    caption: list[str]
    synthetic: bool
    outcome: str
    below: list[Row] = field(default_factory=list)
    conditions: int = 0
    left_out: list[str] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    figure: dict[str, Any] | None = None
    measure: str = "Rate"

    @classmethod
    def of_chart(cls, report: Report, slug: str, at: datetime, *, drawn: bool = True) -> Exhibit:
        chart = CHARTS[slug]
        rows = chart.rows(report)
        return cls(
            slug=slug,
            title=chart.TITLE,
            columns=chart.columns(report),
            measure=chart.MEASURE,
            rows=rows,
            caption=sentences(report.basis, rows, chart.WEIGHTING, at, labels=report.labelled, target=chart.TARGET),
            # Through JSON, so that a live figure is as plain as a frozen one.
            figure=json.loads(chart.figure(rows).to_json()) if rows and drawn else None,
            **_common(report)
            | ({"outcome": chart.ABOUT} if chart.ABOUT else {})
            | ({"filters": []} if slug in UNFILTERED else {}),
        )

    @classmethod
    def of_leaderboard(cls, report: Report, at: datetime) -> Exhibit:
        board = leaderboard(report)
        return cls(
            slug=LEADERBOARD,
            title="Leaderboard",
            columns=("Model",),
            rows=board.ranked,
            below=board.below,
            conditions=board.conditions,
            left_out=board.left_out,
            caption=sentences(report.basis, [*board.ranked, *board.below], EQUAL_CELLS, at, labels=report.labelled),
            **_common(report),
        )

    @classmethod
    def of(cls, report: Report, slug: str, at: datetime) -> Exhibit:
        return cls.of_leaderboard(report, at) if slug == LEADERBOARD else cls.of_chart(report, slug, at)

    def freeze(self) -> dict[str, Any]:
        frozen: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return frozen

    @classmethod
    def thaw(cls, frozen: Mapping[str, Any]) -> Exhibit:
        rows = {name: [Row.thaw(row) for row in frozen.get(name, [])] for name in ("rows", "below")}
        kept = {name: frozen[name] for name in cls.__dataclass_fields__ if name in frozen}
        return cls(**kept | rows | {"columns": tuple(frozen["columns"])})

    @property
    def every_row(self) -> list[Row]:
        return [*self.rows, *self.below]

    @property
    def tiers(self) -> list[str]:
        """Which tiers appear, best first."""
        return [tier for tier in "ABCHN-" if any(row.tier == tier for row in self.every_row)]


def _common(report: Report) -> dict[str, Any]:
    return {
        "synthetic": report.basis.evaluation.synthetic,
        "outcome": outcome_name(report.basis),
        "filters": [
            f"{LABELS[name]}: {value}"
            for name in LABELS
            if name not in ("evaluation", "outcome", "classifier")
            for value in report.chosen.values(name)
            if LABELS[name] not in report.ignored
        ],
    }
