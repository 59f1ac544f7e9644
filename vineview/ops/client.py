"""OpsClient: the runbooks' calls as methods, on a live system or on the notebook's own manager.

A dry run guards remote systems only: against a manager in this process the calls act, so that a
notebook can show a true before and after. A recording cannot be changed; its writes are shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from vineview.core.view import ManagerView
from vineview.errors import OpsError
from vineview.ops.messages import Request, Response
from vineview.ops.routes import Backend, SteerableManager
from vineview.ops.transports import (
    DryRunTransport,
    EmbeddedTransport,
    NetworkTransport,
    Transport,
    as_text,
)
from vineview.rollout.flags import FeatureFlags
from vineview.telemetry.export import Telemetry
from vineview.telemetry.formats.reading import read
from vineview.telemetry.monitor import VideoPerformanceMonitor

__all__ = ["OpsClient", "Outcome"]

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_SHOWN_CHARACTERS = 200
_RECORDING = "a recording cannot be changed"
_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write.

    Attributes:
        applied: Whether it was sent; false for a dry run.
        request: The request as text, its token masked.
        document: The answer; empty for a dry run.
    """

    applied: bool
    request: str
    document: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.applied:
            return f"not sent: {self.request}"
        return f"{self.request.splitlines()[0]}: {json.dumps(self.document, ensure_ascii=False)}"


