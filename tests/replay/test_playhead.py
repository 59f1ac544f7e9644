"""The playhead is arithmetic on a clock: no jumps, no drift."""

from __future__ import annotations

import asyncio

import pytest

from vineview.errors import UsageError
from vineview.replay.playhead import Playhead, RecordedClock


@pytest.fixture
def head(clock) -> Playhead:
    return Playhead(clock, duration_s=600.0, speed=2.0)


class TestPlayhead:
    async def test_it_stands_until_started(self, clock, head):
        await clock.advance(10)
        assert head.position_s == 0.0

    async def test_it_moves_with_the_clock_times_the_speed(self, clock, head):
        head.start()
        await clock.advance(10)
        assert head.position_s == 20.0

    async def test_changing_the_speed_does_not_move_it(self, clock, head):
        head.start()
        await clock.advance(10)
        head.speed = 100
        assert head.position_s == 20.0
        await clock.advance(1)
        assert head.position_s == 120.0

    async def test_it_stops_where_it_is(self, clock, head):
        head.start()
        await clock.advance(10)
        head.stop()
        await clock.advance(10)
        assert head.position_s == 20.0

    async def test_it_never_passes_the_end(self, clock, head):
        head.start()
        await clock.advance(10_000)
        assert head.position_s == 600.0

    @pytest.mark.parametrize(("to", "stands"), [(-5, 0.0), (7, 7.0), (1e12, 600.0)])
    def test_a_jump_beyond_an_end_means_that_end(self, head, to, stands):
        head.move_to(to)
        assert head.position_s == stands

    async def test_it_says_when_a_position_is_reached(self, clock, head):
        head.start()
        await clock.advance(5)
        assert head.reaches_in_s(30.0) == 10.0

    @pytest.mark.parametrize("speed", [0, 0.5, -1, 1001, float("nan"), float("inf"), "2", True])
    def test_a_senseless_speed_is_refused(self, head, speed):
        with pytest.raises(UsageError, match="from 1 to 1000"):
            head.speed = speed
        assert head.speed == 2.0


class TestRecordedClock:
    async def test_its_dates_are_the_recordings_and_its_seconds_the_clocks(self, clock, head):
        recorded = RecordedClock(clock, head, clock.utc())
        head.move_to(300.0)
        start = recorded.now()
        await clock.advance(7)
        assert recorded.now() - start == 7.0
        assert recorded.utc().isoformat() == "2026-01-01T00:05:00+00:00"

    async def test_it_sleeps_on_the_clock(self, clock, head):
        """Whoever paces itself by it is not hastened by the speed."""
        sleeping = asyncio.create_task(RecordedClock(clock, head, clock.utc()).sleep(5))
        head.start()
        await clock.advance(4)
        assert not sleeping.done()
        await clock.advance(1)
        assert sleeping.done()
