"""What a stretch of samples says of memory: the figures of a mark in a chart.

Computed from a frame, so it costs the same for a hundred samples and for a million; growth and
verdict are the ones analytics give, read from the same time buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from vineview.telemetry.growth.buckets import buckets_of
from vineview.telemetry.growth.leak import Leak

__all__ = ["Stretch", "judged", "stretch_of"]

_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Memory between two instants; the names are those of ``Analytics.memory_usage``.

    Attributes:
        peak_mb: The highest sample.
        average_mb: The mean.
        minimum_mb: The lowest.
        robust_growth_rate_mb_per_hour: ``None`` with fewer than two distinct times.
        growth_rate_interval: Its 95 % interval, in MB/s.
        leak: The verdict with its evidence.
        turned_at: Where the line departs from one ramp, UTC.
        shape: How it does, such as ``step`` or ``begun``.
        step_mb: How high the step there is; zero without one.
    """

    peak_mb: float
    average_mb: float
    minimum_mb: float
    robust_growth_rate_mb_per_hour: float | None
    growth_rate_interval: tuple[float, float] | None
    leak: Leak
    turned_at: datetime | None
    shape: str | None
    step_mb: float


def stretch_of(
    samples: pd.DataFrame,
    events: pd.DataFrame | None = None,
    *,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
) -> Stretch | None:
    """The figures between two instants, both included.

    Args:
        samples: Columns as ``Telemetry.samples``, by time.
        events: Columns as ``Telemetry.events``.
        start_at: From, aware; the first sample unless told.
        end_at: To; the last sample unless told.

    Returns:
        ``None`` if no memory was measured there.

    Example:
        >>> at = pd.date_range("2026-01-01", periods=3, freq="30s", tz="UTC")
        >>> stretch_of(pd.DataFrame({"at": at, "video_memory_mb": [90.0, 95.0, 99.0]})).peak_mb
        99.0
    """
    rows = _between(samples, start_at, end_at)
    memory = rows["video_memory_mb"].dropna()
    if memory.empty:
        return None
    happened = (
        None if events is None or "kind" not in events else _between(events, start_at, end_at)
    )
    return judged(
        buckets_of(rows, events=happened),
        peak_mb=float(memory.max()),
        average_mb=float(memory.mean()),
        minimum_mb=float(memory.min()),
        pressures=0 if happened is None else int((happened["kind"] == "memory_pressure").sum()),
    )


def judged(
    buckets: pd.DataFrame,
    *,
    peak_mb: float,
    average_mb: float,
    minimum_mb: float,
    pressures: int = 0,
) -> Stretch:
    """The figures of a stretch whose time buckets are known.

    Args:
        buckets: As `vineview.telemetry.growth.buckets.COLUMNS` says.
        peak_mb: The highest sample.
        average_mb: The mean.
        minimum_mb: The lowest.
        pressures: How many memory pressure events there were.
    """
    from vineview.telemetry.growth.leak import judge  # noqa: PLC0415 - these bring in scipy
    from vineview.telemetry.growth.trend import growth  # noqa: PLC0415

    rate = growth(buckets)
    interval = None if rate is None else rate.interval
    return Stretch(
        peak_mb=peak_mb,
        average_mb=average_mb,
        minimum_mb=minimum_mb,
        robust_growth_rate_mb_per_hour=None if rate is None else rate.mb_per_hour,
        growth_rate_interval=None
        if interval is None
        else (interval.low / _PER_HOUR, interval.high / _PER_HOUR),
        leak=judge(buckets, rate, pressures=pressures),
        turned_at=None if rate is None else rate.turned_at,
        shape=None if rate is None else rate.shape,
        step_mb=0.0 if rate is None else rate.step_mb,
    )


def _between(
    rows: pd.DataFrame, start_at: datetime | None, end_at: datetime | None
) -> pd.DataFrame:
    """The rows of a frame by time between two instants."""
    at = rows["at"]
    first = 0 if start_at is None else int(at.searchsorted(pd.Timestamp(start_at), "left"))
    last = len(at) if end_at is None else int(at.searchsorted(pd.Timestamp(end_at), "right"))
    return rows.iloc[first:last]
