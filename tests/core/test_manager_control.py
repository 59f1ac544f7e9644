"""Playing, stopping, pressure, configuration, the breaker, records, and the end."""

from __future__ import annotations

import asyncio
import logging

import pytest

from vineview.clock import ManualClock
from vineview.core import (
    BreakerState,
    ByteCache,
    CircuitBreaker,
    LoadState,
    ManagerView,
    ScriptedLoader,
    VideoEvent,
    VideoManager,
    VideoManagerConfig,
)
from vineview.core.loading import Fail, Hang, ScriptedController, Succeed
from vineview.errors import ConfigError, LoadError, VideoManagerError

S = LoadState
GONE = LoadError("gone", status=404)
BUSY = LoadError("busy", status=500)


def of_kind(heard, kind):
    return [change for change in heard if change.kind == kind]


def ready(manager):
    return {event.id for event in manager.ready_videos}


async def preload(manager, clock, video_id, seconds=1.0):
    task = asyncio.create_task(manager.preload_video(video_id))
    await clock.advance(seconds)
    return task.result()


@pytest.fixture
async def full(manager, clock, feed) -> VideoManager:
    """Ten videos asked for by name, v0 to v9, all ready; the viewer is at v5."""
    manager.add_video_events(feed(60))
    manager.preload_around_index(5)
    for at in range(10):
        await preload(manager, clock, f"v{at}")
    assert len(manager.ready_videos) == 10
    return manager


class TestPlaying:
    async def test_one_at_a_time(self, full):
        full.resume_video("v1")
        full.resume_video("v2")
        playing = [at for at in range(10) if full.get_controller(f"v{at}").is_playing]
        assert playing == [2]

    async def test_pausing_keeps_the_controller(self, full):
        full.resume_video("v1")
        full.pause_video("v1")
        full.pause_video("v1")
        assert not full.get_controller("v1").is_playing
        full.resume_video("v1")
        full.pause_all_videos()
        full.pause_all_videos()
        assert not full.get_controller("v1").is_playing
        assert len(full.ready_videos) == 10

    async def test_what_cannot_play_is_left_alone(self, full):
        full.resume_video("v1")
        for video_id in ("v30", "nobody"):
            full.resume_video(video_id)
            full.pause_video(video_id)
        assert full.get_controller("v1").is_playing


class TestStopAndDispose:
    async def test_stop_frees_everything_and_the_feed_stays(self, full, loader, clock):
        loader.set_script("v20", Hang())
        loader.set_script("v21", Fail(BUSY, after_s=0))
        waiting = asyncio.create_task(full.preload_video("v20"))
        await preload(full, clock, "v21", 0.1)
        full.stop_all_videos()
        await clock.advance(60)
        assert loader.live == set()
        assert loader.in_flight == 0
        assert waiting.result().loading_state is S.NOT_LOADED
        assert full.get_video_state("v21").loading_state is S.FAILED
        assert loader.started.count("v21") == 1
        assert len(full.videos) == 60
        assert ready(full) == set()

    async def test_disposing_one_frees_it_and_it_can_come_back(self, full, loader, clock):
        loader.set_script("v3", Succeed())
        full.dispose_video("v3")
        state = full.get_video_state("v3")
        assert state.is_disposed
        assert full.get_controller("v3") is None
        assert "v3" in [event.id for event in full.videos]
        full.dispose_video("v3")
        full.dispose_video("nobody")
        assert full.get_video_state("v3") is state
        assert (await preload(full, clock, "v3")).is_ready
        assert full.get_video_state("v3").retry_count == 0

    async def test_a_waiting_retry_dies_with_its_video(self, manager, loader, clock, clip):
        loader.set_script("a", Fail(BUSY, after_s=0))
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a", 0.1)
        manager.dispose_video("a")
        await clock.advance(60)
        assert loader.started == ["a"]


