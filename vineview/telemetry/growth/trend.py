"""How memory moves: the app's trend, least squares, and a growth rate one can trust.

The robust rate is Theil-Sen over the medians of equal time buckets, so neither spikes nor a burst
of samples moves it; its interval is widened by how much neighbouring residuals resemble each
other, because memory is never independent noise (`rates`). What is not growth is fitted beside it
and taken out: the levels of sessions, sharp steps, the daily and weekly cycle, the curve of a
cache that fills, what lies before a late beginning (`shapes`). The decision a reader must know:
the rate is the one *within* sessions, so a leak that restarts cut off is still a leak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vineview.telemetry.growth import shapes
from vineview.telemetry.growth.rates import Interval, huber, median_slope, spread_of, theil_sen

__all__ = [
    "DAILY_CYCLE_MB",
    "DAILY_CYCLE_SHARE",
    "LARGEST_MB",
    "Direction",
    "Growth",
    "Interval",
    "Shape",
    "Trend",
    "growth",
    "least_squares_slope",
    "trend",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DAILY_CYCLE_MB: Final = 40.0
"""The daily cycle assumed, peak to peak; at its steepest it rises by 5.2 MB/h."""
DAILY_CYCLE_SHARE: Final = 0.1
"""The same in processes above 400 MB, as a share of the level."""

LARGEST_MB: Final = 1e100
"""What is larger is no memory, and its squares are no numbers."""

_TAIL: Final = 10
_CHANGE: Final = 0.10
_FEW: Final = 8
_CALM: Final = 0.5
_GAP: Final = 1 / 6
"""The share of a window from which a stretch without samples is asked what grew in it."""
_STEPS_BEFORE: Final = 2
"""How many steps are taken out to see whether growth begins after them."""
_SESSIONS: Final = 48
"""How many sessions a rate is read from, the longest: as many as there are buckets, so that it
takes no longer for any number of restarts."""


class Direction(StrEnum):
    """Where the last samples stand against those before them."""

    INCREASING = "increasing"
    DECREASING = "decreasing"
    STABLE = "stable"


class Shape(StrEnum):
    """What the movement looks like."""

    RAMP = "ramp"
    STEP = "step"
    LEVELLED = "levelled"
    SLOWING = "slowing"
    BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class Trend:
    """The app's trend: the mean of the last 10 samples against the 10 before them.

    Attributes:
        direction: Increasing above +10 %, decreasing below -10 %, else stable.
        change_rate: The change as a fraction of the earlier mean's size; ``None`` if that was
            zero. Its sign is the change's.
    """

    direction: Direction
    change_rate: float | None


@dataclass(frozen=True, slots=True)
class Growth:
    """A robust growth rate and what it rests on.

    Attributes:
        mb_per_hour: The rate, beside a step if there is one.
        interval: Its 95 % interval, MB/h; ``None`` with fewer than four buckets.
        floor_mb_per_hour: The same for the buckets' low quantile, which a sawtooth of disposals
            does not lift; ``None`` as above.
        shape: Ramp, steps, growth that levelled off, slows down, or has begun only late.
        turned_at: Where the highest step, the levelling or the beginning is, UTC.
        step_mb: How high that step is; negative when memory was freed, zero without one.
        level_mb: The last bucket's median.
        buckets: How many rows of the table it is read from.
        window_h: Hours from first to last sample.
        grew_h: The same, of growth that has begun late since it has: what the rate holds for.
        is_deseasonalised: Whether a daily cycle was removed.
        restarts: New sessions within the window; the rate is the one within sessions.
        falls: Falls back to the start after hours of growth that no session explains; the rate is
            the one between them.
        steps: How many sharp steps there are.
        fallen_mb: What they have given back in sum; zero if they have added.
        bend_mb: By how much memory moved before it levelled off.
        on_floor: Whether the rate is that of the buckets' low quantile, not of their medians.
        unseen_h: The longest stretch without a sample, if the rate there must have been twice what
            it is around it, or more: what happened then nobody knows; else 0.
    """

    mb_per_hour: float
    interval: Interval | None
    floor_mb_per_hour: float | None
    shape: Shape
    turned_at: datetime | None
    step_mb: float
    level_mb: float
    buckets: int
    window_h: float
    grew_h: float
    is_deseasonalised: bool
    restarts: int = 0
    falls: int = 0
    steps: int = 0
    fallen_mb: float = 0.0
    bend_mb: float = 0.0
    on_floor: bool = False
    unseen_h: float = 0.0


def trend(values: Floats) -> Trend:
    """The app's trend rule (reference, section 8), made safe for any number of samples.

    Args:
        values: In order of time, without gaps. With ten or fewer, the later half is compared
            with the earlier one; with fewer than two there is no change.

    Example:
        >>> trend(np.array([100.0] * 10 + [150.0] * 10)).change_rate
        0.5
    """
    if values.size < 2:  # noqa: PLR2004 - two halves need two values
        return Trend(Direction.STABLE, 0.0)
    tail = _TAIL if values.size > _TAIL else values.size - values.size // 2
    last, before = values[-tail:], values[max(values.size - 2 * tail, 0) : -tail]
    earlier, change = float(before.mean()), float(last.mean() - before.mean())
    if earlier == 0:
        return Trend(_direction(change, 0.0), None)
    rate = change / abs(earlier)
    return Trend(_direction(rate, _CHANGE), rate)


def least_squares_slope(seconds: Floats, values: Floats) -> float | None:
    """The least-squares slope per second; ``None`` with fewer than two distinct times."""
    if seconds.size == 0 or seconds.min() == seconds.max():
        return None
    x = seconds - seconds.mean()
    return float(x @ (values - values.mean()) / (x @ x))


def growth(buckets: pd.DataFrame, *, on_floor: bool | None = None) -> Growth | None:
    """The robust growth rate of one metric.

    Args:
        buckets: As `buckets.COLUMNS` says; needed are ``at``, ``end_at``, ``hours``, ``session``,
            ``median`` and ``low``.
        on_floor: Whether to follow the buckets' low quantile, which neither bursts nor a sawtooth
            of collections lift, instead of their medians; ``None`` follows it where it moves less
            than half as much about a straight line.

    Returns:
        The rate with its interval and shape; ``None`` with fewer than two distinct times, if no
        session has two, or if a value exceeds `LARGEST_MB`.

    Example:
        >>> from vineview.telemetry.growth.buckets import buckets_of
        >>> at = pd.date_range("2026-01-01", periods=100, freq="1min", tz="UTC")
        >>> samples = pd.DataFrame({"at": at, "video_memory_mb": 200.0 + np.arange(100)})
        >>> round(growth(buckets_of(samples)).mb_per_hour)
        60
    """
    rows = _telling(buckets)
    names = ("hours", "median", "low")
    hours, level, floor = (rows[name].to_numpy(dtype=np.float64) for name in names)
    if hours.size < 2 or np.abs((level, floor)).max() > LARGEST_MB:  # noqa: PLR2004 - a slope needs two points
        return None
    if on_floor is None:
        on_floor = hours.size >= _FEW and _unrest(floor) < _CALM * _unrest(level)
    told = floor if on_floor else level
    session = rows["session"].to_numpy(dtype=np.int64)
    form = _form(hours, told, session)
    if form.beside.shape[1] >= hours.size:
        return None
    straight = _freed(hours, told, form.beside)
    rate, interval = theil_sen(hours, straight, form.beside)
    floor_rate = None
    if hours.size >= _FEW:
        floor_rate = rate if on_floor else median_slope(hours, _freed(hours, floor, form.beside))
    turned_at = None if form.row is None else rows["at"].iloc[form.row]
    start_at, end_at = buckets["at"].min(), buckets["end_at"].max()
    grew_at = turned_at if form.shape is Shape.BEGUN else start_at
    grew = slice(form.row if form.shape is Shape.BEGUN else 0, None)
    return Growth(
        mb_per_hour=rate,
        interval=interval,
        floor_mb_per_hour=floor_rate,
        shape=form.shape,
        turned_at=None if turned_at is None else turned_at.floor("s").to_pydatetime(),
        step_mb=form.step_mb,
        level_mb=float(buckets["median"].iloc[-1]),
        buckets=int(hours.size),
        window_h=float((end_at - start_at).total_seconds() / 3600),
        grew_h=float((end_at - grew_at).total_seconds() / 3600),
        is_deseasonalised=form.has_cycle,
        restarts=int(buckets["session"].nunique()) - 1,
        falls=form.falls,
        steps=form.steps,
        fallen_mb=form.fallen_mb,
        bend_mb=form.bend_mb,
        on_floor=on_floor,
        unseen_h=_unseen_h(hours[grew], told[grew], session[grew], rate),
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """What a series is besides its slope; ``beside`` holds the columns fitted for it."""

    beside: Floats
    shape: Shape = Shape.RAMP
    row: int | None = None
    step_mb: float = 0.0
    fallen_mb: float = 0.0
    bend_mb: float = 0.0
    steps: int = 0
    has_cycle: bool = False
    falls: int = 0


def _telling(buckets: pd.DataFrame) -> pd.DataFrame:
    """The rows that say something of a slope within sessions: two at least of the same one."""
    session = buckets["session"].to_numpy()
    named, counts = np.unique(session, return_counts=True)
    if named.size <= 1:
        return buckets
    longest = np.argsort(-counts, kind="stable")[:_SESSIONS]
    return buckets[np.isin(session, named[longest][counts[longest] > 1])]


def _form(hours: Floats, level: Floats, told: Integers) -> _Form:
    """Look for sessions, a cycle, a bend, and failing that for a late beginning or steps."""
    if hours.size < _FEW:
        return _Form(shapes.levels(told))
    edges = shapes.falls(hours, level) if not told.any() else told[:0]
    session = shapes.sessions_of(edges, hours.size) if edges.size else told
    waves = shapes.cycles(hours)
    beside = np.column_stack((shapes.levels(session), waves))
    known = _Form(beside, has_cycle=waves.shape[1] > 0, falls=int(edges.size))
    if beside.shape[1] > hours.size // 3:
        return known
    curving_mb = 0.0 if known.has_cycle else cycle_mb(level) / 2 * _curving(hours)
    bend = shapes.find_bend(hours, level, session, beside, curving_mb=curving_mb)
    if bend is not None and bend.is_open:
        return replace(known, shape=Shape.SLOWING)
    if bend is not None:
        row = min(int(np.searchsorted(hours, bend.hours)), hours.size - 1)
        bent = np.column_stack((beside, bend.column))
        return replace(known, beside=bent, shape=Shape.LEVELLED, row=row, bend_mb=bend.height)
    steps = shapes.find_steps(hours, level, beside)
    for before in range(min(len(steps), _STEPS_BEFORE) + 1):
        stepped = np.column_stack((beside, *shapes.risen(steps[:before], hours.size)))
        begun = shapes.find_beginning(hours, level, stepped, steps=steps[before:])
        if begun is not None and all(step.row < begun.row for step in steps[:before]):
            bent = np.column_stack((stepped, begun.column))
            return replace(known, beside=bent, shape=Shape.BEGUN, row=begun.row)
    if not steps:
        return known
    beside = np.column_stack((beside, *shapes.risen(steps, hours.size)))
    heights = huber(np.column_stack((beside, hours)), level)[-1 - len(steps) : -1]
    largest = int(np.abs(heights).argmax())
    return replace(
        known,
        beside=beside,
        shape=Shape.STEP,
        row=steps[largest].row,
        step_mb=float(heights[largest]),
        fallen_mb=max(-float(heights.sum()), 0.0),
        steps=len(steps),
    )


def _unrest(values: Floats) -> float:
    """How much values move from one to the next, beyond a straight line."""
    return spread_of(np.diff(values) - np.median(np.diff(values)))


def cycle_mb(level: Floats) -> float:
    """The daily cycle assumed where a window is too short to show it, MB peak to peak."""
    return max(DAILY_CYCLE_MB, DAILY_CYCLE_SHARE * float(np.median(level)))


def _curving(hours: Floats) -> float:
    """How far a daily sine of height 1 can leave its chord within a window."""
    return float(min((np.pi / 12 * hours[-1]) ** 2 / 8, 1.0))


def _freed(hours: Floats, values: Floats, beside: Floats) -> Floats:
    """Values without what lies beside the slope, as Huber regression fits it."""
    if beside.shape[1] == 1:
        return values
    beta = huber(np.column_stack((beside, hours)), values)
    return np.asarray(values - beside @ beta[:-1], dtype=np.float64)


def _unseen_h(hours: Floats, values: Floats, session: Integers, rate: float) -> float:
    """The longest gap, if growth within the parts beside it is less than half the rate."""
    if hours.size < _FEW:
        return 0.0
    apart = np.where(np.diff(session) == 0, np.diff(hours), 0.0)
    row = int(apart.argmax())
    if apart[row] < _GAP * (hours[-1] - hours[0]):
        return 0.0
    parts = shapes.levels(2 * session + (np.arange(hours.size) > row))
    seen = median_slope(hours, _freed(hours, values, parts))
    return float(apart[row]) if seen < _CALM * rate else 0.0


def _direction(value: float, bound: float) -> Direction:
    if value > bound:
        return Direction.INCREASING
    return Direction.DECREASING if value < -bound else Direction.STABLE
