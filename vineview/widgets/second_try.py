"""SecondTries: what a browser refused although it was thought to take it is converted, once.

``isTypeSupported`` is a promise about a codec, not about a clip: damaged data, a gap in the
pictures or a profile the decoder lacks shows only while it plays. The page then shows that the
clip is being prepared; it hears of new data, or at last of a reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from vineview.core.view import ManagerView
from vineview.errors import VineviewError
from vineview.widgets.clips import Convertible
from vineview.widgets.playback import PlaybackLog

__all__ = ["SecondTries"]


class SecondTries:
    """Every second try of one player.

    Args:
        manager: Holds the controllers.
        log: Where each refusal is recorded.
        spawn: Starts a task that ends with the widget.
        changed: Called when the page should look at a clip anew.
        give_up: Called with a video and why it cannot be shown, whatever was tried.
    """

    def __init__(
        self,
        manager: ManagerView,
        log: PlaybackLog,
        *,
        spawn: Callable[..., asyncio.Task[Any]],
        changed: Callable[[], None],
        give_up: Callable[[str, str], None],
    ) -> None:
        self._manager = manager
        self._log = log
        self._spawn = spawn
        self._changed = changed
        self._give_up = give_up
        self._converting: set[str] = set()

    def refused(self, video_id: str, reason: str, mime_type: object = None) -> None:
        """Hear that a page could not play a video.

        Args:
            video_id: The video.
            reason: What its browser said.
            mime_type: What it had been given; if that is outdated, there is news to try.
        """
        if video_id in self._converting:
            return  # another view met the same
        controller = self._manager.get_controller(video_id)
        if mime_type and mime_type != getattr(controller, "mime_type", mime_type):
            self._changed()
            return
        self._log.cannot_decode(video_id, reason)
        if isinstance(controller, Convertible):
            self._converting.add(video_id)
            self._spawn(self._convert(video_id, controller, reason), name="converting a clip")
        else:
            self._give_up(video_id, reason)

    async def _convert(self, video_id: str, controller: Convertible, reason: str) -> None:
        try:
            if not await controller.convert():
                self._give_up(video_id, reason)
        except (VineviewError, OSError) as error:
            self._log.record("error", video_id, error=str(error), where="converting")
            self._give_up(video_id, f"{reason} Converting it failed, too: {error}")
        finally:
            self._converting.discard(video_id)
        self._changed()
