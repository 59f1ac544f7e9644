"""A hand-written manager to watch, and exports to read."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vineview.clock import ManualClock
from vineview.core.changes import Change, ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.metrics import Metrics
from vineview.core.state import LoadState, VideoState

START = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = {"format": "openvine.performance-export", "version": 1, "config": {"max_videos": 100}}


class FakeManager:
    """A ManagerView whose every figure a test sets."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.config = VideoManagerConfig()
        self.videos: tuple[VideoEvent, ...] = ()
        self.states: dict[str, VideoState] = {}
        self.current_index = 0
        self.held_mb = 0.0
        self.metrics = Metrics()
        self.counts = {"controllers": 0, "loading": 0, "failed": 0, "preloads": 0}
        self.listeners: list[Any] = []
        self.broken = False

    @property
    def ready_videos(self):
        return tuple(v for v in self.videos if self.get_video_state(v.id).is_ready)

    @property
    def current_video_id(self):
        return self.videos[self.current_index].id if self.videos else None

    @property
    def held_bytes(self):
        return int(self.held_mb * 2**20)

    def get_video_state(self, video_id):
        event = next((each for each in self.videos if each.id == video_id), None)
        return None if event is None else self.states.get(video_id, VideoState(event))

    def get_controller(self, video_id):
        return None

    def get_debug_info(self):
        if self.broken:
            raise RuntimeError("the manager is broken")
        return {
            "totalVideos": len(self.videos),
            "readyVideos": len(self.ready_videos),
            "loadingVideos": self.counts["loading"],
            "failedVideos": self.counts["failed"],
            "activeControllers": self.counts["controllers"],
            "activePreloads": self.counts["preloads"],
            "estimatedMemoryMB": self.counts["controllers"] * 20,
        }

    def get_health_status(self):
        return {"status": "healthy"}

    def subscribe(self, listener):
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener) if listener in self.listeners else None

    def tell(self, kind: ChangeKind, video_id=None, before=None, after=None, **data):
        """Announce a change, as a manager does."""
        change = Change(kind, self.clock.utc(), video_id, before, after, data)
        for listener in tuple(self.listeners):
            listener(change)
        return change

    def tell_preload(self, video_id="v", *, success=True, duration_ms=100.0, error=None, **more):
        """Announce a finished preload and count it."""
        if success:
            self.metrics.preload_success_count += 1
        else:
            self.metrics.preload_failure_count += 1
        facts = {"success": success, "duration_ms": duration_ms, "error": error, **more}
        return self.tell(ChangeKind.PRELOAD, video_id, **facts)

    def add(self, *ids: str) -> None:
        """Put videos into the feed, newest last given."""
        events = [VideoEvent(id=each, video_url=f"https://x.example/{each}.mp4") for each in ids]
        self.videos = (*reversed(events), *self.videos)

    def ready(self, video_id: str) -> None:
        event = next(each for each in self.videos if each.id == video_id)
        self.states[video_id] = VideoState(event, LoadState.READY)


@pytest.fixture
def manager(clock: ManualClock) -> FakeManager:
    """A manager that does what a test says."""
    return FakeManager(clock)


@pytest.fixture
def at() -> Callable[[float], str]:
    """The instant so many seconds after the start, as exports write it."""

    def made(seconds: float) -> str:
        return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

    return made


@pytest.fixture
def memory_records(at) -> Callable[..., list[dict[str, Any]]]:
    """Samples of the memory values given, 30 s apart."""

    def made(values, step_s: float = 30.0, **more: Any) -> list[dict[str, Any]]:
        return [
            {"at": at(index * step_s), "video_memory_mb": value, **more}
            for index, value in enumerate(values)
        ]

    return made


@pytest.fixture
def incident(at) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two seeded hours of a leak with failing preloads: sample and event records."""
    rng = random.Random(7)
    samples = [
        {
            "at": at(30 * index),
            "video_memory_mb": round(140 + 3.1 * index + rng.gauss(0, 12), 3),
            "memory_source": "held_bytes",
            "video_controllers": rng.randint(6, 8),
            "total_videos": 40,
            "ready_videos": 8,
            "failed_videos": rng.randint(0, 12),
            "preload_success_rate": 90.0,
            "preload_duration_ms": None,
        }
        for index in range(241)
    ]
    events: list[dict[str, Any]] = []
    for index in range(400):
        failed = rng.random() < 0.15
        event = {
            "at": at(18 * index + 1),
            "kind": "preload",
            "video_id": f"v{index % 60}",
            "success": not failed,
            "duration_ms": round(rng.expovariate(1 / 1500), 1),
        }
        if failed:
            message = rng.choice(["timed out", "HTTP 404", "HTTP 404", None])
            event |= {"error": message, "error_class": rng.choice(["timeout", None])}
        events.append(event)
    for index in range(6):
        events.append({"at": at(900 * index + 5), "kind": "memory_pressure", "memory_mb": 400.0})
        trip = {"trip": True, "to": "open", "reason": "5 failures"}
        events.append(
            {"at": at(900 * index + 7), "kind": "breaker", "url": f"u{index % 2}", **trip}
        )
    events.append({"at": at(50), "kind": "error", "error": "release raised", "where": "release"})
    events.append({"at": at(60), "kind": "playback", "event": "decode_error", "error": "bad clip"})
    events.sort(key=lambda event: event["at"])
    return samples, events


@pytest.fixture
def write_lines(tmp_path) -> Callable[..., Any]:
    """Write records, and raw text among them, as NDJSON; returns the path."""

    def made(*records: Any, name: str = "export.ndjson", header: Any = HEADER):
        path = tmp_path / name
        lines = [] if header is None else [header]
        lines += records
        text = [each if isinstance(each, str) else json.dumps(each) for each in lines]
        path.write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
        return path

    return made
