"""The metrics and labels of a sample: their names, units and meaning, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DIMENSIONS", "METRICS", "UNITS", "Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured number of a sample.

    Attributes:
        name: The column, and the gauge's name over HTTP.
        unit: What one of it is.
        cumulative: Whether it only counts up within a session.
        help: What it measures, in one line.
    """

    name: str
    unit: str
    cumulative: bool
    help: str


METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric("video_memory_mb", "MB", False, "memory of the video system; see memory_source"),
        Metric("estimated_memory_mb", "MB", False, "controllers times MB per controller"),
        Metric("video_controllers", "controllers", False, "loaded, playable videos"),
        Metric("total_videos", "videos", False, "videos in the feed"),
        Metric("ready_videos", "videos", False, "videos in state ready"),
        Metric("loading_videos", "videos", False, "videos in state loading"),
        Metric("failed_videos", "videos", False, "videos failed, for now or for good"),
        Metric("preloading_queue", "preloads", False, "preloads in flight"),
        Metric("preload_success_rate", "%", False, "successful of all finished preloads"),
        Metric("preload_duration_ms", "ms", False, "mean successful preload since last sample"),
        Metric("engagement_ratio", "ratio", False, "engagement as the product measures it"),
        Metric("app_crashes", "crashes", True, "crashes so far"),
        Metric("circuit_breaker_trips", "trips", True, "circuit breaker trips so far"),
        Metric("memory_pressure_events", "events", True, "memory pressure events so far"),
        Metric("disposal_errors", "errors", True, "controllers that failed to release so far"),
    )
}
"""Every metric of a sample by name, in the order of the contract, section 3."""

DIMENSIONS: Final = ("device_id", "session_id", "platform", "network", "app_version", "country")
"""Who and where a sample comes from; text, each optional."""

UNITS: Final = {metric.name: metric.unit for metric in METRICS.values()}
"""The header's ``units``: one MB is 2^20 bytes."""
