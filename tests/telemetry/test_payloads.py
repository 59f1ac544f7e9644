"""The payloads of the app's documents: field names, units, and the corners of each."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime

import pytest

from vineview.errors import UsageError
from vineview.telemetry import Sample, Telemetry, VideoPerformanceMonitor, payloads
from vineview.telemetry.dashboard import performance_score
from vineview.telemetry.pushing import GaugePush
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.thresholds import Alert, AlertType, Severity

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAMPLE = Sample(
    AT,
    video_memory_mb=612.5,
    video_controllers=9,
    total_videos=40,
    ready_videos=8,
    loading_videos=2,
    failed_videos=10,
    preload_success_rate=92.5,
    circuit_breaker_trips=3,
    memory_pressure_events=1,
)
NOTHING = Sample(AT)


@pytest.fixture
def analytics(incident):
    return Telemetry({"format": FORMAT, "version": 1}, *incident).analytics()


@pytest.mark.parametrize(("memory_mb", "status"), [(499.9, "healthy"), (500, "warning")])
def test_health_is_healthy_under_500_mb_and_never_worse_than_a_warning(memory_mb, status):
    assert payloads.health(Sample(AT, video_memory_mb=memory_mb, video_controllers=3)) == {
        "status": status,
        "memory_mb": memory_mb,
        "controllers": 3,
        "ready_videos": 0,
        "timestamp": "2026-01-01T12:00:00Z",
    }


def test_production_metrics_have_the_rate_in_percent():
    assert payloads.production_metrics(SAMPLE, average_load_time_ms=830.0) == {
        "memory_usage_mb": 612.5,
        "active_controllers": 9,
        "preload_success_rate": 92.5,
        "average_load_time_ms": 830.0,
        "circuit_breaker_trips": 3,
        "memory_pressure_events": 1,
    }


def test_production_metrics_start_at_zero():
    assert set(payloads.production_metrics(NOTHING, average_load_time_ms=None).values()) == {0}


def test_gauges_have_the_rate_in_percent_and_leave_out_what_is_not_known():
    assert payloads.gauges(SAMPLE) == {
        "video_memory_mb": 612.5,
        "video_controllers": 9,
        "preload_success_rate": 92.5,
        "total_videos": 40,
        "ready_videos": 8,
    }
    assert payloads.gauges(NOTHING) == {}


def test_the_memory_alert_is_sent_above_800_mb_only():
    assert payloads.video_memory_usage(SAMPLE) == {"memory_mb": 612.5}
    assert payloads.video_memory_alert(Sample(AT, video_memory_mb=800.0)) is None
    assert payloads.video_memory_alert(Sample(AT, video_memory_mb=800.1)) == {"memory_mb": 800.1}


def test_a_preload_event_has_whole_milliseconds():
    found = payloads.video_preload("v", success=True, duration_ms=830.6)
    assert found == {"video_id": "v", "success": True, "duration_ms": 831}


def test_a_performance_alert_has_the_apps_type():
    alert = Alert("a-1", AlertType.HIGH_MEMORY_USAGE, Severity.WARNING, "too much", AT)
    assert payloads.performance_alert(alert) == {
        "type": "highMemoryUsage",
        "severity": "warning",
        "message": "too much",
    }


def test_memory_analysis(analytics):
    found = payloads.memory_analysis(analytics)
    memory = analytics.memory_usage
    assert list(found) == [
        *("peak_memory", "average_memory", "growth_trend", "growth_rate"),
        *("distribution", "recommendations", "coverage"),
    ]
    assert (found["peak_memory"], found["growth_rate"]) == (
        memory.peak_mb,
        memory.growth_rate_mb_per_second,
    )
    assert found["growth_trend"] == "stable"
    json.dumps(found)


def test_advice_comes_with_its_evidence_and_whose_rule_it_is(at):
    """On the wire and on the page alike."""
    records = [{"at": at(0), "video_memory_mb": 501.0, "video_controllers": 16}]
    telemetry = Telemetry({"format": FORMAT, "version": 1}, records, [])
    analytics = telemetry.analytics()
    found = payloads.memory_analysis(analytics)["recommendations"]
    assert len(found) == 2
    page = html.unescape(analytics._repr_html_())
    for advice in found:
        assert set(advice) == {
            *("type", "priority", "title", "description", "action", "source", "evidence"),
        }
        assert advice["source"].startswith("rule of OpenVine's performance monitor: ")
        assert advice["source"] in page
        assert advice["evidence"]
        assert advice["evidence"][0] in page
        limit = getattr(telemetry.thresholds, advice["source"].rpartition("Thresholds.")[2])
        assert f"{limit:g}" in advice["evidence"][0]


def test_the_daily_benchmark_says_how_much_was_freed_in_percent():
    run = {"video_addition_ms": 4.2, "preload_success_rate": 95.0, "at": AT}
    assert payloads.daily_benchmark(before_mb=400.0, after_mb=100.0, **run) == {
        "video_addition_ms": 4.2,
        "preload_success_rate": 95.0,
        "cleanup_effectiveness": 75.0,
        "timestamp": "2026-01-01T12:00:00Z",
    }
    nothing = payloads.daily_benchmark(before_mb=0.0, after_mb=0.0, **run)
    assert nothing["cleanup_effectiveness"] is None


def test_the_weekly_report_has_rates_as_fractions_and_five_errors(at):
    events = [
        {"at": at(i), "kind": "preload", "success": i % 2 == 0, "error": f"e{i % 14}"}
        for i in range(56)
    ]
    analytics = Telemetry({"format": FORMAT, "version": 1}, [], events).analytics("7d")
    found = payloads.weekly_report(analytics, week_ending=AT)
    assert found["week_ending"] == "2026-01-01T12:00:00Z"
    assert found["memory_usage"] == {"peak": 0.0, "average": 0.0, "trend": "stable"}
    assert found["performance"] == {"preload_success_rate": 0.5, "avg_preload_time": None}
    assert (found["errors"]["total_errors"], found["errors"]["error_rate"]) == (28, 0.5)
    assert len(found["errors"]["top_errors"]) == 5
    assert set(found) == {
        *("week_ending", "memory_usage", "performance", "errors", "recommendations", "coverage"),
    }
    assert found["coverage"].startswith("7 d asked, ")


def test_configuration_advice():
    found = payloads.configuration_advice(
        "preload_ahead", current=3, recommended=1, reason="memory", impact="-40 MB"
    )
    assert found == {
        "parameter": "preload_ahead",
        "current_value": 3,
        "recommended_value": 1,
        "reason": "memory",
        "expected_impact": "-40 MB",
    }


async def test_the_metrics_push_and_the_statistics_behind_it(manager):
    monitor = VideoPerformanceMonitor(manager)
    manager.add("a", "b")
    manager.held_mb = 120.0
    manager.counts |= {"controllers": 2, "failed": 1}
    monitor.record_preload("a", success=True, duration_ms=300)
    monitor.record_preload("b", success=False, error="HTTP 404")
    monitor.record_breaker_trip("b", reason="5 failures")
    monitor.take_sample()
    statistics = monitor.statistics()
    assert payloads.metrics_push(statistics) == {
        "timestamp": "2026-01-01T00:00:00Z",
        "memory_mb": 120.0,
        "controllers": 2,
        "videos": {"total": 2, "ready": 0, "loading": 0, "failed": 1},
        "performance": {"avg_preload_time": 300.0, "success_rate": 0.5},
        "trends": {"memory": "stable", "performance": "stable"},
    }
    wire = statistics.to_wire()
    assert wire["circuitBreakerTrips"] == {"b": 1}
    assert wire["topErrors"] == [{"message": "HTTP 404", "count": 1, "percentage": 1.0}]
    assert set(wire) == {
        *("currentMemoryMB", "currentControllers", "totalVideos", "readyVideos", "loadingVideos"),
        *("failedVideos", "averagePreloadTime", "preloadSuccessRate", "topErrors", "memoryTrend"),
        *("performanceTrend", "circuitBreakerTrips", "sampleCount", "timestamp"),
    }


def test_statistics_without_a_sample_are_zeros(manager):
    statistics = VideoPerformanceMonitor(manager).statistics()
    assert (statistics.current_memory_mb, statistics.sample_count) == (0.0, 0)
    assert (statistics.performance_score, statistics.performance_trend) == (None, "stable")


@pytest.mark.parametrize(
    ("memory_mb", "controllers", "failed", "score"),
    [(0.0, 0, 0, 1.0), (500.0, 10, 0, 2 / 3), (5000.0, 60, 10, 0.0)],
)
def test_the_performance_score_stays_between_0_and_1(memory_mb, controllers, failed, score):
    sample = Sample(
        AT,
        video_memory_mb=memory_mb,
        video_controllers=controllers,
        failed_videos=failed,
        total_videos=10,
    )
    assert performance_score([sample]) == pytest.approx(score)


def test_the_rollback_snapshot(manager):
    manager.add("a", "b")
    manager.ready("a")
    found = payloads.rollback_snapshot(manager, {"sampleCount": 0}, at=AT)
    assert found["videos"] == [{"id": "b", "state": "not_loaded"}, {"id": "a", "state": "ready"}]
    assert found["debug_info"]["totalVideos"] == 2
    assert (found["performance_stats"], found["timestamp"]) == (
        {"sampleCount": 0},
        "2026-01-01T12:00:00Z",
    )


class TestGaugePush:
    async def test_gauges_go_out_at_once_and_every_minute(self, clock, manager):
        monitor, sent = VideoPerformanceMonitor(manager), []
        manager.held_mb = 80.0
        monitor.start()
        push = GaugePush(monitor, sent.append, clock=clock)
        push.start()
        push.start()
        await clock.advance(180)
        assert [each["video_memory_mb"] for each in sent] == [80.0] * 4
        await push.aclose()
        await monitor.aclose()
        await clock.advance(180)
        assert len(sent) == 4

    async def test_a_collector_that_fails_is_tried_again(self, clock, manager, caplog):
        monitor, calls = VideoPerformanceMonitor(manager), []

        def send(gauges):
            calls.append(gauges)
            raise OSError("unreachable")

        monitor.take_sample()
        push = GaugePush(monitor, send, clock=clock)
        push.start()
        await clock.advance(60)
        assert len(calls) == 2
        assert "gauges could not be sent" in caplog.text
        await push.aclose()

    def test_a_senseless_interval_is_refused(self, clock, manager):
        monitor = VideoPerformanceMonitor(manager)
        with pytest.raises(UsageError, match="every 0 s"):
            GaugePush(monitor, print, clock=clock, interval_s=0)
