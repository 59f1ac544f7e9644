"""Playhead: where a replay stands, as arithmetic on a clock.

Position is computed from an anchor, never accumulated, so changing the speed cannot make it jump
and playing for days cannot make it drift.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from vineview.clock import Clock
from vineview.errors import UsageError

__all__ = ["MAX_SPEED", "MIN_SPEED", "Playhead", "RecordedClock"]

MIN_SPEED, MAX_SPEED = 1.0, 1000.0


class Playhead:
    """A position between 0 and ``duration_s`` that moves with a clock while playing.

    Args:
        clock: What it moves with.
        duration_s: Where it ends, in seconds of the recording.
        speed: Recorded seconds per second of the clock.

    Example:
        >>> from vineview.clock import ManualClock
        >>> head = Playhead(ManualClock(), duration_s=60.0, speed=10.0)
        >>> head.move_to(90.0)
        >>> head.position_s
        60.0
    """

    def __init__(self, clock: Clock, *, duration_s: float, speed: float) -> None:
        self._clock = clock
        self.duration_s = duration_s
        self._speed = checked_speed(speed)
        self._is_playing = False
        self._anchor_s = 0.0
        self._anchored_at = 0.0

    @property
    def is_playing(self) -> bool:
        """Whether it moves."""
        return self._is_playing

    @property
    def position_s(self) -> float:
        """Seconds from the start of the recording."""
        if not self._is_playing:
            return self._anchor_s
        passed_s = (self._clock.now() - self._anchored_at) * self._speed
        return min(self._anchor_s + passed_s, self.duration_s)

    @property
    def speed(self) -> float:
        """Recorded seconds per second of the clock; setting it keeps the position."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        speed = checked_speed(speed)
        self.move_to(self.position_s)
        self._speed = speed

    def start(self) -> None:
        """Move from now on."""
        self.move_to(self.position_s)
        self._is_playing = True

    def stop(self) -> None:
        """Stand still here."""
        self.move_to(self.position_s)
        self._is_playing = False

    def move_to(self, position_s: float) -> None:
        """Jump; beyond an end means that end."""
        self._anchor_s = min(max(position_s, 0.0), self.duration_s)
        self._anchored_at = self._clock.now()

    def reaches_in_s(self, position_s: float) -> float:
        """Seconds of the clock until a position is reached while playing."""
        return (position_s - self.position_s) / self._speed


class RecordedClock:
    """A clock whose dates are the recording's, and whose seconds are those of another clock.

    What shows a replay stamps things with the instant under the playhead, and paces itself in
    real time.

    Args:
        clock: Whose seconds.
        playhead: Where the replay stands.
        start_at: The recording's first instant.
    """

    def __init__(self, clock: Clock, playhead: Playhead, start_at: datetime) -> None:
        self._clock = clock
        self._playhead = playhead
        self._start_at = start_at

    def now(self) -> float:
        """Monotonic seconds of the underlying clock."""
        return self._clock.now()

    def utc(self) -> datetime:
        """The instant under the playhead."""
        return self._start_at + timedelta(seconds=self._playhead.position_s)

    async def sleep(self, seconds: float) -> None:
        """Wait on the underlying clock."""
        await self._clock.sleep(seconds)


def checked_speed(speed: float) -> float:
    """A speed that makes sense, as a float.

    Raises:
        UsageError: If it is not a number from 1 to 1000.
    """
    is_number = isinstance(speed, int | float) and not isinstance(speed, bool)
    if not is_number or not math.isfinite(speed) or not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(
            f"a replay cannot play at speed {speed!r}",
            hint=f"Pass a number from {MIN_SPEED:g} to {MAX_SPEED:g}: "
            "recorded seconds per real second.",
        )
    return float(speed)
