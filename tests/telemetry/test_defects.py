"""The original monitor's defects, by number (reference, section 13): none is inherited."""

from __future__ import annotations

import pytest

from vineview.core.changes import ChangeKind
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.thresholds import AlertType, Thresholds

HEADER = {"format": FORMAT, "version": 1}


@pytest.fixture
async def monitor(manager):
    watching = VideoPerformanceMonitor(manager)
    yield watching
    await watching.aclose()


def analytics_of(records, events=()):
    return Telemetry(HEADER, records, list(events)).analytics()


def test_defect_18_controllers_and_queue_are_read_by_the_names_the_manager_emits(manager, monitor):
    manager.counts |= {"controllers": 16, "preloads": 4}
    sample = monitor.take_sample()
    assert (sample.video_controllers, sample.preloading_queue) == (16, 4)
    assert [alert.type for alert in monitor.active_alerts] == [AlertType.TOO_MANY_CONTROLLERS]


def test_defect_19_success_rate_is_successes_of_attempts_not_of_videos(manager, monitor):
    for success in (True, False, False, True):
        monitor.record_preload("the-same-video", success=success, duration_ms=100)
    analytics = monitor.get_analytics()
    assert analytics.preload_performance.success_rate == 0.5
    assert analytics.error_analysis.error_rate == 0.5
    assert [each.type for each in analytics.recommendations] == ["network"]
    assert monitor.take_sample().preload_success_rate == 50
    assert AlertType.HIGH_PRELOAD_FAILURE_RATE in {alert.type for alert in monitor.alerts}


@pytest.mark.parametrize("count", [*range(12), 19, 20])
def test_defect_20_any_number_of_samples_has_a_trend(memory_records, count):
    trend = analytics_of(memory_records([0.0] * count)).memory_usage.trend
    assert trend.direction == "stable"


def test_defect_21_recent_means_latest(at):
    events = [
        {"at": at(i), "kind": "memory_pressure", "memory_mb": 900.0 + i, "trip": True}
        for i in range(30)
    ]
    recent = analytics_of([], events).alert_summary.recent_alerts
    assert [alert.value for alert in recent] == [920.0 + i for i in range(10)]


def test_defect_22_there_is_a_growth_rate(memory_records):
    usage = analytics_of(memory_records([100.0 + 3 * i for i in range(30)])).memory_usage
    assert usage.growth_rate_mb_per_second == pytest.approx(0.1)
    assert usage.robust_growth_rate_mb_per_hour == pytest.approx(360)


async def test_defect_23_a_range_filters_preloads_and_errors_too(clock, manager, monitor):
    monitor.start()
    manager.tell_preload(success=False, duration_ms=9000.0, error="old")
    await clock.advance(3600)
    manager.tell_preload(duration_ms=100.0)
    recent = monitor.get_analytics("10m")
    assert recent.error_analysis.total_errors == 0
    assert recent.preload_performance.average_time_ms == 100
    assert recent.alert_summary.total_alerts == 0
    assert monitor.get_analytics().error_analysis.total_errors == 1


def test_defect_24_what_is_kept_is_bounded(manager):
    monitor = VideoPerformanceMonitor(manager, max_samples=5, max_changes=50)
    for index in range(500):
        monitor.record_preload(f"v{index}", success=True, duration_ms=1.0)
        monitor.take_sample()
    assert (len(monitor.samples), len(monitor.changes)) == (5, 50)
    assert len(monitor._durations_ms) <= 50


def test_defect_25_failures_without_message_count_and_their_times_stand_apart(monitor):
    monitor.record_preload("a", success=True, duration_ms=100)
    monitor.record_preload("b", success=False, duration_ms=10_000)
    analytics = monitor.get_analytics()
    assert analytics.error_analysis.total_errors == 1
    assert analytics.error_analysis.top_errors[0].message == "no message given"
    assert analytics.preload_performance.average_time_ms == 100


def test_defect_26_an_even_median_is_the_mean_of_the_middle_two(monitor):
    for duration_ms in (100, 200, 400, 1000):
        monitor.record_preload("a", success=True, duration_ms=duration_ms)
    assert monitor.get_analytics().preload_performance.median_time_ms == 300


async def test_defect_27_alerts_resolve_and_stand_for_their_subject(clock, manager, monitor):
    monitor.record_breaker_trip("a", reason="5 failures")
    monitor.record_breaker_trip("b", reason="5 failures")
    assert [alert.subject for alert in monitor.active_alerts] == ["a", "b"]
    for memory_mb in (600, 900, 100):
        manager.held_mb = memory_mb
        await clock.advance(30)
        monitor.take_sample()
    memory = [each for each in monitor.alerts if each.type is AlertType.HIGH_MEMORY_USAGE]
    assert [each.resolution for each in memory] == ["escalated", "cleared"]
    monitor.dismiss_alert(monitor.active_alerts[0].id)
    assert [alert.subject for alert in monitor.active_alerts] == ["b"]
    assert len(monitor.alerts) == 4


def test_defect_28_alert_ids_are_unique_within_one_instant(monitor):
    for index in range(50):
        monitor.record_breaker_trip(f"v{index}")
    assert len({alert.id for alert in monitor.alerts}) == 50
    monitor.dismiss_alert(monitor.alerts[7].id)
    assert len(monitor.active_alerts) == 49


async def test_defect_29_the_first_sample_is_taken_at_the_start(monitor):
    monitor.start()
    assert len(monitor.samples) == 1


async def test_defect_30_recording_after_stopping_does_nothing_and_does_not_raise(manager, monitor):
    monitor.start()
    await monitor.aclose()
    monitor.record_preload("a", success=False)
    monitor.record_breaker_trip("a")
    monitor.record_memory_pressure(900)
    monitor.record_crash()
    monitor.take_sample()
    manager.tell(ChangeKind.CRASH)
    assert (len(monitor.samples), monitor.changes, monitor.alerts) == (1, (), ())
    assert monitor.take_sample().app_crashes == 0


def test_defect_31_there_is_no_score_posing_as_a_trend(memory_records):
    falling = analytics_of(memory_records([3000.0 - 50 * i for i in range(40)]))
    assert falling.memory_usage.trend.direction == "decreasing"
    assert not hasattr(falling, "performance_trend")


async def test_defect_32_a_sustained_alert_needs_more_than_one_sample(clock, manager):
    monitor = VideoPerformanceMonitor(manager, thresholds=Thresholds(sustained_s=300))
    manager.held_mb = 900
    monitor.start()
    await clock.advance(270)
    assert monitor.alerts == ()
    await clock.advance(30)
    assert [alert.type for alert in monitor.active_alerts] == [AlertType.HIGH_MEMORY_USAGE]
    await monitor.aclose()


async def test_defect_33_coverage_is_what_is_there(clock, monitor):
    monitor.start()
    await clock.advance(600)
    assert monitor.get_analytics().coverage.text == "10 min present"
    day = monitor.get_analytics("24h").coverage
    assert (day.text, day.present_s, day.asked_s) == ("1 d asked, 10 min present", 600, 86_400)
