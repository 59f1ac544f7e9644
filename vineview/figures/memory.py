"""Memory over time: what was measured beside what the app estimates, and the controllers below.

The estimate (controllers x 20 MB) cannot pass 300 MB however bad things are, so it is drawn as a
thin dashed line that carries the word, and only the measured line meets the threshold limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from vineview.figures.curves import Lines, memory_curves
from vineview.figures.decimate import Line
from vineview.figures.frame import (
    band_shapes,
    cursor_shape,
    empty_label,
    gap_shapes,
    memory_layout,
    top_mb,
)
from vineview.figures.marks import Turn, event_shapes, event_trace, turn_marks
from vineview.figures.theme import Palette, palette
from vineview.figures.wire import dated
from vineview.telemetry.thresholds import Thresholds

__all__ = ["TINT", "Growth", "memory_figure", "memory_spec", "memory_traces"]

TINT = ", tint"
"""Ends the ``uid`` of the area under a line; it has the line's own points."""
_MS_PER_HOUR = 3_600_000.0
_ALONE_MS = 30_000.0  # shown on each side of a single instant


@dataclass(frozen=True, slots=True)
class Growth:
    """A growth rate with its 95 % interval, in MB per hour; since when, if it began late."""

    mb_per_hour: float
    low_mb_per_hour: float | None = None
    high_mb_per_hour: float | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        if self.low_mb_per_hour is None or self.high_mb_per_hour is None:
            return f"{self.mb_per_hour:+.1f} MB/h"
        return (
            f"{self.mb_per_hour:+.1f} MB/h "
            f"(95 %: {self.low_mb_per_hour:+.1f} to {self.high_mb_per_hour:+.1f})"
        )


def memory_figure(
    samples: pd.DataFrame,
    *,
    thresholds: Thresholds | None = None,
    growth: Growth | None = None,
    turns: Sequence[Turn] = (),
    events: pd.DataFrame | None = None,
    cursor_at: datetime | None = None,
    span: tuple[datetime, datetime] | None = None,
    title: str | None = None,
    theme: str = "light",
    max_points: int = 1000,
) -> go.Figure:
    """Draw memory and controllers over time.

    Args:
        samples: Columns ``at`` (aware UTC), ``video_memory_mb``, and if present
            ``estimated_memory_mb`` (MB) and ``video_controllers``. Any order; gaps stay gaps.
        thresholds: Where the bands begin.
        growth: The growth line to draw through the middle of the samples.
        turns: Change points, each marked with its words.
        events: Columns ``at`` and ``kind``, and the kinds' own; see :func:`event_trace`.
        cursor_at: Where the playhead stands, aware UTC.
        span: From when to when the time axis goes; all samples and marks unless told.
        title: A heading inside the figure; none unless told.
        theme: ``"light"`` or ``"dark"``.
        max_points: The most points of any line; extremes are kept.

    Returns:
        A plotly figure, its words under ``layout.meta["summary"]``. Times are UTC; hover shows
        every line at once.

    Raises:
        TelemetryError: If a column is missing.
        UsageError: If the theme is unknown.

    Example:
        >>> at = pd.date_range("2026-01-01", periods=3, freq="30s", tz="UTC")
        >>> samples = pd.DataFrame({"at": at, "video_memory_mb": [90.0, 95.0, 99.0]})
        >>> memory_figure(samples).data[-1].name
        'measured'
    """
    spec = memory_spec(
        memory_curves(samples).lines(max_points=max_points),
        thresholds=thresholds,
        growth=growth,
        turns=turns,
        events=events,
        cursor_at=cursor_at,
        span=span,
        title=title,
        theme=theme,
    )
    return go.Figure(dated(spec))


