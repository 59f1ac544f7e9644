from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from traitlets import TraitError

from vineview.clock import ManualClock
from vineview.core.breaker import BreakerState
from vineview.core.events import VideoEvent
from vineview.core.loading import ScriptedLoader, Succeed
from vineview.core.manager import VideoManager
from vineview.core.state import LoadState
from vineview.errors import LoadError, UsageError
from vineview.widgets.feed import feed_document
from vineview.widgets.player import FeedPlayer
from vineview.widgets.still import poster_arrives


@pytest.fixture
def changes(manager):
    heard = []
    manager.subscribe(heard.append)
    return heard


@pytest.fixture
async def player(manager, settle):
    player = FeedPlayer(manager, clock=ManualClock())
    await settle()
    yield player
    await player.aclose()


@pytest.fixture
def browser(player, browser_of):
    return browser_of(player)


@pytest.fixture
def page(browser):
    """A page with one open view, which opens its streams itself."""
    browser.say("hello")
    browser.say("close", stream="v1-begun")
    return browser


def playback(changes):
    return [(change.video_id, dict(change.data)) for change in changes if change.kind == "playback"]


class TestMaking:
    async def test_loads_the_window_around_the_current_video(self, player, manager):
        assert [event.id for event in manager.ready_videos] == ["v0", "v1", "v2", "v3"]

    def test_works_in_plain_python_for_reports(self, clock):
        manager = VideoManager(clock=clock)
        manager.add_video_event(VideoEvent(id="a", title="A first video"))
        player = FeedPlayer(manager)
        assert "A first video" in player.to_html()
        assert repr(player) == "FeedPlayer(1 of 1)"

    async def test_refuses_what_is_no_manager(self):
        with pytest.raises(UsageError, match="plays a manager, not list"):
            FeedPlayer([])

    async def test_a_typo_gets_a_suggestion(self, manager):
        with pytest.raises(TypeError, match="did you mean 'muted'"):
            FeedPlayer(manager, mute=True)

    @pytest.mark.parametrize("speed", [0.2, 4.5, float("nan")])
    async def test_a_speed_no_browser_plays_well_is_refused(self, player, speed):
        with pytest.raises(TraitError, match=r"between 0\.25 and 4"):
            player.speed = speed

    @pytest.mark.parametrize(("height", "bound"), [(20, "160"), (2001, "2000")])
    async def test_a_height_no_page_can_show_is_refused(self, player, height, bound):
        with pytest.raises(TraitError, match=bound):
            player.height = height


class TestHello:
    async def test_a_view_learns_where_things_stand(self, page):
        feed = page.of("feed")[0]
        assert (feed["index"], feed["total"], feed["current_id"]) == (0, 20, "v0")
        assert feed["view"] == "v1"
        first = feed["items"][0]
        assert first["clip"] == {"mime_type": 'video/mp4; codecs="avc1.64001f"', "duration_s": None}
        assert first["author"] == "0461fcbe"
        assert first["hashtags"] == ["vine"]
        assert first["published"] == "2026-01-01T00:00:00+00:00"

    async def test_posters_follow_once_per_view(self, page, settle):
        posters = {message["video_id"] for message in page.of("poster")}
        assert posters == {"v0", "v1", "v2", "v3"}
        page.say("navigate", video_id="v1")
        await settle()
        sent = [message["video_id"] for message in page.of("poster")]
        assert len(sent) == len(set(sent))

    async def test_a_poster_comes_again_with_its_video(self, page, player, settle):
        """The page gives back what leaves its strip; a person who returns sees it again."""
        for place in (19, 0):
            page.clear()
            player.go_to(place)
            await settle()
            await player._pace._clock.advance(1)
        assert "v0" in [message["video_id"] for message in page.of("poster")]

    async def test_an_empty_feed_shows_a_card(self, clock, browser_of):
        player = FeedPlayer(VideoManager(clock=clock))
        browser = browser_of(player)
        browser.say("hello")
        assert browser.of("feed")[0]["card"]["title"] == "This feed is empty"

    async def test_a_scripted_controller_shows_a_card_with_facts(self, clock, browser_of):
        """Scenarios have controllers, but nothing to stream."""
        loader = ScriptedLoader(clock=clock, default=Succeed(after_s=0, held_bytes=5 * 2**20))
        async with VideoManager(loader=loader, clock=clock) as manager:
            manager.add_video_event(VideoEvent(id="a", video_url="https://nostr.build/a.mp4"))
            browser = browser_of(FeedPlayer(manager))
            await clock.advance(1)
            browser.say("hello")
            item = browser.of("feed")[0]["items"][0]
            assert item["clip"] is None
            assert "5.0 MB" in item["card"]["text"]


