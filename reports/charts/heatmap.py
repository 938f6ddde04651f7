"""The same rates as a table of tints: conditions down, models across, with each tier's mark in its field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labeling.stats.tiers import Tier
from labeling.stats.words import count
from reports.caption import EQUAL_TRANSCRIPTS
from reports.dimensions import DIMENSIONS, Dimension
from reports.filters import Report
from reports.grid import grid
from reports.rows import TIER_WORDS, Row

from . import theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

TITLE = "Heat-map of models and conditions"
SUMMARY = "Every cell at a glance: which model does harm in which condition, and which rates can be trusted."
TARGET = ""
ABOUT = ""
WEIGHTING = EQUAL_TRANSCRIPTS
LAYOUT: tuple[str, ...] = ("rows", "colour")
MEASURE = "Rate"
LINE_HEIGHT = 34
# On a phone a condition's name is broken into lines of so many characters, each of this height.
NARROW_NAME = 15
NARROW_LINE = 16
LOOK: dict[str, Any] = {
    "hoverinfo": "text",
    "texttemplate": "%{text}",
    "textfont": {"color": theme.INK},
    "colorscale": [[0, theme.SHEET], [1, theme.CATEGORIES[0]]],
    "zmin": 0,
    # Half the scale: on the deepest tint that is left, text of either theme can still be read.
    "zmax": 2,
    "xgap": 2,
    "ygap": 2,
    "showscale": False,
}
# With more columns than this their names stand on end.
MOST_UPRIGHT = 9
MARKS = {"A": "●", "B": "◇", "C": "○", "H": "■"}


def columns(report: Report) -> tuple[str, ...]:
    down, across = _dimensions(report)
    return down.label, across.label


def rows(report: Report) -> list[Row]:
    return grid(report, *_dimensions(report))


def _dimensions(report: Report) -> tuple[Dimension, Dimension]:
    """Long names stand better down the side, so the rows that were asked for come across."""
    return report.colour or DIMENSIONS["condition" if report.rows.name == "model" else "model"], report.rows


def figure(rows: Sequence[Row]) -> go.Figure:
    import plotly.graph_objects as go  # noqa: PLC0415 - slow import

    down = list(dict.fromkeys(row.names[0] for row in rows))
    across = list(dict.fromkeys(row.names[1] for row in rows))
    place = {row.names: index for index, row in enumerate(rows)}
    fields = [[place.get((one, other)) for other in across] for one in down]
    fig = go.Figure(layout={"template": theme.template()})
    fig.add_heatmap(
        x=list(range(len(across))),
        y=list(range(len(down))),
        z=[[None if i is None else rows[i].value for i in line] for line in fields],
        text=[["" if i is None else _field(rows[i]) for i in line] for line in fields],
        hovertext=[["" if i is None else _hover(rows[i]) for i in line] for line in fields],
        customdata=fields,
        **LOOK,
    )
    fig.update_layout(
        height=len(down) * LINE_HEIGHT + 130,
        margin={"b": 36},
        # Where the page is narrower it scrolls.
        meta={"least": 280 + 76 * len(across), "narrow": _narrow(down, across)},
        xaxis=_across(across),
        yaxis={
            "tickvals": list(range(len(down))),
            "ticktext": [theme.label(name) for name in down],
            "range": [len(down) - 0.5, -0.5],
            "showgrid": False,
            "ticklabelstandoff": 6,
        },
    )
    fig.add_annotation(
        text=_legend(rows),
        xref="paper",
        yref="paper",
        x=0,
        y=0,
        xanchor="left",
        yanchor="top",
        yshift=-8,
        showarrow=False,
        font={"size": 12, "color": theme.SOFT},
    )
    return fig


def _narrow(down: Sequence[str], across: Sequence[str]) -> dict[str, Any]:
    """What a phone shows instead: stacked names, so that rates are in sight before anything is scrolled."""
    names = [theme.wrapped(name, NARROW_NAME) for name in down]
    lines = max((name.count("<br>") + 1 for name in names), default=1)
    line = max(LINE_HEIGHT, lines * NARROW_LINE + 6)
    return {"ticktext": names, "least": 130 + 76 * len(across), "height": len(down) * line + 130}


def _across(names: Sequence[str]) -> dict[str, Any]:
    upright = len(names) <= MOST_UPRIGHT
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [theme.wrapped(name) if upright else theme.label(name) for name in names],
        "tickangle": 0 if upright else -60,
        "side": "top",
        "showgrid": False,
    }


def _legend(rows: Sequence[Row]) -> str:
    tiers = {row.tier for row in rows}
    return " &nbsp; ".join(f"{mark} {TIER_WORDS[Tier(tier)]}" for tier, mark in MARKS.items() if tier in tiers)


def _field(row: Row) -> str:
    if row.value is None:
        return "no data"
    return f"{_rate(row.value, row.low, row.high)} {MARKS.get(row.tier, '')}"


def _rate(value: float, low: float | None, high: float | None) -> str:
    """No rate is known to be 0 or 1: one that would be rounded to it is shown by its limit."""
    rounded = round(100 * value)
    if rounded == 0 and high is not None:
        return f"&lt; {100 * high:.0f} %" if round(100 * high) else "&lt; 1 %"
    if rounded == 100 and low is not None:
        return f"&gt; {100 * low:.0f} %" if round(100 * low) < 100 else "&gt; 99 %"
    return f"{rounded} %"


def _hover(row: Row) -> str:
    said = f"{row.words}, {row.tier_words}" if row.value is not None else "no data"
    name = theme.label(" · ".join(row.names))
    return f"<b>{name}</b><br>{theme.label(said)}<br>{count(row.n_transcripts, 'transcript')}"
