"""StateView: a folded state, read as a manager is read.

What changes tell (states, position, configuration, counters) comes from the fold; what only a
measurement tells (held bytes, controllers of a recording without its feed) from the latest sample.
A replay loads nothing, so no video has a controller to hand out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vineview.clock import Clock
from vineview.core.config import VideoManagerConfig
from vineview.core.debug import Counts, debug_info, health_status
from vineview.core.events import VideoEvent
from vineview.core.loading import Controller
from vineview.core.metrics import Metrics
from vineview.core.state import LoadState, VideoState
from vineview.replay.cursor import Cursor
from vineview.replay.fold import FeedState

__all__ = ["StateView"]

_MB = 2**20


class StateView:
    """The readable side of a manager, over a cursor's state.

    Args:
        cursor: Whose state is read.
        clock: Whose time the changes carry.
    """

    def __init__(self, cursor: Cursor, clock: Clock) -> None:
        self._cursor = cursor
        self._clock = clock

    @property
    def clock(self) -> Clock:
        """Dates under the playhead, seconds of the driving clock."""
        return self._clock

    @property
    def config(self) -> VideoManagerConfig:
        """The configuration in force at the playhead."""
        return self._state.config

    @property
    def videos(self) -> tuple[VideoEvent, ...]:
        """The feed, newest first, as far as the recording tells of it."""
        return self._state.videos

    @property
    def ready_videos(self) -> tuple[VideoEvent, ...]:
        """Those ready to show, in feed order."""
        states = self._state.states
        return tuple(event for event in self._state.videos if states[event.id].is_ready)

    @property
    def current_index(self) -> int:
        """Where the viewer was; 0 before any navigation."""
        return self._state.current_index

    @property
    def current_video_id(self) -> str | None:
        """The video at that index; ``None`` in an empty feed."""
        return self._state.current_video_id

    @property
    def held_bytes(self) -> int:
        """The memory of the latest sample, unless that was an estimate; else 0."""
        sample = self._state.sample
        if sample is None or sample.video_memory_mb is None or sample.memory_source == "estimate":
            return 0
        return round(sample.video_memory_mb * _MB)

    @property
    def metrics(self) -> Metrics:
        """The counters up to the playhead, as far as changes tell them."""
        return self._state.metrics

    def get_video_state(self, video_id: str) -> VideoState | None:
        """The state of a video; ``None`` if it is not in the feed."""
        return self._state.states.get(video_id)

    def get_controller(self, video_id: str) -> Controller | None:  # noqa: ARG002 - as a manager
        """Nothing: a replay shows what was loaded and loads nothing itself."""
        return None

    def get_debug_info(self) -> dict[str, Any]:
        """The debug map the manager would have given (reference, 3.9).

        A recording that does not tell its feed (samples only, or the end of a session) gives the
        counts of its latest sample.
        """
        return debug_info(self._counts(), self.config, self.metrics)

    def get_health_status(self) -> dict[str, Any]:
        """The health payload (reference, section 8), at the playhead."""
        return health_status(self._counts(), self.config, self._clock.utc())

    @property
    def _state(self) -> FeedState:
        return self._cursor.state

    def _counts(self) -> Counts:
        """The counts of the fold where it knows the feed, else those of the latest sample."""
        state, sample = self._state, self._state.sample
        states = state.states.values()
        hopeless = (each for each in states if each.loading_state is LoadState.PERMANENTLY_FAILED)
        loading = state.count(LoadState.LOADING)
        told = Counts(
            total=len(states),
            ready=state.count(LoadState.READY),
            loading=loading,
            failed=state.count(LoadState.FAILED, LoadState.PERMANENTLY_FAILED),
            controllers=sum(each.is_ready and not each.event.is_gif for each in states),
            in_flight=loading,
            failure_patterns=len({each.event.video_url for each in hopeless}),
            current_index=state.current_index,
        )
        if state.knows_feed or sample is None:
            return told
        return replace(
            told,
            total=_or(sample.total_videos, told.total),
            ready=_or(sample.ready_videos, told.ready),
            loading=_or(sample.loading_videos, told.loading),
            failed=_or(sample.failed_videos, told.failed),
            controllers=_or(sample.video_controllers, told.controllers),
            in_flight=_or(sample.preloading_queue, told.in_flight),
        )


def _or(measured: float | None, told: int) -> int:
    return told if measured is None else int(measured)
