"""CircuitBreaker: opens on finished failures, lets a few probes through, blocks single URLs."""

from __future__ import annotations

import math

import pytest

from vineview.core import BreakerState, CircuitBreaker
from vineview.errors import ConfigError


@pytest.fixture
def breaker(clock) -> CircuitBreaker:
    return CircuitBreaker(clock=clock)


def trip(breaker: CircuitBreaker) -> None:
    for number in range(breaker.failure_threshold):
        breaker.record_failure(f"https://a.example/{number}")


class TestOpening:
    def test_starts_closed(self, breaker):
        assert breaker.state is BreakerState.CLOSED
        assert breaker.allow("u")
        assert breaker.retry_after_s == 0

    def test_opens_at_the_threshold_over_all_urls(self, breaker):
        for number in range(4):
            breaker.record_failure(f"u{number}")
        assert breaker.allow("v")
        breaker.record_failure("u5")
        assert breaker.state is BreakerState.OPEN
        assert not breaker.allow("v")
        assert breaker.retry_after_s == 120

    async def test_counts_five_minutes_only(self, clock, breaker):
        for number in range(4):
            breaker.record_failure(f"u{number}")
        await clock.advance(300)
        breaker.record_failure("u5")
        assert breaker.state is BreakerState.CLOSED

    def test_more_failures_do_not_keep_it_open_longer(self, breaker):
        trip(breaker)
        breaker.record_failure("late")
        assert breaker.retry_after_s == 120


class TestHalfOpen:
    async def test_lets_probes_through_once_the_timeout_has_passed(self, clock, breaker):
        trip(breaker)
        await clock.advance(119.9)
        assert breaker.state is BreakerState.OPEN
        await clock.advance(0.1)
        assert breaker.state is BreakerState.HALF_OPEN
        assert breaker.allow("v")

    async def test_closes_after_three_successes(self, clock, breaker):
        trip(breaker)
        await clock.advance(120)
        for number in range(3):
            assert breaker.allow(f"v{number}")
            breaker.record_success(f"v{number}")
        assert breaker.state is BreakerState.CLOSED

    async def test_an_abandoned_probe_leaves_its_place_to_another(self, clock, breaker):
        trip(breaker)
        await clock.advance(120)
        assert [breaker.allow("v") for _ in range(4)] == [True, True, True, False]
        breaker.abandon("v")
        assert breaker.allow("w")
        breaker.abandon("unheard of")
        assert not breaker.allow("x")

    async def test_without_any_success_it_opens_again_in_time(self, clock, breaker):
        trip(breaker)
        await clock.advance(120)
        assert breaker.allow("v")
        await clock.advance(30)
        assert breaker.state is BreakerState.OPEN
        assert breaker.retry_after_s == 120

    async def test_silent_probes_do_not_block_forever(self, clock, breaker):
        trip(breaker)
        await clock.advance(120)
        assert [breaker.allow("v") for _ in range(3)] == [True] * 3
        breaker.record_success("v")
        assert not breaker.allow("w")
        await clock.advance(30)
        assert breaker.allow("w")


class TestUrls:
    @pytest.fixture
    def lenient(self, clock) -> CircuitBreaker:
        """Blocks single URLs without opening: successes elsewhere keep it closed."""
        return CircuitBreaker(clock=clock, failure_threshold=2, open_timeout_s=1)

    async def test_a_failing_url_is_blocked_for_its_failures_times_two_minutes(
        self, clock, lenient
    ):
        lenient.record_failure("bad")
        assert not lenient.is_blocked("bad")
        lenient.record_failure("bad")
        await clock.advance(239.9)
        assert not lenient.allow("bad")
        assert lenient.allow("good")
        lenient.reset()
        assert lenient.allow("bad")

    async def test_the_block_ends(self, clock, lenient):
        lenient.record_failure("bad")
        lenient.record_failure("bad")
        await clock.advance(240)
        assert lenient.allow("bad")

    async def test_twice_the_threshold_is_for_good(self, clock, lenient):
        for _ in range(4):
            lenient.record_failure("bad")
        await clock.advance(10**9)
        assert lenient.is_blocked("bad")
        lenient.clear_permanent_failures()
        assert not lenient.is_blocked("bad")

    def test_a_success_clears_the_count(self, lenient):
        lenient.record_failure("bad")
        lenient.record_success("bad")
        lenient.record_failure("bad")
        assert not lenient.is_blocked("bad")

    def test_clearing_urls_leaves_the_breaker_itself_open(self, breaker):
        for _ in range(5):
            breaker.record_failure("bad")
        breaker.clear_urls()
        assert not breaker.is_blocked("bad")
        assert breaker.state is BreakerState.OPEN

    def test_the_number_of_urls_is_bounded(self, clock):
        breaker = CircuitBreaker(clock=clock, failure_threshold=1)
        for number in range(1500):
            breaker.record_failure(f"u{number}")
        assert breaker.stats()["failedUrls"] == 1000
        assert not breaker.is_blocked("u0")
        assert breaker.is_blocked("u1499")


