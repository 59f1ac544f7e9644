"""What the manager's tests share: clips, a scripted loader, and a manager on a manual clock."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from vineview.clock import ManualClock
from vineview.core import Change, ScriptedLoader, VideoEvent, VideoManager, VideoManagerConfig


@pytest.fixture
def clip() -> Callable[..., VideoEvent]:
    """Makes a video: an id, and a URL of its own."""

    def make(video_id: str, created_at: int = 0, **fields) -> VideoEvent:
        fields.setdefault("video_url", f"https://clips.example/{video_id}.mp4")
        return VideoEvent(id=video_id, created_at=created_at, **fields)

    return make


@pytest.fixture
def feed(clip) -> Callable[[int], list[VideoEvent]]:
    """Makes n videos; ``v0`` is the newest, so that its index is 0."""
    return lambda total: [clip(f"v{index}", total - index) for index in range(total)]


@pytest.fixture
def loader(clock: ManualClock) -> ScriptedLoader:
    """Loads everything in 0.1 s, unless told otherwise."""
    return ScriptedLoader(clock=clock)


@pytest.fixture
async def make_manager(clock, loader):
    """Makes managers, and closes them when the test is over."""
    made = []

    def make(config: VideoManagerConfig | None = None, **options) -> VideoManager:
        options.setdefault("loader", loader)
        manager = VideoManager(config=config, clock=clock, rng=Random(1), **options)
        made.append(manager)
        return manager

    yield make
    for manager in made:
        await manager.aclose()
    assert loader.live == set(), "a manager that has ended holds nothing"


@pytest.fixture
def manager(make_manager) -> VideoManager:
    """A manager with the default configuration."""
    return make_manager()


@pytest.fixture
def listen():
    """Subscribes to a manager; the list fills with what it announces."""

    def subscribe(manager: VideoManager) -> list[Change]:
        heard: list[Change] = []
        manager.subscribe(heard.append)
        return heard

    return subscribe
