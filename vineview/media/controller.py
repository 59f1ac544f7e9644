"""ClipController and ClipStream: a loaded clip, and its segments on their way to a player.

A controller keeps what a first picture needs (init segment, first segment, poster) and its source;
everything else is made by a worker when a stream asks for it, at most four segments ahead of its
reader. A controller that is not streaming has no process. ``held_bytes`` adds up what this process
keeps alive at this moment, so it rises while streams run and is 0 after release; what a worker
uses is its own, limited there, and gone with it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from vineview.errors import LoadError, MediaError
from vineview.media.channel import Frame
from vineview.media.codecs import Action, Plan
from vineview.media.documents import document_of, from_document
from vineview.media.failures import load_error
from vineview.media.fragments import Segment
from vineview.media.making import StreamEnd
from vineview.media.probe import ClipInfo
from vineview.media.sharing import SharedSource
from vineview.media.worker import Worker, workers

__all__ = ["ClipController", "ClipStream", "LoadedClip", "Progress"]

_NOTHING = Segment((), 0.0, 0.0, 0, keyframe=False)
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class LoadedClip:
    """What a worker found out about a clip, and made of its beginning.

    Attributes:
        name: What to call it in messages.
        info: What it is.
        plan: What is done with its tracks.
        init_segment: What a ``SourceBuffer`` is given first.
        first_segment: Enough for a first picture.
        poster: A JPEG of the first picture, if one decoded.
        speed: How many seconds of it are made in one; ``None`` for one that goes as it is.
        origin_s: The moment of its own clock that is zero here, if that had to be found.
    """

    name: str
    info: ClipInfo
    plan: Plan
    init_segment: bytes
    first_segment: Segment
    poster: bytes | None
    speed: float | None = None
    origin_s: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a conversion is.

    Attributes:
        done_s: Seconds of the clip that are made, from its beginning.
        total_s: How long it is; ``None`` if it does not say.
        speed: How many seconds of the clip are made in one; ``None`` if that is not known.
    """

    done_s: float
    total_s: float | None
    speed: float | None


class ClipController:
    """A loaded clip; what :class:`~vineview.media.loader.MediaLoader` makes.

    Args:
        source: The open clip; it belongs to the controller from now on.
        clip: What was found out about it.
        executor: Where streams wait for their workers.
        reload: Loads the clip once more, by another plan than the one the browser refused.
    """

    def __init__(
        self,
        source: SharedSource,
        clip: LoadedClip,
        *,
        executor: Executor,
        reload: Callable[[SharedSource, Plan], LoadedClip],
    ) -> None:
        self._source = source
        self._clip = clip
        self._executor = executor
        self._reload = reload
        self._streams: set[ClipStream] = set()
        self._is_released = False
        self._done_s = clip.first_segment.end_s
        self._speed = clip.speed
        self.is_playing = False
        """Whether it was told to play; the playing itself is the browser's."""

    @property
    def info(self) -> ClipInfo:
        """What the clip is, and how it plays."""
        return self._clip.info

    @property
    def plan(self) -> Plan:
        """What is done with each of its tracks."""
        return self._clip.plan

    @property
    def init_segment(self) -> bytes:
        """What a ``SourceBuffer`` is given first; empty once released."""
        return self._clip.init_segment

    @property
    def first_segment(self) -> Segment:
        """Enough for a first picture; without data once released."""
        return self._clip.first_segment

    @property
    def poster(self) -> bytes | None:
        """A JPEG of the first picture; ``None`` if there is none, or once released."""
        return self._clip.poster

    @property
    def mime_type(self) -> str:
        """What ``MediaSource`` is asked about, such as ``video/mp4; codecs="avc1.4d401f"``."""
        return self.info.mime_type

    @property
    def treatment(self) -> str:
        """What is done with it, for the card: ``HEVC: converted to H.264 (1.8x real time)``."""
        speed = f" ({self._speed:.1f}x real time)" if self._speed else ""
        return f"{self.plan.sentence}{speed}"

    @property
    def progress(self) -> Progress | None:
        """How far its conversion is; ``None`` for a clip that goes as it is."""
        if not self.plan.converts:
            return None
        return Progress(self._done_s, self.info.duration_s, self._speed)

    @property
    def round_trips(self) -> int:
        """Requests its host answered so far; 0 for a file."""
        return self._source.round_trips

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
        first = self.first_segment if start_s <= 0 else None
        stream = ClipStream(
            lambda: self._begin(start_s, skip=0 if first is None else 1),
            first=first,
            executor=self._executor,
            owner=self._streams,
            made=self._note,
        )
        if self._is_released:
            stream.stop()
        return stream

    async def convert(self) -> bool:
        """Convert what went as it is, because the browser refused it after all.

        Running streams end; ``mime_type``, ``init_segment`` and ``first_segment`` are new ones.

        Returns:
            Whether there was anything to convert.

        Raises:
            LoadError: It cannot be converted either.
        """
        before = self._clip
        if self._is_released or not any(one.action is Action.AS_IS for one in before.plan.tracks):
            return False
        loop = asyncio.get_running_loop()
        try:
            clip = await loop.run_in_executor(
                self._executor, self._reload, self._source, before.plan
            )
        except MediaError as error:
            raise load_error(error) from error
        if self._is_released:
            return False
        # The page takes up what has another type, and codecs alone may be the same as before.
        anew = clip.info.mime_type.replace("; codecs", ";codecs")
        self._clip = replace(clip, info=replace(clip.info, mime_type=anew))
        self._done_s, self._speed = clip.first_segment.end_s, clip.speed
        for stream in tuple(self._streams):
            stream.stop()
        return True

    def release(self) -> None:
        """Stop every stream and free everything; harmless when repeated."""
        self._is_released = True
        self.is_playing = False
        for stream in tuple(self._streams):
            stream.stop()
        self._source.close()
        self._clip = replace(self._clip, init_segment=b"", first_segment=_NOTHING, poster=None)

    def _begin(self, start_s: float, *, skip: int) -> Worker:
        worker = workers().hire(self._source.reader(), name=self._clip.name)
        plan = document_of(self.plan)
        worker.begin(
            "stream",
            plan=plan,
            origin_s=self._clip.origin_s,
            start_s=start_s,
            skip=skip,
            credit=_AHEAD,
        )
        return worker

    def _note(self, segment: Segment, speed: float | None) -> None:
        self._done_s = max(self._done_s, segment.end_s)
        self._speed = speed or self._speed

    def __repr__(self) -> str:
        state = "released" if self._is_released else f"{self.held_bytes / 2**20:.1f} MB held"
        return f"ClipController({self.info.summary!r}, {state})"


