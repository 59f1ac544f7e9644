"""MediaLoader: clips for the manager, each loaded by a worker process that can be killed.

A load opens the source; a worker finds out what the clip is, decides what must be converted, and
makes its first segment and its poster, in one reading of its first bytes. What is decided rests on
what the browser said it takes; before one spoke, on what Chromium takes. Cancelling a load kills
the worker and cuts the connection, so its thread ends at once instead of at its timeout.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from vineview.core.cache import ByteCache
from vineview.core.events import VideoEvent
from vineview.core.policy import UrlPolicy
from vineview.errors import LoadError, MediaError
from vineview.media.channel import Frame
from vineview.media.codecs import SUPPORTED, Plan
from vineview.media.controller import ClipController, LoadedClip, number_of, segment_of
from vineview.media.documents import from_document
from vineview.media.failures import load_error
from vineview.media.probe import ClipInfo
from vineview.media.sharing import SharedSource
from vineview.media.source import ClipSource, open_source
from vineview.media.stills import StillController, picture_type, still_type
from vineview.media.worker import Worker, workers

__all__ = ["MediaLoader"]

_T = TypeVar("_T")

_THREADS = 24
_MAX_IMAGE_BYTES = 32 * 2**20


class MediaLoader:
    """Loads clips; the :class:`~vineview.core.loading.Loader` of real videos.

    Args:
        cache: Where fetched bytes are kept between loads; nothing is kept without one.
        policy: Which addresses may be loaded; public http(s) ones unless told. Events our own code
            marked as local are exempt.

    Example:
        >>> import asyncio
        >>> clip = "data/feed/clips/bigbuckbunny.mp4"
        >>> event = VideoEvent(id="a", video_url=clip, is_local=True)
        >>> controller = asyncio.run(MediaLoader().load(event))
        >>> controller.info.summary, controller.held_bytes > 100_000
        ('H.264 Main 1280x720, AAC 5.1: plays as is', True)
        >>> controller.release()
        >>> controller.held_bytes
        0
    """

    def __init__(self, *, cache: ByteCache | None = None, policy: UrlPolicy | None = None) -> None:
        self.cache = cache
        self.policy = policy or UrlPolicy()
        # Not asyncio's own pool: hung hosts would take its few threads from everyone else.
        # Threads start as they are needed, and end with the loader or when it rests.
        self.executor = _Threads()
        self.answers: Mapping[str, bool] = SUPPORTED
        """Whether the browser takes each of some codec strings."""
        workers().prewarm()

    @property
    def codecs_to_ask(self) -> tuple[str, ...]:
        """The codec strings a page should ask its browser about, for `hear_codecs`."""
        return tuple(SUPPORTED)

    def hear_codecs(self, answers: Mapping[str, bool]) -> None:
        """Take note of what the browser takes; clips loaded from now on are planned by it.

        Args:
            answers: For codec strings, what ``MediaSource.isTypeSupported`` said.
        """
        self.answers = {**self.answers, **answers}

    def rest(self) -> None:
        """Let the threads go that have nothing to do; a load starts others."""
        self.executor.shutdown(wait=False)

    async def load(self, event: VideoEvent) -> ClipController | StillController:
        """Load a clip, or a still picture, whatever it is announced as.

        Args:
            event: What to load; its ``video_url`` is opened.

        Raises:
            LoadError: With ``error_class``: what the source raised, FORMAT_ERROR for what is not a
                clip any browser takes, MEDIA_ERROR for one that is damaged.
        """
        job = _Job(self, event)
        return await self._run(job, job.load)

    async def load_without_ranges(self, event: VideoEvent) -> ClipController | StillController:
        """As :meth:`load`, with one plain request for the whole clip."""
        job = _Job(self, event, ranges=False)
        return await self._run(job, job.load)

    async def read_image(
        self, event: VideoEvent, max_bytes: int = _MAX_IMAGE_BYTES
    ) -> tuple[bytes, str]:
        """Read a GIF, which needs no controller, or a still as it is.

        Args:
            event: What to read; its ``video_url`` is opened.
            max_bytes: The most it may have.

        Returns:
            Its bytes and its MIME type, told by the bytes.

        Raises:
            LoadError: As :meth:`load`; FORMAT_ERROR also for what is no picture or too large.
        """
        job = _Job(self, event)
        return await self._run(job, lambda: job.read_image(max_bytes))

    async def _run(self, job: _Job, work: Callable[[], _T]) -> _T:
        """Do a job's work in a worker thread; if cancelled, stop it and free what it made."""
        future = asyncio.get_running_loop().run_in_executor(self.executor, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            job.stop()
            future.add_done_callback(_free)
            raise
        except MediaError as error:
            raise load_error(error) from error

    def __repr__(self) -> str:
        return f"MediaLoader(cache={self.cache!r}, policy={self.policy!r})"


class _Threads(Executor):
    """A pool of threads that can be let go without being at its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a thread call ``fn``; one is started if all are busy."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="vineview-clip")
            return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - Executor's
        """Let the threads go once they have nothing more to do.

        Args:
            wait: Whether to return only then.
            cancel_futures: Whether to give up what has not begun.
        """
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait, cancel_futures=cancel_futures)


class _Job:
    """One load: the thread that waits for it, and the handle by which it is stopped."""

    def __init__(self, loader: MediaLoader, event: VideoEvent, *, ranges: bool = True) -> None:
        self._loader = loader
        self._event = event
        self._ranges = ranges
        self._name = _name(event)
        self._lock = threading.Lock()
        self._is_stopped = False
        self._source: ClipSource | None = None
        self._worker: Worker | None = None

    def load(self) -> ClipController | StillController:
        """Open the clip and have made what a first picture needs."""
        source = self._open()
        try:
            if still_type(source):
                with source:
                    return StillController(*self._image(source, _MAX_IMAGE_BYTES))
        except BaseException:
            source.close()
            raise
        shared = SharedSource(source)
        try:
            return ClipController(
                shared,
                self._loaded(shared),
                executor=self._loader.executor,
                reload=self._again,
            )
        except BaseException:
            shared.close()
            raise

    def _again(self, shared: SharedSource, refused: Plan) -> LoadedClip:
        """Load a clip the browser refused: by what it has said meanwhile, else all of it anew."""
        clip = self._loaded(shared)
        return clip if clip.plan != refused else self._loaded(shared, as_is=False)

    def _loaded(self, shared: SharedSource, *, as_is: bool = True) -> LoadedClip:
        worker = workers().hire(shared.reader(), name=self._name)
        with self._lock:
            self._worker = worker
            if self._is_stopped:
                worker.kill()
        try:
            worker.begin("load", answers=dict(self._loader.answers), as_is=as_is)
            return _loaded(worker, self._name)
        finally:
            with self._lock:
                self._worker = None
            worker.close()

    def read_image(self, max_bytes: int) -> tuple[bytes, str]:
        """Read a picture."""
        with self._open() as source:
            return self._image(source, max_bytes)

    def _image(self, source: ClipSource, max_bytes: int) -> tuple[bytes, str]:
        source.seek(0)
        data = source.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise LoadError(
                f"{self._name} is a picture of more than {max_bytes / 2**20:g} MiB",
                error_class="FORMAT_ERROR",
                hint="Publish a smaller one; what moves is far smaller as a video.",
            )
        mime = picture_type(data)
        if not mime:
            raise LoadError(
                f"{self._name} is announced as a picture but is none",
                error_class="FORMAT_ERROR",
                hint="Check what the host serves at that address.",
            )
        return data, mime

    def stop(self) -> None:
        """Make the thread end soon; it may be waiting for a server."""
        with self._lock:
            self._is_stopped = True
            if self._worker is not None:
                self._worker.kill()
            if self._source is not None:
                self._source.cancel()

    def _open(self) -> ClipSource:
        source = open_source(
            self._event,
            policy=self._loader.policy,
            cache=self._loader.cache,
            ranges=self._ranges,
        )
        with self._lock:
            self._source = source
            is_stopped = self._is_stopped
        if is_stopped:
            source.close()
            raise LoadError(f"{self._name}: loading was stopped", error_class="NETWORK")
        return source


def _loaded(worker: Worker, name: str) -> LoadedClip:
    """What a worker says of a clip it loads."""
    said: dict[str, Frame] = {}
    while (frame := worker.hear()).kind != "done":
        said[frame.kind] = frame
    try:
        first = said["segment"]
        return LoadedClip(
            name,
            from_document(ClipInfo, said["info"].facts),
            from_document(Plan, said["plan"].facts),
            said["init"].body,
            segment_of(first.facts, first.body),
            said["poster"].body if "poster" in said else None,
            number_of(first.facts, "speed"),
            number_of(said["init"].facts, "origin_s"),
        )
    except (KeyError, ValueError) as error:
        raise MediaError(
            f"{name}: its worker gave no clip ({error})", source=name, reason="crashed"
        ) from error


def _name(event: VideoEvent) -> str:
    """What to call a clip in messages: its file name, if it has one."""
    path = unquote(urlsplit(event.video_url or "").path)
    return PurePosixPath(path).name or f"video {event.id}"


def _free(future: asyncio.Future[Any]) -> None:
    """Release what a cancelled load made after all, and take note of how it failed."""
    if future.cancelled() or future.exception() is not None:
        return
    result = future.result()
    if isinstance(result, ClipController | StillController):
        result.release()