class TestLongFeeds:
    async def test_a_page_is_told_of_the_surroundings_only(self, manager, browser_of, settle):
        """A thousand videos cost a message no more than thirty, wherever one is among them."""
        manager.apply_config(replace(manager.config, max_videos=2000))
        manager.add_video_events(
            VideoEvent(id=f"long{n}", created_at=n, video_url=f"https://nostr.build/{n}.mp4")
            for n in range(1000)
        )
        player = FeedPlayer(manager)
        browser = browser_of(player)
        browser.say("hello")
        browser.say("navigate", video_id="long500", seq=1)
        await settle()
        first, last = browser.of("feed")[0], browser.of("feed")[-1]
        assert last["current_id"] == "long500"
        assert last["total"] > 1000
        assert max(len(told["items"]) for told in (first, last)) == 25
        assert len(json.dumps(last)) < 40_000
        await player.aclose()


class TestUpdates:
    async def test_changes_are_told_in_few_messages(self, page, manager, player, settle):
        page.clear()
        for index in range(8):
            manager.preload_around_index(index)
        await settle()
        await player._pace._clock.advance(1)
        assert 1 <= len(page.of("feed")) <= 2
        assert page.of("feed")[-1]["current_id"] == "v7"

    async def test_nothing_is_sent_that_did_not_change(self, page, manager, player, settle):
        await settle()
        page.clear()
        manager.record("error", error="elsewhere", where="test")
        await settle()
        await player._pace._clock.advance(1)
        assert page.of("feed") == []

    async def test_a_failure_reaches_the_page_as_a_card(self, manager, loader, browser_of, settle):
        loader.failures["v0"] = LoadError("the clip is gone", 404, hint="Check the address.")
        browser = browser_of(FeedPlayer(manager))
        await settle()
        browser.say("hello")
        card = browser.of("feed")[0]["items"][0]["card"]
        assert card["title"] == "There is no video at its address"
        assert "the clip is gone" in card["text"].lower()

    async def test_without_a_view_the_manager_is_left_alone(self, browser, manager, settle):
        manager.preload_around_index(3)
        await settle()
        assert browser.sent == []