class TestMemoryPressure:
    async def test_keeps_one_each_side(self, full, loader, listen):
        heard = listen(full)
        assert await full.handle_memory_pressure() == 7
        assert ready(full) == {"v4", "v5", "v6"}
        assert len(full.videos) == 60
        assert full.get_video_state("v0").loading_state is S.NOT_LOADED
        (told,) = of_kind(heard, "memory_pressure")
        assert told.data == {
            "memory_mb": 200.0,
            "controllers_before": 10,
            "controllers_disposed": 7,
            "keep_ahead": 1,
            "keep_behind": 1,
        }
        info = full.get_debug_info()
        assert info["controllers"] < 5
        assert info["estimatedMemoryMB"] < 200

    @pytest.mark.parametrize(
        ("ahead", "behind", "kept"), [(1, 0, {"v5", "v6"}), (0, 0, {"v5"}), (2, 1, {*"4567"})]
    )
    async def test_the_sides_can_be_chosen(self, full, ahead, behind, kept):
        await full.handle_memory_pressure(keep_ahead=ahead, keep_behind=behind)
        assert ready(full) == {f"v{name.removeprefix('v')}" for name in kept}

    async def test_a_second_pass_changes_only_the_counter(self, full, clock):
        await full.handle_memory_pressure()
        before = full.get_debug_info()
        await clock.advance(5)
        assert await full.handle_memory_pressure() == 0
        after = full.get_debug_info()
        assert after["metrics"].pop("memoryPressureCount") == 2
        assert before["metrics"].pop("memoryPressureCount") == 1
        cleaned = after["metrics"].pop("lastCleanupTime"), before["metrics"].pop("lastCleanupTime")
        assert cleaned[0] > cleaned[1]
        assert before == after

    async def test_gives_up_loads_and_retries_outside(self, manager, loader, clock, feed):
        loader.set_script("v2", Hang())
        loader.set_script("v3", Fail(BUSY, after_s=0))
        loader.set_script("v1", Fail(BUSY, after_s=0))
        manager.add_video_events(feed(10))
        manager.preload_around_index(0)
        await clock.advance(0.05)
        await manager.handle_memory_pressure()
        assert manager.get_video_state("v2").loading_state is S.NOT_LOADED
        assert manager.get_video_state("v3").loading_state is S.NOT_LOADED
        assert manager.get_video_state("v1").loading_state is S.FAILED
        await clock.advance(60)
        assert loader.started.count("v3") == 1
        assert loader.started.count("v1") == 4

    async def test_forgets_failures_so_that_they_may_be_tried_again(
        self, manager, loader, clock, feed
    ):
        loader.set_script("v0", [Fail(GONE), Succeed()])
        manager.add_video_events([*feed(2), VideoEvent(id="no-url", created_at=-1)])
        manager.preload_around_index(0)
        await clock.advance(1)
        assert manager.failure_patterns == {"https://clips.example/v0.mp4"}
        await manager.handle_memory_pressure()
        state = manager.get_video_state("v0")
        assert (state.loading_state, state.retry_count) == (S.NOT_LOADED, 0)
        assert manager.get_video_state("no-url").has_failed, "no URL was cleared for this one"
        assert manager.get_debug_info()["failurePatterns"] == 0
        assert (await preload(manager, clock, "v0")).is_ready

    async def test_without_measured_bytes_it_tells_the_estimate(self, manager, loader, clock, clip):
        loader.default = Succeed(held_bytes=0)
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a")
        heard = []
        manager.subscribe(heard.append)
        await manager.handle_memory_pressure()
        assert heard[0].data["memory_mb"] == 20

    async def test_an_empty_feed_is_counted_too(self, manager, clock):
        assert await manager.handle_memory_pressure() == 0
        assert manager.metrics.memory_pressure_count == 1
        assert manager.metrics.last_cleanup_at == clock.utc()

    @pytest.mark.parametrize("field", ["keep_ahead", "keep_behind"])
    async def test_nonsense_is_refused(self, manager, field):
        with pytest.raises(ConfigError, match=field):
            await manager.handle_memory_pressure(**{field: -1})
        assert manager.metrics.memory_pressure_count == 0


class TestClearFailurePatterns:
    async def test_lets_failed_videos_be_tried_again(self, manager, loader, clock, clip):
        loader.set_script("a", [Fail(GONE), Succeed()])
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a")
        manager.clear_failure_patterns()
        assert (await preload(manager, clock, "a")).is_ready

    async def test_one_address_is_forgotten_alone(self, manager, loader, clock, clip):
        loader.default = Fail(GONE)
        manager.add_video_events([clip("a"), clip("b")])
        for name in ("a", "b"):
            await preload(manager, clock, name)
        manager.clear_failure_patterns(clip("a").video_url)
        states = [manager.get_video_state(name).loading_state for name in ("a", "b")]
        assert states == [S.NOT_LOADED, S.PERMANENTLY_FAILED]
        assert manager.failure_patterns == {clip("b").video_url}

    async def test_the_set_is_bounded(self, make_manager, loader, clock, feed):
        """The newest thousand are remembered, however many fail."""
        loader.default = Fail(GONE, after_s=0)
        breaker = CircuitBreaker(clock=clock, failure_threshold=10**9)
        manager = make_manager(VideoManagerConfig(max_videos=1003), breaker=breaker)
        manager.add_video_events(feed(1003))
        for at in range(1003):
            await preload(manager, clock, f"v{at}", 0)
        assert len(manager.failure_patterns) == 1000
        assert "https://clips.example/v2.mp4" not in manager.failure_patterns
        assert "https://clips.example/v3.mp4" in manager.failure_patterns


