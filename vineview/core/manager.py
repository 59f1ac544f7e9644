"""VideoManager: the single source of truth for a feed of short videos.

It decides what is loaded, kept, retried and freed; players only show what it says. Everything it
needs from outside (time, loading, chance) is passed in, and it changes a video's state only
through the ledger's one door. It belongs to one event loop. (Reference, section 3.)
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from types import TracebackType
from typing import Any, Self

from vineview.clock import Clock, SystemClock
from vineview.core.breaker import BreakerMove, CircuitBreaker
from vineview.core.cache import ByteCache
from vineview.core.changes import RECORDABLE, ChangeKind
from vineview.core.config import VideoManagerConfig, whole_number
from vineview.core.entry import facts_of
from vineview.core.events import VideoEvent
from vineview.core.housekeeping import Housekeeping
from vineview.core.ledger import Ledger, Record
from vineview.core.legacy import Migration, migrate
from vineview.core.loading import Loader
from vineview.core.pool import ControllerPool
from vineview.core.preloader import Preloader
from vineview.core.readable import Readable
from vineview.core.state import DISPOSED, PERMANENTLY_FAILED, VideoState
from vineview.errors import ConfigError, VideoManagerError

__all__ = ["VideoManager"]


class VideoManager(Readable):
    """Keeps a feed in order and loads what the viewer is about to see.

    Args:
        config: The settings; the default profile unless told.
        loader: What makes controllers; without one the feed can be kept but not loaded.
        clock: Time; the machine's unless told.
        rng: Spreads retries; give a seeded one for repeatable runs.
        cache: The byte cache the loader uses, shown to monitors.
        breaker: The circuit breaker; one with the service's defaults unless told.

    Example:
        >>> import asyncio
        >>> from vineview.clock import ManualClock
        >>> from vineview.core.loading import ScriptedLoader
        >>> async def first_video() -> str:
        ...     clock = ManualClock()
        ...     async with VideoManager(loader=ScriptedLoader(clock=clock), clock=clock) as manager:
        ...         manager.add_video_event(VideoEvent(id="a", video_url="https://example.com/a"))
        ...         manager.preload_around_index(0)
        ...         await clock.advance(1)
        ...         return f"{manager.ready_videos[0].id}: {manager.get_controller('a')}"
        >>> asyncio.run(first_video())
        "a: ScriptedController('a', held_bytes=20971520)"
    """

    def __init__(
        self,
        *,
        config: VideoManagerConfig | None = None,
        loader: Loader | None = None,
        clock: Clock | None = None,
        rng: Random | None = None,
        cache: ByteCache | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        clock = SystemClock() if clock is None else clock
        breaker = CircuitBreaker(clock=clock) if breaker is None else breaker
        ledger = Ledger(clock)
        pool = ControllerPool(ledger)
        preloader = Preloader(
            ledger=ledger,
            pool=pool,
            breaker=breaker,
            loader=loader,
            rng=Random() if rng is None else rng,  # noqa: S311  # spreads retries, guards nothing
            config=VideoManagerConfig() if config is None else _checked(config),
        )
        super().__init__(ledger, pool, preloader)
        self.breaker = breaker
        self.cache = cache
        self._announcer = ledger.announcer
        self._house = Housekeeping(ledger=ledger, pool=pool, preloader=preloader, breaker=breaker)
        self._leave_breaker = self.breaker.subscribe(self._on_breaker_move)

    # The feed

    def add_video_event(self, event: VideoEvent) -> bool:
        """Enter a video in its place, without loading it; whether it is new.

        Raises:
            VideoManagerError: If it has no id, or the manager was disposed of.
        """
        self._require_alive("add a video")
        with self._announcer:
            return self._house.welcome(self._ledger.add(event)) == 1

    def add_video_events(self, events: Iterable[VideoEvent]) -> int:
        """Enter many videos with one notification; how many are new in the feed.

        One that is there already is left alone. If one has no id, none is entered.

        Raises:
            VideoManagerError: If one has no id, or the manager was disposed of.
        """
        self._require_alive("add a video")
        if isinstance(events, VideoEvent) or not isinstance(events, Iterable):
            hint = "Pass a list of events; add_video_event takes a single one."
            raise VideoManagerError(f"{type(events).__name__} is not a batch", hint=hint)
        batch = tuple(events)
        with self._announcer:
            return self._house.welcome(self._ledger.add_all(batch))

    def replace_video(self, video_id: str, event: VideoEvent) -> None:
        """Put another event in a video's place: what was loaded is freed, the state starts anew.

        Raises:
            VideoManagerError: If the video is not in the feed, or the event's id already is.
        """
        if self._is_disposed:
            return
        record = self._require(video_id)
        fresh_id = facts_of(event)["id"]
        if fresh_id != video_id and self._ledger.get(fresh_id) is not None:
            hint = "Remove one of the two first."
            raise VideoManagerError(f"the feed already has {fresh_id!r}", video_id, hint=hint)
        with self._announcer:
            self._house.replace(record, event)

    def remove_video(self, video_id: str) -> bool:
        """Take a video out of the feed and free what it held; whether it was there."""
        record = self._ledger.get(video_id)
        if record is None:
            return False
        with self._announcer:
            self._house.remove(record)
        return True

    def migrate_from_legacy(self, events: Iterable[VideoEvent]) -> Migration:
        """Enter a legacy system's events one by one; one that is refused stops none of the rest."""
        if self._is_disposed:
            return Migration(0, 0, ())
        return migrate(events, self.add_video_events)

    # Loading

    async def preload_video(self, video_id: str) -> VideoState:
        """Load a video now; its state after one attempt. Retries go on in the background.

        Nothing happens to one that is ready, failed for good, known to fail, or held back by the
        breaker. A second call in flight waits for the same attempt. A failed load does not raise:
        the state says so.

        Raises:
            VideoManagerError: If the video is unknown, has no usable URL, there is no loader, or
                the manager was disposed of.
        """
        self._require_alive("preload a video", video_id)
        record = self._require(video_id)
        if record.attempt is not None:
            return await record.attempt.wait()
        if record.state.is_ready or record.state.loading_state is PERMANENTLY_FAILED:
            return record.state
        if self.loader is None and not record.is_gif:
            hint = "Make the manager with loader=MediaLoader()."
            raise VideoManagerError("there is no loader", video_id, hint=hint)
        with self._announcer:
            problem = self._preloader.refuse_url(record)
            if problem is not None:
                hint = "Replace the event with one that has a usable video_url."
                raise VideoManagerError(problem, video_id, hint=hint)
            attempt = self._preloader.begin(record, is_asked_for=True)
        return record.state if attempt is None else await attempt.wait()

    def preload_around_index(self, index: int, preload_range: int | None = None) -> None:
        """Say where the viewer is: free what is far, load what is near. Returns at once.

        Args:
            index: Where the viewer is; one outside the feed counts as its nearest end.
            preload_range: How many to load ahead, instead of the configuration's.

        Raises:
            ConfigError: If one is no whole number, or ``preload_range`` is negative.
        """
        if self._is_disposed:
            return
        index = whole_number("index", index)
        if preload_range is not None:
            preload_range = whole_number("preload_range", preload_range, least=0)
        if not len(self._ledger):
            return
        with self._announcer:
            before = self._ledger.position
            self._ledger.stand_at(min(max(index, 0), len(self._ledger) - 1))
            self._ledger.tell_position(before, "user")
            self._house.enforce_window(preload_range)

    def pause_video(self, video_id: str) -> None:
        """Pause a video; one that is unknown or not playing is left alone."""
        record = self._ledger.get(video_id)
        if record is not None:
            with self._announcer:
                self._pool.pause(record)

    def resume_video(self, video_id: str) -> None:
        """Play a ready video and pause all others; one that is not ready is left alone."""
        record = self._ledger.get(video_id)
        if record is not None and record.controller is not None:
            with self._announcer:
                self._pool.play(record)

    def pause_all_videos(self) -> None:
        """Pause every video; all stay loaded."""
        with self._announcer:
            for record in self._pool.records:
                self._pool.pause(record)

    def stop_all_videos(self) -> None:
        """Free every controller and give up every load and retry; the feed stays."""
        with self._announcer:
            for record in (*self._pool.records, *self._preloader.busy):
                self._house.let_go(record)
        self._preloader.rest()

    def dispose_video(self, video_id: str) -> None:
        """Free a video and give up its load; it stays in the feed and can be preloaded again."""
        record = self._ledger.get(video_id)
        if record is not None and not record.state.is_disposed:
            with self._announcer:
                self._preloader.unload(record, DISPOSED)

    # Operation

    async def handle_memory_pressure(self, *, keep_ahead: int = 1, keep_behind: int = 1) -> int:
        """Shed controllers at once; how many were freed. The feed is untouched.

        What lies outside the kept positions is freed, loading or waiting to retry alike. Failure
        patterns and blocked URLs are forgotten, and videos they stopped may be tried afresh.

        Args:
            keep_ahead: How many videos after the current one are kept.
            keep_behind: How many before it.

        Raises:
            ConfigError: If one is negative, or no whole number.
        """
        if self._is_disposed:
            return 0
        keep_ahead = whole_number("keep_ahead", keep_ahead, least=0)
        keep_behind = whole_number("keep_behind", keep_behind, least=0)
        with self._announcer:
            return self._house.relieve(keep_ahead, keep_behind)

    def apply_config(self, config: VideoManagerConfig, *, reason: str = "") -> None:
        """Put a configuration in force now: limit, cap and window. States and counters stay.

        A wider window is loaded at once where an event loop runs, else at the next navigation.

        Args:
            config: The new settings.
            reason: Why, for the record.
        """
        if self._is_disposed:
            return
        config = _checked(config)
        with self._announcer:
            self._preloader.config = config
            self._ledger.tell(ChangeKind.CONFIG, config=config.to_dict(), reason=reason)
            self._house.welcome([])
            self._preloader.enforce_cap()
            self._house.enforce_window(may_load=self._preloader.has_loop)

    def clear_failure_patterns(self, url: str | None = None) -> None:
        """Forget failing and blocked URLs, or one; videos that failed for good by it start afresh.

        Args:
            url: The only one to forget; all of them if not given.
        """
        with self._announcer:
            self._house.forget_failures(url)

    def record(self, kind: ChangeKind | str, *, video_id: str | None = None, **data: Any) -> None:
        """Announce what players, ops and monitors saw: playback, action, crash, error or network.

        Raises:
            VideoManagerError: If the kind is one only the manager itself announces.
        """
        if self._is_disposed:
            return
        if kind not in RECORDABLE:
            hint = f"Record one of: {', '.join(sorted(RECORDABLE))}."
            raise VideoManagerError(f"{kind!r} is not for others to record", hint=hint)
        if kind == ChangeKind.CRASH:
            self._ledger.metrics.app_crashes += 1
        self._ledger.tell(ChangeKind(kind), video_id, **data)

    # The end

    def dispose(self) -> None:
        """Free everything, give up everything, forget the feed; say nothing any more."""
        if self._is_disposed:
            return
        self._is_disposed = True
        self._leave_breaker()
        with self._announcer:  # a controller that cannot be released is the last thing announced
            self._preloader.stop()
            for record in self._pool.records:
                self._pool.free(record)
        self._announcer.close()
        self._ledger.clear()

    async def aclose(self) -> None:
        """Dispose, and wait until every task has ended."""
        self.dispose()
        await self._preloader.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _on_breaker_move(self, move: BreakerMove) -> None:
        self._ledger.metrics.circuit_breaker_trips += move.is_trip
        facts = {"from": move.before.value, "to": move.after.value, "reason": move.reason}
        self._ledger.tell(ChangeKind.BREAKER, **facts, url=move.url, trip=move.is_trip)

    def _require_alive(self, what: str, video_id: str | None = None) -> None:
        if self._is_disposed:
            hint = "Make a new VideoManager."
            raise VideoManagerError(
                f"cannot {what}: the manager was disposed of", video_id, hint=hint
            )

    def _require(self, video_id: str) -> Record:
        record = self._ledger.get(video_id)
        if record is None:
            hint = "Add it with add_video_event first."
            raise VideoManagerError("the video is not in the feed", video_id, hint=hint)
        return record


def _checked(config: VideoManagerConfig) -> VideoManagerConfig:
    if isinstance(config, VideoManagerConfig):
        return config
    hint = "Pass a VideoManagerConfig, such as VideoManagerConfig.wifi()."
    raise ConfigError(
        f"a configuration cannot be {config!r}", field="config", value=config, hint=hint
    )