class TestBreaker:
    @pytest.fixture
    def opened(self, manager):
        """A breaker that opened before anything was loaded."""
        for number in range(5):
            manager.breaker.record_failure(f"https://elsewhere.example/{number}.mp4")
        return manager.breaker

    @pytest.fixture
    async def held_back(self, opened, manager, browser_of):
        """A page on a video the breaker held back."""
        browser = browser_of(FeedPlayer(manager, clock=ManualClock()))
        browser.say("hello")
        return browser

    async def test_a_video_it_held_back_loads_once_it_is_reset(
        self, held_back, opened, manager, settle
    ):
        card = held_back.of("feed")[0]["items"][0]["card"]
        assert card["title"] == "Loading is held back"
        opened.reset()
        await settle()
        assert [event.id for event in manager.ready_videos] == ["v0", "v1", "v2", "v3"]

    async def test_and_once_its_time_is_over(self, held_back, opened, manager, clock, settle):
        await clock.advance(119)
        assert manager.ready_videos == ()
        await clock.advance(1)
        await settle()
        assert opened.state is BreakerState.CLOSED
        assert [event.id for event in manager.ready_videos] == ["v0", "v1", "v2", "v3"]

    async def test_a_trip_while_it_waits_is_waited_for_too(
        self, held_back, opened, manager, clock, settle
    ):
        await clock.advance(60)
        opened.reset()
        manager.stop_all_videos()
        for number in range(5):
            opened.record_failure(f"https://elsewhere.example/{number}.mp4")
        await clock.advance(119)
        assert manager.ready_videos == ()
        await clock.advance(1)
        await settle()
        assert len(manager.ready_videos) == 4

    async def test_what_happened_unseen_is_made_up_for(
        self, held_back, opened, manager, clock, settle
    ):
        held_back.say("bye")
        opened.reset()
        await settle()
        assert manager.ready_videos == ()
        held_back.say("hello")
        await settle()
        assert len(manager.ready_videos) == 4

    async def test_it_says_nothing_of_a_clip_of_this_machine(self, opened, manager):
        """The breaker guards hosts."""
        manager.add_video_event(
            VideoEvent(id="mine", created_at=2**32, is_local=True, video_url="file:///mine.mp4")
        )
        titles = [item["card"]["title"] for item in feed_document(manager)["items"]]
        assert titles[:2] == ["Not loaded yet", "Loading is held back"]

    async def test_another_video_of_an_address_that_failed_says_so(
        self, manager, loader, browser_of, settle
    ):
        loader.failures["v0"] = LoadError("gone", 404)
        url = manager.get_video_state("v0").event.video_url
        manager.add_video_event(VideoEvent(id="again", created_at=1, video_url=url))
        browser = browser_of(FeedPlayer(manager))
        await settle()
        manager.preload_around_index(20)
        browser.say("hello")
        card = browser.of("feed")[0]["items"][-1]["card"]
        assert card["title"] == "Its address is known to fail"


class TestNavigation:
    async def test_the_manager_is_told_and_has_the_last_word(self, page, manager, settle):
        page.say("navigate", video_id="v2")
        assert manager.current_video_id == "v2"
        await settle()
        assert page.of("feed")[-1]["current_id"] == "v2"

    async def test_the_page_hears_that_its_move_was_heard_though_python_moved_on(
        self, page, player, manager, settle
    ):
        """Both at once: the page must take what it is told for newer than its own move."""
        page.say("navigate", video_id="v2", seq=1)
        player.go_to(0)
        await settle()
        await player._pace._clock.advance(1)
        feed = page.of("feed")[-1]
        assert (feed["current_id"], feed["answers"]) == ("v0", {"v1": 1})

    async def test_the_video_counts_although_its_place_shifted(self, page, manager):
        """New arrivals push everything down by one while a finger is still moving."""
        manager.add_video_event(VideoEvent(id="new", created_at=1_900_000_000))
        page.say("navigate", video_id="v2")
        assert manager.current_video_id == "v2"
        assert manager.current_index == 3

    async def test_a_video_that_left_the_feed_moves_nothing(self, page, manager, settle):
        manager.remove_video("v2")
        page.say("navigate", video_id="v2")
        assert manager.current_video_id == "v0"
        assert page.of("fault") == []

    async def test_python_can_go_too_and_stops_at_the_ends(self, player, manager):
        player.previous()
        assert manager.current_index == 0
        player.next()
        assert manager.current_index == 1
        player.go_to(99)
        assert manager.current_index == 19

    async def test_playing_and_pausing_reach_the_controllers(self, page, manager, loader):
        page.say("playing", video_id="v0", playing=True)
        assert loader.clips["v0"].is_playing
        page.say("playing", video_id="v0", playing=False)
        assert not loader.clips["v0"].is_playing

    async def test_what_failed_for_good_is_tried_again_on_request(
        self, page, manager, loader, settle
    ):
        manager.dispose_video("v0")
        loader.failures["v0"] = LoadError("gone", 404)
        page.say("load", video_id="v0")
        await settle()
        assert manager.get_video_state("v0").loading_state is LoadState.PERMANENTLY_FAILED
        loader.failures.clear()
        page.say("load", video_id="v0")
        await settle()
        assert manager.get_video_state("v0").is_ready

    async def test_one_more_attempt_on_request(self, page, manager, loader, settle):
        manager.dispose_video("v0")
        page.say("load", video_id="v0")
        await settle()
        assert manager.get_video_state("v0").is_ready


