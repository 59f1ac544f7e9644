"""Time ranges: "2h" or a timedelta, counted back from an end.

A malformed range is refused with the forms that are understood, never replaced by a default.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vineview.errors import UsageError

__all__ = ["Coverage", "TimeRange", "describe_duration", "parse_range"]

TimeRange = timedelta | str | None
"""How far back to look: a timedelta, ``"30s"``, ``"15m"``, ``"2h"``, ``"7d"``, or everything."""

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PATTERN: Final = re.compile(r"\s*([0-9]{1,5})\s*([smhd])\s*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what was asked for is there.

    Attributes:
        start_at: The first record, or ``None`` without any.
        end_at: The last record.
        present_s: Seconds from the first record to the last.
        asked_s: Seconds asked for, or ``None`` if everything was.
        ratio: Present of asked, 0-1; ``None`` if everything was asked for.
        text: The same as a sentence, such as ``7 d asked, 8.3 h present``.
    """

    start_at: datetime | None
    end_at: datetime | None
    present_s: float
    asked_s: float | None
    ratio: float | None
    text: str

    @classmethod
    def of(
        cls, start_at: datetime | None, end_at: datetime | None, asked_s: float | None
    ) -> Coverage:
        """State the coverage of the records between two instants."""
        present_s = 0.0
        if start_at is not None and end_at is not None:
            present_s = (end_at - start_at).total_seconds()
        text = f"{describe_duration(present_s)} present" if start_at else "no records present"
        if asked_s is None:
            return cls(start_at, end_at, present_s, None, None, text)
        ratio = min(present_s / asked_s, 1.0)
        asked = f"{describe_duration(asked_s)} asked, {text}"
        return cls(start_at, end_at, present_s, asked_s, ratio, asked)


def parse_range(time_range: TimeRange) -> timedelta | None:
    """Read a time range.

    Args:
        time_range: A positive timedelta, ``"<number>s|m|h|d"``, or ``None`` for everything.

    Raises:
        UsageError: If it is anything else.

    Example:
        >>> parse_range("2h")
        datetime.timedelta(seconds=7200)
    """
    if time_range is None:
        return None
    duration = time_range
    if isinstance(duration, str):
        match = _PATTERN.match(duration)
        seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
        duration = timedelta(seconds=seconds)
    if not isinstance(duration, timedelta) or duration <= timedelta():
        raise UsageError(
            f"{time_range!r} is not a time range",
            hint='Give a positive whole number and a unit, such as "30s", "15m", "2h" or "7d".',
        )
    return duration


def describe_duration(seconds: float) -> str:
    """A duration for people: the largest unit that fits, one decimal where it helps."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"
