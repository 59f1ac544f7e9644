"""Where a chart's numbers come from: a running monitor, or telemetry that was recorded.

Both give the same frames to the same figures; only how the data comes in differs, and that is told
in words. The chart itself never asks which one it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, cast

import pandas as pd

from vineview.clock import Clock, SystemClock
from vineview.errors import UsageError
from vineview.figures.curves import Curves, SeriesCurves, memory_curves
from vineview.figures.marks import MARKED
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.telemetry.frames import events_frame, samples_frame
from vineview.telemetry.schema import Sample, change_to_record
from vineview.telemetry.thresholds import Thresholds
from vineview.widgets.stretch import stretch_of

__all__ = [
    "FrameSource",
    "LiveSource",
    "MemorySource",
    "RecordedSource",
    "Status",
    "last_sample",
    "limits_of",
    "source_of",
    "span_status",
]

_JUDGED = frozenset({"navigate", "memory_pressure"})  # what a verdict reads of events
_ANALYTICS_SHARE = 20.0  # analytics may take a twentieth of the time
_ANALYTICS_PAUSE_S = 10.0  # but a slow first time must not leave growth unsaid for long


@dataclass(frozen=True, slots=True)
class Status:
    """How the data comes in.

    Attributes:
        mode: ``live``, ``stopped`` or ``recorded``.
        text: The same for people, with the interval or the span.
        next_in_s: Seconds until the next sample, when one is due.
        empty: What to say instead of a chart while there is no sample.
    """

    mode: str
    text: str
    next_in_s: float | None = None
    empty: str = ""


class MemorySource(Protocol):
    """What a memory chart asks of its data."""

    @property
    def thresholds(self) -> Thresholds:
        """Where memory is high and critical."""
        ...

    @property
    def reading(self) -> Sample | None:
        """The latest sample."""
        ...

    @property
    def status(self) -> Status:
        """How the data comes in."""
        ...

    @property
    def samples(self) -> pd.DataFrame:
        """The samples, by time."""
        ...

    @property
    def curves(self) -> Curves:
        """The samples as curves, cut to any stretch."""
        ...

    @property
    def marks(self) -> pd.DataFrame:
        """The events worth a mark, by time."""
        ...

    @property
    def usage(self) -> Any:
        """``Analytics.memory_usage``; ``None`` if nobody computed it."""
        ...

    def usage_between(self, start_at: datetime, end_at: datetime) -> Any:
        """``Analytics.memory_usage`` of a stretch; ``None`` without a sample in it."""
        ...

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever there is more, until the result is called."""
        ...


def source_of(
    data: VideoPerformanceMonitor | Telemetry | MemorySource, *, clock: Clock | None = None
) -> MemorySource:
    """The source for a monitor or for telemetry.

    Args:
        data: Either, or whatever gives what `MemorySource` asks for.
        clock: The time a person sees pass; the machine's unless told.

    Raises:
        UsageError: If it is neither; the hint says what to pass.
    """
    if hasattr(data, "curves") and hasattr(data, "usage_between"):
        return cast("MemorySource", data)
    if hasattr(data, "current_sample") and hasattr(data, "subscribe"):
        return LiveSource(cast("VideoPerformanceMonitor", data), clock=clock)
    if hasattr(data, "analytics") and hasattr(data, "samples"):
        if data.is_in_memory:
            return RecordedSource(data)
        from vineview.widgets.engine import EngineSource  # noqa: PLC0415 - it reads this module

        return EngineSource(data)
    raise UsageError(
        f"a chart cannot be drawn of a {type(data).__name__}",
        hint="Pass a VideoPerformanceMonitor, or Telemetry.open(path).",
    )


