"""Agenda: what is due is done in order, by one sleeper; what is called off is not."""

from __future__ import annotations

import asyncio

import pytest

from vineview.core.agenda import Agenda
from vineview.core.tasks import Tasks


@pytest.fixture
async def tasks(clock):
    tasks = Tasks()
    yield tasks
    tasks.cancel()
    await tasks.aclose()


@pytest.fixture
def agenda(clock, tasks):
    return Agenda(clock, tasks)


class TestAgenda:
    async def test_does_things_when_they_are_due(self, clock, agenda, tasks):
        done = []
        for name, seconds in [("c", 3), ("a", 1), ("b", 2), ("b2", 2)]:
            agenda.after(seconds, lambda error, name=name: done.append((name, clock.now(), error)))
        await clock.advance(0)
        assert len(tasks) == 1, "one sleeper for all"
        await clock.advance(10)
        assert done == [("a", 1, None), ("b", 2, None), ("b2", 2, None), ("c", 3, None)]
        assert len(agenda) == 0
        assert len(tasks) == 0

    async def test_what_is_called_off_is_never_done(self, clock, agenda):
        done = []
        first = agenda.after(1, done.append)
        agenda.after(2, done.append)
        agenda.call_off(first)
        agenda.call_off(first)
        assert len(agenda) == 1
        await clock.advance(10)
        assert done == [None]

    async def test_rests_once_all_is_called_off(self, clock, agenda, tasks):
        """No sleeper is left then, and one comes with what is to be done next."""
        done = []
        first, second = agenda.after(10, done.append), agenda.after(20, done.append)
        await clock.advance(0)
        agenda.call_off(first)
        agenda.rest()
        assert len(tasks) == 1
        agenda.call_off(second)
        agenda.rest()
        await clock.advance(0)
        assert len(tasks) == len(agenda) == 0
        agenda.after(5, done.append)
        await clock.advance(5)
        assert done == [None]

    async def test_may_be_called_off_by_what_is_done_at_the_same_moment(self, clock, agenda):
        done = []

        def first(error):
            done.append("first")
            agenda.call_off(second)

        agenda.after(1, first)
        second = agenda.after(1, lambda error: done.append("second"))
        await clock.advance(1)
        assert done == ["first"]
        assert len(agenda) == 0

    async def test_what_is_done_may_make_new_appointments(self, clock, agenda):
        done = []

        def again(error):
            done.append(clock.now())
            if len(done) < 3:
                agenda.after(0.5, again)

        agenda.after(1, again)
        agenda.after(1.1, lambda error: None)
        await clock.advance(10)
        assert done == [1, 1.5, 2]

    async def test_a_later_one_made_meanwhile_keeps_no_other_waiting(self, clock, agenda):
        done = []

        def make_a_later_one(error):
            agenda.after(100, done.append)

        agenda.after(1, make_a_later_one)
        agenda.after(2, lambda error: done.append(clock.now()))
        await clock.advance(2)
        assert done == [2]

    async def test_those_called_off_do_not_pile_up(self, clock, agenda):
        agenda.after(1000, lambda error: None)
        for _ in range(1000):
            agenda.call_off(agenda.after(1000, lambda error: None))
        assert len(agenda._due) < 200
        assert len(agenda) == 1

    async def test_a_clock_that_fails_is_reported_to_all(self, tasks):
        class Broken:
            def now(self):
                return 0.0

            async def sleep(self, seconds):
                raise OSError("no timer")

        told = []
        agenda = Agenda(Broken(), tasks)
        agenda.after(1, told.append)
        agenda.after(2, told.append)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [str(error) for error in told] == ["no timer", "no timer"]

    async def test_a_clock_that_falls_short_by_a_hair_is_forgiven(self, clock, tasks):
        class Short:
            sleep = clock.sleep

            def now(self):
                return clock.now() * (1 - 1e-12)

        done = []
        Agenda(Short(), tasks).after(0.3, done.append)
        await clock.advance(0.3)
        assert done == [None]
