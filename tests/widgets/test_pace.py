from __future__ import annotations

import asyncio

import pytest

from vineview.widgets.pace import Pace


@pytest.fixture
def sent(clock):
    return []


@pytest.fixture
def pace(clock, sent):
    def spawn(work, *, name):
        return asyncio.get_running_loop().create_task(work, name=name)

    return Pace(lambda: sent.append(clock.now()), interval_s=0.1, spawn=spawn, clock=clock)


class TestPace:
    async def test_first_change_goes_out_at_once(self, pace, clock, sent):
        pace.ask()
        await clock.advance(0)
        assert sent == [0.0]

    async def test_a_burst_becomes_two_messages(self, pace, clock, sent):
        """One at once, one at the interval's end with everything since."""
        for _ in range(10):
            pace.ask()
            await clock.advance(0.005)
        await clock.advance(1)
        assert sent == pytest.approx([0.0, 0.1])

    async def test_at_most_ten_a_second(self, pace, clock, sent):
        for _ in range(200):
            pace.ask()
            await clock.advance(0.005)
        assert len(sent) <= 11

    async def test_the_last_request_is_answered(self, pace, clock, sent):
        pace.ask()
        await clock.advance(0.05)
        pace.ask()
        await clock.advance(5)
        assert len(sent) == 2
