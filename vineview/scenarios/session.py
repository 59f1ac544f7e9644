"""ScriptedSession: a manager, its monitor and a scripted user on one clock.

The user is a task of the session's own, so whoever advances the clock, a runbook watching for two
hours or a test, sees the session go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, Self

from vineview.clock import Clock, ManualClock
from vineview.core.manager import VideoManager
from vineview.errors import UsageError
from vineview.telemetry import VideoPerformanceMonitor

__all__ = ["Scenario", "ScriptedSession"]


class Scenario(Protocol):
    """A fault in progress: a manager, its monitor, and a user who goes on scrolling."""

    @property
    def name(self) -> str:
        """The fault, and the name of its recording."""
        ...

    @property
    def manager(self) -> VideoManager:
        """The manager that suffers it."""
        ...

    @property
    def monitor(self) -> VideoPerformanceMonitor:
        """What watches the manager, every 30 s."""
        ...

    async def run(self, until_s: float) -> None:
        """Go on until so many seconds after the start; a `ManualClock` is advanced there."""
        ...

    async def aclose(self) -> None:
        """Stop the user, the monitor and the manager; no task is left."""
        ...


class ScriptedSession:
    """A manager, its monitor and a scripted user, started by the first `run`.

    The user goes on as the clock does, whoever advances it, until `aclose`.

    Args:
        name: The fault.
        clock: The time all of it runs on.
        manager: The manager.
        user: What the user does: a coroutine function that never ends by itself.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        manager: VideoManager,
        user: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self.name = name
        self.clock = clock
        self.manager = manager
        self.monitor = VideoPerformanceMonitor(manager, clock=clock)
        self._user = user
        self._task: asyncio.Task[None] | None = None
        self._started_s = 0.0

    async def run(self, until_s: float) -> None:
        """Go on until ``until_s`` seconds after the start; a time already past starts it only.

        On a `ManualClock` this advances the clock, on any other it waits.

        Args:
            until_s: Seconds since the first call.

        Raises:
            UsageError: If ``until_s`` is negative.
        """
        if until_s < 0:
            raise UsageError(f"a scenario cannot run until {until_s} s", hint="Pass 0 or more.")
        if self._task is None:
            self._started_s = self.clock.now()
            self.monitor.start()
            self._task = asyncio.create_task(self._user(), name=f"vineview-{self.name}")
        left_s = max(self._started_s + until_s - self.clock.now(), 0.0)
        if isinstance(self.clock, ManualClock):
            await self.clock.advance(left_s)
        else:
            await self.clock.sleep(left_s)
        if self._task.done():
            self._task.result()

    async def aclose(self) -> None:
        """Stop the user, the monitor and the manager, and wait until their tasks are gone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.monitor.aclose()
        await self.manager.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"ScriptedSession({self.name!r}, {self.manager!r})"
