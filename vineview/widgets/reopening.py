"""Reopening: what the circuit breaker held back is loaded once it lets loads through again.

A breaker works its state out when it is asked, and a load it refused is forgotten. So someone has
to ask when its time is over, and to want again what is in sight: what a person watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from vineview.core.breaker import BreakerState, CircuitBreaker
from vineview.core.view import ManagerView
from vineview.widgets.clips import commands_of
from vineview.widgets.strip import breaker_of

__all__ = ["Reopening"]


class Reopening:
    """Loads the window around the current video whenever the breaker opens a way to it.

    Args:
        manager: Live or replayed; a recording has no breaker, and nothing happens.
        spawn: Starts a task that ends with the widget.
    """

    def __init__(self, manager: ManagerView, *, spawn: Callable[..., asyncio.Task[Any]]) -> None:
        self._manager = manager
        self._spawn = spawn
        self._seen = BreakerState.CLOSED
        self._due: asyncio.Task[Any] | None = None

    def look(self) -> None:
        """See how the breaker stands: when it has moved, and when a person begins to watch."""
        breaker = breaker_of(self._manager)
        if breaker is None:
            return
        seen, self._seen = self._seen, breaker.state
        if self._seen is BreakerState.OPEN:
            if self._due is None or self._due.done():
                self._due = self._spawn(self._wait(breaker), name="waiting for the breaker")
        elif self._seen is not seen and (commands := commands_of(self._manager)) is not None:
            commands.preload_around_index(self._manager.current_index)

    async def _wait(self, breaker: CircuitBreaker) -> None:
        """Ask it when its time is over: being asked moves it, and who shows it hears of that."""
        while (seconds := breaker.retry_after_s) > 0:
            await self._manager.clock.sleep(seconds)
