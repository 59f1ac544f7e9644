"""Workbench: wires everything from one call, and takes it all down again."""

from __future__ import annotations

import asyncio

import pytest

from vineview import resources
from vineview.errors import FeedError
from vineview.workbench import Workbench


async def test_everything_is_wired():
    """The bundled feed is served on loopback, loads, and is measured."""
    async with await Workbench.open(sampling_interval_s=0.05) as bench:
        assert len(bench.feed) >= 12
        first = bench.manager.videos[0]
        state = await bench.manager.preload_video(first.id)
        assert state.is_ready
        assert bench.manager.held_bytes > 0
        assert bench.telemetry.analytics().memory_usage.leak.verdict == "leaking"
        assert len(bench.monitor.samples) >= 1
        assert (await bench.ops.health())["controllers"] >= 1


async def test_nothing_outlives_it():
    """No task is left when it is closed, and closing twice is harmless."""
    before = asyncio.all_tasks()
    bench = await Workbench.open()
    _ = bench.player, bench.chart, bench.incident, bench.timeline
    await asyncio.sleep(0)
    await bench.aclose()
    await bench.aclose()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert bench.manager.videos == ()


async def test_the_options_of_lab_are_its_defaults(monkeypatch):
    """``VINEVIEW_FEED`` names a folder of clips; nothing is served then."""
    monkeypatch.setenv("VINEVIEW_FEED", str(resources.data("feed", "clips")))
    async with await Workbench.open() as bench:
        assert all(event.is_local for event in bench.feed.events)
        assert "clips" in repr(bench)


async def test_a_feed_that_cannot_be_read_leaves_nothing_open(tmp_path):
    """The error says so, and no task of a half-made bench stays."""
    before = asyncio.all_tasks()
    with pytest.raises(FeedError):
        await Workbench.open(feed=tmp_path / "nowhere.json")
    assert asyncio.all_tasks() == before
