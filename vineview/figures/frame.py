"""The memory chart's frame: axes, threshold bands, gaps and cursor, without the lines.

A threshold far above the data is named at the upper edge instead of stretching the axis to it, so
that a healthy session of 80 MB is still readable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from vineview.figures.decimate import Line
from vineview.figures.theme import Palette
from vineview.telemetry.thresholds import Thresholds

__all__ = [
    "band_shapes",
    "cursor_shape",
    "empty_label",
    "gap_shapes",
    "memory_layout",
    "top_mb",
]

_HEIGHT_PX = 352
_TITLE_PX = 30
_HEADROOM = 1.15
_STEPS = 4
_SEEN_FROM = 0.55  # a threshold is drawn in full once memory passes this share of it
_MAX_GAP_SHADES = 20
_DASH = "4px,3px"


def top_mb(lines: list[Line], limits: Thresholds) -> float:
    """Where the memory axis ends: above the data, and above a threshold once it comes near."""
    highest = max((float(np.nanmax(line.y)) for line in lines if line.y.size), default=0.0)
    top = max(highest * _HEADROOM, 10.0)
    for threshold in (limits.high_memory_mb, limits.critical_memory_mb):
        if highest >= threshold * _SEEN_FROM:
            top = max(top, threshold * 1.12)
    step = 10 ** np.floor(np.log10(top)) / _STEPS
    return float(np.ceil(top / step) * step)  # rounded, so that a live axis rests between steps


def band_shapes(limits: Thresholds, top: float, colours: Palette) -> list[dict[str, Any]]:
    """The threshold bands that lie below ``top``, and the line of the controllers' cap."""
    shapes = []
    bounds = (
        (limits.high_memory_mb, limits.critical_memory_mb, colours.warn, colours.warn_fill),
        (limits.critical_memory_mb, float("inf"), colours.critical, colours.critical_fill),
    )
    for low, high, line, fill in bounds:
        if low >= top:
            continue
        across = {"xref": "paper", "x0": 0, "x1": 1, "yref": "y", "layer": "below"}
        area = {"type": "rect", "y0": low, "y1": min(high, top * 4), "fillcolor": fill}
        shapes.append({**across, **area, "line": {"width": 0}})
        edge = {"type": "line", "y0": low, "y1": low}
        shapes.append({**across, **edge, "line": {"color": line, "width": 1, "dash": _DASH}})
    cap = {"type": "line", "y0": limits.max_controllers, "y1": limits.max_controllers}
    across = {"xref": "paper", "x0": 0, "x1": 1, "yref": "y2", "layer": "below"}
    shapes.append({**across, **cap, "line": {"color": colours.warn, "width": 1, "dash": _DASH}})
    return shapes


def gap_shapes(line: Line, colours: Palette) -> list[dict[str, Any]]:
    """A neutral tint over each of the 20 widest stretches without data."""
    widest = sorted(line.gaps, key=lambda gap: gap[0] - gap[1])[:_MAX_GAP_SHADES]
    down = {"yref": "paper", "y0": 0, "y1": 1, "xref": "x", "layer": "below"}
    look = {"type": "rect", "fillcolor": colours.gap, "line": {"width": 0}, "name": "no data"}
    return [{**down, **look, "x0": start, "x1": end} for start, end in sorted(widest)]


def cursor_shape(at: datetime, colours: Palette) -> dict[str, Any]:
    """The playhead: a rule across both panels."""
    at_ms = at.timestamp() * 1000
    return {
        "type": "line",
        "name": "cursor",
        "xref": "x",
        "x0": at_ms,
        "x1": at_ms,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": colours.text, "width": 1.5},
    }


def empty_label(text: str, colours: Palette) -> dict[str, Any]:
    """What an empty chart says instead of showing bare axes."""
    return {
        "name": "empty",
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "showarrow": False,
        "font": {"size": 14, "color": colours.muted},
    }


def memory_layout(
    limits: Thresholds, top: float, colours: Palette, *, title: str | None
) -> dict[str, Any]:
    """Axes, legend, hover and labels of the two panels, for a memory axis that ends at ``top``."""
    axis: dict[str, Any] = {
        "gridcolor": colours.grid,
        "linecolor": colours.border,
        "tickcolor": colours.border,
        "zeroline": False,
        "tickfont": {"color": colours.muted, "size": 11},
        "title": {"font": {"color": colours.muted, "size": 11.5}, "standoff": 6},
    }
    height = _HEIGHT_PX + (_TITLE_PX if title else 0)
    heading = {"text": title, "x": 0.01, "font": {"size": 15, "color": colours.text}}
    return {
        "template": {},
        **({"title": heading} if title else {}),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": colours.text},
        "margin": {"l": 56, "r": 14, "t": 34 + (_TITLE_PX if title else 0), "b": 56},
        "height": height,
        "hovermode": "x unified",
        "hoversubplots": "axis",  # memory and controllers in one box, wherever one points
        "hoverlabel": {
            "bgcolor": colours.surface,
            "bordercolor": colours.border,
            "font": {"color": colours.text, "size": 12},
        },
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "yref": "container",  # whatever its height, it never lies over the data
            "y": 1 - (_TITLE_PX / height if title else 0),
            "yanchor": "top",
            "font": {"size": 11.5, "color": colours.text},
            "bgcolor": "rgba(0,0,0,0)",
        },
        "dragmode": "zoom",
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": colours.muted,
            "activecolor": colours.measured,
        },
        "uirevision": "vineview",
        "xaxis": {
            **axis,
            "type": "date",
            "anchor": "y2",
            "showgrid": False,
            "ticks": "outside",
            "title": {**axis["title"], "text": "time (UTC)", "standoff": 20},
            "hoverformat": "%Y-%m-%d %H:%M:%S UTC",
        },
        "yaxis": {
            **axis,
            "domain": [0.30, 1],
            "range": [0, top],
            "title": {**axis["title"], "text": "memory (MB)"},
            "hoverformat": ".1f",
            "nticks": 6,
        },
        "yaxis2": {
            **axis,
            "domain": [0, 0.20],
            "range": [0, limits.max_controllers * 1.25],
            "tickvals": [0, limits.max_controllers],
            "title": {**axis["title"], "text": "controllers"},
        },
        "yaxis3": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "annotations": _labels(limits, top, colours),
    }


def _labels(limits: Thresholds, top: float, colours: Palette) -> list[dict[str, Any]]:
    base = {"xref": "paper", "x": 0.004, "xanchor": "left", "showarrow": False}
    labels = []
    bounds = (
        (limits.high_memory_mb, "high", colours.warn),
        (limits.critical_memory_mb, "critical", colours.critical),
    )
    beyond = []
    for limit, word, colour in bounds:
        if limit >= top:
            beyond.append(f"{word} above {limit:g}")
            continue
        font = {"size": 10.5, "color": colour}
        text = f"{word} above {limit:g} MB"
        labels.append(
            {**base, "yref": "y", "y": limit, "yanchor": "bottom", "text": text, "font": font}
        )
    if beyond:
        font = {"size": 10.5, "color": colours.muted}
        text = f"↑ {', '.join(beyond)} MB"
        labels.append(
            {**base, "yref": "y domain", "y": 1, "yanchor": "top", "text": text, "font": font}
        )
    font = {"size": 10.5, "color": colours.warn}
    text = f"cap {limits.max_controllers}"
    place = {"yref": "y2", "y": limits.max_controllers, "yanchor": "bottom"}
    return [*labels, {**base, **place, "text": text, "font": font}]
