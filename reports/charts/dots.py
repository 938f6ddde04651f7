"""Dots with whiskers, one line each under the heading of what they share: rates, and differences of rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from labeling.stats.tiers import Tier
from labeling.stats.words import count
from reports.rows import COUNTED, TIER_WORDS, Row, Scale

from . import theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

LINE_HEIGHT = 22
# Above a heading, in lines.
GAP = 0.4
SYMBOLS: Mapping[str, str] = {
    Tier.CORRECTED: "circle",
    Tier.MODELLED: "diamond-open",
    Tier.RAW: "circle-open",
    Tier.HUMAN: "square",
    COUNTED: "diamond",
}


def figure(rows: Sequence[Row]) -> go.Figure:
    import plotly.graph_objects as go  # noqa: PLC0415 - slow import

    lines = _lines(rows)
    places = {line.row: line.place for line in lines if line.row is not None}
    shades = theme.colours([row.colour for row in rows])
    fig = go.Figure(layout={"template": theme.template()})
    _raw_ticks(fig, rows, places)
    _published(fig, rows, places)
    for tier in SYMBOLS:
        for shade in shades:
            chosen = [i for i, row in enumerate(rows) if row.tier == tier and row.colour == shade]
            if chosen:
                # What is not calibrated is grey: nobody should compare it at a glance.
                colour = theme.SOFT if tier == Tier.RAW else shades[shade]
                _marks(fig, rows, places, chosen, tier, colour)
    _words(fig, rows, places)
    _legend(fig, rows, shades)
    _layout(fig, rows, lines)
    return fig


@dataclass(frozen=True)
class _Line:
    """One line of the chart: how far down it stands, its label, and its row (none for a heading)."""

    place: float
    label: str
    row: int | None = None


def _lines(rows: Sequence[Row]) -> list[_Line]:
    lines: list[_Line] = []
    place = 0.0
    for head, members in groupby(enumerate(rows), key=lambda pair: pair[1].names[0]):
        grouped = len(rows[0].names) > 1
        if grouped:
            place += GAP if lines else 0
            lines.append(_Line(place, f"<b>{theme.label(head)}</b>"))
            place += 1
        for index, row in members:
            lines.append(_Line(place, theme.label(row.names[-1]), index))
            place += 1
    return lines


def _raw_ticks(fig: go.Figure, rows: Sequence[Row], places: dict[int, float]) -> None:
    """Where the mark itself is the raw rate it needs no tick."""
    corrected = [i for i, row in enumerate(rows) if row.raw is not None and row.tier != Tier.RAW]
    if corrected:
        fig.add_scatter(
            x=[rows[i].raw for i in corrected],
            y=[places[i] for i in corrected],
            mode="markers",
            marker={"symbol": "line-ns", "size": 13, "line": {"width": 2, "color": theme.SOFT}},
            hoverinfo="skip",
            showlegend=False,
        )


def _published(fig: go.Figure, rows: Sequence[Row], places: dict[int, float]) -> None:
    """Somebody else's figures: hollow stars that no interval belongs to."""
    known = [i for i, row in enumerate(rows) if row.published is not None]
    if known:
        fig.add_scatter(
            x=[rows[i].published for i in known],
            y=[places[i] for i in known],
            mode="markers",
            marker={"symbol": "star-open", "size": 11, "line": {"width": 1.5}, "color": theme.INK},
            hovertext=[theme.label(rows[i].published_words) for i in known],
            hoverinfo="text",
            name="as published",
        )


def _marks(
    fig: go.Figure,
    rows: Sequence[Row],
    places: dict[int, float],
    chosen: list[int],
    tier: str,
    colour: str,
) -> None:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for i in chosen:
        xs += [rows[i].low, rows[i].high, None]
        ys += [places[i], places[i], None]
    fig.add_scatter(
        x=xs,
        y=ys,
        mode="lines",
        line={"color": colour, "width": 2, "dash": "dot" if tier == Tier.MODELLED else "solid"},
        hoverinfo="skip",
        showlegend=False,
    )
    fig.add_scatter(
        x=[rows[i].value for i in chosen],
        y=[places[i] for i in chosen],
        mode="markers",
        marker={
            "symbol": SYMBOLS[tier],
            "size": 10,
            "color": colour,
            "opacity": 1,
            "line": {"width": 2, "color": colour},
        },
        customdata=chosen,
        hovertext=[_hover(rows[i]) for i in chosen],
        hoverinfo="text",
        showlegend=False,
    )


def _hover(row: Row) -> str:
    parts = [
        f"<b>{theme.label(' · '.join(row.names))}</b>",
        theme.label(f"{row.words}, {row.tier_words}"),
        theme.label(f"{count(row.n_transcripts, 'transcript')}, {count(row.n_labels, 'label')}"),
    ]
    if row.raw is not None:
        parts.append(f"raw {row.raw_words}")
    if row.beside:
        parts.append(theme.label(row.beside))
    return "<br>".join(parts)


