"""The monitor watches, records and tells; its history is bounded and its task is its own."""

from __future__ import annotations

import asyncio
import logging

import pytest

from vineview.core.changes import Change, ChangeKind
from vineview.core.state import LoadState, VideoState
from vineview.errors import UsageError
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.telemetry.schema import Sample
from vineview.telemetry.thresholds import Alert, AlertType, Thresholds


@pytest.fixture
async def monitor(manager):
    """A monitor that is not started."""
    watching = VideoPerformanceMonitor(manager)
    yield watching
    await watching.aclose()


class TestSampling:
    async def test_samples_follow_the_interval(self, clock, monitor):
        monitor.start()
        await clock.advance(95)
        assert [sample.at.second for sample in monitor.samples] == [0, 30, 0, 30]

    async def test_starting_twice_samples_once(self, clock, manager, monitor):
        monitor.start()
        monitor.start()
        await clock.advance(30)
        assert len(monitor.samples) == 2
        assert len(manager.listeners) == 1

    async def test_a_shorter_interval_takes_effect_at_once(self, clock, monitor):
        monitor.start()
        await clock.advance(5)
        monitor.set_sampling_interval(10)
        await clock.advance(5)
        assert len(monitor.samples) == 2
        await clock.advance(10)
        assert len(monitor.samples) == 3

    async def test_an_interval_already_past_samples_now(self, clock, monitor):
        monitor.start()
        await clock.advance(20)
        monitor.set_sampling_interval(5)
        await clock.advance(0)
        assert len(monitor.samples) == 2

    async def test_the_interval_may_change_from_within_a_listener(self, clock, monitor):
        monitor.start()
        monitor.subscribe(
            lambda item: monitor.set_sampling_interval(10) if isinstance(item, Sample) else None
        )
        await clock.advance(60)
        assert [sample.at.second for sample in monitor.samples] == [0, 30, 40, 50, 0]

    async def test_an_interval_set_before_starting_counts(self, clock, monitor):
        monitor.set_sampling_interval(7)
        monitor.start()
        await clock.advance(7)
        assert (monitor.sampling_interval_s, len(monitor.samples)) == (7, 2)

    @pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "10"])
    async def test_a_senseless_interval_is_refused(self, monitor, seconds):
        with pytest.raises(UsageError, match="interval"):
            monitor.set_sampling_interval(seconds)

    async def test_after_a_long_sleep_missed_samples_are_skipped(self, manager):
        class LateClock:
            def __init__(self) -> None:
                self.seconds, self.gate = 0.0, asyncio.Event()

            def now(self) -> float:
                return self.seconds

            def utc(self):
                return manager.clock.utc()

            async def sleep(self, seconds: float) -> None:
                self.gate.clear()
                await self.gate.wait()

        clock = LateClock()
        monitor = VideoPerformanceMonitor(manager, clock=clock)
        monitor.start()
        await asyncio.sleep(0)
        for _ in range(2):
            clock.seconds += 3600
            clock.gate.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert len(monitor.samples) == 3
        await monitor.aclose()

    async def test_a_manager_that_raises_is_recorded_and_sampling_goes_on(
        self, clock, manager, monitor, caplog
    ):
        monitor.start()
        manager.broken = True
        await clock.advance(30)
        manager.broken = False
        await clock.advance(30)
        assert len(monitor.samples) == 2
        assert monitor.changes[-1].data["where"] == "sampling"
        assert "sampling failed" in caplog.text

    def test_starting_needs_a_loop(self, manager):
        with pytest.raises(UsageError, match="running event loop"):
            VideoPerformanceMonitor(manager).start()

    async def test_closing_ends_the_task(self, clock, manager, monitor):
        monitor.start()
        assert monitor.is_monitoring
        task = monitor._task
        await monitor.aclose()
        assert task.done()
        assert not monitor.is_monitoring
        assert manager.listeners == []
        await clock.advance(300)
        assert len(monitor.samples) == 1

    async def test_a_stopped_monitor_may_start_again(self, clock, monitor):
        monitor.start()
        monitor.stop()
        monitor.stop()
        monitor.start()
        await clock.advance(30)
        assert len(monitor.samples) == 3


