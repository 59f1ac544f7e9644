"""Replay: a recorded session played, paused and sought, read like the manager it came from.

It is a `ManagerView` and sends the same `Change` objects to its listeners, so a player, a strip, a
chart and a monitor take it for a manager. One task on the clock drives it: it wakes when the next
record is due, though not more than ``MAX_WAKES_PER_S`` times a second, and takes in all that is
due by then. A seek is announced as the changes that lead to the new state (`replay.jump`).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self, TypeVar

from vineview.clock import Clock, SystemClock
from vineview.core.changes import Change, Listener, Unsubscribe
from vineview.errors import UsageError
from vineview.replay.cursor import Cursor
from vineview.replay.jump import changes_between
from vineview.replay.playhead import Playhead, RecordedClock
from vineview.replay.recording import Recording
from vineview.replay.view import StateView
from vineview.telemetry import Alert, Telemetry, Thresholds, VideoPerformanceMonitor
from vineview.telemetry.schema import Sample

__all__ = ["MAX_WAKES_PER_S", "Replay"]

MAX_WAKES_PER_S = 20
"""How often it wakes at most, in real seconds, however fast it plays."""

_LOG = logging.getLogger(__name__)
_Callback = TypeVar("_Callback")


class Replay(StateView):
    """A telemetry, replayed.

    It stands at the start until told otherwise; records made at the very start have happened
    then. Positions beyond an end mean that end. Reading and seeking need no event loop.

    Args:
        telemetry: What to replay.
        clock: What it plays on; the machine's if not given.
        speed: Recorded seconds per second of the clock, 1 to 1000.
        thresholds: The limits of ``monitor``; its defaults unless told.

    Attributes:
        telemetry: What is replayed.
        findings: What of it could not be replayed, one sentence each.
        monitor: A monitor that has seen everything up to the playhead, and nothing else.

    Raises:
        TelemetryError: If there is no record to replay.
        UsageError: If the speed makes no sense.

    Example:
        >>> replay = Replay(Telemetry({}, [{"at": "2026-01-01T00:00:00Z"}], []))
        >>> replay.position_s, replay.duration_s, replay.is_playing
        (0.0, 0.0, False)
    """

    def __init__(
        self,
        telemetry: Telemetry,
        *,
        clock: Clock | None = None,
        speed: float = 1.0,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.telemetry = telemetry
        self._recording = recording = Recording.of(telemetry)
        self.findings = recording.findings
        driver = clock or SystemClock()
        self._driver = driver
        self._head = Playhead(driver, duration_s=recording.duration_s, speed=speed)
        self._recorded_clock = RecordedClock(driver, self._head, recording.start_at)
        self._cursor = Cursor(recording, thresholds)
        super().__init__(self._cursor, self._recorded_clock)
        self.monitor = VideoPerformanceMonitor(
            self,
            max_samples=len(recording.records),
            max_changes=len(recording.records),
            thresholds=thresholds,
        )
        self._listeners: list[Listener] = []
        self._followers: list[Callable[[Replay], object]] = []
        self._jumps = 0
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._jump(self._recording.passed(0.0))

    @property
    def position_s(self) -> float:
        """Seconds from the start of the recording to the playhead."""
        return self._head.position_s

    @property
    def duration_s(self) -> float:
        """Seconds from the first record to the last."""
        return self._head.duration_s

    @property
    def start_at(self) -> datetime:
        """The first record's instant, UTC."""
        return self._recording.start_at

    @property
    def at(self) -> datetime:
        """The instant under the playhead, UTC."""
        return self._recorded_clock.utc()

    @property
    def is_playing(self) -> bool:
        """Whether the playhead moves."""
        return self._head.is_playing

    @property
    def speed(self) -> float:
        """Recorded seconds per second of the clock; may be set while playing.

        Raises:
            UsageError: When set to anything but a number from 1 to 1000.
        """
        return self._head.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._head.speed = speed
        self._drive_anew()
        self._tell_followers()

    @property
    def crossings(self) -> tuple[Alert, ...]:
        """The threshold crossings up to the playhead, oldest first; see `crossings` for all."""
        return self.monitor.alerts

    def play(self) -> None:
        """Play on from the playhead; at the end, from the start. Twice is once.

        Raises:
            UsageError: Outside a running event loop, or after `aclose`.
        """
        if self._is_closed:
            raise UsageError("this replay is closed", hint="Make a new Replay of the telemetry.")
        if self.is_playing:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            raise UsageError(
                "a replay plays inside a running event loop",
                hint="Call play from a coroutine or a notebook cell; seek works anywhere.",
            ) from error
        if self.position_s >= self.duration_s:
            self.seek(0.0)
        if self.duration_s > 0:
            self._head.start()
            self._drive_anew()
        self._tell_followers()

    def pause(self) -> None:
        """Stand still; everything before the playhead has been told."""
        if self.is_playing:
            self._head.stop()
            self._drive_anew()
            self._pass_due()
            self._stop_at_end()
            self._tell_followers()

    def seek(self, to: float | datetime) -> None:
        """Move the playhead, playing or not.

        Listeners are told the changes that lead from the state they saw to the new one. The
        monitor is refilled, and tells its own listeners the last record before the playhead.

        Args:
            to: Seconds from the start, or an aware instant; beyond an end means that end.

        Raises:
            UsageError: If it is neither.
        """
        self._head.move_to(self._position_of(to))
        before, self._jumps = self._cursor.state.copy(), self._jumps + 1
        jump = self._jumps
        self._jump(self._recording.passed(self.position_s))
        self._stop_at_end()
        self._drive_anew()
        for change in changes_between(before, self._cursor.state, self.at):
            if jump == self._jumps:  # a listener may seek again; that one tells the rest
                self._tell(change)
        self._tell_followers()

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call ``listener`` with each change the playhead passes, and those a seek amounts to.

        A listener that raises is logged; the others still hear.

        Returns:
            A function that ends the subscription.
        """
        return _add(self._listeners, listener)

    def follow(self, follower: Callable[[Replay], object]) -> Unsubscribe:
        """Call ``follower`` with this replay when the playhead is controlled, wakes or ends.

        Between calls ``position_s`` grows by ``speed`` each second while ``is_playing``.

        Returns:
            A function that ends the subscription.
        """
        return _add(self._followers, follower)

    async def aclose(self) -> None:
        """Stop for good, forget the listeners, and return once no task is left."""
        self._is_closed = True
        self._listeners.clear()
        self._followers.clear()
        self._head.stop()
        self._drive_anew()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _position_of(self, to: float | datetime) -> float:
        if isinstance(to, datetime) and to.tzinfo is not None:
            return (to.astimezone(UTC) - self.start_at).total_seconds()
        if isinstance(to, int | float) and not isinstance(to, bool) and not math.isnan(to):
            return float(to)
        raise UsageError(
            f"a replay cannot seek to {to!r}",
            hint="Pass seconds from the start, or a datetime with a time zone.",
        )

    def _drive_anew(self) -> None:
        """End the driving task, if it is another's turn, and start one while playing."""
        task = self._task
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            self._task = task = None
        if task is None and self.is_playing:
            self._task = task = asyncio.create_task(self._drive(), name="vineview-replay")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _drive(self) -> None:
        """Take in what is due, whenever something is, until the playhead stops."""
        me = asyncio.current_task()
        try:
            while self._task is me and self.is_playing:
                due_s = self._head.reaches_in_s(self._recording.positions_s[self._cursor.passed])
                await self._driver.sleep(max(due_s, 1 / MAX_WAKES_PER_S))
                self._pass_due()
                self._stop_at_end()
                self._tell_followers()
        finally:
            if self._task is me:  # else another drives now
                self._task = None
                self._head.stop()

    def _pass_due(self) -> None:
        """Fold, judge and tell each record the playhead has passed."""
        due, jump = self._recording.passed(self.position_s), self._jumps
        while self._cursor.passed < due and jump == self._jumps:
            record = self._cursor.step()
            if isinstance(record, Sample):
                self.monitor.record_sample(record)
            else:
                self.monitor.record_change(record)
                self._tell(record)

    def _stop_at_end(self) -> None:
        if self._cursor.passed == len(self._recording.records):
            self._head.stop()
            self._head.move_to(self.duration_s)

    def _jump(self, passed: int) -> None:
        """Bring state and monitor to where ``passed`` records have happened."""
        self._cursor.jump(passed)
        earlier, last = self._recording.records[: passed - 1], self._recording.records[passed - 1]
        self.monitor.refill(
            [record for record in earlier if isinstance(record, Sample)],
            [record for record in earlier if isinstance(record, Change)],
            book=self._cursor.book_after(passed - 1),
        )
        if isinstance(last, Sample):
            self.monitor.record_sample(last)
        else:
            self.monitor.record_change(last)

    def _tell(self, change: Change) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(change)
            except Exception:  # noqa: BLE001 - one listener must not silence the others
                _LOG.exception("a listener of the replay failed")

    def _tell_followers(self) -> None:
        for follower in tuple(self._followers):
            try:
                follower(self)
            except Exception:  # noqa: BLE001 - one listener must not silence the others
                _LOG.exception("a follower of the replay failed")

    def __repr__(self) -> str:
        state = f"playing at {self.speed:g}x" if self.is_playing else "paused"
        where = f"{self.position_s:.0f} of {self.duration_s:.0f} s"
        return f"Replay({state}, {where}, {self.at.isoformat(timespec='seconds')})"


def _add(listeners: list[_Callback], listener: _Callback) -> Unsubscribe:
    listeners.append(listener)

    def unsubscribe() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return unsubscribe
