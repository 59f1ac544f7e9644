"""The legacy system keeps its faults, and the provider its promise."""

from __future__ import annotations

import asyncio

import pytest

from vineview.core import VideoManager
from vineview.core.legacy import LegacyVideoSystem, VideoSystemProvider
from vineview.core.loading import Fail, Hang, Succeed
from vineview.errors import LoadError, VideoManagerError


@pytest.fixture
async def legacy(clock, loader):
    system = LegacyVideoSystem(loader=loader, clock=clock)
    yield system
    await system.aclose()


class TestLegacyFaults:
    async def test_nothing_is_ever_freed(self, legacy, loader, clock, feed):
        legacy.add_video_events(feed(40))
        for index in range(0, 40, 4):
            legacy.preload_around_index(index)
            await clock.advance(1)
        assert len(loader.live) == 40
        assert legacy.held_bytes == 40 * 20 * 2**20
        assert legacy.get_debug_info() == {
            "totalVideos": 40,
            "readyVideos": 40,
            "activeControllers": 40,
            "controllers": 40,
            "estimatedMemoryMB": 800,
        }

    async def test_loading_twice_holds_it_twice(self, legacy, loader, clock, feed):
        legacy.add_video_events(feed(1))
        for _ in range(2):
            task = asyncio.create_task(legacy.preload_video("v0"))
            await clock.advance(1)
            await task
        info = legacy.get_debug_info()
        assert info["activeControllers"] > info["readyVideos"]

    async def test_loading_an_unknown_video_is_silently_nothing(self, legacy, loader, feed):
        legacy.add_video_events(feed(2))
        await legacy.preload_video("nobody")
        assert loader.started == []

    async def test_one_index_for_two_lists_shows_the_wrong_video(self, legacy, loader, clock, clip):
        loader.set_script("c", Fail(LoadError("gone", status=404)))
        legacy.add_video_events([clip("a"), clip("b"), clip("c")])
        legacy.preload_around_index(0)
        await clock.advance(1)
        caption, shown = legacy.video_at(0)
        assert (caption.id, shown.id) == ("c", "b")
        assert legacy.video_at(2)[1] is None
        assert legacy.errors == [("c", "gone")]

    async def test_events_lie_in_order_of_arrival(self, legacy, clip):
        assert legacy.add_video_event(clip("new", 9))
        assert legacy.add_video_event(clip("old", 1))
        assert not legacy.add_video_event(clip("new", 9))
        assert [event.id for event in legacy.videos] == ["old", "new"]

    async def test_using_a_disposed_controller_crashes(self, legacy, clock, feed):
        legacy.add_video_events(feed(2))
        legacy.preload_around_index(0)
        await clock.advance(1)
        legacy.play_at(0)
        legacy.dispose_video(legacy.ready_videos[0].id)
        assert len(legacy.ready_videos) == 2
        with pytest.raises(VideoManagerError, match="after it was disposed"):
            legacy.play_at(0)
        assert legacy.crashes == 1

    async def test_the_model_itself_leaks_nothing_once_closed(self, loader, clock, feed):
        loader.default = Hang()
        loader.set_script("v0", Succeed(after_s=0))
        system = LegacyVideoSystem(loader=loader, clock=clock)
        system.add_video_events(feed(3))
        system.preload_around_index(-1)
        await clock.advance(0)
        assert len(loader.live) == 1
        await system.aclose()
        assert loader.live == set()
        assert loader.in_flight == 0
        assert (system.videos, system.ready_videos) == ((), ())

    def test_works_with_the_machines_clock(self, loader):
        assert LegacyVideoSystem(loader=loader).clock.now() >= 0


class TestProvider:
    @pytest.fixture
    def flags(self):
        return {"new_video_manager": False}

    @pytest.fixture
    async def provider(self, clock, loader, flags):
        provider = VideoSystemProvider(
            is_enabled=lambda name: flags[name],
            make_manager=lambda: VideoManager(loader=loader, clock=clock),
            make_legacy=lambda: LegacyVideoSystem(loader=loader, clock=clock),
        )
        yield provider
        await provider.aclose()
        assert loader.live == set()

    async def test_serves_what_the_flag_asks_for(self, provider, flags):
        first = provider.system
        assert isinstance(first, LegacyVideoSystem)
        assert provider.system is first
        flags["new_video_manager"] = True
        assert isinstance(provider.system, VideoManager)

    async def test_the_feed_goes_along_and_the_old_system_ends(
        self, provider, flags, loader, clock, feed
    ):
        provider.system.add_video_events(feed(4))
        provider.system.preload_around_index(0)
        await clock.advance(1)
        flags["new_video_manager"] = True
        assert len(provider.system.videos) == 4
        assert loader.live == set()
        flags["new_video_manager"] = False
        assert [event.id for event in provider.system.videos] == ["v0", "v1", "v2", "v3"]

    async def test_a_flag_that_cannot_be_read_counts_as_off(self, provider, flags, caplog):
        flags.clear()
        assert isinstance(provider.system, LegacyVideoSystem)
        assert "cannot be read" in caplog.text

    async def test_closing_one_never_used_is_no_matter(self, provider):
        await provider.aclose()
