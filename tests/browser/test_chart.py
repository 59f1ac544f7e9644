"""Charts in a real JupyterLab: drawn once, live while idle, light and dark, small when saved."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SETUP = """
import vineview as vv
from vineview import resources

manager = vv.VideoManager(loader=vv.ScriptedLoader(clock=vv.SystemClock()))
manager.add_video_events(
    [
        vv.VideoEvent(id=f"v{n}", created_at=n, video_url=f"https://a.example/{n}.mp4")
        for n in range(9)
    ]
)
monitor = vv.VideoPerformanceMonitor(manager, sampling_interval_s=0.5)
manager.preload_around_index(0)
incident = vv.Telemetry.open(resources.data("incidents", "memory-leak.ndjson"))
"""
START = SETUP + "monitor.start()\n"
ENGINE = """
import threading
from vineview.widgets.sources import FrameSource

gate = threading.Event()


class SlowEngine(FrameSource):
    usage = None

    def prepare(self, *, max_points):
        gate.wait()

    def judge(self):
        self.usage = incident.analytics().memory_usage


class GoneEngine(SlowEngine):
    def prepare(self, *, max_points):
        raise vv.errors.TelemetryError("trino://fleet does not answer", hint="Start it.")


slow = SlowEngine(incident.samples, incident.events)
"""
GONE = "vv.MemoryChart(GoneEngine(incident.samples))"
CHARTS = [START, "vv.MemoryChart(monitor)", "vv.MemoryChart(incident)", "vv.MemoryChart(monitor)"]

POINTS = """() => document.querySelector(".vv-plot-graph").data
  .find((trace) => trace.name === "measured").x.length"""
STROKES = """() => [...document.querySelectorAll(".vv-chart")]
  .map((chart) => chart.querySelector(".js-line")?.style.stroke).filter(Boolean)"""
ALL_OTHER = f"(before) => ({STROKES})().every((stroke, place) => stroke !== before[place])"
AMD = """() => {
  window.define = Object.assign(() => { throw new Error("caught by AMD"); }, { amd: {} });
  window.Plotly = { mine: true };
}"""
ASKER_GONE = """() => {
  const share = { library: null, asker: "gone", askedAt: 0, crossings: 0, bytes: 0, loading: null };
  share.arrival = new Promise((resolve) => { share.arrive = resolve; });
  globalThis.__vineviewPlotly = share;
}"""
OTHER_THEME = """() => {
  const light = document.body.getAttribute("data-jp-theme-light") === "true";
  document.body.setAttribute("data-jp-theme-light", String(!light));
}"""
FITS = """() => [...document.querySelectorAll(".vv-plot")].every((box) =>
  Math.abs(box.querySelector(".main-svg").getBoundingClientRect().width - box.clientWidth) < 2)"""
LEGENDS_OVER_LINES = """() => [...document.querySelectorAll(".vv-plot-graph")].filter((graph) =>
  graph.querySelector(".legend").getBoundingClientRect().bottom
  > graph.querySelector(".nsewdrag").getBoundingClientRect().top + 1).length"""
CUT_VERDICTS = """() => [...document.querySelectorAll(".vv-tile-value")].filter((value) => {
  if (value.querySelector(".vv-tile-unit")) return false;
  value.parentElement.dataset.tone = "good";
  value.lastElementChild.textContent = "not leaking";  // the longest
  return value.scrollWidth > value.clientWidth;
}).length"""
TALL = 2600  # all three charts in sight
SHARE = "globalThis.__vineviewPlotly"


def wait_for_charts(page, count):
    drawn = "document.querySelectorAll('.vv-plot[data-draws]').length"
    page.wait_for_function(f"() => {drawn} >= {count}", timeout=60_000)


def wait_for_more_points(page):
    points = page.evaluate(POINTS)
    page.wait_for_function(f"(points) => ({POINTS})() > points + 1", arg=points)


@pytest.fixture(scope="module")
def notebook(new_shared_tab):
    """A live chart, a recorded one, another live one; the size before it ran is noted."""
    notebook = new_shared_tab(timezone_id="Australia/Darwin").open(CHARTS)
    notebook.page.set_viewport_size({"width": 1000, "height": TALL})
    notebook.size_before = notebook.save()
    notebook.run_all()
    wait_for_charts(notebook.page, 3)
    return notebook


class TestThreeCharts:
    def test_plotly_crosses_once_for_all(self, notebook):
        assert notebook.page.evaluate(f"{SHARE}.crossings") == 1
        assert notebook.page.evaluate(f"{SHARE}.bytes") < 2_000_000

    def test_live_charts_grow_while_cells_are_idle(self, notebook):
        wait_for_more_points(notebook.page)
        assert "bytes really held" in notebook.page.locator(".vv-tile").first.inner_text()
        status = notebook.page.locator(".vv-chart-status").first.inner_text()
        assert status.startswith("Live, every 0.5 s")

    def test_what_is_out_of_sight_is_not_drawn_until_it_is_seen(self, notebook):
        """A chart above the fold must not take frames from the player below."""
        page = notebook.page
        page.set_viewport_size({"width": 1000, "height": 900})
        last = page.locator(".vv-plot").last
        page.wait_for_timeout(1500)
        before = last.get_attribute("data-draws")
        wait_for_more_points(page)
        assert last.get_attribute("data-draws") == before
        page.set_viewport_size({"width": 1000, "height": TALL})
        page.wait_for_function(
            "([plot, before]) => plot.dataset.draws !== before", arg=[last.element_handle(), before]
        )

    def test_the_recorded_one_says_what_its_analytics_say(self, notebook):
        assert "leaking" in notebook.page.locator(".vv-chart").nth(1).inner_text()

    def test_the_saved_notebook_stays_small_and_shows_something_true(self, notebook):
        assert notebook.save() - notebook.size_before < 150_000
        kept = notebook.path.read_text("utf-8")
        assert "<svg" in kept
        assert "plotly.js v" not in kept

    def test_they_follow_the_theme(self, notebook, change_theme, pictures):
        page = notebook.page
        light = page.evaluate(STROKES)
        change_theme(notebook, "JupyterLab Dark")
        page.wait_for_function(ALL_OTHER, arg=light)
        if pictures:
            page.locator(".vv-chart").nth(1).screenshot(path=pictures / "memory-chart-dark.png")
        dark = page.evaluate(STROKES)
        change_theme(notebook, "JupyterLab Light")
        page.wait_for_function(ALL_OTHER, arg=dark)
        assert page.evaluate(STROKES) == light

    def test_they_fit_their_cells(self, notebook, pictures):
        for width in (560, 1000):
            notebook.page.set_viewport_size({"width": width, "height": TALL})
            notebook.page.wait_for_function(FITS)
            if pictures:
                chart = notebook.page.locator(".vv-chart").nth(1)
                chart.screenshot(path=pictures / f"memory-chart-{width}.png")

    def test_at_every_width_legend_and_verdict_have_their_room(self, notebook):
        for width in (420, 700, 1000):
            notebook.page.set_viewport_size({"width": width, "height": TALL})
            notebook.page.wait_for_function(FITS)
            assert notebook.page.evaluate(LEGENDS_OVER_LINES) == 0
            assert notebook.page.evaluate(CUT_VERDICTS) == 0

    UNTOLD = """({ data }) => {
      const { x } = data.find((trace) => trace.uid === "measured");
      const without = (uid) => {
        const known = new Set(data.find((trace) => trace.uid === uid).x);
        return x.filter((at) => !known.has(at)).length;
      };
      return { estimate: without("estimate"), controllers: without("controllers") };
    }"""

    def test_they_can_be_read_without_seeing(self, notebook):
        chart = notebook.page.locator(".vv-chart").nth(1)
        graph = chart.get_by_role("img", name="Video memory over time")
        assert "leak check leaking" in graph.get_attribute("aria-label")
        assert chart.locator("table tr").count() == 13
        assert chart.get_by_role("listitem").filter(has_text="app's estimate").count() == 1
        assert graph.evaluate(self.UNTOLD) == {"estimate": 0, "controllers": 0}


class TestLookingCloser:
    """Zoom, mark, read and switch zones, by mouse and by keys, in the recorded chart."""

    SHOWN = """(chart) => {
      const graph = chart.querySelector(".vv-plot-graph");
      const line = graph.data.find((trace) => trace.uid === "measured");
      const { xaxis } = graph._fullLayout;
      const [start, end] = [xaxis.p2l(0), xaxis.p2l(xaxis._length)];
      return { minutes: (end - start) / 60000, points: line.x.length, start };
    }"""

    @pytest.fixture
    def chart(self, notebook):
        chart = notebook.page.locator(".vv-chart").nth(1)
        chart.scroll_into_view_if_needed()
        yield chart
        notebook.page.keyboard.press("Escape")
        chart.locator(".vv-plot").press("0")

    def drag(self, chart, start, end, **options):
        box = chart.locator(".nsewdrag").first.bounding_box()
        mouse, y = chart.page.mouse, box["y"] + box["height"] / 2
        mouse.move(box["x"] + box["width"] * start, y)
        mouse.down(**options)
        mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=3)
        mouse.move(box["x"] + box["width"] * end, y, steps=3)
        mouse.up()

    def wait_for(self, chart, condition):
        asked = f"(chart) => {{ const shown = ({self.SHOWN})(chart); return {condition}; }}"
        chart.page.wait_for_function(asked, arg=chart.element_handle())

    def test_dragging_zooms_to_the_detail_and_a_double_click_shows_all(self, chart):
        whole = chart.evaluate(self.SHOWN)
        self.drag(chart, 0.4, 0.5)
        self.wait_for(chart, f"shown.minutes < {whole['minutes'] / 8} && shown.points < 80")
        box = chart.locator(".nsewdrag").first.bounding_box()
        chart.page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
        self.wait_for(chart, f"shown.points === {whole['points']}")
        self.wait_for(chart, f"Math.abs(shown.minutes - {whole['minutes']}) < 0.01")

    def test_a_stretch_marked_by_mouse_or_keys_is_analysed(self, chart, pictures):
        panel = chart.locator(".vv-selection")
        chart.get_by_role("button", name="Drag:").click()
        self.drag(chart, 0.2, 0.6)
        panel.locator(".vv-tile").nth(3).wait_for()
        assert "MB/h" in panel.inner_text()
        if pictures:
            chart.screenshot(path=pictures / "memory-chart-marked.png")
        panel.get_by_role("button", name="Clear the marked stretch").click()
        assert panel.is_hidden()
        chart.get_by_role("button", name="Drag:").click()
        plot = chart.locator(".vv-plot")
        plot.press("Home")
        for _ in range(30):
            plot.press("Shift+ArrowRight")
        panel.filter(has_text="15 min").locator(".vv-tile").nth(3).wait_for()

    def test_keys_read_zoom_and_explain_and_no_cell_is_selected(self, chart):
        active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
        plot, reading = chart.locator(".vv-plot"), chart.locator(".vv-reading")
        whole, before = chart.evaluate(self.SHOWN), chart.page.evaluate(active)
        plot.press("End")
        assert "MB measured" in reading.inner_text()
        last = reading.inner_text()
        plot.press("ArrowLeft")
        assert reading.inner_text() != last
        plot.press("+")
        plot.press("+")
        self.wait_for(chart, f"Math.abs(shown.minutes - {whole['minutes'] / 4}) < 1")
        plot.press("0")
        self.wait_for(chart, f"Math.abs(shown.minutes - {whole['minutes']}) < 0.01")
        plot.press("?")
        keys = chart.locator(".vv-chart-keys")
        assert (
            keys.locator("dd").first.bounding_box()["width"] > 300
        )  # of 600: no float of the page's
        plot.press("Escape")
        assert keys.is_hidden()
        assert "MB measured" in reading.inner_text()
        assert chart.page.evaluate(active) == before

    def test_utc_and_local_time_are_one_key_apart_in_every_chart(self, chart):
        charts = chart.page.locator(".vv-chart")
        chart.locator(".vv-plot").press("u")
        labels = [charts.nth(n).locator(".xtitle") for n in range(3)]
        for label in labels:
            label.filter(has_text="time (Australia/Darwin)").wait_for()
        assert chart.evaluate(self.SHOWN)["start"] % 3_600_000 == 30 * 60_000
        chart.locator(".vv-plot").press("u")
        labels[0].filter(has_text="time (UTC)").wait_for()


@pytest.fixture(scope="module")
def running(new_shared_tab):
    """A notebook whose kernel has data; its charts' cells have not run."""
    notebook = new_shared_tab().open(
        [*CHARTS[:3], ENGINE, "vv.MemoryChart(slow)", "gate.set()", GONE]
    )
    notebook.run(0)
    notebook.run(3)
    return notebook


