"""The manager's feed: order, duplicates, the limit, the viewer's place, removal and replacement."""

from __future__ import annotations

import asyncio

import pytest

from vineview.core import ChangeKind, LoadState, VideoEvent, VideoManager, VideoManagerConfig
from vineview.errors import VideoManagerError


def ids(manager):
    return [event.id for event in manager.videos]


def of_kind(heard, kind):
    return [change for change in heard if change.kind == kind]


class TestOrder:
    def test_newest_first_whatever_the_order_of_arrival(self, manager, clip):
        for video_id, created_at in [("b", 2), ("c", 3), ("a", 1)]:
            manager.add_video_event(clip(video_id, created_at))
        assert ids(manager) == ["c", "b", "a"]

    def test_ties_go_to_the_latest_arrival(self, manager, clip):
        manager.add_video_event(clip("first", 5))
        manager.add_video_events([clip("second", 5), clip("third", 5)])
        assert ids(manager) == ["third", "second", "first"]

    def test_a_duplicate_changes_nothing(self, manager, clip, listen):
        assert manager.add_video_event(clip("a", 1))
        before = manager.get_video_state("a")
        heard = listen(manager)
        assert not manager.add_video_event(clip("a", 99))
        assert manager.add_video_events([clip("a", 99), clip("a", 98)]) == 0
        assert manager.get_video_state("a") is before
        assert heard == []

    def test_the_snapshot_cannot_be_changed_and_does_not_change(self, manager, clip):
        manager.add_video_event(clip("a"))
        snapshot = manager.videos
        manager.add_video_event(clip("b"))
        assert [event.id for event in snapshot] == ["a"]
        assert isinstance(snapshot, tuple)
        assert manager.videos is manager.videos

    def test_adding_does_not_load(self, manager, loader, feed):
        manager.add_video_events(feed(3))
        assert loader.started == []
        states = {manager.get_video_state(event.id).loading_state for event in manager.videos}
        assert states == {LoadState.NOT_LOADED}

    def test_the_first_state_carries_the_time_of_arrival(self, manager, clock, clip):
        manager.add_video_event(clip("a"))
        assert manager.get_video_state("a").last_updated == clock.utc()

    async def test_however_long_ago_that_was_and_whatever_came_and_went(
        self, make_manager, clock, clip
    ):
        manager = make_manager(VideoManagerConfig(max_videos=3))
        arrived = {}
        for number in range(200):
            video_id = f"v{number}"
            manager.add_video_event(clip(video_id, number))
            arrived[video_id] = clock.utc()
            await clock.advance(1)
        manager.replace_video("v198", clip("w", 198))
        arrived["w"] = clock.utc()
        await clock.advance(1)
        states = [manager.get_video_state(event.id) for event in manager.videos]
        assert [(state.event.id, state.last_updated) for state in states] == [
            (video_id, arrived[video_id]) for video_id in ("v199", "w", "v197")
        ]


class TestNotification:
    def test_a_batch_is_one_change_with_the_ids_and_facts(self, manager, clip, listen):
        heard = listen(manager)
        manager.add_video_events([clip("a", 1, title="A", duration=6), clip("b", 2)])
        (change,) = heard
        assert change.kind is ChangeKind.FEED
        assert change.data["added"] == ["a", "b"]
        assert change.data["removed"] == []
        assert change.data["total"] == 2
        assert change.data["videos"][0] == {
            "id": "a",
            "created_at": 1,
            "video_url": "https://clips.example/a.mp4",
            "title": "A",
            "mime_type": None,
            "duration_s": 6,
            "is_gif": False,
        }

    def test_an_empty_batch_is_silent(self, manager, listen):
        heard = listen(manager)
        assert manager.add_video_events([]) == 0
        assert heard == []


class TestBadEvents:
    @pytest.mark.parametrize("event", [VideoEvent(id=""), VideoEvent(id=None), None, {"id": "a"}])
    def test_are_refused_with_a_hint_and_harm_nothing(self, manager, clip, event):
        manager.add_video_event(clip("good"))
        with pytest.raises(VideoManagerError, match="VideoEvent"):
            manager.add_video_events([clip("fine"), event])
        assert ids(manager) == ["good"]

    @pytest.mark.parametrize(
        "video_id", ["a", "é", "視频", "🎬", "x" * 100_000, " ", "../../etc", "\x00", "a'b"]
    )
    async def test_ids_of_any_length_and_script_will_do(self, manager, clock, clip, video_id):
        manager.debug_mode = True
        manager.add_video_event(clip(video_id, video_url="https://clips.example/x.mp4"))
        manager.preload_around_index(0)
        await clock.advance(1)
        assert manager.get_video_state(video_id).is_ready

    async def test_fields_of_the_wrong_type_harm_only_their_own_video(self, manager, clock, clip):
        odd = VideoEvent(id="odd", created_at="soon", video_url=17)
        odder = VideoEvent(id="odder", created_at=-1, mime_type=["image/gif"])
        manager.add_video_events([clip("good", 1), odd, odder])
        manager.preload_around_index(0)
        await clock.advance(1)
        assert ids(manager) == ["good", "odd", "odder"]
        assert manager.get_video_state("good").is_ready
        assert manager.get_video_state("odd").has_failed


