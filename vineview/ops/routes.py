"""The ops API: every endpoint a plain function, in one table.

The embedded transport, the loopback server and the tests all go through `dispatch`, so live and
embedded cannot drift apart. Methods, paths and field names are those of the reference, section 11
(payloads: section 8). A wrong parameter is refused, never replaced by a silent default.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from vineview.core.changes import ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.view import ManagerView
from vineview.errors import ConfigError, UsageError, VineviewError
from vineview.ops import answers
from vineview.ops.messages import Refusal, Request, Response, json_response
from vineview.rollout.flags import EMERGENCY_MODE, NEW_VIDEO_MANAGER, FeatureFlags
from vineview.telemetry.measuring import Reported, measure
from vineview.telemetry.monitor import VideoPerformanceMonitor
from vineview.telemetry.schema import Sample

__all__ = ["ROUTES", "Backend", "Route", "SteerableManager", "dispatch"]

_log = logging.getLogger(__name__)


@runtime_checkable
class SteerableManager(ManagerView, Protocol):
    """A manager that can be acted on; a replay of a recording cannot."""

    async def handle_memory_pressure(self, *, keep_ahead: int = 1, keep_behind: int = 1) -> int:
        """Free every controller that is not near the current video."""
        ...

    def apply_config(self, config: VideoManagerConfig, *, reason: str = "") -> None:
        """Make the manager work to another configuration, at once."""
        ...

    def record(self, kind: ChangeKind | str, *, video_id: str | None = None, **data: Any) -> None:
        """Announce what a person did."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """What the routes read and act on.

    Attributes:
        manager: The video manager, or a replay.
        monitor: Its monitor.
        flags: The feature flags.
        token: What ``/admin`` asks for as bearer token; without one ``/admin`` is closed.
    """

    manager: ManagerView
    monitor: VideoPerformanceMonitor
    flags: FeatureFlags = field(
        default_factory=lambda: FeatureFlags({NEW_VIDEO_MANAGER: True, EMERGENCY_MODE: False})
    )
    token: str = ""


Handler = Callable[[Backend, Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: its function, its parameters with their defaults, and who may call it."""

    handler: Handler
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_admin: bool = False


async def dispatch(backend: Backend, request: Request) -> Response:
    """Answer one request. Never raises: every failure is a JSON error with a hint.

    Args:
        backend: What to read and act on.
        request: The call.

    Returns:
        200 with the endpoint's document; 400 for a wrong parameter or body, 401 without the token,
        404 and 405 for what is not in the table, 409 for a change to a recording, 500 if the
        endpoint failed.
    """
    try:
        route = _route(request)
        _authorise(route, backend, request)
        answer = await route.handler(backend, _with_defaults(route, request))
    except Refusal as refusal:
        return _error(refusal.code, refusal.message, refusal.hint, refusal.headers)
    except (UsageError, ConfigError) as error:
        return _error(400, error.message, error.hint)
    except VineviewError as error:
        _log.warning("%s %s failed: %s", request.method, request.path, error)
        return _error(500, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the door: it is logged and becomes a 500
        _log.exception("%s %s failed", request.method, request.path)
        return _error(500, f"{request.path} failed: {type(error).__name__}: {error}", "")
    return answer if isinstance(answer, Response) else json_response(answer)


async def health(backend: Backend, _: Request) -> dict[str, Any]:
    """The guide's health payload: status, memory_mb (the estimate), controllers, ready_videos."""
    return backend.manager.get_health_status()


async def video_system_status(backend: Backend, _: Request) -> dict[str, Any]:
    """Health, and with it the measured memory, active alerts, flags and configuration."""
    return answers.status(backend.manager, backend.monitor, _now(backend), backend.flags)


async def video_manager(backend: Backend, _: Request) -> dict[str, Any]:
    """The whole debug information of the manager (reference, section 3.9)."""
    return backend.manager.get_debug_info()


async def metrics(backend: Backend, _: Request) -> Response:
    """The gauges and counters in the Prometheus text format, with the names of the export."""
    text = answers.prometheus(_sample(backend))
    return Response(200, text.encode(), content_type=answers.PROMETHEUS)


async def memory(backend: Backend, request: Request) -> dict[str, Any]:
    """Peak, average, trend, growth and leak verdict over ``range``."""
    return answers.memory(backend.monitor, request.query["range"])


async def errors(backend: Backend, request: Request) -> dict[str, Any]:
    """Error rate, total and most frequent errors over ``range``."""
    return answers.errors(backend.monitor, request.query["range"])


async def performance(backend: Backend, request: Request) -> dict[str, Any]:
    """Preload times and success rate over ``range``."""
    return answers.performance(backend.monitor, request.query["range"])


async def export(backend: Backend, request: Request) -> Response:
    """The performance export over ``range``, as one JSON document."""
    return answers.export(backend.monitor, request.query["range"])


async def memory_pressure(backend: Backend, request: Request) -> dict[str, Any]:
    """One memory pressure call, and what it freed. A second one in a row is safe."""
    manager = _steerable(backend)
    if request.body.strip() and request.json() not in ({}, None):
        raise Refusal(400, "memory pressure takes no body", hint="Send the call without one.")
    before = backend.monitor.take_sample()
    manager.record(ChangeKind.ACTION, action="memory-pressure")
    await manager.handle_memory_pressure()
    return answers.freed(before, backend.monitor.take_sample())


async def feature_flags(backend: Backend, request: Request) -> dict[str, bool]:
    """Set flags, all or none; emergency mode brings its profile, and off brings wifi's back.

    The profiles are the runbook's (reference, section 10). Other flags only take their value.
    """
    wanted = request.json()
    if not isinstance(wanted, dict) or not wanted:
        raise Refusal(400, "no flags in the body", hint='Send e.g. {"emergency_mode": true}.')
    for name, enabled in wanted.items():
        if name not in backend.flags.known:
            raise Refusal(
                404,
                f"there is no feature flag {name!r}",
                hint=f"Known flags: {', '.join(backend.flags.known)}.",
            )
        if not isinstance(enabled, bool):
            raise Refusal(400, f"{name!r} cannot be {enabled!r}", hint="Send true or false.")
    manager = _steerable(backend)
    manager.record(ChangeKind.ACTION, action="feature-flags", flags=wanted)
    for name, enabled in wanted.items():
        backend.flags.set(name, enabled)
    if EMERGENCY_MODE in wanted:
        emergency = wanted[EMERGENCY_MODE]
        profile = VideoManagerConfig.emergency() if emergency else VideoManagerConfig.wifi()
        manager.apply_config(profile, reason=f"emergency mode {'on' if emergency else 'off'}")
        backend.monitor.take_sample()
    return backend.flags.to_dict()


_DAY, _HOUR = {"range": "24h"}, {"range": "1h"}

ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/health/video-system"): Route(health),
    ("GET", "/debug/video-system-status"): Route(video_system_status),
    ("GET", "/debug/video-manager"): Route(video_manager),
    ("GET", "/metrics"): Route(metrics),
    ("GET", "/metrics/memory"): Route(memory, _DAY),
    ("GET", "/metrics/errors"): Route(errors, _DAY),
    ("GET", "/metrics/performance"): Route(performance, _DAY),
    ("GET", "/metrics/export"): Route(export, _HOUR),
    ("POST", "/admin/memory-pressure"): Route(memory_pressure, is_admin=True),
    ("POST", "/admin/feature-flags"): Route(feature_flags, is_admin=True),
}
"""Every endpoint by method and path."""


