"""A widget as it stands, without script: what saved notebooks, GitHub and reports show.

JupyterLab prefers the widget to whatever lies beside it in one output, and says "model not found"
where its kernel is gone; and a notebook keeps the display as it was when the cell ran, which is
before the first clip has loaded. So where a person watches, a widget adds its still to the cell as
an output of its own, once there is something to keep; a live page hides it, a saved one shows it.
While the page is open it is renewed, more and more rarely, for a notebook is saved later than that.
"""

from __future__ import annotations

import asyncio
import html
import re
from base64 import b64encode
from typing import Any

from IPython import get_ipython
from IPython.display import publish_display_data

from vineview.core.changes import Change
from vineview.core.events import VideoEvent
from vineview.core.state import LoadState
from vineview.core.view import ManagerView
from vineview.widgets.cards import empty_feed_card
from vineview.widgets.clips import caption_of, poster_of
from vineview.widgets.strip import strip_document, strip_html

__all__ = [
    "folded",
    "has_arrived",
    "is_watched",
    "picture_html",
    "player_html",
    "poster_arrives",
    "show_still",
]

_AROUND = 5
_IMAGE = re.compile("<img [^>]*>")


def player_html(manager: ManagerView, problems: dict[str, str]) -> str:
    """Poster, facts and the strip as a table.

    Args:
        manager: Live or replayed.
        problems: Why the page could not play a video, by its id.
    """
    document = strip_document(manager, around=_AROUND)
    current_id = document["current_id"]
    if current_id is None:
        card = empty_feed_card()
        return f"<p><b>{card.title}.</b> {card.text} {html.escape(card.hint)}</p>"
    state = manager.get_video_state(current_id)
    assert state is not None
    caption = caption_of(manager.get_controller(current_id))
    ready = f"{len(manager.ready_videos)} ready"
    problem = problems.get(current_id) or (state.error_message or "")
    return (
        f"{picture_html(manager)}<p><b>{html.escape(_title_of(state.event))}</b><br>"
        f"{html.escape(_meta_of(state.event))}<br>{html.escape(caption)}</p>"
        f"<p>Video {document['index'] + 1} of {document['total']} · {ready}</p>"
        f"{f'<p>{html.escape(problem)}</p>' if problem else ''}{strip_html(document)}"
    )


def picture_html(manager: ManagerView) -> str:
    """The current video's poster as an image with its bytes inside; empty while there is none.

    Args:
        manager: Live or replayed.
    """
    poster = poster_of(manager.get_controller(manager.current_video_id or ""))
    if poster is None:
        return ""
    return (
        '<img alt="First picture" style="max-height:240px;border-radius:8px" '
        f'src="data:image/jpeg;base64,{b64encode(poster).decode()}">'
    )


def has_arrived(manager: ManagerView) -> bool:
    """Whether the current video is as it will be seen for now: nothing of it is on the way.

    Args:
        manager: Live or replayed.
    """
    state = manager.get_video_state(manager.current_video_id or "")
    return state is None or not state.is_loading


async def poster_arrives(manager: ManagerView) -> None:
    """Wait until the current video has a poster, or it is known that none is on the way.

    Args:
        manager: Live or replayed.
    """
    changed = asyncio.Event()
    is_given_up = False

    def hear(change: Change) -> None:
        nonlocal is_given_up
        after = None if change.after is None else change.after.loading_state
        if after in {LoadState.NOT_LOADED, LoadState.DISPOSED}:
            is_given_up |= change.video_id == manager.current_video_id
        changed.set()

    unsubscribe = manager.subscribe(hear)
    try:
        while not (has_arrived(manager) or is_given_up):
            changed.clear()
            await changed.wait()
    finally:
        unsubscribe()


def folded(markup: str) -> str:
    """What is kept beside a widget that gets a still: a line to open, without the still's images.

    Args:
        markup: The widget as it stood when it was shown.
    """
    words = "As it was when the cell ran"
    return f"<details><summary>{words}</summary>{_IMAGE.sub('', markup)}</details>"


def is_watched() -> bool:
    """Whether a person looks on while a cell runs, so that an output may grow later.

    Front ends say so by offering to be asked; what runs notebooks headless offers nothing.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return False
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin"))


def show_still(inside: str, *, name: str | None = None, again: bool = False) -> None:
    """Add a still to the output of the cell that runs, hidden wherever the live player is.

    Args:
        inside: Markup without script.
        name: By which it is found again.
        again: Put this in the place of those shown by that name.
    """
    if getattr(get_ipython(), "kernel", None) is None:
        return  # nobody keeps the output
    data: dict[str, Any] = {
        "text/html": f'<div class="vv-still">{inside}</div>',
        "text/plain": "",
    }
    named = {"transient": {"display_id": name}} if name else {}
    publish_display_data(data, update=again, **named)  # type: ignore[no-untyped-call]


def _title_of(event: VideoEvent) -> str:
    return event.title or event.content or "Untitled"


def _meta_of(event: VideoEvent) -> str:
    tags = " ".join(f"#{tag}" for tag in event.hashtags[:8])
    when = f"{event.timestamp:%Y-%m-%d %H:%M} UTC" if event.created_at else ""
    return " · ".join(part for part in (event.short_pubkey, when, tags) if part)
