"""What monitors, charts and players read, whether the manager is live or replayed.

``VideoManager`` and ``Replay`` both have this shape, so no consumer asks which one it was given.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from vineview.clock import Clock
from vineview.core.changes import Listener, Unsubscribe
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.loading import Controller
from vineview.core.metrics import Metrics
from vineview.core.state import VideoState

__all__ = ["ManagerView"]


@runtime_checkable
class ManagerView(Protocol):
    """The readable side of a video manager."""

    @property
    def clock(self) -> Clock:
        """Whose time the changes carry."""
        ...

    @property
    def config(self) -> VideoManagerConfig:
        """The configuration in force."""
        ...

    @property
    def videos(self) -> tuple[VideoEvent, ...]:
        """The feed, newest first."""
        ...

    @property
    def ready_videos(self) -> tuple[VideoEvent, ...]:
        """Those ready to show, in feed order."""
        ...

    @property
    def current_index(self) -> int:
        """Where the viewer is; 0 before any navigation."""
        ...

    @property
    def current_video_id(self) -> str | None:
        """The video at that index; ``None`` in an empty feed."""
        ...

    @property
    def held_bytes(self) -> int:
        """Bytes all controllers keep alive."""
        ...

    @property
    def metrics(self) -> Metrics:
        """The counters so far."""
        ...

    def get_video_state(self, video_id: str) -> VideoState | None:
        """The state of a video; ``None`` if it is not in the feed."""
        ...

    def get_controller(self, video_id: str) -> Controller | None:
        """The controller of a ready video, if it has one."""
        ...

    def get_debug_info(self) -> dict[str, Any]:
        """The debug map (reference, 3.9)."""
        ...

    def get_health_status(self) -> dict[str, Any]:
        """The health payload (reference, section 8)."""
        ...

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call ``listener`` with each change until the result is called."""
        ...
