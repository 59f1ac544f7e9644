"""Clocks: the only source of time in the package.

Everything that waits or stamps takes a :class:`Clock`, so that two hours of a runbook's watching
pass in milliseconds under :class:`ManualClock` and tests never sleep.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

__all__ = ["Clock", "ManualClock", "SystemClock"]

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MAX_SETTLE_ROUNDS = 10_000
_FEW_STALE = 64


@runtime_checkable
class Clock(Protocol):
    """What the package asks of time."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...

    def utc(self) -> datetime:
        """The instant for people and files: aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` have passed on this clock."""
        ...


class SystemClock:
    """The machine's clock.

    Example:
        >>> SystemClock().utc().tzinfo is UTC
        True
    """

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The current instant, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time; a negative duration is a zero one."""
        await asyncio.sleep(max(seconds, 0.0))

    def __repr__(self) -> str:
        return "SystemClock()"


class ManualClock:
    """A clock that moves only when told to.

    Args:
        start: The first instant, aware; 2026-01-01T00:00:00Z unless told.

    Example:
        >>> clock = ManualClock()
        >>> asyncio.run(clock.advance(90))
        >>> clock.now(), clock.utc().isoformat()
        (90.0, '2026-01-01T00:01:30+00:00')
    """

    def __init__(self, start: datetime = _EPOCH) -> None:
        if start.tzinfo is None:
            raise ValueError("ManualClock needs an aware start; pass datetime(..., tzinfo=UTC)")
        self._start = start.astimezone(UTC)
        self._now = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._stale = 0
        self._settling = 0
        self._utc_now = (0.0, self._start)

    def now(self) -> float:
        """Seconds advanced so far."""
        return self._now

    def utc(self) -> datetime:
        """The start plus the seconds advanced so far."""
        at, utc = self._utc_now
        if at != self._now:
            utc = self._start + timedelta(seconds=self._now)
            self._utc_now = (self._now, utc)
        return utc

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced by ``seconds``."""
        if not seconds > 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), woken))
        try:
            await woken
        except asyncio.CancelledError:
            self._forget_stale()
            raise

    async def advance(self, seconds: float) -> None:
        """Move the clock, waking due sleepers in order and letting each woken task settle.

        Args:
            seconds: How far to move; zero only lets what is runnable settle.

        Raises:
            ValueError: If ``seconds`` is negative or not finite; clocks do not run backwards.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"a clock cannot be advanced by {seconds} s")
        await self._settle()
        until = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, woken = heapq.heappop(self._sleepers)
            if woken.done():
                self._stale -= 1
                continue
            self._now = max(self._now, due)
            woken.set_result(None)
            await self._settle()
        self._now = max(self._now, until)  # woken code may itself have advanced the clock
        await self._settle()

    def _forget_stale(self) -> None:
        """Drop sleepers nobody waits for, once they are most: else cancelled waits pile up."""
        self._stale += 1
        if self._stale > _FEW_STALE and 2 * self._stale > len(self._sleepers):
            self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
            heapq.heapify(self._sleepers)
            self._stale = 0

    async def _settle(self) -> None:
        """Yield until nothing else on the loop is runnable, but others doing just this."""
        ready = getattr(asyncio.get_running_loop(), "_ready", None)
        rounds = 100 if ready is None else _MAX_SETTLE_ROUNDS
        self._settling += 1
        try:
            for _ in range(rounds):
                await asyncio.sleep(0)
                if ready is not None and len(ready) < self._settling:
                    return
        finally:
            self._settling -= 1

    def __repr__(self) -> str:
        return f"ManualClock({self.utc():%Y-%m-%dT%H:%M:%SZ}, sleepers={len(self._sleepers)})"
