"""Whatever a loader, a clock, a listener or a legacy feed does, the manager and the rest go on."""

from __future__ import annotations

import asyncio
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from vineview.clock import ManualClock
from vineview.core import LoadState, ScriptedLoader, VideoEvent, VideoManager, VideoManagerConfig
from vineview.core.breaker import BreakerState
from vineview.core.loading import Fail, ScriptedController
from vineview.errors import ConfigError, LoadError, VideoManagerError


class Unspeakable(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def videos(count):
    return [
        VideoEvent(id=f"v{n}", created_at=-n, video_url=f"https://h{n}.example/{n}.mp4")
        for n in range(count)
    ]


def manager_of(clock, *, count=1, **options):
    options.setdefault("loader", ScriptedLoader(clock=clock))
    manager = VideoManager(clock=clock, rng=Random(1), **options)
    manager.add_video_events(videos(count))
    return manager


class TestErrors:
    @pytest.mark.parametrize(
        "error",
        [
            LoadError("x", status="404"),
            LoadError("x", status=[404]),
            LoadError(404),
            LoadError(None),
            Unspeakable(),
        ],
        ids=["text status", "list status", "number", "none", "unspeakable"],
    )
    async def test_any_error_ends_the_attempt(self, clock, error):
        """However odd the error, the video is failed and nobody waits for ever."""
        loader = ScriptedLoader(clock=clock, default=Fail(error, after_s=0))
        async with manager_of(clock, loader=loader) as manager:
            waiting = asyncio.create_task(manager.preload_video("v0"))
            await clock.advance(0.5)
            state = await waiting
            assert state.loading_state is LoadState.FAILED
            assert state.error

    async def test_a_listener_of_the_breaker_that_raises_harms_nobody(self, clock, caplog):
        """It is logged; the load that tripped the breaker still ends."""
        loader = ScriptedLoader(clock=clock, default=Fail(LoadError("gone", status=404), after_s=0))
        async with manager_of(clock, count=5, loader=loader) as manager:
            manager.breaker.subscribe(lambda _: 1 / 0)
            for n in range(5):
                waiting = asyncio.create_task(manager.preload_video(f"v{n}"))
                await clock.advance(0.1)
                assert (await waiting).loading_state is LoadState.PERMANENTLY_FAILED
            assert manager.breaker.state is BreakerState.OPEN
        assert "listener" in caplog.text


class TestBreaker:
    async def test_a_video_given_up_needs_admission_again(self, clock):
        """One whose retry was called off is new to the breaker, and an open one refuses it."""
        flaky = Fail(LoadError("reset", error_class="NETWORK"), after_s=0)
        gone = Fail(LoadError("gone", status=404), after_s=0)
        script = {f"v{n}": gone for n in range(30, 35)}
        loader = ScriptedLoader(clock=clock, default=flaky, script=script)
        async with manager_of(clock, count=40, loader=loader) as manager:
            waiting = asyncio.create_task(manager.preload_video("v0"))
            await clock.advance(0.1)
            before = await waiting
            manager.preload_around_index(39)
            for n in range(30, 35):
                waiting = asyncio.create_task(manager.preload_video(f"v{n}"))
                await clock.advance(0.1)
                await waiting
            assert manager.breaker.state is BreakerState.OPEN
            assert await manager.preload_video("v0") == before
            assert loader.started.count("v0") == 1


class TestControllers:
    @pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
    async def test_release_may_raise_anything(self, clock, error):
        """All controllers are let go, the failures counted."""

        class Stubborn(ScriptedController):
            def release(self) -> None:
                super().release()
                raise error

        class Loader:
            async def load(self, event):
                return Stubborn(event)

        manager = manager_of(clock, count=3, loader=Loader())
        manager.preload_around_index(0)
        await clock.advance(0)
        manager.dispose_video("v0")
        assert manager.get_video_state("v0").is_disposed
        await manager.aclose()
        assert manager.videos == ()
        assert manager.metrics.disposal_errors == 3

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    async def test_but_an_interrupt_is_a_persons(self, clock, error):
        """Ctrl-C is not swallowed by a controller that happens to be running."""

        class Interrupted(ScriptedController):
            def play(self) -> None:
                raise error

            def release(self) -> None:
                raise error

        class Loader:
            async def load(self, event):
                return Interrupted(event)

        manager = manager_of(clock, loader=Loader())
        manager.preload_around_index(0)
        await clock.advance(0)
        with pytest.raises(error):
            manager.resume_video("v0")
        with pytest.raises(error):
            manager.dispose_video("v0")
        await manager.aclose()

    @pytest.mark.parametrize("trigger", ["dispose", "dispose one", "remove", "scroll", "stop"])
    @pytest.mark.parametrize("reply", ["dispose", "dispose one", "remove", "scroll", "stop"])
    async def test_release_may_call_back(self, clock, trigger, reply):
        """It finds the manager at rest, whatever let it go, and each is let go once."""
        made = []

        class Talkative(ScriptedController):
            def release(self) -> None:
                super().release()
                acts[reply](self.event.id)

        class Loader:
            async def load(self, event):
                made.append(Talkative(event))
                return made[-1]

        manager = manager_of(clock, count=40, loader=Loader())
        acts = {
            "dispose": lambda _: manager.dispose(),
            "dispose one": manager.dispose_video,
            "remove": manager.remove_video,
            "scroll": lambda _: manager.preload_around_index(0),
            "stop": lambda _: manager.stop_all_videos(),
        }
        manager.preload_around_index(5)
        await clock.advance(1)
        acts["scroll"] = lambda _: manager.preload_around_index(30)
        acts[trigger]("v5")
        await clock.advance(1)
        info = manager.get_debug_info()
        assert info["controllers"] == info["readyVideos"]
        await manager.aclose()
        assert {controller.release_count for controller in made} == {1}

    async def test_an_interrupted_release_holds_up_no_other(self, clock):
        """What was to be let go with it is let go with the next operation."""

        class Interrupted(ScriptedController):
            def release(self) -> None:
                super().release()
                if self.event.id == "v0":
                    raise KeyboardInterrupt

        made = []

        class Loader:
            async def load(self, event):
                made.append(Interrupted(event))
                return made[-1]

        manager = manager_of(clock, count=3, loader=Loader())
        manager.preload_around_index(0)
        await clock.advance(0)
        with pytest.raises(KeyboardInterrupt):
            manager.stop_all_videos()
        assert manager.get_debug_info()["controllers"] == 0
        await manager.aclose()
        assert [controller.release_count for controller in made] == [1, 1, 1]


class TestClosing:
    async def test_a_clock_whose_zero_sleep_waits_does_not_hold_it_up(self):
        """A three-method clock may wake even a sleep of nothing only when it is moved."""

        class Still(ManualClock):
            async def sleep(self, seconds: float) -> None:
                await super().sleep(max(seconds, 0.001))

        manager = manager_of(Still())
        manager.preload_around_index(0)
        await asyncio.sleep(0)
        await asyncio.wait_for(manager.aclose(), 30)

    async def test_a_loader_deaf_to_cancellation_does_not_hold_it_up(self, clock):
        """It is asked again, on a clock nobody moves any more."""

        class Deaf:
            async def load(self, event):
                for _ in range(3):
                    try:
                        await clock.sleep(1000)
                    except asyncio.CancelledError:
                        continue
                return ScriptedController(event)

        manager = manager_of(clock, loader=Deaf())
        manager.preload_around_index(0)
        await clock.advance(0)
        await asyncio.wait_for(manager.aclose(), 30)

    async def test_afterwards_it_is_inert(self, clock):
        """Only adding and preloading raise after dispose, whatever the arguments."""
        manager = manager_of(clock)
        await manager.aclose()
        manager.preload_around_index(0, -1)
        manager.apply_config(None)
        manager.record("no such kind")
        assert await manager.handle_memory_pressure(keep_ahead=-1) == 0
        assert manager.migrate_from_legacy(videos(2)).added == 0


class TestLegacyFeeds:
    def test_what_is_no_event_stops_none_of_the_rest(self, clock):
        """It is listed by its place."""
        manager = manager_of(clock, count=0)
        good = videos(2)
        moved = manager.migrate_from_legacy([good[0], SimpleNamespace(id="b"), None, good[1]])
        assert moved.added == 2
        assert [place for place, _ in moved.failures] == [1, 2]

    def test_a_feed_that_breaks_off_keeps_what_it_gave(self, clock):
        """A generator that raises half-way loses nothing it yielded."""

        def breaking():
            yield videos(1)[0]
            raise OSError("disk gone")

        manager = manager_of(clock, count=0)
        moved = manager.migrate_from_legacy(breaking())
        assert moved.added == 1
        assert "disk gone" in moved.failures[0][1]


class TestArguments:
    @pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), "3", None, True, [1]])
    def test_an_index_that_is_no_whole_number_is_named(self, clock, value):
        """The viewer stays where they were."""
        manager = manager_of(clock, count=9, loader=None)
        manager.preload_around_index(4)
        with pytest.raises(ConfigError, match=r"index is .* Pass a whole number"):
            manager.preload_around_index(value)
        assert manager.current_index == 4

    @pytest.mark.parametrize("value", [-1, 1.5, "3", True, [1]])
    async def test_so_is_a_range_that_makes_no_sense(self, clock, value):
        """Ahead in scrolling, and both sides under memory pressure."""
        manager = manager_of(clock, loader=None)
        with pytest.raises(ConfigError, match="preload_range"):
            manager.preload_around_index(0, value)
        with pytest.raises(ConfigError, match="keep_ahead"):
            await manager.handle_memory_pressure(keep_ahead=value)
        with pytest.raises(ConfigError, match="keep_behind"):
            await manager.handle_memory_pressure(keep_behind=value)

    def test_whole_numbers_of_other_libraries_count(self, clock):
        """A row number from a DataFrame is an index too."""
        manager = manager_of(clock, count=9, loader=None)
        manager.preload_around_index(np.int64(4))
        assert manager.current_index == 4
        assert type(VideoManagerConfig(max_videos=np.int64(5)).max_videos) is int

    @pytest.mark.parametrize("index", [-(10**30), -1, 10**30])
    def test_an_index_outside_the_feed_is_its_nearest_end(self, clock, index):
        manager = manager_of(clock, count=9, loader=None)
        manager.preload_around_index(index)
        assert manager.current_index == (0 if index < 0 else 8)

    async def test_what_cannot_be_an_id_is_in_no_feed(self, clock):
        """Asking about it is answered like any unknown id."""
        manager = manager_of(clock)
        assert manager.get_video_state([]) is None
        assert not manager.remove_video({})
        manager.dispose_video([])
        with pytest.raises(VideoManagerError, match="not in the feed"):
            await manager.preload_video([])

    @pytest.mark.parametrize("batch", [None, 5, VideoEvent(id="a")])
    def test_what_is_no_batch_is_named(self, clock, batch):
        with pytest.raises(VideoManagerError, match="is not a batch"):
            manager_of(clock, count=0).add_video_events(batch)

    def test_a_batch_that_breaks_off_enters_nothing(self, clock):
        """The generator's own error reaches its caller, and the feed is as it was."""

        def breaking():
            yield from videos(2)
            raise OSError("disk gone")

        manager = manager_of(clock, count=0)
        with pytest.raises(OSError, match="disk gone"):
            manager.add_video_events(breaking())
        assert manager.videos == ()

    @pytest.mark.parametrize("created_at", [float("nan"), float("inf"), None, "x", -(10**30)])
    def test_an_odd_time_of_creation_harms_nobody(self, clock, created_at):
        """The video has a place in the feed, and an instant to show."""
        manager = manager_of(clock, count=2)
        odd = VideoEvent(id="odd", created_at=created_at)
        manager.add_video_event(odd)
        assert {event.id for event in manager.videos} == {"v0", "v1", "odd"}
        assert odd.timestamp.tzinfo is not None


