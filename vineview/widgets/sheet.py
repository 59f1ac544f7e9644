"""ContactSheet: a whole feed at a glance, each video a poster, a title and its live state.

It shows what the strip shows, by the same code, spread out. A poster exists while a controller
holds its clip; the sheet keeps those it has seen, so that what was watched stays recognisable.

Messages, beside those of :mod:`vineview.widgets.base`:

============  =========  =========================================================================
kind          direction  fields
============  =========  =========================================================================
``sheet``     out        document: as :func:`~vineview.widgets.strip.strip_document` gives it,
                         and its ``heading``
``poster``    out        video_id; buffer: JPEG
``navigate``  in         video_id: the person went there
============  =========  =========================================================================
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from vineview.clock import Clock
from vineview.core.changes import Change, ChangeKind
from vineview.core.view import ManagerView
from vineview.errors import UsageError
from vineview.widgets.base import Buffers, Message, VineWidget
from vineview.widgets.cards import empty_feed_card
from vineview.widgets.clips import go_to_video, poster_of
from vineview.widgets.pace import Pace
from vineview.widgets.playback import unknown_message
from vineview.widgets.reopening import Reopening
from vineview.widgets.strip import strip_document

__all__ = ["ContactSheet"]

_AROUND = 100
_UPDATE_EVERY_S = 0.25
_STILL_BYTES = 40_000
_BLOCK = "display:block;width:120px;height:80px;margin:0 0 4px;border-radius:8px"
_UNSHOWN = frozenset({"playback", "action", "network"})


class ContactSheet(VineWidget):
    """A grid of a manager's videos; a click goes there.

    It shows up to a hundred videos each side of the current one.

    Args:
        manager: A ``VideoManager``, or a replay, which is shown without being steered.
        clock: Paces updates of the page; the machine's time if not given.

    Raises:
        UsageError: If ``manager`` is no manager.

    Example:
        >>> from vineview.core.manager import VideoManager
        >>> ContactSheet(VideoManager())
        ContactSheet(0 videos)
    """

    _assets = ("strip", "posters", "sheet")

    def __init__(self, manager: ManagerView, *, clock: Clock | None = None, **options: Any) -> None:
        super().__init__(**options)
        if not isinstance(manager, ManagerView):
            raise UsageError(
                f"ContactSheet shows a manager, not {type(manager).__name__}",
                hint="Pass a VideoManager that holds the feed, or a Replay.",
            )
        self.manager = manager
        self._posters: dict[str, bytes] = {}
        self._sent: dict[str, set[str]] = {}
        self._shown: dict[str, Any] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._pace = Pace(self._update, interval_s=_UPDATE_EVERY_S, spawn=self.spawn, clock=clock)
        self._reopening = Reopening(manager, spawn=self.spawn)

    def view_opened(self, view: str) -> None:
        """A view opened: follow the manager from now on, and show it where things stand."""
        if self._unsubscribe is None:
            self._unsubscribe = self.manager.subscribe(self._changed)
        self._sent[view] = set()
        self._reopening.look()
        self._shown = self._document()
        self.tell("sheet", view=view, document=self._shown)
        self._send_posters()

    def view_closed(self, view: str) -> None:
        """A view closed; with the last one the manager is left alone."""
        self._sent.pop(view, None)
        if not self.views:
            self._stop_listening()

    def receive(self, message: Message, buffers: Buffers) -> None:  # noqa: ARG002 - none are sent
        """Handle one message of the protocol above."""
        match message:
            case {"kind": "navigate", "video_id": str(video_id)}:
                go_to_video(self.manager, video_id)
            case _:
                raise unknown_message(message.get("kind"))

    def close(self) -> None:
        """Close the sheet and its subscription. Idempotent."""
        self._stop_listening()
        super().close()

    def static_html(self) -> str:
        """The grid without script; posters as far as a saved notebook should carry them."""
        document = self._document()
        if not document["items"]:
            return f"<p>{html.escape(document['heading'])}</p>"
        self._collect_posters()
        room = _STILL_BYTES
        cells = []
        for item in document["items"]:
            poster = self._posters.get(item["id"], b"")
            poster = poster if len(poster) <= room else b""
            room -= len(poster)
            cells.append(_cell_html(item, poster))
        return (
            f"<p>{html.escape(document['heading'])}</p>"
            f'<div style="display:flex;flex-wrap:wrap;gap:10px">{"".join(cells)}</div>'
        )

    def _document(self) -> dict[str, Any]:
        document = strip_document(self.manager, around=_AROUND)
        heading = f"{document['total']} videos · {document['status']}"
        if not document["total"]:
            card = empty_feed_card()
            heading = f"{card.title}. {card.hint}"
        return {**document, "heading": heading}

    def _changed(self, change: Change) -> None:
        if change.kind is ChangeKind.BREAKER:
            self.on_loop(self._reopening.look)
        if change.kind not in _UNSHOWN:
            self.on_loop(self._pace.ask)

    def _update(self) -> None:
        document = self._document()
        if self.views and document != self._shown:
            self._shown = document
            self.tell("sheet", document=document)
            self._send_posters()

    def _send_posters(self) -> None:
        """Send each view the posters it has not seen; they are small and go once."""
        self._collect_posters()
        for view, sent in self._sent.items():
            sent.intersection_update(self._posters)
            for video_id, poster in self._posters.items():
                if video_id not in sent:
                    sent.add(video_id)
                    self.tell("poster", [poster], view=view, video_id=video_id)

    def _collect_posters(self) -> None:
        near = {item["id"] for item in self._document()["items"]}
        for video_id in near:
            poster = poster_of(self.manager.get_controller(video_id))
            if poster is not None:
                self._posters[video_id] = poster
        self._posters = {key: kept for key, kept in self._posters.items() if key in near}

    def _stop_listening(self) -> None:
        unsubscribe, self._unsubscribe = getattr(self, "_unsubscribe", None), None
        if unsubscribe is not None:
            unsubscribe()

    def __repr__(self) -> str:
        manager = getattr(self, "manager", None)
        return f"ContactSheet({len(manager.videos) if manager is not None else 0} videos)"


def _cell_html(item: dict[str, Any], poster: bytes) -> str:
    picture = (
        f'<img alt="" style="{_BLOCK};object-fit:cover" '
        f'src="data:image/jpeg;base64,{b64encode(poster).decode()}">'
        if poster
        else f'<div style="{_BLOCK};background:#8883"></div>'
    )
    badge = item["badge"]
    return (
        f'<div style="width:120px;overflow-wrap:anywhere">{picture}<b>{item["index"] + 1}</b> '
        f"{html.escape(item['title'][:40])}<br>{badge['symbol']} {html.escape(badge['text'])}</div>"
    )
