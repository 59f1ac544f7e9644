"""Pace: many changes, few messages.

The first change goes out at once, so a person sees an answer; those that follow within the
interval go out together at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from vineview.clock import Clock, SystemClock

__all__ = ["Pace"]

Spawn = Callable[..., asyncio.Task[Any]]


class Pace:
    """Calls ``send`` at most once per interval, and never leaves the last request unanswered.

    Args:
        send: What to do.
        interval_s: Seconds between two calls.
        spawn: Starts a named task; a widget's own ``spawn``, so that waiting ends with it.
        clock: The time a person sees pass; not the manager's, which may be a replay's.
    """

    def __init__(
        self,
        send: Callable[[], None],
        *,
        interval_s: float,
        spawn: Spawn,
        clock: Clock | None = None,
    ) -> None:
        self._send = send
        self._interval_s = interval_s
        self._spawn = spawn
        self._clock = clock or SystemClock()
        self._sent_at = float("-inf")
        self._due: asyncio.Task[Any] | None = None

    def ask(self) -> None:
        """Ask for a call: now if the last one is long enough ago, else when the interval ends."""
        if self._due is not None and not self._due.done():
            return
        wait = self._sent_at + self._interval_s - self._clock.now()
        self._due = self._spawn(self._wait(max(wait, 0.0)), name="updating the view")

    async def _wait(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._due = None
        self._sent_at = self._clock.now()
        self._send()
