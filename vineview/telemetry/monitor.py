"""VideoPerformanceMonitor: samples a manager, keeps its changes, raises threshold alerts.

Live and replay feed the same two doors, `record_sample` and `record_change`; everything shown or
exported follows from what came through them. All history is bounded. (Reference, section 8.)
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from vineview.clock import Clock
from vineview.core.changes import Change, ChangeKind
from vineview.core.view import ManagerView
from vineview.errors import UsageError
from vineview.telemetry.baseline import Baseline
from vineview.telemetry.export import Telemetry
from vineview.telemetry.measuring import Reported, measure
from vineview.telemetry.ranges import TimeRange, parse_range
from vineview.telemetry.schema import (
    DIMENSIONS,
    FORMAT,
    UNITS,
    VERSION,
    Sample,
    change_to_record,
    format_at,
)
from vineview.telemetry.thresholds import Alert, AlertBook, Thresholds

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.dashboard import Statistics

__all__ = ["VideoPerformanceMonitor"]

Listener = Callable[[Sample | Alert | Change], object]

_LOG: Final = logging.getLogger(__name__)


class VideoPerformanceMonitor:
    """Watches a manager, live or replayed.

    Args:
        manager: What to watch.
        sampling_interval_s: Seconds between samples; the first is taken at once.
        max_samples: How many samples are kept, oldest out: 1000 at 30 s are 8.3 h.
        clock: Whose time samples carry; the manager's unless told.
        thresholds: The limits alerts compare with.
        max_changes: How many changes are kept. Older ones are folded into a snapshot, so an
            export still says what the feed was.
        labels: ``device_id``, ``session_id``, ``platform``, ``network``, ``app_version`` or
            ``country``, written into every sample.

    Example:
        >>> monitor = VideoPerformanceMonitor(manager)  # doctest: +SKIP
        >>> monitor.start()  # doctest: +SKIP
        >>> monitor.get_analytics("2h").memory_usage.peak_mb  # doctest: +SKIP
    """

    def __init__(
        self,
        manager: ManagerView,
        *,
        sampling_interval_s: float = 30.0,
        max_samples: int = 1000,
        clock: Clock | None = None,
        thresholds: Thresholds | None = None,
        max_changes: int = 20_000,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        if max_samples < 1 or max_changes < 1:
            raise UsageError(
                f"a monitor cannot keep {min(max_samples, max_changes)} records",
                hint="Pass max_samples and max_changes of at least 1.",
            )
        unknown = sorted(set(labels or ()) - set(DIMENSIONS))
        if unknown:
            raise UsageError(
                f"samples have no label {unknown[0]!r}", hint=f"Known: {', '.join(DIMENSIONS)}."
            )
        self._manager = manager
        self._clock = clock or manager.clock
        self._interval_s = _positive(sampling_interval_s)
        self._labels = dict(labels or {})
        self._samples: deque[Sample] = deque(maxlen=max_samples)
        self._changes: deque[Change] = deque(maxlen=max_changes)
        self._thresholds = thresholds or Thresholds()
        self._book = AlertBook(self._thresholds)
        self._baseline = Baseline()
        self._durations_ms: deque[float] = deque(maxlen=max_changes)
        self._reported = Reported()
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._due_s = 0.0
        self._is_stopped = False
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples kept, oldest first."""
        return tuple(self._samples)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes kept, oldest first."""
        return tuple(self._changes)

    @property
    def current_sample(self) -> Sample | None:
        """The latest sample, if there is one."""
        return self._samples[-1] if self._samples else None

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Every alert kept, resolved ones too, oldest first."""
        return self._book.history

    @property
    def active_alerts(self) -> tuple[Alert, ...]:
        """The alerts whose condition still holds."""
        return self._book.active

    @property
    def thresholds(self) -> Thresholds:
        """The limits alerts compare with."""
        return self._thresholds

    @property
    def sampling_interval_s(self) -> float:
        """Seconds between samples."""
        return self._interval_s

    @property
    def is_monitoring(self) -> bool:
        """Whether samples are being taken."""
        return self._task is not None

    def start(self) -> None:
        """Take a sample now and one every interval; listen to the manager. Twice is once.

        Raises:
            UsageError: Outside a running event loop.
        """
        if self._task is not None:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            raise UsageError(
                "a monitor starts inside a running event loop",
                hint="Call it from a coroutine or a notebook cell, or use take_sample().",
            ) from error
        self._is_stopped = False
        if not self._samples and not self._changes:
            self._baseline = Baseline.of(self._manager, self._clock.utc())
        self._unsubscribe = self._manager.subscribe(self.record_change)
        self.take_sample()
        self._due_s = self._clock.now() + self._interval_s
        self._task = asyncio.create_task(self._run(), name="vineview-monitor")

    def stop(self) -> None:
        """Stop sampling and listening. What was recorded stays; recording does nothing now."""
        self._is_stopped = True
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def aclose(self) -> None:
        """Stop, and return once the sampling task is gone."""
        task = self._task
        self.stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    def set_sampling_interval(self, seconds: float) -> None:
        """Sample every so many seconds from the last sample on, at once.

        Raises:
            UsageError: If it is not a positive number.
        """
        seconds = _positive(seconds)
        if self._task is not None:
            self._due_s = max(self._due_s - self._interval_s + seconds, self._clock.now())
            self._task.cancel()
            self._task = asyncio.create_task(self._run(), name="vineview-monitor")
        self._interval_s = seconds

    def take_sample(self) -> Sample:
        """Measure the manager now and record the sample.

        Returns:
            The sample; after `stop` it is measured but not recorded.
        """
        sample = self._sample_now()
        self.record_sample(sample)
        return sample

    def record_sample(self, sample: Sample) -> None:
        """Take in one sample, measured or replayed: keep it, judge it, tell listeners."""
        if self._is_stopped:
            return
        self._samples.append(sample)
        self._durations_ms.clear()
        self._tell(sample, *self._book.on_sample(sample))

    def record_change(self, change: Change) -> None:
        """Take in one change, live or replayed: keep it, judge it, tell listeners."""
        if self._is_stopped:
            return
        self._keep(change)
        self._tell(change, *self._book.on_change(change))

    def refill(
        self,
        samples: Iterable[Sample],
        changes: Iterable[Change] = (),
        *,
        book: AlertBook | None = None,
    ) -> None:
        """Replace everything recorded by what is given, telling no listener.

        For a replay that jumps: afterwards the monitor is as if it had watched it all. A ``book``
        that has judged them spares judging them again.
        """
        self.reset()
        records: list[Sample | Change] = [*changes, *samples]
        for record in sorted(records, key=lambda record: record.at):
            if isinstance(record, Sample):
                self._samples.append(record)
            else:
                self._keep(record)
            if book is None:
                self._book.on_record(record)
        self._durations_ms.clear()
        self._book = book or self._book

    def record_preload(
        self,
        video_id: str,
        *,
        success: bool,
        duration_ms: float | None = None,
        error: str | None = None,
        **facts: Any,
    ) -> None:
        """Record a preload that finished outside the watched manager.

        Args:
            video_id: Which video.
            success: Whether it became ready.
            duration_ms: How long the attempt took.
            error: Why it failed; a failure without a reason is counted too.
            **facts: Other fields of a ``preload`` event, such as ``error_class`` or ``host``.
        """
        if not self._is_stopped:
            self._reported.successes += success
            self._reported.failures += not success
        data = {"success": success, "duration_ms": duration_ms, "error": error, **facts}
        self._record(ChangeKind.PRELOAD, video_id, data)

    def record_breaker_trip(
        self, video_id: str | None = None, *, reason: str = "", url: str | None = None
    ) -> None:
        """Record that a circuit breaker opened outside the watched manager."""
        if not self._is_stopped:
            self._reported.trips += 1
        facts = {"from": "closed", "to": "open", "reason": reason, "trip": True}
        self._record(ChangeKind.BREAKER, video_id, {**facts, "url": url or video_id})

    def record_memory_pressure(self, memory_mb: float, controllers_disposed: int = 0) -> None:
        """Record memory pressure handled outside the watched manager."""
        if not self._is_stopped:
            self._reported.pressures += 1
        data = {"memory_mb": memory_mb, "controllers_disposed": controllers_disposed}
        self._record(ChangeKind.MEMORY_PRESSURE, None, data)

    def record_crash(self, reason: str = "", **facts: Any) -> None:
        """Record that the app crashed."""
        if not self._is_stopped:
            self._reported.crashes += 1
        self._record(ChangeKind.CRASH, None, {"error": reason or None, **facts})

    def dismiss_alert(self, alert_id: str) -> bool:
        """Resolve an active alert by hand; it stays in `alerts`. False if there is none."""
        alert = self._book.dismiss(alert_id, self._clock.utc())
        if alert is not None:
            self._tell(alert)
        return alert is not None

    def reset(self) -> None:
        """Forget every sample, change and alert. Sampling and listeners go on."""
        self._samples.clear()
        self._changes.clear()
        self._durations_ms.clear()
        self._book = AlertBook(self._thresholds)
        self._reported = Reported()
        self._baseline = Baseline()
        if self._task is not None:
            self._baseline = Baseline.of(self._manager, self._clock.utc())

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each sample, change and alert (raised or resolved).

        A listener that raises is logged and recorded as an ``error`` change; others still hear.

        Returns:
            A function that ends the subscription.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def get_analytics(self, time_range: TimeRange = None) -> Analytics:
        """What the records say, counted back from now.

        Args:
            time_range: A timedelta or ``"2h"``; everything kept if ``None``.

        Raises:
            UsageError: If the range is malformed.
        """
        return self.export(time_range).analytics()

    def statistics(self) -> Statistics:
        """The figures of this moment, as the app's dashboard shows them."""
        from vineview.telemetry.dashboard import statistics_of  # noqa: PLC0415 - brings in scipy

        trips: Counter[str] = Counter()
        for change in self._changes:
            if change.kind is ChangeKind.BREAKER and change.data.get("trip"):
                trips[str(change.data.get("url") or change.video_id or "unknown")] += 1
        return statistics_of(self.samples, self.get_analytics(), trips, at=self._clock.utc())

    def export(self, time_range: TimeRange = None) -> Telemetry:
        """The records as an export, in memory; its ``write`` makes a file.

        Args:
            time_range: How far back from now; everything kept if ``None``.

        Raises:
            UsageError: If the range is malformed.
        """
        asked, now = parse_range(time_range), self._clock.utc()
        since = None if asked is None else now - asked
        samples = [each for each in self._samples if since is None or each.at >= since]
        baseline, changes = self._baseline.copy(), list[Change]()
        for change in self._changes:
            if since is not None and change.at < since:
                baseline.absorb(change)
            else:
                changes.append(change)
        firsts = [*(each.at for each in samples[:1]), *(each.at for each in changes[:1])]
        start_at = min(firsts, default=now)
        events = [change_to_record(each) for each in (*baseline.changes(start_at), *changes)]
        header = {
            "format": FORMAT,
            "version": VERSION,
            "generated_at": format_at(now),
            "range": {
                "asked_s": None if asked is None else asked.total_seconds(),
                "from": format_at(start_at),
                "to": format_at(now),
            },
            "source": "embedded manager",
            "units": UNITS,
            "thresholds": asdict(self._thresholds),
            "config": self._manager.config.to_dict(),
            "records": {"samples": len(samples), "events": len(events)},
        }
        return Telemetry(header, [each.to_record() for each in samples], events)

    async def _run(self) -> None:
        """Sample whenever it is due; once the manager is disposed there is nothing to sample."""
        while True:
            await self._clock.sleep(self._due_s - self._clock.now())
            self._due_s += self._interval_s
            if self._due_s <= self._clock.now():  # the machine slept: skip what was missed
                self._due_s = self._clock.now() + self._interval_s
            try:
                if self._manager.get_debug_info().get("disposed"):
                    self.stop()
                    return
                self.take_sample()
            except Exception as error:  # noqa: BLE001 - a manager that raises once may recover
                _LOG.exception("sampling failed")
                self._keep(_error(self._clock, error, "sampling"))

    def _sample_now(self) -> Sample:
        labels: dict[str, Any] = self._labels
        sample = measure(self._manager, self._reported, self._durations_ms, self._clock.utc())
        return replace(sample, **labels)

    def _record(self, kind: ChangeKind, video_id: str | None, data: Mapping[str, Any]) -> None:
        self.record_change(Change(kind, self._clock.utc(), video_id, data=data))

    def _keep(self, change: Change) -> None:
        """Append a change; the one it pushes out is folded into the baseline."""
        if len(self._changes) == self._changes.maxlen:
            self._baseline.absorb(self._changes[0])
        self._changes.append(change)
        if change.kind is ChangeKind.PRELOAD and change.data.get("success"):
            duration_ms = change.data.get("duration_ms")
            if duration_ms is not None:
                self._durations_ms.append(duration_ms)
        elif change.kind is ChangeKind.NETWORK and change.data.get("network"):
            self._labels["network"] = str(change.data["network"])

    def _tell(self, *news: Sample | Alert | Change) -> None:
        for item in news:
            for listener in tuple(self._listeners):
                try:
                    listener(item)
                except Exception as error:  # noqa: BLE001 - one listener must not silence others
                    _LOG.exception("a monitor's listener failed")
                    self._keep(_error(self._clock, error, "monitor listener"))

    def __repr__(self) -> str:
        state = "sampling" if self.is_monitoring else "not sampling"
        return (
            f"VideoPerformanceMonitor({state} every {self._interval_s:g} s, "
            f"{len(self._samples)} samples, {len(self.active_alerts)} active alerts)"
        )


def _error(clock: Clock, error: Exception, where: str) -> Change:
    data = {"error": f"{type(error).__name__}: {error}", "where": where}
    return Change(ChangeKind.ERROR, clock.utc(), data=data)


def _positive(seconds: float) -> float:
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds <= 0:
        raise UsageError(
            f"a sampling interval of {seconds!r} s makes no sense",
            hint="Pass a positive number of seconds; the app samples every 30.",
        )
    return float(seconds)
