"""MemoryChart: live and recorded through the same eyes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from vineview.core import ScriptedLoader, VideoEvent, VideoManager
from vineview.errors import UsageError
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.widgets.chart import MemoryChart
from vineview.widgets.sources import FrameSource

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def leaking(minutes: int = 60) -> Telemetry:
    """A sample each half minute, 200 MB and growing by 6 MB a minute; then memory pressure."""
    samples = [
        {
            "at": (START + timedelta(seconds=30 * n)).isoformat(),
            "video_memory_mb": 200.0 + 3 * n + (n % 5),
            "memory_source": "held_bytes",
            "estimated_memory_mb": 200.0,
            "video_controllers": 10,
            "ready_videos": 10,
            "total_videos": 20,
        }
        for n in range(minutes * 2)
    ]
    end = (START + timedelta(minutes=minutes)).isoformat()
    events = [{"at": end, "kind": "memory_pressure", "memory_mb": 560.0, "controllers_disposed": 7}]
    return Telemetry({"config": {"max_controllers": 12}}, samples, events)


def measured_of(message):
    return next(t for t in message["figure"]["data"] if t["uid"] == "measured")


def points_of(line, buffers):
    x, y = buffers[line["x"]["vv_buffer"]], buffers[line["y"]["vv_buffer"]]
    at_ms = np.frombuffer(x, line["x"]["dtype"])
    if "step" in line["x"]:
        at_ms = line["x"]["start"] + at_ms * line["x"]["step"]
    return at_ms, np.frombuffer(y, "float32")


def drawn(browser):
    """The lines as the page has them: the last whole figure, and what was appended since."""
    lines = {}
    for message, buffers in browser.sent:
        if message["kind"] == "figure" and message["figure"]:
            traces = [t for t in message["figure"]["data"] if "x" in t]
            lines = {trace["uid"]: points_of(trace, buffers) for trace in traces}
        if message["kind"] == "append":
            assert lines["measured"][0][-1] == pytest.approx(message["after_ms"], abs=0.01)
            for line in message["lines"]:
                both = zip(lines[line["uid"]], points_of(line, buffers), strict=True)
                lines[line["uid"]] = tuple(np.concatenate(pair) for pair in both)
    return lines


@pytest.fixture
async def manager(clock):
    loader = ScriptedLoader(clock=clock)
    async with VideoManager(loader=loader, clock=clock) as manager:
        manager.add_video_events(
            [
                VideoEvent(id=f"v{n}", created_at=n, video_url=f"https://a.example/{n}.mp4")
                for n in range(9)
            ]
        )
        yield manager


@pytest.fixture
async def monitor(manager, clock):
    monitor = VideoPerformanceMonitor(manager, sampling_interval_s=10)
    yield monitor
    await monitor.aclose()


class TestLive:
    async def test_it_follows_the_monitor_without_being_asked(
        self, manager, monitor, clock, browser_of
    ):
        monitor.start()
        chart = MemoryChart(monitor, clock=clock)
        browser = browser_of(chart)
        browser.say("hello")
        manager.preload_around_index(0)
        await clock.advance(60)
        assert drawn(browser)["measured"][0].size == 7
        memory, estimate, controllers = browser.of("readout")[-1]["tiles"][:3]
        held_mb = sum(manager.get_controller(v.id).held_bytes for v in manager.ready_videos) / 2**20
        assert float(memory["value"]) == pytest.approx(held_mb, abs=0.06)
        assert (memory["note"], estimate["label"]) == ("bytes really held", "app's estimate")
        assert controllers["value"] == str(len(manager.ready_videos))
        await chart.aclose()

    async def test_the_page_learns_when_the_next_sample_is_due(self, monitor, clock, browser_of):
        monitor.start()
        chart = MemoryChart(monitor, clock=clock)
        await clock.advance(12)
        browser = browser_of(chart)
        browser.say("hello")
        status = browser.of("readout")[0]["status"]
        assert status == {"mode": "live", "text": "Live, every 10 s", "next_in_s": 8.0}
        await chart.aclose()

    async def test_a_monitor_that_does_not_sample_is_named(self, monitor, clock, browser_of):
        chart = MemoryChart(monitor, clock=clock)
        browser = browser_of(chart)
        browser.say("hello")
        readout = browser.of("readout")[0]
        assert readout["status"]["mode"] == "stopped"
        assert readout["empty"] == "The monitor is not sampling: call monitor.start()"
        assert "monitor.start()" in chart.to_html()
        assert len(chart.figure().data) == 0

    async def test_after_a_reset_it_waits_for_the_first_sample(self, monitor, clock, browser_of):
        monitor.start()
        monitor.reset()
        browser = browser_of(MemoryChart(monitor, clock=clock))
        browser.say("hello")
        assert browser.of("readout")[0]["empty"] == (
            "Waiting for the first sample; one is taken every 10 s"
        )

    async def test_pressure_is_marked_as_it_happens(self, manager, monitor, clock, browser_of):
        monitor.start()
        chart = MemoryChart(monitor, clock=clock)
        browser = browser_of(chart)
        browser.say("hello")
        await clock.advance(1)
        browser.clear()
        await manager.handle_memory_pressure()
        await clock.advance(1)
        (message,) = browser.of("figure")  # the first mark: a line the page does not have yet
        marks = next(t for t in message["figure"]["data"] if t["uid"] == "events")
        assert marks["text"][-1].startswith("memory pressure")
        await chart.aclose()

    async def test_closing_ends_the_subscription(self, monitor, clock, browser_of):
        monitor.start()
        chart = MemoryChart(monitor, clock=clock)
        browser = browser_of(chart)
        browser.say("hello")
        await chart.aclose()
        browser.clear()
        await clock.advance(60)
        assert browser.sent == []
        await chart.aclose()

    async def test_sampling_outside_a_page_needs_no_chart(self, monitor, clock):
        """A chart nobody looks at costs the monitor nothing and breaks nothing."""
        MemoryChart(monitor, clock=clock)
        monitor.take_sample()
        assert not [change for change in monitor.changes if change.kind == "error"]


class TestRecorded:
    def test_key_numbers_of_the_whole_recording(self, browser_of):
        browser = browser_of(MemoryChart(leaking()))
        browser.say("hello")
        readout = browser.of("readout")[0]
        tiles = {tile["label"]: tile for tile in readout["tiles"]}
        assert tiles["memory"]["value"] == "561"
        assert tiles["controllers"]["unit"] == "of 12"
        assert float(tiles["growth"]["value"]) == pytest.approx(360, rel=0.05)
        assert tiles["leak check"]["value"] == "leaking"
        assert readout["status"]["text"] == "Recorded 2026-01-01 09:00 to 09:59 UTC"

    def test_a_screen_reader_gets_sentence_and_table(self, browser_of):
        browser = browser_of(MemoryChart(leaking()))
        browser.say("hello")
        readout = browser.of("readout")[0]
        assert "memory 561 MB" in readout["summary"]
        assert readout["table"]["head"][0] == "Time (UTC)"
        assert len(readout["table"]["rows"]) == 12
        assert readout["table"]["rows"][-1] == ["2026-01-01 09:59:30", "561", "200", "10"]

    def test_a_span_over_midnight_names_both_days(self, browser_of):
        browser = browser_of(MemoryChart(leaking(minutes=16 * 60)))
        browser.say("hello")
        assert browser.of("readout")[0]["status"]["text"].endswith("to 2026-01-02 00:59 UTC")

    def test_no_samples_is_said_not_raised(self, browser_of):
        chart = MemoryChart(Telemetry({}, [], []))
        browser = browser_of(chart)
        browser.say("hello")
        assert browser.of("readout")[0]["empty"] == "This export holds no samples"
        assert chart.faults == ()
        assert "This export holds no samples" in chart.to_html()

    def test_a_recording_without_the_metric_says_so_instead_of_loading_for_ever(self, browser_of):
        at = pd.date_range("2026-01-01", periods=9, freq="30s", tz="UTC")
        samples = pd.DataFrame({"at": at, "video_memory_mb": np.nan, "video_controllers": 3})
        chart = MemoryChart(FrameSource(samples))
        browser = browser_of(chart)
        browser.say("hello")
        assert "No memory was measured" in browser.of("readout")[0]["empty"]
        assert "No memory was measured" in chart.to_html()


class TestCursor:
    def test_it_is_one_small_message(self, browser_of):
        chart = MemoryChart(leaking())
        browser = browser_of(chart)
        browser.say("hello")
        browser.clear()
        chart.cursor_at = START
        chart.cursor_at = None
        assert browser.sent == [
            ({"kind": "cursor", "at_ms": START.timestamp() * 1000}, []),
            ({"kind": "cursor", "at_ms": None}, []),
        ]

    def test_a_new_view_and_the_figure_have_it_too(self, browser_of):
        chart = MemoryChart(leaking())
        chart.cursor_at = START
        browser = browser_of(chart)
        browser.say("hello")
        assert browser.of("cursor")[0]["at_ms"] == START.timestamp() * 1000
        assert "cursor" in [shape.name for shape in chart.figure().layout.shapes]

    def test_it_needs_a_time_zone(self):
        with pytest.raises(UsageError, match="no time zone"):
            MemoryChart(leaking()).cursor_at = datetime(2026, 1, 1)  # noqa: DTZ001 - the mistake under test


class TestLookingCloser:
    """The page asks for a stretch; the kernel answers with it, cut to the pixels shown."""

    ZOOM: ClassVar = {
        "start_ms": START.timestamp() * 1000 + 600_000,
        "end_ms": START.timestamp() * 1000 + 900_000,
    }

    def ask(self, browser, kind="cut", seq=1, **fields):
        browser.say("hello")
        browser.clear()
        browser.say(kind, seq=seq, **{**self.ZOOM, "width_px": 600, **fields})

    def test_a_stretch_comes_back_in_full_with_a_point_on_each_side(self, browser_of):
        browser = browser_of(MemoryChart(leaking()))
        self.ask(browser, seq=7)
        (message,) = browser.of("detail")
        assert (message["seq"], message["view"], message["whole"]) == (7, "v1", True)
        lines = {line["uid"]: line for line in message["lines"]}
        assert set(lines) == {"measured", "estimate", "controllers"}
        at_ms, memory = points_of(lines["measured"], browser.buffers_of("detail")[0])
        assert at_ms[0] == pytest.approx(self.ZOOM["start_ms"] - 30_000, abs=0.01)
        assert at_ms[-1] == pytest.approx(self.ZOOM["end_ms"] + 30_000, abs=0.01)
        assert memory.size == 13

    def test_it_has_no_more_points_than_the_pixels_can_show(self, browser_of):
        browser = browser_of(MemoryChart(leaking(minutes=16 * 60)))
        whole = {"start_ms": START.timestamp() * 1000, "end_ms": START.timestamp() * 1000 + 57.6e6}
        self.ask(browser, width_px=100, **whole)
        ((buffers),) = browser.buffers_of("detail")
        assert len(buffers[0]) <= 200 * 4
        self.ask(browser, width_px=10_000_000, **whole)
        assert len(browser.of("detail")) == 1

    @pytest.mark.parametrize(
        "stretch",
        [
            {"start_ms": 5, "end_ms": 5},
            {"start_ms": 9, "end_ms": 5},
            {"start_ms": float("nan")},
            {"start_ms": "then"},
            {"end_ms": float("inf")},
        ],
    )
    def test_a_stretch_that_makes_no_sense_is_said(self, browser_of, stretch):
        chart = MemoryChart(leaking())
        browser = browser_of(chart)
        for kind in ("cut", "select"):
            self.ask(browser, kind, **stretch)
        assert "has no length" in chart.faults[0]
        assert browser.of("detail") == []

    def test_a_marked_stretch_is_analysed(self, browser_of):
        browser = browser_of(MemoryChart(leaking()))
        self.ask(browser, "select", seq=3)
        (message,) = browser.of("selection")
        tiles = {tile["label"]: tile for tile in message["tiles"]}
        assert message["seq"] == 3
        assert tiles["peak"]["value"] == "291"
        assert tiles["peak"]["note"] == "lowest 260"
        assert tiles["average"]["value"] == "277"
        assert float(tiles["growth"]["value"]) == pytest.approx(360, rel=0.1)
        assert tiles["growth"]["note"].startswith("95 %: ")
        assert "2026-01-01 09:10:00 to 09:15:00 UTC" in message["summary"]

    def test_a_mark_where_nothing_was_measured_says_so(self, browser_of):
        browser = browser_of(MemoryChart(leaking()))
        self.ask(browser, "select", start_ms=1000, end_ms=2000)
        (tile,) = browser.of("selection")[0]["tiles"]
        assert tile["note"] == "nothing was measured here"


class TestAppending:
    """A live sample is appended; the whole goes out only when it must."""

    @pytest.fixture
    async def page(self, monitor, clock, browser_of):
        monitor.start()
        chart = MemoryChart(monitor, clock=clock)
        await clock.advance(65)
        browser = browser_of(chart)
        browser.say("hello")
        browser.clear()
        yield browser
        await chart.aclose()

    async def test_a_sample_is_a_few_points_and_no_figure(self, page, clock):
        await clock.advance(10)
        assert page.of("figure") == []
        ((message, buffers),) = [each for each in page.sent if each[0]["kind"] == "append"]
        assert {line["uid"] for line in message["lines"]} == {"measured", "estimate", "controllers"}
        assert sum(map(len, buffers)) < 300

    async def test_it_costs_the_same_after_hours(self, page, monitor, clock):
        def cost():
            return sum(len(str(message)) + sum(map(len, buffers)) for message, buffers in page.sent)

        await clock.advance(10)
        early = cost()
        now = clock.utc()
        history = [
            replace(monitor.current_sample, at=now - timedelta(seconds=10 * n))
            for n in range(900, 0, -1)
        ]
        monitor.refill(history)
        page.say("hello")
        await clock.advance(10)
        page.clear()
        await clock.advance(10)
        assert [message["kind"] for message, _ in page.sent] == ["readout", "append"]
        assert cost() < min(1.2 * early, 4000)

    async def test_a_view_that_missed_something_gets_the_whole(self, page, clock):
        await clock.advance(10)
        page.say("behind")
        (figure,) = page.of("figure")
        assert figure["view"] == "v1"

    async def test_history_that_was_rewritten_is_sent_anew(self, page, monitor, clock):
        monitor.reset()
        await clock.advance(30)
        assert len(page.of("figure")) >= 1

    async def test_what_it_says_live_is_what_analytics_say(self, page, monitor, clock):
        await clock.advance(120)
        growth = next(t for t in page.of("readout")[-1]["tiles"] if t["label"] == "growth")
        usage = monitor.get_analytics().memory_usage
        assert float(growth["value"]) == pytest.approx(
            usage.robust_growth_rate_mb_per_hour, abs=0.1
        )


class TestStill:
    def test_the_bundle_is_true_and_small(self):
        data, _ = MemoryChart(leaking(), title="A <b> title")._repr_mimebundle_()
        html = data["text/html"]
        for words in ("<svg", "561", "MB", "leaking", "app&#x27;s estimate", "A &lt;b&gt; title"):
            assert words in html
        assert "<script" not in html
        assert len(json.dumps(data)) < 40_000

    def test_the_kept_figure_has_at_most_500_points(self):
        data, _ = MemoryChart(leaking(minutes=16 * 60))._repr_mimebundle_()
        figure = data["application/vnd.plotly.v1+json"]
        assert all(len(trace["x"]) <= 500 for trace in figure["data"])
        measured = next(trace for trace in figure["data"] if trace["uid"] == "measured")
        assert measured["x"][0] == "2026-01-01T09:00:00"  # read the same in every zone

    def test_what_cannot_be_charted_is_refused(self):
        with pytest.raises(UsageError, match="cannot be drawn of a dict"):
            MemoryChart({})