class TestLimit:
    def test_the_newest_stay(self, make_manager, clip):
        manager = make_manager(VideoManagerConfig.testing())
        for number in range(15):
            manager.add_video_event(clip(f"v{number}", number))
        assert ids(manager) == [f"v{number}" for number in range(14, 4, -1)]
        assert manager.get_video_state("v0") is None

    def test_an_event_older_than_a_full_feed_never_comes(self, make_manager, clip, listen):
        manager = make_manager(VideoManagerConfig(max_videos=1))
        manager.add_video_event(clip("new", 2))
        heard = listen(manager)
        assert not manager.add_video_event(clip("old", 1))
        assert heard == []
        assert ids(manager) == ["new"]

    def test_a_batch_beyond_the_limit_tells_what_came_and_what_left(
        self, make_manager, clip, listen
    ):
        manager = make_manager(VideoManagerConfig(max_videos=3))
        manager.add_video_events([clip("a", 1), clip("b", 2), clip("c", 3)])
        heard = listen(manager)
        assert manager.add_video_events([clip("z", 0), clip("d", 4), clip("e", 5)]) == 2
        (change,) = heard
        assert change.data["added"] == ["d", "e"]
        assert change.data["removed"] == ["a", "b"]
        assert change.data["total"] == 3

    async def test_what_leaves_is_freed(self, make_manager, loader, clock, clip, listen):
        manager = make_manager(VideoManagerConfig(max_videos=2))
        manager.add_video_events([clip("a", 1), clip("b", 2)])
        manager.preload_around_index(1)
        await clock.advance(1)
        heard = listen(manager)
        manager.add_video_events([clip("c", 3), clip("d", 4)])
        assert loader.live == set()
        assert ids(manager) == ["d", "c"]
        assert [change.kind for change in heard] == ["transition", "transition", "feed", "navigate"]

    def test_holds_only_with_memory_management(self, make_manager, feed):
        config = VideoManagerConfig(max_videos=2, enable_memory_management=False)
        manager = make_manager(config)
        manager.add_video_events(feed(5))
        assert len(manager.videos) == 5


class TestPosition:
    def test_is_the_first_before_any_navigation(self, manager, feed):
        assert (manager.current_index, manager.current_video_id) == (0, None)
        manager.add_video_events(feed(3))
        assert (manager.current_index, manager.current_video_id) == (0, "v0")

    async def test_follows_the_video_not_the_number(self, manager, feed, clip):
        manager.add_video_events(feed(5))
        manager.preload_around_index(2)
        manager.add_video_events([clip("newer", 10), clip("newest", 11)])
        assert (manager.current_index, manager.current_video_id) == (4, "v2")

    async def test_passes_to_the_nearest_survivor_when_the_limit_drops_it(
        self, make_manager, feed, clip, listen
    ):
        manager = make_manager(VideoManagerConfig(max_videos=3))
        manager.add_video_events(feed(3))
        manager.preload_around_index(2)
        heard = listen(manager)
        manager.add_video_event(clip("newest", 10))
        assert (manager.current_index, manager.current_video_id) == (2, "v1")
        (change,) = of_kind(heard, "navigate")
        assert change.video_id == "v1"
        assert change.data == {"index": 2, "from_index": 3, "cause": "feed"}

    async def test_passes_on_when_it_is_removed(self, manager, feed):
        manager.add_video_events(feed(3))
        manager.preload_around_index(1)
        manager.remove_video("v1")
        assert (manager.current_index, manager.current_video_id) == (1, "v2")
        manager.remove_video("v2")
        assert (manager.current_index, manager.current_video_id) == (0, "v0")
        manager.remove_video("v0")
        assert (manager.current_index, manager.current_video_id) == (0, None)

    async def test_removing_another_leaves_it(self, manager, feed, listen):
        manager.add_video_events(feed(3))
        manager.preload_around_index(1)
        heard = listen(manager)
        manager.remove_video("v0")
        assert (manager.current_index, manager.current_video_id) == (0, "v1")
        assert of_kind(heard, "navigate") == []

    @pytest.mark.parametrize(("index", "lands"), [(-5, 0), (99, 2), (10**12, 2)])
    async def test_outside_the_feed_counts_as_its_nearest_end(self, manager, feed, index, lands):
        manager.add_video_events(feed(3))
        manager.preload_around_index(index)
        assert manager.current_index == lands

    async def test_the_first_navigation_is_told_even_if_it_stays_at_the_top(
        self, manager, feed, clip, listen
    ):
        manager.add_video_events(feed(3))
        heard = listen(manager)
        manager.preload_around_index(0)
        assert of_kind(heard, "navigate")[0].data["index"] == 0
        manager.add_video_event(clip("newest", 10))
        assert manager.current_index == 1

    async def test_navigation_is_told_once(self, manager, feed, listen):
        manager.add_video_events(feed(3))
        heard = listen(manager)
        manager.preload_around_index(2)
        manager.preload_around_index(2)
        (change,) = of_kind(heard, "navigate")
        assert change.video_id == "v2"
        assert change.data == {"index": 2, "from_index": 0, "cause": "user"}


