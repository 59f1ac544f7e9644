"""The monitor's own threshold alerts: raised, escalated, resolved, and kept.

An alert is about a subject (a video, a URL, the whole system) and at most one is active per
(type, subject), so a trip on one URL never hides a trip on another. Alerts depend on nothing but
the records fed in, which is why an export read back raises the alerts that were shown live.
Figures: reference, section 8; every comparison is strict.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from vineview.core.changes import Change, ChangeKind
from vineview.telemetry.records import ENVELOPE
from vineview.telemetry.schema import Sample

__all__ = ["RATE_WINDOW", "Alert", "AlertBook", "AlertType", "Severity", "Thresholds"]

RATE_WINDOW: Final = 100
"""Over how many finished preloads the failure rate is taken."""
_CLOSED: Final = "closed"


class Severity(StrEnum):
    """How bad an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertType(StrEnum):
    """What an alert is about."""

    HIGH_MEMORY_USAGE = "high_memory_usage"
    TOO_MANY_CONTROLLERS = "too_many_controllers"
    HIGH_FAILURE_RATE = "high_failure_rate"
    SLOW_PRELOAD = "slow_preload"
    HIGH_PRELOAD_FAILURE_RATE = "high_preload_failure_rate"
    CIRCUIT_BREAKER_TRIP = "circuit_breaker_trip"
    MEMORY_PRESSURE = "memory_pressure"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits alerts compare with, strictly (reference, section 8).

    Attributes:
        high_memory_mb: Above it, memory is a warning.
        critical_memory_mb: Above it, memory is critical.
        max_controllers: More controllers than this are a warning.
        failure_ratio: Failed of all videos.
        preload_failure_ratio: Failed of the last 100 finished preloads.
        slow_preload_ms: A slower preload is a warning.
        sustained_s: How long memory, controllers or failures must stay above their limit before
            they alert. Zero alerts on the first sample; "above 800 MB for five minutes" is 300.
        max_gap_s: With ``sustained_s``, samples further apart than this start the wait anew.
    """

    high_memory_mb: float = 500.0
    critical_memory_mb: float = 800.0
    max_controllers: int = 15
    failure_ratio: float = 0.2
    preload_failure_ratio: float = 0.1
    slow_preload_ms: float = 5000.0
    sustained_s: float = 0.0
    max_gap_s: float = 90.0

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Thresholds:
        """The limits an export names; what it does not name, or not as a number, is default."""
        known = {each.name for each in fields(cls)}
        numbers: dict[str, Any] = {
            name: value
            for name, value in document.items()
            if name in known and isinstance(value, int | float) and not isinstance(value, bool)
        }
        return cls(**numbers)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, active until ``resolved_at`` is set.

    Attributes:
        id: Unique within its monitor, such as ``high_memory_usage-2``.
        type: What it is about.
        severity: How bad.
        message: One sentence with the number and the limit.
        at: When it was raised, UTC.
        subject: The video, URL or system it concerns; empty for the whole system.
        value: The number that crossed the limit.
        threshold: The limit, if there is one.
        metadata: The record's own facts.
        resolved_at: When it ended, or ``None`` while active.
        resolution: ``cleared``, ``escalated``, ``eased``, ``repeated`` or ``dismissed``.
    """

    id: str
    type: AlertType
    severity: Severity
    message: str
    at: datetime
    subject: str = ""
    value: float | None = None
    threshold: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    resolved_at: datetime | None = None
    resolution: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether it has not been resolved."""
        return self.resolved_at is None


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one record says about one subject: a limit crossed."""

    type: AlertType
    severity: Severity
    message: str
    subject: str = ""
    value: float | None = None
    threshold: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class AlertBook:
    """Turns samples and changes into alerts.

    Args:
        thresholds: The limits.
        history: How many resolved alerts are kept, oldest out; ``None`` keeps all. Active ones
            always stay.
    """

    def __init__(self, thresholds: Thresholds | None = None, *, history: int | None = 1000) -> None:
        self.thresholds = thresholds or Thresholds()
        self._resolved: deque[Alert] = deque(maxlen=history)
        self._active: dict[tuple[AlertType, str], Alert] = {}
        self._numbers: Counter[str] = Counter()
        self._trips: Counter[str] = Counter()
        self._outcomes: deque[bool] = deque(maxlen=RATE_WINDOW)
        self._failures = 0
        self._above: dict[AlertType, tuple[datetime, datetime]] = {}

    @property
    def active(self) -> tuple[Alert, ...]:
        """The alerts not yet resolved, oldest first."""
        return tuple(sorted(self._active.values(), key=lambda alert: alert.at))

    @property
    def history(self) -> tuple[Alert, ...]:
        """Every alert kept, active ones too, oldest first."""
        return tuple(sorted((*self._resolved, *self._active.values()), key=lambda each: each.at))

    def copy(self) -> AlertBook:
        """An independent copy; the alerts are shared, being values."""
        twin = AlertBook(self.thresholds, history=self._resolved.maxlen)
        twin._resolved.extend(self._resolved)
        twin._active.update(self._active)
        twin._numbers.update(self._numbers)
        twin._trips.update(self._trips)
        twin._outcomes.extend(self._outcomes)
        twin._failures = self._failures
        twin._above.update(self._above)
        return twin

    def on_record(self, record: Sample | Change) -> list[Alert]:
        """Judge either; returns the alerts it raised or resolved."""
        if isinstance(record, Sample):
            return self.on_sample(record)
        return self.on_change(record)

    def on_sample(self, sample: Sample) -> list[Alert]:
        """Judge a sample.

        Returns:
            The alerts it raised or resolved, in that order of happening.
        """
        told: list[Alert] = []
        if sample.video_memory_mb is not None:
            told += self._memory(sample.at, sample.video_memory_mb)
            told += self._end_pressure(sample.at, sample.video_memory_mb)
        if sample.video_controllers is not None:
            told += self._controllers(sample.at, sample.video_controllers)
        if sample.failed_videos is not None and sample.total_videos:
            told += self._failed_videos(sample.at, sample.failed_videos, sample.total_videos)
        return told

    def on_change(self, change: Change) -> list[Alert]:
        """Judge a change; returns the alerts it raised or resolved."""
        match change.kind:
            case ChangeKind.PRELOAD:
                return self._preload(change)
            case ChangeKind.BREAKER:
                return self._breaker(change)
            case ChangeKind.MEMORY_PRESSURE:
                return self._pressure(change)
            case ChangeKind.FEED:
                gone = change.data.get("removed") or ()
                return [
                    alert
                    for video_id in gone
                    for alert in self._clear(change.at, AlertType.SLOW_PRELOAD, str(video_id))
                ]
        return []

    def on_preload_time(
        self, at: datetime, video_id: str, duration_ms: float | None
    ) -> list[Alert]:
        """Judge how long a preload took; returns the alerts it raised or resolved."""
        limit = self.thresholds.slow_preload_ms
        if duration_ms is None:
            return []
        if duration_ms <= limit:
            return self._clear(at, AlertType.SLOW_PRELOAD, video_id)
        text = f"preload took {duration_ms / 1000:.1f} s, longer than {limit / 1000:g} s"
        kind, severity = AlertType.SLOW_PRELOAD, Severity.WARNING
        return self._judge(
            at, _Finding(kind, severity, text, video_id, value=duration_ms, threshold=limit)
        )

    def on_preload_rate(self, at: datetime, failures: int, finished: int) -> list[Alert]:
        """Judge how many of the last finished preloads failed; returns as above."""
        limit = self.thresholds.preload_failure_ratio
        ratio = failures / finished
        if ratio <= limit:
            return self._clear(at, AlertType.HIGH_PRELOAD_FAILURE_RATE, "")
        text = f"{failures} of the last {finished} preloads failed, more than {limit:.0%}"
        kind, severity = AlertType.HIGH_PRELOAD_FAILURE_RATE, Severity.CRITICAL
        return self._judge(at, _Finding(kind, severity, text, value=ratio, threshold=limit))

    def dismiss(self, alert_id: str, at: datetime) -> Alert | None:
        """Resolve one alert by hand; it stays in the history. Unknown ids give ``None``."""
        for key, alert in self._active.items():
            if alert.id == alert_id:
                return self._resolve(key, at, "dismissed")
        return None

    def _memory(self, at: datetime, memory_mb: float) -> list[Alert]:
        limits, kind = self.thresholds, AlertType.HIGH_MEMORY_USAGE
        severity, limit = Severity.WARNING, limits.high_memory_mb
        if memory_mb > limits.critical_memory_mb:
            severity, limit = Severity.CRITICAL, limits.critical_memory_mb
        if memory_mb <= limit:
            return self._end(at, kind)
        text = f"video memory is {memory_mb:.0f} MB, above {limit:.0f} MB"
        return self._judge(at, _Finding(kind, severity, text, value=memory_mb, threshold=limit))

    def _controllers(self, at: datetime, count: int) -> list[Alert]:
        kind, limit = AlertType.TOO_MANY_CONTROLLERS, self.thresholds.max_controllers
        if count <= limit:
            return self._end(at, kind)
        text = f"{count} controllers, more than {limit}"
        severity = Severity.WARNING
        return self._judge(at, _Finding(kind, severity, text, value=count, threshold=limit))

    def _failed_videos(self, at: datetime, failed: int, total: int) -> list[Alert]:
        kind, limit = AlertType.HIGH_FAILURE_RATE, self.thresholds.failure_ratio
        ratio = failed / total
        if ratio <= limit:
            return self._end(at, kind)
        text = f"{failed} of {total} videos failed, more than {limit:.0%}"
        severity = Severity.CRITICAL
        return self._judge(at, _Finding(kind, severity, text, value=ratio, threshold=limit))

    def _preload(self, change: Change) -> list[Alert]:
        told = self.on_preload_time(
            change.at, change.video_id or "", change.data.get("duration_ms")
        )
        if len(self._outcomes) == RATE_WINDOW:
            self._failures -= self._outcomes[0]
        self._outcomes.append(not change.data.get("success"))
        self._failures += self._outcomes[-1]
        return told + self.on_preload_rate(change.at, self._failures, len(self._outcomes))

    def _breaker(self, change: Change) -> list[Alert]:
        """A trip is about the URL that caused it; when the breaker closes, all of them end."""
        subject = str(change.data.get("url") or "")
        if change.data.get("to") == _CLOSED and change.data.get("from") != _CLOSED:
            kind = AlertType.CIRCUIT_BREAKER_TRIP
            tripped = [key for key in self._active if key[0] is kind]
            return [self._resolve(key, change.at, "cleared") for key in tripped]
        if not change.data.get("trip"):
            return []
        told = self._clear(change.at, AlertType.CIRCUIT_BREAKER_TRIP, subject, "repeated")
        self._trips[subject] += 1
        reason = change.data.get("reason") or "no reason given"
        return told + self._judge(
            change.at,
            _Finding(
                AlertType.CIRCUIT_BREAKER_TRIP,
                Severity.WARNING,
                f"circuit breaker tripped for {subject or 'all loads'}: {reason}",
                subject=subject,
                metadata={"trip_count": self._trips[subject], "video_id": change.video_id},
            ),
        )

    def _pressure(self, change: Change) -> list[Alert]:
        memory = change.data.get("memory_mb")
        limit = self.thresholds.critical_memory_mb
        critical = memory is not None and memory > limit
        told = self._clear(change.at, AlertType.MEMORY_PRESSURE, "", "repeated")
        freed = change.data.get("controllers_disposed")
        at_mb = "" if memory is None else f" at {memory:.0f} MB"
        freed_text = "" if freed is None else f", {freed} controllers freed"
        return told + self._judge(
            change.at,
            _Finding(
                AlertType.MEMORY_PRESSURE,
                Severity.CRITICAL if critical else Severity.WARNING,
                f"memory pressure{at_mb}{freed_text}",
                value=memory,
                threshold=limit if critical else None,
                metadata={name: each for name, each in change.data.items() if name not in ENVELOPE},
            ),
        )

    def _end_pressure(self, at: datetime, memory_mb: float) -> list[Alert]:
        """Pressure is over at the first later sample with memory back under the warning."""
        alert = self._active.get((AlertType.MEMORY_PRESSURE, ""))
        if alert is None or at <= alert.at or memory_mb > self.thresholds.high_memory_mb:
            return []
        return self._clear(at, AlertType.MEMORY_PRESSURE, "")

    def _judge(self, at: datetime, finding: _Finding) -> list[Alert]:
        """Raise an alert, keep the one there is, or change its severity."""
        if not self._has_lasted(at, finding.type):
            return []
        key = (finding.type, finding.subject)
        active, told = self._active.get(key), list[Alert]()
        if active is not None:
            if active.severity is finding.severity:
                return []
            worse = finding.severity is Severity.CRITICAL
            told.append(self._resolve(key, at, "escalated" if worse else "eased"))
        self._numbers[finding.type] += 1
        alert = Alert(
            id=f"{finding.type}-{self._numbers[finding.type]}",
            type=finding.type,
            severity=finding.severity,
            message=finding.message,
            at=at,
            subject=finding.subject,
            value=finding.value,
            threshold=finding.threshold,
            metadata=finding.metadata,
        )
        self._active[key] = alert
        return [*told, alert]

    def _has_lasted(self, at: datetime, kind: AlertType) -> bool:
        """Whether a sampled condition has been true, without a gap, for long enough."""
        limits = self.thresholds
        if limits.sustained_s <= 0 or kind not in _SAMPLED:
            return True
        since, last = self._above.get(kind, (at, at))
        if (at - last).total_seconds() > limits.max_gap_s:
            since = at
        self._above[kind] = (since, at)
        return (at - since).total_seconds() >= limits.sustained_s

    def _end(self, at: datetime, kind: AlertType) -> list[Alert]:
        """A sampled condition does not hold, or no longer."""
        self._above.pop(kind, None)
        return self._clear(at, kind, "")

    def _clear(
        self, at: datetime, kind: AlertType, subject: str, resolution: str = "cleared"
    ) -> list[Alert]:
        key = (kind, subject)
        return [self._resolve(key, at, resolution)] if key in self._active else []

    def _resolve(self, key: tuple[AlertType, str], at: datetime, resolution: str) -> Alert:
        alert = replace(self._active.pop(key), resolved_at=at, resolution=resolution)
        self._resolved.append(alert)
        return alert


_SAMPLED: Final = frozenset(
    (
        AlertType.HIGH_MEMORY_USAGE,
        AlertType.TOO_MANY_CONTROLLERS,
        AlertType.HIGH_FAILURE_RATE,
    )
)
