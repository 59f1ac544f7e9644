"""The frame of the plain charts: axes, colours, what an empty one says, and its words.

Every figure carries one sentence for those who do not see it, under ``layout.meta["summary"]``; a
widget reads it out and a report uses it as the picture's text.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from vineview.errors import TelemetryError
from vineview.figures.frame import empty_label
from vineview.figures.theme import Palette

__all__ = ["figure_of", "plain_layout", "require", "shortened", "summary_of"]

_MAX_NAME = 60
_TITLE_PX = 28
_LEGEND_PX = 20


def plain_layout(colours: Palette, *, title: str | None, height: int = 280) -> dict[str, Any]:
    """Axes, legend, hover and margins, without data."""
    axis = {"gridcolor": colours.grid, "linecolor": colours.border, "zeroline": False}
    axis |= {"tickfont": {"color": colours.muted, "size": 11}}
    named = {"title": {"font": {"color": colours.muted, "size": 11.5}}}
    below = {
        "title": {**named["title"], "standoff": 20}
    }  # the ticks' dates have a line of their own
    hover = {"bgcolor": colours.surface, "bordercolor": colours.border}
    heading = {"text": title, "x": 0.01, "font": {"size": 15, "color": colours.text}}
    return {
        "template": {"layout": {"xaxis": below, "yaxis": named}},
        **({"title": heading} if title else {}),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": colours.text},
        "margin": {"l": 56, "r": 14, "t": 28 + (_TITLE_PX if title else 0), "b": 56},
        "height": height,
        "hoverlabel": {**hover, "font": {"color": colours.text, "size": 12}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "yref": "container",  # whatever its height, it never lies over the data
            "y": 1 - (_TITLE_PX / height if title else 0),
            "yanchor": "top",
        },
        "xaxis": {**axis},
        "yaxis": {**axis},
    }


def figure_of(
    data: list[dict[str, Any]],
    layout: dict[str, Any],
    colours: Palette,
    *,
    summary: str,
    empty: str,
) -> go.Figure:
    """The figure with its words; without data it says so instead of showing bare axes.

    Args:
        data: The traces.
        layout: From `plain_layout`.
        colours: The theme's colours.
        summary: The picture in a sentence; left out when there is no data.
        empty: What to say then.
    """
    if not data:
        layout |= {"annotations": [empty_label(empty, colours)], "showlegend": False}
        for name in ("xaxis", "yaxis"):
            layout[name] |= {"visible": False}
    elif not any(map(_is_named, data)) or layout.get("showlegend") is False:
        margin = layout["margin"]
        layout["margin"] = margin | {"t": margin["t"] - _LEGEND_PX}
    layout["meta"] = {"summary": summary if data else f"{empty}."}
    return go.Figure({"data": data, "layout": layout})


def _is_named(trace: dict[str, Any]) -> bool:
    """Whether the legend names it; heat maps have a scale instead."""
    return bool(trace.get("showlegend", trace["type"] != "heatmap"))


def summary_of(figure: go.Figure) -> str:
    """A figure in one sentence, for a screen reader; empty text if it carries none.

    Example:
        >>> summary_of(go.Figure())
        ''
    """
    meta = figure.layout.meta
    return str(meta.get("summary", "")) if isinstance(meta, dict) else ""


def require(frame: Any, *columns: str, what: str) -> None:
    """Refuse a frame that lacks a column.

    Raises:
        TelemetryError: Naming the column and those there are.
    """
    for column in columns:
        if column not in frame:
            raise TelemetryError(
                f"the {what} have no column {column!r}, only {', '.join(map(str, frame))}",
                hint=f"A chart of {what} needs {', '.join(columns)}.",
            )


def shortened(name: str) -> str:
    """A name that leaves room for the chart beside it."""
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
