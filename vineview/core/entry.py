"""What may enter the feed, and what is told of it when it has."""

from __future__ import annotations

from typing import Any

from vineview.core.events import VideoEvent
from vineview.errors import VideoManagerError

__all__ = ["Facts", "facts_of", "is_gif"]

Facts = dict[str, Any]
"""What a replay needs of a video to show it, as plain JSON values."""

_HOW_TO_MAKE_ONE = "Pass a VideoEvent; VideoEvent.from_nostr(document) makes one."


def facts_of(event: VideoEvent) -> Facts:
    """What is told of a video that enters the feed: every event that may enter has passed here.

    Raises:
        VideoManagerError: If it is no event, or has no id.

    Example:
        >>> facts_of(VideoEvent(id="a", video_url="https://nostr.build/a.gif"))["is_gif"]
        True
    """
    if not isinstance(event, VideoEvent):
        raise VideoManagerError(
            f"an event is needed, this is {type(event).__name__}", hint=_HOW_TO_MAKE_ONE
        )
    video_id = event.id
    if not isinstance(video_id, str) or not video_id:
        raise VideoManagerError(
            f"an event needs a non-empty id, this one has {video_id!r}", hint=_HOW_TO_MAKE_ONE
        )
    return {
        "id": video_id,
        "created_at": event.created_at,
        "video_url": event.video_url,
        "title": event.title,
        "mime_type": event.mime_type,
        "duration_s": event.duration,
        "is_gif": is_gif(event),
    }


def is_gif(event: VideoEvent) -> bool:
    """``event.is_gif``, with nearly every video ruled out by a plain search first."""
    mime_type, url = event.mime_type or "", event.video_url or ""
    try:
        return ("gif" in mime_type.lower() or "gif" in url.lower()) and event.is_gif
    except (AttributeError, TypeError):
        return False  # what it says of itself is no text; loading it tells
