"""WebReader: GET requests to addresses the policy has checked, stoppable from another thread.

A host is resolved here, every address it has is shown to `UrlPolicy.check_address`, and the
connection goes to the checked address itself, with the name kept for ``Host`` and TLS: between
check and use there is no second resolution a hostile name server could answer otherwise. Redirects
are followed by hand, at most five, each checked anew.

Proxies named by the environment are never used: a proxy would resolve the host itself, which makes
the check worthless, and would be asked for clips on this machine's loopback. Source: contract,
section 2 (trust is enforced where clips are loaded).
"""

from __future__ import annotations

import functools
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urljoin

import httpx

from vineview import __version__
from vineview.core.policy import UrlPolicy, WebUrl
from vineview.errors import LoadError, LoadTimeout, UsageError

__all__ = ["Resolver", "WebReader", "error_class_of"]

Resolver = Callable[[str, int], list[str]]
"""``resolver(host, port) -> addresses``."""

_MAX_REDIRECTS = 5
_MAX_ADDRESSES = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
_TOO_MANY = 429
_LOOK = "Open the address in a browser and see what it answers."
_ASKED_TOO_OFTEN = "The host limits how often it is asked: wait, and preload less at once."
_CLASSES = {401: "FORBIDDEN", 403: "FORBIDDEN", 404: "NOT_FOUND", 410: "NOT_FOUND"}
_SERVER_ERRORS = 500
_RANGE_NOT_SATISFIABLE = 416

_Place = tuple[str, str, int]
_Answers = queue.SimpleQueue[list[str] | Exception | None]


