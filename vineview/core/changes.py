"""What the manager tells its listeners: one frozen :class:`Change` per thing that happened.

Live, recorded and replayed consumers all read these objects; ``telemetry.schema`` writes them
down. ``data`` holds plain JSON values only, so that nothing is lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vineview.core.state import VideoState, slot_setters

__all__ = ["RECORDABLE", "Change", "ChangeKind", "Listener", "Unsubscribe"]


class ChangeKind(StrEnum):
    """The event kinds of the performance export."""

    PRELOAD = "preload"
    """One attempt finished. ``data``: success, duration_ms, bytes, error, error_class, mime_type,
    cache_hit, host, attempt (1 for the first)."""
    TRANSITION = "transition"
    """One video changed state; ``before`` and ``after`` say all."""
    NAVIGATE = "navigate"
    """Another video is current. ``data``: index, from_index, cause (``user``, or ``feed`` when the
    current video left the feed)."""
    FEED = "feed"
    """The feed changed. ``data``: added and removed (ids), total, left (how many the feed's limit
    keeps out), videos (facts of those added)."""
    CONFIG = "config"
    """A configuration was applied. ``data``: config (its fields), reason."""
    NETWORK = "network"
    """The network changed. ``data``: network."""
    MEMORY_PRESSURE = "memory_pressure"
    """Memory was shed. ``data``: memory_mb (before), controllers_before, controllers_disposed,
    keep_ahead, keep_behind."""
    BREAKER = "breaker"
    """The circuit breaker moved or blocked a URL. ``data``: from, to, reason, url, trip."""
    CRASH = "crash"
    """The app crashed, as its reporter tells it."""
    ERROR = "error"
    """A listener or a controller misbehaved. ``data``: error, where (``release`` for disposal)."""
    PLAYBACK = "playback"
    """What a player saw. ``data``: event (first_frame, stall, dropped, decode_error, ended) ..."""
    ACTION = "action"
    """What a person did through ops."""


RECORDABLE = frozenset(
    {
        ChangeKind.ACTION,
        ChangeKind.CRASH,
        ChangeKind.ERROR,
        ChangeKind.NETWORK,
        ChangeKind.PLAYBACK,
    }
)
"""What others may announce through ``VideoManager.record``; the rest only the manager knows."""


@dataclass(frozen=True, slots=True, init=False)
class Change:
    """One thing that happened.

    Attributes:
        kind: What sort of thing.
        at: When, aware, in UTC.
        video_id: The video concerned, if there is one.
        before: The state before, for a transition.
        after: The state after, for a transition.
        data: The kind's own fields, as plain JSON values.

    Example:
        >>> from datetime import UTC
        >>> Change(ChangeKind.NETWORK, datetime(2026, 1, 1, tzinfo=UTC), data={"network": "wifi"})
        Change(network at 2026-01-01T00:00:00+00:00, network='wifi')
    """

    kind: ChangeKind
    at: datetime
    video_id: str | None = None
    before: VideoState | None = None
    after: VideoState | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    # Written out, as one is made for all that happens: half the time of the generated one.
    def __init__(  # noqa: PLR0917  # the signature a dataclass has
        self,
        kind: ChangeKind,
        at: datetime,
        video_id: str | None = None,
        before: VideoState | None = None,
        after: VideoState | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        _set_kind(self, kind)
        _set_at(self, at)
        _set_video_id(self, video_id)
        _set_before(self, before)
        _set_after(self, after)
        _set_data(self, {} if data is None else data)

    def __repr__(self) -> str:
        parts = [f"{self.kind} at {self.at.isoformat()}"]
        if self.video_id is not None:
            parts.append(repr(self.video_id))
        if self.before is not None and self.after is not None:
            parts.append(f"{self.before.loading_state} -> {self.after.loading_state}")
        parts += [f"{name}={value!r}" for name, value in self.data.items()]
        return f"Change({', '.join(parts)})"


_set_kind, _set_at, _set_video_id, _set_before, _set_after, _set_data = slot_setters(Change)

Listener = Callable[[Change], object]
"""What is called with each change; its result is ignored."""

Unsubscribe = Callable[[], None]
"""Ends a subscription; calling it again does nothing."""
