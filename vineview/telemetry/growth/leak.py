"""Whether memory leaks: leaking, not leaking or inconclusive, and the evidence in words.

Growth counts only if its interval excludes zero and its rate is worth acting on. A window under a
day cannot tell growth from the rise of a daily cycle, so a slope such a cycle could have is
inconclusive there; so is growth that merely follows the number of loaded videos. One jump, or
growth that has levelled off, is no leak.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import pandas as pd

from vineview.telemetry.growth import signs
from vineview.telemetry.growth.buckets import DAY_H, bucket_count
from vineview.telemetry.growth.rates import Interval
from vineview.telemetry.growth.trend import (
    DAILY_CYCLE_MB,
    DAILY_CYCLE_SHARE,
    LARGEST_MB,
    Growth,
    Shape,
)
from vineview.telemetry.ranges import describe_duration

__all__ = [
    "DAILY_CYCLE_MB",
    "DAILY_CYCLE_SHARE",
    "LIMITS_MB",
    "PRACTICAL_MB_PER_HOUR",
    "PRACTICAL_SHARE_PER_HOUR",
    "Leak",
    "Projection",
    "Verdict",
    "detectable_mb_per_hour",
    "judge",
    "practical_mb_per_hour",
    "projections",
    "rate_texts",
    "steepest_cycle_mb_per_hour",
]

LIMITS_MB: Final = (500.0, 800.0, 1024.0)
"""The levels a projection counts towards (reference, section 12)."""
PRACTICAL_MB_PER_HOUR: Final = 0.5
"""Slower growth is not worth acting on: 12 MB a day."""
PRACTICAL_SHARE_PER_HOUR: Final = 0.0002
"""The same in processes above 2.5 GB, as a share of the level."""

_MIN_BUCKETS: Final = 12
_MIN_WINDOW_H: Final = 0.1
_MATERIAL_MB: Final = 25.0
_MATERIAL_SHARE: Final = 0.2
_OFFSET: Final = 0.5
_CLEAR: Final = 0.4
"""The least share of the rate that its interval's low end must be: 3.3 standard errors from zero.
How much noise resembles itself is itself an estimate, poorest for what wanders (a random walk,
where 1.96 are passed in one of fifteen) and over one day, where a slope looks like the cycle."""
_CLEAR_OF_MUCH: Final = 0.1
"""The same where memory grows by half its level or more: noise that wanders seldom gets so far,
and to leave it open for want of certainty costs an incident."""
_MUCH: Final = 0.5
_REST: Final = 0.35
_TIMES: Final = 6.0
_TIMES_ABOUT_A_DAY: Final = 10.0
_MIN_PRESSURES: Final = 2
_SHOWN: Final = 0.05
"""Less than that reads as zero with one decimal."""


class Verdict(StrEnum):
    """The answer to "does it leak?"."""

    LEAKING = "leaking"
    NOT_LEAKING = "not_leaking"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Leak:
    """A verdict and why.

    Attributes:
        verdict: Leaking, not leaking or inconclusive.
        evidence: Sentences, the deciding one first.
    """

    verdict: Verdict
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Projection:
    """When memory reaches a level if it goes on growing as it does.

    Attributes:
        limit_mb: The level.
        hours: From the last sample; 0 if it is there already.
        earliest_hours: At the interval's high end.
        latest_hours: At its low end; ``None`` if that end does not grow.
        at: The instant, UTC.
    """

    limit_mb: float
    hours: float
    earliest_hours: float
    latest_hours: float | None
    at: datetime


def judge(buckets: pd.DataFrame, rate: Growth | None, *, pressures: int = 0) -> Leak:
    """Decide whether memory leaks.

    Args:
        buckets: Of ``video_memory_mb``, as `buckets.COLUMNS` says; columns that are missing or
            never given are passed over.
        rate: `growth` of them.
        pressures: How many memory pressure events there were.

    Returns:
        The verdict with its evidence, the deciding sentence first.

    Example:
        >>> from vineview.telemetry.growth.buckets import buckets_of
        >>> from vineview.telemetry.growth.trend import growth
        >>> at = pd.date_range("2026-01-01", periods=240, freq="30s", tz="UTC")
        >>> samples = pd.DataFrame({"at": at, "video_memory_mb": 200.0 + np.arange(240)})
        >>> buckets = buckets_of(samples)
        >>> judge(buckets, growth(buckets)).verdict
        <Verdict.LEAKING: 'leaking'>
    """
    if rate is None or rate.interval is None or rate.buckets < _MIN_BUCKETS:
        return Leak(Verdict.INCONCLUSIVE, (_too_few(buckets),))
    if rate.grew_h < _MIN_WINDOW_H:
        window = describe_duration(rate.grew_h * 3600)
        of = " of growth" if rate.shape is Shape.BEGUN else ""
        return Leak(Verdict.INCONCLUSIVE, (f"{window}{of} are too short to tell.",))
    verdict, reason = _decide(buckets, rate, rate.interval)
    told = (*_floor(rate, verdict), *signs.surplus(buckets), *signs.stuck(buckets))
    evidence = [reason, *told]
    if verdict is not Verdict.NOT_LEAKING:
        evidence += signs.scrolling(buckets)
    if verdict is Verdict.LEAKING and pressures >= _MIN_PRESSURES:
        evidence.append(f"Memory grew on through {pressures} memory pressure events.")
    return Leak(verdict, tuple(evidence))


def practical_mb_per_hour(level_mb: float) -> float:
    """The growth worth acting on: 0.5 MB/h, and in large processes 0.02 % of the level per hour.

    Half a percent a day: a process of 8 GB takes five months to grow by as much again.
    """
    return max(PRACTICAL_MB_PER_HOUR, PRACTICAL_SHARE_PER_HOUR * level_mb)


def steepest_cycle_mb_per_hour(level_mb: float) -> float:
    """How fast the assumed daily cycle rises at its steepest: pi / 24 h times its size.

    Its size is `DAILY_CYCLE_MB` peak to peak, in large processes `DAILY_CYCLE_SHARE` of the level.
    """
    return math.pi / 24 * max(DAILY_CYCLE_MB, DAILY_CYCLE_SHARE * level_mb)


def rate_texts(mb_per_hour: float, *ends: float) -> tuple[str, ...]:
    """A rate with its unit, and its interval's ends in the same unit, without it.

    Args:
        mb_per_hour: The rate; one that would read as zero is told per day.
        *ends: MB/h.

    Example:
        >>> rate_texts(24.0, 20.0, 28.0)
        ('+24.0 MB/h', '+20.0', '+28.0')
        >>> rate_texts(0.005, -0.1)
        ('+0.1 MB/day', '-2.4')
    """
    times, unit = (1.0, "MB/h") if abs(mb_per_hour) >= _SHOWN else (24.0, "MB/day")
    if abs(times * mb_per_hour) < _SHOWN:
        times, unit = 1.0, "MB/h"
    pace, *others = (f"{round(times * each, 1) + 0.0:+.1f}" for each in (mb_per_hour, *ends))
    return f"{pace} {unit}", *others


def detectable_mb_per_hour(window_h: float, spread: float, *, level_mb: float = 0.0) -> float:
    """The slope from which on a steady leak is found at least 19 times in 20.

    Noise of standard deviation ``sd`` that resembles itself for ``tau`` hours moves a slope by
    ``sd sqrt(24 tau / window^3)`` (white noise: half the sampling interval as ``tau``). To be found
    so often a slope must be 1.96 of that from zero, and 1.65 more; Student's and what medians,
    corrections and the fitted cycle cost make it six, and ten where the window is about a day, of
    which one harmonic and a slope look much alike. Below the practical bound, or under a day
    below the steepest daily cycle, no slope counts.

    Args:
        window_h: Hours.
        spread: ``2 tau sd^2``, MB^2 h, summed over independent kinds of noise.
        level_mb: Where memory stands.

    Returns:
        MB/h.

    Example:
        >>> round(detectable_mb_per_hour(2, 2 * 0.02 * 10**2), 1)  # 10 MB, like itself for 72 s
        14.7
        >>> round(detectable_mb_per_hour(72, 2 * 0.1 * 10**2), 2)
        0.5
    """
    times = _TIMES_ABOUT_A_DAY if DAY_H <= window_h < 2 * DAY_H else _TIMES
    noise = times * math.sqrt(12 * spread / window_h**3)
    bound = practical_mb_per_hour(level_mb)
    if window_h < DAY_H:
        bound = steepest_cycle_mb_per_hour(level_mb)
    return 1.2 * max(bound, noise)


def projections(
    rate: Growth | None,
    end_at: datetime | None,
    *,
    current_mb: float | None = None,
    limits_mb: Sequence[float] = LIMITS_MB,
) -> tuple[Projection, ...]:
    """When each level is reached; nothing unless the whole interval grows, as a ramp.

    Args:
        rate: The robust growth.
        end_at: The last sample's instant.
        current_mb: The last sample; a level it has reached counts as reached.
        limits_mb: The levels.
    """
    if rate is None or rate.interval is None or end_at is None:
        return ()
    if rate.interval.low <= 0 or rate.shape is Shape.SLOWING:
        return ()
    made = []
    for limit in limits_mb:
        missing = max(limit - rate.level_mb, 0.0)
        if current_mb is not None and current_mb >= limit:
            missing = 0.0
        hours = missing / rate.mb_per_hour
        if hours > _LATEST_H:
            continue
        early, late = missing / rate.interval.high, missing / rate.interval.low
        made.append(Projection(limit, hours, early, late, end_at + timedelta(hours=hours)))
    return tuple(made)


_LATEST_H: Final = 24.0 * 365


def _too_few(buckets: pd.DataFrame) -> str:
    """Why there is no rate to judge."""
    most = float(buckets["median"].abs().max()) if len(buckets) else 0.0
    if most > LARGEST_MB:
        return f"Values of {most:.0e} MB are no memory: check the metric's unit."
    count, sessions = int(buckets["count"].sum()), int(buckets["session"].nunique())
    samples = "1 sample" if count == 1 else f"{count} samples"
    if sessions > 1:
        return f"{samples}, but in {sessions} sessions: each is too short to tell."
    if count < _MIN_BUCKETS:
        return f"{samples} {'is' if count == 1 else 'are'} too few to tell."
    window_h = (buckets["end_at"].max() - buckets["at"].min()).total_seconds() / 3600
    if window_h == 0:
        return f"{samples}, but all of one instant: nothing to tell from."
    parts = f"{len(buckets)} of {bucket_count(window_h)} parts"
    window = describe_duration(3600 * window_h)
    return f"{samples}, but in only {parts} of {window}: too few to tell."


def _decide(buckets: pd.DataFrame, rate: Growth, interval: Interval) -> tuple[Verdict, str]:
    """The verdict and the sentence that carries it."""
    window = describe_duration(rate.grew_h * 3600)
    if rate.shape is Shape.BEGUN:
        window = f"the last {window}, hardly before {_when(rate)}"
    pace, low, high = rate_texts(rate.mb_per_hour, *interval)
    text = f"{pace} over {window} (95 % interval {low} to {high})"
    beside = _beside(rate)
    if interval.low <= 0 or not _matters(rate):
        return _not_growing(buckets, rate, interval, text, beside)
    level = float(buckets["median"].median())
    is_much = rate.mb_per_hour * rate.grew_h >= _MUCH * level
    if interval.low < (_CLEAR_OF_MUCH if is_much else _CLEAR) * rate.mb_per_hour:
        return Verdict.INCONCLUSIVE, f"Memory seems to grow, but may hardly: {text}{beside}."
    cycle = steepest_cycle_mb_per_hour(level)
    if rate.grew_h < DAY_H and rate.mb_per_hour <= cycle:
        size = cycle * 24 / math.pi
        what = "growth" if rate.shape is Shape.BEGUN else "samples"
        return Verdict.INCONCLUSIVE, (
            f"Memory grows by {text}, no steeper than a daily cycle of {size:.0f} MB "
            f"can be ({cycle:.1f} MB/h); a day of {what} would tell."
        )
    if rate.shape is Shape.SLOWING:
        return Verdict.INCONCLUSIVE, (
            f"Memory grows by {text}, but ever more slowly: a cache that fills looks the same. "
            "A longer window would tell."
        )
    grown = rate.mb_per_hour * rate.grew_h
    if rate.fallen_mb > _OFFSET * grown:
        return Verdict.INCONCLUSIVE, (
            f"Memory grows by {text}, but fell by {rate.fallen_mb:.0f} MB at once, too: "
            "collections look the same."
        )
    if rate.shape is Shape.LEVELLED and grown < _REST * rate.bend_mb:
        return Verdict.INCONCLUSIVE, _levelled(rate, text)
    if rate.unseen_h:
        gap = describe_duration(rate.unseen_h * 3600)
        return Verdict.INCONCLUSIVE, (
            f"Memory grows by {text}, but most of that within {gap} without a sample."
        )
    follows = signs.follows_controllers(buckets)
    if follows:
        return Verdict.INCONCLUSIVE, f"Memory grows by {text}, but {follows}."
    return Verdict.LEAKING, f"Memory grows by {text}{beside}."


def _not_growing(
    buckets: pd.DataFrame, rate: Growth, interval: Interval, text: str, beside: str
) -> tuple[Verdict, str]:
    """Whether growth can be ruled out, or memory merely moves too much to see any."""
    hours = rate.grew_h
    if rate.shape is Shape.LEVELLED and rate.turned_at is not None:
        hours = (buckets["end_at"].max() - rate.turned_at).total_seconds() / 3600
    elif interval.low > 0:
        least = practical_mb_per_hour(rate.level_mb)
        slow = f"no faster than the {least:.1f} MB/h worth acting on"
        return Verdict.NOT_LEAKING, f"Memory grows by {text}{beside}, {slow}."
    if interval.high * hours > max(_MATERIAL_MB, _MATERIAL_SHARE * rate.level_mb):
        return Verdict.INCONCLUSIVE, f"Memory moves too much to tell: {text}{beside}."
    if rate.shape is Shape.LEVELLED:
        return Verdict.NOT_LEAKING, _levelled(rate, text)
    if rate.shape is Shape.STEP and rate.steps == 1 and rate.step_mb > 0:
        step = f"{rate.step_mb:.0f} MB in one step at {_when(rate)}"
        return Verdict.NOT_LEAKING, f"Memory rose by {step}."
    return Verdict.NOT_LEAKING, f"Memory does not grow: {text}{beside}."


def _levelled(rate: Growth, text: str) -> str:
    """What memory did before it levelled off, and what it has done since."""
    moved = "grew" if rate.bend_mb > 0 else "fell"
    return (
        f"Memory {moved} by {abs(rate.bend_mb):.0f} MB until {_when(rate)} "
        f"and has hardly grown since: {text}."
    )


def _matters(rate: Growth) -> bool:
    """Whether growth passes the practical bound, or has added a fifth within the window."""
    grown = rate.mb_per_hour * rate.grew_h
    if rate.mb_per_hour > practical_mb_per_hour(rate.level_mb):
        return True
    return grown > max(_MATERIAL_SHARE * rate.level_mb, _MATERIAL_MB)


def _when(rate: Growth) -> str:
    """The instant of the highest step, the levelling or the beginning."""
    return "" if rate.turned_at is None else f"{rate.turned_at:%Y-%m-%d %H:%M} UTC"


def _beside(rate: Growth) -> str:
    """What was taken out before the rate was read."""
    told = []
    if rate.restarts:
        told.append(f"within {rate.restarts + 1} sessions")
    if rate.falls:
        told.append(f"between {rate.falls} falls back that look like restarts")
    if rate.shape is Shape.STEP:
        others = f" and {rate.steps - 1} smaller" if rate.steps > 1 else ""
        told.append(f"beside a step of {rate.step_mb:+.0f} MB at {_when(rate)}{others}")
    return f", {' and '.join(told)}" if told else ""


def _floor(rate: Growth, verdict: Verdict) -> list[str]:
    """What the low end of each bucket does; disposals do not hide a leak from it."""
    if rate.floor_mb_per_hour is None or verdict is Verdict.NOT_LEAKING or rate.mb_per_hour <= 0:
        return []
    (pace,) = rate_texts(rate.floor_mb_per_hour)
    if rate.floor_mb_per_hour > rate.mb_per_hour / 2:
        return [f"Its floor rises too, by {pace.removeprefix('+')}."]
    return [f"Its floor does not keep up: {pace}."]