class TestStreams:
    async def test_a_new_view_gets_the_current_clip_before_it_asks(self, browser, settle):
        browser.say("hello")
        await settle()
        kinds = [message["kind"] for message, _ in browser.sent]
        assert kinds.index("begun") < kinds.index("feed") < kinds.index("init")
        assert [(m["video_id"], m["stream"]) for m in browser.of("begun")] == [("v0", "v1-begun")]
        assert browser.buffers_of("init") == [[b"init", b"s0"]]

    async def test_a_view_gets_no_clip_before_it_hears_of_it_though_another_opens(
        self, manager, loader, browser_of, settle
    ):
        """The first waits for the clip and is told at the next update, the second at once."""
        arrived, load = asyncio.Event(), loader.load

        async def load_late(event):
            await arrived.wait()
            return await load(event)

        loader.load = load_late
        player = FeedPlayer(manager, clock=ManualClock())
        browser = browser_of(player)
        browser.say("hello", view="v1")
        player._pace.ask()  # so that the next update is not at once
        await settle()
        arrived.set()
        await settle()
        browser.clear()
        browser.say("hello", view="v2")
        await settle()
        assert {m["view"] for m in browser.of("begun")} == {"v2"}
        await player._pace._clock.advance(1)
        kinds = [m["kind"] for m, _ in browser.sent if m.get("view", "v1") == "v1"]
        assert kinds.index("begun") < kinds.index("feed") < kinds.index("init")
        await player.aclose()

    async def test_a_clip_is_sent_as_buffers(self, page, settle):
        page.say("open", stream="s", video_id="v0", start_s=0, whole=True)
        await settle()
        assert page.buffers_of("init") == [[b"init", b"s0"]]
        assert page.buffers_of("segment") == [[b"s1"]]

    async def test_no_clip_bytes_ever_enter_a_synced_trait(self, player, page, settle):
        page.say("open", stream="s", video_id="v0", start_s=0, whole=True)
        await settle()
        state = {name: value for name, value in player.get_state().items() if name[0] != "_"}
        assert len(json.dumps(state, default=str)) < 500

    async def test_acknowledgements_bring_the_next(self, page, settle):
        page.say("open", stream="s", video_id="v0", start_s=0, whole=True)
        await settle()
        page.say("ack", stream="s")
        await settle()
        assert page.buffers_of("segment") == [[b"s1"], [b"s2"]]

    async def test_a_cell_out_of_sight_gets_nothing(self, page, settle):
        page.say("visible", visible=False)
        page.say("open", stream="s", video_id="v0", start_s=0, whole=True)
        await settle()
        assert page.of("init") == []

    async def test_a_clip_that_is_gone_is_told_again(self, page, settle, player):
        """The page acted on what it last heard; it must hear what is true now."""
        page.say("open", stream="s", video_id="v15", start_s=0, whole=True)
        assert page.of("lost")[0]["reason"] == ""
        page.clear()
        await settle()
        await player._pace._clock.advance(1)
        assert page.of("feed") != []

    async def test_a_nonsensical_place_means_the_start(self, page, settle):
        page.say("open", stream="s", video_id="v0", start_s="soon", whole=True)
        await settle()
        assert page.buffers_of("init") == [[b"init", b"s0"]]

    async def test_closing_the_view_ends_its_streams(self, page, player, loader, settle):
        page.say("open", stream="s", video_id="v0", start_s=0, whole=True)
        await settle()
        page.say("bye")
        await settle()
        assert loader.clips["v0"].open_streams == 0
        assert len(player._streams) == 0

    async def test_an_evicted_clip_ends_its_stream(self, page, manager, settle):
        page.say("open", stream="s", video_id="v0", start_s=0, whole=True)
        await settle()
        manager.dispose_video("v0")
        for _ in range(6):
            page.say("ack", stream="s")
            await settle()
        assert page.of("lost")[-1]["reason"] == ""


