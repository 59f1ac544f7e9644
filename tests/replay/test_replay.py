"""Playing, pausing, seeking and changing speed, on a clock that moves only when told to."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from vineview.clock import ManualClock
from vineview.core.changes import ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.state import LoadState
from vineview.core.view import ManagerView
from vineview.errors import TelemetryError, UsageError
from vineview.replay import Recording, Replay, crossings
from vineview.replay.replay import MAX_WAKES_PER_S
from vineview.telemetry import Telemetry, Thresholds, VideoPerformanceMonitor

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def replay(telemetry, clock):
    async with Replay(telemetry, clock=clock) as replay:
        yield replay


def states(view) -> dict[str, LoadState]:
    return {event.id: view.get_video_state(event.id).loading_state for event in view.videos}


class CountingClock(ManualClock):
    """Counts how often something slept."""

    sleeps = 0

    async def sleep(self, seconds):
        self.sleeps += 1
        await super().sleep(seconds)


class TestPlaying:
    async def test_it_is_read_like_a_manager(self, replay):
        assert isinstance(replay, ManagerView)

    async def test_it_hands_out_no_controller(self, replay):
        replay.seek(600)
        assert replay.get_video_state("v8").is_ready
        assert replay.get_controller("v8") is None

    async def test_it_stands_at_the_start_with_what_was_there(self, replay):
        assert (replay.position_s, replay.is_playing, replay.at) == (0.0, False, START)
        assert len(replay.videos) == 10
        assert replay.held_bytes == 100 * 2**20

    async def test_each_record_is_told_when_the_playhead_passes_it(self, replay, clock, telemetry):
        """Exactly the recorded changes, in order, each at its time."""
        told = []
        replay.subscribe(lambda change: told.append((clock.now(), change)))
        replay.play()
        await clock.advance(600)
        recorded = [record for record in Recording.of(telemetry).records if hasattr(record, "kind")]
        assert [change for _, change in told] == [r for r in recorded if r.at > START]
        assert all(
            0 <= now - (change.at - START).total_seconds() <= 1 / MAX_WAKES_PER_S
            for now, change in told
        )

    async def test_the_feed_follows(self, replay, clock):
        replay.play()
        await clock.advance(4)
        assert states(replay)["v10"] is LoadState.READY
        assert states(replay)["v8"] is LoadState.LOADING
        assert replay.current_video_id == "v10"
        await clock.advance(86)
        assert (replay.current_video_id, replay.current_index) == ("v8", 4)
        assert replay.held_bytes == 450 * 2**20

    async def test_pause_keeps_the_place(self, replay, clock):
        replay.play()
        await clock.advance(45)
        replay.pause()
        await clock.advance(1000)
        assert replay.position_s == 45.0
        assert replay.monitor.current_sample.video_memory_mb == 180.0
        replay.play()
        await clock.advance(15)
        assert replay.position_s == 60.0

    async def test_pause_tells_what_is_due(self, replay, clock):
        """Between two wakes at 1000x lie many records; none is forgotten."""
        replay.speed = 1000
        replay.play()
        await clock.advance(0.01)
        replay.pause()
        assert replay.position_s == pytest.approx(10.0)
        assert replay.get_video_state("v8").is_ready

    async def test_it_stops_at_the_end(self, replay, clock):
        replay.play()
        await clock.advance(700)
        assert (replay.position_s, replay.is_playing) == (600.0, False)
        assert states(replay)["v7"] is LoadState.READY

    async def test_play_at_the_end_starts_over(self, replay, clock):
        replay.seek(600)
        replay.play()
        assert replay.position_s == 0.0
        await clock.advance(5)
        assert replay.position_s == 5.0

    async def test_play_twice_is_once(self, replay, clock):
        told = []
        replay.subscribe(told.append)
        replay.play()
        replay.play()
        await clock.advance(2)
        assert [str(change.kind) for change in told] == ["navigate", "transition", "transition"]

    @pytest.mark.parametrize("speed", [1, 60, 1000])
    async def test_any_speed_arrives_at_the_same_place(self, replay, clock, speed):
        replay.speed = speed
        replay.play()
        await clock.advance(601 / speed + 1)
        assert replay.crossings == crossings(replay.telemetry)
        assert len(replay.monitor.samples) == 21

    async def test_a_speed_changed_while_playing_does_not_jump(self, replay, clock):
        replay.play()
        await clock.advance(100)
        replay.speed = 100
        assert replay.position_s == 100.0
        await clock.advance(1)
        assert replay.position_s == 200.0
        assert replay.config == VideoManagerConfig.cellular()

    async def test_it_wakes_no_more_often_than_it_must(self, telemetry):
        """At 1000x in steps of a twentieth of a second; at 1x only when something is due."""
        clock = CountingClock()
        async with Replay(telemetry, clock=clock, speed=1000) as replay:
            replay.play()
            await clock.advance(0.6)
            assert clock.sleeps <= 0.6 * MAX_WAKES_PER_S + 1
            assert not replay.is_playing
            clock.sleeps = 0
            replay.speed = 1
            replay.seek(320)
            replay.play()
            await clock.advance(9)
            assert clock.sleeps == 1

    async def test_it_runs_on_the_machines_clock_too(self, telemetry):
        async with Replay(telemetry, speed=1000) as replay:
            done = asyncio.Event()
            replay.follow(lambda replay: done.set() if not replay.is_playing else None)
            replay.play()
            await asyncio.wait_for(done.wait(), timeout=30)
            assert replay.position_s == 600.0


class TestSeeking:
    async def test_forward_and_back_give_the_state_of_that_instant(self, replay):
        replay.seek(300)
        assert replay.current_video_id == "v8"
        assert replay.config == VideoManagerConfig.cellular()
        replay.seek(2)
        assert replay.config == VideoManagerConfig.wifi()
        assert replay.current_video_id == "v10"
        assert states(replay)["v9"] is LoadState.LOADING
        assert replay.crossings == ()

    @pytest.mark.parametrize(
        ("to", "stands"),
        [
            (-10, 0.0),
            (45, 45.0),
            (float("inf"), 600.0),
            (START + timedelta(seconds=90), 90.0),
            (START - timedelta(days=1), 0.0),
            (START + timedelta(days=1), 600.0),
        ],
    )
    async def test_to_seconds_or_an_instant_within_the_ends(self, replay, to, stands):
        replay.seek(to)
        assert replay.position_s == stands
        assert replay.at == START + timedelta(seconds=stands)

    @pytest.mark.parametrize(
        "to",
        [float("nan"), "noon", None, True, datetime(2026, 1, 1)],  # noqa: DTZ001 - naive
    )
    async def test_anything_else_is_refused_and_moves_nothing(self, replay, to):
        replay.seek(45)
        with pytest.raises(UsageError, match="seconds from the start"):
            replay.seek(to)
        assert replay.position_s == 45.0

    async def test_it_goes_on_playing(self, replay, clock):
        replay.play()
        await clock.advance(10)
        replay.seek(390)
        await clock.advance(15)
        assert replay.position_s == 405.0
        assert replay.metrics.memory_pressure_count == 1

    async def test_to_the_end_stops(self, replay, clock):
        replay.play()
        replay.seek(600)
        assert not replay.is_playing
        await clock.advance(10)
        assert replay.position_s == 600.0

    async def test_listeners_hear_ordinary_changes(self, replay):
        """Who follows transitions, feed and navigation ends up with the state sought."""
        seen = states(replay)
        where = [replay.current_video_id]
        config = [replay.config]

        def follow(change):
            match change.kind:
                case ChangeKind.FEED:
                    for gone in change.data["removed"]:
                        del seen[gone]
                    seen.update(dict.fromkeys(change.data["added"], LoadState.NOT_LOADED))
                case ChangeKind.TRANSITION:
                    assert seen[change.video_id] is change.before.loading_state
                    seen[change.video_id] = change.after.loading_state
                case ChangeKind.NAVIGATE:
                    where.append(change.video_id)
                case ChangeKind.CONFIG:
                    config.append(VideoManagerConfig.from_dict(change.data["config"]))

        replay.subscribe(follow)
        for position in (510, 4, 600, 0, 95, 91):
            replay.seek(position)
            assert seen == states(replay)
            assert where[-1] == replay.current_video_id
            assert config[-1] == replay.config

    async def test_a_seek_to_the_same_place_still_lets_listeners_redraw(self, replay):
        told = []
        replay.subscribe(told.append)
        replay.seek(0)
        assert [change.kind for change in told] == [ChangeKind.FEED, ChangeKind.NAVIGATE]
        assert all(change.data["seek"] for change in told)

    async def test_a_listener_may_seek(self, replay, clock):
        """The later seek wins, and the state listeners saw last is the one that is true."""
        told = []

        def skip(change):
            told.append(change)
            if change.kind is ChangeKind.CRASH:
                replay.seek(590)

        replay.subscribe(skip)
        replay.play()
        await clock.advance(301)
        assert replay.position_s == pytest.approx(591.0, abs=0.1)
        assert told[-1].data["seek"]
        assert replay.metrics.memory_pressure_count == 1

    async def test_a_listener_may_seek_while_a_seek_is_told(self, replay):
        """What is left of the first is not told any more."""
        told = []

        def again(change):
            told.append(change)
            if len(told) == 1:
                replay.seek(600)

        replay.subscribe(again)
        replay.seek(4)
        assert replay.position_s == 600
        assert told[-1].at == START + timedelta(seconds=600)
        assert [change.at for change in told].count(START + timedelta(seconds=4)) == 1

    async def test_a_listener_may_pause_and_play(self, replay, clock):
        def blink(change):
            if change.kind is ChangeKind.CRASH:
                replay.pause()
                replay.play()

        replay.subscribe(blink)
        replay.play()
        await clock.advance(400)
        assert replay.position_s == 400.0
        assert replay.metrics.memory_pressure_count == 1

    async def test_a_listener_may_pause(self, replay, clock):
        replay.subscribe(lambda change: change.kind is ChangeKind.CRASH and replay.pause())
        replay.play()
        await clock.advance(400)
        assert replay.position_s == pytest.approx(300.0, abs=0.1)


class TestMonitor:
    async def test_it_has_seen_exactly_what_the_playhead_passed(self, replay):
        for position, samples in ((100, 4), (599, 20), (30, 2)):
            replay.seek(position)
            assert len(replay.monitor.samples) == samples

    async def test_crossings_say_when_they_ended(self, replay):
        replay.seek(300)
        [*_, critical] = [c for c in replay.crossings if c.type == "high_memory_usage"]
        assert (critical.severity, critical.at) == ("critical", START + timedelta(seconds=240))
        assert critical.resolved_at is None
        replay.seek(600)
        after = next(c for c in replay.crossings if c.id == critical.id)
        assert after.resolved_at == START + timedelta(seconds=420)

    async def test_a_seek_tells_its_listeners_one_record(self, replay):
        """Enough for a chart to redraw, not a flood."""
        told = []
        replay.monitor.subscribe(told.append)
        replay.seek(90)
        replay.seek(45)
        samples = [each for each in told if each.__class__.__name__ == "Sample"]
        assert len(samples) <= 2
        assert told

    async def test_its_now_is_the_playhead(self, replay):
        """A range counts back from what is shown, not from today."""
        replay.seek(300)
        assert len(replay.monitor.export("1m").sample_records) == 3

    async def test_thresholds_can_be_set(self, telemetry, clock):
        replay = Replay(telemetry, clock=clock, thresholds=Thresholds(high_memory_mb=2000))
        replay.seek(200)
        assert not [c for c in replay.crossings if c.type == "high_memory_usage"]

    async def test_a_monitor_of_ones_own_can_watch_it(self, replay, clock):
        """As it would watch a manager."""
        monitor = VideoPerformanceMonitor(replay, clock=clock, sampling_interval_s=7)
        monitor.start()
        replay.play()
        await clock.advance(300)
        assert monitor.current_sample.video_memory_mb == 860.0
        assert monitor.current_sample.total_videos == 12
        assert monitor.active_alerts
        await monitor.aclose()


class TestFollowers:
    async def test_they_hear_of_each_control_and_wake(self, replay, clock):
        heard = []
        stop = replay.follow(lambda r: heard.append((r.is_playing, r.speed, r.position_s)))
        replay.play()
        replay.speed = 10
        await clock.advance(0.1)
        replay.seek(100)
        replay.pause()
        stop()
        replay.seek(0)
        assert heard[:2] == [(True, 1.0, 0.0), (True, 10.0, 0.0)]
        assert heard[2] == (True, 10.0, 1.0)
        assert heard[-2:] == [(True, 10.0, 100.0), (False, 10.0, 100.0)]

    async def test_they_hear_of_the_end(self, replay, clock):
        heard = []
        replay.seek(595)
        replay.follow(lambda r: heard.append((r.is_playing, r.position_s)))
        replay.play()
        await clock.advance(10)
        assert heard[-1] == (False, 600.0)


class TestListeners:
    async def test_one_that_raises_does_not_silence_the_others(self, replay, caplog):
        told = []
        replay.subscribe(lambda _: 1 / 0)
        replay.follow(lambda _: 1 / 0)
        replay.subscribe(told.append)
        with caplog.at_level(logging.ERROR):
            replay.seek(10)
        assert told
        assert "ZeroDivisionError" in caplog.text

    async def test_unsubscribing_ends_it_and_may_be_repeated(self, replay):
        told = []
        stop = replay.subscribe(told.append)
        stop()
        stop()
        replay.seek(10)
        assert told == []


class TestClosing:
    async def test_no_task_is_left(self, telemetry, clock):
        before = asyncio.all_tasks()
        replay = Replay(telemetry, clock=clock)
        replay.play()
        replay.speed = 7
        replay.seek(9)
        await clock.advance(1)
        await replay.aclose()
        await replay.aclose()
        assert asyncio.all_tasks() == before

    def test_a_loop_that_ends_stops_it(self, telemetry):
        """Whoever forgot to close it can still look at it."""
        replay = Replay(telemetry, speed=10)

        async def forgetful():
            replay.play()
            await asyncio.sleep(0)

        asyncio.run(forgetful())
        assert not replay.is_playing
        replay.seek(300)
        assert replay.current_video_id == "v8"

    async def test_a_closed_one_does_not_play(self, telemetry, clock):
        replay = Replay(telemetry, clock=clock)
        await replay.aclose()
        with pytest.raises(UsageError, match="closed"):
            replay.play()

    def test_without_a_loop_it_seeks_and_says_why_it_cannot_play(self, telemetry):
        replay = Replay(telemetry)
        replay.seek(300)
        assert replay.current_video_id == "v8"
        with pytest.raises(UsageError, match="event loop"):
            replay.play()
        assert not replay.is_playing


class TestOddRecordings:
    async def test_samples_only(self, telemetry, clock):
        """Counts come from the sample; the strip is empty; crossings are found."""
        fields = {
            "video_controllers": 7,
            "total_videos": 40,
            "ready_videos": 8,
            "loading_videos": 1,
            "failed_videos": 2,
            "preloading_queue": 1,
        }
        samples = [record | fields for record in telemetry.sample_records]
        replay = Replay(Telemetry({}, samples, []), clock=clock)
        replay.seek(600)
        info = replay.get_debug_info()
        assert replay.videos == ()
        assert (info["totalVideos"], info["activeControllers"], info["controllers"]) == (40, 7, 7)
        assert (info["loadingVideos"], info["activePreloads"]) == (1, 1)
        assert replay.crossings

    async def test_events_only(self, telemetry, clock):
        replay = Replay(Telemetry({}, [], telemetry.event_records), clock=clock)
        replay.play()
        await clock.advance(600)
        assert replay.held_bytes == 0
        assert replay.get_debug_info()["readyVideos"] == 2

    async def test_a_recording_cut_from_the_middle_shows_what_it_mentions(self, telemetry, clock):
        events = [each for each in telemetry.event_records if each["kind"] != "feed"]
        replay = Replay(Telemetry({}, telemetry.sample_records, events), clock=clock)
        replay.seek(4)
        assert {event.id for event in replay.videos} == {"v8", "v9", "v10"}
        assert replay.get_video_state("v10").is_ready

    async def test_one_record(self, clock):
        async with Replay(Telemetry({}, [{"at": "2026-01-01T00:00:00Z"}], []), clock=clock) as one:
            one.play()
            assert (one.duration_s, one.is_playing) == (0.0, False)
            one.seek(5)
            assert one.position_s == 0.0

    def test_nothing_is_a_clear_error(self):
        with pytest.raises(TelemetryError, match="no record to replay"):
            Replay(Telemetry({}, [], []))

    async def test_a_gap_of_days_is_slept_through(self, clock):
        samples = [{"at": "2026-01-01T00:00:00Z"}, {"at": "2026-01-11T00:00:00Z"}]
        async with Replay(Telemetry({}, samples, []), clock=clock, speed=1000) as replay:
            replay.play()
            await clock.advance(864)
            assert (replay.position_s, replay.is_playing) == (864_000.0, False)

    def test_it_prints_itself(self, telemetry):
        assert repr(Replay(telemetry)) == ("Replay(paused, 0 of 600 s, 2026-01-01T00:00:00+00:00)")
