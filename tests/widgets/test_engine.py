"""A chart of telemetry that stays in its engine: asked in a worker thread, one by one."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from vineview.errors import TelemetryError
from vineview.figures.curves import EnvelopeCurves
from vineview.telemetry import Telemetry
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.thresholds import Thresholds
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
    thresholds = Thresholds(high_memory_mb=400.0)

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


class SilentSource(EngineSource):
    """Its engine is gone."""

    def prepare(self, *, max_points):
        raise TelemetryError("trino://fleet does not answer", hint="Start it, or name another.")


async def heard(browser, kind):
    await asyncio.gather(*browser.widget._tasks)
    return browser.of(kind)


class TestEngineSource:
    async def test_the_picture_is_asked_in_another_thread(self, stored, browser_of):
        chart = MemoryChart(EngineSource(stored))
        browser = browser_of(chart)
        browser.say("hello")
        assert all(each["on"] for each in browser.of("reading"))
        assert not browser.of("figure")
        for figure in await heard(browser, "figure"):
            assert figure["figure"] is not None
        assert len(stored.threads) == 1
        assert threading.main_thread() not in stored.threads
        await chart.aclose()
        assert browser.of("reading")[-1]["on"] is False

    async def test_the_picture_does_not_wait_for_the_verdict(self, stored, browser_of):
        chart = MemoryChart(EngineSource(stored))
        browser = browser_of(chart)
        browser.say("hello")
        first, second = await heard(browser, "readout")
        assert len(first["tiles"]) == 3
        assert [tile["label"] for tile in second["tiles"][3:]] == ["growth", "leak check"]
        await chart.aclose()

    async def test_a_view_that_opens_while_it_reads_is_told(self, stored, browser_of):
        chart = MemoryChart(EngineSource(stored))
        browser = browser_of(chart)
        browser.say("hello")
        browser.say("hello", view="late")
        assert [each.get("view") for each in browser.of("reading")][-1] == "late"
        await heard(browser, "figure")
        await chart.aclose()

    async def test_an_engine_that_does_not_answer_is_named_with_what_to_do(
        self, stored, browser_of
    ):
        chart = MemoryChart(SilentSource(stored))
        browser = browser_of(chart)
        browser.say("hello")
        assert await heard(browser, "unread")
        (fault,) = browser.of("fault")
        assert "trino://fleet does not answer" in fault["text"]
        assert "Start it" in fault["text"]
        await chart.aclose()

    def test_a_still_holds_growth_and_verdict(self, stored):
        """Whoever asks for it has nobody to show a half to."""
        assert "leak check" in MemoryChart(EngineSource(stored)).to_html()

    def test_all_of_it_in_fewer_points_is_not_asked_again(self, stored):
        asked = []

        def envelope(*question):
            asked.append(question)
            return stored.store.envelope(*question)

        curves = EnvelopeCurves(envelope)
        curves.lines(max_points=1000)
        asked.clear()
        line = curves.lines(max_points=100)["video_memory_mb"]
        assert (np.nanmax(line.y), asked) == (900.0, [])
        assert line.y.size <= 100

    def test_limits_are_those_of_the_monitor_that_recorded(self, stored):
        assert EngineSource(stored).thresholds.high_memory_mb == 400.0

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
