"""Analytics under the app's own names (reference, section 8), for its dashboards and scripts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vineview.telemetry.schema import format_at

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics, MemoryUsage
    from vineview.telemetry.fleet import Fleet
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
            "timeouts": preloads.timeouts,
            "cacheHitRate": preloads.cache_hit_rate,
            "groups": [_camel_keys(asdict(each)) for each in preloads.groups],
        },
        "errorAnalysis": {
            "totalErrors": errors.total_errors,
            "uniqueErrors": errors.unique_errors,
            "topErrors": [
                {"message": each.message, "count": each.count, "percentage": each.share}
                for each in errors.top_errors
            ],
            "errorRate": errors.error_rate,
            "errorsPerHour": errors.errors_per_hour,
            "errorClasses": [
                {"name": each.name, "count": each.count, "percentage": each.share}
                for each in errors.classes
            ],
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
                "source": each.source,
                "evidence": list(each.evidence),
            }
            for each in analytics.recommendations
        ],
        "userPatterns": _camel_keys(asdict(analytics.user_patterns)),
        "fleet": None if analytics.fleet is None else _fleet(analytics.fleet),
        "timeRange": {"start": _at(coverage.start_at), "end": _at(coverage.end_at)},
        "sampleCount": analytics.sample_count,
        "coverage": coverage.text,
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


def _fleet(fleet: Fleet) -> dict[str, Any]:
    return {
        "devices": fleet.devices,
        "growing": fleet.growing,
        "medianGrowthMBPerHour": fleet.median_growth_mb_per_hour,
        "coverage": fleet.text,
        "worst": [
            {
                "deviceId": each.device_id,
                "averageMB": each.average_mb,
                "peakMB": each.peak_mb,
                "hours": each.hours,
                "growthRateMBPerHour": each.growth_rate_mb_per_hour,
                "robustGrowthRateMBPerHour": each.robust_growth_rate_mb_per_hour,
                "verdict": str(each.leak.verdict),
            }
            for each in fleet.worst
        ],
    }


def _camel_keys(value: Any) -> Any:
    """Plain values with every key in the app's case."""
    if isinstance(value, dict):
        return {camel(key): _camel_keys(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_camel_keys(each) for each in value]
    return value


def _at(at: datetime | None) -> str | None:
    return None if at is None else format_at(at)
