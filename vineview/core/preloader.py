"""Loads videos: attempts in flight, their timeouts, the retries waiting, and room under the cap.

An attempt is a task that loads and an appointment to give it up; whichever comes first settles it.
A slot is taken before anything is awaited and given back at once when the attempt is given up;
what a superseded load still brings is released on arrival. (Reference, sections 3.3 and 3.5.)
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from random import Random

from vineview.core.agenda import Agenda
from vineview.core.attempt import Attempt, preload_facts
from vineview.core.breaker import CircuitBreaker
from vineview.core.changes import ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.failures import HOPELESS, backoff_s, classify, describe, url_problem
from vineview.core.ledger import Ledger, Record
from vineview.core.loading import Controller, Loader, RangelessLoader
from vineview.core.pool import ControllerPool
from vineview.core.state import DISPOSED, FAILED, NOT_LOADED, ErrorClass, LoadState
from vineview.core.tasks import Tasks
from vineview.errors import LoadError, LoadTimeout

__all__ = ["Preloader"]

_log = logging.getLogger(__name__)
_MOST_PATTERNS = 1000


class Preloader:
    """Starts, finishes, retries and gives up loads.

    Args:
        ledger: The states, and the listeners.
        pool: Where finished loads go.
        breaker: Asked before a first attempt, told how the last one ended.
        loader: What loads; ``None`` loads nothing.
        rng: Spreads the retries.
        config: The configuration in force; the manager replaces it.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        pool: ControllerPool,
        breaker: CircuitBreaker,
        loader: Loader | None,
        rng: Random,
        config: VideoManagerConfig,
    ) -> None:
        self.loader = loader
        self.config = config
        self.failure_patterns: dict[str, None] = {}
        self._ledger, self._pool, self._breaker, self._rng = ledger, pool, breaker, rng
        self._in_flight: dict[str, Attempt] = {}
        self._retrying: dict[str, Record] = {}
        self._tasks = Tasks()
        self._agenda = Agenda(ledger.clock, self._tasks)

    @property
    def in_flight(self) -> int:
        """Loads running now, each holding a slot."""
        return len(self._in_flight)

    @property
    def has_loop(self) -> bool:
        """Whether a load could start here and now."""
        return self._tasks.has_loop

    @property
    def busy(self) -> tuple[Record, ...]:
        """Videos loading now or waiting for a retry."""
        loading = [attempt.record for attempt in self._in_flight.values()]
        return (*loading, *self._retrying.values())

    def refuse_url(self, record: Record) -> str | None:
        """Fail a video whose URL cannot be loaded; the reason, or ``None`` if it can."""
        if record.is_gif or record.is_url_usable:
            return None
        problem = url_problem(record.event.video_url)
        record.is_url_usable = problem is None
        if problem is not None and not record.state.has_failed:
            self._start_afresh(record)
            at = self._ledger.clock.utc()
            failed = record.state.to_permanently_failed(
                problem, at=at, error_class=ErrorClass.FORMAT_ERROR
            )
            self._ledger.move(record, failed)
        return problem

    def begin(self, record: Record, *, is_asked_for: bool) -> Attempt | None:
        """Start loading a video if it may; the attempt, or ``None`` if nothing was started.

        Args:
            record: The video.
            is_asked_for: Whether it was asked for by name: then it may push out nearer ones, and
                does not wait for a retry that is due later.
        """
        state = record.state.loading_state
        if record.is_gif:
            self._show(record)
            return None
        if state is FAILED:
            may_start = is_asked_for or record.retry is None
        else:
            may_start = state is NOT_LOADED or state is DISPOSED
        if not may_start or self.loader is None or self.refuse_url(record) is not None:
            return None
        self._tasks.require_loop()
        is_retry = state is FAILED and record.is_admitted
        if not is_retry and (record.url in self.failure_patterns or not self._admit(record)):
            return None
        if not self._make_room(record, is_asked_for=is_asked_for):
            if not is_retry:
                self._dismiss(record)
            return None
        return self._start(record, is_asked_for=is_asked_for)

    def unload(self, record: Record, to: LoadState) -> bool:
        """Give up a video's load and retry, free its controller, move it; whether it had one."""
        attempt = self._give_up(record)
        had_controller = self._pool.free(record)
        at = self._ledger.clock.utc()
        state = record.state
        if to is DISPOSED:
            self._ledger.move(record, state.to_disposed(at=at))
        else:
            self._ledger.move(record, state.to_not_loaded(at=at))
        if attempt is not None:
            attempt.settle(record.state)
        return had_controller

    def cancel_retry(self, record: Record) -> None:
        """Stop waiting to try a failed video again; it stays failed."""
        self._drop_retry(record)
        self._dismiss(record)

    def enforce_cap(self) -> None:
        """Free the farthest controllers, then give up the farthest loads, down to the cap."""
        while self._used > self.config.max_controllers and self._push_out():
            pass

    def stop(self) -> None:
        """Give up everything in flight or waiting, without moving a state."""
        for record in self.busy:
            attempt = self._give_up(record)
            if attempt is not None:
                attempt.settle(record.state.to_disposed(at=self._ledger.clock.utc()))
        self.failure_patterns.clear()
        self.rest()

    def rest(self) -> None:
        """Keep no task for timeouts and retries while there are none."""
        self._agenda.rest()

    async def aclose(self) -> None:
        """Wait until every task has ended."""
        self._tasks.cancel()
        await self._tasks.aclose()

    @property
    def _used(self) -> int:
        return len(self._pool) + len(self._in_flight)

    def _make_room(self, record: Record, *, is_asked_for: bool) -> bool:
        if self._used < self.config.max_controllers:
            return True
        beyond = -1 if is_asked_for else self._ledger.distance(record)
        while self._used >= self.config.max_controllers:
            if not self._push_out(beyond):
                return False
        return True

    def _push_out(self, beyond: int = -1) -> bool:
        """Free the farthest controller, failing that give up the farthest load."""
        loading = [attempt.record for attempt in self._in_flight.values()]
        for records in (self._pool.records, loading):
            farthest = self._ledger.farthest(records, beyond=beyond)
            if farthest is not None:
                if self.unload(farthest, NOT_LOADED):
                    self._ledger.metrics.evicted_count += 1
                return True
        return False

    def _admit(self, record: Record) -> bool:
        """Ask the breaker. It guards hosts, and a clip of this machine has none."""
        record.is_admitted = record.event.is_local or self._breaker.allow(record.url)
        return record.is_admitted

    def _dismiss(self, record: Record) -> None:
        """Tell the breaker that a video it let in was given up."""
        if record.is_admitted:
            record.is_admitted = False
            self._breaker.abandon(record.url)

    def _show(self, record: Record) -> None:
        """A GIF needs no controller: it is ready as soon as it is wanted."""
        self._start_afresh(record)
        if record.state.loading_state is NOT_LOADED:
            self._ledger.move(record, record.state.to_ready(at=self._ledger.clock.utc()))

    def _start_afresh(self, record: Record) -> None:
        if record.state.is_disposed:
            self._ledger.move(record, record.state.to_not_loaded(at=self._ledger.clock.utc()))

    def _start(self, record: Record, *, is_asked_for: bool) -> Attempt:
        clock = self._ledger.clock
        self._drop_retry(record)
        self._start_afresh(record)
        self._ledger.move(record, record.state.to_loading(at=clock.utc()))
        record.is_asked_for = is_asked_for
        attempt = Attempt(record, clock.now())
        record.attempt = self._in_flight[record.video_id] = attempt
        self._ledger.metrics.preload_count += 1
        on_end = partial(self._on_loaded, attempt)
        attempt.load = self._tasks.start(self._load(record), record.video_id, on_end)
        timeout_s = self.config.preload_timeout_s
        late = partial(self._on_timeout, attempt, timeout_s)
        attempt.timeout = self._agenda.after(timeout_s, late)
        return attempt

    async def _load(self, record: Record) -> Controller:
        loader = self.loader
        assert loader is not None, "begin() starts nothing without a loader"
        if record.is_without_ranges and isinstance(loader, RangelessLoader):
            return await loader.load_without_ranges(record.event)
        return await loader.load(record.event)

    def _on_loaded(self, attempt: Attempt, load: asyncio.Task[Controller]) -> None:
        if attempt.record.attempt is not attempt:
            self._release_late(attempt)
            return
        with self._ledger.announcer:
            if load.cancelled():  # by the loader itself, or by a loop that is shutting down
                self.unload(attempt.record, NOT_LOADED)
                return
            error = load.exception()
            if error is not None:
                self._fail(attempt, error)
            elif not callable(getattr(load.result(), "release", None)):
                what = type(load.result()).__name__
                self._fail(attempt, LoadError(f"the loader returned {what}, not a controller"))
            else:
                self._succeed(attempt, load.result())

    def _on_timeout(self, attempt: Attempt, seconds: float, broken: BaseException | None) -> None:
        if not attempt.load.done():  # else it made it, and is about to be told
            late = LoadTimeout(f"timeout: not loaded within {seconds:g} s", timeout_s=seconds)
            with self._ledger.announcer:
                self._fail(attempt, broken or late)

    def _succeed(self, attempt: Attempt, controller: Controller) -> None:
        record, ledger = attempt.record, self._ledger
        self._detach(attempt)
        self._pool.hold(record, controller)
        record.is_admitted = record.is_without_ranges = False
        ledger.metrics.preload_success_count += 1
        held = self._pool.bytes_of(record)
        now_s = ledger.clock.now()
        facts = preload_facts(attempt, now_s=now_s, controller=controller, held_bytes=held)
        ledger.tell(ChangeKind.PRELOAD, record.video_id, **facts)
        ledger.move(record, record.state.to_ready(at=ledger.clock.utc()))
        attempt.settle(record.state)
        self.failure_patterns.pop(record.url, None)
        if not record.event.is_local:
            self._breaker.record_success(record.url)

    def _fail(self, attempt: Attempt, error: BaseException) -> None:
        record, ledger = attempt.record, self._ledger
        error_class, words = classify(error), describe(error)
        self._detach(attempt)
        self._abandon_load(attempt)
        ledger.metrics.preload_failure_count += 1
        now_s = ledger.clock.now()
        facts = preload_facts(attempt, now_s=now_s, error=words, error_class=error_class)
        ledger.tell(ChangeKind.PRELOAD, record.video_id, **facts)
        at, state = ledger.clock.utc(), record.state
        if error_class in HOPELESS or record.is_without_ranges:
            after = state.to_permanently_failed(words, at=at, error_class=error_class)
        else:
            most = self.config.max_retries
            after = state.to_failed(words, at=at, max_retries=most, error_class=error_class)
        ledger.move(record, after)
        attempt.settle(after)
        if after.can_retry:
            record.is_without_ranges = error_class is ErrorClass.SERVER_CONFIG_ERROR
            self._schedule_retry(record)
        else:
            self._give_up_on_url(record)

    def _give_up_on_url(self, record: Record) -> None:
        record.is_admitted = record.is_without_ranges = False
        self.failure_patterns.pop(record.url, None)
        self.failure_patterns[record.url] = None
        if len(self.failure_patterns) > _MOST_PATTERNS:
            del self.failure_patterns[next(iter(self.failure_patterns))]
        if not record.event.is_local:
            self._breaker.record_failure(record.url)

    def _schedule_retry(self, record: Record) -> None:
        delay_s = backoff_s(record.state.retry_count, self._rng)
        record.retry = self._agenda.after(delay_s, partial(self._on_retry_due, record))
        self._retrying[record.video_id] = record

    def _on_retry_due(self, record: Record, broken: BaseException | None) -> None:
        record.retry = None
        del self._retrying[record.video_id]
        with self._ledger.announcer:
            if broken is not None:
                self._dismiss(record)
                _log.error("video %r: the wait for a retry failed: %r", record.video_id, broken)
                trouble = {"error": describe(broken), "where": "retry"}
                self._ledger.tell(ChangeKind.ERROR, record.video_id, **trouble)
            elif self.begin(record, is_asked_for=record.is_asked_for) is None:
                self._schedule_retry(record)  # no room for it now, and nothing farther to push out

    def _drop_retry(self, record: Record) -> None:
        if record.retry is not None:
            self._agenda.call_off(record.retry)
            record.retry = None
            del self._retrying[record.video_id]

    def _give_up(self, record: Record) -> Attempt | None:
        """Stop a video's load and retry; the attempt, for whoever moves the state to settle."""
        self._drop_retry(record)
        self._dismiss(record)
        record.is_without_ranges = False
        attempt = record.attempt
        if attempt is not None:
            self._ledger.metrics.preload_cancelled_count += 1
            self._detach(attempt)
            self._abandon_load(attempt)
        return attempt

    def _detach(self, attempt: Attempt) -> None:
        """Give the slot back. From here on the attempt is superseded, whatever it still brings."""
        attempt.record.attempt = None
        del self._in_flight[attempt.record.video_id]
        self._agenda.call_off(attempt.timeout)

    def _abandon_load(self, attempt: Attempt) -> None:
        if attempt.load.done():
            self._release_late(attempt)
        else:
            attempt.load.cancel()

    def _release_late(self, attempt: Attempt) -> None:
        """Free what a superseded load brought after all, once."""
        load = attempt.load
        if attempt.is_emptied or load.cancelled() or load.exception() is not None:
            return
        attempt.is_emptied = True
        self._pool.release(load.result(), attempt.record.video_id)
