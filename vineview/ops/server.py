"""The ops API over HTTP, for this machine only: the route table behind tornado.

It listens on loopback and answers only requests that call it by a loopback name, so that a web
page cannot reach it by pointing a name of its own at 127.0.0.1.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Self
from urllib.parse import parse_qsl

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from vineview.errors import UsageError
from vineview.ops.messages import Request, Response, json_response
from vineview.ops.routes import Backend, dispatch

__all__ = ["OpsServer"]

_ADDRESS = "127.0.0.1"
_NAMES = {_ADDRESS, "localhost"}
_LAST_PORT = 65_535
_MAX_BODY_BYTES = 2**20

Answer = Callable[[Request], Awaitable[Response]]


class OpsServer:
    """Serves a backend's ops API on loopback while it is open.

    Args:
        backend: What the routes read and act on. Without a token one is made.
        port: The port to listen on; any free one if 0.

    Example:
        >>> async with OpsServer(backend) as server:  # doctest: +SKIP
        ...     ops = OpsClient(server.base_url, token=server.token, dry_run=False)
    """

    def __init__(self, backend: Backend, *, port: int = 0) -> None:
        self._backend = backend if backend.token else replace(backend, token=_new_token())
        self._port = port
        self._http: HTTPServer | None = None

    @property
    def token(self) -> str:
        """The bearer token for ``/admin``."""
        return self._backend.token

    @property
    def base_url(self) -> str:
        """The address; its port is known once the server is open."""
        return f"http://{_ADDRESS}:{self._port}"

    def open(self) -> None:
        """Begin to listen, on the running event loop.

        Raises:
            UsageError: If the port is taken or may not be used.
        """
        if not 0 <= self._port <= _LAST_PORT:
            raise UsageError(
                f"there is no port {self._port}", hint=f"Pass --port 0 to {_LAST_PORT}; 0 is any."
            )
        try:
            listening = socket.create_server((_ADDRESS, self._port))
        except OSError as error:
            raise UsageError(
                f"port {self._port} cannot be used: {error}",
                hint="Pass another with --port, or 0 for any free one.",
            ) from error
        listening.setblocking(False)
        self._port = listening.getsockname()[1]
        application = Application([(r".*", _Door, {"answer": self._answer})], log_function=_quiet)
        self._http = HTTPServer(application, max_buffer_size=_MAX_BODY_BYTES)
        self._http.add_socket(listening)

    async def aclose(self) -> None:
        """Stop listening and close every connection. Safe to call twice."""
        if self._http is not None:
            self._http.stop()
            await self._http.close_all_connections()
            self._http = None

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"OpsServer({self.base_url})"

    async def _answer(self, request: Request) -> Response:
        return await dispatch(self._backend, request)


class _Door(RequestHandler):
    """Turns tornado's requests into ours, and our responses into tornado's."""

    def initialize(self, answer: Answer) -> None:
        """Take what answers."""
        self._answer = answer

    async def _serve(self, *_: str) -> None:
        if self.request.host_name not in _NAMES:
            message = f"this server does not answer to the name {self.request.host_name!r}"
            self._send(_failure(403, message, f"Use http://{_ADDRESS} or http://localhost."))
            return
        pairs = parse_qsl(self.request.query, keep_blank_values=True)
        query = dict(pairs)
        if len(query) < len(pairs):
            self._send(_failure(400, "a parameter is given twice", "Give each parameter once."))
            return
        self._send(
            await self._answer(
                Request(
                    method=self.request.method or "",
                    path=self.request.path,
                    query=query,
                    body=self.request.body,
                    authorization=self.request.headers.get("Authorization", ""),
                )
            )
        )

    get = head = post = put = patch = delete = options = _serve

    def _send(self, response: Response) -> None:
        self.set_status(response.status)
        self.set_header("Content-Type", response.content_type)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        for name, value in response.headers.items():
            self.set_header(name, value)
        self.finish(response.body)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer tornado's own refusals (an unknown method) in JSON too."""
        self._send(_failure(status_code, "the request was refused", "Use GET or POST."))


def _failure(status: int, message: str, hint: str) -> Response:
    return json_response({"error": message, "hint": hint}, status=status)


def _new_token() -> str:
    return secrets.token_urlsafe(24)


def _quiet(_: RequestHandler) -> None:
    """Log nothing per request: a watch asks twice a minute for hours."""
