"""Defects of the original manager and breaker, each by its number in the reference, section 13."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from vineview.core import (
    BreakerState,
    CircuitBreaker,
    ErrorClass,
    LoadState,
    ScriptedLoader,
    VideoEvent,
    VideoManager,
    VideoManagerConfig,
)
from vineview.core.loading import Fail, Hang, Succeed
from vineview.errors import LoadError

S = LoadState
BUSY = LoadError("busy", status=500)


async def preload(manager, clock, video_id, seconds=1.0):
    task = asyncio.create_task(manager.preload_video(video_id))
    await clock.advance(seconds)
    return task.result()


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
async def test_defect_01_the_retry_limit_is_the_configurations(
    make_manager, loader, clock, clip, retries
):
    loader.set_script("a", Fail(BUSY, after_s=0))
    manager = make_manager(VideoManagerConfig(max_retries=retries))
    manager.add_video_event(clip("a"))
    await preload(manager, clock, "a", 200)
    assert len(loader.started) == 1 + retries


async def test_defect_02_an_expired_load_fails(make_manager, loader, clock, clip):
    loader.set_script("a", Succeed(after_s=3))
    manager = make_manager(VideoManagerConfig(preload_timeout_s=2, max_retries=0))
    manager.add_video_event(clip("a"))
    state = await preload(manager, clock, "a", 10)
    assert state.has_failed
    assert state.error_class is ErrorClass.TIMEOUT
    assert "timeout" in state.error
    assert loader.live == set()


async def test_defect_03_no_limbo_after_the_last_failure(manager, loader, clock, clip):
    loader.set_script("a", Fail(BUSY, after_s=0))
    manager.add_video_event(clip("a"))
    seen = []
    manager.subscribe(
        lambda change: (
            change.kind == "transition"
            and change.after.has_failed
            and seen.append((change.after.loading_state, change.after.can_retry))
        )
    )
    await preload(manager, clock, "a", 200)
    assert seen == [(S.FAILED, True)] * 3 + [(S.PERMANENTLY_FAILED, False)]


async def test_defect_04_a_disposed_video_can_be_loaded_again(manager, loader, clock, clip):
    loader.set_script("a", [Fail(BUSY, after_s=0), Succeed()])
    manager.add_video_event(clip("a"))
    await preload(manager, clock, "a", 0.1)
    manager.dispose_video("a")
    state = await preload(manager, clock, "a")
    assert (state.loading_state, state.retry_count) == (S.READY, 0)


async def test_defect_05_pressure_frees_controllers_and_leaves_the_feed(manager, clock, feed):
    manager.add_video_events(feed(10))
    manager.preload_around_index(0)
    await clock.advance(1)
    assert await manager.handle_memory_pressure() == 2
    assert len(manager.videos) == 10
    assert {event.id for event in manager.ready_videos} == {"v0", "v1"}


async def test_defect_06_eviction_spares_the_video_on_screen(make_manager, clock, feed):
    manager = make_manager(VideoManagerConfig(max_controllers=4))
    manager.add_video_events(feed(30))
    manager.preload_around_index(29)
    await clock.advance(1)
    for at in (0, 5, 10, 15):
        await preload(manager, clock, f"v{at}")
        assert manager.get_video_state("v29").is_ready


async def test_defect_07_simultaneous_preloads_stay_within_the_cap(manager, loader, clock, feed):
    manager.add_video_events(feed(50))
    tasks = [asyncio.create_task(manager.preload_video(f"v{at}")) for at in range(50)]
    for _ in range(30):
        await asyncio.sleep(0)
        assert len(loader.live) + loader.in_flight <= 15
        info = manager.get_debug_info()
        assert info["activeControllers"] + info["activePreloads"] <= 15
    await clock.advance(1)
    await asyncio.gather(*tasks)
    assert len(loader.live) == 15


@pytest.mark.parametrize("end", ["video", "manager"])
async def test_defect_08_a_load_that_outlives_its_video_is_freed(
    make_manager, loader, clock, clip, end
):
    manager = make_manager()
    manager.add_video_event(clip("a"))
    task = asyncio.create_task(manager.preload_video("a"))
    await clock.advance(0.05)
    if end == "video":
        manager.dispose_video("a")
    else:
        manager.dispose()
    await clock.advance(10)
    assert task.result().is_disposed
    assert loader.live == set()


async def test_defect_08_a_second_preload_never_overwrites_the_first(manager, loader, clock, clip):
    manager.add_video_event(clip("a"))
    manager.preload_around_index(0)
    tasks = [asyncio.create_task(manager.preload_video("a")) for _ in range(5)]
    await clock.advance(1)
    assert all(task.result().is_ready for task in tasks)
    assert loader.live == {manager.get_controller("a")}


async def test_defect_09_failure_patterns_and_breaker_are_asked(manager, loader, clock, clip):
    url = "https://clips.example/bad.mp4"
    loader.set_script(url, Fail(LoadError("gone", status=404)))
    manager.add_video_events([clip("a", video_url=url), clip("b", video_url=url), clip("c")])
    await preload(manager, clock, "a")
    await preload(manager, clock, "b")
    for _ in range(5):
        manager.breaker.record_failure("https://elsewhere.example/x.mp4")
    await preload(manager, clock, "c")
    assert loader.started == ["a"]


async def test_defect_10_the_try_without_ranges_is_really_made(manager, loader, clock, clip):
    error = LoadError("bad ranges", error_class=ErrorClass.SERVER_CONFIG_ERROR)
    loader.set_script("a", [Fail(error), Succeed()])
    manager.add_video_event(clip("a"))
    assert (await preload(manager, clock, "a", 0.5)).can_retry
    await clock.advance(5)
    assert loader.rangeless == ["a"]
    assert manager.get_video_state("a").is_ready


async def test_defect_11_simultaneous_failures_retry_at_different_moments(
    manager, loader, clock, feed
):
    loader.default = Fail(BUSY, after_s=0)
    manager.add_video_events(feed(4))
    began = []
    manager.subscribe(
        lambda change: (
            change.kind == "transition"
            and change.before.has_failed
            and change.after.is_loading
            and began.append(clock.now())
        )
    )
    manager.preload_around_index(0)
    await clock.advance(2)
    assert len(set(began)) == 4


async def test_defect_11_the_same_seed_retries_at_the_same_moments(clock, clip):
    async def failures(seed):
        began = []
        start = clock.now()
        loader = ScriptedLoader(clock=clock, default=Fail(BUSY, after_s=0))
        async with VideoManager(loader=loader, clock=clock, rng=Random(seed)) as manager:
            manager.subscribe(lambda change: began.append(round(clock.now() - start, 6)))
            manager.add_video_event(clip("a"))
            manager.preload_around_index(0)
            await clock.advance(60)
        return began

    first, again, other = await failures(1), await failures(1), await failures(2)
    assert first == again != other


@pytest.mark.parametrize("video_id", ["a", "1234567", "é"])
async def test_defect_12_short_ids_are_logged_whole(manager, clock, clip, caplog, video_id):
    caplog.set_level("DEBUG", "vineview.core")
    manager.debug_mode = True
    manager.add_video_event(clip(video_id, video_url="https://clips.example/x.mp4"))
    assert (await preload(manager, clock, video_id)).is_ready
    assert repr(video_id) in caplog.text


@pytest.mark.parametrize("words", ["HTTP 500 format 404 timeout", "network error"])
async def test_defect_13_messages_decide_nothing(manager, loader, clock, clip, words):
    loader.set_script("a", Fail(ValueError(words)))
    manager.add_video_event(clip("a"))
    assert (await preload(manager, clock, "a")).error_class is ErrorClass.UNKNOWN


def test_defect_14_paging_in_old_events_puts_them_below(manager, clip):
    manager.add_video_events([clip("new", 100), clip("newer", 200)])
    manager.add_video_events([clip("old", 10), clip("older", 5)])
    assert [event.id for event in manager.videos] == ["newer", "new", "old", "older"]


async def test_defect_15_only_finished_attempts_make_the_success_rate(manager, loader, clock, feed):
    loader.set_script("v1", Hang())
    loader.set_script("v2", Fail(LoadError("gone", status=404)))
    manager.add_video_events(feed(3))
    metrics = manager.get_debug_info()["metrics"]
    assert (metrics["preloadSuccessRate"], metrics["preloadSuccessRatePct"]) == ("0.0", None)
    manager.preload_around_index(0)
    await clock.advance(1)
    metrics = manager.get_debug_info()["metrics"]
    assert metrics["preloadCount"] == 3
    assert (metrics["preloadSuccessRate"], metrics["preloadSuccessRatePct"]) == ("50.0", 50.0)


async def test_defect_16_no_file_is_named_by_a_remote_id(
    manager, loader, clock, tmp_path, monkeypatch
):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    error = LoadError("bad ranges", error_class="SERVER_CONFIG_ERROR")
    loader.default = Fail(error, after_s=0)
    event = VideoEvent(id="../escaped", video_url="https://clips.example/x.mp4")
    manager.add_video_event(event)
    await preload(manager, clock, "../escaped", 60)
    assert loader.rangeless == ["../escaped"]
    assert [path.name for path in tmp_path.rglob("*")] == ["home"]


async def test_defect_17_retries_end_with_the_manager(make_manager, loader, clock, clip):
    loader.default = Fail(BUSY, after_s=0)
    manager = make_manager()
    manager.add_video_event(clip("a"))
    await preload(manager, clock, "a", 0.1)
    manager.dispose()
    await clock.advance(200)
    assert loader.started == ["a"]


def test_defect_34_the_failure_rate_knows_successes(clock):
    breaker = CircuitBreaker(clock=clock)
    assert breaker.failure_rate_ratio is None
    breaker.record_failure("a")
    for _ in range(3):
        breaker.record_success("b")
    assert breaker.failure_rate_ratio == 0.25


async def test_defect_35_closing_forgets_old_failures(clock):
    breaker = CircuitBreaker(clock=clock)
    for number in range(5):
        breaker.record_failure(f"u{number}")
    await clock.advance(120)
    for _ in range(3):
        breaker.record_success("good")
    breaker.record_failure("one more")
    assert breaker.state is BreakerState.CLOSED


async def test_defect_36_half_open_lets_few_through_and_one_failure_opens(clock):
    breaker = CircuitBreaker(clock=clock)
    for number in range(5):
        breaker.record_failure(f"u{number}")
    await clock.advance(120)
    assert sum(breaker.allow(f"v{number}") for number in range(50)) == 3
    breaker.record_success("v0")
    breaker.record_failure("v1")
    assert breaker.state is BreakerState.OPEN


async def test_defect_36_a_timeout_does_not_undo_successes(clock):
    breaker = CircuitBreaker(clock=clock)
    for number in range(5):
        breaker.record_failure(f"u{number}")
    await clock.advance(120)
    assert breaker.allow("v0")
    breaker.record_success("v0")
    await clock.advance(31)
    assert breaker.state is BreakerState.HALF_OPEN


async def test_defect_37_blocks_of_a_failing_url_grow_exponentially(clock):
    breaker = CircuitBreaker(clock=clock, failure_threshold=3)
    blocks = []
    for _ in range(2):
        breaker.record_failure("bad")
    for _ in range(3):
        breaker.record_failure("bad")
        began = clock.now()
        while breaker.is_blocked("bad"):
            await clock.advance(60)
        blocks.append(clock.now() - began)
    assert blocks == [360, 720, 1440]


def test_defect_38_a_reset_lifts_permanent_blocks(clock):
    breaker = CircuitBreaker(clock=clock)
    for _ in range(10):
        breaker.record_failure("bad")
    assert breaker.stats()["permanentlyFailedUrls"] == 1
    breaker.reset()
    assert breaker.allow("bad")
    assert breaker.stats()["permanentlyFailedUrls"] == 0


def test_defect_56_what_comes_again_is_neither_counted_again_nor_on_top(make_manager, feed, listen):
    manager = make_manager(VideoManagerConfig(max_videos=3))
    heard, events = listen(manager), feed(5)
    assert manager.add_video_events(events) == 3
    assert manager.add_video_events(events) == 0
    assert not any(manager.add_video_event(event) for event in events)
    assert [video.id for video in manager.videos] == ["v0", "v1", "v2"]
    assert len(heard) == 1
    assert manager.metrics.left_count == 2
    manager.apply_config(VideoManagerConfig(max_videos=4))
    assert manager.add_video_events(events) == 1
    assert heard[-1].data["left"] == manager.metrics.left_count == 1


def test_defect_56_only_the_latest_thousands_are_known_again(make_manager, feed):
    manager = make_manager(VideoManagerConfig(max_videos=1))
    events = feed(4002)
    manager.add_video_events(events)
    assert manager.metrics.left_count == 4001
    manager.add_video_events(events)
    assert manager.metrics.left_count == 4001 + 2001
