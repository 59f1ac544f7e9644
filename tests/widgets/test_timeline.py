"""ReplayTimeline: transport, chart, strip and crossings on one clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vineview.errors import UsageError
from vineview.replay import Replay
from vineview.telemetry import Telemetry
from vineview.widgets.timeline import ReplayTimeline

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def telemetry() -> Telemetry:
    """An hour: memory from 300 to 900 MB, so 500 is crossed at 20 min and 800 at 50 min."""
    samples = [
        {
            "at": at(30 * n),
            "video_memory_mb": 300.0 + 5 * n,
            "memory_source": "held_bytes",
            "estimated_memory_mb": 100.0,
            "video_controllers": 5,
        }
        for n in range(121)
    ]
    videos = [
        {"id": f"v{n}", "created_at": 100 - n, "video_url": "", "title": f"Clip {n}"}
        for n in range(6)
    ]
    ids = [video["id"] for video in videos]
    events = [
        {"at": at(0), "kind": "feed", "added": ids, "removed": [], "total": 6, "videos": videos},
        {"at": at(600), "kind": "navigate", "video_id": "v1", "index": 1, "from_index": 0},
        {"at": at(1800), "kind": "navigate", "video_id": "v2", "index": 2, "from_index": 1},
        {"at": at(2400), "kind": "navigate", "video_id": "v1", "index": 1, "from_index": 2},
    ]
    return Telemetry({}, samples, events)


@pytest.fixture
async def timeline(telemetry, clock):
    timeline = ReplayTimeline(telemetry, clock=clock)
    yield timeline
    await timeline.aclose()


@pytest.fixture
def browser(timeline, browser_of):
    browser = browser_of(timeline)
    browser.say("hello")
    return browser


class TestOpening:
    async def test_a_view_gets_the_recording_and_the_playhead(self, browser):
        (recording,) = browser.of("timeline")
        assert recording["start_ms"] == START.timestamp() * 1000
        assert recording["duration_s"] == 3600
        assert [c["severity"] for c in recording["crossings"]] == ["warning", "critical"]
        assert (
            recording["crossings"][0]["at_ms"]
            == (START + timedelta(seconds=1230)).timestamp() * 1000
        )
        (position,) = browser.of("position")
        assert (position["position_s"], position["speed"], position["playing"]) == (
            0.0,
            60.0,
            False,
        )
        assert browser.of("strip")[0]["document"]["current_id"] == "v0"
        assert len(browser.of("figure")) == 1

    async def test_the_chart_shows_all_of_it_from_the_start(self, browser):
        measured = next(
            t for t in browser.of("figure")[0]["figure"]["data"] if t["uid"] == "measured"
        )
        assert len(browser.buffers_of("figure")[0][measured["x"]["vv_buffer"]]) == 121 * 4


class TestPlaying:
    async def test_it_plays_in_the_kernel_at_the_speed_asked_for(self, timeline, browser, clock):
        browser.say("speed", value=300)
        browser.say("play")
        await clock.advance(6)
        assert timeline.replay.position_s == pytest.approx(1800)
        assert browser.of("position")[-1]["playing"] is True
        browser.say("pause")
        await clock.advance(1)
        assert browser.of("position")[-1]["playing"] is False
        assert timeline.replay.position_s == pytest.approx(1800)

    async def test_positions_at_most_four_times_a_second(self, browser, clock):
        browser.say("speed", value=1000)
        browser.say("play")
        browser.clear()
        await clock.advance(3)
        assert 2 <= len(browser.of("position")) <= 13
        assert len(browser.of("strip")) <= 13

    async def test_the_strip_follows(self, browser, clock):
        browser.say("play")
        await clock.advance(11)
        assert browser.of("strip")[-1]["document"]["current_id"] == "v1"

    async def test_tiles_are_those_of_the_playhead(self, browser, clock):
        browser.say("seek", position_s=3600, seq=1)
        await clock.advance(1)
        tiles = {tile["label"]: tile for tile in browser.of("position")[-1]["tiles"]}
        assert (tiles["memory"]["value"], tiles["memory"]["tone"]) == ("900", "critical")
        assert tiles["leak, overall"]["value"] == "leaking"


class TestSeeking:
    async def test_a_seek_is_answered_by_its_number(self, timeline, browser, clock):
        """So that the page can ignore positions said before its last seek arrived."""
        browser.say("seek", position_s=1500, seq=7)
        await clock.advance(1)
        assert timeline.replay.position_s == 1500
        assert browser.of("position")[-1]["answers"] == {"v1": 7}

    async def test_backwards_too(self, timeline, browser, clock):
        browser.say("seek", position_s=3000, seq=1)
        browser.say("seek", position_s=700, seq=2)
        await clock.advance(1)
        assert timeline.replay.crossings == ()
        assert browser.of("strip")[-1]["document"]["current_id"] == "v1"

    async def test_two_views_stay_in_step(self, browser, clock):
        browser.say("hello", view="v2")
        browser.say("seek", view="v2", position_s=1500, seq=1)
        await clock.advance(1)
        last = browser.of("position")[-1]
        assert last["position_s"] == 1500
        assert "view" not in last
        browser.say("bye", view="v2")
        browser.say("seek", position_s=10, seq=1)
        await clock.advance(1)
        assert browser.of("position")[-1]["answers"] == {"v1": 1}

    async def test_picking_a_video_goes_to_when_it_was_shown(self, timeline, browser):
        browser.say("pick", video_id="v1")
        assert timeline.replay.position_s == 600
        browser.say("seek", position_s=3000, seq=1)
        browser.say("pick", video_id="v1")
        assert timeline.replay.position_s == 2400

    async def test_a_video_never_shown_is_said(self, timeline, browser):
        browser.say("pick", video_id="v5")
        assert "never came on screen" in timeline.faults[0]

    async def test_a_speed_that_makes_no_sense_is_said(self, timeline, browser):
        browser.say("speed", value=0)
        assert len(timeline.faults) == 1
        assert timeline.replay.speed == 60.0

    async def test_from_python_the_page_follows(self, timeline, browser, clock):
        timeline.cursor_at = START + timedelta(seconds=120)
        await clock.advance(1)
        assert browser.of("position")[-1]["position_s"] == 120
        assert timeline.cursor_at == START + timedelta(seconds=120)

    async def test_unknown_messages_still_reach_the_chart(self, browser):
        browser.say("need_plotly", packed=True)
        assert len(browser.buffers_of("plotly")) == 1


class TestEnding:
    async def test_closing_ends_the_replay_it_made(self, timeline, browser, clock):
        browser.say("play")
        await timeline.aclose()
        with pytest.raises(UsageError, match="closed"):
            timeline.replay.play()

    async def test_a_replay_that_was_passed_stays_the_callers(self, telemetry, clock, browser_of):
        async with Replay(telemetry, clock=clock, speed=10) as replay:
            timeline = ReplayTimeline(replay, clock=clock)
            browser = browser_of(timeline)
            browser.say("hello")
            await timeline.aclose()
            browser.clear()
            replay.play()
            await clock.advance(5)
            assert replay.position_s == pytest.approx(50)
            assert browser.sent == []


class TestStill:
    async def test_it_shows_where_it_stands(self, timeline):
        timeline.replay.seek(1500)
        html = timeline.to_html()
        assert "Playhead at 2026-01-01 09:25:00 UTC" in html
        assert "crossed so far: 1 of 2" in html
        assert "above 500 MB" in html
        assert "Clip 1" in html
        assert "<script" not in html

    async def test_the_kept_figure_has_the_cursor(self, timeline):
        timeline.replay.seek(1500)
        data, _ = timeline._repr_mimebundle_()
        shapes = data["application/vnd.plotly.v1+json"]["layout"]["shapes"]
        cursor = next(shape for shape in shapes if shape.get("name") == "cursor")
        assert cursor["x0"] == "2026-01-01T09:25:00.000"


def test_what_cannot_be_replayed_is_refused():
    with pytest.raises(UsageError, match="a list cannot be replayed"):
        ReplayTimeline([])