class TestSample:
    def test_memory_is_what_controllers_hold(self, manager, monitor):
        manager.held_mb, manager.counts["controllers"] = 123.5, 4
        sample = monitor.take_sample()
        assert (sample.video_memory_mb, sample.memory_source) == (123.5, "held_bytes")
        assert sample.estimated_memory_mb == 80

    def test_memory_is_the_estimate_where_no_controller_reports(self, manager, monitor):
        manager.counts["controllers"] = 4
        sample = monitor.take_sample()
        assert (sample.video_memory_mb, sample.memory_source) == (80, "estimate")

    def test_no_controllers_hold_nothing(self, monitor):
        sample = monitor.take_sample()
        assert (sample.video_memory_mb, sample.memory_source) == (0, "held_bytes")

    def test_the_counts_are_the_managers(self, manager, monitor):
        manager.add("a", "b", "c")
        manager.ready("a")
        manager.counts = {"controllers": 1, "loading": 1, "failed": 1, "preloads": 2}
        manager.metrics.disposal_errors = 3
        sample = monitor.take_sample()
        assert (sample.total_videos, sample.ready_videos) == (3, 1)
        assert (sample.loading_videos, sample.failed_videos) == (1, 1)
        assert (sample.preloading_queue, sample.disposal_errors) == (2, 3)

    async def test_preload_figures(self, clock, manager, monitor):
        monitor.start()
        assert monitor.current_sample.preload_success_rate is None
        manager.tell_preload(duration_ms=100)
        manager.tell_preload(duration_ms=300)
        manager.tell_preload(success=False, duration_ms=10_000)
        await clock.advance(30)
        assert monitor.current_sample.preload_success_rate == pytest.approx(66.667)
        assert monitor.current_sample.preload_duration_ms == 200
        await clock.advance(30)
        assert monitor.current_sample.preload_duration_ms is None

    def test_counters_add_what_was_reported_to_the_monitor(self, manager, monitor):
        manager.metrics.app_crashes = 1
        manager.metrics.circuit_breaker_trips = 2
        monitor.record_crash("out of memory")
        monitor.record_breaker_trip("a", reason="5 failures")
        monitor.record_memory_pressure(600, 4)
        sample = monitor.take_sample()
        assert (sample.app_crashes, sample.circuit_breaker_trips) == (2, 3)
        assert sample.memory_pressure_events == 1

    def test_the_limits_are_the_ones_given(self, manager):
        limits = Thresholds(high_memory_mb=50)
        monitor = VideoPerformanceMonitor(manager, thresholds=limits)
        manager.held_mb = 51
        monitor.take_sample()
        assert monitor.thresholds is limits
        assert len(monitor.alerts) == 1

    def test_labels_are_written_into_samples(self, manager):
        monitor = VideoPerformanceMonitor(manager, labels={"device_id": "d1", "network": "wifi"})
        assert monitor.take_sample().device_id == "d1"
        monitor.record_change(
            Change(ChangeKind.NETWORK, manager.clock.utc(), data={"network": "slow"})
        )
        assert monitor.take_sample().network == "slow"

    def test_an_unknown_label_is_refused(self, manager):
        with pytest.raises(UsageError, match="colour"):
            VideoPerformanceMonitor(manager, labels={"colour": "red"})


