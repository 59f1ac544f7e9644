"""What a page saw of playing, put into the manager's record: the one way there for all of it.

The record is what monitors keep and exports carry, so that time to first picture, stalls, dropped
pictures and decode errors of a notebook session are as real as the app's own.
"""

from __future__ import annotations

import math
from typing import Any

from vineview.core.view import ManagerView
from vineview.errors import UsageError
from vineview.widgets.base import Message
from vineview.widgets.clips import commands_of

__all__ = ["PlaybackLog", "unknown_message"]

_EVENTS = frozenset({"first_frame", "stall", "dropped", "ended"})
_NUMBERS = frozenset({"duration_ms", "frames", "frames_total"})


class PlaybackLog:
    """Records what pages report of one manager's videos.

    Args:
        manager: Live; a recording takes no record, and a video that left the feed has none.
    """

    def __init__(self, manager: ManagerView) -> None:
        self._manager = manager

    def saw(self, video_id: str, event: str, message: Message) -> None:
        """A page reports ``first_frame``, ``stall``, ``dropped`` or ``ended``, with its numbers.

        Raises:
            UsageError: If it is none of these.
        """
        if event not in _EVENTS:
            raise unknown_message(event)
        numbers = {
            name: value
            for name, value in message.items()
            if name in _NUMBERS and isinstance(value, int | float) and math.isfinite(value)
        }
        self.record("playback", video_id, event=event, **numbers)

    def cannot_decode(self, video_id: str, reason: str) -> None:
        """A page cannot show a video, whatever was tried."""
        self.record("playback", video_id, event="decode_error", error=reason)

    def record(self, kind: str, video_id: str, **data: Any) -> None:
        """Record something of a video in the feed."""
        commands = commands_of(self._manager)
        if commands is not None and self._manager.get_video_state(video_id) is not None:
            commands.record(kind, video_id=video_id, **data)


def unknown_message(kind: object) -> UsageError:
    """What a page sent that this version does not know."""
    return UsageError(
        f"the page sent {kind!r}, which this version does not know",
        hint="Reload the page, so that page and kernel are of one version.",
    )
