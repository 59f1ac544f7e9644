"""Reads one sample off a manager, by the names it really emits (reference, 3.9 and 8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vineview.core.view import ManagerView
from vineview.telemetry.schema import Sample

__all__ = ["Reported", "measure"]

_MB: Final = 2**20


@dataclass(slots=True)
class Reported:
    """What was counted through a monitor's own doors, beside the manager's counters."""

    successes: int = 0
    failures: int = 0
    trips: int = 0
    pressures: int = 0
    crashes: int = 0


def measure(
    manager: ManagerView, reported: Reported, durations_ms: Collection[float], at: datetime
) -> Sample:
    """Measure a manager.

    Args:
        manager: Live or replayed.
        reported: What to add to its counters.
        durations_ms: The successful preloads since the last sample.
        at: The instant the sample carries.

    Returns:
        A sample whose memory is what controllers hold; where none reports its bytes, the
        estimate, and ``memory_source`` says so.
    """
    info, metrics = manager.get_debug_info(), manager.metrics
    held, controllers = manager.held_bytes, info["activeControllers"]
    estimate = float(info["estimatedMemoryMB"])
    is_held = held > 0 or controllers == 0
    successes = metrics.preload_success_count + reported.successes
    finished = successes + metrics.preload_failure_count + reported.failures
    mean_ms = sum(durations_ms) / len(durations_ms) if durations_ms else None
    return Sample(
        at=at,
        video_memory_mb=round(held / _MB, 3) if is_held else estimate,
        memory_source="held_bytes" if is_held else "estimate",
        estimated_memory_mb=estimate,
        video_controllers=controllers,
        total_videos=info["totalVideos"],
        ready_videos=info["readyVideos"],
        loading_videos=info["loadingVideos"],
        failed_videos=info["failedVideos"],
        preloading_queue=info["activePreloads"],
        preload_success_rate=round(100 * successes / finished, 3) if finished else None,
        preload_duration_ms=None if mean_ms is None else round(mean_ms, 3),
        app_crashes=metrics.app_crashes + reported.crashes,
        circuit_breaker_trips=metrics.circuit_breaker_trips + reported.trips,
        memory_pressure_events=metrics.memory_pressure_count + reported.pressures,
        disposal_errors=metrics.disposal_errors,
    )
