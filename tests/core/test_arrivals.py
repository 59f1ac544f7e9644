"""When each video came, at the price of a note per moment."""

from __future__ import annotations

from vineview.core.arrivals import Arrivals


class TestArrivals:
    async def test_remembers_when_each_came_however_many_came_at_once(self, clock):
        arrivals, began = Arrivals(), clock.utc()
        arrivals.came(1000, began)
        await clock.advance(5)
        arrivals.came(1, clock.utc())
        assert len(arrivals) == 2
        assert arrivals.next == 1001
        assert [arrivals.instant_of(number) for number in (0, 999, 1000)] == [
            began,
            began,
            clock.utc(),
        ]

    async def test_forgets_moments_nobody_is_left_of(self, clock):
        arrivals, instants = Arrivals(), []
        for _ in range(10):
            instants.append(clock.utc())
            arrivals.came(2, clock.utc())
            await clock.advance(1)
        arrivals.forget_all_but([19, 4, 5])
        assert len(arrivals) == 2
        assert arrivals.next == 20
        assert arrivals.instant_of(5) == instants[2]
        assert arrivals.instant_of(19) == instants[9]
