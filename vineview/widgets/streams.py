"""Streams: clip bytes on their way to the browser, never more than two segments ahead of its word.

One stream serves one view and one video. It sends the init segment with the first media segment,
then one segment for each that the page acknowledges; nothing while the view is out of sight. The
page holds its acknowledgements back while it has enough, so a long clip is read as it is watched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from vineview.errors import VineviewError

__all__ = ["MAX_UNACKNOWLEDGED", "StreamBook", "Streamable"]

MAX_UNACKNOWLEDGED = 2
"""Segments on the way to a view at any instant."""

_AT_FIRST = 2
"""Segments of a neighbour: the first holds little more than one picture, and a browser starts to
play only when it has something to go on with."""


class MediaSegment(Protocol):
    """What a stream needs of a media segment."""

    @property
    def data(self) -> bytes:
        """The fragment's bytes."""
        ...

    @property
    def start_s(self) -> float:
        """Where it begins in the clip."""
        ...

    @property
    def duration_s(self) -> float:
        """How long it plays."""
        ...

    @property
    def keyframe(self) -> bool:
        """Whether it can be decoded without an earlier segment."""
        ...


class SegmentStream(Protocol):
    """Segments as they are made; closed when no more are wanted."""

    def __aiter__(self) -> AsyncIterator[MediaSegment]:
        """The segments in order."""
        ...

    async def aclose(self) -> None:
        """Stop, and free what is under way."""
        ...


@runtime_checkable
class Streamable(Protocol):
    """A controller that holds a clip the browser may play."""

    @property
    def mime_type(self) -> str:
        """Container and exact codecs, as ``MediaSource.isTypeSupported`` takes them."""
        ...

    @property
    def init_segment(self) -> bytes:
        """What a source buffer needs before any media segment."""
        ...

    @property
    def first_segment(self) -> MediaSegment:
        """The segment with the first picture, kept ready."""
        ...

    def stream(self, start_s: float = 0.0) -> SegmentStream:
        """Segments from the one that holds ``start_s`` on, made as they are asked for."""
        ...


@dataclass(eq=False, slots=True)
class _Stream:
    id: str
    view: str
    video_id: str
    whole: bool
    sent: int = 0
    unacknowledged: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[Any] | None = None


