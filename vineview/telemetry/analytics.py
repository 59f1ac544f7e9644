"""Analytics: what a stretch of telemetry says, for people, reports and the runbooks.

One function computes it, from an export; a live monitor's figures are those of the export it would
write now, so the two cannot differ. Names are the seeds' in Python's case with the unit at the
end; the app's own names exist only in `Analytics.to_wire`. (Reference, section 8.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from vineview.core.changes import Change, ChangeKind
from vineview.telemetry import queries
from vineview.telemetry.advice import Recommendation, recommend
from vineview.telemetry.export import Telemetry
from vineview.telemetry.leak import Leak, Projection, judge, projections
from vineview.telemetry.ranges import Coverage
from vineview.telemetry.schema import Sample, parse_at
from vineview.telemetry.summary import analytics_html, analytics_text
from vineview.telemetry.thresholds import Alert, AlertBook, Severity
from vineview.telemetry.trend import Interval, Trend, growth, least_squares_slope, trend
from vineview.telemetry.wire import analytics_to_wire

__all__ = [
    "AlertSummary",
    "Analytics",
    "ErrorAnalysis",
    "ErrorCount",
    "MemoryBucket",
    "MemoryUsage",
    "PreloadPerformance",
    "analyse",
]

_BUCKET_MB: Final = 100.0
_FAST_MS: Final = 1000.0
_TOP: Final = 10
_RECENT: Final = 10
_ALERTING: Final = {
    str(kind): kind
    for kind in (
        ChangeKind.PRELOAD,
        ChangeKind.BREAKER,
        ChangeKind.MEMORY_PRESSURE,
        ChangeKind.FEED,
    )
}
_JUDGED: Final = ("video_memory_mb", "video_controllers", "failed_videos", "total_videos")


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


@dataclass(frozen=True, slots=True)
class PreloadPerformance:
    """Finished preload attempts; times are those of successful ones, failures stand apart.

    Attributes:
        total_preloads: Finished attempts.
        failed_preloads: Those that failed, with or without a message.
        average_time_ms: Mean time; ``None`` without a success.
        median_time_ms: Median time; the mean of the middle two if there is no single one.
        success_rate: Successes of finished attempts, 0-1; ``None`` without any.
        slow_preloads: Successes above 5 s (the threshold in force).
        fast_preloads: Successes under 1 s.
        basis: ``events``, or ``samples`` when only the samples' own figures are there.
    """

    total_preloads: int
    failed_preloads: int
    average_time_ms: float | None
    median_time_ms: float | None
    success_rate: float | None
    slow_preloads: int
    fast_preloads: int
    basis: str


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """One error message: how often, what share of all errors (0-1), and when first."""

    message: str
    count: int
    share: float
    first_at: datetime


@dataclass(frozen=True, slots=True)
class ErrorAnalysis:
    """Failed preloads, errors of listeners and disposal, clips a player could not decode.

    Attributes:
        total_errors: All of them.
        unique_errors: Distinct messages.
        top_errors: The ten most frequent.
        error_rate: Failed of finished preloads, 0-1; ``None`` without any.
    """

    total_errors: int
    unique_errors: int
    top_errors: tuple[ErrorCount, ...]
    error_rate: float | None


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """The monitor's threshold alerts in the range.

    Attributes:
        total_alerts: All raised.
        critical_alerts: Of these, critical.
        warning_alerts: Warnings.
        info_alerts: For information.
        active_alerts: Not resolved at the end.
        recent_alerts: The last ten, oldest first.
    """

    total_alerts: int
    critical_alerts: int
    warning_alerts: int
    info_alerts: int
    active_alerts: int
    recent_alerts: tuple[Alert, ...]


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

    @property
    def time_range(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last record's instants, UTC."""
        return self.coverage.start_at, self.coverage.end_at

    def to_wire(self) -> dict[str, Any]:
        """The app's own names and units (reference, section 8), as plain JSON values."""
        return analytics_to_wire(self)

    def __str__(self) -> str:
        return analytics_text(self)

    def _repr_html_(self) -> str:
        return analytics_html(self)


def analyse(telemetry: Telemetry) -> Analytics:
    """Compute the analytics of everything an export holds.

    Args:
        telemetry: Already cut to the range asked for, see `Telemetry.analytics`.
    """
    memory = _memory(telemetry)
    preloads = _preloads(telemetry)
    return Analytics(
        memory_usage=memory,
        preload_performance=preloads,
        error_analysis=_errors(telemetry, preloads),
        alert_summary=_alerts(telemetry),
        recommendations=recommend(
            leak=memory.leak,
            peak_mb=memory.peak_mb,
            peak_controllers=queries.highest(telemetry.samples, "video_controllers"),
            success_rate=preloads.success_rate,
            thresholds=telemetry.thresholds,
        ),
        coverage=telemetry.coverage,
        sample_count=len(telemetry.samples),
        skipped=telemetry.skipped,
    )


