"""A chart of telemetry that stays in its engine: asked in a worker thread, one by one."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from vineview.telemetry import Telemetry
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats.columns import records_to_table
from vineview.widgets.asking import Asking
from vineview.widgets.chart import MemoryChart
from vineview.widgets.engine import EngineSource

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = START.timestamp() * 1000


def records():
    for n in range(5000):
        at = (START + timedelta(seconds=n)).isoformat()
        yield {"at": at, "video_memory_mb": 900.0 if n == 3210 else 200.0, "video_controllers": 5}
    for n in range(300):
        at = (START + timedelta(seconds=10 * n)).isoformat()
        yield {"at": at, "kind": "memory_pressure", "memory_mb": 560.0, "controllers_disposed": 7}


class Stored:
    """What a source asks of telemetry, over a store; notes which threads asked for analytics."""

    config = None

    def __init__(self, store):
        self.store = store
        self.threads = []

    def analytics(self):
        self.threads.append(threading.current_thread())
        return Telemetry({}, list(records())[:5000], []).analytics()


@pytest.fixture(params=["memory", "folder"])
def stored(request, tmp_path):
    table = records_to_table(list(records()))
    if request.param == "memory":
        return Stored(Store.of_table(table))
    pq.write_table(table, tmp_path / "part.parquet")
    return Stored(Store.of_folders(tmp_path))


async def heard(browser, kind):
    await asyncio.gather(*browser.widget._tasks)
    return browser.of(kind)


class TestEngineSource:
    async def test_the_picture_is_asked_in_another_thread(self, stored, browser_of):
        chart = MemoryChart(EngineSource(stored))
        browser = browser_of(chart)
        browser.say("hello")
        assert [each["on"] for each in browser.of("reading")] == [True]
        assert not browser.of("figure")
        (figure,) = await heard(browser, "figure")
        assert figure["figure"] is not None
        assert stored.threads
        assert threading.main_thread() not in stored.threads
        await chart.aclose()
        assert [each["on"] for each in browser.of("reading")] == [True, False]

    async def test_of_stretches_asked_in_haste_the_last_is_answered(self, stored, browser_of):
        chart = MemoryChart(EngineSource(stored))
        browser = browser_of(chart)
        browser.say("hello")
        for seq in range(5):
            end_ms = START_MS + 1e6 + seq
            browser.say("cut", seq=seq, start_ms=START_MS, end_ms=end_ms, width_px=300)
        assert [each["seq"] for each in await heard(browser, "detail")] == [4]
        await chart.aclose()

    def test_no_more_marks_than_can_be_seen(self, stored):
        """The last of 300."""
        marks = EngineSource(stored).marks
        assert len(marks) == 200
        assert marks["at"].max() == START + timedelta(seconds=2990)

    def test_a_stretch_has_its_own_figures(self, stored):
        source = EngineSource(stored)
        near = source.usage_between(*(START + timedelta(seconds=s) for s in (3000, 3400)))
        assert near.peak_mb == 900.0
        assert source.usage_between(*(START + timedelta(days=d) for d in (5, 6))) is None


class TestAsking:
    async def test_a_question_that_fails_is_told_and_the_next_is_asked(self):
        tasks, told, failed, answered = [], [], [], []
        asking = Asking(
            lambda work: tasks.append(asyncio.create_task(work)), told.append, failed.append
        )

        def fails():
            raise ValueError("gone")

        asking.ask("a", fails, lambda: answered.append("a"))
        asking.ask("b", lambda: None, lambda: answered.append("b"))
        await asyncio.gather(*tasks)
        assert (answered, told) == (["b"], [True, False])
        assert str(failed[0]) == "gone"