class StreamBook:
    """Every stream of one widget.

    Args:
        tell: Sends a message: ``tell(kind, buffers, **fields)``.
        spawn: Starts a task that ends with the widget.
        is_held: Whether a video still has this controller; a stream of another one is over.
        lost: Called with a video and what broke its stream off; None when its clip was freed.
    """

    def __init__(
        self,
        *,
        tell: Callable[..., None],
        spawn: Callable[..., asyncio.Task[Any]],
        is_held: Callable[[str, Streamable], bool],
        lost: Callable[[str, Exception | None], None],
    ) -> None:
        self._tell = tell
        self._spawn = spawn
        self._is_held = is_held
        self._lost = lost
        self._streams: dict[str, _Stream] = {}
        self._hidden: set[str] = set()
        self._new: set[str] = set()

    def __len__(self) -> int:
        return len(self._streams)

    def open(
        self,
        stream: str,
        view: str,
        video_id: str,
        controller: Streamable,
        *,
        start_s: float,
        whole: bool,
    ) -> None:
        """Begin to send a clip.

        Args:
            stream: The page's name for the stream.
            view: The view that asked.
            video_id: The video.
            controller: Its controller.
            start_s: Where in the clip to begin.
            whole: Send all of it as acknowledged; else its beginning, and wait for `more`.
        """
        self.close(stream)
        opened = _Stream(stream, view, video_id, whole)
        self._streams[stream] = opened
        opened.task = self._spawn(self._run(opened, controller, start_s), name="streaming a clip")

    def welcome(self, view: str) -> None:
        """Hear of a view that shows nothing yet."""
        self._new.add(view)

    def begin(
        self,
        video_id: str | None,
        controller_of: Callable[[str], object],
        *,
        only: str | None = None,
    ) -> None:
        """Send new views the clip they are going to ask for: its picture is there a turn sooner.

        Args:
            video_id: What they will show; nothing happens while there is none.
            controller_of: Gives a video's controller; nothing happens before that holds a clip.
            only: The one view that hears at once what it will show; all of them, if not given.
                One that does not hear has nowhere to put the clip, and would lose its init segment.
        """
        controller = controller_of(video_id) if video_id else None
        if video_id is None or not isinstance(controller, Streamable):
            return
        for view in self._new & {only} if only else set(self._new):
            self._new.discard(view)
            stream = f"{view}-begun"
            self._tell("begun", None, view=view, stream=stream, video_id=video_id)
            self.open(stream, view, video_id, controller, start_s=0.0, whole=True)

    def more(self, stream: str) -> None:
        """Send the rest of a stream that was opened for its beginning only."""
        if (known := self._streams.get(stream)) is not None:
            known.whole = True
            known.changed.set()

    def acknowledge(self, stream: str) -> None:
        """Hear that the page has taken in one segment."""
        if (known := self._streams.get(stream)) is not None:
            known.unacknowledged = max(known.unacknowledged - 1, 0)
            known.changed.set()

    def close(self, stream: str) -> None:
        """Stop a stream and free what it holds; unknown names are ignored."""
        known = self._streams.pop(stream, None)
        if known is not None and known.task is not None:
            known.task.cancel()

    def close_view(self, view: str) -> None:
        """Stop every stream of a view."""
        self._hidden.discard(view)
        self._new.discard(view)
        for stream in [known.id for known in self._streams.values() if known.view == view]:
            self.close(stream)

    def set_visible(self, view: str, *, visible: bool) -> None:
        """Hold back, or go on with, the streams of a view."""
        if visible:
            self._hidden.discard(view)
        else:
            self._hidden.add(view)
        for known in self._streams.values():
            known.changed.set()

    async def _run(self, stream: _Stream, controller: Streamable, start_s: float) -> None:
        try:
            await self._send(stream, controller, start_s)
        except (VineviewError, OSError, ValueError) as error:
            self._tell("lost", None, view=stream.view, stream=stream.id, reason=str(error))
            self._lost(stream.video_id, error)
        finally:
            if self._streams.get(stream.id) is stream:
                del self._streams[stream.id]

    async def _send(self, stream: _Stream, controller: Streamable, start_s: float) -> None:
        await self._may_send(stream)
        first = controller.first_segment
        with_first = start_s < first.start_s + first.duration_s
        parts = [controller.init_segment, *([first.data] if with_first else [])]
        stream.unacknowledged += len(parts) - 1  # an init segment alone is not acknowledged
        stream.sent += 1
        self._tell("init", parts, view=stream.view, stream=stream.id)
        await self._may_send(stream)
        is_sent = with_first
        async with aclosing(controller.stream(0.0 if with_first else start_s)) as segments:
            async for segment in segments:
                if is_sent:  # the first one, and it alone: sound beside it is not in it
                    is_sent = False
                    continue
                stream.sent += 1
                stream.unacknowledged += 1
                key_s = segment.start_s if segment.keyframe else None
                self._tell(
                    "segment", [segment.data], view=stream.view, stream=stream.id, key_s=key_s
                )
                self._tell_progress(stream, controller)
                await self._may_send(stream)
            end = getattr(segments, "end", None)
        is_same = controller.init_segment == parts[0]  # or it was converted meanwhile
        if is_same and self._is_held(stream.video_id, controller):
            known = getattr(getattr(controller, "info", None), "shortfall", "")
            note = "" if known else str(getattr(end, "reason", ""))
            self._tell_progress(stream, controller, is_done=True)
            self._tell("end", None, view=stream.view, stream=stream.id, note=note)
        else:
            self._tell("lost", None, view=stream.view, stream=stream.id, reason="")
            self._lost(stream.video_id, None)

    def _tell_progress(
        self, stream: _Stream, controller: Streamable, *, is_done: bool = False
    ) -> None:
        """Say how far a conversion is; segments come about once a second."""
        progress = getattr(controller, "progress", None)
        if progress is None or progress.total_s is None or progress.speed is None:
            return
        self._tell(
            "progress",
            None,
            view=stream.view,
            video_id=stream.video_id,
            done_s=progress.total_s if is_done else progress.done_s,
            total_s=progress.total_s,
            speed=progress.speed,
        )

    async def _may_send(self, stream: _Stream) -> None:
        """Wait until the view is in sight, wants more, and has answered for what it got."""
        while (
            stream.view in self._hidden
            or stream.unacknowledged >= MAX_UNACKNOWLEDGED
            or not (stream.whole or stream.sent < _AT_FIRST)
        ):
            stream.changed.clear()
            await stream.changed.wait()
