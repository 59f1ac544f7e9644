"""Threshold alerts: strict limits, one per subject, resolved when they clear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vineview.core.changes import Change, ChangeKind
from vineview.telemetry.schema import Sample
from vineview.telemetry.thresholds import AlertBook, AlertType, Severity, Thresholds

START = datetime(2026, 1, 1, tzinfo=UTC)


class Scribe:
    """An alert book and the seconds at which things happen."""

    def __init__(self, thresholds: Thresholds | None = None, **options) -> None:
        self.book = AlertBook(thresholds, **options)

    def sample(self, seconds: float, **fields):
        return self.book.on_sample(Sample(START + timedelta(seconds=seconds), **fields))

    def change(self, kind: ChangeKind, seconds: float, video_id=None, **data):
        at = START + timedelta(seconds=seconds)
        return self.book.on_change(Change(kind, at, video_id, data=data))

    @property
    def history(self):
        return [(alert.type, alert.severity, alert.resolution) for alert in self.book.history]


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


class TestMemory:
    @pytest.mark.parametrize(
        ("memory_mb", "severity"),
        [(500.0, None), (500.1, Severity.WARNING), (800.0, Severity.WARNING), (800.1, "critical")],
    )
    def test_limits_are_strict(self, scribe, memory_mb, severity):
        told = scribe.sample(0, video_memory_mb=memory_mb)
        assert [alert.severity for alert in told] == ([severity] if severity else [])

    def test_a_life_cycle(self, scribe):
        for seconds, memory_mb in enumerate([400, 600, 650, 900, 950, 700, 400]):
            scribe.sample(seconds, video_memory_mb=memory_mb)
        memory = AlertType.HIGH_MEMORY_USAGE
        assert scribe.history == [
            (memory, Severity.WARNING, "escalated"),
            (memory, Severity.CRITICAL, "eased"),
            (memory, Severity.WARNING, "cleared"),
        ]
        assert scribe.book.active == ()
        spans = [(a.at.second, a.resolved_at.second) for a in scribe.book.history]
        assert spans == [(1, 3), (3, 5), (5, 6)]

    def test_a_message_has_the_number_and_the_limit(self, scribe):
        (alert,) = scribe.sample(0, video_memory_mb=612.4)
        assert alert.message == "video memory is 612 MB, above 500 MB"
        assert (alert.value, alert.threshold) == (612.4, 500)

    def test_a_missing_value_changes_nothing(self, scribe):
        scribe.sample(0, video_memory_mb=600)
        assert scribe.sample(1) == []
        assert len(scribe.book.active) == 1


class TestCounts:
    def test_controllers_above_the_cap(self, scribe):
        assert scribe.sample(0, video_controllers=15) == []
        (alert,) = scribe.sample(1, video_controllers=16)
        assert (alert.type, alert.severity) == ("too_many_controllers", "warning")

    def test_failed_of_all_videos(self, scribe):
        assert scribe.sample(0, failed_videos=2, total_videos=10) == []
        (alert,) = scribe.sample(1, failed_videos=3, total_videos=10)
        assert (alert.type, alert.severity) == ("high_failure_rate", "critical")
        assert scribe.sample(2, failed_videos=0, total_videos=0) == []

    def test_the_limits_can_be_set(self):
        scribe = Scribe(Thresholds(max_controllers=2))
        assert scribe.sample(0, video_controllers=3)


class TestPreloads:
    def test_slow_is_per_video_and_clears_with_a_quick_one(self, scribe):
        def preload(seconds, video_id, duration_ms):
            return scribe.change(
                ChangeKind.PRELOAD, seconds, video_id, success=True, duration_ms=duration_ms
            )

        assert preload(0, "a", 5000) == []
        (slow,) = preload(1, "a", 5001)
        assert slow.subject == "a"
        assert len(preload(2, "b", 9000)) == 1
        assert preload(3, "a", 7000) == []
        (cleared,) = preload(4, "a", 200)
        assert (cleared.id, cleared.resolution) == (slow.id, "cleared")
        assert [alert.subject for alert in scribe.book.active] == ["b"]

    def test_a_video_that_left_the_feed_is_no_longer_slow(self, scribe):
        scribe.change(ChangeKind.PRELOAD, 0, "a", success=True, duration_ms=9000)
        (cleared,) = scribe.change(ChangeKind.FEED, 1, removed=["a", "b"])
        assert cleared.subject == "a"

    def test_the_failure_rate_is_of_the_last_hundred(self, scribe):
        for index in range(9):
            scribe.change(ChangeKind.PRELOAD, index, "a", success=True)
        assert scribe.change(ChangeKind.PRELOAD, 9, "a", success=False) == []
        (raised,) = scribe.change(ChangeKind.PRELOAD, 10, "a", success=False)
        assert (raised.type, raised.severity) == ("high_preload_failure_rate", "critical")
        assert raised.message == "2 of the last 11 preloads failed, more than 10%"
        told = [scribe.change(ChangeKind.PRELOAD, 11 + i, "a", success=True) for i in range(9)]
        (cleared,) = told[-1]
        assert cleared.resolution == "cleared"
        for index in range(100):
            scribe.change(ChangeKind.PRELOAD, 30 + index, "a", success=index % 10 != 0)
        assert scribe.book.active == ()


class TestBreakerAndPressure:
    def test_each_trip_is_an_alert_of_its_own(self, scribe):
        def trip(seconds, url):
            return scribe.change(
                ChangeKind.BREAKER, seconds, to="open", trip=True, url=url, reason="5 failures"
            )

        trip(0, "u1")
        trip(1, "u2")
        (repeated, again) = trip(2, "u1")
        assert (repeated.resolution, again.metadata["trip_count"]) == ("repeated", 2)
        assert [alert.subject for alert in scribe.book.active] == ["u2", "u1"]

    def test_a_blocked_url_ends_nothing_and_a_closed_breaker_everything(self, scribe):
        for url in ("u1", "u2"):
            scribe.change(ChangeKind.BREAKER, 0, to="open", trip=True, url=url)
        blocked = {"from": "closed", "to": "closed", "url": "u1", "trip": False}
        assert scribe.change(ChangeKind.BREAKER, 1, **blocked) == []
        closed = {"from": "half_open", "to": "closed", "url": "u9", "trip": False}
        told = scribe.change(ChangeKind.BREAKER, 2, **closed)
        assert [alert.resolution for alert in told] == ["cleared", "cleared"]
        assert scribe.book.active == ()

    def test_moving_without_tripping_is_no_alert(self, scribe):
        assert scribe.change(ChangeKind.BREAKER, 0, to="half_open", trip=False) == []

    def test_the_breaker_for_everything_says_so(self, scribe):
        (alert,) = scribe.change(ChangeKind.BREAKER, 0, to="open", trip=True)
        assert alert.message == "circuit breaker tripped for all loads: no reason given"

    def test_every_pressure_event_is_an_alert(self, scribe):
        scribe.change(ChangeKind.MEMORY_PRESSURE, 0, memory_mb=800.0, controllers_disposed=3)
        scribe.change(ChangeKind.MEMORY_PRESSURE, 1, memory_mb=801.0)
        scribe.change(ChangeKind.MEMORY_PRESSURE, 2)
        kind = AlertType.MEMORY_PRESSURE
        assert scribe.history == [
            (kind, Severity.WARNING, "repeated"),
            (kind, Severity.CRITICAL, "repeated"),
            (kind, Severity.WARNING, None),
        ]
        assert scribe.book.history[0].message == "memory pressure at 800 MB, 3 controllers freed"

    def test_pressure_ends_with_a_later_sample_below_the_warning(self, scribe):
        scribe.change(ChangeKind.MEMORY_PRESSURE, 5, memory_mb=700.0)
        assert scribe.sample(5, video_memory_mb=100) == []
        scribe.sample(6, video_memory_mb=501)
        assert AlertType.MEMORY_PRESSURE in [alert.type for alert in scribe.book.active]
        scribe.sample(7, video_memory_mb=500)
        assert scribe.book.active == ()

    def test_other_changes_alert_nobody(self, scribe):
        assert scribe.change(ChangeKind.NAVIGATE, 0, "a", index=1) == []


class TestSustained:
    def test_a_condition_must_last(self):
        scribe = Scribe(Thresholds(sustained_s=60))
        assert [len(scribe.sample(s, video_memory_mb=600)) for s in (0, 30, 60)] == [0, 0, 1]

    def test_clearing_starts_the_wait_anew(self):
        scribe = Scribe(Thresholds(sustained_s=60))
        for seconds, memory_mb in [(0, 600), (30, 400), (60, 600), (90, 600)]:
            assert scribe.sample(seconds, video_memory_mb=memory_mb) == []
        assert len(scribe.sample(120, video_memory_mb=600)) == 1

    def test_a_gap_starts_the_wait_anew(self):
        scribe = Scribe(Thresholds(sustained_s=60))
        assert scribe.sample(0, video_memory_mb=600) == []
        assert scribe.sample(300, video_memory_mb=600) == []

    def test_events_do_not_wait(self):
        scribe = Scribe(Thresholds(sustained_s=60))
        assert len(scribe.change(ChangeKind.MEMORY_PRESSURE, 0, memory_mb=600.0)) == 1


class TestHistory:
    def test_no_two_alerts_share_an_id(self, scribe):
        for seconds in range(40):
            scribe.sample(
                seconds,
                video_memory_mb=(400, 600, 900)[seconds % 3],
                video_controllers=10 + seconds % 2 * 10,
            )
        ids = [alert.id for alert in scribe.book.history]
        assert len(ids) > 20
        assert len(set(ids)) == len(ids)

    def test_resolved_alerts_are_bounded_and_active_ones_stay(self):
        scribe = Scribe(history=2)
        scribe.change(ChangeKind.BREAKER, 0, to="open", trip=True, url="u")
        for seconds in range(10):
            scribe.sample(seconds, video_memory_mb=600 if seconds % 2 else 100)
        assert len(scribe.book.history) == 4
        assert scribe.book.history[0].subject == "u"

    def test_dismissing_an_unknown_alert_does_nothing(self, scribe):
        scribe.sample(0, video_memory_mb=600)
        assert scribe.book.dismiss("nope", START) is None

    def test_limits_are_read_from_an_export(self):
        given = {"high_memory_mb": 300, "max_controllers": "many", "colour": 1, "sustained_s": True}
        assert Thresholds.from_dict(given) == Thresholds(high_memory_mb=300)
