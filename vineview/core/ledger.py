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
from vineview.core.changes import Change, ChangeKind
from vineview.core.events import VideoEvent
from vineview.core.loading import Controller
from vineview.core.metrics import Metrics
from vineview.core.order import FeedOrder, arrival_of, order_key
from vineview.core.state import TRANSITIONS, LoadState, VideoState
from vineview.errors import VideoManagerError

if TYPE_CHECKING:
    from vineview.core.agenda import Appointment
    from vineview.core.attempt import Attempt

__all__ = ["Ledger", "Record"]

_log = logging.getLogger(__name__)
_HOW_TO_MAKE_ONE = "Pass a VideoEvent; VideoEvent.from_nostr(document) makes one."


class Record:
    """One video's page in the ledger.

    Args:
        event: The video.
        key: Its place in the feed's order.
        added_at: Stamps its first state, which is made when first asked for: of a long feed
            most are never looked at.

    Attributes:
        video_id: The event's id.
        is_gif: Whether it needs no controller.
        is_url_usable: Whether its URL was looked at and can be loaded.
        controller: What was loaded for it, while it is ready.
        attempt: The load in flight, if there is one.
        retry: The wait before the next try, if there is one.
        is_admitted: Whether the breaker let it in and has not yet been told how it ended.
        is_asked_for: Whether it was preloaded by name, not by the window.
        is_without_ranges: Whether the next try is the one without byte ranges.
    """

    # Most videos are never loaded: what they do not use stays with the class and costs nothing.
    controller: Controller | None = None
    attempt: Attempt | None = None
    retry: Appointment | None = None
    is_url_usable = False
    is_admitted = False
    is_asked_for = False
    is_without_ranges = False
    _state: VideoState | None = None

    def __init__(self, event: VideoEvent, key: int, added_at: datetime) -> None:
        self.event = event
        self.key = key
        self.video_id = event.id
        self.is_gif = _is_gif(event)
        self._added_at = added_at

    @property
    def state(self) -> VideoState:
        """Its state; only :meth:`Ledger.move` changes it."""
        if self._state is None:
            self._state = VideoState(self.event, last_updated=self._added_at)
        return self._state

    @property
    def url(self) -> str:
        """Its URL; empty if it has none."""
        return self.event.video_url or ""


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
        self._by_key: dict[int, Record] = {}
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
            by_key = self._by_key
            self._videos = tuple([by_key[key].event for key in self._order])
        return self._videos

    @property
    def has_navigated(self) -> bool:
        """Whether the viewer has been anywhere yet."""
        return self._current_id is not None

    @property
    def current_id(self) -> str | None:
        """The current video; the first before any navigation, ``None`` in an empty feed."""
        if self._current_id is None and self._records:
            return self.at(0).video_id
        return self._current_id

    @property
    def current_index(self) -> int:
        """The position of the current video; 0 before any navigation."""
        if self._current_id is None:
            return 0
        return self.index_of(self._records[self._current_id])

    @property
    def position(self) -> tuple[str | None, int]:
        """The video the viewer went to (``None`` before any navigation) and its index now."""
        return self._current_id, self.current_index

    def get(self, video_id: str) -> Record | None:
        """The record of a video, if it is in the feed."""
        return self._records.get(video_id)

    def at(self, index: int) -> Record:
        """The record at a position that exists."""
        return self._by_key[self._order.key_at(index)]

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

    def add(self, events: Iterable[VideoEvent]) -> list[Record]:
        """Enter events nobody has entered yet; the records of the new ones, as they came.

        Raises:
            VideoManagerError: If an event has no id; then none is entered.
        """
        now = self.clock.utc()
        records, arrivals = self._records, self._arrivals
        fresh: dict[str, Record] = {}
        for event in events:
            video_id = checked_id(event)
            if video_id not in records and video_id not in fresh:
                key = order_key(event.created_at, next(arrivals))
                fresh[video_id] = Record(event, key, now)
        self._enter(fresh)
        return list(fresh.values())

    def remove(self, record: Record) -> None:
        """Strike a video out. If it was current, its nearest survivor becomes current."""
        video_id = record.video_id
        index = self.index_of(record)
        self._order.remove(record.key)
        del self._by_key[record.key]
        del self._records[video_id]
        self._by_state.get(record.state.loading_state, {}).pop(video_id, None)
        self._videos = None
        if video_id == self._current_id:
            last = len(self._records) - 1
            self._current_id = self.at(min(index, last)).video_id if last >= 0 else None

    def replace(self, record: Record, event: VideoEvent) -> Record:
        """Put another event in a video's place, at its own ``created_at``."""
        was_current = self._current_id == record.video_id
        self.remove(record)
        fresh = Record(event, order_key(event.created_at, arrival_of(record.key)), self.clock.utc())
        self._enter({fresh.video_id: fresh})
        if was_current:
            self._current_id = event.id
        return fresh

    def stand_at(self, index: int) -> None:
        """Make the video at a position that exists the current one."""
        self._current_id = self.at(index).video_id

    def move(self, record: Record, after: VideoState) -> None:
        """The one door: check the table, store, tell."""
        before = record.state
        was, now = before.loading_state, after.loading_state
        if now not in TRANSITIONS[was]:
            raise VideoManagerError(f"a video cannot go from {was} to {now}", record.video_id)
        record._state = after  # noqa: SLF001  # the ledger's own page, written nowhere else
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

    def tell_position(self, before: tuple[str | None, int], cause: str) -> None:
        """Announce where the viewer stands, if that is not where :attr:`position` said before."""
        stood_at, index = before
        if stood_at != self._current_id:
            data = {"index": self.current_index, "from_index": index, "cause": cause}
            self.tell(ChangeKind.NAVIGATE, self._current_id, **data)

    def clear(self) -> None:
        """Forget every video."""
        self._records.clear()
        self._by_key.clear()
        self._order = FeedOrder()
        for records in self._by_state.values():
            records.clear()
        self._current_id = None
        self._videos = ()

    def _enter(self, fresh: dict[str, Record]) -> None:
        if not fresh:
            return
        keys = [record.key for record in fresh.values()]
        self._records.update(fresh)
        self._by_key.update(zip(keys, fresh.values(), strict=True))
        if len(keys) == 1:
            self._order.add(keys[0])
        else:
            self._order.extend(keys)
        self._videos = None


def checked_id(event: VideoEvent) -> str:
    """The id of something that may be added.

    Raises:
        VideoManagerError: If it is no event, or has no id.
    """
    if not isinstance(event, VideoEvent):
        raise VideoManagerError(
            f"an event is needed, this is {type(event).__name__}", hint=_HOW_TO_MAKE_ONE
        )
    if isinstance(event.id, str) and event.id:
        return event.id
    raise VideoManagerError(
        f"an event needs a non-empty id, this one has {event.id!r}",
        hint=_HOW_TO_MAKE_ONE,
    )


def _is_gif(event: VideoEvent) -> bool:
    """``event.is_gif``, with nearly every video ruled out by a plain search first."""
    url = event.video_url or ""
    if event.mime_type is None and isinstance(url, str) and "gif" not in url.lower():
        return False
    try:
        return event.is_gif
    except (AttributeError, TypeError):
        return False  # what it says of itself is no text; loading it tells
