"""The curves of the memory chart: put in order once, cut to any stretch and width on request.

A widget asks again at every zoom, so what is slow (reading a frame, sorting, finding gaps) happens
once. Whatever gives ``lines`` can be charted; numbers too many for memory come from an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd

from vineview.errors import TelemetryError
from vineview.figures.decimate import Line, Series, gap_after_ms, keep_changes

__all__ = [
    "COLUMNS",
    "Curves",
    "Envelope",
    "EnvelopeCurves",
    "Lines",
    "SeriesCurves",
    "instants_ms",
    "memory_curves",
]

Lines = Mapping[str, Line]
COLUMNS = ("video_memory_mb", "estimated_memory_mb", "video_controllers")
"""What the chart draws: measured memory, the app's estimate, controllers."""
Envelope = Callable[[str, datetime | None, datetime | None, int], pd.DataFrame]
"""Asks an engine for a metric's extremes per bucket, as ``Store.envelope`` does."""
_STEPS = frozenset(COLUMNS[1:])
_KEPT = 8
_GAP_BUCKETS = 2.0


class Curves(Protocol):
    """Gives the chart's lines for a stretch of time."""

    def lines(
        self, *, max_points: int, start_ms: float | None = None, end_ms: float | None = None
    ) -> Lines:
        """Each of `COLUMNS` with its line; empty where there is nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SeriesCurves:
    """Curves in memory.

    Attributes:
        series: Each of `COLUMNS` with its series.
    """

    series: Mapping[str, Series]

    def lines(
        self, *, max_points: int, start_ms: float | None = None, end_ms: float | None = None
    ) -> Lines:
        """Each line in at most ``max_points`` points, extremes kept.

        Args:
            max_points: The most points of any line.
            start_ms: From when, in milliseconds since 1970; from the first sample unless told.
            end_ms: To when.
        """
        return {
            name: _stepped(name, each.cut(max_points=max_points, start_ms=start_ms, end_ms=end_ms))
            for name, each in self.series.items()
        }

    def after(self, at_ms: float) -> Lines:
        """Every point later than an instant."""
        return {name: each.after(at_ms) for name, each in self.series.items()}


@dataclass(frozen=True, slots=True)
class EnvelopeCurves:
    """Curves of more samples than memory should hold: an engine gives each bucket's extremes.

    A bucket's lowest and highest sample are drawn at their own instants, so what is drawn was
    measured; two empty buckets in a row are a gap.

    Attributes:
        envelope: Asks the engine.
    """

    envelope: Envelope
    _answers: dict[tuple[Any, ...], Lines] = field(default_factory=dict, repr=False)
    _wholes: dict[str, tuple[int, Series]] = field(default_factory=dict, repr=False)

    def lines(
        self, *, max_points: int, start_ms: float | None = None, end_ms: float | None = None
    ) -> Lines:
        """Each line in at most ``max_points`` points; the last few answers are kept.

        All of a line in fewer points than before is cut from what is known.

        Args:
            max_points: The most points of any line.
            start_ms: From when, in milliseconds since 1970; from the first sample unless told.
            end_ms: To when.
        """
        question = max_points, start_ms, end_ms
        if question not in self._answers:
            if len(self._answers) >= _KEPT:
                del self._answers[next(iter(self._answers))]
            self._answers[question] = {name: self._line(name, *question) for name in COLUMNS}
        return self._answers[question]

    def _line(
        self, name: str, max_points: int, start_ms: float | None, end_ms: float | None
    ) -> Line:
        start, end = (
            None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
            for ms in (start_ms, end_ms)
        )
        # a NaN for every gap: at most one for each two buckets
        buckets = max(max_points * 2 // 5, 1)
        known, whole = self._wholes.get(name, (0, None))
        if whole is not None and not whole.y.size:
            series = whole  # there is none of it anywhere
        elif whole is not None and start is end is None and known >= buckets:
            series = whole
        else:
            series = self._asked(name, start, end, buckets)
            if start is end is None:
                self._wholes[name] = buckets, series
        line = series.cut(max_points=max_points)
        return _stepped(name, Line(line.at_ms, line.y, line.gaps, is_whole=False))

    def _asked(
        self, name: str, start: datetime | None, end: datetime | None, buckets: int
    ) -> Series:
        """The extremes of a stretch, from the engine."""
        found = self.envelope(name, start, end, buckets)
        at_ms = np.column_stack([instants_ms(found[each]) for each in ("low_at", "high_at")])
        y = np.array(found[["low", "high"]], dtype=float)
        late = at_ms[:, 0] > at_ms[:, 1]
        at_ms[late], y[late] = at_ms[late, ::-1], y[late, ::-1]
        once = np.ones(at_ms.shape, dtype=bool)
        once[:, 1] = at_ms[:, 0] < at_ms[:, 1]
        at_ms, y = at_ms[once], y[once]
        width_ms = (at_ms[-1] - at_ms[0]) / buckets if at_ms.size else 0.0
        gap_ms = max(_GAP_BUCKETS * width_ms, gap_after_ms(at_ms))
        return Series.of(at_ms, y, gap_ms=gap_ms)


def memory_curves(samples: pd.DataFrame) -> SeriesCurves:
    """The curves of samples in memory.

    Args:
        samples: Columns ``at`` (aware UTC), ``video_memory_mb``, and if present
            ``estimated_memory_mb`` and ``video_controllers``; in any order.

    Raises:
        TelemetryError: If ``at`` or ``video_memory_mb`` is missing.

    Example:
        >>> at = pd.date_range("2026-01-01", periods=3, freq="30s", tz="UTC")
        >>> samples = pd.DataFrame({"at": at, "video_memory_mb": [90.0, 95.0, 99.0]})
        >>> memory_curves(samples).lines(max_points=100)["video_memory_mb"].y
        array([90., 95., 99.])
    """
    for column in ("at", "video_memory_mb"):
        if column not in samples:
            raise TelemetryError(
                f"the samples have no column {column!r}, only {', '.join(map(str, samples))}",
                hint="Open the export with Telemetry.open, which names the columns.",
            )
    at_ms = instants_ms(samples["at"])
    return SeriesCurves({name: Series.of(at_ms, _floats(samples, name)) for name in COLUMNS})


def instants_ms(at: pd.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Milliseconds since 1970 of a column of instants; what is no instant becomes NaN."""
    instants = pd.to_datetime(at, utc=True, errors="coerce")
    whole = instants.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    values: np.ndarray[Any, np.dtype[np.float64]] = whole.astype("int64") / 1000.0
    values[np.isnat(whole)] = np.nan
    return values


def _stepped(name: str, line: Line) -> Line:
    return keep_changes(line) if name in _STEPS else line


def _floats(samples: pd.DataFrame, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    if column not in samples:
        return np.full(len(samples), np.nan)
    return pd.to_numeric(samples[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
