"""A small recorded session, written down as an export would have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vineview.core.config import VideoManagerConfig
from vineview.telemetry import Telemetry
from vineview.telemetry.schema import format_at

START = datetime(2026, 1, 1, tzinfo=UTC)
BAD_URL = "https://cdn.example/v9.mp4"


def at(seconds: float) -> str:
    return format_at(START + timedelta(seconds=seconds))


def event(seconds: float, kind: str, video_id: str | None = None, **fields: object) -> dict:
    record = {"at": at(seconds), "kind": kind}
    return record | ({"video_id": video_id} if video_id else {}) | fields


def video(number: int) -> dict:
    return {
        "id": f"v{number}",
        "created_at": number,
        "video_url": f"https://cdn.example/v{number}.mp4",
        "title": f"Video {number}",
        "mime_type": "video/mp4",
        "duration_s": 6,
        "is_gif": False,
    }


def feed(seconds: float, *numbers: int, removed: tuple[str, ...] = (), total: int) -> dict:
    videos = [video(number) for number in numbers]
    added = [each["id"] for each in videos]
    return event(seconds, "feed", added=added, removed=list(removed), total=total, videos=videos)


def step(seconds: float, video_id: str, before: str, after: str, **fields: object) -> dict:
    moved = {"from": before, "to": after, "error": None, "error_class": None, "retry_count": 0}
    return event(seconds, "transition", video_id, **(moved | fields))


def load(seconds: float, video_id: str, *, ok: bool = True) -> list[dict]:
    """A load of two seconds: loading, preload, ready or failed."""
    started = step(seconds, video_id, "not_loaded", "loading")
    done = seconds + 2
    if ok:
        preload = event(done, "preload", video_id, success=True, duration_ms=2000.0, error=None)
        return [started, preload, step(done, video_id, "loading", "ready")]
    why = {"error": "HTTP 404", "error_class": "not_found"}
    preload = event(done, "preload", video_id, success=False, duration_ms=2000.0, **why)
    return [started, preload, step(done, video_id, "loading", "permanently_failed", **why)]


def sample(seconds: float, memory_mb: float, **fields: object) -> dict:
    held = {"video_memory_mb": memory_mb, "memory_source": "held_bytes"}
    return {"at": at(seconds)} | held | fields


def session() -> Telemetry:
    """Ten minutes: ten videos, one broken; memory rises over 500 and 800 MB, pressure, a fall."""
    events = [
        feed(0, *range(1, 11), total=10),
        event(1, "navigate", "v10", index=0, from_index=0),
        *load(1, "v10"),
        *load(2, "v9", ok=False),
        *load(3, "v8"),
        feed(60, 11, 12, total=12),
        event(90, "navigate", "v8", index=4, from_index=2),
        *load(91, "v7"),
        step(91, "v10", "ready", "not_loaded"),
        event(200, "network", network="cellular"),
        event(
            200,
            "config",
            config=VideoManagerConfig.cellular().to_dict(),
            reason="network is cellular",
        ),
        event(250, "breaker", **{"from": "closed", "to": "open"}, url=BAD_URL, trip=True),
        event(300, "crash", error="out of memory"),
        event(
            400,
            "memory_pressure",
            memory_mb=900.0,
            controllers_before=3,
            controllers_disposed=1,
            keep_ahead=1,
            keep_behind=1,
        ),
        step(400, "v7", "ready", "not_loaded"),
        event(450, "error", error="OSError: busy", where="release"),
        event(500, "feed", added=[], removed=["v1", "v2"], total=10, videos=[]),
        *load(520, "v7"),
    ]
    memory = [100, 180, 300, 450, 520, 480, 640, 760, 820, 860, 900, 910, 905, 905]
    memory += [260, 240, 300, 340, 330, 520, 360]
    samples = [sample(30 * number, value) for number, value in enumerate(memory)]
    header = {"config": VideoManagerConfig.wifi().to_dict()}
    return Telemetry(header, samples, events)


@pytest.fixture
def telemetry() -> Telemetry:
    return session()
