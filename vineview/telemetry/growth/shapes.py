"""What else than one ramp a series is: steps, a level reached, a late start, a cycle, falls.

Each is a column that is fitted beside the slope. The decision a reader must know: a step must be
sharp and must leave much less unexplained than the ramp alone, so that noise which wanders is not
cut into steps until nothing is left of a leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vineview.telemetry.growth.buckets import DAY_H
from vineview.telemetry.growth.rates import spread_of

__all__ = [
    "Beginning",
    "Bend",
    "Step",
    "cycles",
    "falls",
    "find_beginning",
    "find_bend",
    "find_steps",
    "levels",
    "risen",
    "sessions_of",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_WEEK_H: Final = 168.0
_BETTER: Final = 0.6
"""A step must leave at most this share of the squares that the fit without it leaves."""
_SHARP: Final = 4.0
"""How many times the usual change between neighbours an edge must be; half of it is enough if
one row differs from the next by six times what is usual."""
_AT_ONCE: Final = 6.0
_STAIRS: Final = 5
_NOTHING: Final = 1e-9
_GROWS_ROWS: Final = 6
_FINE: Final = 0.25
_HARDLY: Final = 0.2
_FALL_SHARE: Final = 0.4
_FALL_ROWS: Final = 5
_GAIN: Final = 0.05
_LINEAR: Final = 0.6
FALL_H: Final = 8.0
"""Growth between two falls must last this long to be taken for a process's life between restarts
nobody recorded; collections and disposals come sooner."""


@dataclass(frozen=True, slots=True)
class Step:
    """One sharp change of level: the row it begins at, and its height in MB."""

    row: int
    height: float


def cycles(hours: Floats) -> Floats:
    """The daily harmonics a window can carry, and the weekly ones from two weeks on.

    Returns:
        Shape (n, 0 to 10): sine and cosine of each.
    """
    window_h, width_h = float(hours[-1] - hours[0]), float(np.median(np.diff(hours)))
    periods: list[float] = []
    if window_h >= 0.97 * DAY_H:  # mean times lie half a bucket inside the window
        periods += [24.0, 12.0] if window_h >= 44 and width_h <= 4 else [24.0]  # noqa: PLR2004 - two days, six values a day
    if width_h > 12:  # noqa: PLR2004 - no daily cycle in daily values
        periods = []
    if window_h >= 1.9 * _WEEK_H:
        periods += [_WEEK_H, _WEEK_H / 2, _WEEK_H / 3]
    angles = [2 * np.pi * hours / period for period in periods]
    columns = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    return np.column_stack(columns) if columns else np.empty((hours.size, 0))


def levels(session: Integers) -> Floats:
    """A constant, then one column per session after the first: its level may differ.

    Returns:
        Shape (n, number of sessions).
    """
    own = session[:, None] == np.unique(session)[1:]
    return np.column_stack((np.ones(session.size), own.astype(np.float64)))


def sessions_of(edges: Integers, count: int) -> Integers:
    """Session numbers of ``count`` rows if one begins at each edge."""
    begins = np.zeros(count, dtype=np.int64)
    begins[edges] = 1
    return np.cumsum(begins)


def find_steps(hours: Floats, values: Floats, beside: Floats) -> tuple[Step, ...]:
    """Sharp changes of level beside a ramp, in order of time.

    Each begins at the row that moves most: three medians see it over as many rows.
    An edge is sharp if the medians of three rows on either side differ far more than they do
    elsewhere. All sharp edges together must leave much less than the ramp alone. Five or more,
    all upwards, are no steps but a leak that is told in whole blocks.

    Args:
        hours: Ascending.
        values: One each.
        beside: What is fitted anyway but the slope, the constant first.
    """
    change = _changes(values)
    rows = _sharp_edges(values, change)
    if not rows.size or rows.size > hours.size // 6:
        return ()
    base = np.column_stack((beside, hours))
    before = residual_power(base, values)
    if before <= _NOTHING * float(values @ values):
        return ()
    heights = change[rows]  # as seen: fitted ones would lean on the slope
    rows = _begun(rows, values, heights)
    levelled = values - (np.arange(hours.size)[:, None] >= rows) @ heights
    if residual_power(base, levelled) > _BETTER * before:
        return ()
    if rows.size >= _STAIRS and (heights > 0).all():
        return ()
    grown = float(np.linalg.lstsq(base, levelled, rcond=None)[0][-1]) * float(hours[-1])
    fallen = -float(heights.sum())
    if fallen > 0 and fallen / 2 <= grown <= 2 * fallen:
        return ()
    return tuple(Step(int(row), float(height)) for row, height in zip(rows, heights, strict=True))


def _changes(values: Floats) -> Floats:
    """How much more than usual the median of three rows differs from that of the three before.

    Zero for the first three rows and the last two, which have no such neighbours.
    """
    level = np.median(np.lib.stride_tricks.sliding_window_view(values, 3), axis=1)
    change = level[3:] - level[:-3]
    return np.concatenate((np.zeros(3), change - np.median(change), np.zeros(2)))


def _sharp_edges(values: Floats, change: Floats) -> Integers:
    """Rows where the level changes at once, more than two rows apart."""
    spread = max(spread_of(change), _NOTHING)
    moved = np.diff(values, prepend=values[0])
    moved -= np.median(moved)
    at_once = np.abs(moved) / max(_AT_ONCE * spread_of(moved), _NOTHING)
    size = np.abs(change) / spread
    sharp = (size > _SHARP) | ((size > _SHARP / 2) & (at_once > 1))
    peaks = [
        row
        for row in np.flatnonzero(sharp)
        if size[row] == size[max(row - 2, 0) : row + 3].max()
        and size[row] > size[max(row - 2, 0) : row].max(initial=0.0)
    ]
    return np.array(peaks, dtype=np.int64)


def _begun(rows: Integers, values: Floats, heights: Floats) -> Integers:
    """Where each change begins: the row of three that moves most its way."""
    near = rows[:, None] + np.arange(-1, 2)
    moved = np.sign(heights)[:, None] * np.diff(values, prepend=values[0])[near]
    return np.asarray(rows + moved.argmax(axis=1) - 1, dtype=np.int64)


def falls(hours: Floats, values: Floats, *, shortest_h: float = FALL_H) -> Integers:
    """Rows at which memory falls back to where it began, again and again or once, after hours.

    Without recorded sessions, a leak cut off by restarts looks like that. Each fall must give
    back most of the range at once, and what lies between two must last ``shortest_h`` hours, as
    the median, and grow all along.

    Returns:
        The rows, ascending; none if the series is not like that throughout.
    """
    nothing = np.empty(0, dtype=np.int64)
    if hours.size < 3 * _FALL_ROWS:
        return nothing
    span = float(np.quantile(values, 0.95) - np.quantile(values, 0.05))
    # over two rows: the fall may lie within a bucket
    drop = values[2:] - values[:-2]
    rows = np.flatnonzero(drop < -_FALL_SHARE * span) + 1
    if not rows.size or span == 0:
        return nothing
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 2) + 1)  # noqa: PLR2004 - rows seen twice
    edges = np.array([run[np.argmin(values[run] - values[run - 1])] for run in runs])
    parts = np.split(np.arange(hours.size), edges)
    whole = parts[1:-1] + [part for part in (parts[0], parts[-1]) if part.size >= _FALL_ROWS]
    if not whole or any(part.size < _FALL_ROWS for part in parts[1:-1]):
        return nothing
    lasted = np.median([hours[part[-1]] - hours[part[0]] for part in whole])
    gains = np.array([_gains(values[part]) for part in whole])
    if lasted < shortest_h or (gains < _GAIN * span).any():
        return nothing
    if gains[:, 1].sum() < _LINEAR * gains[:, 0].sum():  # a cache that fills and is reclaimed
        return nothing
    return edges.astype(np.int64)


def _gains(values: Floats) -> tuple[float, float]:
    """What one stretch gains from its first third to its second, and from that to its last."""
    low, middle, high = (float(np.median(part)) for part in np.array_split(values, 3))
    return middle - low, high - middle


def residual_power(base: Floats, values: Floats) -> float:
    """The sum of squares that least squares on ``base`` leaves."""
    left = values - base @ np.linalg.lstsq(base, values, rcond=None)[0]
    return float(left @ left)


def unexplained(base: Floats, candidates: Floats, values: Floats) -> Floats:
    """What each candidate column leaves, beside the common ones: sums of squared residuals.

    Candidates and values are freed of the common columns first; what one column then explains is
    its squared projection, so all candidates are judged in one product.
    """
    basis = np.linalg.qr(base)[0]
    rest = values - basis @ (basis.T @ values)
    free = candidates - basis @ (basis.T @ candidates)
    power = (free * free).sum(axis=0)
    usable = power > _NOTHING * candidates.shape[0]
    explained = np.divide((free.T @ rest) ** 2, power, out=np.zeros_like(power), where=usable)
    return np.asarray(rest @ rest - explained, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Bend:
    """Growth that slows down: the column fitted for it, and the hour it had turned by.

    ``height`` is what it rises or falls by. ``is_open`` says that the curve still rises at the
    end: whether it will level off is not known.
    """

    column: Floats
    hours: float
    is_open: bool
    height: float


class _Bends(NamedTuple):
    """Columns a bend may have, (n, k); the hours they have turned by and which stay open, (k,)."""

    columns: Floats
    turned_h: Floats
    is_open: NDArray[np.bool_]


def find_bend(
    hours: Floats,
    values: Floats,
    session: Integers,
    beside: Floats,
    *,
    curving_mb: float = 0.0,
) -> Bend | None:
    """Whether growth slows down: a ramp up to a knee, or a curve that nears a level.

    A column counts if beside the slope it leaves much less than the slope alone, less than any one
    step would, and if what it says is that growth slows, not that it begins late nor that a curve
    lies on a ramp that adds more; nor is it counted if it leaves its chord by ``curving_mb`` at
    most, as a daily cycle may.
    """
    window_h = float(hours[-1])
    ramp = np.column_stack((beside, hours))
    before = residual_power(ramp, values)
    if before <= _NOTHING * float(values @ values):
        return None
    candidates = _bends(hours, session, window_h)
    left = unexplained(ramp, candidates.columns, values)
    best = int(left.argmin())
    if left[best] > min(_BETTER * before, _one_step(ramp, values)):
        return None
    column, is_open = candidates.columns[:, best], bool(candidates.is_open[best])
    beta = np.linalg.lstsq(np.column_stack((ramp, column)), values, rcond=None)[0]
    bent = float(beta[-1]) * float(np.ptp(column))
    straight = float(beta[beside.shape[1]]) * window_h
    if bent < 0 and straight > -bent / 4:
        return None  # it begins late, or speeds up
    if is_open and straight > abs(bent):
        return None  # a ramp goes on beside it that adds more
    chord = column[0] + np.ptp(column) * hours / window_h
    sagitta = abs(float(beta[-1])) * float(np.abs(column - chord).max())
    if sagitta <= curving_mb:
        return None
    return Bend(column, float(candidates.turned_h[best]), is_open, bent)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Growth that begins late: the column fitted for it, and the row it begins at."""

    column: Floats
    row: int


