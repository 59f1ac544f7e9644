"""FeedState: what a recording says of the feed at one instant, folded from its changes.

Folding trusts the recording: it applies what a change says and re-decides nothing, so a recording
that begins in the middle of a session replays too, with the videos it happens to mention. A copy
is shallow (events and states are values), which is what makes checkpoints cheap.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from vineview.core.changes import Change, ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.metrics import Metrics
from vineview.core.state import LoadState, VideoState
from vineview.telemetry.schema import Sample, record_to_video

__all__ = ["FeedState", "config_fields"]

_GIVEN_UP = {LoadState.NOT_LOADED, LoadState.DISPOSED}


@dataclass(slots=True)
class FeedState:
    """The folded state. Feed it records in order by :meth:`apply`.

    Attributes:
        states: Every video's state by id; the state holds the event.
        config: The configuration in force.
        metrics: The counters, as far as changes tell them.
        sample: The latest sample, if there was one.
        network: The latest network, if one was recorded.
        current_id: The current video.
        recorded_index: The index the last ``navigate`` gave; used while its video is unknown.
        knows_feed: Whether a ``feed`` change was seen, so that ``states`` is the whole feed.

    Example:
        >>> state = FeedState()
        >>> state.current_index, state.videos
        (0, ())
    """

    states: dict[str, VideoState] = field(default_factory=dict)
    config: VideoManagerConfig = field(default_factory=VideoManagerConfig)
    metrics: Metrics = field(default_factory=Metrics)
    sample: Sample | None = None
    network: str | None = None
    current_id: str | None = None
    recorded_index: int = 0
    knows_feed: bool = False
    _order: list[tuple[int, int, str]] = field(default_factory=list)
    _places: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    _arrivals: int = 0
    _videos: tuple[VideoEvent, ...] | None = None

    @property
    def videos(self) -> tuple[VideoEvent, ...]:
        """The feed, newest first; among equals the latest arrival (reference, 3.2)."""
        if self._videos is None:
            self._videos = tuple(self.states[video_id].event for _, _, video_id in self._order)
        return self._videos

    @property
    def current_index(self) -> int:
        """Where the current video is now; what the recording said while it is unknown."""
        if self.current_id not in self._places:
            return min(self.recorded_index, max(len(self._order) - 1, 0))
        return bisect_left(self._order, self._places[self.current_id])

    @property
    def current_video_id(self) -> str | None:
        """The video at the current index; ``None`` in an empty feed."""
        if self.current_id in self._places:
            return self.current_id
        return self.videos[self.current_index].id if self._order else None

    def count(self, *wanted: LoadState) -> int:
        """How many videos are in one of these states."""
        return sum(state.loading_state in wanted for state in self.states.values())

    def event(self, video_id: str) -> VideoEvent | None:
        """The event of a video in the feed."""
        state = self.states.get(video_id)
        return None if state is None else state.event

    def copy(self) -> Self:
        """An independent copy; events, states and samples are shared, being values."""
        return replace(
            self,
            states=dict(self.states),
            metrics=replace(self.metrics),
            _order=list(self._order),
            _places=dict(self._places),
        )

    def apply(self, record: Change | Sample) -> None:
        """Take in the next record."""
        if isinstance(record, Sample):
            self.sample = record
            return
        match record.kind:
            case ChangeKind.TRANSITION:
                self._transition(record)
            case ChangeKind.FEED:
                self._feed(record)
                self.metrics.left_count = record.data.get("left", self.metrics.left_count)
            case ChangeKind.NAVIGATE:
                self._navigate(record)
            case ChangeKind.CONFIG:
                self.config = VideoManagerConfig.from_dict(config_fields(record.data["config"]))
            case ChangeKind.NETWORK:
                self.network = record.data.get("network")
            case _:
                self._count(record)

    def _transition(self, change: Change) -> None:
        after, video_id = change.after, change.video_id
        if after is None or video_id is None:
            return
        event = self.event(video_id) or after.event
        if video_id not in self.states:
            self._add(event, VideoState(event))
        self.states[video_id] = after if after.event is event else replace(after, event=event)
        if change.data.get("snapshot"):  # where an export begins, not something that happened
            return
        was_loading = change.before is not None and change.before.is_loading
        if after.is_loading:
            self.metrics.preload_count += 1
        elif was_loading and after.loading_state in _GIVEN_UP:
            self.metrics.preload_cancelled_count += 1
        elif change.before is not None and change.before.is_ready:
            self.metrics.evicted_count += after.loading_state is LoadState.NOT_LOADED

    def _feed(self, change: Change) -> None:
        self.knows_feed = True
        videos = {each["id"]: each for each in change.data.get("videos") or ()}
        for video_id in change.data.get("removed") or ():
            self._remove(video_id)
        for video_id in change.data.get("added") or ():
            event = record_to_video(videos.get(video_id, {"id": video_id}))
            state = VideoState(event, last_updated=change.at)
            if video_id in self.states:  # mentioned before the feed told of it
                state = replace(self.states[video_id], event=event)
                self._remove(video_id)
            self._add(event, state)

    def _navigate(self, change: Change) -> None:
        self.current_id = change.video_id
        index = change.data.get("index")
        if isinstance(index, int):
            self.recorded_index = max(index, 0)

    def _count(self, change: Change) -> None:
        metrics, data = self.metrics, change.data
        match change.kind:
            case ChangeKind.PRELOAD if data.get("success"):
                metrics.preload_success_count += 1
            case ChangeKind.PRELOAD:
                metrics.preload_failure_count += 1
            case ChangeKind.MEMORY_PRESSURE:
                metrics.memory_pressure_count += 1
                metrics.last_cleanup_at = change.at
            case ChangeKind.BREAKER:
                metrics.circuit_breaker_trips += bool(data.get("trip"))
            case ChangeKind.CRASH:
                metrics.app_crashes += 1
            case ChangeKind.ERROR if data.get("where") == "release":
                metrics.disposal_errors += 1
            case ChangeKind.ERROR:
                metrics.listener_errors += 1

    def _add(self, event: VideoEvent, state: VideoState) -> None:
        self._arrivals += 1
        place = (-event.created_at, -self._arrivals, event.id)
        insort(self._order, place)
        self._places[event.id] = place
        self.states[event.id] = state
        self._videos = None

    def _remove(self, video_id: str) -> None:
        if self.states.pop(video_id, None) is not None:
            del self._order[bisect_left(self._order, self._places.pop(video_id))]
            self._videos = None


def config_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Of a recorded configuration, the fields this version knows."""
    return {name: document[name] for name in VideoManagerConfig().to_dict() if name in document}
