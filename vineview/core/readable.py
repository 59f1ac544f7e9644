"""The manager's readable side: everything a monitor, chart or player may ask.

Nothing here changes anything. It has the shape of ``core.view.ManagerView``, which a replay has
too.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from vineview.clock import Clock
from vineview.core.changes import Listener, Unsubscribe
from vineview.core.config import VideoManagerConfig
from vineview.core.debug import Counts, debug_info, health_status, leak_warning
from vineview.core.events import VideoEvent
from vineview.core.ledger import Ledger
from vineview.core.loading import Controller, Loader
from vineview.core.metrics import Metrics
from vineview.core.pool import ControllerPool
from vineview.core.preloader import Preloader
from vineview.core.state import FAILED, LOADING, PERMANENTLY_FAILED, READY, VideoState

__all__ = ["Readable"]

_log = logging.getLogger(__name__)


class Readable:
    """What there is to read of a manager; ``VideoManager`` adds what changes it.

    Args:
        ledger: The feed and its states.
        pool: The controllers.
        preloader: The loads in flight.
    """

    def __init__(self, ledger: Ledger, pool: ControllerPool, preloader: Preloader) -> None:
        self._ledger = ledger
        self._pool = pool
        self._preloader = preloader
        self._is_disposed = False

    @property
    def clock(self) -> Clock:
        """Whose time the states and changes carry."""
        return self._ledger.clock

    @property
    def config(self) -> VideoManagerConfig:
        """The configuration in force; ``apply_config`` changes it."""
        return self._preloader.config

    @property
    def loader(self) -> Loader | None:
        """What makes controllers."""
        return self._preloader.loader

    @property
    def videos(self) -> tuple[VideoEvent, ...]:
        """The feed, newest first; empty after dispose."""
        return self._ledger.videos

    @property
    def ready_videos(self) -> tuple[VideoEvent, ...]:
        """Those ready to show, in feed order."""
        ready = self._ledger.in_feed_order(self._ledger.in_state(READY))
        return tuple([record.event for record in ready])

    @property
    def current_index(self) -> int:
        """Where the viewer is; 0 before any navigation."""
        return self._ledger.current_index

    @property
    def current_video_id(self) -> str | None:
        """The video there; ``None`` in an empty feed."""
        return self._ledger.current_id

    @property
    def held_bytes(self) -> int:
        """Bytes all controllers say they keep alive."""
        return self._pool.held_bytes

    @property
    def failure_patterns(self) -> frozenset[str]:
        """URLs known to fail: no video with one of them is tried."""
        return frozenset(self._preloader.failure_patterns)

    @property
    def metrics(self) -> Metrics:
        """A copy of the counters."""
        return replace(self._ledger.metrics)

    @property
    def is_disposed(self) -> bool:
        """Whether the manager was disposed of."""
        return self._is_disposed

    @property
    def debug_mode(self) -> bool:
        """Whether each transition is logged at DEBUG."""
        return self._ledger.is_debugging

    @debug_mode.setter
    def debug_mode(self, on: bool) -> None:
        self._ledger.is_debugging = bool(on)

    def get_video_state(self, video_id: str) -> VideoState | None:
        """The state of a video; ``None`` if it is not in the feed."""
        record = self._ledger.get(video_id)
        return None if record is None else record.state

    def get_controller(self, video_id: str) -> Controller | None:
        """The controller of a ready video; a GIF has none."""
        record = self._ledger.get(video_id)
        return None if record is None else record.controller

    def retry_in_s(self, video_id: str) -> float | None:
        """Seconds until a failed video is tried again; ``None`` when no retry is due."""
        record = self._ledger.get(video_id)
        if record is None or record.retry is None:
            return None
        return max(record.retry.at - self.clock.now(), 0.0)

    def get_debug_info(self) -> dict[str, Any]:
        """The debug map, with the keys of the reference, 3.9. Works after dispose, too."""
        info = debug_info(self._counts(), self.config, self._ledger.metrics)
        leak = leak_warning(info)
        if leak is not None:
            _log.warning(leak)
        return info

    def get_health_status(self) -> dict[str, Any]:
        """The health payload; its memory is the estimate."""
        return health_status(self._counts(), self.config, self.clock.utc())

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call ``listener`` with each change, until the result is called or the manager ends.

        A listener that raises is logged and reported to the others as an ``error`` change.
        """
        return self._ledger.announcer.subscribe(listener)

    def __repr__(self) -> str:
        counts = self._counts()
        return (
            f"{type(self).__name__}(videos={counts.total}, ready={counts.ready}, "
            f"loading={counts.loading}, failed={counts.failed}, controllers={counts.controllers})"
        )

    def _counts(self) -> Counts:
        ledger = self._ledger
        return Counts(
            total=len(ledger),
            ready=ledger.count(READY),
            loading=ledger.count(LOADING),
            failed=ledger.count(FAILED, PERMANENTLY_FAILED),
            controllers=len(self._pool),
            in_flight=self._preloader.in_flight,
            failure_patterns=len(self._preloader.failure_patterns),
            current_index=ledger.current_index,
            is_disposed=self._is_disposed,
        )
