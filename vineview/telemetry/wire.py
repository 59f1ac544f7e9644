"""Analytics under the app's own names (reference, section 8), for its dashboards and scripts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from vineview.telemetry.schema import format_at

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics, MemoryUsage
    from vineview.telemetry.thresholds import Alert

__all__ = ["alert_to_wire", "analytics_to_wire", "camel"]


def analytics_to_wire(analytics: Analytics) -> dict[str, Any]:
    """The analytics map of the app; rates are 0-1, ``percentage`` too, as it has them."""
    preloads, errors = analytics.preload_performance, analytics.error_analysis
    alerts, coverage = analytics.alert_summary, analytics.coverage
    return {
        "memoryUsage": _memory(analytics.memory_usage),
        "preloadPerformance": {
            "averageTime": preloads.average_time_ms,
            "medianTime": preloads.median_time_ms,
            "successRate": preloads.success_rate,
            "slowPreloads": preloads.slow_preloads,
            "fastPreloads": preloads.fast_preloads,
        },
        "errorAnalysis": {
            "totalErrors": errors.total_errors,
            "uniqueErrors": errors.unique_errors,
            "topErrors": [
                {"message": each.message, "count": each.count, "percentage": each.share}
                for each in errors.top_errors
            ],
            "errorRate": errors.error_rate,
        },
        "alertSummary": {
            "totalAlerts": alerts.total_alerts,
            "criticalAlerts": alerts.critical_alerts,
            "warningAlerts": alerts.warning_alerts,
            "infoAlerts": alerts.info_alerts,
            "recentAlerts": [alert_to_wire(alert) for alert in alerts.recent_alerts],
        },
        "recommendations": [
            {
                "type": each.type,
                "priority": each.priority,
                "title": each.title,
                "description": each.description,
                "action": each.action,
            }
            for each in analytics.recommendations
        ],
        "timeRange": {"start": _at(coverage.start_at), "end": _at(coverage.end_at)},
        "sampleCount": analytics.sample_count,
    }


def alert_to_wire(alert: Alert) -> dict[str, Any]:
    """One alert as the app has it."""
    return {
        "id": alert.id,
        "type": camel(alert.type),
        "severity": str(alert.severity),
        "message": alert.message,
        "timestamp": format_at(alert.at),
        "metadata": dict(alert.metadata),
    }


def camel(name: str) -> str:
    """A name in the app's case.

    Example:
        >>> camel("high_memory_usage")
        'highMemoryUsage'
    """
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _memory(memory: MemoryUsage) -> dict[str, Any]:
    return {
        "peak": memory.peak_mb,
        "average": memory.average_mb,
        "minimum": memory.minimum_mb,
        "trend": {
            "direction": str(memory.trend.direction),
            "changeRate": memory.trend.change_rate,
        },
        "growthRateMBPerSecond": memory.growth_rate_mb_per_second,
        "distribution": [
            {
                "rangeStart": bucket.range_start_mb,
                "rangeEnd": bucket.range_end_mb,
                "count": bucket.count,
                "percentage": bucket.share,
            }
            for bucket in memory.distribution
        ],
    }


def _at(at: datetime | None) -> str | None:
    return None if at is None else format_at(at)