class TestApplyConfig:
    async def test_enforces_limit_cap_and_window_at_once(self, full, loader, clock, listen):
        heard = listen(full)
        before = full.metrics
        full.apply_config(VideoManagerConfig.emergency(), reason="emergency mode")
        assert heard[0].kind == "config"
        assert heard[0].data["reason"] == "emergency mode"
        assert heard[0].data["config"]["max_videos"] == 25
        assert len(full.videos) == 25
        assert ready(full) == {f"v{at}" for at in range(2, 9)}
        assert full.get_debug_info()["config"]["maxVideos"] == 25
        assert full.metrics.preload_success_count == before.preload_success_count
        assert full.config == VideoManagerConfig.emergency()

    async def test_a_smaller_cap_evicts_the_farthest(self, full):
        full.apply_config(VideoManagerConfig(max_controllers=3))
        assert ready(full) == {"v4", "v5", "v6"}

    async def test_a_wider_window_loads_once_the_viewer_has_been_anywhere(
        self, make_manager, loader, clock, feed
    ):
        manager = make_manager(VideoManagerConfig.cellular())
        manager.add_video_events(feed(20))
        manager.apply_config(VideoManagerConfig.wifi())
        await clock.advance(1)
        assert loader.started == []
        manager.apply_config(VideoManagerConfig.cellular())
        manager.preload_around_index(5)
        await clock.advance(1)
        assert ready(manager) == {"v5", "v6"}
        manager.apply_config(VideoManagerConfig.for_network("wifi"))
        await clock.advance(1)
        assert ready(manager) == {f"v{at}" for at in range(3, 11)}

    async def test_loads_are_given_up_when_the_cap_shrinks_below_them(
        self, make_manager, loader, clock, feed
    ):
        loader.default = Hang()
        manager = make_manager()
        manager.add_video_events(feed(20))
        manager.preload_around_index(5)
        await clock.advance(0)
        assert loader.in_flight == 5
        manager.apply_config(VideoManagerConfig(max_controllers=2))
        await clock.advance(0)
        assert loader.in_flight == 2
        assert manager.get_video_state("v5").is_loading

    async def test_the_timeout_and_the_retries_are_those_in_force(
        self, manager, loader, clock, clip
    ):
        loader.set_script("a", Hang())
        manager.add_video_event(clip("a"))
        manager.apply_config(VideoManagerConfig(preload_timeout_s=2, max_retries=1))
        await preload(manager, clock, "a", 30)
        assert manager.metrics.preload_failure_count == 2
        assert manager.get_video_state("a").loading_state is S.PERMANENTLY_FAILED

    @pytest.mark.parametrize("config", [None, {"max_videos": 5}, "wifi"])
    def test_what_is_no_configuration_is_refused(self, manager, config):
        with pytest.raises(ConfigError, match=r"VideoManagerConfig\.wifi"):
            manager.apply_config(config)
        with pytest.raises(ConfigError):
            VideoManager(config=config or "wifi")

    def test_without_a_loop_it_frees_and_leaves_loading_for_later(self, clip):
        clock = ManualClock()
        loader = ScriptedLoader(clock=clock)
        manager = VideoManager(config=VideoManagerConfig.cellular(), loader=loader, clock=clock)

        async def look():
            manager.add_video_events(clip(f"v{at}", 10 - at) for at in range(10))
            manager.preload_around_index(0)
            await clock.advance(1)

        asyncio.run(look())
        manager.apply_config(VideoManagerConfig.wifi())
        assert ready(manager) == {"v0", "v1"}
        manager.apply_config(VideoManagerConfig(max_controllers=1))
        assert ready(manager) == {"v0"}
        manager.dispose()
        assert loader.live == set()

    def test_an_empty_feed_is_no_matter(self, manager):
        manager.apply_config(VideoManagerConfig.wifi())
        assert manager.config == VideoManagerConfig.wifi()