class LiveSource:
    """Reads a running monitor.

    Args:
        monitor: The monitor; its own clock may be a replay's.
        clock: The time a person sees pass, for the countdown to the next sample.
    """

    def __init__(self, monitor: VideoPerformanceMonitor, *, clock: Clock | None = None) -> None:
        self._monitor = monitor
        self._clock = clock or SystemClock()
        self._heard_at: float | None = None
        self._frame = samples_frame([])
        self._framed: Sample | None = None
        self._curves: tuple[pd.DataFrame, SeriesCurves] | None = None
        self._usage: Any = None
        self._usage_after = float("-inf")

    @property
    def thresholds(self) -> Thresholds:
        """The monitor's limits."""
        return self._monitor.thresholds

    @property
    def reading(self) -> Sample | None:
        """The latest sample."""
        return self._monitor.current_sample

    @property
    def status(self) -> Status:
        """Live with the interval, or stopped."""
        monitor, every = self._monitor, self._monitor.sampling_interval_s
        if not monitor.is_monitoring:
            empty = "The monitor is not sampling: call monitor.start()"
            return Status("stopped", "Not sampling", empty=empty)
        empty = f"Waiting for the first sample; one is taken every {every:g} s"
        next_in_s = None
        if self._heard_at is not None:
            next_in_s = max(self._heard_at + every - self._clock.now(), 0.0)
        return Status("live", f"Live, every {every:g} s", next_in_s, empty)

    @property
    def samples(self) -> pd.DataFrame:
        """The samples the monitor keeps; the frame is made once per new sample."""
        samples = self._monitor.samples
        if not samples or samples[-1] is not self._framed or len(samples) != len(self._frame):
            self._frame = samples_frame([sample.to_record() for sample in samples])
            self._framed = samples[-1] if samples else None
        return self._frame

    @property
    def curves(self) -> SeriesCurves:
        """The samples it keeps; put in order once per new sample."""
        samples = self.samples
        if self._curves is None or self._curves[0] is not samples:
            self._curves = samples, memory_curves(samples)
        return self._curves[1]

    @property
    def marks(self) -> pd.DataFrame:
        """The changes it keeps that are worth a mark."""
        return self._events(MARKED)

    @property
    def usage(self) -> Any:
        """The figures of all it keeps; computed anew only as often as they are cheap."""
        began = self._clock.now()
        if began >= self._usage_after:
            self._usage = stretch_of(self.samples, self._events(_JUDGED))
            took = self._clock.now() - began
            pause = min(took * _ANALYTICS_SHARE, _ANALYTICS_PAUSE_S)
            self._usage_after = self._clock.now() + pause
        return self._usage

    def usage_between(self, start_at: datetime, end_at: datetime) -> Any:
        """The figures of what it keeps of that stretch."""
        events = self._events(_JUDGED)
        return stretch_of(self.samples, events, start_at=start_at, end_at=end_at)

    def _events(self, kinds: Collection[str]) -> pd.DataFrame:
        changes = [each for each in self._monitor.changes if each.kind in kinds]
        return events_frame([change_to_record(each) for each in changes])

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Follow the monitor's samples, and the changes worth a mark."""

        def hear(news: object) -> None:
            if isinstance(news, Sample):
                self._heard_at = self._clock.now()
                listener()
            elif getattr(news, "kind", None) in MARKED:
                listener()

        return self._monitor.subscribe(hear)


class FrameSource:
    """Reads a frame of samples, however long.

    Args:
        samples: Columns as ``Telemetry.samples``, by time; ``at`` and ``video_memory_mb`` suffice.
        events: Columns as ``Telemetry.events``.
        thresholds: The limits drawn.

    Example:
        >>> at = pd.date_range("2026-01-01", periods=3, freq="30s", tz="UTC")
        >>> samples = pd.DataFrame({"at": at, "video_memory_mb": [90.0, 95.0, 99.0]})
        >>> FrameSource(samples).status.text
        'Recorded 2026-01-01 00:00 to 00:01 UTC'
    """

    def __init__(
        self,
        samples: pd.DataFrame,
        events: pd.DataFrame | None = None,
        *,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.samples = samples
        self.marks = events_frame([]) if events is None else events
        self.thresholds = thresholds or Thresholds()

    @cached_property
    def reading(self) -> Sample | None:
        """The last sample."""
        return last_sample(self.samples)

    @cached_property
    def status(self) -> Status:
        """From when to when."""
        return span_status(self.samples)

    @cached_property
    def curves(self) -> Curves:
        """All of it."""
        return memory_curves(self.samples)

    @cached_property
    def usage(self) -> Any:
        """The figures of all of it."""
        return stretch_of(self.samples, self.marks)

    def usage_between(self, start_at: datetime, end_at: datetime) -> Any:
        """The figures of that stretch."""
        return stretch_of(self.samples, self.marks, start_at=start_at, end_at=end_at)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Nothing ever comes; there is nothing to end."""
        del listener
        return lambda: None


class RecordedSource(FrameSource):
    """Reads telemetry; it never changes.

    Args:
        telemetry: The export.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        limits = limits_of(telemetry)
        super().__init__(telemetry.samples, telemetry.events, thresholds=limits)
        self._telemetry = telemetry

    @cached_property
    def usage(self) -> Any:
        """The analytics of the whole recording."""
        return self._telemetry.analytics().memory_usage


def limits_of(telemetry: Telemetry) -> Thresholds:
    """The limits of the monitor that recorded, and of its manager the cap on controllers.

    Args:
        telemetry: The export.
    """
    cap = (telemetry.config or {}).get("max_controllers")
    limits = telemetry.thresholds
    return limits if cap is None else replace(limits, max_controllers=int(cap))


def span_status(samples: pd.DataFrame) -> Status:
    """How a recording came in: from when to when.

    Args:
        samples: By time; ``at`` is read.
    """
    at = samples["at"]
    if at.empty:
        return Status("recorded", "Recorded", empty="This export holds no samples")
    start, end = at.iloc[0], at.iloc[-1]
    ends = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
    text = f"Recorded {start:%Y-%m-%d %H:%M} to {ends} UTC"
    return Status("recorded", text, empty="No memory was measured in this recording")


def last_sample(samples: pd.DataFrame) -> Sample | None:
    """The last row with a measurement, as a sample; ``None`` without one.

    Args:
        samples: Columns as ``Telemetry.samples``.
    """
    measured = samples.dropna(subset=["video_memory_mb"])
    if measured.empty:
        return None
    row = measured.iloc[-1]
    known: dict[str, Any] = {
        name: row[name]
        for name in ("video_memory_mb", "estimated_memory_mb", "video_controllers")
        if name in row and pd.notna(row[name])
    }
    source = row.get("memory_source")
    if source is not None and not pd.isna(source):
        known["memory_source"] = str(source)
    return Sample(at=row["at"].to_pydatetime(), **known)
