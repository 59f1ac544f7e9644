"""The ledger: every video of the feed, its state, its place, and where the viewer is.

One door changes a state (:meth:`Ledger.move`): it asks the transition table, stores, keeps the
counts and tells the listeners. The viewer's position is remembered as a video id, so arrivals at
the top of the feed do not shift it. (Reference, sections 3.2 to 3.6.)
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from vineview.clock import Clock
from vineview.core.announcer import Announcer
from vineview.core.changes import Change, ChangeKind
from vineview.core.events import VideoEvent
from vineview.core.loading import Controller
from vineview.core.metrics import Metrics
from vineview.core.order import FeedOrder, Key
from vineview.core.state import TRANSITIONS, LoadState, VideoState
from vineview.errors import VideoManagerError

if TYPE_CHECKING:
    import asyncio

    from vineview.core.attempt import Attempt

__all__ = ["Ledger", "Record"]

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Record:
    """One video's page in the ledger.

    Attributes:
        state: Its state; only :meth:`Ledger.move` changes it.
        key: Its place in the feed's order.
        controller: What was loaded for it, while it is ready.
        attempt: The load in flight, if there is one.
        retry: The wait before the next try, if there is one.
        is_admitted: Whether the breaker let it in and has not yet been told how it ended.
        is_asked_for: Whether it was preloaded by name, not by the window.
        is_without_ranges: Whether the next try is the one without byte ranges.
    """

    state: VideoState
    key: Key
    controller: Controller | None = None
    attempt: Attempt | None = None
    retry: asyncio.Task[None] | None = None
    is_admitted: bool = False
    is_asked_for: bool = False
    is_without_ranges: bool = False

    @property
    def event(self) -> VideoEvent:
        """The video itself."""
        return self.state.event

    @property
    def video_id(self) -> str:
        """Its id."""
        return self.state.event.id

    @property
    def url(self) -> str:
        """Its URL; empty if it has none."""
        return self.state.event.video_url or ""


class Ledger:
    """The feed and all states, with one writer for each.

    Args:
        clock: Stamps states and changes.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.metrics = Metrics()
        self.announcer = Announcer(clock, self.metrics)
        self.is_debugging = False
        self._records: dict[str, Record] = {}
        self._order = FeedOrder()
        self._arrivals = count()
        # NOT_LOADED is not indexed: it is nearly every video, and nobody asks for them all.
        self._by_state: dict[LoadState, dict[str, Record]] = {
            state: {} for state in LoadState if state is not LoadState.NOT_LOADED
        }
        self._current_id: str | None = None
        self._videos: tuple[VideoEvent, ...] | None = ()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def videos(self) -> tuple[VideoEvent, ...]:
        """The feed, newest first."""
        if self._videos is None:
            records = self._records
            self._videos = tuple([records[video_id].state.event for video_id in self._order])
        return self._videos

    @property
    def has_navigated(self) -> bool:
        """Whether the viewer has been anywhere yet."""
        return self._current_id is not None

    @property
    def current_id(self) -> str | None:
        """The current video; the first before any navigation, ``None`` in an empty feed."""
        if self._current_id is None and self._records:
            return self._order.id_at(0)
        return self._current_id

    @property
    def current_index(self) -> int:
        """The position of the current video; 0 before any navigation."""
        if self._current_id is None:
            return 0
        return self.index_of(self._records[self._current_id])

    def get(self, video_id: str) -> Record | None:
        """The record of a video, if it is in the feed."""
        return self._records.get(video_id)

    def at(self, index: int) -> Record:
        """The record at a position that exists."""
        return self._records[self._order.id_at(index)]

    def index_of(self, record: Record) -> int:
        """The position of a record; 0 is the newest."""
        return self._order.index_of(record.key)

    def distance(self, record: Record) -> int:
        """How many videos lie between this one and the current one."""
        return abs(self.index_of(record) - self.current_index)

    def farthest(self, records: Iterable[Record], *, beyond: int) -> Record | None:
        """The record farthest from the current video, never that one itself.

        Args:
            records: To choose from; of two equally far, the one behind the viewer.
            beyond: Only those farther than this.
        """
        here, current = self.current_index, self.current_id
        places = [
            (abs(index - here), -index, record)
            for record in records
            if record.video_id != current
            for index in [self.index_of(record)]
        ]
        best = max(places, default=None, key=lambda place: place[:2])
        return best[2] if best is not None and best[0] > beyond else None

    def in_state(self, state: LoadState) -> Collection[Record]:
        """Those in a state other than NOT_LOADED, in no order."""
        return self._by_state[state].values()

    def count(self, *states: LoadState) -> int:
        """How many are in these states, NOT_LOADED not among them."""
        return sum(len(self._by_state[state]) for state in states)

    def in_feed_order(self, records: Iterable[Record]) -> list[Record]:
        """The records, newest first."""
        return sorted(records, key=lambda record: record.key, reverse=True)

    def add(self, events: Iterable[VideoEvent]) -> list[Record]:
        """Enter events nobody has entered yet; the records of the new ones, as they came.

        Raises:
            VideoManagerError: If an event has no id; then none is entered.
        """
        now = self.clock.utc()
        records = self._records
        fresh: dict[str, Record] = {}
        for event in events:
            video_id = checked_id(event)
            if video_id not in records and video_id not in fresh:
                key = (_rank(event), next(self._arrivals), video_id)
                fresh[video_id] = Record(VideoState(event, last_updated=now), key)
        records.update(fresh)
        added = list(fresh.values())
        if len(added) > 1:
            self._order.extend([record.key for record in added])
        elif added:
            self._order.add(added[0].key)
        if added:
            self._videos = None
        return added

    def remove(self, record: Record) -> None:
        """Strike a video out. If it was current, its nearest survivor becomes current."""
        video_id = record.video_id
        index = self.index_of(record)
        self._order.remove(record.key)
        del self._records[video_id]
        self._by_state.get(record.state.loading_state, {}).pop(video_id, None)
        self._videos = None
        if video_id == self._current_id:
            last = len(self._records) - 1
            self._current_id = self._order.id_at(min(index, last)) if last >= 0 else None

    def replace(self, record: Record, event: VideoEvent) -> Record:
        """Put another event in a video's place, at its own ``created_at``."""
        was_current = self._current_id == record.video_id
        self.remove(record)
        key = (_rank(event), record.key[1], checked_id(event))
        fresh = Record(VideoState(event, last_updated=self.clock.utc()), key)
        self._records[event.id] = fresh
        self._order.add(key)
        self._videos = None
        if was_current:
            self._current_id = event.id
        return fresh

    def stand_at(self, index: int) -> None:
        """Make the video at a position that exists the current one."""
        self._current_id = self._order.id_at(index)

    def move(self, record: Record, after: VideoState) -> None:
        """The one door: check the table, store, tell."""
        before = record.state
        was, now = before.loading_state, after.loading_state
        if now not in TRANSITIONS[was]:
            raise VideoManagerError(f"a video cannot go from {was} to {now}", record.video_id)
        record.state = after
        if was is not LoadState.NOT_LOADED:
            del self._by_state[was][record.video_id]
        if now is not LoadState.NOT_LOADED:
            self._by_state[now][record.video_id] = record
        if self.is_debugging:
            _log.debug("video %r: %s -> %s %s", record.video_id, was, now, after.error or "")
        if self.announcer.has_listeners:
            at = after.last_updated
            change = Change(ChangeKind.TRANSITION, at, record.video_id, before, after)
            self.announcer.announce(change)

    def tell(self, kind: ChangeKind, video_id: str | None = None, **data: Any) -> None:
        """Announce anything but a transition."""
        if self.announcer.has_listeners:
            change = Change(kind, self.clock.utc(), video_id, data=data)
            self.announcer.announce(change)

    def tell_position(self, before_id: str | None, before_index: int, cause: str) -> None:
        """Announce where the viewer is, after having been elsewhere."""
        data = {"index": self.current_index, "from_index": before_index, "cause": cause}
        if before_id != self.current_id:
            self.tell(ChangeKind.NAVIGATE, self.current_id, **data)

    def clear(self) -> None:
        """Forget every video."""
        self._records.clear()
        self._order = FeedOrder()
        for records in self._by_state.values():
            records.clear()
        self._current_id = None
        self._videos = ()


def checked_id(event: VideoEvent) -> str:
    """The id of something that may be added.

    Raises:
        VideoManagerError: If it is no event, or has no id.
    """
    video_id = getattr(event, "id", None)
    if isinstance(video_id, str) and video_id:
        return video_id
    raise VideoManagerError(
        f"an event needs a non-empty id, this one has {video_id!r}",
        hint="Pass a VideoEvent; VideoEvent.from_nostr(document) makes one.",
    )


def _rank(event: VideoEvent) -> float:
    """``created_at``, or the beginning of time for what cannot be compared."""
    created_at = event.created_at
    if type(created_at) is int:
        return created_at
    is_number = isinstance(created_at, int | float) and not math.isnan(created_at)
    return created_at if is_number else 0
