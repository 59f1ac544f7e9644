"""Things to do at set moments, with one task asleep until the first of them.

A timeout and a retry are both "not before then"; most are called off long before. One sleeper for
all of them, built on the clock's ``sleep`` alone, costs a busy manager next to nothing.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from vineview.clock import Clock
from vineview.core.tasks import Tasks

__all__ = ["Agenda", "Appointment"]

_FEW_STALE = 64


class Appointment:
    """Something to do later, until it is done or called off.

    Args:
        act: What to do; given the error, if the clock itself failed to wait.
        at: When, in the clock's seconds.
    """

    __slots__ = ("act", "at")

    def __init__(self, act: Callable[[BaseException | None], None], at: float) -> None:
        self.act: Callable[[BaseException | None], None] | None = act
        self.at = at


class Agenda:
    """Does what is due, in order.

    Args:
        clock: Whose time counts.
        tasks: Where the sleeper runs.
    """

    def __init__(self, clock: Clock, tasks: Tasks) -> None:
        self._clock = clock
        self._tasks = tasks
        self._order = count()
        self._due: list[tuple[float, int, Appointment]] = []
        self._stale = 0
        self._sleeper: asyncio.Task[None] | None = None
        self._wakes_s = 0.0

    def __len__(self) -> int:
        return len(self._due) - self._stale

    def after(self, seconds: float, act: Callable[[BaseException | None], None]) -> Appointment:
        """Do something once ``seconds`` have passed."""
        at = self._clock.now() + seconds
        appointment = Appointment(act, at)
        heapq.heappush(self._due, (at, next(self._order), appointment))
        if self._sleeper is None or at < self._wakes_s:
            self._sleep_until(at, seconds)
        return appointment

    def call_off(self, appointment: Appointment) -> None:
        """Do it never, if it has not been done yet."""
        if appointment.act is not None:
            appointment.act = None
            self._stale += 1
            if self._stale > _FEW_STALE and 2 * self._stale > len(self._due):
                self._due = [entry for entry in self._due if entry[2].act is not None]
                heapq.heapify(self._due)
                self._stale = 0

    def rest(self) -> None:
        """End the sleeper, if all there was to do has been called off."""
        if self._sleeper is not None and not len(self):
            sleeper, self._sleeper = self._sleeper, None
            sleeper.cancel()
            self._due.clear()
            self._stale = 0

    def _sleep_until(self, at: float, seconds: float) -> None:
        if self._sleeper is not None:
            self._sleeper.cancel()
        self._wakes_s = at
        sleep = self._clock.sleep(seconds)
        self._sleeper = self._tasks.start(sleep, "timeouts and retries", self._on_wake)

    def _on_wake(self, sleeper: asyncio.Task[None]) -> None:
        error = None if sleeper.cancelled() else sleeper.exception()
        if sleeper is not self._sleeper:
            return
        self._sleeper = None
        if sleeper.cancelled():  # by a loop that is shutting down
            return
        # What was slept for is due, even if the clock's arithmetic falls short of it by a hair.
        now = max(self._clock.now(), self._wakes_s)
        due = []
        while self._due and (error is not None or self._due[0][0] <= now):
            due.append(heapq.heappop(self._due)[2])
        for appointment in due:
            act, appointment.act = appointment.act, None
            if act is None:
                self._stale -= 1
            else:
                act(error)
        self._sleep_on()

    def _sleep_on(self) -> None:
        while self._due and self._due[0][2].act is None:
            heapq.heappop(self._due)
            self._stale -= 1
        if self._due and (self._sleeper is None or self._due[0][0] < self._wakes_s):
            at = self._due[0][0]
            self._sleep_until(at, at - self._clock.now())
