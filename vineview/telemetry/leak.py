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

from vineview.telemetry.queries import latest, measured
from vineview.telemetry.ranges import describe_duration
from vineview.telemetry.trend import DAY_H, Growth, Interval, Shape, growth

__all__ = [
    "DAILY_CYCLE_MB",
    "LIMITS_MB",
    "PRACTICAL_MB_PER_HOUR",
    "Leak",
    "Projection",
    "Verdict",
    "judge",
    "projections",
]

LIMITS_MB: Final = (500.0, 800.0, 1024.0)
"""The levels a projection counts towards (reference, section 12)."""
DAILY_CYCLE_MB: Final = 40.0
"""The daily cycle assumed, peak to peak; at its steepest it rises by 5.2 MB/h."""
PRACTICAL_MB_PER_HOUR: Final = 0.5
"""Slower growth is not worth acting on: 12 MB a day."""

_STEEPEST_CYCLE: Final = math.pi * DAILY_CYCLE_MB / 24
_MIN_BUCKETS: Final = 12
_MIN_WINDOW_H: Final = 0.1
_MATERIAL_MB: Final = 25.0
_MATERIAL_SHARE: Final = 0.2
_MORE: Final = 1.1
_MIN_PRESSURES: Final = 2


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


def judge(samples: pd.DataFrame, rate: Growth | None, *, pressures: int = 0) -> Leak:
    """Decide whether memory leaks.

    Args:
        samples: As `frames.samples_frame` gives them.
        rate: The robust growth of ``video_memory_mb`` over them.
        pressures: How many memory pressure events there were.

    Returns:
        The verdict with its evidence.
    """
    if rate is None or rate.interval is None or rate.buckets < _MIN_BUCKETS:
        count = len(measured(samples))
        return Leak(Verdict.INCONCLUSIVE, (f"{count} samples are too few to tell.",))
    if rate.window_h < _MIN_WINDOW_H:
        window = describe_duration(rate.window_h * 3600)
        return Leak(Verdict.INCONCLUSIVE, (f"{window} are too short to tell.",))
    verdict, reason = _decide(samples, rate, rate.interval)
    evidence = [reason, *_floor(rate, verdict), *_surplus(samples), *_stuck(samples)]
    if verdict is Verdict.LEAKING and pressures >= _MIN_PRESSURES:
        evidence.append(f"Memory grew on through {pressures} memory pressure events.")
    return Leak(verdict, tuple(evidence))


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
    if rate.interval.low <= 0 or rate.shape is not Shape.RAMP:
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


def _decide(samples: pd.DataFrame, rate: Growth, interval: Interval) -> tuple[Verdict, str]:
    """The verdict and the sentence that carries it."""
    window = describe_duration(rate.window_h * 3600)
    text = (
        f"{rate.mb_per_hour:+.1f} MB/h over {window} "
        f"(95 % interval {interval.low:+.1f} to {interval.high:+.1f})"
    )
    when = "" if rate.turned_at is None else f"{rate.turned_at:%Y-%m-%d %H:%M} UTC"
    if rate.shape is Shape.LEVELLED:
        moved = "grew" if rate.mb_per_hour > 0 else "fell"
        return Verdict.NOT_LEAKING, f"Memory {moved} until {when} and has been level since."
    if rate.shape is Shape.STEP and rate.mb_per_hour * rate.window_h < rate.step_mb / 2:
        return Verdict.NOT_LEAKING, f"Memory rose by {rate.step_mb:.0f} MB in one step at {when}."
    step = f"a step of {rate.step_mb:+.0f} MB at {when}" if rate.shape is Shape.STEP else ""
    if interval.low <= 0 or rate.mb_per_hour <= PRACTICAL_MB_PER_HOUR:
        possible = interval.high * rate.window_h
        if possible > max(_MATERIAL_MB, _MATERIAL_SHARE * rate.level_mb):
            return Verdict.INCONCLUSIVE, f"Memory moves too much to tell: {text}."
        beside = f" beside {step}" if step else ""
        return Verdict.NOT_LEAKING, f"Memory does not grow{beside}: {text}."
    if step:
        text += f", beside {step}"
    if rate.window_h < DAY_H and rate.mb_per_hour <= _STEEPEST_CYCLE:
        reason = (
            f"Memory grows by {text}, no steeper than a daily cycle of {DAILY_CYCLE_MB:g} MB "
            f"can be ({_STEEPEST_CYCLE:.1f} MB/h); a day of samples would tell."
        )
        return Verdict.INCONCLUSIVE, reason
    follows = _follows_controllers(samples)
    if follows:
        return Verdict.INCONCLUSIVE, f"Memory grows by {text}, but {follows}."
    return Verdict.LEAKING, f"Memory grows by {text}."


def _follows_controllers(samples: pd.DataFrame) -> str:
    """Whether more loaded, ready videos explain the growth: then memory per controller is flat."""
    columns = ["video_memory_mb", "video_controllers", "ready_videos"]
    rows = samples.loc[samples[columns].notna().all(axis=1) & (samples["video_controllers"] > 0)]
    if len(rows) < _MIN_BUCKETS or (rows["video_controllers"] > rows["ready_videos"]).mean() > 0.5:  # noqa: PLR2004 - most of the time
        return ""
    counts = rows["video_controllers"]
    if counts.tail(len(counts) // 2).mean() <= _MORE * counts.head(len(counts) // 2).mean():
        return ""
    controllers = growth(rows, "video_controllers")
    each = rows.assign(each_mb=rows["video_memory_mb"] / rows["video_controllers"])
    per_controller = growth(each, "each_mb")
    if controllers is None or controllers.interval is None or controllers.interval.low <= 0:
        return ""
    if per_controller is None or per_controller.interval is None or per_controller.interval.low > 0:
        return ""
    first, last = rows["video_controllers"].iloc[0], rows["video_controllers"].iloc[-1]
    return (
        f"it follows the number of controllers ({first:.0f} at first, {last:.0f} at last): "
        "scrolling explains it"
    )


def _floor(rate: Growth, verdict: Verdict) -> list[str]:
    """What the low end of each bucket does; disposals do not hide a leak from it."""
    if rate.floor_mb_per_hour is None or verdict is Verdict.NOT_LEAKING:
        return []
    if rate.floor_mb_per_hour > PRACTICAL_MB_PER_HOUR:
        return [f"Its floor rises too, by {rate.floor_mb_per_hour:.1f} MB/h."]
    return ["Its floor does not rise."]


def _surplus(samples: pd.DataFrame) -> list[str]:
    """Controllers above ready videos: loaded, but owned by nothing that can be shown."""
    rows = samples[["video_controllers", "ready_videos"]].dropna()
    surplus = rows["video_controllers"] - rows["ready_videos"]
    share = float((surplus > 0).mean()) if len(rows) else 0.0
    if share == 0:
        return []
    often = f"Controllers exceed ready videos in {share:.0%} of the samples"
    return [f"{often}, by up to {surplus.max():.0f}: possibly controllers nobody owns."]


def _stuck(samples: pd.DataFrame) -> list[str]:
    """Preloads that never finish hold what they have taken."""
    queue = samples["preloading_queue"].dropna()
    now = latest(samples, "preloading_queue")
    if len(queue) < _MIN_BUCKETS or not now or queue.tail(_MIN_BUCKETS).min() == 0:
        return []
    return [f"Preloads have been in flight without a pause: {now:.0f} at last."]
