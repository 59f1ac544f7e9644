"""Time buckets: the small table growth and verdict are read from, whatever made it.

The engine (or `buckets_of`, for a frame in memory) cuts the time from the first to the last
measured sample into equal buckets and says of each what is needed; the mathematics then takes a
hundred rows, whether they came from ten samples or ten million. One row is one bucket **of one
session**: where the app restarted within a bucket, the bucket is two rows, so that no median
mixes two lives of a process.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd

__all__ = ["COLUMNS", "COUNTERS", "DAY_H", "LOW", "bucket_count", "buckets_of"]

DAY_H: Final = 23.5
"""Hours from which a window counts as covering a day."""
LOW: Final = 0.1
"""Which quantile is a bucket's floor; a sawtooth of disposals does not lift it."""
COUNTERS: Final = (
    "app_crashes",
    "circuit_breaker_trips",
    "memory_pressure_events",
    "disposal_errors",
)
"""Counters that only a restart sets back: one that falls begins a new session."""

COLUMNS: Final = {
    "at": "datetime64[us, UTC]",
    "end_at": "datetime64[us, UTC]",
    "hours": "float64",
    "session": "int64",
    "count": "int64",
    "median": "float64",
    "low": "float64",
    "high": "float64",
    "video_controllers": "float64",
    "ready_videos": "float64",
    "preloading_queue": "float64",
    "queue_low": "float64",
    "surplus_count": "int64",
    "surplus_high": "float64",
    "navigations": "int64",
}
"""The table's columns, each over the samples of its bucket that have the metric (finite only).

- ``at``, ``end_at``: instants of the first and the last of them.
- ``hours``: their mean time, in hours since the first sample of the window (row 0's ``at``).
- ``session``: how many restarts there were before; 0 in the first session. A restart is a change
  of ``session_id`` between two consecutive samples that both have one, or a fall of any of
  `COUNTERS` (samples without it are passed over). 0 throughout if the samples are of several
  devices: their sessions overlap.
- ``count``, ``median``, ``low`` (10 % quantile, interpolated), ``high`` (90 %): of the metric.
- ``video_controllers``, ``ready_videos``, ``preloading_queue``: medians; NaN if never given.
- ``queue_low``: the least ``preloading_queue``; NaN if never given.
- ``surplus_count``: samples whose controllers exceed their ready videos; ``surplus_high``: the
  most by which they do; NaN where none has both.
- ``navigations``: ``navigate`` events within the bucket's span.

Rows are ascending by ``hours``; buckets without a sample are left out. Only the columns up to
``median`` are needed for a rate; what else is missing merely is not said.
"""


def bucket_count(window_h: float) -> int:
    """Into how many equal buckets a window is cut.

    48, and 96 for windows of about a day, where the daily cycle is fitted from few turns; four a
    day beyond eight days, so that the cycle stays visible; whole days beyond seven weeks.

    Args:
        window_h: Hours from the first to the last measured sample, positive.

    Example:
        >>> bucket_count(2), bucket_count(24), bucket_count(7 * 24), bucket_count(14 * 24)
        (48, 96, 48, 56)
    """
    if window_h < DAY_H or 2 * 24 < window_h <= 8 * 24:
        return 48
    if window_h <= 2 * 24:
        return 96
    days = window_h / 24
    return math.ceil(4 * days) if days <= 49 else math.ceil(days / math.ceil(days / 200))  # noqa: PLR2004 - seven weeks


def buckets_of(
    samples: pd.DataFrame, column: str = "video_memory_mb", *, events: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Cut samples in memory into buckets, as the engine does for those that are not.

    Args:
        samples: With ``at`` (any order) and the metric; the other columns of `COLUMNS`, the
            counters and ``session_id`` where there are any.
        column: Which metric.
        events: With ``at`` and ``kind``, for the navigations.

    Returns:
        Columns and dtypes as `COLUMNS` says; no rows with fewer than one measured sample.
    """
    rows = samples.loc[np.isfinite(samples[column].to_numpy(dtype=float))]
    rows = rows.sort_values("at", kind="stable", ignore_index=True)
    if rows.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    seconds = (rows["at"] - rows["at"].iloc[0]).dt.total_seconds().to_numpy(dtype=float)
    span = max(float(seconds[-1]), 1e-9)
    wanted = bucket_count(span / 3600)
    bucket = np.minimum((seconds / span * wanted).astype("int64"), wanted - 1)
    session = _sessions(rows)
    frame = pd.DataFrame({"at": rows["at"], "hours": seconds / 3600, "value": rows[column]})
    for name in ("video_controllers", "ready_videos", "preloading_queue"):
        frame[name] = rows[name].astype(float) if name in rows else np.nan
    surplus = frame["video_controllers"] - frame["ready_videos"]
    frame["surplus"], frame["is_surplus"] = surplus, surplus > 0
    grouped = frame.groupby([session, bucket])
    table = pd.DataFrame(
        {
            "at": grouped["at"].min(),
            "end_at": grouped["at"].max(),
            "hours": grouped["hours"].mean(),
            "session": grouped["hours"].size(),
            "count": grouped["hours"].size(),
            "median": grouped["value"].median(),
            "low": grouped["value"].quantile(LOW),
            "high": grouped["value"].quantile(1 - LOW),
            "video_controllers": grouped["video_controllers"].median(),
            "ready_videos": grouped["ready_videos"].median(),
            "preloading_queue": grouped["preloading_queue"].median(),
            "queue_low": grouped["preloading_queue"].min(),
            "surplus_count": grouped["is_surplus"].sum(),
            "surplus_high": grouped["surplus"].max(),
            "navigations": 0,
        }
    )
    table["session"] = table.index.get_level_values(0)
    table = table.reset_index(drop=True)
    if events is not None and len(events):
        moved = events.loc[events["kind"] == "navigate", "at"]
        place = np.searchsorted(table["at"], moved, side="right") - 1
        table["navigations"] = np.bincount(place[place >= 0], minlength=len(table))
    return table.astype(COLUMNS)


def _sessions(rows: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many restarts there were before each sample."""
    begins = np.zeros(len(rows), dtype=bool)
    devices = rows["device_id"].dropna() if "device_id" in rows else rows["at"].iloc[:0]
    if len(devices) and (devices != devices.iloc[0]).any():
        return np.cumsum(begins)
    if "session_id" in rows:
        named = rows["session_id"].dropna()
        begins[named.index[1:][named.to_numpy()[1:] != named.to_numpy()[:-1]]] = True
    for name in COUNTERS:
        if name in rows:
            counted = rows[name].dropna()
            begins[counted.index[1:][np.diff(counted.to_numpy(dtype=float)) < 0]] = True
    return np.cumsum(begins)