class WebReader:
    """Fetches by GET under a policy. One thread reads; any thread may `cancel`.

    Args:
        policy: Judges every URL and every address before it is contacted.
        timeout_s: Longest wait for one step: resolving, connecting, the next bytes.
        exempt: The scheme, host and port our own code vouches for, which the policy need not
            allow; a redirect elsewhere is judged like any other.
        resolver: How hosts become addresses; the system's if not given.

    Attributes:
        round_trips: Requests answered so far.
    """

    def __init__(
        self,
        *,
        policy: UrlPolicy,
        timeout_s: float,
        exempt: WebUrl | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.round_trips = 0
        self._policy = policy
        self._timeout_s = timeout_s
        self._exempt = None if exempt is None else _place(exempt)
        self._resolver = resolver or _system_resolver
        self._clients: dict[_Place, httpx.Client] = {}
        self._pinned: dict[_Place, str] = {}
        self._line = _Line()

    def open(self, url: str, headers: Mapping[str, str]) -> tuple[httpx.Response, str]:
        """Send a GET and return once the headers are there.

        Args:
            url: Where to.
            headers: Besides ``Host`` and what HTTP needs; ``Range``, say.

        Returns:
            The response, its body unread (close it), and the URL it came from after redirects.

        Raises:
            LoadError: Refused by the policy (FORBIDDEN), not found, unreachable, or any status
                but a success; ``status`` and ``error_class`` say which.
            LoadTimeout: Nothing came within ``timeout_s``.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            parts = self._judge(url)
            response = self._send(parts, headers)
            target = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not target:
                if not response.is_success:
                    response.close()
                    raise _status_error(response.status_code, parts)
                return response, str(parts)
            response.close()
            try:
                url = urljoin(str(parts), target)
            except ValueError as error:
                raise _refusal(target, "the server redirects to what is no URL") from error
        raise LoadError(
            f"{_short(url)}: more than {_MAX_REDIRECTS} redirects",
            error_class="SERVER_CONFIG_ERROR",
            hint="The server sends readers in a circle; look at its redirect rules.",
        )

    def translate(self, error: httpx.HTTPError, name: str) -> LoadError:
        """The error to raise for one of httpx's, also while a body is read.

        Args:
            error: What httpx raised.
            name: What was being read.
        """
        if self._line.cancelled:
            return LoadError(f"{name}: reading was stopped", error_class="NETWORK")
        if isinstance(error, httpx.TimeoutException):
            return LoadTimeout(
                f"{name}: nothing came for {self._timeout_s:g} s",
                timeout_s=self._timeout_s,
                hint="Look at the host and the network, or use a profile with a longer timeout.",
            )
        return LoadError(
            f"{name}: the connection failed ({error or type(error).__name__})",
            error_class="NETWORK",
            hint="Check that the host is up and reachable from here.",
        )

    def cancel(self) -> None:
        """Stop a read or connection under way, from any thread; later requests fail at once."""
        self._line.cancel()

    def resume(self) -> None:
        """Allow requests again after a `cancel`, once the thread it stopped is out."""
        self._line.cancelled = False

    def close(self) -> None:
        """Give the connections back. Only when no other thread is reading; see `cancel`."""
        self._line.cancel()
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _judge(self, url: str) -> WebUrl:
        """The URL taken apart, if the policy lets its text pass."""
        try:
            parts = WebUrl.parse(url)
        except UsageError as error:
            raise _refusal(url, error.message) from error
        verdict = self._policy.check(url)
        if verdict.refused and _place(parts) != self._exempt:
            raise _refusal(url, verdict.reason)
        return parts

    def _send(self, parts: WebUrl, headers: Mapping[str, str]) -> httpx.Response:
        """Send to the first checked address that takes the connection."""
        place = _place(parts)
        known = self._pinned.get(place)
        last: httpx.HTTPError | None = None
        for address in [known] if known else self._addresses(parts):
            try:
                response = self._try_address(parts, address, headers, again=known is not None)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                last = error
            except httpx.HTTPError as error:
                raise self.translate(error, _short(str(parts))) from error
            else:
                self._pinned[place] = address
                self.round_trips += 1
                return response
            if self._line.cancelled:
                break
        assert last is not None, "a host without addresses raises when it is resolved"
        raise self.translate(last, _short(str(parts))) from last

    def _try_address(
        self, parts: WebUrl, address: str, headers: Mapping[str, str], *, again: bool
    ) -> httpx.Response:
        """One request to one address; a kept connection the server has closed is replaced once."""
        if self._line.cancelled:
            raise LoadError(f"{_short(str(parts))}: reading was stopped", error_class="NETWORK")
        client = self._client(parts)
        request = self._request(client, parts, address, headers)
        try:
            return client.send(request, stream=True)
        except _STALE:
            if not again or self._line.cancelled:
                raise
            return client.send(self._request(client, parts, address, headers), stream=True)

    def _request(
        self, client: httpx.Client, parts: WebUrl, address: str, headers: Mapping[str, str]
    ) -> httpx.Request:
        host = f"[{address}]" if ":" in address else address
        try:
            return client.build_request(
                "GET",
                f"{parts.scheme}://{host}:{parts.port}{parts.target}",
                headers={
                    "Host": parts.authority,
                    "User-Agent": f"vineview/{__version__}",
                    "Accept-Encoding": "identity",  # ranges and caps count the bytes of the file
                    **headers,
                },
                extensions={"sni_hostname": parts.host, "trace": self._line.trace},
            )
        except httpx.InvalidURL as error:
            raise _refusal(str(parts), "it is not a URL that can be sent") from error

    def _client(self, parts: WebUrl) -> httpx.Client:
        """One client per scheme, host and port, so that no host rides on another's TLS."""
        place = _place(parts)
        if place not in self._clients:
            verify = _certificates() if parts.scheme == "https" else _no_certificates()
            self._clients[place] = httpx.Client(
                verify=verify, trust_env=False, timeout=self._timeout_s, follow_redirects=False
            )
        return self._clients[place]

    def _addresses(self, parts: WebUrl) -> list[str]:
        """The addresses of a host, all of them allowed."""
        name = _short(str(parts))
        if parts.address is not None:
            found = [str(parts.address)]
        else:
            found = self._line.wait_for(
                functools.partial(self._resolver, parts.host, parts.port), self._timeout_s, name
            )
        if _place(parts) != self._exempt:
            for address in found:
                verdict = self._policy.check_address(address)
                if not verdict:
                    raise _refusal(str(parts), verdict.reason)
        return found[:_MAX_ADDRESSES]


class _Line:
    """The connection under way, so that another thread can cut it."""

    def __init__(self) -> None:
        self.cancelled = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._waiting: _Answers | None = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take httpcore's reports on a request; keep a handle on each new connection.

        The handle is a duplicate, which still works once TLS has taken over the original.
        """
        if event != "connection.connect_tcp.complete":
            return
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = info["return_value"].get_extra_info("socket").dup()
            if self.cancelled:
                self._cut()

    def cancel(self) -> None:
        """Wake whoever waits on the connection or on the resolver. Safe to call twice."""
        with self._lock:
            self.cancelled = True
            self._cut()
            if self._waiting is not None:
                self._waiting.put(None)

    def wait_for(self, resolve: Callable[[], list[str]], timeout_s: float, name: str) -> list[str]:
        """Resolve in a thread of its own, for the system's resolver cannot be interrupted."""
        answers: _Answers = queue.SimpleQueue()
        with self._lock:
            self._waiting = answers
            if self.cancelled:
                answers.put(None)
        threading.Thread(target=_resolve_into, args=(answers, resolve), daemon=True).start()
        try:
            answer = answers.get(timeout=timeout_s)
        except queue.Empty:
            message = f"{name}: the host's address was not found within {timeout_s:g} s"
            raise LoadTimeout(message, timeout_s=timeout_s, hint="Check the name server.") from None
        if answer is None:
            raise LoadError(f"{name}: reading was stopped", error_class="NETWORK")
        if isinstance(answer, Exception):
            raise LoadError(
                f"{name}: the host has no address ({getattr(answer, 'strerror', None) or answer})",
                error_class="NETWORK",
                hint="Check the spelling of the host, and that this machine is online.",
            ) from answer
        return answer

    def _cut(self) -> None:
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other side was faster
            finally:
                self._socket.close()
                self._socket = None


def _resolve_into(answers: _Answers, resolve: Callable[[], list[str]]) -> None:
    try:
        answers.put(resolve() or OSError("no addresses"))
    except (OSError, UnicodeError) as error:
        answers.put(error)


def error_class_of(status: int) -> str | None:
    """The error class a status from 400 stands for (reference, 3.5); None leaves it to others.

    Args:
        status: An HTTP status.
    """
    if status == _RANGE_NOT_SATISFIABLE:
        return "SERVER_CONFIG_ERROR"
    return "SERVER_ERROR" if status >= _SERVER_ERRORS else _CLASSES.get(status)


def _status_error(status: int, parts: WebUrl) -> LoadError:
    reason = httpx.codes.get_reason_phrase(status) or "an error"
    hints = {
        "NOT_FOUND": "The clip is gone; remove the event from the feed or upload it again.",
        "FORBIDDEN": "Check the permissions of the clip on its host.",
        "SERVER_ERROR": "Look at the host's own status, and try again later.",
        "SERVER_CONFIG_ERROR": "The server answers byte ranges wrongly.",
    }
    error_class = error_class_of(status)
    return LoadError(
        f"{_short(str(parts))}: the server answered {status} {reason}",
        status=status,
        error_class=error_class,
        hint=_ASKED_TOO_OFTEN if status == _TOO_MANY else hints.get(error_class or "", _LOOK),
    )


def _refusal(url: str, reason: str) -> LoadError:
    return LoadError(
        f"{_short(url)} is refused: {reason}",
        error_class="FORBIDDEN",
        hint="Only public http(s) addresses are loaded from feed data.",
    )


def _system_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _place(parts: WebUrl) -> _Place:
    return parts.scheme, parts.host, parts.port


def _short(url: str) -> str:
    return url if len(url) <= 120 else f"{url[:117]}..."  # noqa: PLR2004 - one line of a card


@functools.cache
def _certificates() -> ssl.SSLContext:
    """The authorities HTTPS hosts are checked against; made once, for it takes 50 ms."""
    return httpx.create_ssl_context()


@functools.cache
def _no_certificates() -> ssl.SSLContext:
    """For plain HTTP: trusts nobody, so that no TLS can be made with it by mistake."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
