"""What the player's page is told of the feed: the strip, and each video's facts beside it.

A pure reading of a ManagerView, so that it can be compared with what was sent last.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vineview.core.view import ManagerView
from vineview.widgets.cards import card_of, empty_feed_card
from vineview.widgets.clips import caption_of, clip_document, commands_of
from vineview.widgets.strip import held_bytes_of, strip_document

__all__ = ["feed_document"]

_MOST_HASHTAGS = 8


def feed_document(manager: ManagerView) -> dict[str, Any]:
    """The ``feed`` message of :mod:`vineview.widgets.player`, as plain values.

    Args:
        manager: Live or replayed.

    Returns:
        What :func:`~vineview.widgets.strip.strip_document` gives, each item with ``author``,
        ``published``, ``hashtags``, ``caption``, ``clip``, ``image`` and ``card``; beside them
        ``card``, for an empty feed, and ``can_navigate``.
    """
    document = strip_document(manager)
    for item in document["items"]:
        item.update(_facts(manager, item["id"]))
    card = None if document["total"] else asdict(empty_feed_card())
    return {**document, "card": card, "can_navigate": commands_of(manager) is not None}


def _facts(manager: ManagerView, video_id: str) -> dict[str, Any]:
    """What the page needs of one video, beside its place in the strip."""
    state = manager.get_video_state(video_id)
    assert state is not None
    controller = manager.get_controller(video_id)
    clip = clip_document(controller)
    is_image = state.is_ready and controller is None and state.event.is_gif
    card = None
    if clip is None and not is_image:
        held = held_bytes_of(manager, video_id)
        card = asdict(card_of(state, config=manager.config, held_bytes=held))
    return {
        "author": state.event.short_pubkey,
        "published": state.event.timestamp.isoformat() if state.event.created_at else None,
        "hashtags": list(state.event.hashtags[:_MOST_HASHTAGS]),
        "caption": caption_of(controller) or ("Image, as is" if is_image else ""),
        "clip": clip,
        "image": is_image,
        "card": card,
    }
