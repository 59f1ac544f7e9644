"""Preloading: one attempt and its outcome, timeouts, retries, room under the cap, GIFs."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from vineview.clock import ManualClock
from vineview.core import ErrorClass, LoadState, ScriptedLoader, VideoManager, VideoManagerConfig
from vineview.core.breaker import BreakerState
from vineview.core.loading import Fail, Hang, ScriptedController, Succeed
from vineview.errors import ConfigError, LoadError, LoadTimeout, VideoManagerError

S = LoadState


def states(manager):
    return {e.id: manager.get_video_state(e.id).loading_state for e in manager.videos}


def of_kind(heard, kind):
    return [change for change in heard if change.kind == kind]


async def preload(manager, clock, video_id, seconds=1.0):
    """The state after one attempt."""
    task = asyncio.create_task(manager.preload_video(video_id))
    await clock.advance(seconds)
    assert task.done()
    return task.result()


class TestOneAttempt:
    async def test_a_video_becomes_ready_and_has_its_controller(self, manager, clock, clip):
        manager.add_video_event(clip("a"))
        task = asyncio.create_task(manager.preload_video("a"))
        await clock.advance(0)
        assert manager.get_video_state("a").is_loading
        assert manager.get_controller("a") is None
        await clock.advance(0.1)
        assert (await task).is_ready
        assert manager.get_controller("a").event.id == "a"
        assert manager.held_bytes == 20 * 2**20
        assert [event.id for event in manager.ready_videos] == ["a"]

    async def test_the_caller_waits_for_one_attempt_only(self, manager, loader, clock, clip):
        loader.set_script("a", [Fail(LoadError("busy", status=500)), Succeed()])
        manager.add_video_event(clip("a"))
        state = await preload(manager, clock, "a", 0.1)
        assert state.loading_state is S.FAILED
        assert state.can_retry
        assert (state.error, state.error_class) == ("busy", ErrorClass.SERVER_ERROR)
        await clock.advance(2)
        assert manager.get_video_state("a").is_ready

    async def test_a_second_call_waits_for_the_same_attempt(self, manager, loader, clock, clip):
        manager.add_video_event(clip("a"))
        tasks = [asyncio.create_task(manager.preload_video("a")) for _ in range(3)]
        await clock.advance(1)
        assert [(await task).is_ready for task in tasks] == [True] * 3
        assert loader.started == ["a"]

    async def test_giving_up_waiting_does_not_stop_the_load(self, manager, loader, clock, clip):
        manager.add_video_event(clip("a"))
        impatient = asyncio.create_task(manager.preload_video("a"))
        patient = asyncio.create_task(manager.preload_video("a"))
        await clock.advance(0)
        impatient.cancel()
        await clock.advance(1)
        assert impatient.cancelled()
        assert (await patient).is_ready
        assert loader.cancelled == []

    async def test_what_needs_no_load_starts_none(self, manager, loader, clock, clip):
        loader.set_script("bad", Fail(LoadError("gone", status=404)))
        manager.add_video_events([clip("a"), clip("bad")])
        await preload(manager, clock, "a")
        await preload(manager, clock, "bad")
        assert (await manager.preload_video("a")).is_ready
        state = await manager.preload_video("bad")
        assert state.loading_state is S.PERMANENTLY_FAILED
        assert loader.started == ["a", "bad"]

    async def test_an_unknown_video_is_refused_by_name(self, manager):
        with pytest.raises(VideoManagerError) as caught:
            await manager.preload_video("nobody")
        assert caught.value.video_id == "nobody"
        assert "add_video_event" in str(caught.value)

    @pytest.mark.parametrize("url", [None, "", "clip.mp4", "https://"])
    async def test_an_unusable_url_is_the_callers_mistake(self, manager, loader, clip, url):
        manager.add_video_event(clip("a", video_url=url))
        with pytest.raises(VideoManagerError, match="URL") as caught:
            await manager.preload_video("a")
        assert caught.value.video_id == "a"
        state = manager.get_video_state("a")
        assert state.loading_state is S.PERMANENTLY_FAILED
        assert state.error
        assert loader.started == []
        assert manager.metrics.preload_count == 0

    async def test_the_export_is_told_of_each_attempt(self, manager, loader, clock, clip, listen):
        loader.set_script("a", [Fail(LoadError("slow", status=503), after_s=0.25), Succeed()])
        heard = listen(manager)
        manager.add_video_event(clip("a", mime_type="video/mp4"))
        await preload(manager, clock, "a", 5)
        failed, succeeded = (change.data for change in of_kind(heard, "preload"))
        assert failed == {
            "success": False,
            "duration_ms": 250.0,
            "bytes": None,
            "error": "slow",
            "error_class": "server_error",
            "mime_type": "video/mp4",
            "cache_hit": None,
            "host": "clips.example",
            "attempt": 1,
        }
        assert succeeded["success"]
        assert succeeded["bytes"] == 20 * 2**20
        assert succeeded["attempt"] == 2

    async def test_what_a_controller_knows_of_itself_is_told(self, make_manager, clock, clip):
        class Rich(ScriptedController):
            mime_type = 'video/mp4; codecs="avc1.4d401f"'
            cache_hit = True

        class OneLoader:
            async def load(self, event):
                return Rich(event)

        manager = make_manager(loader=OneLoader())
        heard = []
        manager.subscribe(heard.append)
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a")
        (told,) = of_kind(heard, "preload")
        assert (told.data["cache_hit"], told.data["mime_type"]) == (True, Rich.mime_type)

    def test_without_an_event_loop_it_says_so(self, clip):
        clock = ManualClock()
        manager = VideoManager(loader=ScriptedLoader(clock=clock), clock=clock)
        manager.add_video_event(clip("a"))
        with pytest.raises(VideoManagerError, match="no event loop"):
            manager.preload_around_index(0)
        assert manager.get_video_state("a").loading_state is S.NOT_LOADED


class TestTimeout:
    async def test_fails_the_attempt_and_frees_the_half_made(
        self, make_manager, loader, clock, clip
    ):
        loader.set_script("a", Hang())
        manager = make_manager(VideoManagerConfig(preload_timeout_s=4, max_retries=0))
        manager.add_video_event(clip("a"))
        task = asyncio.create_task(manager.preload_video("a"))
        await clock.advance(3.9)
        assert manager.get_video_state("a").is_loading
        await clock.advance(0.1)
        state = await task
        assert state.loading_state is S.PERMANENTLY_FAILED
        assert state.error_class is ErrorClass.TIMEOUT
        assert "4 s" in state.error
        await clock.advance(0)
        assert loader.cancelled == ["a"]

    async def test_needs_three_methods_of_a_clock_only(self, clip):
        inner = ManualClock()

        class PlainClock:
            now, utc, sleep = inner.now, inner.utc, inner.sleep

        loader = ScriptedLoader(clock=inner, default=Hang())
        config = VideoManagerConfig.testing()
        async with VideoManager(config=config, loader=loader, clock=PlainClock()) as manager:
            manager.add_video_event(clip("a"))
            manager.preload_around_index(0)
            await inner.advance(0.5)
            assert manager.get_video_state("a").error_class is ErrorClass.TIMEOUT

    async def test_a_load_that_ends_at_the_very_moment_made_it(self, clip):
        alarms = []

        class HandClock:
            def now(self):
                return float(bool(alarms and alarms[0].done())) * 10

            utc = ManualClock().utc

            async def sleep(self, seconds):
                if seconds:
                    alarms.append(asyncio.get_running_loop().create_future())
                    await alarms[-1]

        finished = asyncio.get_running_loop().create_future()

        class OneLoader:
            async def load(self, event):
                return await finished

        async with VideoManager(loader=OneLoader(), clock=HandClock()) as manager:
            manager.add_video_event(clip("a"))
            manager.preload_around_index(0)
            await asyncio.sleep(0)
            alarms[0].set_result(None)
            finished.set_result(ScriptedController(clip("a")))
            for _ in range(3):
                await asyncio.sleep(0)
            assert manager.get_video_state("a").is_ready

    async def test_a_clock_that_breaks_fails_the_attempt(self, make_manager, loader, clip):
        clock = ManualClock()

        class Broken:
            now, utc = clock.now, clock.utc

            async def sleep(self, seconds):
                if seconds:
                    raise OSError("no timer")

        loader.default = Hang()
        config = VideoManagerConfig(max_retries=1)
        heard = []
        async with VideoManager(config=config, loader=loader, clock=Broken()) as manager:
            manager.subscribe(heard.append)
            manager.add_video_event(clip("a"))
            manager.preload_around_index(0)
            await clock.advance(0)
            assert manager.get_video_state("a").error == "OSError: no timer"
        assert [change.data["where"] for change in of_kind(heard, "error")] == ["retry"]


class TestRetries:
    async def test_follow_at_about_one_two_and_four_seconds(self, manager, loader, clock, clip):
        loader.set_script("a", Fail(LoadError("busy", status=500), after_s=0))
        began = []
        manager.subscribe(
            lambda change: (
                change.kind == "transition"
                and change.after.is_loading
                and began.append(clock.now())
            )
        )
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a", 60)
        waits = [later - earlier for earlier, later in itertools.pairwise(began)]
        assert len(waits) == 3
        for wait, base in zip(waits, (1, 2, 4), strict=True):
            assert base <= wait <= base * 1.5
        state = manager.get_video_state("a")
        assert (state.loading_state, state.retry_count) == (S.PERMANENTLY_FAILED, 3)

    @pytest.mark.parametrize(
        "error", [LoadError("", status=404), LoadError("", None, "FORMAT_ERROR")]
    )
    async def test_hopeless_errors_get_none(self, manager, loader, clock, clip, error):
        loader.set_script("a", Fail(error))
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a", 60)
        state = manager.get_video_state("a")
        assert (state.loading_state, state.retry_count) == (S.PERMANENTLY_FAILED, 0)
        assert loader.started == ["a"]

    async def test_bad_ranges_get_one_more_try_without_them(self, manager, loader, clock, clip):
        loader.set_script("a", [Fail(LoadError("", status=416)), Succeed()])
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a", 5)
        assert manager.get_video_state("a").is_ready
        assert loader.rangeless == ["a"]

    async def test_and_then_no_other(self, manager, loader, clock, clip):
        loader.set_script("a", [Fail(LoadError("", status=416)), Fail(LoadError("", status=500))])
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a", 60)
        assert manager.get_video_state("a").loading_state is S.PERMANENTLY_FAILED
        assert (loader.started, loader.rangeless) == (["a", "a"], ["a"])

    async def test_a_loader_that_knows_no_other_way_is_asked_again(self, make_manager, clock, clip):
        class Plain:
            loads = 0

            async def load(self, event):
                self.loads += 1
                raise LoadError("", status=416)

        plain = Plain()
        manager = make_manager(loader=plain)
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a", 60)
        assert plain.loads == 2

    async def test_asking_again_does_not_wait_for_the_retry(self, manager, loader, clock, clip):
        loader.set_script("a", [Fail(LoadError("", status=500)), Succeed(), Hang()])
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a", 0.1)
        assert (await preload(manager, clock, "a", 0.1)).is_ready
        await clock.advance(60)
        assert loader.started == ["a", "a"]

    async def test_it_says_when_the_next_one_is_due(self, manager, loader, clock, clip):
        """The player counts the seconds down for whoever waits."""
        loader.set_script("a", [Fail(LoadError("", status=500), after_s=0), Succeed()])
        manager.add_video_event(clip("a"))
        assert manager.retry_in_s("a") is None
        manager.preload_around_index(0)
        await clock.advance(0)
        due = manager.retry_in_s("a")
        assert 1 <= due <= 1.5
        await clock.advance(0.5)
        assert manager.retry_in_s("a") == pytest.approx(due - 0.5)
        await clock.advance(2)
        assert manager.retry_in_s("a") is None
        assert manager.retry_in_s("unknown") is None

    async def test_navigation_leaves_a_due_retry_alone(self, manager, loader, clock, clip):
        loader.set_script("a", [Fail(LoadError("", status=500), after_s=0), Succeed()])
        manager.add_video_event(clip("a"))
        manager.preload_around_index(0)
        await clock.advance(0.5)
        manager.preload_around_index(0)
        assert manager.get_video_state("a").loading_state is S.FAILED
        await clock.advance(1.5)
        assert manager.get_video_state("a").is_ready

    async def test_scrolling_away_ends_them_and_back_tries_at_once(
        self, manager, loader, clock, feed
    ):
        loader.set_script("v0", [Fail(LoadError("", status=500), after_s=0), Succeed()])
        manager.add_video_events(feed(30))
        manager.preload_around_index(0)
        await clock.advance(0)
        manager.preload_around_index(20)
        await clock.advance(60)
        assert manager.get_video_state("v0").loading_state is S.FAILED
        assert loader.started.count("v0") == 1
        manager.preload_around_index(0)
        assert manager.get_video_state("v0").is_loading

    async def test_one_without_room_waits_once_more(self, make_manager, loader, clock, feed):
        loader.set_script("v5", [Fail(LoadError("", status=500), after_s=0), Succeed()])
        manager = make_manager(VideoManagerConfig(max_controllers=1, preload_ahead=0))
        manager.add_video_events(feed(6))
        await preload(manager, clock, "v5", 0.1)
        await preload(manager, clock, "v0", 0.1)
        await clock.advance(20)
        assert manager.get_video_state("v5").loading_state is S.FAILED
        assert manager.get_video_state("v0").is_ready
        manager.dispose_video("v0")
        await clock.advance(3)
        assert manager.get_video_state("v5").is_ready


class TestWindow:
    async def test_loads_outwards_from_the_current_one(self, make_manager, loader, clock, feed):
        manager = make_manager(VideoManagerConfig.wifi())
        manager.add_video_events(feed(50))
        manager.preload_around_index(10)
        await clock.advance(0)
        assert loader.started == [f"v{at}" for at in (10, 11, 9, 12, 8, 13, 14, 15)]

    async def test_a_range_replaces_the_number_ahead_only(self, manager, loader, clock, feed):
        manager.add_video_events(feed(50))
        manager.preload_around_index(10, 1)
        await clock.advance(0)
        assert loader.started == ["v10", "v11", "v9"]
        with pytest.raises(ConfigError, match="preload_range"):
            manager.preload_around_index(10, -1)

    async def test_an_empty_feed_is_no_matter(self, manager, loader):
        manager.preload_around_index(3)
        assert loader.started == []
        assert manager.current_index == 0

    async def test_what_leaves_the_keep_range_is_freed_or_given_up(
        self, manager, loader, clock, feed
    ):
        loader.set_script("v3", Hang())
        manager.add_video_events(feed(50))
        manager.preload_around_index(0)
        await clock.advance(1)
        manager.preload_around_index(20)
        await clock.advance(1)
        assert {name for name, state in states(manager).items() if state is S.READY} == {
            "v19",
            "v20",
            "v21",
            "v22",
            "v23",
        }
        assert loader.cancelled == ["v3"]
        assert len(loader.live) == 5
        assert set(states(manager).values()) == {S.READY, S.NOT_LOADED}

    async def test_what_stays_in_it_is_kept(self, manager, loader, clock, feed):
        manager.add_video_events(feed(50))
        manager.preload_around_index(10)
        await clock.advance(1)
        manager.preload_around_index(13)
        await clock.advance(1)
        assert manager.get_video_state("v10").is_ready
        assert manager.get_video_state("v9").loading_state is S.NOT_LOADED

    async def test_a_disposed_video_is_loaded_again_when_near(self, manager, clock, feed):
        manager.add_video_events(feed(3))
        manager.preload_around_index(0)
        await clock.advance(1)
        manager.dispose_video("v1")
        assert manager.get_video_state("v1").is_disposed
        manager.preload_around_index(1)
        await clock.advance(1)
        assert manager.get_video_state("v1").is_ready


class TestCap:
    async def test_fifty_at_once_never_exceed_it(self, manager, loader, clock, feed):
        manager.add_video_events(feed(50))
        most = 0

        def watch(change):
            nonlocal most
            info = manager.get_debug_info()
            most = max(most, info["activeControllers"] + info["activePreloads"])

        manager.subscribe(watch)
        tasks = [asyncio.create_task(manager.preload_video(f"v{at}")) for at in range(50)]
        for _ in range(20):
            await clock.advance(0.01)
            assert len(loader.live) + loader.in_flight <= 15
        assert most == 15
        assert all(task.done() for task in tasks)
        assert manager.get_video_state("v0").is_ready

    async def test_the_farthest_other_is_evicted(self, make_manager, clock, feed):
        manager = make_manager(VideoManagerConfig(max_controllers=3))
        manager.add_video_events(feed(20))
        for video_id in ("v0", "v10", "v5"):
            await preload(manager, clock, video_id)
        await preload(manager, clock, "v15")
        ready = {event.id for event in manager.ready_videos}
        assert ready == {"v0", "v5", "v15"}
        assert manager.get_video_state("v10").loading_state is S.NOT_LOADED
        assert manager.metrics.evicted_count == 1

    async def test_of_two_equally_far_the_one_behind_goes(self, make_manager, clock, feed):
        manager = make_manager(
            VideoManagerConfig(max_controllers=3, preload_ahead=0, preload_behind=0)
        )
        manager.add_video_events(feed(20))
        manager.preload_around_index(10)
        for video_id in ("v8", "v12"):
            await preload(manager, clock, video_id)
        await preload(manager, clock, "v13")
        assert {event.id for event in manager.ready_videos} == {"v10", "v12", "v13"}

    async def test_without_controllers_the_farthest_load_is_given_up(
        self, make_manager, loader, clock, feed
    ):
        loader.default = Hang()
        manager = make_manager(VideoManagerConfig(max_controllers=2))
        manager.add_video_events(feed(20))
        tasks = []
        for video_id in ("v0", "v9", "v5"):
            tasks.append(asyncio.create_task(manager.preload_video(video_id)))
            await clock.advance(0)
        assert tasks[1].result().loading_state is S.NOT_LOADED
        assert loader.cancelled == ["v9"]
        assert manager.metrics.preload_cancelled_count == 1

    async def test_the_current_one_is_never_given_up(self, make_manager, loader, clock, feed):
        manager = make_manager(VideoManagerConfig(max_controllers=1))
        manager.add_video_events(feed(20))
        await preload(manager, clock, "v0")
        state = await preload(manager, clock, "v9")
        assert state.loading_state is S.NOT_LOADED
        assert manager.get_video_state("v0").is_ready

    async def test_a_windows_retry_never_evicts_a_nearer_one(
        self, make_manager, loader, clock, feed
    ):
        manager = make_manager(
            VideoManagerConfig(max_controllers=3, preload_ahead=2, preload_behind=0)
        )
        manager.add_video_events(feed(20))
        loader.set_script("v12", [Fail(LoadError("", status=500), after_s=0), Succeed()])
        manager.preload_around_index(10)
        await clock.advance(0.5)
        await preload(manager, clock, "v11", 0.1)
        await preload(manager, clock, "v9", 0.1)
        await clock.advance(30)
        assert {event.id for event in manager.ready_videos} == {"v9", "v10", "v11"}
        assert manager.get_video_state("v12").loading_state is S.FAILED


class TestGifs:
    async def test_are_ready_without_a_controller(self, manager, loader, clip, listen):
        heard = listen(manager)
        manager.add_video_event(clip("g", video_url="https://clips.example/g.gif?w=1"))
        assert manager.get_video_state("g").is_ready
        assert manager.get_controller("g") is None
        assert (await manager.preload_video("g")).is_ready
        manager.preload_around_index(0)
        assert loader.started == []
        assert [change.kind for change in heard] == ["feed", "transition", "navigate"]
        info = manager.get_debug_info()
        assert (info["readyVideos"], info["activeControllers"]) == (1, 0)

    async def test_come_back_after_disposal(self, manager, clip):
        manager.add_video_event(clip("g", mime_type="image/gif"))
        manager.dispose_video("g")
        assert (await manager.preload_video("g")).is_ready

    async def test_survive_stop_and_pressure(self, manager, clip):
        manager.add_video_events([clip(f"g{at}", at, mime_type="image/gif") for at in range(9)])
        manager.stop_all_videos()
        await manager.handle_memory_pressure()
        assert len(manager.ready_videos) == 9


class TestMisbehavingLoaders:
    async def test_one_that_swallows_cancellation_leaks_nothing(self, make_manager, clock, clip):
        made = []

        class Stubborn:
            async def load(self, event):
                try:
                    await clock.sleep(100)
                except asyncio.CancelledError:
                    await clock.sleep(1)
                made.append(ScriptedController(event))
                return made[-1]

        manager = make_manager(loader=Stubborn())
        manager.add_video_event(clip("a"))
        task = asyncio.create_task(manager.preload_video("a"))
        await clock.advance(0)
        manager.dispose_video("a")
        await clock.advance(5)
        assert task.result().is_disposed
        assert [controller.release_count for controller in made] == [1]
        assert manager.get_controller("a") is None

    async def test_one_that_finishes_as_it_is_cancelled_leaks_nothing(
        self, make_manager, clock, clip
    ):
        class Quick:
            async def load(self, event):
                return made

        made = ScriptedController(clip("a"))
        manager = make_manager(loader=Quick())
        manager.add_video_event(clip("a"))
        task = asyncio.create_task(manager.preload_video("a"))
        await asyncio.sleep(0)  # the load is begun
        await asyncio.sleep(0)  # and done, but nobody has been told yet
        assert manager.get_video_state("a").is_loading
        manager.stop_all_videos()
        assert made.release_count == 1
        await clock.advance(1)
        assert made.release_count == 1
        assert task.result().loading_state is S.NOT_LOADED

    @pytest.mark.parametrize("returned", [None, object(), "controller"])
    async def test_what_is_no_controller_fails(self, make_manager, clock, clip, returned):
        class Odd:
            async def load(self, event):
                return returned

        manager = make_manager(VideoManagerConfig(max_retries=0), loader=Odd())
        manager.add_video_event(clip("a"))
        state = await preload(manager, clock, "a")
        assert "not a controller" in state.error

    async def test_one_that_is_no_coroutine_fails(self, make_manager, clock, clip):
        class Plain:
            def load(self, event):
                return ScriptedController(event)

        manager = make_manager(VideoManagerConfig(max_retries=0), loader=Plain())
        manager.add_video_event(clip("a"))
        assert (await preload(manager, clock, "a")).error_class is ErrorClass.UNKNOWN

    async def test_one_that_cancels_itself_is_not_loaded(self, make_manager, clock, clip):
        class Cancelling:
            async def load(self, event):
                raise asyncio.CancelledError

        manager = make_manager(loader=Cancelling())
        manager.add_video_event(clip("a"))
        assert (await preload(manager, clock, "a")).loading_state is S.NOT_LOADED
        assert manager.metrics.preload_cancelled_count == 1

    async def test_a_loaders_own_timeout_counts_as_one(self, manager, loader, clock, clip):
        loader.set_script("a", Fail(LoadTimeout("late", timeout_s=1)))
        manager.add_video_event(clip("a"))
        assert (await preload(manager, clock, "a", 0.1)).error_class is ErrorClass.TIMEOUT

    async def test_a_late_error_is_nobodys_business(self, make_manager, clock, clip):
        class Grumbling:
            async def load(self, event):
                try:
                    await clock.sleep(100)
                except asyncio.CancelledError:
                    raise LoadError("cancelled, and cross") from None

        manager = make_manager(loader=Grumbling())
        manager.add_video_event(clip("a"))
        task = asyncio.create_task(manager.preload_video("a"))
        await clock.advance(0)
        manager.stop_all_videos()
        await clock.advance(1)
        assert task.result().loading_state is S.NOT_LOADED
        assert manager.metrics.preload_failure_count == 0


class TestMisbehavingControllers:
    async def test_a_release_that_raises_is_counted_and_told(self, make_manager, clock, clip):
        class Clinging(ScriptedController):
            def release(self):
                super().release()
                raise OSError("still busy")

        class OneLoader:
            async def load(self, event):
                return Clinging(event)

        manager = make_manager(loader=OneLoader())
        heard = []
        manager.subscribe(heard.append)
        manager.add_video_event(clip("a"))
        await preload(manager, clock, "a")
        manager.dispose_video("a")
        assert manager.get_video_state("a").is_disposed
        assert manager.metrics.disposal_errors == 1
        (told,) = of_kind(heard, "error")
        assert told.video_id == "a"
        assert told.data == {"error": "OSError: still busy", "where": "release"}

    async def test_nonsense_about_bytes_counts_as_none(self, make_manager, clock, feed, caplog):
        class Odd(ScriptedController):
            @property
            def held_bytes(self):
                held = {"v0": -5, "v1": "many", "v2": None, "v3": 7, "v4": 10**400}
                return held[self.event.id]

            @held_bytes.setter
            def held_bytes(self, value):
                pass

            @property
            def mime_type(self):
                raise OSError("unknown")

        class OneLoader:
            async def load(self, event):
                return Odd(event)

        manager = make_manager(loader=OneLoader())
        manager.add_video_events(feed(5))
        manager.preload_around_index(1)
        await clock.advance(1)
        assert len(manager.ready_videos) == 5
        assert manager.held_bytes == 7
        assert await manager.handle_memory_pressure() == 2
        assert "cannot say what it holds" in caplog.text

    async def test_players_that_raise_are_told_and_harm_nobody(self, make_manager, clock, feed):
        class Deaf(ScriptedController):
            def play(self):
                raise OSError("no device")

        class OneLoader:
            async def load(self, event):
                return Deaf(event)

        manager = make_manager(loader=OneLoader())
        heard = []
        manager.add_video_events(feed(1))
        await preload(manager, clock, "v0")
        manager.subscribe(heard.append)
        manager.resume_video("v0")
        assert [change.data["where"] for change in heard] == ["play"]
        assert manager.metrics.disposal_errors == 0


async def test_clips_of_this_machine_pass_the_breaker_by(manager, loader, clock, clip):
    """Broken local clips say nothing of any host, and an open breaker holds no local clip back."""
    broken = [f"broken{number}" for number in range(8)]
    for video_id in broken:
        loader.set_script(video_id, Fail(LoadError("no clip", error_class="FORMAT_ERROR")))
    manager.add_video_events([clip(name, is_local=True) for name in [*broken, "near"]])
    for video_id in broken:
        assert (await preload(manager, clock, video_id)).loading_state is S.PERMANENTLY_FAILED
    assert manager.breaker.state is BreakerState.CLOSED
    for number in range(5):
        manager.breaker.record_failure(f"https://elsewhere.example/{number}.mp4")
    assert manager.breaker.state is BreakerState.OPEN
    assert (await preload(manager, clock, "near")).is_ready
