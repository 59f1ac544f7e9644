"""The payloads the app's documents define, by their field names (reference, section 8).

Plain functions from what is known to plain JSON values. The unit of each field is that of its
document, which is not always that of its neighbour: a success rate is 0-100 wherever it is called
what the gauge is called beside the gauges (production metrics, daily benchmark), and 0-1 where it
comes from analytics (weekly report, metrics push).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from vineview.core.view import ManagerView
from vineview.telemetry.schema import Sample, format_at
from vineview.telemetry.wire import camel

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.dashboard import Statistics
    from vineview.telemetry.thresholds import Alert

__all__ = [
    "configuration_advice",
    "daily_benchmark",
    "gauges",
    "health",
    "memory_analysis",
    "metrics_push",
    "performance_alert",
    "production_metrics",
    "rollback_snapshot",
    "video_memory_alert",
    "video_memory_usage",
    "video_preload",
    "weekly_report",
]

HEALTHY_MB: Final = 500.0
"""Health is ``healthy`` below this, else ``warning``; it has no worse word."""
ALERT_MB: Final = 800.0
"""Above this a ``video_memory_alert`` is sent."""
_WEEKLY_ERRORS: Final = 5


def health(sample: Sample) -> dict[str, Any]:
    """The deployment guide's health document.

    Example:
        >>> from datetime import UTC
        >>> sample = Sample(datetime(2026, 1, 1, tzinfo=UTC), video_memory_mb=500.0)
        >>> health(sample)["status"]
        'warning'
    """
    memory = sample.video_memory_mb or 0.0
    return {
        "status": "healthy" if memory < HEALTHY_MB else "warning",
        "memory_mb": memory,
        "controllers": sample.video_controllers or 0,
        "ready_videos": sample.ready_videos or 0,
        "timestamp": format_at(sample.at),
    }


def production_metrics(sample: Sample, *, average_load_time_ms: float | None) -> dict[str, Any]:
    """The deployment guide's production metrics; ``preload_success_rate`` is 0-100, 0.0 at first.

    Args:
        sample: The latest.
        average_load_time_ms: Mean of the successful preloads.
    """
    return {
        "memory_usage_mb": sample.video_memory_mb or 0.0,
        "active_controllers": sample.video_controllers or 0,
        "preload_success_rate": sample.preload_success_rate or 0.0,
        "average_load_time_ms": average_load_time_ms or 0.0,
        "circuit_breaker_trips": sample.circuit_breaker_trips or 0,
        "memory_pressure_events": sample.memory_pressure_events or 0,
    }


def gauges(sample: Sample) -> dict[str, float]:
    """The runbook's gauges of each minute; ``preload_success_rate`` is 0-100, left out unknown."""
    values = {
        "video_memory_mb": sample.video_memory_mb,
        "video_controllers": sample.video_controllers,
        "preload_success_rate": sample.preload_success_rate,
        "total_videos": sample.total_videos,
        "ready_videos": sample.ready_videos,
    }
    return {name: value for name, value in values.items() if value is not None}


def video_memory_usage(sample: Sample) -> dict[str, Any]:
    """The event of that name."""
    return {"memory_mb": sample.video_memory_mb or 0.0}


def video_memory_alert(sample: Sample) -> dict[str, Any] | None:
    """The event of that name; ``None`` unless memory is above 800 MB."""
    memory = sample.video_memory_mb or 0.0
    return {"memory_mb": memory} if memory > ALERT_MB else None


def video_preload(
    video_id: str, *, success: bool, duration_ms: float | None = None
) -> dict[str, Any]:
    """The event of that name; the duration in whole milliseconds."""
    duration = None if duration_ms is None else round(duration_ms)
    return {"video_id": video_id, "success": success, "duration_ms": duration}


def performance_alert(alert: Alert) -> dict[str, Any]:
    """The event of that name; ``type`` in the app's case."""
    return {
        "type": camel(alert.type),
        "severity": str(alert.severity),
        "message": alert.message,
    }


