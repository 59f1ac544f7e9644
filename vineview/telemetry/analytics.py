"""Analytics: what a stretch of telemetry says, for people, reports and the runbooks.

One function computes it, from an export; a live monitor's figures are those of the export it would
write now, so the two cannot differ. Names are the seeds' in Python's case with the unit at the
end; the app's own names exist only in `Analytics.to_wire`. (Reference, section 8.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vineview.telemetry.advice import Recommendation, recommend
from vineview.telemetry.alerting import AlertSummary, alerts_of_records, alerts_of_store
from vineview.telemetry.engine import queries
from vineview.telemetry.engine.store import Store
from vineview.telemetry.failures import ErrorAnalysis, ErrorClassCount, ErrorCount, errors_of
from vineview.telemetry.fleet import DeviceMemory, Fleet, fleet_of
from vineview.telemetry.growth.leak import Leak, Projection, Verdict, judge, projections
from vineview.telemetry.growth.rates import Interval
from vineview.telemetry.growth.trend import Growth, Shape, Trend, growth, trend
from vineview.telemetry.loading import PreloadGroup, PreloadPerformance, preloads_of
from vineview.telemetry.patterns import ContentType, ScrollBand, UserPatterns, patterns_of
from vineview.telemetry.ranges import Coverage
from vineview.telemetry.summary import analytics_html, analytics_text, span
from vineview.telemetry.wire import analytics_to_wire

if TYPE_CHECKING:
    from vineview.telemetry.export import Telemetry

__all__ = [
    "AlertSummary",
    "Analytics",
    "ContentType",
    "DeviceMemory",
    "ErrorAnalysis",
    "ErrorClassCount",
    "ErrorCount",
    "Fleet",
    "MemoryBucket",
    "MemoryUsage",
    "PreloadGroup",
    "PreloadPerformance",
    "ScrollBand",
    "UserPatterns",
    "analyse",
]

_BUCKET_MB: Final = 100.0
_TAIL: Final = 20
_NAMED: Final = 12


@dataclass(frozen=True, slots=True)
class MemoryBucket:
    """How often memory was in ``[range_start_mb, range_end_mb)``.

    Attributes:
        range_start_mb: From, inclusive.
        range_end_mb: To, exclusive.
        count: Samples in it.
        share: Of all samples, 0-1.
    """

    range_start_mb: float
    range_end_mb: float
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """Memory, in MB of 2^20 bytes; zeros without a sample.

    Attributes:
        peak_mb: The highest sample.
        average_mb: The mean.
        minimum_mb: The lowest.
        current_mb: The last; ``None`` without one.
        trend: The last 10 samples against the 10 before.
        growth_rate_mb_per_second: Least squares; ``None`` with fewer than two distinct times.
        robust_growth_rate_mb_per_hour: Theil-Sen on time buckets; ``None`` likewise.
        growth_rate_interval: The robust rate's 95 % interval, in MB/s: ``low`` and ``high``.
        leak: Leaking, not leaking or inconclusive, with the evidence.
        projections: When 500, 800 and 1024 MB are reached, if memory grows for certain.
        distribution: Buckets of 100 MB, empty ones left out.
        restarts: How often the app was started anew between the samples.
        turned_at: Where memory stepped (the highest step), levelled off or began to grow, UTC;
            ``None`` if it did nothing of it.
        step_mb: How high that step is; negative when memory was freed, zero without one.
        shape: What the movement looks like; ``None`` without a rate.
    """

    peak_mb: float
    average_mb: float
    minimum_mb: float
    current_mb: float | None
    trend: Trend
    growth_rate_mb_per_second: float | None
    robust_growth_rate_mb_per_hour: float | None
    growth_rate_interval: Interval | None
    leak: Leak
    projections: tuple[Projection, ...]
    distribution: tuple[MemoryBucket, ...]
    restarts: int = 0
    turned_at: datetime | None = None
    step_mb: float = 0.0
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Analytics:
    """What a stretch of telemetry says.

    Attributes:
        memory_usage: Peak, average, trend, growth, leak.
        preload_performance: Times and success.
        error_analysis: Counts and the most frequent.
        alert_summary: What crossed a threshold.
        recommendations: What to do, most urgent first.
        coverage: What was asked for and what is present.
        sample_count: Samples the figures rest on.
        skipped: Records lost in reading.
        user_patterns: Scrolling and content types beside memory.
        fleet: Memory by device; ``None`` where it comes from one.

    Example:
        >>> analytics = telemetry.analytics("2h")  # doctest: +SKIP
        >>> analytics.memory_usage.trend.direction  # doctest: +SKIP
        <Direction.INCREASING: 'increasing'>
    """

    memory_usage: MemoryUsage
    preload_performance: PreloadPerformance
    error_analysis: ErrorAnalysis
    alert_summary: AlertSummary
    recommendations: tuple[Recommendation, ...]
    coverage: Coverage
    sample_count: int
    skipped: int
    user_patterns: UserPatterns
    fleet: Fleet | None = None

    @property
    def time_range(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last record's instants, UTC."""
        return self.coverage.start_at, self.coverage.end_at

    def to_wire(self) -> dict[str, Any]:
        """The app's own names and units (reference, section 8), as plain JSON values."""
        return analytics_to_wire(self)

    def __str__(self) -> str:
        return f"{analytics_text(self)}\n\n{span(self)}"

    def _repr_html_(self) -> str:
        return analytics_html(self)


