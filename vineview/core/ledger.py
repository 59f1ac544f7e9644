"""The ledger: every video of the feed, its state, its place, and where the viewer is.

One door changes a state (:meth:`Ledger.move`): it asks the transition table, stores, keeps the
counts and tells the listeners. The viewer's position is remembered as a video id, so arrivals at
the top of the feed do not shift it. (Reference, sections 3.2 to 3.6.)
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from vineview.clock import Clock
from vineview.core.announcer import Announcer
from vineview.core.arrivals import Arrivals
from vineview.core.changes import Change, ChangeKind
from vineview.core.entry import Facts, facts_of, is_gif
from vineview.core.events import VideoEvent
from vineview.core.loading import Controller
from vineview.core.metrics import Metrics
from vineview.core.order import FeedOrder, arrival_of, order_key
from vineview.core.state import NOT_LOADED, TRANSITIONS, LoadState, VideoState, illegal_step

if TYPE_CHECKING:
    from vineview.core.agenda import Appointment
    from vineview.core.attempt import Attempt

__all__ = ["Ledger", "Record"]

_log = logging.getLogger(__name__)
_FEW_ARRIVALS = 64
_TRANSITION = ChangeKind.TRANSITION


class Record:
    """One video's page in the ledger, opened when somebody first asks for the video.

    Args:
        event: The video.
        key: Its place in the feed's order.
        added_at: Stamps its first state.

    Attributes:
        video_id: The event's id.
        is_gif: Whether it needs no controller.
        state: Its state; only :meth:`Ledger.move` changes it.
        is_url_usable: Whether its URL was looked at and can be loaded.
        controller: What was loaded for it, while it is ready.
        attempt: The load in flight, if there is one.
        retry: The wait before the next try, if there is one.
        is_admitted: Whether it was let in, by the breaker if it guards it, and has not ended yet.
        is_asked_for: Whether it was preloaded by name, not by the window.
        is_without_ranges: Whether the next try is the one without byte ranges.
    """

    # Many pages are only read: what they do not use stays with the class and costs nothing.
    controller: Controller | None = None
    attempt: Attempt | None = None
    retry: Appointment | None = None
    is_url_usable = False
    is_admitted = False
    is_asked_for = False
    is_without_ranges = False

    def __init__(self, event: VideoEvent, key: int, added_at: datetime) -> None:
        self.event = event
        self.key = key
        self.video_id = event.id
        self.url = event.video_url or ""
        self.is_gif = is_gif(event)
        self.state = VideoState(event, last_updated=added_at)


class Ledger:
    """The feed and all states, with one writer for each.

    A video costs an entry in two plain maps and none of the garbage collector's time; its record
    is made when it is first asked for, and of a long feed most never are.

    Args:
        clock: Stamps states and changes.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.metrics = Metrics()
        self.announcer = Announcer(clock, self.metrics)
        self.is_debugging = False
        self._keys: dict[str, int] = {}
        self._events: dict[int, VideoEvent] = {}
        self._records: dict[str, Record] = {}
        self._order = FeedOrder()
        self._arrivals = Arrivals()
        # NOT_LOADED is not indexed: it is nearly every video, and nobody asks for them all.
        self._by_state: dict[LoadState, dict[str, Record]] = {
            state: {} for state in LoadState if state is not NOT_LOADED
        }
        self._current_id: str | None = None
        self._videos: tuple[VideoEvent, ...] | None = ()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def videos(self) -> tuple[VideoEvent, ...]:
        """The feed, newest first."""
        if self._videos is None:
            self._videos = tuple(map(self._events.__getitem__, self._order))
        return self._videos

    @property
    def has_navigated(self) -> bool:
        """Whether the viewer has been anywhere yet."""
        return self._current_id is not None

    @property
    def current_id(self) -> str | None:
        """The current video; the first before any navigation, ``None`` in an empty feed."""
        if self._current_id is None and self._keys:
            return self.event_at(0).id
        return self._current_id

    @property
    def current_index(self) -> int:
        """The position of the current video; 0 before any navigation."""
        if self._current_id is None:
            return 0
        return self._order.index_of(self._keys[self._current_id])

    @property
    def position(self) -> tuple[str | None, int]:
        """The video the viewer went to (``None`` before any navigation) and its index now."""
        return self._current_id, self.current_index

    def get(self, video_id: str) -> Record | None:
        """The record of a video, if it is in the feed."""
        try:
            record = self._records.get(video_id)
        except TypeError:
            return None  # what cannot be hashed is no id
        if record is None and video_id in self._keys:
            return self.record(video_id)
        return record

    def record(self, video_id: str) -> Record:
        """The record of a video that is in the feed."""
        record = self._records.get(video_id)
        if record is None:
            key = self._keys[video_id]
            added_at = self._arrivals.instant_of(arrival_of(key))
            record = Record(self._events[key], key, added_at)
            self._records[video_id] = record
        return record

    def opened(self, video_id: str) -> Record | None:
        """The record of a video, if anybody has asked for it yet."""
        return self._records.get(video_id)

    def event_at(self, index: int) -> VideoEvent:
        """The video at a position that exists."""
        return self._events[self._order.key_at(index)]

    def records_at(self, places: Iterable[int]) -> list[Record]:
        """The records at positions that exist."""
        return [self.record(self.event_at(place).id) for place in places]

    @property
    def oldest(self) -> VideoEvent:
        """The last video of a feed that is not empty."""
        return self._events[self._order.lowest]

    def index_of(self, record: Record) -> int:
        """The position of a record; 0 is the newest."""
        return self._order.index_of(record.key)

    def outside(self, kept: range, records: Iterable[Record]) -> list[Record]:
        """Those of the records whose position is not in a range that holds some position."""
        newest = self._order.key_at(max(kept.start, 0))
        oldest = self._order.key_at(min(kept.stop, len(self)) - 1)
        return [record for record in records if not oldest <= record.key <= newest]

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

    def add(self, event: VideoEvent) -> list[Facts]:
        """Enter a video nobody has entered yet; the facts of it, or nothing.

        Raises:
            VideoManagerError: If the event has no id.
        """
        facts = facts_of(event)
        if facts["id"] in self._keys:
            return []
        self._enter(event, self._arrivals.next)
        self._arrivals.came(1, self.clock.utc())
        return [facts]

    def add_all(self, events: Iterable[VideoEvent]) -> list[Facts]:
        """Enter the videos nobody has entered yet; the facts of these, as they came.

        Each event is looked at once: of a long feed, each look has to wait for the memory.

        Raises:
            VideoManagerError: If an event has no id; then none is entered.
        """
        known, arrivals = self._keys, count(self._arrivals.next)
        keys: dict[str, int] = {}
        by_key: dict[int, VideoEvent] = {}
        added = []
        for event in events:
            facts = facts_of(event)
            video_id = facts["id"]
            if video_id not in known and video_id not in keys:
                key = keys[video_id] = order_key(facts["created_at"], next(arrivals))
                by_key[key] = event
                added.append(facts)
        if added:
            self._arrivals.came(len(added), self.clock.utc())
        self._keys.update(keys)
        self._events.update(by_key)
        self._order.extend(by_key)
        self._videos = None
        return added

    def remove(self, video_id: str) -> None:
        """Strike a video out. If it was current, its nearest survivor becomes current."""
        key = self._keys.pop(video_id)
        is_current = video_id == self._current_id
        index = self._order.index_of(key) if is_current else 0
        self._order.remove(key)
        del self._events[key]
        record = self._records.pop(video_id, None)
        if record is not None:
            self._by_state.get(record.state.loading_state, {}).pop(video_id, None)
        self._videos = None
        if len(self._arrivals) > _FEW_ARRIVALS and len(self._arrivals) > 2 * len(self._keys):
            self._arrivals.forget_all_but(map(arrival_of, self._events))
        if is_current:
            last = len(self._keys) - 1
            self._current_id = self.event_at(min(index, last)).id if last >= 0 else None

    def replace(self, record: Record, event: VideoEvent) -> None:
        """Put another event in a video's place, at its own ``created_at``."""
        was_current = self._current_id == record.video_id
        self.remove(record.video_id)
        key = self._enter(event, arrival_of(record.key))
        self._records[event.id] = Record(event, key, self.clock.utc())
        if was_current:
            self._current_id = event.id

    def stand_at(self, index: int) -> None:
        """Make the video at a position that exists the current one."""
        self._current_id = self.event_at(index).id

    def move(self, record: Record, after: VideoState) -> None:
        """The one door: check the table, store, tell."""
        before = record.state
        was, now = before.loading_state, after.loading_state
        if now not in TRANSITIONS[was]:
            raise illegal_step(was, now, record.video_id)
        record.state = after
        if was is not NOT_LOADED:
            del self._by_state[was][record.video_id]
        if now is not NOT_LOADED:
            self._by_state[now][record.video_id] = record
        if self.is_debugging:
            _log.debug("video %r: %s -> %s %s", record.video_id, was, now, after.error or "")
        if self.announcer.has_listeners:
            at = after.last_updated
            change = Change(_TRANSITION, at, record.video_id, before, after)
            self.announcer.announce(change)

    def tell(self, kind: ChangeKind, video_id: str | None = None, **data: Any) -> None:
        """Announce anything but a transition."""
        if self.announcer.has_listeners:
            change = Change(kind, self.clock.utc(), video_id, data=data)
            self.announcer.announce(change)

    def tell_position(self, before: tuple[str | None, int], cause: str) -> None:
        """Announce where the viewer stands, if that is not where :attr:`position` said before."""
        stood_at, index = before
        if stood_at != self._current_id:
            data = {"index": self.current_index, "from_index": index, "cause": cause}
            self.tell(ChangeKind.NAVIGATE, self._current_id, **data)

    def clear(self) -> None:
        """Forget every video."""
        self._keys.clear()
        self._events.clear()
        self._records.clear()
        self._order = FeedOrder()
        self._arrivals = Arrivals()
        for records in self._by_state.values():
            records.clear()
        self._current_id = None
        self._videos = ()

    def _enter(self, event: VideoEvent, arrival: int) -> int:
        key = self._keys[event.id] = order_key(event.created_at, arrival)
        self._events[key] = event
        self._order.add(key)
        self._videos = None
        return key