class TestImages:
    async def test_a_gif_is_ready_and_sent_as_it_is(self, page, manager, loader, settle):
        gif = VideoEvent(id="gif", created_at=1_900_000_000, video_url="https://nostr.build/a.gif")
        manager.add_video_event(gif)
        manager.preload_around_index(0)
        await settle()
        loader.images["gif"] = (b"GIF89a", "image/gif")
        item = page.of("feed")[-1]["items"][0]
        assert item["image"]
        assert item["card"] is None
        page.say("want_image", video_id="gif")
        await settle()
        assert page.of("image")[0]["mime_type"] == "image/gif"
        assert page.buffers_of("image") == [[b"GIF89a"]]

    async def test_a_still_is_shown_from_its_controller(
        self, page, player, manager, loader, settle
    ):
        loader.stills["v9"] = (b"BM", "image/bmp")
        manager.preload_around_index(9)
        await settle()
        await player._pace._clock.advance(1)
        item = page.of("feed")[-1]["items"][9]
        assert (item["image"], item["card"], item["clip"]) == (True, None, None)
        assert item["caption"] == "BMP image, as is"
        page.say("want_image", video_id="v9")
        await settle()
        assert page.of("image")[0]["mime_type"] == "image/bmp"
        assert page.buffers_of("image") == [[b"BM"]]

    async def test_a_missing_image_says_why(self, page, changes, settle):
        page.say("want_image", video_id="v0")
        await settle()
        assert page.of("trouble")[0]["reason"] == "the image is gone"
        assert playback(changes)[-1][1]["event"] == "decode_error"


class TestReports:
    async def test_first_frame_stall_and_drops_become_playback_events(self, page, changes):
        page.say("playback", video_id="v0", event="first_frame", duration_ms=41)
        page.say("playback", video_id="v0", event="stall", duration_ms=900)
        page.say("playback", video_id="v0", event="dropped", frames=3, frames_total=90)
        assert playback(changes) == [
            ("v0", {"event": "first_frame", "duration_ms": 41}),
            ("v0", {"event": "stall", "duration_ms": 900}),
            ("v0", {"event": "dropped", "frames": 3, "frames_total": 90}),
        ]

    async def test_what_the_browser_refuses_is_recorded_and_kept(self, page, changes, player):
        page.say("failed", video_id="v0", reason="This browser cannot play hvc1.")
        assert playback(changes) == [
            ("v0", {"event": "decode_error", "error": "This browser cannot play hvc1."})
        ]
        assert "cannot play hvc1" in player.to_html()
        assert page.of("trouble")[0]["reason"] == "This browser cannot play hvc1."

    async def test_hostile_numbers_are_left_out(self, page, changes):
        page.say(
            "playback", video_id="v0", event="stall", duration_ms=float("nan"), frames="<b>", x=1
        )
        assert playback(changes) == [("v0", {"event": "stall"})]

    async def test_position_is_kept_for_python(self, page, player):
        page.say("position", video_id="v0", position_s=2.5, duration_s=5)
        assert player.position_s == 2.5

    async def test_a_message_of_another_version_says_to_reload(self, page):
        page.say("teleport")
        assert "Reload the page" in page.of("fault")[0]["text"]


