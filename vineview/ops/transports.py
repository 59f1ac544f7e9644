"""Where an ops request goes: over the network, to a manager in this process, or nowhere.

All three have the one method ``send``, so live, embedded and dry run are one client (`OpsClient`)
and cannot drift apart. A dry run lets reads through and sends no write.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from vineview.errors import OpsError, UsageError
from vineview.ops.messages import Request, Response
from vineview.ops.routes import Backend, dispatch

__all__ = [
    "DryRunTransport",
    "EmbeddedTransport",
    "NetworkTransport",
    "Transport",
    "as_text",
]

DEFAULT_TIMEOUT_S = 10.0
MAX_RESPONSE_BYTES = 256 * 2**20
_LIMITS_HINT = "Ask for a shorter range."


class Transport(Protocol):
    """What `OpsClient` asks of a transport."""

    @property
    def base_url(self) -> str:
        """The address in messages and dry runs; ``embedded:`` for a manager in this process."""
        ...

    async def send(self, request: Request) -> Response:
        """Answer one request, or raise `OpsError` if nothing answered."""
        ...

    async def aclose(self) -> None:
        """Free what the transport holds."""
        ...


class EmbeddedTransport:
    """Requests answered by a manager in this process, through the server's own route table.

    Args:
        backend: What the routes act on. Its token is replaced by a fresh secret that only this
            transport knows, so that even here no route is reached without authorisation.
    """

    base_url = "embedded:"

    def __init__(self, backend: Backend) -> None:
        self._authorization = secrets.token_urlsafe()
        self._backend = replace(backend, token=self._authorization)

    async def send(self, request: Request) -> Response:
        """Dispatch on the route table."""
        authorised = replace(request, authorization=f"Bearer {self._authorization}")
        return await dispatch(self._backend, authorised)

    async def aclose(self) -> None:
        """Hold nothing, free nothing: the manager belongs to its opener."""


class NetworkTransport:
    """Requests sent over HTTP. Redirects are not followed: a token goes where it was aimed.

    Args:
        base_url: The API's address, http or https, without query or credentials.
        token: The bearer token for ``/admin``.
        timeout_s: How long one request may take to connect, and to say its next word.
        max_response_bytes: An answer longer than this is refused.

    Raises:
        UsageError: If the address makes no sense.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self.base_url = _checked(base_url)
        self._timeout_s = timeout_s
        self._max_response_bytes = max_response_bytes
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False)

    async def send(self, request: Request) -> Response:
        """Send one request and read the whole answer.

        Raises:
            OpsError: If nothing answered in time, or the answer is too long.
        """
        url = self.base_url + request.target
        headers = dict(self._headers)
        if request.body:
            headers["Content-Type"] = "application/json"
        try:
            return await self._exchange(request, url, headers)
        except httpx.TimeoutException as error:
            raise OpsError(
                f"{request.method} {url} did not answer within {self._timeout_s:g} s",
                method=request.method,
                url=url,
                hint="Check the address, and whether the network (VPN, proxy) lets you reach it.",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OpsError(
                f"{request.method} {url} failed: {error or type(error).__name__}",
                method=request.method,
                url=url,
                hint="Check the address, and whether the network (VPN, proxy) lets you reach it.",
            ) from error

    async def _exchange(self, request: Request, url: str, headers: dict[str, str]) -> Response:
        body = bytearray()
        async with self._client.stream(
            request.method, url, content=request.body, headers=headers
        ) as answer:
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > self._max_response_bytes:
                    raise OpsError(
                        f"{request.method} {url} answered with more than "
                        f"{self._max_response_bytes:,} bytes",
                        method=request.method,
                        url=url,
                        status=answer.status_code,
                        hint=_LIMITS_HINT,
                    )
            return Response(
                status=answer.status_code,
                body=bytes(body),
                content_type=answer.headers.get("content-type", ""),
                headers={name: answer.headers[name] for name in _KEPT if name in answer.headers},
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class DryRunTransport:
    """Sends reads on, and shows writes instead of sending them.

    Args:
        inner: Where reads go.
        token: Whether there is a token decides if the shown request carries one (masked).
        show: Where the text of an unsent request goes.
        reason: Why nothing is sent.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        token: str | None = None,
        show: Callable[[str], object] = print,
        reason: str = "dry run",
    ) -> None:
        self._inner = inner
        self._has_token = bool(token)
        self._show = show
        self.reason = reason

    @property
    def base_url(self) -> str:
        """The address the requests would go to."""
        return self._inner.base_url

    async def send(self, request: Request) -> Response:
        """Send a read; show a write, and answer that it was not sent."""
        if request.is_read:
            return await self._inner.send(request)
        text = as_text(request, self.base_url, has_token=self._has_token)
        self._show(f"{self.reason}, not sent: {text}")
        return Response(status=_ACCEPTED, body=b"{}", sent=False)

    async def aclose(self) -> None:
        """Close the transport that reads."""
        await self._inner.aclose()


def as_text(request: Request, base_url: str, *, has_token: bool) -> str:
    """The request as it would go out, with the token masked.

    Example:
        >>> print(as_text(Request("POST", "/admin/memory-pressure"), "https://x", has_token=True))
        POST https://x/admin/memory-pressure
        Authorization: Bearer ****
    """
    lines = [f"{request.method} {base_url}{request.target}"]
    if has_token:
        lines.append("Authorization: Bearer ****")
    if request.body:
        lines += ["Content-Type: application/json", request.body.decode()]
    return "\n".join(lines)


_ACCEPTED = 202
_KEPT = ("allow", "location", "retry-after")


def _checked(base_url: str) -> str:
    """The address without its trailing slash, if it can be an API's."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{base_url!r} is not an address: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(
            f"{base_url!r} is not the address of an ops API",
            hint="It looks like https://api.openvine.co",
        )
    if parts.username or parts.password:
        raise UsageError(
            f"the address of {host} carries credentials",
            hint="Leave them out, and put the token in the variable VINEVIEW_TOKEN.",
        )
    if parts.query or parts.fragment:
        raise UsageError(f"{base_url!r} has a query", hint="Pass the address alone.")
    return base_url.rstrip("/")
