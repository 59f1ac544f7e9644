"""A slope with an interval that can be believed, from a hundred dependent values.

Theil-Sen gives the slope, for which spikes do not count: the median of the slopes of all pairs
(Theil 1950, Sen 1968). Its own interval takes every value for independent; memory never is. The
interval is therefore widened by what an AR(1) process like the residuals does to a slope, which
in the middle of the scale is the effective sample size of Bayley & Hammersley (1946), and at its
end, where a process wanders without limit, what a random walk can do (Perron & Yabu 2009). What
was fitted beside the slope (levels of sessions, steps, cycles) is paid for in the same formula.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "huber", "median_slope", "spread_of", "theil_sen"]

Floats = NDArray[np.float64]

_HUBER: Final = 1.345
"""95 % as efficient as least squares where noise is normal (Huber 1964)."""
_MAD_TO_SD: Final = 1.4826
_OUTLYING: Final = 3.0
_BEGINS: Final = 0.4
"""The share of what a parabola leaves that a bend may leave to be taken for a leak's beginning."""
_NOTHING: Final = 1e-9
_WANDERS: Final = 0.995
"""Above this an AR(1) process is a random walk for all that a hundred values can tell."""
_LEANING: Final = 0.72
_LEANS: Final = 1.0
"""Where a process nearly wanders the fit takes more of its likeness than that: from 0.72 on, as
much again is given back, which puts the median of a random walk's at 1 for 48 to 96 values."""
_NORMAL: Final = 1.959964
"""The quantile inside `scipy.stats.theilslopes`, which Student's replaces."""
_MIN_COUNT: Final = 4


class Interval(NamedTuple):
    """A 95 % interval: the unit is that of its rate."""

    low: float
    high: float


def huber(design: Floats, values: Floats) -> Floats:
    """Coefficients by Huber regression: squares near the fit, distances beyond (Huber 1964).

    Args:
        design: One column per coefficient, float64 of shape (n, p).
        values: Shape (n,).

    Returns:
        Shape (p,); those of least squares if more than half of the values lie on the fit.
    """
    from scipy import optimize  # noqa: PLC0415 - a third of a second nobody needs before a rate

    first = np.linalg.lstsq(design, values, rcond=None)[0]
    spread = spread_of(values - design @ first)
    if spread == 0:
        return np.asarray(first, dtype=np.float64)
    fit = optimize.least_squares(
        lambda beta: design @ beta - values,
        first,
        jac=lambda _beta: design,
        loss="huber",
        f_scale=_HUBER * spread,
        xtol=1e-6,
        ftol=1e-6,
    )
    return np.asarray(fit.x, dtype=np.float64)


def spread_of(residuals: Floats) -> float:
    """The standard deviation of most of them: 1.4826 times the median distance from 0."""
    return _MAD_TO_SD * float(np.median(np.abs(residuals)))


def theil_sen(hours: Floats, values: Floats, beside: Floats) -> tuple[float, Interval | None]:
    """Slope per hour with its interval, for residuals that resemble their neighbours.

    Args:
        hours: Ascending.
        values: Freed of what ``beside`` explains.
        beside: What was fitted beside the slope, one column each, the constant first.

    Returns:
        The slope; its 95 % interval, ``None`` with fewer than four values or where what was fitted
        beside it leaves next to nothing of time.
    """
    from scipy import special, stats  # noqa: PLC0415 - as above

    fit = stats.theilslopes(values, hours)
    slope, count = float(fit.slope), hours.size
    if count < _MIN_COUNT:
        return slope, None
    fitted = beside.shape[1] + 1
    student = float(special.stdtrit(max(count - fitted, 1), 0.975))
    widen = student / _NORMAL * _widening(hours, values, beside)
    if not np.isfinite(widen):
        return slope, None
    low = slope - widen * (slope - float(fit.low_slope))
    high = slope + widen * (float(fit.high_slope) - slope)
    return slope, Interval(low, high)


def median_slope(hours: Floats, values: Floats) -> float:
    """Theil-Sen's slope alone, per hour, of ascending hours; 0 with fewer than two distinct ones.

    The median over all pairs; what scipy does beside, for the interval, takes eight times as long.
    """
    first, second = np.triu_indices(hours.size, 1)
    apart = hours[second] - hours[first]
    rises = (values[second] - values[first])[apart > 0] / apart[apart > 0]
    return float(np.median(rises)) if rises.size else 0.0


def _widening(hours: Floats, values: Floats, beside: Floats) -> float:
    """How much wider the slope's interval is than for independent values and nothing beside."""
    centred = hours - hours.mean()
    own = hours - beside @ np.linalg.lstsq(beside, hours, rcond=None)[0]
    power = float(own @ own)
    if power <= 1e-9 * float(centred @ centred):
        return float("inf")
    residuals = _residuals(centred, values, beside)
    variance = float(residuals @ residuals) / hours.size
    likeness, shocks = _autoregression(residuals, beside.shape[1] + 2)
    # no less than independent values would give
    stationary = max(shocks / (1 - likeness**2), variance)
    if variance == 0:
        return float(np.sqrt(centred @ centred / power))
    steps = np.abs(hours[:, None] - hours) / float(np.median(np.diff(hours)))
    dependent = stationary * float(own @ likeness**steps @ own) / power**2
    independent = variance / float(centred @ centred)
    return float(np.sqrt(max(dependent / independent, 1.0)))


def _residuals(centred: Floats, values: Floats, beside: Floats) -> Floats:
    """What a smooth curve leaves: growth that speeds up or slows down is growth, not noise.

    Nor is growth that begins at one moment, if a bend there leaves far less than any curve.
    """
    x = centred / np.abs(centred).max()
    line = np.column_stack((beside, x))
    basis = np.linalg.qr(line)[0]
    bends = np.column_stack((x**2, *(np.maximum(x - knee, 0.0) for knee in x[2:-2])))
    free = bends - basis @ (basis.T @ bends)
    rest = values - basis @ (basis.T @ values)
    power = np.maximum((free * free).sum(axis=0), _NOTHING)
    left = float(rest @ rest) - (free.T @ rest) ** 2 / power
    best = int(left.argmin())
    column = best if left[best] < _BEGINS * left[0] else 0
    rest = rest - free[:, column] * (free[:, column] @ rest) / power[column]
    bound = _OUTLYING * spread_of(rest)
    return np.clip(rest, -bound, bound) if bound else np.asarray(rest, dtype=np.float64)


def _autoregression(residuals: Floats, fitted: int) -> tuple[float, float]:
    """AR(1): how much of a residual the next one keeps, and the variance of what is new.

    Residuals of a fit look less alike than the noise was; (p + (p + 2) r) / n of it is given back
    (Kendall 1954 for a mean, and likewise for every further coefficient).
    """
    count, power = residuals.size, float(residuals @ residuals)
    if power == 0:
        return 0.0, 0.0
    found = float(residuals[1:] @ residuals[:-1]) / power
    freedom = max(1 - (fitted + 2) / count, 0.25)
    likeness = max((found + fitted / count) / freedom, 0.0)
    likeness = min(likeness + _LEANS * max(likeness - _LEANING, 0.0), _WANDERS)
    new = residuals[1:] - likeness * residuals[:-1]
    return likeness, float(new @ new) / max(count - 1 - fitted, 1)