def _memory(telemetry: Telemetry) -> MemoryUsage:
    samples = telemetry.samples
    rows = queries.measured(samples)
    values = rows["video_memory_mb"].to_numpy(dtype=float)
    seconds = (rows["at"] - rows["at"].min()).dt.total_seconds().to_numpy(dtype=float)
    robust = growth(samples)
    interval = None if robust is None else robust.interval
    current = float(values[-1]) if values.size else None
    pressures = int((telemetry.events["kind"] == ChangeKind.MEMORY_PRESSURE).sum())
    buckets = queries.distribution(samples, _BUCKET_MB).itertuples(index=False)
    summary = queries.memory_summary(samples)
    return MemoryUsage(
        peak_mb=summary["peak"],
        average_mb=summary["average"],
        minimum_mb=summary["minimum"],
        current_mb=current,
        trend=trend(values),
        growth_rate_mb_per_second=least_squares_slope(seconds, values),
        robust_growth_rate_mb_per_hour=None if robust is None else robust.mb_per_hour,
        growth_rate_interval=None
        if interval is None
        else Interval(interval.low / 3600, interval.high / 3600),
        leak=judge(samples, robust, pressures=pressures),
        projections=projections(robust, queries.last_at(samples), current_mb=current),
        distribution=tuple(
            MemoryBucket(float(start), float(start) + _BUCKET_MB, int(count), count / values.size)
            for start, count in buckets
        ),
    )


def _preloads(telemetry: Telemetry) -> PreloadPerformance:
    finished = queries.finished_preloads(telemetry.events)
    slow_ms = telemetry.thresholds.slow_preload_ms
    summary = queries.preload_summary(finished, fast_ms=_FAST_MS, slow_ms=slow_ms)
    total, failed = int(summary["total"] or 0), int(summary["failed"] or 0)
    if total:
        return PreloadPerformance(
            total_preloads=total,
            failed_preloads=failed,
            average_time_ms=summary["average_ms"],
            median_time_ms=summary["median_ms"],
            success_rate=(total - failed) / total,
            slow_preloads=int(summary["slow"] or 0),
            fast_preloads=int(summary["fast"] or 0),
            basis="events",
        )
    times = telemetry.samples["preload_duration_ms"].dropna().to_numpy(dtype=float)
    rate_pct = queries.latest(telemetry.samples, "preload_success_rate")
    return PreloadPerformance(
        total_preloads=0,
        failed_preloads=0,
        average_time_ms=float(times.mean()) if times.size else None,
        median_time_ms=float(np.median(times)) if times.size else None,
        success_rate=None if rate_pct is None else rate_pct / 100,
        slow_preloads=0,
        fast_preloads=0,
        basis="samples",
    )


def _errors(telemetry: Telemetry, preloads: PreloadPerformance) -> ErrorAnalysis:
    found = queries.errors(telemetry.events)
    total = len(found)
    top = queries.top_errors(found, _TOP)
    rate = preloads.failed_preloads / preloads.total_preloads if preloads.total_preloads else None
    return ErrorAnalysis(
        total_errors=total,
        unique_errors=int(found["message"].nunique()),
        top_errors=tuple(
            ErrorCount(each["message"], each["count"], each["count"] / total, each["first_at"])
            for each in top
        ),
        error_rate=rate,
    )


def _alerts(telemetry: Telemetry) -> AlertSummary:
    """Feed the records to an alert book, as the monitor did when they were new."""
    book = AlertBook(telemetry.thresholds, history=None)
    records: list[Sample | Change] = []
    for record in telemetry.event_records:
        kind = _ALERTING.get(record["kind"])
        if kind is not None:
            at, video_id = parse_at(record["at"]), record.get("video_id")
            records.append(Change(kind, at, video_id, data=record))
    for record in telemetry.sample_records:
        judged: dict[str, Any] = {name: record.get(name) for name in _JUDGED}
        records.append(Sample(parse_at(record["at"]), **judged))
    for each in sorted(records, key=lambda each: each.at):
        if isinstance(each, Sample):
            book.on_sample(each)
        else:
            book.on_change(each)
    alerts = book.history
    severities = [alert.severity for alert in alerts]
    return AlertSummary(
        total_alerts=len(alerts),
        critical_alerts=severities.count(Severity.CRITICAL),
        warning_alerts=severities.count(Severity.WARNING),
        info_alerts=severities.count(Severity.INFO),
        active_alerts=len(book.active),
        recent_alerts=alerts[-_RECENT:],
    )