class TestListeners:
    @pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
    async def test_one_may_raise_anything(self, clock, error):
        """It is reported like any other failure, and the others still hear all of it."""

        def broken(_):
            raise error

        heard = []
        async with manager_of(clock) as manager:
            manager.subscribe(broken)
            manager.subscribe(heard.append)
            manager.preload_around_index(0)
            await clock.advance(1)
            assert manager.get_controller("v0") is not None
            assert {change.kind for change in heard} >= {"transition", "preload", "error"}

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_but_an_interrupt_is_a_persons(self, clock, error):
        """Ctrl-C during a notification ends the operation it came in."""

        def interrupted(_):
            raise error

        manager = manager_of(clock)
        manager.subscribe(interrupted)
        with pytest.raises(error):
            manager.remove_video("v0")


class TestClipsOfThisMachine:
    async def test_two_of_one_file_fail_for_good_each_on_its_own(self, clock):
        """The first one's failure does not leave the second waiting for ever."""
        broken = Fail(ConnectionError("gone"), after_s=0)
        loader = ScriptedLoader(clock=clock, default=broken)
        async with manager_of(clock, count=0, loader=loader) as manager:
            for video_id in ("a", "b"):
                clip = VideoEvent(id=video_id, video_url="file:///clip.mp4", is_local=True)
                manager.add_video_event(clip)
                waiting = asyncio.create_task(manager.preload_video(video_id))
                await clock.advance(3)
                await waiting
            await clock.advance(600)
            assert manager.get_video_state("b").loading_state is LoadState.PERMANENTLY_FAILED
            assert loader.started.count("b") == 4
