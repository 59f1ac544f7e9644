"""ScriptedLoader: does what it is told, and keeps account."""

from __future__ import annotations

import asyncio

import pytest

from vineview.core import Controller
from vineview.core.loading import (
    Fail,
    Hang,
    RangelessLoader,
    ScriptedController,
    ScriptedLoader,
    Succeed,
)
from vineview.errors import LoadError, UsageError


async def load(loader, clock, event, seconds=1.0):
    task = asyncio.create_task(loader.load(event))
    await clock.advance(seconds)
    return await task


class TestScriptedLoader:
    async def test_succeeds_in_a_tenth_of_a_second_by_default(self, loader, clock, clip):
        task = asyncio.create_task(loader.load(clip("a")))
        await clock.advance(0.05)
        assert (loader.in_flight, task.done()) == (1, False)
        await clock.advance(0.05)
        controller = await task
        assert controller.held_bytes == 20 * 2**20
        assert loader.live == {controller}
        assert (loader.started, loader.finished) == (["a"], ["a"])

    async def test_uses_outcomes_up_and_repeats_the_last(self, clock, clip):
        error = LoadError("no")
        loader = ScriptedLoader(clock=clock, script={"a": [Fail(error), Succeed(held_bytes=7)]})
        with pytest.raises(LoadError, match="no"):
            await load(loader, clock, clip("a"))
        for _ in range(2):
            assert (await load(loader, clock, clip("a"))).held_bytes == 7
        assert loader.finished == ["a", "a", "a"]

    async def test_scripts_go_by_id_then_by_url(self, clock, clip):
        url = "https://clips.example/b.mp4"
        script = {"a": Succeed(held_bytes=1), url: Succeed(held_bytes=2)}
        loader = ScriptedLoader(clock=clock, script=script, default=Succeed(held_bytes=3))
        held = [(await load(loader, clock, clip(name))).held_bytes for name in "abc"]
        assert held == [1, 2, 3]

    async def test_a_hang_ends_only_by_cancellation(self, clock, clip):
        loader = ScriptedLoader(clock=clock, default=Hang())
        task = asyncio.create_task(loader.load(clip("a")))
        await clock.advance(200_000)
        assert not task.done()
        task.cancel()
        await clock.advance(0)
        assert loader.cancelled == ["a"]
        assert loader.finished == []
        assert loader.in_flight == 0

    async def test_notes_loads_without_ranges(self, loader, clock, clip):
        task = asyncio.create_task(loader.load_without_ranges(clip("a")))
        await clock.advance(1)
        assert isinstance(await task, ScriptedController)
        assert loader.rangeless == ["a"]
        assert isinstance(loader, RangelessLoader)

    def test_an_empty_script_is_refused(self, loader):
        with pytest.raises(UsageError, match="'a' is empty"):
            loader.set_script("a", [])


class TestScriptedController:
    def test_plays_pauses_and_lets_go(self, clip):
        controller = ScriptedController(clip("a"), held_bytes=5)
        assert isinstance(controller, Controller)
        assert repr(controller) == "ScriptedController('a', held_bytes=5)"
        controller.play()
        assert controller.is_playing
        controller.pause()
        assert not controller.is_playing
        controller.play()
        controller.release()
        controller.release()
        assert (controller.is_playing, controller.held_bytes) == (False, 0)
        assert controller.release_count == 2