def memory_spec(
    lines: Lines,
    *,
    thresholds: Thresholds | None = None,
    growth: Growth | None = None,
    turns: Sequence[Turn] = (),
    events: pd.DataFrame | None = None,
    cursor_at: datetime | None = None,
    span: tuple[datetime, datetime] | None = None,
    title: str | None = None,
    theme: str = "light",
) -> dict[str, Any]:
    """The same as :func:`memory_figure` as plain ``data`` and ``layout``, arrays in numpy.

    Widgets send this; validating it each time would cost more than drawing it.

    Args:
        lines: Already cut, as :func:`~vineview.figures.curves.memory_curves` gives them.
        thresholds: As for the figure, like the rest.
        growth: Likewise.
        turns: Likewise.
        events: Likewise.
        cursor_at: Likewise.
        span: Likewise.
        title: Likewise.
        theme: Likewise.
    """
    limits = thresholds or Thresholds()
    colours = palette(theme)
    measured = lines["video_memory_mb"]
    top = top_mb([lines["video_memory_mb"], lines["estimated_memory_mb"]], limits)
    data = memory_traces(lines, colours)
    if growth is not None and measured.y.size > 1:
        data[:0] = _growth(measured, growth, colours)
    shapes = [*band_shapes(limits, top, colours), *gap_shapes(measured, colours)]
    if events is not None and len(events):
        data.append(event_trace(events, colours))
        shapes += event_shapes(events, colours)
    layout = memory_layout(limits, top, colours, title=title)
    start_ms, end_ms = _span_ms(data, span)
    layout["xaxis"]["range"] = [start_ms, end_ms]
    marks, labels = turn_marks(turns, colours, span_ms=(start_ms, end_ms))
    shapes += marks
    layout["annotations"] += labels
    if not measured.y.size:
        layout["annotations"].append(empty_label("No memory was measured", colours))
    if cursor_at is not None:
        shapes.append(cursor_shape(cursor_at, colours))
    layout["meta"] = {"summary": _summary(measured, growth, turns)}
    return {"data": data, "layout": {**layout, "shapes": shapes}}


def memory_traces(lines: Lines, colours: Palette) -> list[dict[str, Any]]:
    """The lines alone as traces; each has a ``uid`` that stays the same at every zoom."""
    data = _measured(lines["video_memory_mb"], colours)
    if lines["estimated_memory_mb"].y.size:
        data.append(_estimate(lines["estimated_memory_mb"], colours))
    if lines["video_controllers"].y.size:
        data += _controllers(lines["video_controllers"], colours)
    return data


def _summary(line: Line, growth: Growth | None, turns: Sequence[Turn]) -> str:
    """The picture in one sentence."""
    if not line.y.size:
        return "Video memory over time: no memory was measured."
    start, end = (datetime.fromtimestamp(float(line.at_ms[place]) / 1000, UTC) for place in (0, -1))
    low, high, last = float(np.nanmin(line.y)), float(np.nanmax(line.y)), float(line.y[-1])
    parts = [
        (
            f"Video memory from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: "
            f"between {low:.0f} and {high:.0f} MB, {last:.0f} MB at the end"
        )
    ]
    parts += [f"growth {growth}"] if growth else []
    parts += [turn.text for turn in turns]
    parts += [f"{len(line.gaps)} stretches without data"] if line.gaps else []
    return "; ".join(parts) + "."


def _span_ms(data: list[dict[str, Any]], span: tuple[datetime, datetime] | None) -> list[float]:
    """Exactly what there is: plotly would add room for marks, and a slider below not match."""
    if span is not None:
        start, end = (at.timestamp() * 1000 for at in span)
    else:
        ends = [trace["x"][place] for trace in data if len(trace["x"]) for place in (0, -1)]
        start, end = (float(min(ends)), float(max(ends))) if ends else (0.0, 0.0)
    return [start, end] if end > start else [start - _ALONE_MS, end + _ALONE_MS]


def _measured(line: Line, colours: Palette) -> list[dict[str, Any]]:
    trace = {
        "type": "scatter",
        "uid": "measured",
        "name": "measured",
        "legendrank": 1,
        "mode": "lines" if line.y.size > 1 else "markers",
        "x": line.at_ms,
        "y": line.y.astype("float32"),
        "line": {"color": colours.measured, "width": 2.2},
        "hovertemplate": "%{y:.1f} MB measured<extra></extra>",
    }
    return _filled(trace, line, colours.measured_fill)