def analyse(telemetry: Telemetry) -> Analytics:
    """Work out everything an export says.

    Args:
        telemetry: Samples and events, in any order.

    Raises:
        TelemetryError: If the engine that holds them does not answer.
    """
    store, thresholds = telemetry.store, telemetry.thresholds
    seen = store.overview(slow_ms=thresholds.slow_preload_ms)
    coverage = telemetry.coverage
    memory = _memory(store, seen)
    preloads = preloads_of(store, slow_ms=thresholds.slow_preload_ms)
    in_memory = telemetry.is_in_memory
    return Analytics(
        memory_usage=memory,
        preload_performance=preloads,
        error_analysis=errors_of(store, preloads, present_s=coverage.present_s),
        alert_summary=alerts_of_records(telemetry)
        if in_memory
        else alerts_of_store(store, thresholds),
        recommendations=recommend(
            leak=memory.leak,
            peak_mb=memory.peak_mb,
            peak_controllers=seen["most_controllers"],
            success_rate=preloads.success_rate,
            thresholds=thresholds,
        ),
        coverage=coverage,
        sample_count=seen["samples"] or 0,
        skipped=telemetry.skipped,
        user_patterns=patterns_of(store),
        fleet=fleet_of(store, asked_s=coverage.asked_s),
    )


def _memory(store: Store, seen: dict[str, Any]) -> MemoryUsage:
    rows = store.rows(queries.tail, count=_TAIL)[::-1]
    last = np.array([row["video_memory_mb"] for row in rows], dtype=np.float64)
    count = seen["measured"]
    buckets = store.buckets()
    robust = growth(buckets)
    interval = None if robust is None else robust.interval
    current = float(last[-1]) if last.size else None
    found = store.rows(queries.distribution, width_mb=_BUCKET_MB) if count else []
    return MemoryUsage(
        peak_mb=seen["peak"] or 0.0,
        average_mb=seen["average"] or 0.0,
        minimum_mb=seen["minimum"] or 0.0,
        current_mb=current,
        trend=trend(last),
        growth_rate_mb_per_second=seen["slope"],
        robust_growth_rate_mb_per_hour=None if robust is None else robust.mb_per_hour,
        growth_rate_interval=None
        if interval is None
        else Interval(interval.low / 3600, interval.high / 3600),
        leak=_unmeasured(store, seen)
        or _of_devices(judge(buckets, robust, pressures=seen["pressures"] or 0), seen, robust),
        projections=()
        if seen["devices"] > 1  # levels are those of one device
        else projections(robust, seen["last_measured_at"], current_mb=current),
        distribution=tuple(
            MemoryBucket(
                row["start"], row["start"] + _BUCKET_MB, row["count"], row["count"] / count
            )
            for row in found
        ),
        restarts=0 if robust is None else robust.restarts,
        turned_at=None if robust is None else robust.turned_at,
        step_mb=0.0 if robust is None else robust.step_mb,
        shape=None if robust is None else robust.shape,
    )


def _unmeasured(store: Store, seen: dict[str, Any]) -> Leak | None:
    """Say so where samples have metrics, but never memory: likely it has another name there."""
    if seen["measured"] or not seen["samples"]:
        return None
    names = store.names()
    if not names:
        return None
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    has = ", ".join(names[:_NAMED])
    text = f"No sample has a value of video_memory_mb; samples here have {has}{more}."
    return Leak(Verdict.INCONCLUSIVE, (text,))


def _of_devices(leak: Leak, seen: dict[str, Any], robust: Growth | None) -> Leak:
    """Say so where the growth is that of several devices."""
    if seen["devices"] <= 1 or robust is None:
        return leak
    text = f"Growth is within each of {seen['devices']} devices, their own levels taken out."
    return Leak(leak.verdict, (*leak.evidence, text))
