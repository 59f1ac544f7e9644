"""How memory spreads: over levels, over controllers, and over the devices of a fleet.

A fleet is a heat map, devices by time, the worst on top: growth that only some devices have shows
as rows that turn dark, and a release that hurts all shows as a column that does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from vineview.figures.curves import instants_ms
from vineview.figures.decimate import cut, keep_changes
from vineview.figures.plain import figure_of, plain_layout, require, shortened
from vineview.figures.theme import palette
from vineview.figures.wire import stamps
from vineview.telemetry.thresholds import Thresholds

__all__ = ["controllers_figure", "distribution_figure", "fleet_figure"]

_ROW_PX = 22
_MAX_POINTS = 1000
_NAMED = 3
_ALONE_MS = 30_000.0  # around a single sample, each way


def controllers_figure(
    samples: pd.DataFrame,
    *,
    thresholds: Thresholds | None = None,
    title: str | None = None,
    theme: str = "light",
) -> go.Figure:
    """Draw loaded videos against those ready and those on their way, with the cap.

    Controllers that stay above the ready videos are held by nobody, which is what a leak of
    controllers looks like.

    Args:
        samples: Columns ``at`` (aware UTC), ``video_controllers``, and if present
            ``ready_videos``, ``loading_videos`` and ``preloading_queue``; in any order.
        thresholds: For the cap on controllers.
        title: A heading inside the figure.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        TelemetryError: If a column is missing.
        UsageError: If the theme is unknown.
    """
    colours = palette(theme)
    require(samples, "at", "video_controllers", what="samples")
    cap = (thresholds or Thresholds()).max_controllers
    at_ms = instants_ms(samples["at"])
    looks = {
        "video_controllers": ("controllers", colours.controllers, "solid"),
        "ready_videos": ("ready", colours.good, "dash"),
        "loading_videos": ("loading", colours.measured, "dot"),
        "preloading_queue": ("waiting to load", colours.muted, "dashdot"),
    }
    data: list[dict[str, Any]] = []
    peak = 0.0
    for column, (name, colour, dash) in looks.items():
        if column not in samples:
            continue
        values = pd.to_numeric(samples[column], errors="coerce").to_numpy(dtype=float)
        line = keep_changes(cut(at_ms, values, max_points=_MAX_POINTS))
        if not line.y.size:
            continue
        peak = max(peak, float(np.nanmax(line.y))) if column == "video_controllers" else peak
        look = {"line": {"color": colour, "width": 1.8, "dash": dash, "shape": "hv"}}
        hover = {"hovertemplate": f"%{{y:.0f}} {name}<extra></extra>"}
        points = {"x": stamps(line.at_ms), "y": line.y.astype("float32")}
        mode = {"mode": "lines" if line.y.size > 1 else "markers", "marker": {"color": colour}}
        data.append({"type": "scatter", "name": name, **mode, **points, **look, **hover})
    layout = plain_layout(colours, title=title)
    layout |= {"hovermode": "x unified"}
    layout["xaxis"] |= {"type": "date", "title": {"text": "time (UTC)"}}
    if len(at_ms) and at_ms.min() == at_ms.max():
        layout["xaxis"]["range"] = stamps(at_ms[:1] + np.array([-_ALONE_MS, _ALONE_MS]))
    layout["yaxis"] |= {"title": {"text": "videos"}, "rangemode": "tozero"}
    rule = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": cap, "y1": cap}
    layout["shapes"] = [{**rule, "line": {"color": colours.warn, "width": 1, "dash": "4px,3px"}}]
    label = {"xref": "paper", "x": 0.004, "xanchor": "left", "y": cap, "yanchor": "bottom"}
    font = {"size": 10.5, "color": colours.warn}
    layout["annotations"] = [{**label, "text": f"cap {cap}", "showarrow": False, "font": font}]
    over = "above" if peak > cap else "at" if peak == cap else "below"
    summary = f"Controllers over time: at most {peak:.0f}, {over} the cap of {cap}."
    return figure_of(data, layout, colours, summary=summary, empty="No controllers were counted")


def distribution_figure(
    buckets: Iterable[Any],
    *,
    thresholds: Thresholds | None = None,
    title: str | None = None,
    theme: str = "light",
) -> go.Figure:
    """Draw how often memory was how high, as a share of samples, coloured by the thresholds.

    Args:
        buckets: Objects with ``range_start_mb``, ``range_end_mb`` and ``share`` (0-1), as
            ``Analytics.memory_usage.distribution``.
        thresholds: Where memory is high and critical.
        title: A heading inside the figure.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        UsageError: If the theme is unknown.
    """
    colours, limits = palette(theme), thresholds or Thresholds()
    rows = sorted(buckets, key=lambda each: each.range_start_mb)
    starts = np.array([each.range_start_mb for each in rows], dtype=float)
    ends = np.array([each.range_end_mb for each in rows], dtype=float)
    shares = np.array([100 * each.share for each in rows], dtype=float)
    data: list[dict[str, Any]] = []
    groups = (
        ("normal", ends <= limits.high_memory_mb, colours.measured),
        (
            "high",
            (ends > limits.high_memory_mb) & (ends <= limits.critical_memory_mb),
            colours.warn,
        ),
        ("critical", ends > limits.critical_memory_mb, colours.critical),
    )
    for name, wanted, colour in groups:
        if not wanted.any():
            continue
        place = {"x": (starts + ends)[wanted] / 2, "width": (ends - starts)[wanted] * 0.94}
        words = [f"{a:g} to {b:g} MB" for a, b in zip(starts[wanted], ends[wanted], strict=True)]
        look = {"marker": {"color": colour}, "name": name, "text": words, "textposition": "none"}
        hover = {"hovertemplate": "%{text}: %{y:.1f} % of samples<extra></extra>"}
        data.append({"type": "bar", "y": shares[wanted], **place, **look, **hover})
    layout = plain_layout(colours, title=title)
    layout["xaxis"] |= {"title": {"text": "memory (MB)"}, "rangemode": "tozero"}
    layout["yaxis"] |= {"title": {"text": "samples (%)"}, "rangemode": "tozero"}
    summary = ""
    if rows:
        most = int(shares.argmax())
        above = float(shares[starts >= limits.high_memory_mb].sum())
        summary = (
            f"Memory is most often between {starts[most]:g} and {ends[most]:g} MB "
            f"({shares[most]:.0f} % of samples); {above:.0f} % are above "
            f"{limits.high_memory_mb:g} MB."
        )
    return figure_of(data, layout, colours, summary=summary, empty="No memory was measured")


def fleet_figure(
    cells: pd.DataFrame,
    *,
    value: str = "video_memory_mb",
    unit: str = "MB",
    worst: pd.Series | None = None,
    top: int = 30,
    title: str | None = None,
    theme: str = "light",
) -> go.Figure:
    """Draw devices by time as a heat map, the worst device on top.

    Args:
        cells: One row per device and time bucket, columns ``device_id``, ``at`` (the bucket's
            start, aware UTC) and ``value``; a bucket without a row is left blank.
        value: The column to colour by.
        unit: Its unit.
        worst: A number per device (index ``device_id``), such as its growth in MB/h; the highest
            is on top. Each device's highest value unless told.
        top: How many devices to show; the summary says how many there are.
        title: A heading inside the figure.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        TelemetryError: If a column is missing.
        UsageError: If the theme is unknown.
    """
    colours = palette(theme)
    require(cells, "device_id", "at", value, what="cells")
    grid = cells.pivot_table(index="device_id", columns="at", values=value, aggfunc="max")
    rank = grid.max(axis=1) if worst is None else worst.reindex(grid.index)
    order = rank.sort_values(ascending=False, na_position="last", kind="stable").index
    shown = grid.loc[order[:top]].iloc[::-1]  # the first row is drawn lowest
    data: list[dict[str, Any]] = []
    if shown.size:
        at = stamps(instants_ms(pd.Series(shown.columns)))
        colour = {"colorscale": [[0, colours.cold], [0.5, colours.warm], [1, colours.hot]]}
        bar = {"title": {"text": unit}, "thickness": 12, "outlinewidth": 0}
        bar["tickfont"] = {"color": colours.muted, "size": 11}
        heat = {"x": at, "z": shown.to_numpy(dtype="float32"), "colorbar": bar, **colour}
        heat["y"] = [shortened(str(name)) for name in shown.index]
        hover = f"%{{y}}, %{{x}}: %{{z:.0f}} {unit}<extra></extra>"
        gaps = {"xgap": 1, "ygap": 1, "hoverongaps": False}
        data.append({"type": "heatmap", **heat, **gaps, "hovertemplate": hover})
    height = max(200, 90 + _ROW_PX * len(shown) + (28 if title else 0))
    layout = plain_layout(colours, title=title, height=height)
    layout["xaxis"] |= {"type": "date", "title": {"text": "time (UTC)"}, "showgrid": False}
    layout["yaxis"] |= {"type": "category", "automargin": True, "showgrid": False, "dtick": 1}
    said = ", ".join(f"{name} ({rank[name]:,.0f})" for name in order[:_NAMED])
    kind = f"highest {unit}" if worst is None else str(worst.name or "rank")
    count = (
        f"{len(shown)} of {len(grid)} devices" if len(shown) < len(grid) else f"{len(grid)} devices"
    )
    summary = f"Fleet over time, {count}, worst first by {kind}: {said}."
    return figure_of(data, layout, colours, summary=summary, empty="No devices to compare")
