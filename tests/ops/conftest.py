"""A manager with three loaded videos, and its ops backend."""

from __future__ import annotations

import pytest

from vineview.core import ScriptedLoader, VideoEvent, VideoManager
from vineview.ops.routes import Backend
from vineview.telemetry import VideoPerformanceMonitor

TOKEN = "let-me-in"


@pytest.fixture
def token():
    """What the backend's ``/admin`` asks for."""
    return TOKEN


@pytest.fixture
async def manager(clock):
    """Twelve videos, the first window loaded."""
    async with VideoManager(loader=ScriptedLoader(clock=clock), clock=clock) as manager:
        manager.add_video_events(
            [
                VideoEvent(id=f"v{n}", created_at=100 - n, video_url=f"https://h.example/{n}.mp4")
                for n in range(12)
            ]
        )
        manager.preload_around_index(4)
        await clock.advance(1)
        yield manager


@pytest.fixture
async def monitor(manager, clock):
    """Sampling once a minute, ten minutes in."""
    monitor = VideoPerformanceMonitor(manager, sampling_interval_s=60)
    monitor.start()
    await clock.advance(600)
    yield monitor
    await monitor.aclose()


@pytest.fixture
def backend(manager, monitor):
    """What the routes read and act on."""
    return Backend(manager, monitor, token=TOKEN)