class TestTelling:
    async def test_listeners_hear_samples_changes_and_alerts(self, clock, manager, monitor):
        heard = []
        unsubscribe = monitor.subscribe(heard.append)
        monitor.start()
        manager.held_mb = 600
        await clock.advance(30)
        manager.tell(ChangeKind.NETWORK, network="slow")
        assert [type(item) for item in heard] == [Sample, Sample, Alert, Change]
        unsubscribe()
        unsubscribe()
        await clock.advance(30)
        assert len(heard) == 4

    def test_a_listener_that_raises_silences_no_other(self, manager, monitor, caplog):
        heard = []

        def broken(_item):
            raise ValueError("oops")

        monitor.subscribe(broken)
        monitor.subscribe(heard.append)
        with caplog.at_level(logging.ERROR):
            monitor.take_sample()
        assert len(heard) == 1
        assert "listener failed" in caplog.text
        assert monitor.changes[-1].data == {
            "error": "ValueError: oops",
            "where": "monitor listener",
        }

    async def test_a_resolved_alert_is_told_too(self, clock, manager, monitor):
        heard = []
        monitor.subscribe(lambda item: heard.append(item) if isinstance(item, Alert) else None)
        manager.held_mb = 600
        monitor.take_sample()
        await clock.advance(30)
        manager.held_mb = 100
        monitor.take_sample()
        assert [alert.is_active for alert in heard] == [True, False]
        assert monitor.active_alerts == ()
        assert [alert.id for alert in monitor.alerts] == ["high_memory_usage-1"]

    def test_dismissing_keeps_the_history(self, manager, monitor):
        manager.held_mb = 600
        monitor.take_sample()
        heard = []
        monitor.subscribe(heard.append)
        assert monitor.dismiss_alert("high_memory_usage-1")
        assert not monitor.dismiss_alert("high_memory_usage-1")
        assert monitor.active_alerts == ()
        assert monitor.alerts[0].resolution == "dismissed"
        assert heard == [monitor.alerts[0]]


class TestBounds:
    def test_the_oldest_sample_leaves(self, manager):
        monitor = VideoPerformanceMonitor(manager, max_samples=3)
        for memory in range(5):
            manager.held_mb = memory
            monitor.take_sample()
        assert [sample.video_memory_mb for sample in monitor.samples] == [2, 3, 4]

    @pytest.mark.parametrize("bounds", [{"max_samples": 0}, {"max_changes": 0}])
    def test_keeping_nothing_is_refused(self, manager, bounds):
        with pytest.raises(UsageError, match="records"):
            VideoPerformanceMonitor(manager, **bounds)

    async def test_changes_pushed_out_are_summed_up_in_the_export(self, clock, manager):
        monitor = VideoPerformanceMonitor(manager, max_changes=2)
        manager.add("a", "b")
        monitor.start()
        manager.add("c")
        c = {"id": "c", "created_at": 0, "video_url": None}
        manager.tell(ChangeKind.FEED, added=["c"], removed=["a"], total=2, videos=[c])
        event = manager.videos[0]
        loading = VideoState(event, LoadState.LOADING)
        manager.tell(ChangeKind.TRANSITION, "c", VideoState(event), loading)
        manager.tell(ChangeKind.NAVIGATE, "c", index=0, from_index=1)
        manager.tell(ChangeKind.NETWORK, network="slow")
        manager.tell(ChangeKind.CRASH)
        manager.tell(ChangeKind.CRASH)
        events = monitor.export().event_records
        kinds = [event["kind"] for event in events]
        assert kinds == [
            *("config", "network", "feed", "navigate", "transition"),
            *("crash", "crash"),
        ]
        assert all(event.get("snapshot") for event in events[:5])
        assert events[2]["added"] == ["b", "c"]
        assert (events[4]["from"], events[4]["to"]) == ("not_loaded", "loading")
        await monitor.aclose()

    async def test_a_video_back_at_not_loaded_needs_no_snapshot(self, manager):
        monitor = VideoPerformanceMonitor(manager, max_changes=1)
        manager.add("a")
        manager.ready("a")
        monitor.start()
        ready = manager.states["a"]
        fresh = VideoState(ready.event)
        manager.tell(ChangeKind.TRANSITION, "a", ready, fresh)
        manager.tell(ChangeKind.CRASH)
        kinds = [event["kind"] for event in monitor.export().event_records]
        assert "transition" not in kinds
        await monitor.aclose()


