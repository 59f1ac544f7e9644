"""Tasks: closing waits for the last of them, within reason."""

from __future__ import annotations

import asyncio
import logging

import pytest

from vineview.core.tasks import Tasks
from vineview.errors import VideoManagerError


class TestClosing:
    async def test_waits_for_what_cleans_up_when_cancelled(self, clock):
        cleaned = []

        async def tidy():
            try:
                await clock.sleep(100)
            finally:
                for _ in range(20):
                    await asyncio.sleep(0)
                cleaned.append("up")

        tasks = Tasks()
        tasks.start(tidy(), "tidy")
        await clock.advance(0)
        tasks.cancel()
        await tasks.aclose()
        assert cleaned == ["up"]
        assert len(tasks) == 0

    async def test_asks_twice(self, clock):
        async def deaf_once():
            try:
                await clock.sleep(100)
            except asyncio.CancelledError:
                await clock.sleep(100)

        tasks = Tasks(grace_s=0.01)
        tasks.start(deaf_once(), "deaf once")
        await clock.advance(0)
        tasks.cancel()
        await tasks.aclose()
        assert len(tasks) == 0

    async def test_names_and_leaves_what_ignores_it(self, clock, caplog):
        stop = asyncio.Event()

        async def deaf():
            while not stop.is_set():
                try:
                    await stop.wait()
                except asyncio.CancelledError:
                    continue

        tasks = Tasks(grace_s=0.01)
        tasks.start(deaf(), "load of 'a'")
        with caplog.at_level(logging.WARNING):
            await tasks.aclose()
        assert "load of 'a'" in caplog.text
        stop.set()
        await clock.advance(0)
        assert len(tasks) == 0

    async def test_one_that_ends_within_the_grace_is_enough(self, clock, caplog):
        async def slow_to_leave():
            try:
                await clock.sleep(100)
            finally:
                await asyncio.to_thread(lambda: None)  # longer than the loop's own rounds

        tasks = Tasks()
        tasks.start(slow_to_leave(), "slow")
        await clock.advance(0)
        tasks.cancel()
        await tasks.aclose()
        assert len(tasks) == 0
        assert caplog.text == ""

    def test_without_a_loop_it_says_what_to_do(self, clock):
        with pytest.raises(VideoManagerError, match="coroutine"):
            Tasks().require_loop()
