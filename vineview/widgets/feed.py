"""What the player's page is told of the feed: the strip, and each video's facts beside it.

A pure reading of a ManagerView, so that it can be compared with what was sent last.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import asdict
from typing import Any

from vineview.core.events import VideoEvent
from vineview.core.view import ManagerView
from vineview.widgets.cards import card_of, empty_feed_card
from vineview.widgets.clips import Still, caption_of, clip_document, commands_of
from vineview.widgets.strip import breaker_of, breaker_words, held_bytes_of, strip_document

__all__ = ["feed_document"]

_MOST_HASHTAGS = 8


def feed_document(manager: ManagerView) -> dict[str, Any]:
    """The ``feed`` message of :mod:`vineview.widgets.player`, as plain values.

    Args:
        manager: Live or replayed.

    Returns:
        What :func:`~vineview.widgets.strip.strip_document` gives, each item with ``author``,
        ``published``, ``hashtags``, ``caption``, ``clip``, ``frame_s`` (how long a picture stands,
        None where the clip does not say), ``image`` and ``card``; beside them ``card``, for an
        empty feed, and ``can_navigate``.
    """
    document = strip_document(manager)
    holds = _Holds(manager)
    for item in document["items"]:
        item.update(_facts(manager, item["id"], holds))
    card = None if document["total"] else asdict(empty_feed_card())
    return {**document, "card": card, "can_navigate": commands_of(manager) is not None}


class _Holds:
    """What keeps videos from being loaded, asked once for all of them."""

    def __init__(self, manager: ManagerView) -> None:
        self.breaker = breaker_of(manager)
        self.words = breaker_words(manager)
        self.failing: Container[str] = getattr(manager, "failure_patterns", ())

    def words_for(self, event: VideoEvent) -> str:
        """Why no load of this one may start now: the breaker guards hosts, not this machine."""
        return "" if event.is_local else self.words

    def is_failing(self, event: VideoEvent) -> bool:
        """Whether its address has failed too often to be tried, for whatever video."""
        url = event.video_url
        if url is None or url in self.failing:
            return url is not None
        return not event.is_local and self.breaker is not None and self.breaker.is_blocked(url)


def _facts(manager: ManagerView, video_id: str, holds: _Holds) -> dict[str, Any]:
    """What the page needs of one video, beside its place in the strip."""
    state = manager.get_video_state(video_id)
    assert state is not None
    controller = manager.get_controller(video_id)
    clip = clip_document(controller)
    is_gif = state.is_ready and controller is None and state.event.is_gif
    is_image = is_gif or isinstance(controller, Still)
    card = None
    if clip is None and not is_image:
        card = asdict(
            card_of(
                state,
                config=manager.config,
                held_bytes=held_bytes_of(manager, video_id),
                held_back=holds.words_for(state.event),
                is_failing=holds.is_failing(state.event),
            )
        )
    return {
        "author": state.event.short_pubkey,
        "published": state.event.timestamp.isoformat() if state.event.created_at else None,
        "hashtags": list(state.event.hashtags[:_MOST_HASHTAGS]),
        "caption": caption_of(controller) or ("Image, as is" if is_gif else ""),
        "clip": clip,
        "frame_s": _frame_s(controller),
        "image": is_image,
        "card": card,
    }


def _frame_s(controller: object) -> float | None:
    """How long one picture of a clip stands; None when its rate is unknown."""
    video = getattr(getattr(controller, "info", None), "video", None)
    fps = getattr(video, "fps", None)
    return 1 / fps if fps else None
