"""Time buckets: the small table growth and verdict are read from, whatever made it.

The engine (or `buckets_of`, for a frame in memory) cuts the time from the first to the last
measured sample into equal buckets and says of each what is needed; the mathematics then takes a
hundred rows, whether they came from ten samples or ten million. One row is one bucket **of one
session**: where the app restarted within a bucket, the bucket is two rows, so that no median
mixes two lives of a process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["COLUMNS", "COUNTERS", "DAY_H", "LOW", "bucket_count", "buckets_of"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

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

_BESIDE: Final = ("video_controllers", "ready_videos", "preloading_queue")
_PER_S: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_INSTANT_H: Final = 1e-9 / 3600
_MANY: Final = 1_000
_CLASSES: Final = 4_096
_ROOM: Final = 2**63

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

    Samples that are in order of time already are neither copied nor sorted: a million take about
    as long as least squares on them.

    Args:
        samples: With ``at`` (any order) and the metric; the other columns of `COLUMNS`, the
            counters and ``session_id`` where there are any.
        column: Which metric.
        events: With ``at`` and ``kind``, for the navigations.

    Returns:
        Columns and dtypes as `COLUMNS` says; no rows with fewer than one measured sample.
    """
    measured = samples[column].to_numpy(dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        is_whole = np.isfinite(measured.sum())  # only if every value is; takes half as long
    rows = samples if is_whole else samples.loc[np.isfinite(measured)]
    ticks = pd.DatetimeIndex(rows["at"]).asi8
    if (ticks[1:] < ticks[:-1]).any():
        rows = rows.sort_values("at", kind="stable")
    if rows.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    at = pd.DatetimeIndex(rows["at"])
    ticks, per_hour = at.asi8, 3600 * _PER_S[at.unit]
    wanted = bucket_count(max(float(ticks[-1] - ticks[0]) / per_hour, _INSTANT_H))
    begins = _begins(rows)
    starts = np.union1d(_cuts(ticks, wanted), begins)
    parts = [slice(*ends) for ends in zip(starts, [*starts[1:], len(rows)], strict=True)]
    value, controllers, ready, queue = (_cut(rows, name, parts) for name in (column, *_BESIDE))
    both = zip(controllers, ready, strict=True)
    surplus = [have - shown if have.size == shown.size else np.empty(0) for have, shown in both]
    low, median, high = _columns(value, LOW, 0.5, 1 - LOW)
    queue_low, queue_median = _columns(queue, 0.0, 0.5)
    begun, ended = at[starts], at[np.append(starts[1:], len(rows)) - 1]
    table = {
        "hours": [_mean(ticks[part], ticks[0]) / per_hour for part in parts],
        "session": np.searchsorted(begins, starts, side="right"),
        "count": [each.size for each in value],
        "median": median,
        "low": low,
        "high": high,
        "video_controllers": _columns(controllers, 0.5)[0],
        "ready_videos": _columns(ready, 0.5)[0],
        "preloading_queue": queue_median,
        "queue_low": queue_low,
        "surplus_count": [int((each > 0).sum()) for each in surplus],
        "surplus_high": _columns(surplus, 1.0)[0],
        "navigations": [0] * len(parts),
    }
    if events is not None and len(events):
        moved = events.loc[events["kind"] == "navigate", "at"]
        place = np.searchsorted(begun, moved, side="right") - 1
        table["navigations"] = np.bincount(place[place >= 0], minlength=len(parts))
    return pd.DataFrame(
        {"at": begun.as_unit("us"), "end_at": ended.as_unit("us")}
        | {name: np.asarray(each, dtype=COLUMNS[name]) for name, each in table.items()}
    )


def _cuts(ticks: Integers, wanted: int) -> Integers:
    """The first row of each bucket that has one, as a search for all of them at once.

    A row's bucket is reckoned as the engine does it, for the few rows that are looked at.
    """
    span = max(int(ticks[-1] - ticks[0]), 1)
    bucket = np.arange(wanted)
    low, high = np.zeros(wanted, dtype=np.int64), np.full(wanted, ticks.size)
    while (open_ := low < high).any():
        middle = (low + high) // 2
        place = (ticks[np.minimum(middle, ticks.size - 1)] - ticks[0]) / span * wanted
        reached = np.minimum(place.astype(np.int64), wanted - 1) >= bucket
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle + 1, low)
    return np.unique(low[low < ticks.size])


