"""How memory moves: the app's trend, least squares, and a growth rate one can trust.

The robust rate is Theil-Sen over the medians of equal time buckets, so neither spikes nor a burst
of samples moves it; its interval is widened by how much neighbouring residuals resemble each
other, because memory is never independent noise. From a day on, one daily cycle is fitted and
removed first. The decision a reader must know: one jump, or growth that has levelled off, is
told apart from a ramp by which of them leaves the smaller residuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vineview.telemetry.queries import measured, time_buckets

__all__ = [
    "DAY_H",
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

DAY_H: Final = 23.5
"""Hours from which a window counts as covering a day."""
_TAIL: Final = 10
_CHANGE: Final = 0.10
_BUCKETS: Final = 48
_DAY_BUCKETS: Final = 96
_LONG_H: Final = 48.0
_BETTER: Final = 0.6
_LEVEL_SHARE: Final = 0.25
_FEW: Final = 8
_NOTHING: Final = 1e-9
_HUBER: Final = 1.345
_MAD_TO_SD: Final = 1.4826


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


class Interval(NamedTuple):
    """A 95 % interval: the unit is that of its rate."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """The app's trend: the mean of the last 10 samples against the 10 before them.

    Attributes:
        direction: Increasing above +10 %, decreasing below -10 %, else stable.
        change_rate: The change as a fraction of the earlier mean; ``None`` if that was zero.
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
        shape: Ramp, one step, or growth that levelled off.
        turned_at: Where the step or the levelling is, UTC.
        step_mb: How high the step is; negative when memory was freed, zero without one.
        level_mb: The last bucket's median.
        buckets: How many time buckets hold samples.
        window_h: Hours from first to last sample.
        is_deseasonalised: Whether a daily cycle was removed.
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
    is_deseasonalised: bool


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
    rate = change / earlier
    return Trend(_direction(rate, _CHANGE), rate)


def least_squares_slope(seconds: Floats, values: Floats) -> float | None:
    """The least-squares slope per second; ``None`` with fewer than two distinct times."""
    if seconds.size == 0 or seconds.min() == seconds.max():
        return None
    x = seconds - seconds.mean()
    return float(x @ (values - values.mean()) / (x @ x))


def growth(samples: pd.DataFrame, column: str = "video_memory_mb") -> Growth | None:
    """The robust growth rate of one metric.

    Args:
        samples: With ``at`` and the metric; missing values are left out.
        column: Which metric.

    Returns:
        The rate with its interval and shape; ``None`` with fewer than two distinct times.
    """
    rows = measured(samples, column)
    start_at, end_at = rows["at"].min(), rows["at"].max()
    if rows.empty or start_at == end_at:
        return None
    window_h = float((end_at - start_at).total_seconds() / 3600)
    wanted = _DAY_BUCKETS if DAY_H <= window_h <= _LONG_H else _BUCKETS
    table = time_buckets(rows, column, wanted)
    hours = table["hours"].to_numpy(dtype=float)
    level = table["median"].to_numpy(dtype=float)
    floor = table["low"].to_numpy(dtype=float)
    covers_day = window_h >= DAY_H and hours.size >= _FEW
    turn = _turn(hours, level, covers_day=covers_day) if hours.size >= _FEW else _Turn()
    step = turn.step_mb * (hours > turn.hours)
    cycle = _daily_cycle(hours, level - step) if covers_day else np.zeros_like(level)
    rate, interval = _theil_sen(hours, level - step - cycle)
    floor_rate = _theil_sen(hours, floor - step - cycle)[0] if hours.size >= _FEW else None
    at = None if turn.shape is Shape.RAMP else start_at + pd.Timedelta(hours=turn.hours)
    return Growth(
        mb_per_hour=rate,
        interval=interval,
        floor_mb_per_hour=floor_rate,
        shape=turn.shape,
        turned_at=None if at is None else at.floor("s").to_pydatetime(),
        step_mb=turn.step_mb,
        level_mb=float(level[-1]),
        buckets=int(hours.size),
        window_h=window_h,
        is_deseasonalised=covers_day,
    )


def _direction(value: float, bound: float) -> Direction:
    if value > bound:
        return Direction.INCREASING
    return Direction.DECREASING if value < -bound else Direction.STABLE