def _route(request: Request) -> Route:
    """Find the endpoint, or say which there are."""
    method = "GET" if request.method == "HEAD" else request.method
    route = ROUTES.get((method, request.path))
    if route is not None:
        return route
    allowed = ", ".join(method for method, path in ROUTES if path == request.path)
    if allowed:
        raise Refusal(
            405,
            f"{request.path} does not take {request.method}",
            hint=f"Use {allowed}.",
            headers={"Allow": allowed},
        )
    paths = ", ".join(path for _, path in ROUTES)
    raise Refusal(404, f"there is no endpoint {request.path}", hint=f"There are {paths}.")


def _authorise(route: Route, backend: Backend, request: Request) -> None:
    """Let only the bearer of the token into ``/admin``."""
    if not route.is_admin:
        return
    scheme, _, token = request.authorization.partition(" ")
    expected = backend.token.encode()
    given = token.strip().encode() if scheme.lower() == "bearer" else b""
    if not expected or not hmac.compare_digest(given, expected):
        raise Refusal(
            401,
            f"{request.path} needs authorisation",
            hint="Send the header 'Authorization: Bearer TOKEN'; the vineview commands take the "
            "token from the variable VINEVIEW_TOKEN.",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _with_defaults(route: Route, request: Request) -> Request:
    """The request with the parameters it left out; one it should not have is refused."""
    for name in request.query:
        if name not in route.parameters:
            known = ", ".join(route.parameters) or "none"
            raise Refusal(
                400,
                f"{request.path} has no parameter {name!r}",
                hint=f"Its parameters: {known}.",
            )
    return Request(
        request.method,
        request.path,
        {**route.parameters, **request.query},
        request.body,
        request.authorization,
    )


def _steerable(backend: Backend) -> SteerableManager:
    """The manager, if it can be acted on."""
    if not isinstance(backend.manager, SteerableManager):
        raise Refusal(
            409,
            "a recording cannot be changed",
            hint="Call a live manager to act; a recording only shows what happened.",
        )
    return backend.manager


def _now(backend: Backend) -> Sample:
    """A measurement of this moment that is not recorded; a recording's own, if it is one."""
    if not isinstance(backend.manager, SteerableManager):
        return _sample(backend)
    return measure(backend.manager, Reported(), (), backend.manager.clock.utc())


def _sample(backend: Backend) -> Sample:
    """The latest sample of a monitor at work or of a recording, else a new one."""
    current = backend.monitor.current_sample
    is_followed = backend.monitor.is_monitoring or not isinstance(backend.manager, SteerableManager)
    return current if current and is_followed else backend.monitor.take_sample()


def _error(
    status: int, message: str, hint: str, headers: Mapping[str, str] | None = None
) -> Response:
    return json_response({"error": message, "hint": hint}, status=status, headers=headers)
