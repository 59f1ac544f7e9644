"""The replayed timeline in a real JupyterLab: one clock, everything follows it, in two views."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser

CELLS = [
    """
import vineview as vv
from vineview import resources

incident = vv.Telemetry.open(resources.data("incidents", "memory-leak.ndjson"))
timeline = vv.ReplayTimeline(incident)
""",
    "timeline",
    "timeline",
]
CURSORS = """() => [...document.querySelectorAll(".vv-timeline .vv-plot-cursor")]
  .map((cursor) => cursor.hidden ? null : new DOMMatrix(getComputedStyle(cursor).transform).m41)"""
CLOCK = re.compile(r"(\d+):(\d\d):(\d\d) /")


@pytest.fixture(scope="module")
def notebook(new_shared_tab):
    """Two views of one timeline."""
    notebook = new_shared_tab().open(CELLS)
    notebook.run_all()
    drawn = "document.querySelectorAll('.vv-timeline .vv-plot[data-draws]').length"
    notebook.page.wait_for_function(f"() => {drawn} === 2", timeout=60_000)
    return notebook


@pytest.fixture
def view(notebook):
    """The first view, the playhead at the start and standing."""
    notebook.evaluate("timeline.replay.pause(); timeline.replay.seek(0)")
    view = notebook.page.locator(".vv-timeline").first
    wait_for_position(view, 0)
    return view


def position_s(view):
    hours, minutes, seconds = CLOCK.match(view.locator(".vv-transport-clock").inner_text()).groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def wait_for_position(view, seconds, tolerance_s=1.0):
    view.page.wait_for_function(
        """([view, seconds, tolerance]) => {
          const [h, m, s] = view.querySelector(".vv-transport-clock").textContent.split(" / ")[0]
            .split(":").map(Number);
          return Math.abs(h * 3600 + m * 60 + s - seconds) <= tolerance;
        }""",
        arg=[view.element_handle(), seconds, tolerance_s],
    )


def kernel_position_s(notebook):
    return float(notebook.evaluate("print(timeline.replay.position_s)"))


class TestSeeking:
    def test_cursor_strip_and_crossings_go_where_python_seeks(self, notebook, view, pictures):
        start = notebook.page.evaluate(CURSORS)
        notebook.evaluate("timeline.replay.seek(9000)")
        wait_for_position(view, 9000)
        end = notebook.page.evaluate(CURSORS)
        assert all(there > here + 100 for here, there in zip(start, end, strict=True))
        crossed = int(notebook.evaluate("print(len(timeline.replay.crossings))"))
        assert view.locator(".vv-crossing").count() == crossed > 0
        assert view.get_by_text(f"Thresholds crossed: {crossed} of").is_visible()
        current = notebook.evaluate("print(timeline.replay.current_index + 1)").strip()
        shown = view.locator(".vv-strip [aria-current=true] .vv-number")
        shown.get_by_text(current, exact=True).wait_for()
        if pictures:
            view.screenshot(path=pictures / "replay-timeline.png")

    def test_the_slider_seeks_by_keyboard_in_both_views(self, notebook, view):
        slider = view.get_by_role("slider", name="Position in the recording")
        slider.focus()
        for _ in range(3):
            slider.press("PageUp")
        duration = float(notebook.evaluate("print(timeline.replay.duration_s)"))
        wait_for_position(view, 0.3 * duration)
        wait_for_position(notebook.page.locator(".vv-timeline").nth(1), 0.3 * duration)
        assert kernel_position_s(notebook) == pytest.approx(0.3 * duration)
        assert "UTC" in slider.get_attribute("aria-valuetext")
        slider.press("Home")
        wait_for_position(view, 0)

    def test_a_click_in_the_chart_seeks(self, notebook, view):
        view.locator(".vv-plot").scroll_into_view_if_needed()
        box = view.locator(".vv-plot .nsewdrag").first.bounding_box()
        notebook.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        duration = float(notebook.evaluate("print(timeline.replay.duration_s)"))
        wait_for_position(view, duration / 2, tolerance_s=duration / 50)
        assert kernel_position_s(notebook) == pytest.approx(duration / 2, rel=0.05)

    def test_a_crossing_is_a_way_back_to_its_moment(self, notebook, view):
        notebook.evaluate("timeline.replay.seek(timeline.replay.duration_s)")
        duration = float(notebook.evaluate("print(timeline.replay.duration_s)"))
        wait_for_position(view, duration)
        view.locator(".vv-crossing").last.click()
        asked = "(timeline.replay.crossings[0].at - timeline.replay.start_at).total_seconds()"
        first_s = float(notebook.evaluate(f"print({asked})"))
        wait_for_position(view, first_s)
        assert view.locator(".vv-crossing").count() >= 1

    def test_the_next_crossing_is_one_click_away(self, notebook, view):
        view.locator(".vv-crossings-next").click()
        view.locator(".vv-crossing").first.wait_for()
        assert kernel_position_s(notebook) > 0


class TestPlaying:
    def test_it_plays_while_cells_are_idle_and_pauses(self, notebook, view):
        view.get_by_label("Speed").select_option("300")
        view.get_by_role("button", name="Play").click()
        wait_for_position(view, 900, tolerance_s=600)
        view.get_by_role("button", name="Pause").click()
        view.get_by_role("button", name="Play").wait_for()
        assert notebook.evaluate("print(timeline.replay.speed)").strip() == "300.0"
        stood = kernel_position_s(notebook)
        wait_for_position(view, stood)
        assert kernel_position_s(notebook) == stood

    def test_arrows_seek_and_do_not_select_cells(self, notebook, view):
        """JupyterLab's own shortcuts must not see the keys of the timeline."""
        view.get_by_role("slider").focus()
        active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
        before, start = notebook.page.evaluate(active), notebook.page.evaluate(CURSORS)
        notebook.page.keyboard.press("ArrowDown")
        notebook.page.keyboard.press("ArrowRight")
        notebook.page.keyboard.press("ArrowRight")
        notebook.page.wait_for_function(f"() => ({CURSORS})()[0] > {start[0]}")
        assert notebook.page.evaluate(active) == before