def _theil_sen(hours: Floats, values: Floats) -> tuple[float, Interval | None]:
    """Slope and interval per hour, the interval for residuals that resemble their neighbours."""
    from scipy import stats  # noqa: PLC0415 - half a second nobody needs before the first rate

    fit = stats.theilslopes(values, hours)
    slope, count = float(fit.slope), hours.size
    if count < 4:  # noqa: PLR2004 - fewer slopes than an interval needs
        return slope, None
    effective = count / _inflation(_residuals(hours, values))
    # the normal quantile inside theilslopes, replaced by Student's for what is really independent
    student = float(stats.t.ppf(0.975, max(effective - 2.0, 1.0)) / stats.norm.ppf(0.975))
    widen = student * float(np.sqrt(count / effective))
    low = slope - widen * (slope - float(fit.low_slope))
    high = slope + widen * (float(fit.high_slope) - slope)
    return slope, Interval(low, high)


def _residuals(hours: Floats, values: Floats) -> Floats:
    """What a smooth curve leaves: growth that speeds up or slows down is growth, not noise."""
    x = (hours - hours.mean()) / (hours.max() - hours.min())
    curve = np.column_stack((np.ones_like(x), x, x**2))
    fit = np.linalg.lstsq(curve, values, rcond=None)[0]
    return np.asarray(values - curve @ fit, dtype=np.float64)


def _inflation(residuals: Floats) -> float:
    """How many dependent values tell as much as one independent one: (1 + r) / (1 - r), AR(1)."""
    count, power = residuals.size, float(residuals @ residuals)
    if power == 0:
        return 1.0
    r = float(residuals[1:] @ residuals[:-1]) / power
    r = min(max(r + (1 + 3 * r) / count, 0.0), 0.95)  # small samples underestimate it
    return min((1 + r) / (1 - r), count / 3)


def _daily_cycle(hours: Floats, values: Floats) -> Floats:
    """One daily harmonic, fitted beside a slope by Huber regression; spikes do not bend it."""
    from scipy import optimize  # noqa: PLC0415 - as above

    angle = 2 * np.pi * hours / 24
    columns = (np.ones_like(hours), hours / 24, np.sin(angle), np.cos(angle))
    design = np.column_stack(columns)
    first = np.linalg.lstsq(design, values, rcond=None)[0]
    spread = _MAD_TO_SD * float(np.median(np.abs(values - design @ first)))
    if spread == 0:
        return np.asarray(design[:, 2:] @ first[2:], dtype=float)
    fit = optimize.least_squares(
        lambda beta: design @ beta - values,
        first,
        jac=lambda _beta: design,
        loss="huber",
        f_scale=_HUBER * spread,
    )
    return np.asarray(design[:, 2:] @ fit.x[2:], dtype=float)


@dataclass(frozen=True, slots=True)
class _Turn:
    """Where a series departs from one ramp."""

    shape: Shape = Shape.RAMP
    hours: float = 0.0
    step_mb: float = 0.0


def _turn(hours: Floats, values: Floats, *, covers_day: bool) -> _Turn:
    """Which of a ramp, one step, or a ramp that levels off leaves the least unexplained."""
    common = [np.ones_like(hours)]
    if covers_day:  # or the cycle would take up half of a step
        common += [np.sin(2 * np.pi * hours / 24), np.cos(2 * np.pi * hours / 24)]
    inner = np.arange(2, hours.size - 2)
    edges = (hours[inner - 1] + hours[inner]) / 2
    knees = hours[inner[inner <= (1 - _LEVEL_SHARE) * hours.size]]
    steps = (hours[:, None] > edges).astype(float)
    hinges = np.minimum(hours[:, None], knees)
    left = _unexplained(common, np.column_stack((hours, steps, hinges)), values)
    ramp, best = float(left[0]), int(left.argmin())
    if ramp <= _NOTHING * float(values @ values) or left[best] > _BETTER * ramp:
        return _Turn()
    if best > edges.size:
        return _Turn(Shape.LEVELLED, float(knees[best - 1 - edges.size]))
    step = steps[:, best - 1]  # its height beside whatever growth there is too
    beside = np.column_stack((*common, hours, step))
    height = np.linalg.lstsq(beside, values, rcond=None)[0][-1]
    return _Turn(Shape.STEP, float(edges[best - 1]), float(height))


def _unexplained(common: list[Floats], candidates: Floats, values: Floats) -> Floats:
    """What each candidate column leaves, beside the common ones: sums of squared residuals.

    Candidates and values are freed of the common columns first; what one column then explains is
    its squared projection, so all candidates are judged in one product.
    """
    basis = np.linalg.qr(np.column_stack(common))[0]
    rest = values - basis @ (basis.T @ values)
    free = candidates - basis @ (basis.T @ candidates)
    power = (free * free).sum(axis=0)
    explained = np.divide((free.T @ rest) ** 2, power, out=np.zeros_like(power), where=power > 0)
    return np.asarray(rest @ rest - explained, dtype=np.float64)
