"""ReplayTimeline: a recorded session with a playhead, its chart, its feed and its crossings.

The replay's own clock in the kernel drives everything, so it goes on while cells are idle and two
views stay in step; the page is told where the playhead is at most four times a second and moves it
smoothly in between. Chart, strip and crossings are the ones a live manager gets.

Messages, beside those of :mod:`~vineview.widgets.plot`:

============  =========  ========================================================================
kind          direction  fields
============  =========  ========================================================================
``timeline``  out        ``start_ms``, ``duration_s``, ``crossings`` of all of it, their ``total``
``position``  out        ``position_s``, ``speed``, ``playing``, ``tiles``, ``answers``: for each
                         view the ``seq`` of its last seek that was carried out
``strip``     out        ``document``: the feed around the current video, as the strip draws it
``play``      in
``pause``     in
``seek``      in         ``position_s``, ``seq``: counts the seeks of that view
``speed``     in         ``value``: recorded seconds per second
``pick``      in         ``video_id``: go to when this video came on screen
============  =========  ========================================================================
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from vineview.clock import Clock
from vineview.errors import UsageError
from vineview.figures import Tile, memory_tiles
from vineview.replay import Replay, crossings
from vineview.telemetry import Alert, Telemetry
from vineview.widgets.base import Buffers, Message
from vineview.widgets.chart import MemoryChart
from vineview.widgets.strip import strip_document, strip_html

__all__ = ["ReplayTimeline"]

_INTERVAL_S = 0.25
_DEFAULT_SPEED = 60.0
_MAX_CROSSINGS = 500
_STATIC_CROSSINGS = 20
_STATIC_AROUND = 5
_OVERALL = {"growth": "growth, overall", "leak check": "leak, overall"}  # as wide as a tile is


class ReplayTimeline(MemoryChart):
    """Plays a recorded session: play, pause, seek, speed, in the page or from Python.

    Args:
        data: Telemetry, replayed from its start at 60 times its speed, or a replay, which may
            be playing already and stays the caller's to close.
        title: The heading.
        clock: What the replay made here plays on, and what paces the messages.

    Raises:
        TelemetryError: If there is no record to replay.
        UsageError: If ``data`` is neither.

    Example:
        >>> timeline = ReplayTimeline(Telemetry.open("incident.ndjson"))  # doctest: +SKIP
        >>> timeline.replay.seek(5400)  # doctest: +SKIP
        >>> timeline.replay.play()  # doctest: +SKIP
    """

    _assets = ("library", "figure", "plot", "readout", "strip", "transport", "timeline")

    _zooms = False  # slider and axis show the same stretch
    _endings: tuple[Callable[[], None], ...] = ()

    def __init__(
        self,
        data: Telemetry | Replay,
        *,
        title: str = "Recorded session",
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        self._owns_replay = not isinstance(data, Replay)
        self.replay = data if isinstance(data, Replay) else _replay_of(data, clock)
        self._crossings = crossings(self.replay.telemetry, self.replay.monitor.thresholds)
        self._answers: dict[str, int] = {}
        super().__init__(self.replay.telemetry, title=title, clock=clock, **options)
        self._position_pace = self._paced(self._tell_position, _INTERVAL_S)
        self._strip_pace = self._paced(self._tell_strip, _INTERVAL_S)
        self._endings = (
            self.replay.follow(lambda _: self.if_seen(self._position_pace.ask)),
            self.replay.subscribe(lambda _: self.if_seen(self._strip_pace.ask)),
        )

    @property
    def cursor_at(self) -> datetime:
        """The instant under the playhead, UTC; setting it seeks."""
        return self.replay.at

    @cursor_at.setter
    def cursor_at(self, at: datetime) -> None:
        self.replay.seek(at)

    def static_html(self) -> str:
        """Key numbers, picture, crossings and feed as of the playhead."""
        at = self.replay.at
        rows = "".join(
            f"<li><b>{alert.severity}</b> {alert.at:%H:%M:%S} {html.escape(alert.message)}</li>"
            for alert in self.replay.crossings[-_STATIC_CROSSINGS:]
        )
        feed = strip_document(self.replay, around=_STATIC_AROUND)
        return (
            f"{super().static_html()}<p>Playhead at {at:%Y-%m-%d %H:%M:%S} UTC. Thresholds crossed "
            f"so far: {len(self.replay.crossings)} of {len(self._crossings)}.</p>"
            f"<ul>{rows}</ul>{strip_html(feed) if feed['items'] else ''}"
        )

    def close(self) -> None:
        """Stop following the replay, and close the widget. Idempotent."""
        for end in self._endings:
            end()
        super().close()

    async def aclose(self) -> None:
        """Close, and end the replay if it was made here."""
        await super().aclose()
        if self._owns_replay:
            await self.replay.aclose()

    # -- messages ------------------------------------------------------------------------------

    def receive(self, message: Message, buffers: Buffers) -> None:
        """Carry out what the transport asks for."""
        match message:
            case {"kind": "play"}:
                self.replay.play()
            case {"kind": "pause"}:
                self.replay.pause()
            case {"kind": "seek", "position_s": int() | float() as to, "seq": int(seq)}:
                self._answers[str(message.get("view"))] = seq
                self.replay.seek(to)
            case {"kind": "speed", "value": int() | float() as speed}:
                self.replay.speed = speed
            case {"kind": "pick", "video_id": str(video_id)}:
                self._go_to_video(video_id)
            case _:
                super().receive(message, buffers)

    def view_opened(self, view: str) -> None:
        """Give a new view the recording, the picture and the playhead."""
        start_ms = self.replay.start_at.timestamp() * 1000
        self.tell(
            "timeline",
            view=view,
            start_ms=start_ms,
            duration_s=self.replay.duration_s,
            crossings=[_plain(alert) for alert in self._crossings[:_MAX_CROSSINGS]],
            total=len(self._crossings),
        )
        super().view_opened(view)
        self._tell_position()
        self._tell_strip()

    def view_closed(self, view: str) -> None:
        """Forget a view."""
        self._answers.pop(view, None)

    def _tell_position(self) -> None:
        replay = self.replay
        self.tell(
            "position",
            position_s=replay.position_s,
            speed=replay.speed,
            playing=replay.is_playing,
            tiles=[tile.to_dict() for tile in self._tiles()],
            answers=self._answers,
        )

    def _tell_strip(self) -> None:
        self.tell("strip", document=strip_document(self.replay))

    def _tell_cursor(self, **to: Any) -> None:
        """The page moves the cursor with the playhead; there is nothing to tell."""

    def _span(self) -> tuple[datetime, datetime]:
        """Exactly the recording, so that slider and axis agree."""
        start = self.replay.start_at
        return start, start + timedelta(seconds=self.replay.duration_s)

    def _tiles(self) -> tuple[Tile, ...]:
        """Memory and controllers at the playhead; growth and leak check of the whole recording."""
        source = self._source
        reading = self.replay.monitor.current_sample
        tiles = memory_tiles(reading, source.usage, thresholds=source.thresholds)
        return tuple(replace(tile, label=_OVERALL.get(tile.label, tile.label)) for tile in tiles)

    def _go_to_video(self, video_id: str) -> None:
        """Seek to the last time, else the first, that a video came on screen."""
        events = self.replay.telemetry.events
        shown = events[(events["kind"] == "navigate") & (events["video_id"] == video_id)]["at"]
        if shown.empty:
            raise UsageError(
                "this video never came on screen in this recording",
                hint="Seek by the slider, or pick another video.",
            )
        earlier = shown[shown <= self.replay.at]
        self.replay.seek((earlier.iloc[-1] if len(earlier) else shown.iloc[0]).to_pydatetime())


def _replay_of(telemetry: Telemetry, clock: Clock | None) -> Replay:
    if not hasattr(telemetry, "iter_changes"):
        raise UsageError(
            f"a {type(telemetry).__name__} cannot be replayed",
            hint="Pass Telemetry.open(path), or a Replay.",
        )
    return Replay(telemetry, clock=clock, speed=_DEFAULT_SPEED)


def _plain(alert: Alert) -> dict[str, Any]:
    ended = alert.resolved_at
    return {
        "id": alert.id,
        "at_ms": alert.at.timestamp() * 1000,
        "ended_ms": None if ended is None else ended.timestamp() * 1000,
        "severity": str(alert.severity),
        "message": alert.message,
    }