def _estimate(line: Line, colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "uid": "estimate",
        "name": "app's estimate",
        "legendrank": 2,
        "mode": "lines",
        "x": line.at_ms,
        "y": line.y.astype("float32"),
        "line": {"color": colours.estimate, "width": 1.4, "dash": "dash", "shape": "hv"},
        "hovertemplate": "%{y:.0f} MB estimated by the app<extra></extra>",
    }


def _controllers(line: Line, colours: Palette) -> list[dict[str, Any]]:
    trace = {
        "type": "scatter",
        "uid": "controllers",
        "name": "controllers",
        "legendrank": 4,
        "mode": "lines",
        "x": line.at_ms,
        "y": line.y.astype("float32"),
        "yaxis": "y2",
        "line": {"color": colours.controllers, "width": 1.6, "shape": "hv"},
        "hovertemplate": "%{y:.0f} controllers<extra></extra>",
    }
    return _filled(trace, line, colours.controllers_fill)


def _filled(trace: dict[str, Any], line: Line, colour: str) -> list[dict[str, Any]]:
    """The trace, and under it one with a tint. Plotly would tint gaps too: there it is at zero."""
    quiet = {"mode": "lines", "hoverinfo": "skip", "hovertemplate": None, "showlegend": False}
    under = quiet | {"uid": trace["uid"] + TINT, "fill": "tozeroy", "fillcolor": colour}
    under["line"] = trace["line"] | {"width": 0}
    if line.gaps:
        gap = np.flatnonzero(np.isnan(line.y))
        before, after = line.at_ms[gap - 1], line.at_ms[gap + 1]
        under["x"] = np.insert(line.at_ms, [*gap, *(gap + 1)], [*before, *after])
        under["y"] = np.insert(np.nan_to_num(line.y), [*gap, *(gap + 1)], 0.0).astype("float32")
    return [trace | under, trace]


def _growth(line: Line, growth: Growth, colours: Palette) -> list[dict[str, Any]]:
    """The growth line through the middle of the samples, with its interval as a shaded fan."""
    first_ms, last_ms = line.at_ms[[0, -1]]
    since_ms = first_ms if growth.since is None else growth.since.timestamp() * 1000
    since_ms = min(max(since_ms, first_ms), last_ms)
    grew = line.at_ms >= since_ms
    middle_ms, middle_mb = float(np.median(line.at_ms[grew])), float(np.nanmedian(line.y[grew]))
    ends = np.array([since_ms, middle_ms, last_ms])
    hours = (ends - middle_ms) / _MS_PER_HOUR
    common = {"type": "scatter", "mode": "lines", "x": ends, "hoverinfo": "skip"}
    traces = []
    if growth.low_mb_per_hour is not None and growth.high_mb_per_hour is not None:
        rays = [hours * growth.low_mb_per_hour, hours * growth.high_mb_per_hour]
        low, high = middle_mb + np.minimum(*rays), middle_mb + np.maximum(*rays)
        edge = {**common, "line": {"width": 0, "color": colours.growth}, "showlegend": False}
        traces.append({**edge, "y": low, "name": "growth, low", "uid": "growth, low"})
        fill = {"fill": "tonexty", "fillcolor": colours.growth_fill}
        high_edge = {"y": high, "name": "growth, high", "uid": "growth, high"}
        traces.append({**edge, **fill, **high_edge})
    line_look = {"color": colours.growth, "width": 1.8, "dash": "dot"}
    name = f"growth {growth.mb_per_hour:+.1f} MB/h"
    middle = {"uid": "growth", "name": name, "legendrank": 3, "line": line_look}
    return [*traces, {**common, **middle, "y": middle_mb + hours * growth.mb_per_hour}]
