"""Preloads and errors as figures: how many videos loaded, how fast, and why the rest did not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from vineview.figures.memory import instants_ms
from vineview.figures.theme import Palette, palette

__all__ = ["error_figure", "preload_figure"]

_BUCKETS = 60
_MAX_NAME = 60


def preload_figure(
    events: pd.DataFrame, *, title: str | None = None, theme: str = "light"
) -> go.Figure:
    """Draw finished preloads over time: succeeded and failed, stacked, in at most 60 buckets.

    Args:
        events: Columns ``at`` (aware UTC), ``kind`` and ``success``; only ``preload`` rows count.
        title: A heading inside the figure.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        UsageError: If the theme is unknown.
    """
    colours = palette(theme)
    preloads = _preloads(events)
    at_ms = instants_ms(preloads["at"]) if len(preloads) else np.array([])
    data: list[dict[str, Any]] = []
    if at_ms.size:
        edges = np.linspace(at_ms.min(), max(at_ms.max(), at_ms.min() + 1000), _BUCKETS + 1)
        succeeded = preloads["success"].fillna(value=False).astype(bool).to_numpy()
        for name, rows, colour in (
            ("succeeded", succeeded, colours.good),
            ("failed", ~succeeded, colours.critical),
        ):
            counts, _ = np.histogram(at_ms[rows], bins=edges)
            data.append(_bars(name, (edges[:-1] + edges[1:]) / 2, counts, colour))
    layout = _layout(colours, title=title)
    layout |= {"barmode": "stack", "bargap": 0.05, "hovermode": "x unified"}
    layout["xaxis"] |= {"type": "date", "title": {"text": "time (UTC)"}}
    layout["yaxis"] |= {"title": {"text": "finished preloads"}, "rangemode": "tozero"}
    return go.Figure({"data": data, "layout": layout})


def error_figure(
    events: pd.DataFrame, *, top: int = 8, title: str | None = None, theme: str = "light"
) -> go.Figure:
    """Draw the most frequent preload errors as horizontal bars, the most frequent on top.

    Args:
        events: Columns ``at``, ``kind``, ``success`` and ``error``; failed ``preload`` rows count.
        top: How many errors to show.
        title: A heading inside the figure.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        UsageError: If the theme is unknown.
    """
    colours = palette(theme)
    preloads = _preloads(events)
    failed = preloads[~preloads["success"].fillna(value=False).astype(bool)]
    named = failed["error"] if "error" in failed else pd.Series(dtype=object, index=failed.index)
    counts = named.fillna("no message").astype(str).value_counts().head(top).iloc[::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": counts.to_numpy(),
        "y": [_shortened(name) for name in counts.index],
        "marker": {"color": colours.critical},
        "hovertemplate": "%{x} times: %{y}<extra></extra>",
        "showlegend": False,
    }
    layout = _layout(colours, title=title)
    layout["xaxis"] |= {"title": {"text": "failed preloads"}, "rangemode": "tozero"}
    layout["yaxis"] |= {"automargin": True, "showgrid": False}
    return go.Figure({"data": [bars] if len(counts) else [], "layout": layout})


def _preloads(events: pd.DataFrame) -> pd.DataFrame:
    if "kind" not in events:
        return pd.DataFrame({"at": [], "success": []})
    preloads = events[events["kind"] == "preload"]
    if "success" not in preloads:
        preloads = preloads.assign(success=False)
    return preloads


def _bars(name: str, x: np.ndarray[Any, Any], counts: Any, colour: str) -> dict[str, Any]:
    look = {"marker": {"color": colour}, "hovertemplate": f"%{{y}} {name}<extra></extra>"}
    return {"type": "bar", "name": name, "x": x, "y": counts, **look}


def _shortened(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"


def _layout(colours: Palette, *, title: str | None) -> dict[str, Any]:
    axis = {"gridcolor": colours.grid, "linecolor": colours.border, "zeroline": False}
    axis |= {"tickfont": {"color": colours.muted, "size": 11}}
    hover = {"bgcolor": colours.surface, "bordercolor": colours.border}
    heading = {"text": title, "x": 0.01, "font": {"size": 15, "color": colours.text}}
    return {
        "template": {},
        **({"title": heading} if title else {}),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": colours.text},
        "margin": {"l": 56, "r": 14, "t": 56 if title else 28, "b": 44},
        "height": 280,
        "hoverlabel": {**hover, "font": {"color": colours.text, "size": 12}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {**axis},
        "yaxis": {**axis},
    }