class TestBreaker:
    async def test_a_known_bad_url_is_not_tried_for_another_video(
        self, manager, loader, clock, clip
    ):
        loader.set_script("a", Fail(GONE))
        url = "https://clips.example/same.mp4"
        manager.add_video_events([clip("a", video_url=url), clip("b", video_url=url)])
        await preload(manager, clock, "a")
        state = await preload(manager, clock, "b")
        assert state.loading_state is S.NOT_LOADED
        assert manager.metrics.preload_count == 1

    async def test_a_success_takes_the_url_back(self, manager, loader, clock, clip):
        url = "https://clips.example/same.mp4"
        loader.set_script("a", Fail(GONE, after_s=0))
        loader.set_script("b", Succeed(after_s=2))
        manager.add_video_events([clip("a", video_url=url), clip("b", video_url=url)])
        task = asyncio.create_task(manager.preload_video("b"))
        await preload(manager, clock, "a")
        assert manager.failure_patterns == {url}
        await clock.advance(2)
        assert task.result().is_ready
        assert manager.failure_patterns == set()

    async def test_five_finished_failures_stop_new_loads_unchanged_and_uncounted(
        self, manager, loader, clock, feed, listen
    ):
        manager.add_video_events(feed(20))
        for at in range(5):
            loader.set_script(f"v{at}", Fail(GONE))
        heard = listen(manager)
        manager.preload_around_index(0)
        await clock.advance(1)
        await preload(manager, clock, "v4")
        assert manager.breaker.state is BreakerState.OPEN
        (trip,) = [change for change in of_kind(heard, "breaker") if change.data["trip"]]
        assert trip.data == {
            "from": "closed",
            "to": "open",
            "reason": "5 failures in 5 min",
            "url": "https://clips.example/v4.mp4",
            "trip": True,
        }
        assert manager.metrics.circuit_breaker_trips == 1
        state = await manager.preload_video("v10")
        assert state.loading_state is S.NOT_LOADED
        assert manager.metrics.preload_count == 5
        await clock.advance(120)
        assert (await preload(manager, clock, "v10")).is_ready

    async def test_single_attempts_do_not_count(self, manager, loader, clock, feed):
        manager.add_video_events(feed(20))
        for at in range(4):
            loader.set_script(f"v{at}", Fail(BUSY, after_s=0))
        manager.preload_around_index(0)
        await clock.advance(60)
        assert manager.metrics.preload_failure_count == 16
        assert manager.breaker.state is BreakerState.CLOSED

    async def test_an_admitted_video_keeps_its_retries(self, manager, loader, clock, feed):
        manager.add_video_events(feed(20))
        loader.set_script("v0", [Fail(BUSY, after_s=0), Succeed()])
        await preload(manager, clock, "v0", 0.1)
        for _ in range(5):
            manager.breaker.record_failure("https://clips.example/v0.mp4")
        assert manager.breaker.state is BreakerState.OPEN
        await clock.advance(2)
        assert manager.get_video_state("v0").is_ready

    async def test_a_probe_given_up_leaves_its_place(self, manager, loader, clock, feed):
        loader.default = Hang()
        manager.add_video_events(feed(20))
        for at in range(5):
            manager.breaker.record_failure(f"https://elsewhere.example/{at}")
        await clock.advance(120)
        for video_id in ("v0", "v1", "v2"):
            asyncio.create_task(manager.preload_video(video_id))  # noqa: RUF006  # ends with it
        await clock.advance(0)
        assert (await manager.preload_video("v3")).loading_state is S.NOT_LOADED
        manager.dispose_video("v1")
        asyncio.create_task(manager.preload_video("v3"))  # noqa: RUF006  # ends with it
        await clock.advance(0)
        assert manager.get_video_state("v3").is_loading

    async def test_a_full_house_gives_the_probe_back(self, make_manager, clock, feed):
        manager = make_manager(VideoManagerConfig(max_controllers=1))
        manager.add_video_events(feed(20))
        await preload(manager, clock, "v0")
        for at in range(5):
            manager.breaker.record_failure(f"https://elsewhere.example/{at}")
        await clock.advance(120)
        for _ in range(5):
            await manager.preload_video("v9")
        assert manager.breaker.allow("u")

    async def test_pressure_clears_urls_and_leaves_the_breaker_to_its_own_reset(
        self, manager, loader, clock, clip
    ):
        for _ in range(5):
            manager.breaker.record_failure("https://clips.example/a.mp4")
        await manager.handle_memory_pressure()
        assert manager.breaker.state is BreakerState.OPEN
        assert not manager.breaker.is_blocked("https://clips.example/a.mp4")
        manager.breaker.reset()
        manager.add_video_event(clip("a"))
        assert (await preload(manager, clock, "a")).is_ready