class TestRemove:
    async def test_frees_and_forgets(self, manager, loader, clock, feed, listen):
        manager.add_video_events(feed(3))
        manager.preload_around_index(0)
        await clock.advance(1)
        heard = listen(manager)
        assert ids(manager) == ["v0", "v1", "v2"]
        assert manager.remove_video("v1")
        assert ids(manager) == ["v0", "v2"]
        assert len(loader.live) == 2
        assert manager.get_video_state("v1") is None
        assert [change.kind for change in heard] == ["transition", "feed"]
        assert heard[1].data["removed"] == ["v1"]

    def test_an_unknown_one_is_left_alone(self, manager, listen):
        heard = listen(manager)
        assert not manager.remove_video("nobody")
        assert heard == []

    async def test_lets_go_of_those_who_wait_for_its_load(self, manager, clock, feed):
        manager.add_video_events(feed(1))
        waiting = asyncio.create_task(manager.preload_video("v0"))
        await clock.advance(0)
        manager.remove_video("v0")
        await clock.advance(0)
        assert waiting.result().is_disposed


class TestReplace:
    async def test_starts_anew_in_the_same_place(self, manager, loader, clock, clip, listen):
        manager.add_video_events([clip("v0", 3), clip("v1", 2), clip("v2", 1)])
        manager.preload_around_index(1)
        await clock.advance(1)
        heard = listen(manager)
        manager.replace_video("v1", clip("better", 2))
        assert ids(manager) == ["v0", "better", "v2"]
        assert manager.current_video_id == "better"
        assert manager.get_video_state("better").loading_state is LoadState.NOT_LOADED
        assert len(loader.live) == 2
        assert [change.kind for change in heard] == ["transition", "feed", "navigate"]
        assert heard[1].data["added"] == ["better"]
        assert heard[1].data["removed"] == ["v1"]

    def test_keeps_its_place_among_ties(self, manager, clip):
        manager.add_video_events([clip("a"), clip("b"), clip("c")])
        manager.replace_video("b", clip("b", title="mended"))
        assert ids(manager) == ["c", "b", "a"]
        assert manager.videos[1].title == "mended"

    async def test_a_broken_url_can_be_mended(self, manager, clock, clip):
        manager.add_video_event(clip("a", video_url=""))
        manager.preload_around_index(0)
        assert manager.get_video_state("a").has_failed
        manager.replace_video("a", clip("a"))
        assert (await loaded(manager, clock, "a")).is_ready

    def test_a_gif_is_ready_at_once(self, manager, clip):
        manager.add_video_event(clip("a"))
        manager.replace_video("a", clip("a", mime_type="image/gif"))
        assert manager.get_video_state("a").is_ready

    def test_refuses_what_makes_no_sense(self, manager, clip):
        manager.add_video_events([clip("a"), clip("b")])
        with pytest.raises(VideoManagerError, match="not in the feed"):
            manager.replace_video("nobody", clip("c"))
        with pytest.raises(VideoManagerError, match="already has 'b'"):
            manager.replace_video("a", clip("b"))
        with pytest.raises(VideoManagerError, match="non-empty id"):
            manager.replace_video("a", VideoEvent(id=""))
        assert ids(manager) == ["b", "a"]


async def loaded(manager, clock, video_id):
    task = asyncio.create_task(manager.preload_video(video_id))
    await clock.advance(1)
    return await task


class TestMigration:
    def test_one_bad_event_stops_none_of_the_rest(self, manager, clip):
        manager.add_video_event(clip("a"))
        result = manager.migrate_from_legacy([clip("a"), None, clip("b"), VideoEvent(id="")])
        assert (result.added, result.known) == (1, 1)
        assert [position for position, _ in result.failures] == [1, 3]
        assert "this is NoneType" in result.failures[0][1]
        assert "non-empty id" in result.failures[1][1]
        assert set(ids(manager)) == {"a", "b"}


class TestWithoutALoader:
    async def test_order_and_queries_work(self, clip):
        manager = VideoManager()
        manager.add_video_events([clip("a", 1), clip("b", 2), clip("g", 3, mime_type="image/gif")])
        manager.preload_around_index(1)
        assert manager.current_video_id == "b"
        assert manager.get_video_state("b").loading_state is LoadState.NOT_LOADED
        assert (await manager.preload_video("g")).is_ready
        with pytest.raises(VideoManagerError, match="MediaLoader") as caught:
            await manager.preload_video("a")
        assert caught.value.video_id == "a"
        assert manager.loader is None
        await manager.aclose()