class TestCommands:
    async def test_play_pause_seek_go_to_the_page(self, page, player):
        player.play()
        player.pause()
        player.seek(2)
        assert [(message["do"], message.get("position_s")) for message in page.of("command")] == [
            ("play", None),
            ("pause", None),
            ("seek", 2),
        ]

    async def test_they_mean_the_video_that_is_current_by_now(self, page, player, settle):
        await settle()
        page.clear()
        player.go_to(1)
        player.seek(2)
        assert [message["kind"] for message, _ in page.sent][:2] == ["feed", "command"]
        assert page.of("feed")[0]["current_id"] == player.manager.current_video_id

    @pytest.mark.parametrize("position_s", [-1, float("nan"), float("inf")])
    async def test_seeking_nowhere_is_refused(self, player, position_s):
        with pytest.raises(UsageError, match="cannot seek"):
            player.seek(position_s)


class TestCodecs:
    async def test_the_loader_learns_what_the_page_can_play(self, loader, manager, browser_of):
        heard = {}
        loader.codecs_to_ask = ("avc1.64001f", "mp4a.40.2")
        loader.hear_codecs = heard.update
        browser = browser_of(FeedPlayer(manager))
        browser.say("hello")
        assert browser.of("codecs")[0]["ask"] == ["avc1.64001f", "mp4a.40.2"]
        browser.say("codecs", answers={"avc1.64001f": True, "mp4a.40.2": "maybe"})
        assert heard == {"avc1.64001f": True, "mp4a.40.2": False}

    async def test_a_loader_that_does_not_care_is_not_told(self, page):
        page.say("codecs", answers={"opus": True})
        assert page.of("codecs") == []
        assert page.of("fault") == []


class TestRecording:
    """A replay has everything a manager shows and takes no commands."""

    @pytest.fixture
    def recording(self, manager):
        class Recording:
            clock = manager.clock
            config = manager.config
            videos = manager.videos
            ready_videos = ()
            current_index = 4
            current_video_id = "v4"
            held_bytes = 0
            metrics = manager.metrics
            get_video_state = staticmethod(manager.get_video_state)
            get_controller = staticmethod(lambda video_id: None)
            get_debug_info = staticmethod(manager.get_debug_info)
            get_health_status = staticmethod(manager.get_health_status)
            subscribe = staticmethod(manager.subscribe)

        return Recording()

    async def test_is_shown_without_being_steered(self, recording, browser_of):
        browser = browser_of(FeedPlayer(recording))
        browser.say("hello")
        feed = browser.of("feed")[0]
        assert feed["current_id"] == "v4"
        assert feed["can_navigate"] is False

    async def test_steering_it_says_what_to_do_instead(self, recording):
        with pytest.raises(UsageError, match="Seek the replay"):
            FeedPlayer(recording).next()

    async def test_messages_of_a_page_do_not_disturb_it(self, recording, browser_of):
        browser = browser_of(FeedPlayer(recording))
        browser.say("hello")
        browser.say("navigate", video_id="v1")
        browser.say("playing", video_id="v1", playing=True)
        browser.say("playback", video_id="v1", event="stall", duration_ms=200)
        assert browser.of("fault") == []