class TestRecord:
    def test_what_others_saw_reaches_the_listeners(self, manager, listen):
        heard = listen(manager)
        manager.record("playback", video_id="a", event="stall", duration_ms=40)
        manager.record("crash", reason="out of memory")
        assert heard[0].data == {"event": "stall", "duration_ms": 40}
        assert heard[1].kind == "crash"
        assert manager.metrics.app_crashes == 1

    @pytest.mark.parametrize("kind", ["transition", "feed", "gossip", "breaker"])
    def test_what_only_the_manager_can_know_is_refused(self, manager, kind):
        with pytest.raises(VideoManagerError, match="playback"):
            manager.record(kind)


class TestReading:
    async def test_debug_info_has_the_keys_and_types_of_the_reference(self, full):
        await full.handle_memory_pressure()
        info = full.get_debug_info()
        assert {key: type(value) for key, value in info.items()} == {
            "totalVideos": int,
            "readyVideos": int,
            "loadingVideos": int,
            "failedVideos": int,
            "activeControllers": int,
            "controllers": int,
            "activePreloads": int,
            "failurePatterns": int,
            "currentIndex": int,
            "disposed": bool,
            "estimatedMemoryMB": int,
            "memoryUtilization": str,
            "config": dict,
            "metrics": dict,
            "maxVideos": int,
            "preloadAhead": int,
            "memoryManagement": bool,
        }
        assert info["controllers"] == info["activeControllers"] == 3
        assert info["estimatedMemoryMB"] == 60
        assert info["memoryUtilization"] == "20.0"
        assert info["currentIndex"] == 5
        assert info["config"] == {
            "maxVideos": 100,
            "preloadAhead": 3,
            "preloadBehind": 1,
            "maxRetries": 3,
            "preloadTimeout": 10_000,
            "enableMemoryManagement": True,
            "maxControllers": 15,
            "memoryPerControllerMB": 20,
        }
        assert info["metrics"] == {
            "preloadCount": 10,
            "preloadSuccessCount": 10,
            "preloadFailureCount": 0,
            "preloadSuccessRate": "100.0",
            "preloadSuccessRatePct": 100.0,
            "memoryPressureCount": 1,
            "lastCleanupTime": "2026-01-01T00:00:10+00:00",
        }

    async def test_health_is_the_payload_of_the_guide(self, full):
        assert full.get_health_status() == {
            "status": "healthy",
            "memory_mb": 200,
            "controllers": 10,
            "ready_videos": 10,
            "timestamp": "2026-01-01T00:00:10+00:00",
        }

    async def test_a_controller_nobody_owns_is_called_a_leak(self, full, clip, caplog):
        full._ledger.add(clip("stray"))
        stray = full._ledger.record("stray")
        for at in range(10):
            full.dispose_video(f"v{at}")
        full._pool.hold(stray, ScriptedController(stray.event))
        with caplog.at_level(logging.WARNING):
            full.get_debug_info()
        assert "possible leak: 1 controllers for 0 ready videos" in caplog.text
        assert full.get_health_status()["status"] == "warning"

    def test_has_the_shape_consumers_rely_on(self, manager):
        assert isinstance(manager, ManagerView)

    def test_counters_handed_out_are_copies(self, manager):
        manager.metrics.preload_count = 99
        assert manager.metrics.preload_count == 0

    def test_what_was_given_can_be_read(self, clock, loader):
        cache, breaker = ByteCache(), CircuitBreaker(clock=clock)
        manager = VideoManager(loader=loader, clock=clock, cache=cache, breaker=breaker)
        assert (manager.clock, manager.loader, manager.cache) == (clock, loader, cache)
        assert manager.breaker is breaker
        assert not manager.is_disposed

    async def test_debug_mode_logs_each_transition(self, manager, clock, clip, caplog):
        caplog.set_level(logging.DEBUG, "vineview.core")
        manager.add_video_events([clip("a"), clip("b")])
        await preload(manager, clock, "a")
        assert caplog.text == ""
        manager.debug_mode = True
        assert manager.debug_mode
        await preload(manager, clock, "b")
        assert "'b': not_loaded -> loading" in caplog.text
        assert "'b': loading -> ready" in caplog.text

    def test_shows_itself_in_one_line(self, manager, feed):
        manager.add_video_events(feed(3))
        assert (
            repr(manager) == "VideoManager(videos=3, ready=0, loading=0, failed=0, controllers=0)"
        )

    def test_works_with_the_machines_clock(self, clip):
        manager = VideoManager()
        manager.add_video_event(clip("a"))
        assert manager.get_video_state("a").last_updated.tzinfo is not None


