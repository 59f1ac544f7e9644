"""The maps engineers read: debug info, health, and the leak check, under the app's own names.

Pure functions of counts, configuration and counters, so a live manager and a replay answer from
the same code. camelCase and the app's units live here and nowhere else in this room.
(Reference, sections 3.9 and 8.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vineview.core.config import VideoManagerConfig
from vineview.core.metrics import Metrics

__all__ = ["Counts", "debug_info", "health_status", "leak_warning"]

_HEALTHY_BELOW_MB = 500


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is at one moment.

    Attributes:
        total: Videos in the feed.
        ready: Those ready to show.
        loading: Those loading.
        failed: Those that failed, for now or for good.
        controllers: Controllers held; loads in flight are not among them.
        in_flight: Loads in flight.
        failure_patterns: URLs known to fail.
        current_index: Where the viewer is.
        is_disposed: Whether the manager was disposed of.
    """

    total: int = 0
    ready: int = 0
    loading: int = 0
    failed: int = 0
    controllers: int = 0
    in_flight: int = 0
    failure_patterns: int = 0
    current_index: int = 0
    is_disposed: bool = False


def debug_info(counts: Counts, config: VideoManagerConfig, metrics: Metrics) -> dict[str, Any]:
    """The debug map.

    ``estimatedMemoryMB`` is controllers times a fixed figure, not a measurement.
    ``metrics.preloadSuccessRate`` is text for compatibility; ``preloadSuccessRatePct`` is the
    number, ``None`` before the first attempt has finished.

    Example:
        >>> info = debug_info(Counts(controllers=8), VideoManagerConfig(), Metrics())
        >>> info["estimatedMemoryMB"], info["memoryUtilization"]
        (160, '53.3')
    """
    rate = metrics.preload_success_rate_pct
    cleaned_at = metrics.last_cleanup_at
    return {
        "totalVideos": counts.total,
        "readyVideos": counts.ready,
        "loadingVideos": counts.loading,
        "failedVideos": counts.failed,
        "activeControllers": counts.controllers,
        "controllers": counts.controllers,
        "activePreloads": counts.in_flight,
        "failurePatterns": counts.failure_patterns,
        "currentIndex": counts.current_index,
        "disposed": counts.is_disposed,
        "estimatedMemoryMB": round(counts.controllers * config.memory_per_controller_mb),
        "memoryUtilization": f"{100 * counts.controllers / config.max_controllers:.1f}",
        "config": {
            "maxVideos": config.max_videos,
            "preloadAhead": config.preload_ahead,
            "preloadBehind": config.preload_behind,
            "maxRetries": config.max_retries,
            "preloadTimeout": round(config.preload_timeout_s * 1000),
            "enableMemoryManagement": config.enable_memory_management,
            "maxControllers": config.max_controllers,
            "memoryPerControllerMB": config.memory_per_controller_mb,
        },
        "metrics": {
            "preloadCount": metrics.preload_count,
            "preloadSuccessCount": metrics.preload_success_count,
            "preloadFailureCount": metrics.preload_failure_count,
            "preloadSuccessRate": f"{rate or 0.0:.1f}",
            "preloadSuccessRatePct": rate,
            "memoryPressureCount": metrics.memory_pressure_count,
            "lastCleanupTime": None if cleaned_at is None else cleaned_at.isoformat(),
        },
        "maxVideos": config.max_videos,
        "preloadAhead": config.preload_ahead,
        "memoryManagement": config.enable_memory_management,
    }


def health_status(counts: Counts, config: VideoManagerConfig, at: datetime) -> dict[str, Any]:
    """The health payload: ``warning`` from 500 MB (estimated) on, or when a leak is possible.

    Example:
        >>> from datetime import UTC
        >>> now = datetime(2026, 1, 1, tzinfo=UTC)
        >>> health_status(Counts(ready=2, controllers=2), VideoManagerConfig(), now)["status"]
        'healthy'
    """
    memory_mb = round(counts.controllers * config.memory_per_controller_mb)
    leak = leak_warning({"activeControllers": counts.controllers, "readyVideos": counts.ready})
    return {
        "status": "healthy" if memory_mb < _HEALTHY_BELOW_MB and leak is None else "warning",
        "memory_mb": memory_mb,
        "controllers": counts.controllers,
        "ready_videos": counts.ready,
        "timestamp": at.isoformat(),
    }


def leak_warning(info: Mapping[str, Any]) -> str | None:
    """What the runbooks' leak check says of a debug map, from this manager or another.

    A controller without a ready video is owned by nobody: a possible leak.

    Example:
        >>> leak_warning({"activeControllers": 5, "readyVideos": 3})
        'possible leak: 5 controllers for 3 ready videos'
    """
    controllers, ready = info["activeControllers"], info["readyVideos"]
    if controllers <= ready:
        return None
    return f"possible leak: {controllers} controllers for {ready} ready videos"
