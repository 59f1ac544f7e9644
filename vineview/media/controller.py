"""ClipController and ClipStream: a loaded clip, and its segments on their way to a player.

A controller keeps what a first picture needs (init segment, first segment, poster) and its source;
everything else is read when a stream asks for it, one segment ahead of its reader. ``held_bytes``
adds up what is alive at this moment, so it rises while streams run and is 0 after release.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator
from concurrent.futures import Executor

from vineview.errors import MediaError
from vineview.media.failures import load_error
from vineview.media.fragments import Segment
from vineview.media.probe import ClipInfo
from vineview.media.remux import Remuxer, StreamEnd
from vineview.media.sharing import SharedSource

__all__ = ["ClipController", "ClipStream"]

_NOTHING = Segment(b"", 0.0, 0.0, 0, keyframe=False)


class ClipController:
    """A loaded clip; what :class:`~vineview.media.loader.MediaLoader` makes.

    Args:
        source: The open clip; it belongs to the controller from now on.
        remuxer: The remuxer that made ``first_segment``.
        info: What the clip is.
        first_segment: The first of its segments.
        poster: A JPEG of its first picture, if one decoded.
        executor: Where streams do their reading.
    """

    def __init__(
        self,
        source: SharedSource,
        remuxer: Remuxer,
        *,
        info: ClipInfo,
        first_segment: Segment,
        poster: bytes | None,
        executor: Executor,
    ) -> None:
        self._source = source
        self._remuxer = remuxer
        self._executor = executor
        self._streams: set[ClipStream] = set()
        self._is_released = False
        self.info = info
        """What the clip is, and how it plays."""
        self.init_segment = remuxer.init_segment
        """What a ``SourceBuffer`` is given first; empty once released."""
        self.first_segment = first_segment
        """Enough for a first picture; without data once released."""
        self.poster = poster
        """A JPEG of the first picture; ``None`` if there is none, or once released."""
        self.is_playing = False
        """Whether it was told to play; the playing itself is the browser's."""

    @property
    def mime_type(self) -> str:
        """What ``MediaSource`` is asked about, such as ``video/mp4; codecs="avc1.4d401f"``."""
        return self.info.mime_type

    @property
    def held_bytes(self) -> int:
        """Bytes kept alive for this clip now: source, init and first segment, poster, queue."""
        if self._is_released:
            return 0
        kept = len(self.init_segment) + len(self.first_segment.data) + len(self.poster or b"")
        return self._source.held_bytes + kept + sum(one.queued_bytes for one in self._streams)

    def play(self) -> None:
        """Count as playing; does nothing once released."""
        self.is_playing = not self._is_released

    def pause(self) -> None:
        """Count as paused."""
        self.is_playing = False

    def stream(self, start_s: float = 0.0) -> ClipStream:
        """The clip's segments from the keyframe at or before ``start_s``.

        Args:
            start_s: Where to begin, in seconds from the clip's beginning.

        Returns:
            An asynchronous iterator, independent of others; ``aclose`` it when done. It is empty
            once the controller is released.
        """
        stream = ClipStream(
            self._remuxer.segments(start_s),
            first=self.first_segment if start_s <= 0 else None,
            executor=self._executor,
            remuxer=self._remuxer,
            owner=self._streams,
        )
        if self._is_released:
            stream.stop()
        return stream

    def release(self) -> None:
        """Stop every stream and free everything; harmless when repeated."""
        self._is_released = True
        self.is_playing = False
        self._source.close()
        for stream in tuple(self._streams):
            stream.stop()
        self.init_segment, self.first_segment, self.poster = b"", _NOTHING, None

    def __repr__(self) -> str:
        state = "released" if self._is_released else f"{self.held_bytes / 2**20:.1f} MB held"
        return f"ClipController({self.info.summary!r}, {state})"


class ClipStream(AsyncIterator[Segment]):
    """Segments of a clip, each made in a worker thread while the one before is being used.

    Args:
        segments: Makes them; belongs to the stream from now on.
        first: The first one, if it is at hand already.
        executor: Where they are made.
        remuxer: Knows how the stream ended.
        owner: The running streams of the controller; this one is in it while it may hold bytes.
    """

    def __init__(
        self,
        segments: Generator[Segment, None, None],
        *,
        first: Segment | None,
        executor: Executor,
        remuxer: Remuxer,
        owner: set[ClipStream],
    ) -> None:
        self._segments = segments
        self._first = first
        self._skips_first = first is not None
        self._executor = executor
        self._remuxer = remuxer
        self._owner = owner
        self._owner.add(self)
        self._busy = threading.Lock()
        self._is_stopped = False
        self._ahead: asyncio.Future[Segment | None] | None = None
        self.queued_bytes = 0
        """Bytes of the segment that is made but not yet taken."""
        self.end: StreamEnd | None = None
        """How the stream ended, once it has by itself: a clip that was cut off says so here."""

    async def __anext__(self) -> Segment:
        """The next segment.

        Raises:
            LoadError: The clip cannot be read on.
            StopAsyncIteration: It is over, was stopped, or its controller was released.
        """
        if self._first is not None and not self._is_stopped:
            segment, self._first = self._first, None
        else:
            found = await self._made()
            if found is None:
                self.stop()
                raise StopAsyncIteration
            segment = found
        self._ahead = self._start()
        return segment

    async def aclose(self) -> None:
        """Stop, and return once the worker thread has let go of the clip."""
        self.stop()
        if self._ahead is not None:
            await asyncio.wait([self._ahead])

    def stop(self) -> None:
        """Stop; a segment under way is dropped when it is done. Harmless when repeated."""
        self._is_stopped = True
        self._first = None
        self.queued_bytes = 0
        self._owner.discard(self)
        self._close_if_idle()

    async def _made(self) -> Segment | None:
        """The segment made ahead, or one made now; a cancelled wait loses nothing."""
        if self._is_stopped:
            return None
        if self._ahead is None:
            self._ahead = self._start()
        segment = await asyncio.shield(self._ahead)
        self._ahead = None
        self.queued_bytes = 0
        return None if self._is_stopped else segment

    def _start(self) -> asyncio.Future[Segment | None]:
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._make)
        future.add_done_callback(_look_at)
        return future

    def _make(self) -> Segment | None:
        """Make one segment; runs in a worker thread."""
        try:
            with self._busy:
                segment = None if self._is_stopped else self._next()
                if segment is not None and not self._is_stopped:
                    self.queued_bytes = len(segment.data)
        except MediaError as error:
            raise load_error(error) from error
        else:
            return segment
        finally:
            if self._is_stopped:
                self.queued_bytes = 0
                self._close_if_idle()

    def _next(self) -> Segment | None:
        if self._skips_first:
            self._skips_first = False
            next(self._segments, None)
        segment = next(self._segments, None)
        if segment is None:
            self.end = self._remuxer.end
        return segment

    def _close_if_idle(self) -> None:
        """Close the clip unless a worker thread is reading it; that thread then does it itself."""
        if self._busy.acquire(blocking=False):
            try:
                self._segments.close()
            finally:
                self._busy.release()


def _look_at(future: asyncio.Future[Segment | None]) -> None:
    """Take note of an error nobody waits for any more, so that asyncio does not log it as lost."""
    if not future.cancelled():
        future.exception()