class TestTelling:
    async def test_each_move_is_told_with_its_reason(self, clock, breaker):
        moves = []
        unsubscribe = breaker.subscribe(moves.append)
        trip(breaker)
        await clock.advance(120)
        breaker.record_failure("v")
        breaker.reset()
        assert [(move.before, move.after, move.is_trip) for move in moves] == [
            ("closed", "open", True),
            ("open", "half_open", False),
            ("half_open", "open", True),
            ("open", "closed", False),
        ]
        assert moves[0].url == "https://a.example/4"
        assert all(move.reason for move in moves)
        unsubscribe()
        trip(breaker)
        assert len(moves) == 4

    def test_the_same_listener_may_subscribe_twice(self, breaker):
        """And each subscription ends by itself."""
        moves = []
        breaker.subscribe(moves.append)
        unsubscribe = breaker.subscribe(moves.append)
        unsubscribe()
        unsubscribe()
        trip(breaker)
        assert len(moves) == 1

    def test_a_blocked_url_is_told_without_being_a_trip(self, clock):
        moves = []
        breaker = CircuitBreaker(clock=clock, failure_threshold=1)
        breaker.subscribe(moves.append)
        breaker.record_failure("bad")
        breaker.record_failure("bad")
        blocks = [move for move in moves if not move.is_trip]
        assert [block.url for block in blocks] == ["bad", "bad"]
        assert "120 s" in blocks[0].reason
        assert "for good" in blocks[1].reason

    def test_stats_have_the_names_of_the_service(self, breaker):
        trip(breaker)
        breaker.record_failure("https://a.example/0")
        assert breaker.stats() == {
            "state": "open",
            "totalFailures": 6,
            "recentFailures": 6,
            "failedUrls": 5,
            "permanentlyFailedUrls": 0,
            "allowRequests": False,
            "halfOpenSuccessCount": 0,
            "failureThreshold": 5,
        }
        detailed = breaker.stats(detailed=True)
        assert detailed["urlFailureCounts"]["https://a.example/0"] == 2
        assert detailed["mostFailedUrls"][0] == "https://a.example/0"
        assert len(detailed["recentFailureUrls"]) == 6
        assert detailed["permanentFailures"] == []

    async def test_stats_forget_with_time(self, clock, breaker):
        trip(breaker)
        await clock.advance(3600)
        stats = breaker.stats(detailed=True)
        assert (stats["recentFailures"], stats["recentFailureUrls"]) == (0, [])
        assert stats["totalFailures"] == 5

    def test_a_reset_when_closed_tells_nothing(self, breaker):
        moves = []
        breaker.subscribe(moves.append)
        breaker.reset()
        assert moves == []


class TestSettings:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("failure_threshold", 0),
            ("failure_threshold", 2.0),
            ("successes_to_close", -1),
            ("open_timeout_s", 0),
            ("half_open_timeout_s", math.nan),
            ("half_open_timeout_s", "30"),
            ("open_timeout_s", True),
        ],
    )
    def test_nonsense_is_refused_by_name(self, clock, field, value):
        with pytest.raises(ConfigError, match=field):
            CircuitBreaker(clock=clock, **{field: value})