class ClipStream(AsyncIterator[Segment]):
    """Segments of a clip, each awaited in a thread while the one before is being used.

    Args:
        begin: Hires the worker that makes them.
        first: The first one, if it is at hand already.
        executor: Where the worker is waited for.
        owner: The running streams of the controller; this one is in it while it may hold bytes.
        made: Told of each segment, and at what speed it was made.
    """

    def __init__(
        self,
        begin: Callable[[], Worker],
        *,
        first: Segment | None,
        executor: Executor,
        owner: set[ClipStream],
        made: Callable[[Segment, float | None], None],
    ) -> None:
        self._begin = begin
        self._worker: Worker | None = None
        self._first = first
        self._executor = executor
        self._owner = owner
        self._owner.add(self)
        self._made_one = made
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
        """Stop, and return once the thread has let go of the clip; a hung server is cut off."""
        self.stop()
        if self._ahead is not None:
            await asyncio.wait([self._ahead])

    def stop(self) -> None:
        """Stop; the worker is killed, a segment under way is dropped. Harmless when repeated."""
        self._is_stopped = True
        self._first = None
        self.queued_bytes = 0
        self._owner.discard(self)
        if self._worker is not None:
            self._worker.kill()
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
        """Wait for one segment; runs in a thread."""
        try:
            with self._busy:
                segment = None if self._is_stopped else self._next()
                if segment is not None and not self._is_stopped:
                    self.queued_bytes = len(segment.data)
        except (MediaError, LoadError) as error:
            if self._is_stopped:
                return None
            raise (load_error(error) if isinstance(error, MediaError) else error) from error
        else:
            return segment
        finally:
            if self._is_stopped:
                self.queued_bytes = 0
                self._close_if_idle()

    def _next(self) -> Segment | None:
        if self._worker is None:
            self._worker = self._begin()
            if self._is_stopped:  # while it was hired
                self._worker.kill()
        else:
            self._worker.allow()
        while True:
            match self._worker.hear():
                case Frame("segment", facts, body):
                    segment = segment_of(facts, body)
                    self._made_one(segment, number_of(facts, "speed"))
                    return segment
                case Frame("end", facts):
                    self.end = from_document(StreamEnd, facts)
                case Frame("done"):
                    return None

    def _close_if_idle(self) -> None:
        """Give the worker back unless a thread waits for it; that thread then does it itself."""
        if self._busy.acquire(blocking=False):
            try:
                worker, self._worker = self._worker, None
                if worker is not None:
                    worker.close()
            finally:
                self._busy.release()


def segment_of(facts: dict[str, object], body: bytes) -> Segment:
    """The segment a worker's frame stands for.

    Raises:
        ValueError: It is none.
    """
    match facts:
        case {
            "start_s": float(start_s),
            "duration_s": float(duration_s),
            "index": int(index),
            "keyframe": bool(keyframe),
        }:
            return Segment((body,), start_s, duration_s, index, keyframe=keyframe)
    raise ValueError(f"{facts!r:.80} describes no segment")


def number_of(facts: dict[str, object], name: str) -> float | None:
    """A number among a worker's facts, if it is there."""
    value = facts.get(name)
    return value if isinstance(value, float) else None


def _look_at(future: asyncio.Future[Segment | None]) -> None:
    """Take note of an error nobody waits for any more, so that asyncio does not log it as lost."""
    if not future.cancelled():
        future.exception()
