"""Statistics: the monitor's figures of this moment, as its dashboard shows them.

``performance_trend`` keeps the app's name and its three words, and says by its score that it is a
level, not a movement; the score is held to 0-1. (Reference, section 8; defect 31.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vineview.telemetry.growth.trend import Direction, Trend, trend
from vineview.telemetry.schema import Sample, format_at

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.failures import ErrorCount

__all__ = ["Statistics", "performance_score", "statistics_of"]

_RECENT: Final = 10
_GOOD: Final = 0.8
_POOR: Final = 0.6
_MEMORY_MB: Final = 1000.0
_CONTROLLERS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of one moment.

    Attributes:
        current_memory_mb: The latest sample's; 0 without one, like the counts below.
        current_controllers: Loaded, playable videos.
        total_videos: In the feed.
        ready_videos: Of them ready.
        loading_videos: Loading.
        failed_videos: Failed, for now or for good.
        average_preload_time_ms: Mean of the successful preloads; ``None`` without one.
        preload_success_rate: Of finished preloads, 0-1; ``None`` without one.
        top_errors: The most frequent.
        memory_trend: The last 10 samples against the 10 before.
        performance_score: 0-1, from memory, controllers and failures of the last 10 samples;
            ``None`` without a sample.
        performance_trend: ``increasing`` above 0.8, ``decreasing`` under 0.6, else ``stable``: a
            level in the app's words.
        circuit_breaker_trips: Trips by URL or video; those whose subject is not known under
            ``unknown``.
        sample_count: How many samples are kept.
        timestamp: When, UTC.
    """

    current_memory_mb: float
    current_controllers: int
    total_videos: int
    ready_videos: int
    loading_videos: int
    failed_videos: int
    average_preload_time_ms: float | None
    preload_success_rate: float | None
    top_errors: tuple[ErrorCount, ...]
    memory_trend: Trend
    performance_score: float | None
    performance_trend: Direction
    circuit_breaker_trips: Mapping[str, int]
    sample_count: int
    timestamp: datetime

    def to_wire(self) -> dict[str, Any]:
        """The app's own names and units."""
        return {
            "currentMemoryMB": self.current_memory_mb,
            "currentControllers": self.current_controllers,
            "totalVideos": self.total_videos,
            "readyVideos": self.ready_videos,
            "loadingVideos": self.loading_videos,
            "failedVideos": self.failed_videos,
            "averagePreloadTime": self.average_preload_time_ms,
            "preloadSuccessRate": self.preload_success_rate,
            "topErrors": [
                {"message": each.message, "count": each.count, "percentage": each.share}
                for each in self.top_errors
            ],
            "memoryTrend": {
                "direction": str(self.memory_trend.direction),
                "changeRate": self.memory_trend.change_rate,
            },
            "performanceTrend": str(self.performance_trend),
            "circuitBreakerTrips": dict(self.circuit_breaker_trips),
            "sampleCount": self.sample_count,
            "timestamp": format_at(self.timestamp),
        }


def statistics_of(
    samples: Sequence[Sample], analytics: Analytics, trips: Mapping[str, int], *, at: datetime
) -> Statistics:
    """Gather the figures of one moment.

    Args:
        samples: Those kept, oldest first.
        analytics: Of the same records.
        trips: Breaker trips by subject.
        at: Now.
    """
    last = samples[-1] if samples else Sample(at)
    score = performance_score(samples[-_RECENT:])
    memory = [each.video_memory_mb for each in samples if each.video_memory_mb is not None]
    return Statistics(
        current_memory_mb=last.video_memory_mb or 0.0,
        current_controllers=last.video_controllers or 0,
        total_videos=last.total_videos or 0,
        ready_videos=last.ready_videos or 0,
        loading_videos=last.loading_videos or 0,
        failed_videos=last.failed_videos or 0,
        average_preload_time_ms=analytics.preload_performance.average_time_ms,
        preload_success_rate=analytics.preload_performance.success_rate,
        top_errors=analytics.error_analysis.top_errors,
        memory_trend=trend(np.array(memory, dtype=np.float64)),
        performance_score=score,
        performance_trend=_level(score),
        circuit_breaker_trips=dict(trips),
        sample_count=len(samples),
        timestamp=at,
    )


def performance_score(samples: Sequence[Sample]) -> float | None:
    """The app's score of some samples, each part held to 0-1; ``None`` without one.

    Example:
        >>> from datetime import UTC
        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> performance_score([Sample(at, video_memory_mb=3000.0, video_controllers=10)])
        0.5
    """
    if not samples:
        return None
    count = len(samples)
    memory = sum(each.video_memory_mb or 0.0 for each in samples) / count
    controllers = sum(each.video_controllers or 0 for each in samples) / count
    failed = sum(
        (each.failed_videos or 0) / each.total_videos if each.total_videos else 0.0
        for each in samples
    )
    parts = (
        (_MEMORY_MB - memory) / _MEMORY_MB,
        (_CONTROLLERS - controllers) / _CONTROLLERS,
        1 - failed / count,
    )
    return sum(min(max(part, 0.0), 1.0) for part in parts) / len(parts)


def _level(score: float | None) -> Direction:
    if score is not None and score > _GOOD:
        return Direction.INCREASING
    if score is not None and score < _POOR:
        return Direction.DECREASING
    return Direction.STABLE