class TestDispose:
    async def test_during_a_load_leaves_nothing_alive(self, manager, loader, clock, feed):
        manager.add_video_events(feed(10))
        manager.preload_around_index(0)
        await clock.advance(0.1)
        waiting = asyncio.create_task(manager.preload_video("v8"))
        await clock.advance(0.05)
        heard = []
        manager.subscribe(heard.append)
        manager.dispose()
        await clock.advance(60)
        assert loader.live == set()
        assert loader.in_flight == 0
        assert heard == []
        assert waiting.result().is_disposed

    async def test_by_a_listener_at_the_start_of_a_load_lets_the_caller_go(
        self, manager, loader, clock, clip
    ):
        manager.add_video_event(clip("a"))
        manager.subscribe(lambda change: manager.dispose())
        assert (await manager.preload_video("a")).is_disposed
        await clock.advance(1)
        assert loader.live == set()

    async def test_everything_but_adding_and_preloading_is_inert(self, full, clip):
        full.dispose()
        full.dispose()
        with pytest.raises(VideoManagerError, match="disposed"):
            full.add_video_event(clip("z"))
        with pytest.raises(VideoManagerError, match="disposed") as caught:
            await full.preload_video("v1")
        assert caught.value.video_id == "v1"
        config = full.config
        full.preload_around_index(3)
        full.pause_video("v1")
        full.resume_video("v1")
        full.pause_all_videos()
        full.stop_all_videos()
        full.dispose_video("v1")
        full.clear_failure_patterns()
        full.apply_config(VideoManagerConfig.emergency())
        full.replace_video("v1", clip("z"))
        full.record("crash")
        assert not full.remove_video("v1")
        assert await full.handle_memory_pressure() == 0
        assert full.config is config
        assert (full.videos, full.ready_videos, full.current_index) == ((), (), 0)
        assert full.get_video_state("v1") is None
        assert full.get_controller("v1") is None
        info = full.get_debug_info()
        assert info["disposed"]
        assert [info[key] for key in ("totalVideos", "controllers", "failurePatterns")] == [0, 0, 0]
        assert full.metrics.memory_pressure_count == 0
        assert full.metrics.app_crashes == 0
        assert full.get_health_status()["controllers"] == 0

    async def test_the_last_thing_heard_is_a_controller_that_would_not_go(self, clock, clip):
        class Clinging(ScriptedController):
            def release(self):
                raise OSError("still busy")

        class OneLoader:
            async def load(self, event):
                return Clinging(event)

        heard = []
        async with VideoManager(loader=OneLoader(), clock=clock) as manager:
            manager.add_video_event(clip("a"))
            await preload(manager, clock, "a")
            manager.subscribe(heard.append)
        assert [change.data["where"] for change in heard] == ["release"]
        assert manager.metrics.disposal_errors == 1

    async def test_no_task_outlives_aclose(self, manager, loader, clock, feed):
        before = asyncio.all_tasks()
        loader.set_script("v1", Fail(BUSY, after_s=0))
        manager.add_video_events(feed(10))
        manager.preload_around_index(0)
        await clock.advance(0.05)
        assert len(asyncio.all_tasks()) > len(before)
        await manager.aclose()
        assert asyncio.all_tasks() == before

    async def test_a_breaker_shared_with_others_is_left(self, clock, loader):
        breaker = CircuitBreaker(clock=clock, failure_threshold=1)
        manager = VideoManager(loader=loader, clock=clock, breaker=breaker)
        await manager.aclose()
        breaker.record_failure("u")
        assert manager.metrics.circuit_breaker_trips == 0

    def test_a_loop_that_ends_gives_up_its_loads(self, clip):
        clock = ManualClock()
        loader = ScriptedLoader(clock=clock, script={"b": Fail(BUSY, after_s=0)}, default=Hang())
        manager = VideoManager(loader=loader, clock=clock)

        async def leave_it_running():
            manager.add_video_events([clip("a", 2), clip("b", 1)])
            manager.preload_around_index(0)
            await clock.advance(0)

        asyncio.run(leave_it_running())
        assert manager.get_video_state("a").loading_state is S.NOT_LOADED
        assert manager.get_video_state("b").loading_state is S.FAILED
        manager.dispose()
        assert loader.live == set()