def _words(fig: go.Figure, rows: Sequence[Row], places: dict[int, float]) -> None:
    """The figures beside the marks, so that nobody has to hover; the page drops them where it is narrow."""
    known = [i for i, row in enumerate(rows) if row.value is not None]
    fig.add_scatter(
        x=[1.0] * len(known),
        xaxis="x2",
        y=[places[i] for i in known],
        mode="text",
        text=[theme.label(rows[i].words) for i in known],
        textposition="middle left",
        textfont={"size": 12, "color": theme.SOFT},
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
        meta="words",
    )
    empty = [i for i, row in enumerate(rows) if row.value is None]
    if empty:
        fig.add_scatter(
            x=[0] * len(empty),
            y=[places[i] for i in empty],
            mode="text",
            text=["no data"] * len(empty),
            textposition="middle right",
            textfont={"size": 12, "color": theme.SOFT},
            hoverinfo="skip",
            showlegend=False,
        )


def _legend(fig: go.Figure, rows: Sequence[Row], shades: dict[str, str]) -> None:
    tiers = {row.tier for row in rows}
    for tier, symbol in SYMBOLS.items():
        if tier in tiers:
            colour = theme.SOFT if tier == Tier.RAW else theme.INK
            marker = {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2, "color": colour}}
            dash = "dot" if tier == Tier.MODELLED else "solid"
            line = {"color": colour, "width": 2, "dash": dash}
            _legend_entry(fig, TIER_WORDS[tier], mode="lines+markers", marker=marker, line=line)
    if any(row.raw is not None and row.tier != Tier.RAW for row in rows):
        tick = {"symbol": "line-ns", "size": 13, "line": {"width": 2, "color": theme.SOFT}}
        _legend_entry(fig, "raw: what the classifier says", mode="markers", marker=tick)
    if 1 < len(shades) <= len(theme.CATEGORIES):
        for name, colour in shades.items():
            _legend_entry(fig, theme.label(name), mode="markers", marker={"size": 10, "color": colour})


def _legend_entry(fig: go.Figure, name: str, **look: Any) -> None:
    fig.add_scatter(x=[None], y=[None], name=name, hoverinfo="skip", **look)


def _layout(fig: go.Figure, rows: Sequence[Row], lines: list[_Line]) -> None:
    fig.update_layout(
        height=round((lines[-1].place + 1) * LINE_HEIGHT) + 110,
        xaxis={"side": "bottom", "domain": [0, 0.8], **_scale(rows)},
        xaxis2={"domain": [0.8, 1], "range": [0, 1], "visible": False, "fixedrange": True},
        yaxis={
            "range": [lines[-1].place + 0.6, -0.6],
            "tickmode": "array",
            "tickvals": [line.place for line in lines],
            "ticktext": [line.label for line in lines],
            "ticklabelstandoff": 6,
            "showgrid": False,
        },
        shapes=[_hairline(line.place) for line in lines if line.row is not None],
    )


def _scale(rows: Sequence[Row]) -> dict[str, Any]:
    """From 0 to the next tenth above all that is drawn; differences from the tenth below to the tenth above, with 0."""
    drawn = [number for row in rows for number in (row.low, row.high, row.raw, row.published) if number is not None]
    top = min(1.0, int(max(drawn, default=1) * 10 + 0.999) / 10) or 0.1
    if any(row.scale == Scale.COEFFICIENT for row in rows):
        return {
            "range": [min(0.0, *drawn, 0.0) - 0.02, 1.02],
            "tickformat": ".1f",
            "title": {"text": "agreement", "standoff": 6},
        }
    if not any(row.scale == Scale.DIFFERENCE for row in rows):
        return {"range": [-0.015 * top, 1.02 * top], "tickformat": ".0%", "title": {"text": "rate", "standoff": 6}}
    bottom = max(-1.0, -int(-min(drawn, default=-1) * 10 + 0.999) / 10)
    top, bottom = max(top, 0.1), min(bottom, -0.1)
    return {
        "range": [1.04 * bottom, 1.04 * top],
        "tickformat": "+.0%",
        "zeroline": True,
        "zerolinecolor": theme.SOFT,
        "zerolinewidth": 1,
        "title": {"text": "difference, in percentage points", "standoff": 6},
    }


def _hairline(place: float) -> dict[str, Any]:
    """Leads the eye from the label to the mark."""
    line = {"color": theme.LINE, "width": 1, "dash": "dot"}
    return {
        "type": "line",
        "xref": "x domain",
        "x0": 0,
        "x1": 1,
        "y0": place,
        "y1": place,
        "layer": "below",
        "line": line,
    }