def memory_analysis(analytics: Analytics) -> dict[str, Any]:
    """The runbook's memory analysis, with its coverage; memory in MB, ``growth_rate`` in MB/s."""
    wire = analytics.to_wire()
    memory = wire["memoryUsage"]
    return {
        "peak_memory": memory["peak"],
        "average_memory": memory["average"],
        "growth_trend": memory["trend"]["direction"],
        "growth_rate": memory["growthRateMBPerSecond"],
        "distribution": memory["distribution"],
        "recommendations": wire["recommendations"],
        "coverage": wire["coverage"],
    }


def daily_benchmark(
    *,
    video_addition_ms: float,
    preload_success_rate: float | None,
    before_mb: float,
    after_mb: float,
    at: datetime,
) -> dict[str, Any]:
    """The runbook's daily benchmark.

    Args:
        video_addition_ms: How long the videos took to add.
        preload_success_rate: 0-100, if any preload finished.
        before_mb: Memory before cleaning up.
        after_mb: Memory after it; ``cleanup_effectiveness`` is the part freed, in percent.
        at: When it ran.
    """
    freed = 100 * (before_mb - after_mb) / before_mb if before_mb > 0 else None
    return {
        "video_addition_ms": video_addition_ms,
        "preload_success_rate": preload_success_rate,
        "cleanup_effectiveness": freed,
        "timestamp": format_at(at),
    }


def weekly_report(analytics: Analytics, *, week_ending: datetime) -> dict[str, Any]:
    """The runbook's weekly report; rates are 0-1, the first five errors are named.

    ``coverage`` is ours: how much of the week there is.
    """
    wire = analytics.to_wire()
    memory, preloads, errors = (
        wire[name] for name in ("memoryUsage", "preloadPerformance", "errorAnalysis")
    )
    return {
        "week_ending": format_at(week_ending),
        "memory_usage": {
            "peak": memory["peak"],
            "average": memory["average"],
            "trend": memory["trend"]["direction"],
        },
        "performance": {
            "preload_success_rate": preloads["successRate"],
            "avg_preload_time": preloads["averageTime"],
        },
        "errors": {
            "total_errors": errors["totalErrors"],
            "error_rate": errors["errorRate"],
            "top_errors": errors["topErrors"][:_WEEKLY_ERRORS],
        },
        "recommendations": wire["recommendations"],
        "coverage": wire["coverage"],
    }


def configuration_advice(
    parameter: str, *, current: Any, recommended: Any, reason: str, impact: str
) -> dict[str, Any]:
    """One line of the runbook's monthly configuration advice."""
    return {
        "parameter": parameter,
        "current_value": current,
        "recommended_value": recommended,
        "reason": reason,
        "expected_impact": impact,
    }


def metrics_push(statistics: Statistics) -> dict[str, Any]:
    """The monitoring guide's push; times in ms, ``success_rate`` 0-1."""
    return {
        "timestamp": format_at(statistics.timestamp),
        "memory_mb": statistics.current_memory_mb,
        "controllers": statistics.current_controllers,
        "videos": {
            "total": statistics.total_videos,
            "ready": statistics.ready_videos,
            "loading": statistics.loading_videos,
            "failed": statistics.failed_videos,
        },
        "performance": {
            "avg_preload_time": statistics.average_preload_time_ms,
            "success_rate": statistics.preload_success_rate,
        },
        "trends": {
            "memory": str(statistics.memory_trend.direction),
            "performance": str(statistics.performance_trend),
        },
    }


def rollback_snapshot(
    manager: ManagerView, statistics: Mapping[str, Any], *, at: datetime
) -> dict[str, Any]:
    """What the rollback guide keeps before it goes back.

    Args:
        manager: What is rolled back.
        statistics: Its monitor's, as `Statistics.to_wire` gives them.
        at: When.
    """
    return {
        "timestamp": format_at(at),
        "videos": [_video(manager, event.id) for event in manager.videos],
        "debug_info": dict(manager.get_debug_info()),
        "performance_stats": dict(statistics),
    }


def _video(manager: ManagerView, video_id: str) -> dict[str, Any]:
    state = manager.get_video_state(video_id)
    return {"id": video_id, "state": "not_loaded" if state is None else str(state.loading_state)}
