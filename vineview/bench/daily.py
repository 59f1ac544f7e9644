"""``vineview bench daily``: the runbooks' ProductionBenchmark, on the real manager.

Three figures, compared day by day: how long adding takes, how many preloads succeed, how much of
the memory one pass of memory pressure sheds. The clock of the loads is a manual one, so a day with
a busy machine differs only in the first. (Reference, section 8.)
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from vineview.bench.report import Report
from vineview.clock import ManualClock
from vineview.core import ScriptedLoader, VideoEvent, VideoManager, VideoManagerConfig
from vineview.core.loading import Fail, Succeed
from vineview.errors import LoadError

__all__ = ["ProductionBenchmark", "run"]

_VIDEOS = 100
_BUSY_SHARE = 20
"""One video in this many fails at first, as a CDN on an ordinary day does."""


@dataclass(frozen=True, slots=True)
class ProductionBenchmark:
    """One day's figures.

    Attributes:
        video_addition_ms: Mean time to add one video, in milliseconds.
        preload_success_rate: Successes in a hundred finished attempts.
        cleanup_effectiveness: Percent of the held bytes that memory pressure freed.
        timestamp: When, ISO-8601, UTC.
    """

    video_addition_ms: float
    preload_success_rate: float
    cleanup_effectiveness: float
    timestamp: str

    @classmethod
    async def measure(cls, *, videos: int = _VIDEOS, seed: int = 0) -> ProductionBenchmark:
        """Add a feed, scroll through it, relieve the memory.

        Args:
            videos: How many videos the feed has, at least 20.
            seed: Spreads the retries.
        """
        clock = ManualClock()
        loader = ScriptedLoader(clock=clock, default=Succeed())
        events = [_event(number) for number in range(videos)]
        for event in events[::_BUSY_SHARE]:
            loader.set_script(event.id, [Fail(LoadError("busy", status=503)), Succeed()])
        config = VideoManagerConfig.wifi()
        rng = Random(seed)  # noqa: S311  # spreads retries, guards nothing
        async with VideoManager(config=config, loader=loader, clock=clock, rng=rng) as manager:
            began = time.perf_counter()
            for event in events:
                manager.add_video_event(event)
            addition_ms = (time.perf_counter() - began) * 1000 / videos
            for index in range(videos - config.preload_ahead):
                manager.preload_around_index(index)
                await clock.advance(2.0)
            before = manager.held_bytes
            await manager.handle_memory_pressure()
            freed = before - manager.held_bytes
            rate_pct = manager.metrics.preload_success_rate_pct or 0.0
            effectiveness_pct = 100.0 * freed / before if before else 0.0
        stamp = datetime.now(UTC).isoformat()
        return cls(addition_ms, rate_pct, effectiveness_pct, stamp)

    def to_dict(self) -> dict[str, Any]:
        """The figures under the runbooks' names."""
        return asdict(self)


def run(report: Report, *, quick: bool) -> None:
    """Measure today; the bounds are those of the reference, sections 4 and 12.1.

    Args:
        report: Where the figures go.
        quick: Whether a short feed will do.
    """
    day = asyncio.run(ProductionBenchmark.measure(videos=30 if quick else _VIDEOS))
    report.row("video_addition_ms", day.video_addition_ms, "ms", target=50.0)
    report.row("preload_success_rate", day.preload_success_rate, "%", target=90.0, better="higher")
    report.row(
        "cleanup_effectiveness", day.cleanup_effectiveness, "%", target=50.0, better="higher"
    )
    report.note(f"measured at {day.timestamp}")


def _event(number: int) -> VideoEvent:
    url = f"https://clips.example/{number}.mp4"
    return VideoEvent(id=f"{number:064x}", created_at=number, video_url=url)
