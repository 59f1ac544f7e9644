"""Memory of many devices: who grows, and how sure that is.

Every device is ranked by least squares in the engine, three standard errors below its slope; the
robust rate, its interval and a verdict are then worked out for the few that rank first, from their
own time buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow.compute as pc

from vineview.telemetry.engine import fleets, queries
from vineview.telemetry.engine.store import Store
from vineview.telemetry.growth.buckets import bucket_count
from vineview.telemetry.growth.leak import Leak, judge
from vineview.telemetry.growth.rates import Interval
from vineview.telemetry.growth.trend import growth
from vineview.telemetry.ranges import describe_duration

__all__ = ["GROWING_MB_PER_HOUR", "DeviceMemory", "Fleet", "fleet_of"]

GROWING_MB_PER_HOUR: Final = 5.2
"""Faster than a daily cycle of 40 MB can be: such a device counts as growing."""
_WORST: Final = 10


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """The memory of one device.

    Attributes:
        device_id: Which; ``unknown`` for samples that do not say.
        samples: How many.
        sessions: How many runs of the app, if samples say; else 0.
        first_at: The first sample.
        last_at: The last.
        hours: From first to last.
        average_mb: Their mean.
        peak_mb: The highest.
        growth_rate_mb_per_hour: Least squares; ``None`` at a single instant.
        robust_growth_rate_mb_per_hour: Theil-Sen on its time buckets.
        growth_rate_interval: The robust rate's 95 % interval, MB/h.
        leak: Leaking, not leaking or inconclusive, with the evidence.
    """

    device_id: str
    samples: int
    sessions: int
    first_at: datetime
    last_at: datetime
    hours: float
    average_mb: float
    peak_mb: float
    growth_rate_mb_per_hour: float | None
    robust_growth_rate_mb_per_hour: float | None
    growth_rate_interval: Interval | None
    leak: Leak


@dataclass(frozen=True, slots=True)
class Fleet:
    """The devices of an export that has several.

    Attributes:
        devices: How many have memory samples.
        growing: How many grow by more than 5.2 MB/h (least squares less three standard errors, six
            minutes at least).
        median_growth_mb_per_hour: The middle device's least-squares rate.
        least_hours: How long the device with the fewest hours is present.
        median_hours: The middle one.
        most_hours: The longest.
        text: The coverage as a sentence.
        worst: The ten that grow fastest, with robust rate and verdict.
    """

    devices: int
    growing: int
    median_growth_mb_per_hour: float | None
    least_hours: float
    median_hours: float
    most_hours: float
    text: str
    worst: tuple[DeviceMemory, ...]


def fleet_of(store: Store, *, asked_s: float | None = None) -> Fleet | None:
    """Ask a store about its devices.

    Args:
        store: The records.
        asked_s: Seconds asked for, if not everything.

    Returns:
        ``None`` where memory comes from one device only.
    """
    seen = store.overview()
    if seen["devices"] <= 1 or not seen["measured"]:
        return None
    (whole,) = store.rows(fleets.fleet, growing_mb_per_hour=GROWING_MB_PER_HOUR)
    wanted = bucket_count(max(whole["most_hours"], 1e-9))
    buckets = store.ask(fleets.device_buckets, limit=_WORST, wanted=wanted)
    worst = []
    for row in store.rows(fleets.devices, limit=_WORST):
        own = queries.bucket_frame(buckets.filter(pc.field("device") == (row["device_id"] or "")))
        worst.append(_device(row, own))
    middle = whole["median_slope"]
    return Fleet(
        devices=whole["devices"],
        growing=whole["growing"] or 0,
        median_growth_mb_per_hour=None if middle is None else middle * 3600,
        least_hours=whole["least_hours"],
        median_hours=whole["median_hours"],
        most_hours=whole["most_hours"],
        text=_coverage(whole, asked_s),
        worst=tuple(worst),
    )


def _device(row: dict[str, Any], buckets: Any) -> DeviceMemory:
    rate = growth(buckets)
    return DeviceMemory(
        device_id=row["device_id"] or "unknown",
        samples=row["samples"],
        sessions=row["sessions"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        hours=row["hours"],
        average_mb=row["average"],
        peak_mb=row["peak"],
        growth_rate_mb_per_hour=None if row["slope"] is None else row["slope"] * 3600,
        robust_growth_rate_mb_per_hour=None if rate is None else rate.mb_per_hour,
        growth_rate_interval=None if rate is None else rate.interval,
        leak=judge(buckets, rate),
    )


def _coverage(whole: dict[str, Any], asked_s: float | None) -> str:
    least, median, most = (
        describe_duration(whole[f"{name}_hours"] * 3600) for name in ("least", "median", "most")
    )
    asked = "" if asked_s is None else f"{describe_duration(asked_s)} asked, "
    return (
        f"{asked}{whole['devices']} devices present for {least} to {most}, the middle one {median}"
    )
