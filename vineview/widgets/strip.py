"""The strip: the videos around the current one, with what the manager says of each.

A pure reading of a ManagerView, so the player and the replayed timeline draw the same strip. Only
the surroundings of the current video travel, however long the feed is.
"""

from __future__ import annotations

import html
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Protocol, runtime_checkable

from vineview.core.breaker import BreakerState, CircuitBreaker
from vineview.core.events import VideoEvent
from vineview.core.state import VideoState
from vineview.core.view import ManagerView
from vineview.widgets.cards import Badge, badge_of, facts_of, memory_words

__all__ = [
    "AROUND",
    "Retrying",
    "breaker_of",
    "breaker_words",
    "held_bytes_of",
    "retry_in_s",
    "strip_document",
    "strip_html",
]

AROUND = 12
"""How many videos each side of the current one the strip shows."""
_LEFT = ' style="text-align:left"'  # JupyterLab's tables are made for numbers


@runtime_checkable
class Retrying(Protocol):
    """A manager that says when a failed video is tried again."""

    def retry_in_s(self, video_id: str) -> float | None:
        """Seconds until the automatic retry; None when none is due."""
        ...


def strip_document(manager: ManagerView, *, around: int = AROUND) -> dict[str, Any]:
    """What the strip shows, as plain values.

    Args:
        manager: Live or replayed.
        around: How many videos each side of the current one.

    Returns:
        ``index``, ``total``, ``current_id`` and ``items``: for each video ``id``, ``index``,
        ``title``, ``state``, ``badge`` (``icon``, ``text``, ``tone``, ``symbol``), ``facts``
        (lines of text), ``retry_in_s``, ``in_window`` and ``is_held`` (a controller holds it);
        beside them ``status`` (what the feed's limit left of it, the window, the controllers and
        what they hold, as words) and
        ``breaker``: None while loads may start, else ``text`` and ``open_s``, the seconds until
        they may again.
    """
    videos = manager.videos
    index = min(max(manager.current_index, 0), max(len(videos) - 1, 0))
    first = max(index - around, 0)
    config = manager.config
    window = range(index - config.preload_behind, index + config.preload_ahead + 1)
    items = []
    for position, event in enumerate(videos[first : index + around + 1], start=first):
        state = manager.get_video_state(event.id)
        if state is not None:
            items.append(_item(manager, event, state, position, in_window=position in window))
    return {
        "index": index,
        "total": len(videos),
        "current_id": videos[index].id if videos else None,
        "items": items,
        "status": _status(manager),
        "breaker": _breaker_document(manager),
    }


def strip_html(document: dict[str, Any]) -> str:
    """The strip without script: one row per video.

    Args:
        document: As :func:`strip_document` gives it.
    """
    rows = "".join(
        f"<tr><td>{item['index'] + 1}</td>"
        f"<td{_LEFT}>{_title_html(item, is_current=item['id'] == document['current_id'])}</td>"
        f"<td{_LEFT}>{item['badge']['symbol']} {html.escape(item['badge']['text'])}</td>"
        f"<td{_LEFT}>{html.escape(' · '.join(item['facts'][1:]))}</td></tr>"
        for item in document["items"]
    )
    names = "".join(f"<th{_LEFT}>{name}</th>" for name in ("Video", "State", "Facts"))
    head = f"<tr><th>#</th>{names}</tr>"
    breaker = document["breaker"]
    words = f"<p>{html.escape(breaker['text'])}</p>" if breaker else ""
    return f"{words}<p>{html.escape(document['status'])}</p><table>{head}{rows}</table>"


def _title_html(item: dict[str, Any], *, is_current: bool) -> str:
    title = html.escape(item["title"])
    return f"<b>{title}</b>" if is_current else title


def retry_in_s(manager: ManagerView, video_id: str) -> float | None:
    """Seconds until a video's automatic retry, when the manager says so.

    Args:
        manager: Live or replayed.
        video_id: The video.
    """
    return manager.retry_in_s(video_id) if isinstance(manager, Retrying) else None


def held_bytes_of(manager: ManagerView, video_id: str) -> int | None:
    """Bytes a video's controller holds; None without a controller.

    Args:
        manager: Live or replayed.
        video_id: The video.
    """
    controller = manager.get_controller(video_id)
    return None if controller is None else controller.held_bytes


def breaker_of(manager: ManagerView) -> CircuitBreaker | None:
    """The circuit breaker of a manager; None for a recording, which has none of its own.

    Args:
        manager: Live or replayed.
    """
    breaker = getattr(manager, "breaker", None)
    return breaker if isinstance(breaker, CircuitBreaker) else None


def breaker_words(manager: ManagerView) -> str:
    """Why no load may start now; empty while they may.

    Args:
        manager: Live or replayed.
    """
    breaker = breaker_of(manager)
    if breaker is None or (state := breaker.state) is BreakerState.CLOSED:
        return ""
    if state is BreakerState.HALF_OPEN:
        return "The circuit breaker is half-open: a few loads are let through to see."
    until = manager.clock.utc() + timedelta(seconds=breaker.retry_after_s)
    return f"The circuit breaker is open until {until:%H:%M:%S} UTC: no load starts before then."


def _breaker_document(manager: ManagerView) -> dict[str, Any] | None:
    breaker = breaker_of(manager)
    words = breaker_words(manager)
    if breaker is None or not words:
        return None
    return {"text": words, "open_s": round(breaker.retry_after_s)}


def _status(manager: ManagerView) -> str:
    """What the feed's limit leaves of it, the preload window and what is held, in words."""
    config = manager.config
    shown, left = len(manager.videos), manager.metrics.left_count
    limit = "the feed's limit (VideoManagerConfig.max_videos)"
    kept = f"{shown} of {shown + left} shown: {limit} · " if left else ""
    held = manager.get_health_status()[
        "controllers"
    ]  # a replay has the count, but none to hand out
    return (
        f"{kept}Window: {config.preload_behind} behind, {config.preload_ahead} ahead · "
        f"{held} of {config.max_controllers} controllers, {memory_words(manager.held_bytes)} held"
    )


def _item(
    manager: ManagerView, event: VideoEvent, state: VideoState, index: int, *, in_window: bool
) -> dict[str, Any]:
    due = retry_in_s(manager, event.id) if state.can_retry else None
    badge: Badge = badge_of(state, retry_in_s=due)
    held = held_bytes_of(manager, event.id)
    return {
        "id": event.id,
        "index": index,
        "title": event.title or event.content or "Untitled",
        "state": state.loading_state.value,
        "badge": asdict(badge),
        "facts": facts_of(state, config=manager.config, held_bytes=held),
        "retry_in_s": due,
        "in_window": in_window,
        "is_held": held is not None,
    }