def _cut(rows: pd.DataFrame, name: str, parts: Sequence[slice]) -> list[Floats]:
    """One metric, bucket by bucket; nothing of one that is not there."""
    if name not in rows:
        return [np.empty(0)] * len(parts)
    values = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return [values[part] for part in parts]


def _mean(ticks: Integers, since: int) -> float:
    """The mean of some instants since one; in whole numbers as long as they have room."""
    later = ticks - ticks[0]
    has_room = int(later[-1]) * later.size < _ROOM
    mean = int(later.sum()) / later.size if has_room else float(later.mean())
    return float(ticks[0] - since) + mean


def _columns(cut: Sequence[Floats], *shares: float) -> list[tuple[float, ...]]:
    """A column for each share: the quantile of what is known in each bucket."""
    room = np.empty(max(each.size for each in cut))
    return list(zip(*(_quantiles(_known(each), shares, room) for each in cut), strict=True))


def _known(values: Floats) -> Floats:
    is_gap = np.isnan(values)
    return values[~is_gap] if is_gap.any() else values


def _quantiles(values: Floats, shares: Sequence[float], room: Floats) -> list[float]:
    """Quantiles of values in any order, interpolated; NaN without any.

    Many are counted by classes of equal width first, and only those beside a quantile are put in
    order. It is a few plain passes, equally fast on every processor, where numpy's selection takes
    from 1 to 9 ns a value with the processor's AVX-512. They work in ``room``, as long as
    ``values`` or longer: new pages for every bucket would take longer than all the arithmetic.
    """
    last = values.size - 1
    if last < 0:
        return [math.nan for _ in shares]
    low = values.min()
    with np.errstate(over="ignore", divide="ignore"):
        scale = (_CLASSES - 1) / (values.max() - low)
    if values.size < _MANY or not 0 < scale < math.inf:
        ordered = np.sort(values)
        return [_between(ordered, share * last) for share in shares]
    shifted = np.subtract(values, low, out=room[: values.size])
    shifted *= scale
    classes = shifted.astype(np.uint16)
    reached = np.bincount(classes).cumsum()
    found = []
    for place in (share * last for share in shares):
        ends = reached.searchsorted((int(place), min(int(place) + 1, last)), "right")
        first, second = ends.astype(np.uint16)
        beside = values[(classes >= first) & (classes <= second)]
        within = place - (int(reached[first - 1]) if first else 0)
        beside.partition((int(within), min(int(within) + 1, beside.size - 1)))
        found.append(_between(beside, within))
    return found


def _between(ordered: Floats, place: float) -> float:
    """What stands at a place between two values, of which each is where sorting puts it."""
    below = int(place)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def _begins(rows: pd.DataFrame) -> Integers:
    """The rows with which a session begins, but for the first."""
    found = [np.empty(0, dtype=np.int64)]
    devices = rows["device_id"].dropna() if "device_id" in rows else rows["at"].iloc[:0]
    if len(devices) and (devices != devices.iloc[0]).any():
        return found[0]
    if "session_id" in rows:
        (place,) = np.nonzero(rows["session_id"].notna().to_numpy())
        named = rows["session_id"].to_numpy()[place]
        found.append(place[1:][named[1:] != named[:-1]])
    for name in COUNTERS:
        if name in rows:
            counted = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
            (place,) = np.nonzero(~np.isnan(counted))
            found.append(place[1:][np.diff(counted[place]) < 0])
    return np.unique(np.concatenate(found))