def find_beginning(
    hours: Floats, values: Floats, beside: Floats, *, steps: Sequence[Step] = ()
) -> Beginning | None:
    """Whether memory grows from one moment on to the end, and hardly did before.

    A moment counts if a bend there leaves much less than the ramp alone, and less than any one
    step and than the steps found.

    Args:
        hours: Ascending.
        values: One each.
        beside: What is fitted anyway but the slope, the constant first.
        steps: What `find_steps` says.
    """
    ramp = np.column_stack((beside, hours))
    before = residual_power(ramp, values)
    last = hours.size - _GROWS_ROWS
    if before <= _NOTHING * float(values @ values) or last <= _GROWS_ROWS:
        return None
    places = np.arange(2, last, _FINE)
    knees = np.interp(places, np.arange(hours.size), hours)
    columns = np.minimum(hours[:, None], knees)
    left = unexplained(ramp, columns, values)
    best = int(left.argmin())
    stepped = residual_power(np.column_stack((ramp, *risen(steps, hours.size))), values)
    if left[best] > min(_BETTER * before, stepped, _one_step(ramp, values)):
        return None
    beta = np.linalg.lstsq(np.column_stack((ramp, columns[:, best])), values, rcond=None)[0]
    after, earlier = float(beta[-2]), float(beta[-2] + beta[-1])
    if abs(earlier) > _HARDLY * after:
        return None
    return Beginning(columns[:, best], round(places[best]))


