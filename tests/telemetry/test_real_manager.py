"""The monitor on the real manager: what it exports is what happened."""

from __future__ import annotations

import random

import pytest

from vineview.core.events import VideoEvent
from vineview.core.loading import Fail, Hang, ScriptedLoader, Succeed
from vineview.core.manager import VideoManager
from vineview.core.state import LoadState
from vineview.errors import LoadError
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.telemetry.thresholds import AlertType


def events(count: int) -> list[VideoEvent]:
    return [
        VideoEvent(id=f"v{i}", created_at=1000 + i, video_url=f"https://x.example/{i}.mp4")
        for i in range(count)
    ]


@pytest.fixture
async def watched(clock):
    """A manager of forty videos, some failing, and its monitor, an hour of scrolling later."""
    script = {
        "v37": Fail(LoadError("HTTP 404", status=404)),
        "v30": Fail(LoadError("HTTP 503", status=503)),
        "v25": Hang(),
        "v20": Succeed(after_s=6.0),
    }
    loader = ScriptedLoader(clock=clock, default=Succeed(0.5, 24 * 2**20), script=script)
    manager = VideoManager(loader=loader, clock=clock, rng=random.Random(1))
    monitor = VideoPerformanceMonitor(manager)
    manager.add_video_events(events(20))
    monitor.start()
    manager.add_video_events(events(40)[20:])
    for index in range(35):
        manager.preload_around_index(index)
        await clock.advance(20)
        if index % 10 == 9:
            await manager.handle_memory_pressure()
        if index == 20:
            manager.remove_video("v12")
    await clock.advance(600)
    yield manager, monitor
    await monitor.aclose()
    await manager.aclose()


async def test_the_sample_agrees_with_the_manager(watched):
    manager, monitor = watched
    sample, info = monitor.take_sample(), manager.get_debug_info()
    assert sample.video_memory_mb == pytest.approx(manager.held_bytes / 2**20, abs=1e-3)
    assert sample.memory_source == "held_bytes"
    assert sample.estimated_memory_mb == info["estimatedMemoryMB"]
    assert sample.video_controllers == info["activeControllers"] > 0
    assert sample.ready_videos == len(manager.ready_videos)
    assert sample.preload_success_rate == pytest.approx(
        manager.metrics.preload_success_rate_pct, abs=1e-3
    )
    assert sample.memory_pressure_events == 3


async def test_every_change_survives_the_file(watched, tmp_path):
    _, monitor = watched
    telemetry = Telemetry.open(monitor.export().write(tmp_path / "e.ndjson"))
    assert telemetry.findings == ()
    read = [each for each in telemetry.iter_changes() if "snapshot" not in each.data]
    assert len(read) == len(monitor.changes)
    for was, now in zip(monitor.changes, read, strict=True):
        assert (now.kind, now.at, now.video_id, now.data) == (
            was.kind,
            was.at,
            was.video_id,
            was.data,
        )
        if was.after is not None:
            assert now.after.event.id == was.after.event.id
            assert now.after.event.video_url == was.after.event.video_url
            for side in ("before", "after"):
                left, right = getattr(was, side), getattr(now, side)
                assert right.loading_state is left.loading_state
                assert (right.error, right.error_class) == (left.error, left.error_class)
                assert right.retry_count == left.retry_count
                assert right.last_updated == left.last_updated


async def test_the_states_add_up_to_the_managers(watched):
    manager, monitor = watched
    states: dict[str, LoadState] = {}
    for change in monitor.export().iter_changes():
        for video_id in change.data.get("added", ()):
            states[video_id] = LoadState.NOT_LOADED
        for video_id in change.data.get("removed", ()):
            del states[video_id]
        if change.after is not None:
            states[change.video_id] = change.after.loading_state
    now = {event.id: manager.get_video_state(event.id).loading_state for event in manager.videos}
    assert states == now


async def test_a_ranged_export_starts_from_the_same_states(watched):
    manager, monitor = watched
    exported = monitor.export("5m")
    states = {event.id: LoadState.NOT_LOADED for event in manager.videos}
    for change in exported.iter_changes():
        if change.after is not None:
            states[change.video_id] = change.after.loading_state
    now = {event.id: manager.get_video_state(event.id).loading_state for event in manager.videos}
    assert states == now
    assert exported.event_records[0]["snapshot"]


async def test_analytics_and_alerts_of_a_real_session(watched, tmp_path):
    manager, monitor = watched
    live = monitor.get_analytics()
    assert Telemetry.open(monitor.export().write(tmp_path / "e.json")).analytics() == live
    preloads = live.preload_performance
    assert preloads.total_preloads == (
        manager.metrics.preload_success_count + manager.metrics.preload_failure_count
    )
    assert preloads.failed_preloads == manager.metrics.preload_failure_count > 0
    assert preloads.slow_preloads == 1
    assert {each.message for each in live.error_analysis.top_errors} >= {"HTTP 404", "HTTP 503"}
    types = {alert.type for alert in monitor.alerts}
    assert {AlertType.SLOW_PRELOAD, AlertType.MEMORY_PRESSURE} <= types


async def test_nothing_arrives_after_the_manager_is_disposed(watched):
    manager, monitor = watched
    manager.dispose()
    count = len(monitor.changes)
    samples = len(monitor.samples)
    await manager.clock.advance(3600)
    assert (len(monitor.changes), len(monitor.samples)) == (count, samples)
    assert not monitor.is_monitoring
