"""Every figure recomputed by brute force, under the contract's names and the app's."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections import Counter
from datetime import datetime

import pytest

from vineview.telemetry import Telemetry
from vineview.telemetry.analytics import Analytics
from vineview.telemetry.growth.leak import Verdict
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1}


@pytest.fixture
def telemetry(incident) -> Telemetry:
    return Telemetry(HEADER, *incident)


@pytest.fixture
def analytics(telemetry) -> Analytics:
    return telemetry.analytics()


def seconds(record) -> float:
    return datetime.fromisoformat(record["at"]).timestamp()


class TestMemory:
    def test_peak_average_minimum_and_last(self, incident, analytics):
        memory = [record["video_memory_mb"] for record in incident[0]]
        usage = analytics.memory_usage
        assert usage.peak_mb == max(memory)
        assert usage.minimum_mb == min(memory)
        assert usage.average_mb == pytest.approx(sum(memory) / len(memory))
        assert usage.current_mb == memory[-1]
        assert analytics.sample_count == len(memory)

    def test_trend(self, incident, analytics):
        memory = [record["video_memory_mb"] for record in incident[0]]
        last, before = sum(memory[-10:]) / 10, sum(memory[-20:-10]) / 10
        trend = analytics.memory_usage.trend
        assert trend.change_rate == pytest.approx((last - before) / before)
        assert trend.direction == "stable"

    def test_growth_rate_is_least_squares_per_second(self, incident, analytics):
        xs = [seconds(record) - seconds(incident[0][0]) for record in incident[0]]
        ys = [record["video_memory_mb"] for record in incident[0]]
        expected = statistics.linear_regression(xs, ys).slope
        assert analytics.memory_usage.growth_rate_mb_per_second == pytest.approx(expected)

    def test_the_robust_rate_lies_in_its_interval(self, analytics):
        usage = analytics.memory_usage
        rate = usage.robust_growth_rate_mb_per_hour / 3600
        assert usage.growth_rate_interval.low < rate < usage.growth_rate_interval.high
        assert rate == pytest.approx(usage.growth_rate_mb_per_second, rel=0.03)

    def test_the_verdict(self, analytics):
        leak = analytics.memory_usage.leak
        assert leak.verdict == "leaking"
        assert any("6 memory pressure events" in sentence for sentence in leak.evidence)

    def test_distribution(self, incident, analytics):
        memory = [record["video_memory_mb"] for record in incident[0]]
        counts = Counter(100 * math.floor(value / 100) for value in memory)
        found = analytics.memory_usage.distribution
        assert [(each.range_start_mb, each.count) for each in found] == sorted(counts.items())
        assert all(each.range_end_mb == each.range_start_mb + 100 for each in found)
        assert sum(each.share for each in found) == pytest.approx(1)

    def test_a_bucket_begins_with_its_start(self, memory_records):
        found = Telemetry(HEADER, memory_records([99.99, 100.0, 400.0]), []).analytics()
        ranges = [(each.range_start_mb, each.count) for each in found.memory_usage.distribution]
        assert ranges == [(0, 1), (100, 1), (400, 1)]


class TestPreloads:
    def test_counts_and_times(self, incident, analytics):
        preloads = [event for event in incident[1] if event["kind"] == "preload"]
        times = [event["duration_ms"] for event in preloads if event["success"]]
        failed = sum(not event["success"] for event in preloads)
        found = analytics.preload_performance
        assert (found.total_preloads, found.failed_preloads) == (len(preloads), failed)
        assert found.average_time_ms == pytest.approx(sum(times) / len(times))
        assert found.median_time_ms == pytest.approx(statistics.median(times))
        assert found.success_rate == pytest.approx(1 - failed / len(preloads))
        assert found.slow_preloads == sum(value > 5000 for value in times)
        assert found.fast_preloads == sum(value < 1000 for value in times)
        assert found.basis == "events"

    def test_samples_answer_where_there_are_no_events(self, at):
        records = [
            {"at": at(0), "preload_duration_ms": 200.0, "preload_success_rate": 80.0},
            {"at": at(30), "preload_duration_ms": None, "preload_success_rate": 85.0},
            {"at": at(60), "preload_duration_ms": 400.0, "preload_success_rate": 90.0},
        ]
        found = Telemetry(HEADER, records, []).analytics().preload_performance
        assert (found.average_time_ms, found.median_time_ms) == (300, 300)
        assert (found.success_rate, found.basis) == (0.9, "samples")

    def test_nothing_is_known_without_either(self):
        found = Telemetry(HEADER, [], []).analytics().preload_performance
        assert (found.success_rate, found.average_time_ms, found.total_preloads) == (None, None, 0)


class TestErrors:
    def test_totals_and_the_most_frequent(self, incident, analytics):
        messages = Counter()
        for event in incident[1]:
            if event["kind"] == "preload" and not event["success"]:
                messages[event["error"] or event["error_class"] or "no message given"] += 1
            elif event["kind"] in {"error", "playback"}:
                messages[event["error"]] += 1
        found = analytics.error_analysis
        total = sum(messages.values())
        assert (found.total_errors, found.unique_errors) == (total, len(messages))
        top = [(each.message, each.count) for each in found.top_errors]
        assert sorted(top) == sorted(messages.items())
        assert [count for _, count in top] == sorted(messages.values(), reverse=True)
        assert found.top_errors[0].share == pytest.approx(top[0][1] / total)

    def test_the_error_rate_is_of_finished_preloads(self, analytics):
        preloads = analytics.preload_performance
        expected = preloads.failed_preloads / preloads.total_preloads
        assert analytics.error_analysis.error_rate == pytest.approx(expected)

    def test_at_most_ten_are_named(self, at):
        events = [{"at": at(i), "kind": "error", "error": f"e{i % 12}"} for i in range(30)]
        found = Telemetry(HEADER, [], events).analytics().error_analysis
        assert (len(found.top_errors), found.unique_errors, found.error_rate) == (10, 12, None)
        assert found.top_errors[0].message == "e0"
        assert found.top_errors[0].first_at.second == 0


class TestAlertsAndAdvice:
    def test_alerts_are_raised_again_from_the_records(self, incident, analytics):
        summary = analytics.alert_summary
        counts = summary.critical_alerts + summary.warning_alerts + summary.info_alerts
        assert summary.total_alerts == counts
        assert len(summary.recent_alerts) == 10
        trips = [event for event in incident[1] if event["kind"] == "breaker"]
        assert len(trips) == 6
        assert summary.active_alerts >= 3

    def test_recommendations_follow_the_apps_rules(self, at):
        records = [
            {
                "at": at(0),
                "video_memory_mb": 501.0,
                "video_controllers": 16,
                "preload_success_rate": 89.0,
            }
        ]
        advice = Telemetry(HEADER, records, []).analytics().recommendations
        assert [(each.type, each.priority) for each in advice] == [
            ("memory", "high"),
            ("network", "high"),
            ("performance", "medium"),
        ]

    def test_limits_met_exactly_need_no_advice(self, at):
        records = [
            {
                "at": at(0),
                "video_memory_mb": 500.0,
                "video_controllers": 15,
                "preload_success_rate": 90.0,
            }
        ]
        assert Telemetry(HEADER, records, []).analytics().recommendations == ()

    def test_a_leak_comes_first(self, analytics):
        assert analytics.recommendations[0].title == "Memory is leaking"
        assert analytics.recommendations[0].priority == "critical"


class TestDegenerate:
    @pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 12, 48, 49])
    @pytest.mark.parametrize("value", ["rising", 0.0, 250.0, None])
    def test_any_number_of_samples_has_analytics(self, memory_records, count, value):
        values = [100.0 + i if value == "rising" else value for i in range(count)]
        analytics = Telemetry(HEADER, memory_records(values), []).analytics()
        usage = analytics.memory_usage
        known = count if value is not None else 0
        assert usage.peak_mb == (0 if not known else max(values))
        assert (usage.growth_rate_mb_per_second is None) == (known < 2)
        assert usage.trend.direction in {"increasing", "stable"}
        assert (usage.leak.verdict is Verdict.LEAKING) == (value == "rising" and count >= 48)
        json.dumps(analytics.to_wire())

    def test_repeats_disorder_and_gaps(self, memory_records):
        records = memory_records([100.0 + i for i in range(60)])
        messy = [*records[30:], *records[:30], *records[10:20]]
        messy[5] = {**messy[5], "video_memory_mb": None}
        found = Telemetry(HEADER, messy, []).analytics()
        assert found.sample_count == 60
        assert found.memory_usage.growth_rate_mb_per_second == pytest.approx(1 / 30)

    def test_without_a_memory_metric(self, at):
        records = [{"at": at(30 * i), "total_videos": 3} for i in range(20)]
        usage = Telemetry(HEADER, records, []).analytics().memory_usage
        assert (usage.peak_mb, usage.current_mb, usage.distribution) == (0, None, ())


class TestRanges:
    def test_a_range_filters_everything(self, telemetry, incident):
        half = telemetry.analytics("1h")
        assert half.sample_count == 121
        since = seconds(incident[0][-1]) - 3600
        preloads = [e for e in incident[1] if e["kind"] == "preload" and seconds(e) >= since]
        assert half.preload_performance.total_preloads == len(preloads)
        assert half.memory_usage.minimum_mb > telemetry.analytics().memory_usage.minimum_mb
        assert half.coverage.text == "1 h asked, 1 h present"

    def test_a_range_beyond_the_data_is_said(self, telemetry):
        assert telemetry.analytics("24h").coverage.text == "1 d asked, 2 h present"

    def test_the_time_range_is_that_of_the_records(self, analytics, incident):
        assert analytics.time_range[0].timestamp() == seconds(incident[0][0])


class TestWire:
    def test_the_apps_names(self, analytics):
        wire = analytics.to_wire()
        assert set(wire) == {
            *("memoryUsage", "preloadPerformance", "errorAnalysis", "alertSummary"),
            *("recommendations", "timeRange", "sampleCount", "userPatterns", "fleet"),
            "coverage",
        }
        assert set(wire["memoryUsage"]) == {
            *("peak", "average", "minimum", "trend", "growthRateMBPerSecond", "distribution")
        }
        assert set(wire["memoryUsage"]["trend"]) == {"direction", "changeRate"}
        bucket = wire["memoryUsage"]["distribution"][0]
        assert set(bucket) == {"rangeStart", "rangeEnd", "count", "percentage"}
        assert set(wire["errorAnalysis"]["topErrors"][0]) == {"message", "count", "percentage"}
        alert = wire["alertSummary"]["recentAlerts"][0]
        assert set(alert) == {"id", "type", "severity", "message", "timestamp", "metadata"}
        json.dumps(wire)

    def test_alert_types_are_in_the_apps_case(self, analytics):
        types = {alert["type"] for alert in analytics.to_wire()["alertSummary"]["recentAlerts"]}
        assert types <= {
            *("highMemoryUsage", "tooManyControllers", "highFailureRate", "slowPreload"),
            *("highPreloadFailureRate", "circuitBreakerTrip", "memoryPressure"),
        }


def test_two_hours_are_analysed_in_a_moment(incident):
    """A sanity bound, ten times the target: the benchmark measures, this notices a disaster."""
    Telemetry(HEADER, *incident).analytics()
    telemetry = Telemetry(HEADER, *incident)
    began = time.process_time()
    telemetry.analytics()
    assert time.process_time() - began < 0.5
