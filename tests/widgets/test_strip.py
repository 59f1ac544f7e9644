from __future__ import annotations

import pytest

from vineview import resources
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.errors import LoadError
from vineview.replay import Replay
from vineview.telemetry import Telemetry
from vineview.widgets.strip import retry_in_s, strip_document, strip_html


def badges(manager):
    return {item["id"]: item["badge"]["text"] for item in strip_document(manager)["items"]}


class TestStripDocument:
    async def test_shows_the_surroundings_of_the_current_video(self, manager):
        document = strip_document(manager, around=2)
        assert [item["id"] for item in document["items"]] == ["v0", "v1", "v2"]
        manager.preload_around_index(10)
        document = strip_document(manager, around=2)
        assert [item["index"] for item in document["items"]] == [8, 9, 10, 11, 12]
        assert (document["index"], document["total"], document["current_id"]) == (10, 20, "v10")

    async def test_its_size_does_not_grow_with_the_feed(self, clock):
        async with VideoManager(clock=clock, config=VideoManagerConfig(max_videos=5000)) as manager:
            manager.add_video_events(VideoEvent(id=f"v{n}", created_at=n) for n in range(5000))
            assert len(strip_document(manager)["items"]) == 13

    async def test_what_the_feeds_limit_left_out_is_told(self, clock):
        async with VideoManager(clock=clock, config=VideoManagerConfig(max_videos=100)) as manager:
            manager.add_video_events(VideoEvent(id=f"v{n}", created_at=n) for n in range(260))
            status = strip_document(manager)["status"]
            assert status.startswith(
                "100 of 260 shown: the feed's limit (VideoManagerConfig.max_videos) · Window: "
            )

    async def test_each_state_has_its_own_badge(self, manager, loader, settle):
        loader.failures["v1"] = LoadError("gone", 404)
        loader.failures["v2"] = LoadError("reset", error_class="NETWORK")
        manager.preload_around_index(0)
        assert badges(manager)["v0"] == "Loading"
        await settle()
        manager.dispose_video("v3")
        assert badges(manager)["v2"].startswith("Retry in ")
        assert badges(manager) == {
            "v0": "Ready",
            "v1": "Failed",
            "v2": badges(manager)["v2"],
            "v3": "Disposed",
            **{f"v{n}": "Not loaded" for n in range(4, 13)},
        }

    async def test_no_two_badges_differ_by_colour_alone(self, manager, loader, settle):
        loader.failures["v1"] = LoadError("gone", 404)
        manager.preload_around_index(0)
        await settle()
        faces = {
            (item["badge"]["icon"], item["badge"]["text"])
            for item in strip_document(manager)["items"]
        }
        tones = {item["badge"]["tone"] for item in strip_document(manager)["items"]}
        assert len(faces) >= len(tones)

    async def test_hover_tells_class_reason_and_attempts(self, manager, loader, settle):
        loader.failures["v0"] = LoadError("the line was cut", error_class="NETWORK")
        manager.preload_around_index(0)
        await settle()
        facts = strip_document(manager)["items"][0]["facts"]
        assert facts[0].startswith("Failed since ")
        assert facts[1:] == ["NETWORK: the line was cut", "1 of 3 retries used"]

    async def test_hover_tells_what_is_held(self, manager, settle):
        manager.preload_around_index(0)
        await settle()
        assert "Holds 3.0 MB" in strip_document(manager)["items"][0]["facts"]

    async def test_the_preload_window_is_marked(self, manager):
        manager.preload_around_index(5)
        marked = [item["index"] for item in strip_document(manager)["items"] if item["in_window"]]
        assert marked == [4, 5, 6, 7, 8]

    async def test_empty_feed(self, clock):
        async with VideoManager(clock=clock) as manager:
            document = strip_document(manager)
            assert (document["total"], document["current_id"], document["items"]) == (0, None, [])

    async def test_untitled_videos_have_words(self, clock):
        async with VideoManager(clock=clock) as manager:
            manager.add_video_event(VideoEvent(id="a", content="a caption"))
            manager.add_video_event(VideoEvent(id="b", created_at=-1))
            titles = [item["title"] for item in strip_document(manager)["items"]]
            assert titles == ["a caption", "Untitled"]


class TestRetry:
    async def test_the_badge_counts_down_to_it(self, manager, loader, clock, settle):
        loader.failures["v0"] = LoadError("reset", error_class="NETWORK")
        manager.preload_around_index(0)
        await settle()
        assert badges(manager)["v0"] in {"Retry in 1 s", "Retry in 2 s"}
        due = strip_document(manager)["items"][0]["retry_in_s"]
        await clock.advance(0.5)
        assert strip_document(manager)["items"][0]["retry_in_s"] == pytest.approx(due - 0.5)

    async def test_a_manager_that_does_not_know_says_nothing(self):
        assert retry_in_s(object(), "v0") is None


class TestBreaker:
    async def test_a_closed_breaker_is_not_mentioned(self, manager):
        assert strip_document(manager)["breaker"] is None

    async def test_an_open_one_says_until_when(self, manager, clock):
        manager.breaker.failure_threshold = 1
        manager.breaker.record_failure("https://nostr.build/0.mp4")
        await clock.advance(30)
        assert strip_document(manager)["breaker"] == {
            "text": "The circuit breaker is open until 00:02:00 UTC: no load starts before then.",
            "open_s": 90,
        }

    async def test_a_half_open_one_says_that_few_are_let_through(self, manager, clock):
        manager.breaker.failure_threshold = 1
        manager.breaker.record_failure("https://nostr.build/0.mp4")
        await clock.advance(121)
        assert "half-open" in strip_document(manager)["breaker"]["text"]

    async def test_the_static_page_says_it_too(self, manager):
        manager.breaker.failure_threshold = 1
        manager.breaker.record_failure("https://nostr.build/0.mp4")
        assert "open until 00:02:00 UTC" in strip_html(strip_document(manager))


class TestStatus:
    async def test_tells_window_controllers_and_what_they_hold(self, manager, settle):
        manager.preload_around_index(0)
        await settle()
        assert strip_document(manager)["status"] == (
            "Window: 1 behind, 3 ahead · 4 of 15 controllers, 12.0 MB held"
        )

    async def test_videos_with_a_controller_are_marked(self, manager, settle):
        manager.preload_around_index(0)
        await settle()
        held = [item["id"] for item in strip_document(manager)["items"] if item["is_held"]]
        assert held == ["v0", "v1", "v2", "v3"]

    async def test_of_a_replay_tells_what_was_loaded(self, clock):
        """A replay loads nothing itself."""
        incident = Telemetry.open(resources.data("incidents", "memory-leak.ndjson"))
        replay = Replay(incident, clock=clock)
        replay.seek(6702)
        assert "4 of 15 controllers" in strip_document(replay)["status"]
        await replay.aclose()


class TestStripHtml:
    async def test_is_a_table_without_script_and_escapes_titles(self, clock):
        async with VideoManager(clock=clock) as manager:
            manager.add_video_event(VideoEvent(id="a", title="<script>alert(1)</script>"))
            markup = strip_html(strip_document(manager))
            assert "<script>" not in markup
            assert "&lt;script&gt;" in markup
