"""ManualClock: time that moves only when told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from vineview.clock import Clock, ManualClock, SystemClock


class TestManualClock:
    async def test_wakes_sleepers_in_the_order_they_are_due(self, clock):
        woken = []

        async def sleep(name, seconds):
            await clock.sleep(seconds)
            woken.append((name, clock.now()))

        tasks = [asyncio.create_task(sleep(*case)) for case in [("b", 2), ("a", 1), ("c", 2)]]
        await clock.advance(2)
        assert woken == [("a", 1), ("b", 2), ("c", 2)]
        await asyncio.gather(*tasks)

    async def test_a_woken_task_may_sleep_again_within_one_advance(self, clock):
        times = []

        async def tick():
            for _ in range(3):
                await clock.sleep(1)
                times.append(clock.now())

        task = asyncio.create_task(tick())
        await clock.advance(10)
        assert times == [1, 2, 3]
        assert clock.now() == 10
        await task

    async def test_nothing_wakes_before_its_time(self, clock):
        task = asyncio.create_task(clock.sleep(5))
        await clock.advance(4.999)
        assert not task.done()
        await clock.advance(0.001)
        assert task.done()

    @pytest.mark.parametrize("seconds", [0, -1, float("nan")])
    async def test_a_sleep_of_no_length_only_yields(self, clock, seconds):
        await clock.sleep(seconds)
        assert clock.now() == 0

    async def test_cancelled_sleeps_do_not_pile_up(self, clock):
        kept = asyncio.create_task(clock.sleep(10))
        for _ in range(1000):
            task = asyncio.create_task(clock.sleep(10))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
        assert len(clock._sleepers) < 200
        await clock.advance(10)
        assert kept.done()

    async def test_advancing_passes_cancelled_sleeps_over(self, clock):
        task = asyncio.create_task(clock.sleep(1))
        await clock.advance(0)
        task.cancel()
        await clock.advance(2)
        assert task.cancelled()
        assert clock.now() == 2

    async def test_time_does_not_run_backwards_when_advanced_twice_at_once(self, clock):
        seen = []

        async def watch():
            for _ in range(12):
                await clock.sleep(1)
                seen.append(clock.now())

        task = asyncio.create_task(watch())
        await asyncio.gather(clock.advance(10), clock.advance(2))
        assert seen == sorted(seen)
        assert clock.now() >= 10
        task.cancel()

    async def test_settles_without_knowing_the_loop(self, clock, monkeypatch):
        class Opaque:
            """A loop whose queue cannot be seen."""

        monkeypatch.setattr("vineview.clock.asyncio.get_running_loop", Opaque)
        await clock.advance(1)
        assert clock.now() == 1

    @pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
    async def test_refuses_what_is_no_way_forward(self, clock, seconds):
        with pytest.raises(ValueError, match=f"advanced by {seconds} s"):
            await clock.advance(seconds)
        assert clock.now() == 0

    def test_starts_where_told_in_utc(self):
        start = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
        assert ManualClock(start).utc() == datetime(2026, 5, 1, 10, tzinfo=UTC)
        assert ManualClock(start).utc().tzinfo is UTC

    def test_refuses_a_naive_start(self):
        with pytest.raises(ValueError, match="aware"):
            ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001  # the mistake under test

    def test_says_where_it_stands(self):
        assert repr(ManualClock()) == "ManualClock(2026-01-01T00:00:00Z, sleepers=0)"


class TestSystemClock:
    async def test_moves_forward_and_tells_utc(self):
        clock = SystemClock()
        before = clock.now()
        await clock.sleep(-1)
        assert clock.now() >= before
        assert clock.utc().tzinfo is UTC
        assert repr(clock) == "SystemClock()"

    @pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
    def test_both_have_the_shape_of_a_clock(self, clock):
        assert isinstance(clock, Clock)
