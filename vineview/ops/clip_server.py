"""ClipServer: a folder's clips over loopback HTTP, with the faults a feed meets in the wild.

Runs on the event loop it is opened on, on 127.0.0.1 and a port the system chooses, so nothing else
on the network can reach it. Besides ``/clips/x`` (byte ranges as any good host) there are
``/slow/clips/x`` (throttled), ``/hang/clips/x`` (never answers until the client or the server
closes) and ``/missing/clips/x`` (404): the sample feed names them all. The clips served here are
marked local by our own code; that is why they may be on loopback at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any, Self

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from vineview.clock import Clock, SystemClock
from vineview.errors import UsageError

__all__ = ["ClipServer"]

SLOW_BYTES_PER_S = 32 * 1024
"""Default rate of ``/slow``: 256 kbit/s, where a preload takes seconds and playing may stall."""

_PIECE_BYTES = 4 * 1024


class ClipServer:
    """Serves a folder that has ``clips/`` in it, on loopback, until closed.

    Args:
        folder: The folder; its files are served under their own names, nothing above it is.
        clock: What the throttle waits on.
        slow_bytes_per_s: The rate of ``/slow``.

    Raises:
        UsageError: If there is no such folder or the rate is not positive.

    Example:
        >>> async with ClipServer("data/feed") as server:  # doctest: +SKIP
        ...     server.base_url
        'http://127.0.0.1:41317/'
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        clock: Clock | None = None,
        slow_bytes_per_s: int = SLOW_BYTES_PER_S,
    ) -> None:
        if not Path(folder).is_dir():
            raise UsageError(f"{folder} is not a folder", hint="Pass the folder that holds clips/.")
        if slow_bytes_per_s <= 0:
            raise UsageError(f"a rate of {slow_bytes_per_s} bytes/s serves nothing")
        self._folder = Path(folder).resolve()
        self._clock = clock or SystemClock()
        self._slow_bytes_per_s = slow_bytes_per_s
        self._running: set[asyncio.Future[Any]] = set()
        self._server: HTTPServer | None = None
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """Where the folder is served, with a final slash.

        Raises:
            UsageError: If the server is not open.
        """
        if self._server is None:
            raise UsageError("the clip server is not open", hint="Use it with 'async with'.")
        return self._base_url

    async def open(self) -> Self:
        """Start serving on the running loop. Open already: nothing happens."""
        if self._server is None:
            sockets = bind_sockets(0, address="127.0.0.1")
            self._server = HTTPServer(self._application())
            self._server.add_sockets(sockets)
            self._base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/"
        return self

    async def aclose(self) -> None:
        """Stop serving and drop every connection, hung ones included. Safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            await server.close_all_connections()
            if self._running:
                await asyncio.wait(self._running)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        state = "closed" if self._server is None else self._base_url
        return f"ClipServer({self._folder.name}, {state})"

    def _application(self) -> web.Application:
        running = {"running": self._running}
        plain = {"path": str(self._folder), **running}
        slow = {**plain, "clock": self._clock, "bytes_per_s": self._slow_bytes_per_s}
        return web.Application(
            [
                (r"/slow/(.+)", _SlowHandler, slow),
                (r"/hang/.*", _HangHandler, running),
                (r"/missing/.*", _MissingHandler, running),
                (r"/(.+)", _ClipHandler, plain),
            ],
            default_handler_class=_MissingHandler,
            default_handler_args=running,
            log_function=lambda _: None,  # a notebook's log is not for each block of a clip
        )


class _Handler(web.RequestHandler):
    """What all have in common: the server waits for them, and they know when the client left."""

    _running: set[asyncio.Future[Any]]
    _left: asyncio.Event

    def initialize(self, *, running: set[asyncio.Future[Any]]) -> None:
        self._running = running
        self._left = asyncio.Event()

    def prepare(self) -> None:
        """Let the server know of this request."""
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def on_connection_close(self) -> None:
        """The client left, or the server closed."""
        self._left.set()

    def write_error(self, status_code: int, **_: Any) -> None:
        """One plain line."""
        self.set_header("Content-Type", "text/plain")
        self.finish(f"{status_code}: {self._reason}\n")

    def log_exception(self, *error: Any) -> None:
        """A refused path is the client's affair, anything else ours."""
        if not isinstance(error[1], web.HTTPError):
            super().log_exception(*error)


class _ClipHandler(_Handler, web.StaticFileHandler):
    """Files with byte ranges. A path that leaves the folder, by dots or by links, is refused."""

    def initialize(self, *, path: str, running: set[asyncio.Future[Any]]) -> None:  # type: ignore[override]
        _Handler.initialize(self, running=running)
        web.StaticFileHandler.initialize(self, path)

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """The file a request means, links followed, for the check that it is inside."""
        try:
            return str(Path(root, path).resolve())
        except (OSError, ValueError, RuntimeError) as error:
            raise web.HTTPError(404) from error

    def compute_etag(self) -> str | None:
        """From size and time; tornado's own remembers a file's hash after it has changed."""
        assert self.absolute_path is not None, "set before headers are"
        status = Path(self.absolute_path).stat()
        return f'"{status.st_size}-{status.st_mtime_ns}"'


class _SlowHandler(_ClipHandler):
    """The same, no faster than a rate."""

    def initialize(  # type: ignore[override]
        self, *, clock: Clock, bytes_per_s: int, **plain: Any
    ) -> None:
        super().initialize(**plain)
        self._clock = clock
        self._piece_s = _PIECE_BYTES / bytes_per_s

    @classmethod
    def get_content(
        cls, abspath: str, start: int | None = None, end: int | None = None
    ) -> Generator[bytes, None, None]:
        """The file in small pieces, each of which is waited for."""
        for part in super().get_content(abspath, start, end):
            yield from (part[at : at + _PIECE_BYTES] for at in range(0, len(part), _PIECE_BYTES))

    def flush(self, include_footers: bool = False) -> asyncio.Future[None]:  # noqa: FBT001, FBT002 - tornado's signature
        """Send a piece, done once its time has passed."""
        sent = super().flush(include_footers)
        return sent if include_footers else asyncio.ensure_future(self._after(sent))

    async def _after(self, sent: asyncio.Future[None]) -> None:
        await sent
        ends = [asyncio.ensure_future(self._clock.sleep(self._piece_s))]
        ends.append(asyncio.ensure_future(_until(self._left)))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()


class _HangHandler(_Handler):
    """Takes the request and never answers."""

    async def get(self) -> None:
        """Wait until either side gives up."""
        await self._left.wait()


class _MissingHandler(_Handler):
    """404, whatever the name."""

    def get(self) -> None:
        """Say that it is not there."""
        raise web.HTTPError(404)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