class OpsClient:
    """Reads and steers one video system through its ops API (reference, section 11).

    Args:
        target: The API's address, a manager in this process, or a replay.
        token: The bearer token for ``/admin``; for an address only.
        dry_run: Whether writes to an address are shown instead of sent.
        monitor: The monitor of the manager; one is made if not given.
        flags: The feature flags of the manager; all off but ``new_video_manager`` if not given.
        timeout_s: How long an address may take to answer.
        show: Where the text of an unsent write goes.

    Raises:
        UsageError: If the address makes no sense.

    Example:
        >>> ops = OpsClient("https://api.openvine.co")
        >>> ops
        OpsClient(https://api.openvine.co, dry run)
    """

    def __init__(
        self,
        target: str | ManagerView,
        *,
        token: str | None = None,
        dry_run: bool = True,
        monitor: VideoPerformanceMonitor | None = None,
        flags: FeatureFlags | None = None,
        timeout_s: float = 10.0,
        show: Callable[[str], object] = print,
    ) -> None:
        self._token = token
        self._mode = ""
        transport: Transport
        if isinstance(target, str):
            transport = NetworkTransport(target, token=token, timeout_s=timeout_s)
            if dry_run:
                self._mode = "dry run"
        else:
            monitor = monitor or VideoPerformanceMonitor(target)
            backend = Backend(target, monitor) if flags is None else Backend(target, monitor, flags)
            transport = EmbeddedTransport(backend)
            if not isinstance(target, SteerableManager):
                self._mode = _RECORDING
        if self._mode:
            transport = DryRunTransport(transport, token=token, show=show, reason=self._mode)
        self._transport = transport
        self._shown_url = "" if self._mode == _RECORDING else transport.base_url

    @property
    def base_url(self) -> str:
        """The API's address; ``embedded:`` for a manager in this process."""
        return self._transport.base_url

    @property
    def acts(self) -> bool:
        """Whether writes are sent."""
        return not self._mode

    async def health(self) -> dict[str, Any]:
        """Status, memory_mb (the app's estimate), controllers, ready_videos, timestamp."""
        return await self._read("/health/video-system")

    async def status(self) -> dict[str, Any]:
        """Health, and with it measured memory, active alerts, flags and configuration."""
        return await self._read("/debug/video-system-status")

    async def debug_info(self) -> dict[str, Any]:
        """The manager's debug information, in the app's own names."""
        return await self._read("/debug/video-manager")

    async def metrics(self) -> str:
        """The gauges in the Prometheus text format."""
        return (await self._call(Request("GET", "/metrics"))).body.decode("utf-8", "replace")

    async def memory(self, time_range: str = "24h") -> dict[str, Any]:
        """Peak, average, trend, growth and leak verdict over a range such as ``"24h"``."""
        return await self._read("/metrics/memory", {"range": time_range})

    async def errors(self, time_range: str = "24h") -> dict[str, Any]:
        """Error rate, total and most frequent errors over a range."""
        return await self._read("/metrics/errors", {"range": time_range})

    async def performance(self, time_range: str = "24h") -> dict[str, Any]:
        """Preload times and success rate over a range."""
        return await self._read("/metrics/performance", {"range": time_range})

    async def export(self, time_range: str = "1h") -> Telemetry:
        """The performance export over a range, opened."""
        request = Request("GET", "/metrics/export", {"range": time_range})
        answer = await self._call(request)
        self._parsed(request, answer)
        document = read(answer.body, self.base_url + request.target)
        return Telemetry(
            document.header,
            document.samples,
            document.events,
            findings=document.findings,
            skipped=document.skipped,
            origins=[document.source],
        )

    async def relieve_memory(self) -> Outcome:
        """Send one memory pressure call; a second one is safe."""
        return await self._write(Request("POST", "/admin/memory-pressure"))

    async def set_flags(self, flags: Mapping[str, bool]) -> Outcome:
        """Set feature flags; ``emergency_mode`` brings its profile, and off brings wifi's back."""
        body = json.dumps(dict(flags)).encode()
        return await self._write(Request("POST", "/admin/feature-flags", body=body))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"OpsClient({self.base_url}{f', {self._mode}' if self._mode else ''})"

    async def _read(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._document(Request("GET", path, query or {}))

    async def _write(self, request: Request) -> Outcome:
        text = as_text(request, self._shown_url, has_token=bool(self._token))
        answer = await self._call(request)
        if not answer.sent:
            return Outcome(applied=False, request=text)
        return Outcome(applied=True, request=text, document=self._parsed(request, answer))

    async def _document(self, request: Request) -> dict[str, Any]:
        return self._parsed(request, await self._call(request))

    async def _call(self, request: Request) -> Response:
        """Send; an answer outside 200-299 is an error that carries what the server said."""
        answer = await self._transport.send(request)
        if answer.status in _OK:
            return answer
        what, hint = _complaint(answer)
        raise self._error(request, answer, what, hint)

    def _parsed(self, request: Request, answer: Response) -> dict[str, Any]:
        """The JSON object in an answer."""
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            what = f"answered {answer.status} with {_glimpse(answer)} instead of JSON"
            raise self._error(request, answer, what, _NOT_THE_API) from error
        if not isinstance(document, dict):
            what = f"answered with a JSON {type(document).__name__} instead of an object"
            raise self._error(request, answer, what, _NOT_THE_API)
        return document

    def _error(self, request: Request, answer: Response, what: str, hint: str) -> OpsError:
        url = self.base_url + request.target
        return OpsError(
            f"{request.method} {url} {what}",
            method=request.method,
            url=url,
            status=answer.status,
            hint=hint,
        )


_NOT_THE_API = "Check that the address is the ops API's, and that no proxy or login answers for it."


def _complaint(answer: Response) -> tuple[str, str]:
    """What a failed answer says, and the next move."""
    location = answer.headers.get("location")
    if location:
        return f"redirects ({answer.status}) to {location}", "Pass that address, if you trust it."
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return f"answered {answer.status} with {_glimpse(answer)}", _NOT_THE_API
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        hint = document.get("hint")
        return f"answered {answer.status}: {document['error']}", hint if isinstance(
            hint, str
        ) else ""
    return f"answered {answer.status} with {_glimpse(answer)}", ""


def _glimpse(answer: Response) -> str:
    """The beginning of an answer that is not ours, as one short line."""
    text = answer.body[: 64 * 1024].decode("utf-8", "replace")
    if not text.strip():
        return "an empty body"
    title = _TITLE.search(text)
    if title or text.lstrip()[:1] == "<":
        name = " ".join(title[1].split())[:_SHOWN_CHARACTERS] if title else "untitled"
        return f"an HTML page ({name!r})"
    return repr(" ".join(text.split())[:_SHOWN_CHARACTERS])