class TestLife:
    async def test_running_a_cell_again_leaves_nothing_behind(self, manager, browser_of, settle):
        """Twenty players on one manager, each view gone again: no task, no listener remains."""
        manager.preload_around_index(0)
        await settle()
        before = len(asyncio.all_tasks())
        for _ in range(20):
            browser = browser_of(FeedPlayer(manager, clock=ManualClock()))
            await settle()
            browser.say("hello")
            browser.say("open", stream="s", video_id="v0", start_s=0, whole=True)
            await settle()
            browser.say("bye")
            await settle()
            browser.clear()
            manager.preload_around_index(0)
            await settle()
            assert browser.sent == []
        assert len(asyncio.all_tasks()) == before

    async def test_aclose_ends_streams_and_listening(self, player, page, manager, loader, settle):
        page.say("open", stream="s", video_id="v0", start_s=0, whole=True)
        await settle()
        await player.aclose()
        assert loader.clips["v0"].open_streams == 0
        page.clear()
        manager.preload_around_index(5)
        await settle()
        assert page.sent == []

    async def test_two_views_of_one_player_each_get_their_own_stream(self, page, settle):
        page.say("hello", view="v2")
        page.say("open", stream="a", video_id="v0", start_s=0, whole=True)
        await settle()
        sent = {(m["view"], m["stream"]) for m in page.of("init")}
        assert sent == {("v1", "a"), ("v2", "v2-begun")}

    async def test_a_manager_that_was_disposed_is_an_empty_feed(self, page, manager, settle):
        manager.dispose()
        page.say("hello", view="v2")
        assert page.of("feed")[-1]["card"]["title"] == "This feed is empty"


class TestStaticPage:
    async def test_shows_poster_facts_and_states(self, player):
        markup = player.to_html()
        assert "data:image/jpeg;base64," in markup
        assert "Video 1 of 20" in markup
        assert "4 ready" in markup
        assert "12.0 MB held" in markup

    async def test_its_poster_is_waited_for_when_it_is_shown_too_soon(
        self, manager, player, settle
    ):
        manager.dispose_video("v0")
        loading = asyncio.create_task(manager.preload_video("v0"))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(poster_arrives(manager))
        await asyncio.sleep(0)
        assert not waiting.done()
        await loading
        await settle()
        assert waiting.done()

    async def test_nobody_waits_for_a_poster_that_is_there(self, player):
        before = len(player._tasks)
        player._repr_mimebundle_()
        assert len(player._tasks) == before

    @pytest.fixture
    def kept(self, monkeypatch):
        """The stills of a notebook a person watches."""
        kept = []
        for module in ("base", "player"):
            monkeypatch.setattr(f"vineview.widgets.{module}.is_watched", lambda: True)
        monkeypatch.setattr(
            "vineview.widgets.base.show_still", lambda inside, **_: kept.append(inside)
        )
        return kept

    @pytest.mark.parametrize("error", [None, LoadError("it is gone", 404)])
    async def test_one_that_is_watched_leaves_its_still_once_there_is_a_poster_or_a_reason(
        self, kept, manager, browser_of, settle, error
    ):
        if error:
            manager.loader.failures["v0"] = error
        player = FeedPlayer(manager)
        player._repr_mimebundle_()
        browser_of(player).say("hello")
        assert kept == []
        await settle()
        (still,) = kept
        assert ("it is gone" if error else "data:image/jpeg") in still
        data, _ = player._repr_mimebundle_()
        assert len(kept) == 1
        assert "Video 1 of 20" in data["text/html"]
        assert "data:image" not in data["text/html"], "one poster is enough"
        await player.aclose()

    async def test_one_whose_videos_are_held_back_leaves_its_still_at_once(
        self, kept, manager, browser_of
    ):
        for number in range(5):
            manager.breaker.record_failure(f"https://elsewhere.example/{number}.mp4")
        player = FeedPlayer(manager)
        player._repr_mimebundle_()
        browser_of(player).say("hello")
        assert "The circuit breaker is open" in kept[0]
        await player.aclose()

    async def test_has_no_script_and_loads_nothing(self, player):
        markup = player.to_html()
        assert "<script" not in markup
        assert 'src="http' not in markup

    async def test_stays_small(self, player):
        assert len(player.to_html()) < 60_000

    async def test_hostile_titles_are_escaped(self, clock):
        manager = VideoManager(clock=clock)
        manager.add_video_event(VideoEvent(id="a", title="<img onerror=x>", pubkey="<b>"))
        assert "<img onerror" not in FeedPlayer(manager).to_html()

    async def test_repr_is_cheap_and_short(self, player):
        assert repr(player) == "FeedPlayer(1 of 20)"
