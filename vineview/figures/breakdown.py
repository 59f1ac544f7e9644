"""Preloads and errors as figures: how many videos loaded, how fast, and why the rest did not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from vineview.figures.curves import instants_ms
from vineview.figures.plain import figure_of, plain_layout, require, shortened
from vineview.figures.theme import palette
from vineview.figures.wire import stamps

__all__ = ["comparison_figure", "error_figure", "preload_figure"]

_BUCKETS = 60
_GROUP_PX = 34


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
    failures = 0
    if at_ms.size:
        edges = np.linspace(at_ms.min(), max(at_ms.max(), at_ms.min() + 1000), _BUCKETS + 1)
        succeeded = preloads["success"].fillna(value=False).astype(bool).to_numpy()
        failures = int((~succeeded).sum())
        for name, rows, colour in (
            ("succeeded", succeeded, colours.good),
            ("failed", ~succeeded, colours.critical),
        ):
            counts, _ = np.histogram(at_ms[rows], bins=edges)
            data.append(_bars(name, stamps((edges[:-1] + edges[1:]) / 2), counts, colour))
    layout = plain_layout(colours, title=title)
    layout |= {"barmode": "stack", "bargap": 0.05, "hovermode": "x unified"}
    layout["xaxis"] |= {"type": "date", "title": {"text": "time (UTC)"}}
    layout["yaxis"] |= {"title": {"text": "finished preloads"}, "rangemode": "tozero"}
    count = int(at_ms.size)
    rate = (count - failures) / count if count else 0.0
    summary = f"{count} finished preloads, {failures} failed: {rate:.0%} succeeded."
    return figure_of(data, layout, colours, summary=summary, empty="No finished preloads")


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
        "y": [shortened(name) for name in counts.index],
        "marker": {"color": colours.critical},
        "hovertemplate": "%{x} times: %{y}<extra></extra>",
        "showlegend": False,
    }
    layout = plain_layout(colours, title=title)
    layout["xaxis"] |= {"title": {"text": "failed preloads"}, "rangemode": "tozero"}
    layout["yaxis"] |= {"automargin": True, "showgrid": False}
    said = ", ".join(f"{name} ({count} times)" for name, count in counts.iloc[::-1].items())
    return figure_of(
        [bars] if len(counts) else [],
        layout,
        colours,
        summary=f"{len(failed)} failed preloads. Most frequent: {said}.",
        empty="No failed preloads",
    )


def comparison_figure(
    groups: pd.DataFrame, *, by: str = "network", title: str | None = None, theme: str = "light"
) -> go.Figure:
    """Compare networks, platforms, versions or countries: preload success beside median time.

    Args:
        groups: One row per group, columns ``by`` (str), ``total`` (finished preloads), ``failed``
            and ``median_ms`` (median time of the successful ones, may be missing).
        by: The column that names the group.
        title: A heading inside the figure.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        TelemetryError: If a column is missing.
        UsageError: If the theme is unknown.

    Example:
        >>> rows = {"network": ["wifi"], "total": [40], "failed": [2], "median_ms": [310.0]}
        >>> comparison_figure(pd.DataFrame(rows)).layout.meta["summary"]
        'Preloads by network, worst first: wifi 95% of 40 succeeded, median 310 ms.'
    """
    colours = palette(theme)
    require(groups, by, "total", "failed", "median_ms", what="groups")
    rows = groups[groups["total"] > 0].assign(
        rate=lambda frame: 100 * (1 - frame["failed"] / frame["total"])
    )
    rows = rows.sort_values("rate", ascending=False, kind="stable")  # the first row is drawn lowest
    names = [shortened(name) for name in rows[by].fillna("unknown").astype(str)]
    times = pd.to_numeric(rows["median_ms"], errors="coerce").to_numpy(dtype=float)
    data: list[dict[str, Any]] = []
    if names:
        bar = {"type": "bar", "orientation": "h", "y": names}
        rates = {"x": rows["rate"].to_numpy(), "marker": {"color": colours.good}}
        rates["text"] = [f"{each:.0f} %" for each in rows["rate"]]
        rates["customdata"] = rows["total"].to_numpy(dtype=float)
        rates["hovertemplate"] = "%{y}: %{x:.1f} % of %{customdata} preloads<extra></extra>"
        data.append({**bar, **rates, "name": "succeeded (%)", "textposition": "auto"})
        took = {"x": times, "marker": {"color": colours.measured}, "xaxis": "x2"}
        took["text"] = ["" if np.isnan(each) else f"{each:,.0f} ms" for each in times]
        took["hovertemplate"] = "%{y}: %{x:.0f} ms<extra></extra>"
        data.append({**bar, **took, "name": "median time (ms)", "textposition": "auto"})
    height = max(180, 92 + _GROUP_PX * len(names) + (28 if title else 0))
    layout = plain_layout(colours, title=title, height=height)
    layout["xaxis2"] = {**layout["xaxis"], "domain": [0.54, 1], "rangemode": "tozero"}
    layout["xaxis2"] |= {"title": {"text": "median time (ms)"}, "nticks": 4}
    layout["xaxis"] |= {"domain": [0, 0.46], "range": [0, 100]}
    layout["xaxis"] |= {"title": {"text": "succeeded (%)"}}
    layout["yaxis"] |= {"automargin": True, "showgrid": False, "type": "category"}
    layout["showlegend"] = False
    worst_first = zip(names[::-1], rows.iloc[::-1].itertuples(), times[::-1], strict=True)
    said = "; ".join(
        f"{name} {row.rate:.0f}% of {row.total:.0f} succeeded"
        + ("" if np.isnan(ms) else f", median {ms:.0f} ms")
        for name, row, ms in worst_first
    )
    summary = f"Preloads by {by}, worst first: {said}."
    return figure_of(data, layout, colours, summary=summary, empty=f"No preloads by {by}")


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