def risen(steps: Sequence[Step], count: int) -> list[Floats]:
    """A column for each step: 0 before it, 1 from its row on."""
    return [(np.arange(count) >= step.row).astype(np.float64) for step in steps]


def _one_step(base: Floats, values: Floats) -> float:
    """What the best single step leaves beside the common columns, wherever it is."""
    count = values.size
    steps = (np.arange(count)[:, None] >= np.arange(2, count - 1)).astype(np.float64)
    return float(unexplained(base, steps, values).min())


def _bends(hours: Floats, session: Integers, window_h: float) -> _Bends:
    """Knees over most of the window, curves that near a level, and logarithms, which do not."""
    _, firsts, place = np.unique(session, return_index=True, return_inverse=True)
    age = (hours - hours[firsts][place])[:, None]
    knees = hours[2 : max(int(0.8 * hours.size), 3)]
    taus = window_h * np.geomspace(1 / 60, 1.0, 32)
    short = taus[taus < window_h / 4]
    made = [
        _Bends(np.minimum(hours[:, None], knees), knees, np.zeros(knees.size, np.bool_)),
        _Bends(1 - np.exp(-age / taus), 3 * taus, taus > window_h / 4),
        _Bends(np.log1p(age / short), np.full(short.size, window_h), np.ones(short.size, np.bool_)),
    ]
    if place.any():
        later = np.where(place[:, None] > 0, age, np.inf)
        made.append(_Bends(-np.exp(-later / taus), 3 * taus, taus > window_h / 4))
    columns, turns, opens = zip(*made, strict=True)
    return _Bends(np.hstack(columns), np.concatenate(turns), np.concatenate(opens))
