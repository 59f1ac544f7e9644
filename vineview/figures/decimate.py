"""Fewer points, the same picture: what a chart may leave out, and what it may not.

Every bucket of time keeps its lowest and its highest point, so no spike is lost, and a stretch
without data stays a stretch without data: the line is broken, never drawn across.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Line", "cut", "gap_after_ms", "keep_changes"]

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
_GAP_INTERVALS = 3.0
_POINTS_PER_BREAK = 9  # a break may use a third of the points: each costs two ends and a NaN
_COST_OF_BREAK = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line ready to draw.

    Attributes:
        at_ms: Milliseconds since 1970 in UTC, ascending.
        y: Values; a NaN breaks the line.
        gaps: The breaks, as pairs of the last instant before and the first after, in milliseconds.
    """

    at_ms: Floats
    y: Floats
    gaps: tuple[tuple[float, float], ...] = ()


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
    """Cut a series to at most ``max_points`` points, extremes and gaps kept.

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
    at_ms, y, breaks = _clean(at_ms, y, gap_ms)
    keep = np.arange(at_ms.size)
    if at_ms.size + breaks.size > max_points:
        breaks = _widest(at_ms, breaks, max_points // _POINTS_PER_BREAK)
        keep = _extremes(at_ms, y, breaks, (max_points - 2 - _COST_OF_BREAK * breaks.size) // 2)
    ends = at_ms[breaks], at_ms[breaks + 1]
    at_ms, y = at_ms[keep], y[keep]
    after = np.searchsorted(keep, breaks) + 1
    middle = (ends[0] + ends[1]) / 2
    return Line(
        at_ms=np.insert(at_ms, after, middle),
        y=np.insert(y, after, np.nan),
        gaps=tuple(zip(ends[0].tolist(), ends[1].tolist(), strict=True)),
    )


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
    return Line(line.at_ms[keep], line.y[keep], line.gaps)


def _clean(at_ms: Floats, y: Floats, gap_ms: float | None) -> tuple[Floats, Floats, Indices]:
    """Finite points in order of time, and the indices after which the line breaks."""
    at_ms, y = np.asarray(at_ms, dtype=float), np.asarray(y, dtype=float)
    order = np.argsort(at_ms, kind="stable")
    at_ms, y = at_ms[order], y[order]
    if gap_ms is None:
        gap_ms = gap_after_ms(at_ms)
    finite = np.flatnonzero(np.isfinite(y) & np.isfinite(at_ms))
    at_ms, y = at_ms[finite], y[finite]
    return at_ms, y, np.flatnonzero((np.diff(at_ms) > gap_ms) | (np.diff(finite) > 1))


def _widest(at_ms: Floats, breaks: Indices, most: int) -> Indices:
    """At most ``most`` breaks, the widest ones, ascending."""
    widths = at_ms[breaks + 1] - at_ms[breaks]
    return np.sort(breaks[np.argsort(-widths, kind="stable")[:most]])


def _extremes(at_ms: Floats, y: Floats, breaks: Indices, buckets: int) -> Indices:
    """Ascending indices of each bucket's lowest and highest point, of breaks and of both ends."""
    width = (at_ms[-1] - at_ms[0]) / buckets or 1.0
    bucket = np.minimum(((at_ms - at_ms[0]) / width).astype(np.intp), buckets - 1)
    by_value = np.lexsort((y, bucket))
    starts = np.flatnonzero(np.diff(bucket[by_value])) + 1
    lowest = by_value[np.concatenate([[0], starts])]
    highest = by_value[np.concatenate([starts - 1, [y.size - 1]])]
    return np.unique(np.concatenate([[0], lowest, highest, breaks, breaks + 1, [y.size - 1]]))
