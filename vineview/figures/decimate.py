"""Fewer points, the same picture: what a chart may leave out, and what it may not.

MinMaxLTTB chooses the points that carry the shape; because it may drop a low beside a high, every
bucket's own lowest and highest point are kept beside them, so no spike is lost at any zoom. A
stretch without data stays a stretch without data: the line is broken, never drawn across.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from tsdownsample import MinMaxDownsampler, MinMaxLTTBDownsampler

__all__ = ["MIN_POINTS", "Line", "Series", "cut", "gap_after_ms", "keep_changes"]

MIN_POINTS = 6
"""The fewest points a line can be cut to."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
_GAP_INTERVALS = 3.0
_POINTS_PER_BREAK = 9  # a break may use a third of the points: each costs two ends and a NaN
_COST_OF_BREAK = 3
_SHAPED = 16  # with less room than this, only the extremes
_EXTREMES: Any = MinMaxDownsampler()  # type: ignore[no-untyped-call] # it states no types
_SHAPE: Any = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call] # likewise


@dataclass(frozen=True, slots=True)
class Line:
    """A line ready to draw.

    Attributes:
        at_ms: Milliseconds since 1970 in UTC, ascending.
        y: Values; a NaN breaks the line.
        gaps: The breaks, as pairs of the last instant before and the first after, in milliseconds.
        is_whole: Whether every point is there, so that a closer look shows nothing more.
    """

    at_ms: Floats
    y: Floats
    gaps: tuple[tuple[float, float], ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """A metric over time, put in order once, so that any stretch of it is cut in milliseconds.

    Attributes:
        at_ms: Milliseconds since 1970 in UTC, ascending.
        y: Values, all finite.
        breaks: Indices after which the line is broken, ascending.

    Example:
        >>> series = Series.of(np.arange(1e6), np.zeros(1_000_000))
        >>> series.cut(max_points=600, start_ms=100, end_ms=110).at_ms.size
        13
    """

    at_ms: Floats
    y: Floats
    breaks: Indices

    @classmethod
    def of(cls, at_ms: Floats, y: Floats, *, gap_ms: float | None = None) -> Self:
        """Put points in order.

        Args:
            at_ms: Instants in milliseconds, in any order.
            y: Values; what is not finite counts as missing and breaks the line.
            gap_ms: The silence that breaks the line; three usual intervals unless told.
        """
        at_ms, y = np.asarray(at_ms, dtype=float), np.asarray(y, dtype=float)
        if (at_ms[1:] < at_ms[:-1]).any() or np.isnan(at_ms).any():
            order = np.argsort(at_ms, kind="stable")
            at_ms, y = at_ms[order], y[order]
        if gap_ms is None:
            gap_ms = gap_after_ms(at_ms)
        finite = np.isfinite(y) & np.isfinite(at_ms)
        if finite.all():
            return cls(at_ms, y, np.flatnonzero(np.diff(at_ms) > gap_ms))
        kept = np.flatnonzero(finite)
        at_ms, y = at_ms[kept], y[kept]
        return cls(at_ms, y, np.flatnonzero((np.diff(at_ms) > gap_ms) | (np.diff(kept) > 1)))

    def cut(
        self, *, max_points: int, start_ms: float | None = None, end_ms: float | None = None
    ) -> Line:
        """A stretch in at most ``max_points`` points, extremes and gaps kept.

        Args:
            max_points: The most points the result may have, at least 6.
            start_ms: From when; the point before it belongs to the stretch, so that the line
                comes in from the edge.
            end_ms: To when; likewise the point after it.
        """
        first, last = 0, self.at_ms.size
        if start_ms is not None:
            first = max(int(np.searchsorted(self.at_ms, start_ms, "left")) - 1, 0)
        if end_ms is not None:
            last = min(int(np.searchsorted(self.at_ms, end_ms, "right")) + 1, last)
        inner = (self.breaks >= first) & (self.breaks < last - 1)
        stretch = slice(first, last)
        return _cut(
            self.at_ms[stretch], self.y[stretch], self.breaks[inner] - first, max_points=max_points
        )

    def after(self, at_ms: float) -> Line:
        """What came after an instant, every point of it; begins with a NaN if a gap lies before.

        Args:
            at_ms: The last instant already drawn, in milliseconds.
        """
        first = int(np.searchsorted(self.at_ms, at_ms, "right"))
        if first == 0:
            return self.cut(max_points=self.at_ms.size + 3 * self.breaks.size + MIN_POINTS)
        rest = self.breaks[self.breaks >= first - 1] - (first - 1)
        line = _joined(self.at_ms[first - 1 :], self.y[first - 1 :], rest, None)
        return Line(line.at_ms[1:], line.y[1:], line.gaps)


def gap_after_ms(at_ms: Floats) -> float:
    """How long a silence breaks the line: three usual intervals, in milliseconds.

    The usual interval is the median one, so that a few outages do not hide themselves.

    Example:
        >>> gap_after_ms(np.array([0.0, 10.0, 20.0, 30.0, 500.0]))
        30.0
    """
    steps = np.diff(np.sort(at_ms))
    steps = steps[steps > 0]
    if steps.size == 0:
        return float("inf")
    return float(np.median(steps)) * _GAP_INTERVALS


def cut(at_ms: Floats, y: Floats, *, max_points: int, gap_ms: float | None = None) -> Line:
    """Cut points in any order to at most ``max_points``, extremes and gaps kept.

    Args:
        at_ms: Instants in milliseconds, in any order.
        y: Values; what is not finite counts as missing.
        max_points: The most points the result may have, at least 6.
        gap_ms: The silence that breaks the line; three usual intervals unless told.

    Example:
        >>> line = cut(np.arange(1000.0), np.zeros(1000), max_points=60)
        >>> line.at_ms.size <= 60, line.at_ms[0], line.at_ms[-1]
        (True, np.float64(0.0), np.float64(999.0))
    """
    return Series.of(at_ms, y, gap_ms=gap_ms).cut(max_points=max_points)


def keep_changes(line: Line) -> Line:
    """Drop the inner points of flat stretches: all a line drawn in steps needs.

    Example:
        >>> keep_changes(Line(np.arange(5.0), np.array([1.0, 1.0, 1.0, 2.0, 2.0]))).at_ms
        array([0., 3., 4.])
    """
    if not line.y.size:
        return line
    changes = line.y[1:] != line.y[:-1]
    last_before_break = np.append(np.isnan(line.y[1:]), [True])
    keep = np.concatenate([[True], changes]) | last_before_break
    return Line(line.at_ms[keep], line.y[keep], line.gaps, line.is_whole)


def _cut(at_ms: Floats, y: Floats, breaks: Indices, *, max_points: int) -> Line:
    if at_ms.size + breaks.size <= max_points:
        return _joined(at_ms, y, breaks, None)
    breaks = _widest(at_ms, breaks, max_points // _POINTS_PER_BREAK)
    chosen = _chosen(at_ms, y, room=max_points - 2 - _COST_OF_BREAK * breaks.size)
    ends = np.array([0, y.size - 1])
    return _joined(at_ms, y, breaks, np.unique(np.concatenate([ends, chosen, breaks, breaks + 1])))


def _joined(at_ms: Floats, y: Floats, breaks: Indices, keep: Indices | None) -> Line:
    """The kept points with a NaN in the middle of each break; all points if ``keep`` is none."""
    ends = at_ms[breaks], at_ms[breaks + 1]
    gaps = tuple(zip(ends[0].tolist(), ends[1].tolist(), strict=True))
    after = breaks + 1 if keep is None else np.searchsorted(keep, breaks) + 1
    if keep is not None:
        at_ms, y = at_ms[keep], y[keep]
    if breaks.size:
        at_ms = np.insert(at_ms, after, (ends[0] + ends[1]) / 2)
        y = np.insert(y, after, np.nan)
    return Line(at_ms, y, gaps, is_whole=keep is None)


def _widest(at_ms: Floats, breaks: Indices, most: int) -> Indices:
    """At most ``most`` breaks, the widest ones, ascending."""
    widths = at_ms[breaks + 1] - at_ms[breaks]
    return np.sort(breaks[np.argsort(-widths, kind="stable")[:most]])


def _chosen(at_ms: Floats, y: Floats, *, room: int) -> Indices:
    """Indices of at most ``room`` points: the shape, and each bucket's lowest and highest."""
    over: tuple[Any, ...] = (at_ms, y) if at_ms[-1] > at_ms[0] else (y,)
    shape_room = room // 2 if room >= _SHAPED else 0
    extremes = _EXTREMES.downsample(*over, n_out=(room - shape_room) // 2 * 2)
    chosen = [extremes.astype(np.intp)]
    if shape_room:
        shape = _SHAPE.downsample(*over, n_out=shape_room)
        chosen.append(shape.astype(np.intp))
    return np.concatenate(chosen)
