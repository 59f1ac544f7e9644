"""FeedPlayer: a feed, playing in a cell.

The one decision: the manager is the truth. The page may show a ready neighbour the instant a key
is pressed, but what is current, loaded, failed or playing is what the manager says, and the page
is told again whenever that changes. Frames never pass through the kernel: the browser plays.

Messages, beside those of :mod:`vineview.widgets.base`. Everything the page says carries its
``view``; a stream serves one view and one video, and is named by the page.

==============  =========  =======================================================================
kind            direction  fields
==============  =========  =======================================================================
``feed``        out        what to show: index, total, current_id, items, status, breaker, card,
                           can_navigate, answers (the last ``navigate`` heard of each view)
``begun``       out        stream, video_id: a new view is sent the current clip before it asks
``init``        out        stream; buffers: the init segment and, from the start, the first segment
``segment``     out        stream, key_s: where it can be decoded from, or null; buffer: a segment
``end``         out        stream, note: that was the last segment; the note says what is missing
``lost``        out        stream, reason: it broke off; an empty reason means the clip was freed
``poster``      out        video_id; buffer: JPEG
``image``       out        video_id, mime_type; buffer: a GIF or still, shown as it is
``trouble``     out        video_id, title, reason: it cannot be shown, whatever was tried
``progress``    out        video_id, done_s, total_s, speed: how far a clip is converted, and how
                           many seconds of it in each second; at most four times a second
``command``     out        do: ``play``, ``pause`` or ``seek`` (with position_s)
``codecs``      both       out, ask: exact codec strings; in, answers: what ``MediaSource`` says
                           of each
``open``        in         stream, video_id, start_s, whole: send a clip, or only its beginning
``more``        in         stream: send the rest too
``ack``         in         stream: one segment was taken in; at most two wait for this
``close``       in         stream: no more of it
``visible``     in         visible: whether the cell is in sight; nothing is sent while it is not
``navigate``    in         video_id, seq: the person went there, for the seq-th time
``playing``     in         video_id, playing: the page plays or pauses it
``load``        in         video_id: the person asked for another attempt
``want_image``  in         video_id
``position``    in         video_id, position_s, duration_s; at most four times a second
``failed``      in         video_id, reason, mime_type: this browser cannot play it so
``playback``    in         video_id, event (first_frame, stall, dropped, ended), numbers
==============  =========  =======================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from traitlets import Bool, Float, Int, TraitError, Unicode, validate

from vineview.clock import Clock
from vineview.core.changes import Change, ChangeKind
from vineview.core.view import ManagerView
from vineview.errors import UsageError, VineviewError
from vineview.widgets.base import Buffers, Message, VineWidget
from vineview.widgets.clips import (
    commands_of,
    go_to_video,
    hear_codecs,
    image_of,
    load_anew,
    poster_of,
)
from vineview.widgets.feed import feed_document
from vineview.widgets.pace import Pace
from vineview.widgets.playback import PlaybackLog, unknown_message
from vineview.widgets.reopening import Reopening
from vineview.widgets.second_try import SecondTries
from vineview.widgets.still import (
    has_arrived,
    is_watched,
    picture_html,
    player_html,
    poster_arrives,
    show_still,
)
from vineview.widgets.streams import Streamable, StreamBook
from vineview.widgets.strip import strip_document
from vineview.widgets.succession import Succession

__all__ = ["FeedPlayer"]

_UPDATE_EVERY_S = 0.1
_MAX_REASON = 500
_SLOWEST, _FASTEST = 0.25, 4.0  # not min and max of the trait: those let NaN pass


class FeedPlayer(VineWidget):
    """Plays a manager's feed in order, and shows what the manager does.

    Making a player in a notebook starts loading the window around the current video.

    Args:
        manager: A ``VideoManager``, or a replay, which is shown without being steered.
        muted: See the trait.
        height: See the trait.
        autoplay: See the trait.
        loop: See the trait.
        speed: See the trait.
        together: See the trait.
        clock: Paces updates of the page; the machine's time if not given.

    Raises:
        UsageError: If ``manager`` is no manager.
        TypeError: If an option is unknown; the message suggests the nearest one.

    Example:
        >>> from vineview.core.manager import VideoManager
        >>> FeedPlayer(VideoManager())
        FeedPlayer(an empty feed)
    """

    _assets = (
        "strip",
        "posters",
        "troubles",
        "sight",
        "stream",
        "measures",
        "stills",
        "stage",
        "face",
        "controls",
        "steering",
        "options",
        "together",
        "player",
    )

    muted = Bool(True).tag(sync=True)
    """Whether sound is off. Browsers refuse to start with sound. Default: ``True``."""

    height = Int(420, min=160, max=2000).tag(sync=True)
    """Height of the picture's stage in pixels, 160 to 2000. Default: ``420``.

    Example:
        >>> player.height = 600  # doctest: +SKIP
    """

    autoplay = Bool(True).tag(sync=True)
    """Whether the current video plays as soon as it is ready. Default: ``True``."""

    loop = Bool(True).tag(sync=True)
    """Whether a video begins again at its end. Default: ``True``."""

    speed = Float(1.0).tag(sync=True)
    """How fast videos play, 0.25 to 4. Default: ``1.0``."""

    together = Unicode("").tag(sync=True)
    """Players on one page with the same word here run on one clock: they play, pause, seek and go
    through their feeds together. Default: ``""``, alone.

    See :class:`~vineview.widgets.side.SideBySide`.
    """

    def __init__(self, manager: ManagerView, *, clock: Clock | None = None, **options: Any) -> None:
        super().__init__(**options)
        if not isinstance(manager, ManagerView):
            raise UsageError(
                f"FeedPlayer plays a manager, not {type(manager).__name__}",
                hint="Pass a VideoManager that holds the feed, or a Replay.",
            )
        self.manager = manager
        self.position_s = 0.0
        self.is_playing = False
        self._log = PlaybackLog(manager)
        self._unplayable: dict[str, str] = {}
        self._posters_sent: dict[str, set[str]] = {}
        self._answers: dict[str, int] = {}
        self._shown: dict[str, Any] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._pace = Pace(self._update, interval_s=_UPDATE_EVERY_S, spawn=self.spawn, clock=clock)
        self._second_tries = SecondTries(
            manager, self._log, spawn=self.spawn, changed=self._tell_anew, give_up=self._give_up
        )
        self._reopening = Reopening(manager, spawn=self.spawn)
        self._streams = StreamBook(
            tell=self.tell, spawn=self.spawn, is_held=self._is_held, lost=self._stream_lost
        )
        self._succession = Succession(manager, is_watched=lambda: bool(self.views))
        if self._loop is not None and (commands := commands_of(manager)) is not None:
            commands.preload_around_index(manager.current_index)

    # -- what Python may ask -------------------------------------------------------------------

    def play(self) -> None:
        """Play the current video in every view."""
        self._command(do="play")

    def pause(self) -> None:
        """Pause the current video in every view."""
        self._command(do="pause")

    def seek(self, position_s: float) -> None:
        """Go to a place in the current video.

        Args:
            position_s: Seconds from its start; beyond the end means the end.

        Raises:
            UsageError: If it is negative or not a number.
        """
        if not (math.isfinite(position_s) and position_s >= 0):
            raise UsageError(
                f"cannot seek to {position_s} s", hint="Pass seconds from the video's start."
            )
        self._command(do="seek", position_s=position_s)

    def _command(self, **what: Any) -> None:
        self.on_loop(self._update)  # what is current by now goes first: that is what is meant
        self.on_loop(lambda: self.tell("command", **what))

    def next(self) -> None:
        """Go to the next video; at the end of the feed, stay."""
        self.go_to(self.manager.current_index + 1)

    def previous(self) -> None:
        """Go to the previous video; at the start of the feed, stay."""
        self.go_to(self.manager.current_index - 1)

    def go_to(self, index: int) -> None:
        """Make the video at ``index`` current; an index outside the feed means its nearest end.

        Args:
            index: Place in the feed, 0 being the newest.

        Raises:
            UsageError: If the feed is a recording, which decides for itself.
        """
        commands = commands_of(self.manager)
        if commands is None:
            raise UsageError(
                "a recorded feed decides itself which video is current",
                hint="Seek the replay instead.",
            )
        if videos := self.manager.videos:
            commands.preload_around_index(min(max(index, 0), len(videos) - 1))

    def close(self) -> None:
        """Close the player, its streams and its subscription. Idempotent."""
        self._stop_listening()
        super().close()

    # -- what the page says --------------------------------------------------------------------

    def view_opened(self, view: str) -> None:
        """A view opened: follow the manager from now on, and show it where things stand."""
        if self._unsubscribe is None:
            self._unsubscribe = self.manager.subscribe(self._changed)
        self._posters_sent[view] = set()
        self._reopening.look()
        self._succession.watched()
        document = self._document()
        if len(self.views) == 1:
            self._shown = document
        self._streams.welcome(view)
        self._streams.begin(self.manager.current_video_id, self.manager.get_controller, only=view)
        if asked := getattr(getattr(self.manager, "loader", None), "codecs_to_ask", None):
            self.tell("codecs", view=view, ask=list(asked))  # before it refuses what is loaded
        self.tell("feed", view=view, **document)
        self._send_posters()

    def view_closed(self, view: str) -> None:
        """A view closed: free what was under way for it."""
        self._streams.close_view(view)
        self._posters_sent.pop(view, None)
        self._answers.pop(view, None)
        if not self.views:
            self._stop_listening()
            self._set_playing(self.manager.current_video_id or "", playing=False)
            self._succession.left()

    def receive(self, message: Message, buffers: Buffers) -> None:  # noqa: ARG002 - none are sent
        """Handle one message of the protocol above."""
        match message:
            case {"stream": str(stream)}:
                self._receive_about_stream(message, stream)
            case {"kind": "visible", "view": str(view), "visible": bool(visible)}:
                self._streams.set_visible(view, visible=visible)
            case {"kind": "navigate", "video_id": str(video_id)}:
                self._navigate(video_id, message)
            case {"kind": "playing", "video_id": str(video_id), "playing": bool(playing)}:
                self._set_playing(video_id, playing=playing)
            case {"kind": "load", "video_id": str(video_id)}:
                self._load(video_id)
            case {"kind": "want_image", "video_id": str(video_id), "view": str(view)}:
                self.spawn(self._send_image(video_id, view), name="reading an image")
            case {"kind": "codecs", "answers": {**answers}}:
                hear_codecs(self.manager, answers)
            case {"kind": "position", "position_s": int() | float() as position_s}:
                self.position_s = float(position_s)
            case {"kind": "failed", "video_id": str(video_id), "reason": str(reason)}:
                mime_type = message.get("mime_type")
                self._second_tries.refused(video_id, reason[:_MAX_REASON], mime_type)
            case {"kind": "playback", "video_id": str(video_id), "event": str(event)}:
                self._log.saw(video_id, event, message)
            case _:
                raise unknown_message(message.get("kind"))

    def _receive_about_stream(self, message: Message, stream: str) -> None:
        match message:
            case {"kind": "open", "video_id": str(video_id)}:
                self._open(message, stream, video_id)
            case {"kind": "more"}:
                self._streams.more(stream)
            case {"kind": "ack"}:
                self._streams.acknowledge(stream)
                self._pace.ask()  # a conversion's speed is part of the caption
            case {"kind": "close"}:
                self._streams.close(stream)
            case _:
                raise unknown_message(message.get("kind"))

    def _open(self, message: Message, stream: str, video_id: str) -> None:
        controller = self.manager.get_controller(video_id)
        view = message["view"]
        if not isinstance(controller, Streamable):
            self.tell("lost", view=view, stream=stream, reason="")
            self._stream_lost(video_id, None)
            return
        start_s = message.get("start_s", 0)
        if not (isinstance(start_s, int | float) and math.isfinite(start_s) and start_s >= 0):
            start_s = 0
        whole = message.get("whole") is True
        self._streams.open(stream, view, video_id, controller, start_s=float(start_s), whole=whole)

    def _navigate(self, video_id: str, message: Message) -> None:
        if isinstance(seq := message.get("seq"), int):
            self._answers[message["view"]] = seq
        go_to_video(self.manager, video_id)
        self._pace.ask()  # the page went ahead of the truth: tell it where things stand

    def _set_playing(self, video_id: str, *, playing: bool) -> None:
        self.is_playing = playing
        commands = commands_of(self.manager)
        if commands is None or self.manager.get_video_state(video_id) is None:
            return
        if playing:
            commands.resume_video(video_id)
        else:
            commands.pause_video(video_id)

    def _load(self, video_id: str) -> None:
        self._unplayable.pop(video_id, None)
        self.spawn(load_anew(self.manager, video_id), name="loading a video")

    async def _send_image(self, video_id: str, view: str) -> None:
        try:
            data, mime_type = await image_of(self.manager, video_id)
        except (VineviewError, OSError) as error:
            title, reason = "This image cannot be shown", str(error)
            self.tell("trouble", view=view, video_id=video_id, title=title, reason=reason)
            self._log.cannot_decode(video_id, reason)
            return
        self.tell("image", [data], view=view, video_id=video_id, mime_type=mime_type)

    def _give_up(self, video_id: str, reason: str) -> None:
        self._unplayable[video_id] = reason
        self.tell("trouble", video_id=video_id, title="This browser cannot show it", reason=reason)

    def _stream_lost(self, video_id: str, error: Exception | None) -> None:
        if error is not None:
            self._log.record("error", video_id, error=str(error), where="stream")
            return
        self._tell_anew()

    def _tell_anew(self) -> None:
        self._shown = {}  # the page acted on what no longer holds, or should try what is new
        self._pace.ask()

    # -- what the manager says -----------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        if change.kind in {"playback", "action", "network"}:
            return  # nothing of these is shown
        if change.kind is ChangeKind.BREAKER:
            self.on_loop(self._reopening.look)
        self.on_loop(self._pace.ask)

    def _update(self) -> None:
        """Send where things stand, if that changed."""
        document = self._document()
        if self.views and document != self._shown:
            self._shown = document
            self._streams.begin(self.manager.current_video_id, self.manager.get_controller)
            self.tell("feed", **document)
            self._send_posters()

    def _document(self) -> dict[str, Any]:
        return {**feed_document(self.manager), "answers": dict(self._answers)}

    def _send_posters(self) -> None:
        """Send each view the stills it has not: the page gives back those that leave the strip."""
        listed = [item["id"] for item in strip_document(self.manager)["items"]]
        for view, sent in self._posters_sent.items():
            sent.intersection_update(listed)
            for video_id in listed:
                poster = poster_of(self.manager.get_controller(video_id))
                if poster is not None and video_id not in sent:
                    sent.add(video_id)
                    self.tell("poster", [poster], view=view, video_id=video_id)

    def _is_held(self, video_id: str, controller: object) -> bool:
        return self.manager.get_controller(video_id) is controller

    def _stop_listening(self) -> None:
        unsubscribe, self._unsubscribe = getattr(self, "_unsubscribe", None), None
        if unsubscribe is not None:
            unsubscribe()
        self._shown = {}

    # -- what is kept in a saved notebook ------------------------------------------------------

    def static_html(self) -> str:
        """Poster, facts and the strip as a table."""
        return player_html(self.manager, self._unplayable)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if self._loop is not None and not has_arrived(self.manager):
            self.spawn(self._add_still(watched=is_watched()), name="keeping a still")
        return bundle

    def _is_worth_keeping(self) -> bool:
        """Whether its poster is there, or nothing is on the way: none is loaded by itself then."""
        return has_arrived(self.manager)

    async def _add_still(self, *, watched: bool) -> None:
        """The notebook is saved later than it is shown: leave it the poster when there is one."""
        await poster_arrives(self.manager)
        picture = picture_html(self.manager)
        if watched and self.views:  # else with the first of them: it is not to be seen beside it
            self._keep_stills()
        elif not watched and picture:
            show_still(picture)

    def __repr__(self) -> str:
        manager = getattr(self, "manager", None)
        if manager is None or not manager.videos:
            return "FeedPlayer(an empty feed)"
        return f"FeedPlayer({manager.current_index + 1} of {len(manager.videos)})"

    @validate("speed")
    def _valid_speed(self, proposal: dict[str, Any]) -> float:
        speed = float(proposal["value"])
        if not _SLOWEST <= speed <= _FASTEST:
            raise TraitError(f"speed is {speed:g}; pass a factor between 0.25 and 4")
        return speed
