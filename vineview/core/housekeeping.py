"""What stays: the feed's limit, the keep range, memory pressure, and forgetting old failures.

Each rule decides which videos leave and hands them to the preloader, which alone unloads.
(Reference, sections 3.3, 3.6 and 3.8.)
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from vineview.core.breaker import CircuitBreaker
from vineview.core.changes import ChangeKind
from vineview.core.entry import Facts, facts_of
from vineview.core.events import VideoEvent
from vineview.core.ledger import Ledger, Record
from vineview.core.pool import ControllerPool
from vineview.core.preloader import Preloader
from vineview.core.state import DISPOSED, FAILED, NOT_LOADED, PERMANENTLY_FAILED
from vineview.core.window import keep_range, preload_order

__all__ = ["Housekeeping"]

_MIB = 2**20
_KNOWN_AGAIN = 2000  # how many of those the limit kept out are known again, at least


class Housekeeping:
    """Applies the rules of staying.

    Args:
        ledger: The feed and its states.
        pool: The controllers.
        preloader: What unloads, and knows the configuration and the failure patterns.
        breaker: Whose URL blocks pressure clears.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        pool: ControllerPool,
        preloader: Preloader,
        breaker: CircuitBreaker,
    ) -> None:
        self._ledger = ledger
        self._pool = pool
        self._preloader = preloader
        self._breaker = breaker
        self._kept_out: dict[int, None] = {}  # by the hash of the id, which may be long

    def welcome(self, added: list[Facts]) -> int:
        """Announce newly entered videos, after the oldest beyond the limit have left.

        One that is itself too old for the limit leaves unannounced, as if it had never come.

        Returns:
            How many of those added are in the feed.
        """
        config = self._preloader.config
        excess = len(self._ledger) - config.max_videos if config.enable_memory_management else 0
        if excess > 0:
            added = self._drop_oldest(excess, added)
        elif added:
            self._count_kept_out((), added)
            self._tell_feed(added, [])
        for facts in added:
            if facts["is_gif"]:
                self._preloader.begin(self._ledger.record(facts["id"]), is_asked_for=False)
        return len(added)

    def remove(self, record: Record) -> None:
        """Take one video out of the feed."""
        position = self._ledger.position
        self._retire(record)
        self._ledger.remove(record.video_id)
        self._tell_feed([], [record.video_id])
        self._ledger.tell_position(position, "feed")

    def replace(self, record: Record, event: VideoEvent) -> None:
        """Put another event in a video's place."""
        position = self._ledger.position
        self._retire(record)
        self._ledger.replace(record, event)
        facts = facts_of(event)
        self._tell_feed([facts], [record.video_id])
        self._ledger.tell_position(position, "feed")
        if facts["is_gif"]:
            self._preloader.begin(self._ledger.record(event.id), is_asked_for=False)

    def enforce_window(self, preload_range: int | None = None, *, may_load: bool = True) -> None:
        """Free what left the keep range; once the viewer has been anywhere, load the window.

        Args:
            preload_range: How many to load ahead, instead of the configuration's.
            may_load: Whether loads may start now.
        """
        ledger, config = self._ledger, self._preloader.config
        if not len(ledger):
            return
        ahead = config.preload_ahead if preload_range is None else preload_range
        sides = {"ahead": ahead, "behind": config.preload_behind, "most": config.max_controllers}
        index = ledger.current_index
        window = preload_order(index, len(ledger), **sides)
        kept = keep_range(index, window, **sides)
        for record in ledger.outside(kept, (*self._pool.records, *self._preloader.busy)):
            self.let_go(record)
        if ledger.has_navigated and may_load:
            for record in ledger.records_at(window):
                self._preloader.begin(record, is_asked_for=False)

    def let_go(self, record: Record) -> None:
        """Unload a video that is loaded or loading; one waiting to retry just stops waiting."""
        if record.state.can_retry:
            self._preloader.cancel_retry(record)
        elif self._preloader.unload(record, NOT_LOADED):
            self._ledger.metrics.evicted_count += 1

    def relieve(self, keep_ahead: int, keep_behind: int) -> int:
        """Memory pressure: free all but the nearest and forget failures; how many were freed."""
        ledger, metrics = self._ledger, self._ledger.metrics
        before, memory_mb = len(self._pool), self._memory_mb()
        self.forget_failures()
        here = ledger.current_index
        kept = range(here - keep_behind, here + keep_ahead + 1)
        loading = [record for record in self._preloader.busy if record.state.is_loading]
        for record in (*self._pool.records, *loading, *ledger.in_state(FAILED)):
            if ledger.index_of(record) not in kept:
                self._preloader.unload(record, NOT_LOADED)
        freed = before - len(self._pool)
        metrics.evicted_count += freed
        metrics.memory_pressure_count += 1
        metrics.last_cleanup_at = ledger.clock.utc()
        ledger.tell(
            ChangeKind.MEMORY_PRESSURE,
            memory_mb=memory_mb,
            controllers_before=before,
            controllers_disposed=freed,
            keep_ahead=keep_ahead,
            keep_behind=keep_behind,
        )
        return freed

    def forget_failures(self, url: str | None = None) -> None:
        """Forget failing and blocked URLs, or one; what failed for good by it starts afresh."""
        patterns = self._preloader.failure_patterns
        forgotten = set(patterns) if url is None else {url}
        for record in tuple(self._ledger.in_state(PERMANENTLY_FAILED)):
            if record.url in forgotten:
                self._preloader.unload(record, NOT_LOADED)
        for each in forgotten:
            patterns.pop(each, None)
        self._breaker.clear_urls(url)

    def _memory_mb(self) -> float:
        held = self._pool.held_bytes
        if held:
            return round(held / _MIB, 3)
        return len(self._pool) * self._preloader.config.memory_per_controller_mb

    def _drop_oldest(self, excess: int, added: list[Facts]) -> list[Facts]:
        """Let the oldest leave, and announce what then changed; those added that stayed."""
        ledger = self._ledger
        position = ledger.position
        gone: dict[str, None] = {}  # in the order they leave, the oldest first
        for _ in range(excess):
            video_id = ledger.oldest.id
            record = ledger.opened(video_id)
            if record is not None:
                self._retire(record)
            ledger.remove(video_id)
            gone[video_id] = None
        came = {facts["id"] for facts in added}
        fresh = [facts for facts in added if facts["id"] not in gone]
        removed = [video_id for video_id in gone if video_id not in came]
        self._count_kept_out(gone, fresh)
        if fresh or removed:
            self._tell_feed(fresh, removed)
            ledger.tell_position(position, "feed")
        return fresh

    def _count_kept_out(self, gone: Iterable[str], fresh: list[Facts]) -> None:
        """Count each video the limit keeps out once, however often it comes, until it is in."""
        metrics, kept_out = self._ledger.metrics, self._kept_out
        for name in map(hash, gone):
            if name not in kept_out:
                metrics.left_count += 1
                kept_out[name] = None
        for facts in fresh if kept_out else ():
            if hash(facts["id"]) in kept_out:
                metrics.left_count -= 1
                del kept_out[hash(facts["id"])]
        if len(kept_out) > 2 * _KNOWN_AGAIN:
            latest = islice(kept_out, len(kept_out) - _KNOWN_AGAIN, None)
            self._kept_out = dict.fromkeys(latest)

    def _retire(self, record: Record) -> None:
        """Free what a video leaving the feed held, and let those who wait for it know."""
        if record.state.loading_state not in {NOT_LOADED, DISPOSED}:
            self._preloader.unload(record, DISPOSED)

    def _tell_feed(self, added: list[Facts], removed: list[str]) -> None:
        self._ledger.tell(
            ChangeKind.FEED,
            added=[facts["id"] for facts in added],
            removed=removed,
            total=len(self._ledger),
            left=self._ledger.metrics.left_count,
            videos=added,
        )
