"""What the ops API answers: the documents of its endpoints, read from a manager and its monitor.

Field names are those the documents use (reference, sections 8 and 11); what they lack is named as
in the performance export. The measured memory and the app's estimate stand side by side, because
the estimate cannot reach the thresholds (reference, 3.9).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from vineview.core.view import ManagerView
from vineview.ops.messages import Response
from vineview.rollout.flags import FeatureFlags
from vineview.telemetry.analytics import Analytics
from vineview.telemetry.checks import format_at, plain
from vineview.telemetry.metrics import METRICS
from vineview.telemetry.monitor import VideoPerformanceMonitor
from vineview.telemetry.schema import Sample

__all__ = [
    "PROMETHEUS",
    "errors",
    "export",
    "freed",
    "memory",
    "performance",
    "prometheus",
    "status",
]

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of the Prometheus text format."""

_SHOWN = (
    "video_memory_mb",
    "memory_source",
    "estimated_memory_mb",
    "total_videos",
    "loading_videos",
    "failed_videos",
    "preloading_queue",
    "preload_success_rate",
)


def status(
    manager: ManagerView, monitor: VideoPerformanceMonitor, sample: Sample, flags: FeatureFlags
) -> dict[str, Any]:
    """The overall status: health's fields, then what the monitor measured.

    ``status`` is ``critical`` or ``warning`` while an alert of that severity is active, where the
    guide's health knows only the estimate.
    """
    health, info = manager.get_health_status(), manager.get_debug_info()
    alerts = monitor.active_alerts
    severities = {str(alert.severity) for alert in alerts}
    worst = next((name for name in ("critical", "warning") if name in severities), None)
    return {
        **health,
        "status": worst or health["status"],
        "sampled_at": format_at(sample.at),
        **{name: getattr(sample, name) for name in _SHOWN},
        "possible_leak": info["activeControllers"] > info["readyVideos"],
        "active_alerts": [
            {
                "type": str(alert.type),
                "severity": str(alert.severity),
                "message": alert.message,
                "at": format_at(alert.at),
            }
            for alert in alerts
        ],
        "flags": flags.to_dict(),
        "config": manager.config.to_dict(),
    }


def prometheus(sample: Sample) -> str:
    """One sample in the Prometheus text format; a metric without a value is left out."""
    lines = []
    for metric in METRICS.values():
        value = getattr(sample, metric.name)
        if value is None:
            continue
        kind = "counter" if metric.cumulative else "gauge"
        lines += [
            f"# HELP {metric.name} {metric.help} ({metric.unit})",
            f"# TYPE {metric.name} {kind}",
            f"{metric.name} {value}",
        ]
    return "\n".join(lines) + "\n"


def memory(monitor: VideoPerformanceMonitor, time_range: str) -> dict[str, Any]:
    """``peak_memory_mb``, ``average_memory_mb``, ``trend``, growth, leak and coverage."""
    analytics = monitor.get_analytics(time_range)
    usage = asdict(analytics.memory_usage)
    named = {f"{name}_memory_mb": usage.pop(f"{name}_mb") for name in _LEVELS}
    interval = analytics.memory_usage.growth_rate_interval
    usage["growth_rate_interval"] = None if interval is None else interval._asdict()
    return _document({**named, **usage}, analytics)


def errors(monitor: VideoPerformanceMonitor, time_range: str) -> dict[str, Any]:
    """``error_rate``, ``total_errors``, ``unique_errors``, ``top_errors`` and coverage."""
    analytics = monitor.get_analytics(time_range)
    return _document(asdict(analytics.error_analysis), analytics)


def performance(monitor: VideoPerformanceMonitor, time_range: str) -> dict[str, Any]:
    """``avg_preload_time_ms``, ``success_rate`` (0-1) and coverage, among others."""
    analytics = monitor.get_analytics(time_range)
    preloads = asdict(analytics.preload_performance)
    average = preloads.pop("average_time_ms")
    return _document({"avg_preload_time_ms": average, **preloads}, analytics)


def export(monitor: VideoPerformanceMonitor, time_range: str) -> Response:
    """The performance export as one JSON document."""
    telemetry = monitor.export(time_range)
    document = {
        **telemetry.header,
        "samples": telemetry.sample_records,
        "events": telemetry.event_records,
    }
    return Response(200, json.dumps(document, allow_nan=False).encode())


def freed(before: Sample, after: Sample) -> dict[str, Any]:
    """The effect of one memory pressure call: controllers and memory, before and after."""
    return {
        "controllers_before": before.video_controllers,
        "controllers_after": after.video_controllers,
        "memory_source": after.memory_source,
        "memory_mb_before": before.video_memory_mb,
        "memory_mb_after": after.video_memory_mb,
        "estimated_memory_mb_before": before.estimated_memory_mb,
        "estimated_memory_mb_after": after.estimated_memory_mb,
    }


def _document(figures: dict[str, Any], analytics: Analytics) -> dict[str, Any]:
    """Figures as JSON can carry them, and how much of the range they cover."""
    document: dict[str, Any] = plain(figures)
    return {**document, "coverage": analytics.coverage.text, "samples": analytics.sample_count}


_LEVELS = ("peak", "average", "minimum")
