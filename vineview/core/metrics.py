"""The manager's counters. Attempts are counted when they finish, so running ones fail nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Metrics"]


@dataclass(slots=True)
class Metrics:
    """What the manager has counted since it was made.

    Attributes:
        preload_count: Attempts started, retries included.
        preload_success_count: Attempts that made a video ready.
        preload_failure_count: Attempts that failed.
        preload_cancelled_count: Attempts given up before they finished.
        evicted_count: Controllers freed to make room or because the viewer moved on.
        left_count: Videos that left the feed, or never got in, because of its limit, and have not
            come back since.
        memory_pressure_count: Passes of memory pressure.
        circuit_breaker_trips: Times the circuit breaker opened.
        disposal_errors: Controllers whose release raised.
        listener_errors: Times a listener raised.
        app_crashes: Crashes reported through ``record``.
        last_cleanup_at: When memory pressure last ran, in UTC.

    Example:
        >>> Metrics(preload_success_count=3, preload_failure_count=1).preload_success_rate_pct
        75.0
    """

    preload_count: int = 0
    preload_success_count: int = 0
    preload_failure_count: int = 0
    preload_cancelled_count: int = 0
    evicted_count: int = 0
    left_count: int = 0
    memory_pressure_count: int = 0
    circuit_breaker_trips: int = 0
    disposal_errors: int = 0
    listener_errors: int = 0
    app_crashes: int = 0
    last_cleanup_at: datetime | None = None

    @property
    def preload_success_rate_pct(self) -> float | None:
        """Successes in a hundred finished attempts; ``None`` before the first has finished."""
        finished = self.preload_success_count + self.preload_failure_count
        return 100.0 * self.preload_success_count / finished if finished else None