class TestExport:
    async def test_an_export_begins_with_what_was_there(self, manager, monitor):
        manager.add("a", "b")
        manager.ready("a")
        monitor.start()
        telemetry = monitor.export()
        kinds = [change.kind for change in telemetry.iter_changes()]
        assert kinds == ["config", "feed", "navigate", "transition"]
        state = list(telemetry.iter_changes())[-1].after
        assert state.is_ready
        assert state.event.video_url == "https://x.example/a.mp4"

    async def test_the_header_says_what_it_is(self, clock, manager, monitor):
        monitor.start()
        await clock.advance(60)
        header = monitor.export("1h").header
        assert header["format"] == "openvine.performance-export"
        assert header["version"] == 1
        assert header["config"] == manager.config.to_dict()
        assert header["units"]["video_memory_mb"] == "MB"
        assert header["generated_at"] == "2026-01-01T00:01:00Z"
        assert header["range"]["asked_s"] == 3600
        assert header["records"] == {"samples": 3, "events": 1}

    async def test_a_range_counts_back_from_now(self, clock, monitor):
        monitor.start()
        await clock.advance(600)
        monitor.stop()
        await clock.advance(120)
        telemetry = monitor.export("5m")
        assert len(telemetry.sample_records) == 7
        assert telemetry.coverage.text == "5 min asked, 3 min present"

    async def test_analytics_of_the_written_export_equal_those_shown_live(
        self, clock, manager, tmp_path
    ):
        monitor = VideoPerformanceMonitor(
            manager, thresholds=Thresholds(high_memory_mb=300, slow_preload_ms=900)
        )
        manager.add("a", "b")
        monitor.start()
        for step in range(60):
            manager.held_mb = 100 + 7 * step
            manager.counts["controllers"] = step % 18
            manager.tell_preload(f"v{step % 5}", duration_ms=step * 30.0)
            if step % 4 == 0:
                manager.tell_preload("x", success=False, duration_ms=50.0, error=f"e{step % 3}")
            if step == 30:
                manager.tell(ChangeKind.MEMORY_PRESSURE, memory_mb=310.0, controllers_disposed=2)
                manager.tell(ChangeKind.BREAKER, trip=True, to="open", url="u", reason="5")
            await clock.advance(30)
        for name in ("e.json", "e.ndjson.gz"):
            read = Telemetry.open(monitor.export().write(tmp_path / name))
            assert read.analytics() == monitor.get_analytics()
            ranged = Telemetry.open(monitor.export("10m").write(tmp_path / name))
            assert ranged.analytics() == monitor.get_analytics("10m")
        monitor.record_memory_pressure(900, controllers_disposed=3)
        told = monitor.get_analytics().alert_summary
        assert told.total_alerts == len(monitor.alerts)
        assert told.recent_alerts[-1] == monitor.alerts[-1]
        await monitor.aclose()

    def test_a_malformed_range_is_refused(self, monitor):
        with pytest.raises(UsageError, match="2 hours"):
            monitor.get_analytics("2 hours")


class TestReplayDoor:
    async def test_refilling_equals_having_watched(self, clock, manager, monitor):
        monitor.start()
        for step in range(40):
            manager.held_mb = 450 + 10 * step
            manager.tell_preload(duration_ms=200.0 * step)
            await clock.advance(30)
        again = VideoPerformanceMonitor(manager)
        heard = []
        again.subscribe(heard.append)
        again.refill(monitor.samples, monitor.changes)
        assert again.samples == monitor.samples
        assert again.changes == monitor.changes
        assert again.alerts == monitor.alerts
        assert heard == []

    async def test_reset_forgets_and_goes_on(self, clock, manager, monitor):
        monitor.start()
        manager.held_mb = 900
        await clock.advance(30)
        monitor.record_crash()
        monitor.reset()
        assert (monitor.samples, monitor.changes, monitor.alerts) == ((), (), ())
        await clock.advance(30)
        assert len(monitor.samples) == 1
        assert monitor.current_sample.app_crashes == 0
        assert [alert.type for alert in monitor.alerts] == [AlertType.HIGH_MEMORY_USAGE]

    async def test_a_monitor_says_what_it_does(self, monitor):
        assert "not sampling every 30 s, 0 samples" in repr(monitor)
        monitor.start()
        assert "(sampling every 30 s, 1 samples" in repr(monitor)