@pytest.fixture
def fresh(running):
    """The same in a page that has seen no chart yet."""
    running.command("notebook:clear-all-cell-outputs")
    running.save()
    running.reload()
    running.page.set_viewport_size({"width": 1000, "height": 1000})
    return running


class TestWhereThingsAreOdd:
    def test_a_reloaded_page_shows_the_chart_again(self, fresh):
        fresh.run(1)
        wait_for_charts(fresh.page, 1)
        fresh.save()
        fresh.reload()
        wait_for_charts(fresh.page, 1)
        assert fresh.page.evaluate(f"{SHARE}.crossings") == 1
        wait_for_more_points(fresh.page)

    def test_an_amd_loader_and_another_plotly_are_left_alone(self, fresh):
        """Classic front ends define `define`; a module registered there would never start."""
        fresh.page.evaluate(AMD)
        fresh.run(1)
        wait_for_charts(fresh.page, 1)
        assert fresh.page.evaluate("window.Plotly.mine") is True

    def test_another_chart_asks_when_the_one_that_asked_is_gone(self, fresh):
        fresh.page.evaluate(ASKER_GONE)
        fresh.run(1)
        fresh.run(2)
        wait_for_charts(fresh.page, 2)
        assert fresh.page.evaluate(f"{SHARE}.crossings") == 1

    def test_a_slow_engine_holds_nothing_up_and_the_saved_notebook_has_the_still(
        self, fresh, pictures
    ):
        page = fresh.page
        fresh.run(4)
        page.get_by_text("Reading the recording…").wait_for()
        if pictures:
            page.locator(".vv-chart").screenshot(path=pictures / "memory-chart-reading.png")
        fresh.run(5)
        wait_for_charts(page, 1)
        page.locator(".vv-tile", has_text="leak check").wait_for()
        page.locator(".vv-still").wait_for(state="attached")
        assert page.locator(".vv-still").is_hidden()
        fresh.save()
        assert "leak check" in fresh.path.read_text("utf-8")

    def test_an_engine_that_is_gone_is_named_with_what_to_do(self, fresh, pictures):
        fresh.run(6)
        fresh.page.locator(".vv-plot-cover", has_text="could not be read").wait_for()
        fault = fresh.page.locator(".vv-fault")
        assert "trino://fleet does not answer" in fault.inner_text()
        assert "Start it" in fault.inner_text()
        if pictures:
            fresh.page.locator(".vv-chart").screenshot(path=pictures / "memory-chart-unread.png")

    def test_no_sample_says_what_to_do_and_a_dead_kernel_leaves_the_picture(
        self, page, open_notebook
    ):
        """The picture follows the theme even when nobody is left to draw it anew."""
        page.set_viewport_size({"width": 1000, "height": TALL})
        notebook = open_notebook([SETUP, "vv.MemoryChart(monitor)", "vv.MemoryChart(incident)"])
        notebook.run_all()
        wait_for_charts(page, 1)
        cover = page.locator(".vv-plot-cover")
        cover.get_by_text("The monitor is not sampling: call monitor.start()").wait_for()
        notebook.shut_down()
        before = page.evaluate(STROKES)
        page.evaluate(OTHER_THEME)
        page.wait_for_function(ALL_OTHER, arg=before)
        page.evaluate(OTHER_THEME)
