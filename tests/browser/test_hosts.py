"""The widgets outside JupyterLab: Notebook 7 and Voila, on the same server, in the same browser.

Neither has what JupyterLab's page has (its commands, its theme's variables everywhere, a shell
around the cell), and nothing may rely on that.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import TimeoutError as TookTooLong

pytestmark = pytest.mark.browser

CELLS = [
    """
from vineview import resources
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.telemetry import VideoPerformanceMonitor
from vineview.widgets import FeedPlayer, MemoryChart

clips = resources.data("feed", "clips")
manager = VideoManager(loader=MediaLoader())
manager.add_video_events(
    VideoEvent(id=name, title=name, created_at=-n, is_local=True, video_url=(clips / name).as_uri())
    for n, name in enumerate(["portrait.mp4", "landscape.mp4", "square.mp4"])
)
player = FeedPlayer(manager)
player
""",
    """
monitor = VideoPerformanceMonitor(manager, sampling_interval_s=0.5)
monitor.start()
chart = MemoryChart(monitor)
chart
""",
]
PLAYING = """() => {
  const video = document.querySelector("video.vv-screen[data-shown]");
  return video && !video.paused && video.currentTime > 0.3;
}"""
DRAWN = """() => {
  const lines = [...document.querySelectorAll(".vv-plot-graph .scatterlayer path.js-line")];
  return lines.some((line) => (line.getAttribute("d") ?? "").length > 20);
}"""


@pytest.fixture
def page(chromium):
    """A page whose own troubles count only where a widget's module (a blob) caused them."""
    context = chromium.new_context(viewport={"width": 1000, "height": 1000})
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(error.stack or str(error)))
    yield page
    faults = page.locator(".vv-fault").all_inner_texts()
    context.close()
    assert faults == []
    assert [each for each in problems if "blob:" in each] == []


def plays_and_draws(page):
    page.wait_for_function(PLAYING, timeout=60_000)
    page.locator(".vv-plot-graph").first.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN, timeout=30_000)
    page.locator(".vv-stage").first.scroll_into_view_if_needed()
    page.locator(".vv-player").first.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function(
        "() => document.querySelector('.vv-title').textContent === 'landscape.mp4'"
    )
    page.wait_for_function(PLAYING)


def run_all_by_menu(page):
    """Notebook 7 shows its menu before the commands behind it do anything: choose until they do."""
    for _ in range(5):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with suppress(TookTooLong):
            page.locator(".vv-player").first.wait_for(timeout=12_000)
            return


def screenshot(page, pictures, name):
    if pictures:
        page.screenshot(path=pictures / f"{name}.png")


def test_notebook_7_plays_and_charts(lab, page, pictures):
    lab.write("seven.ipynb", CELLS)
    page.goto(f"{lab.url}/notebooks/seven.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=60_000)
    run_all_by_menu(page)
    plays_and_draws(page)
    screenshot(page, pictures, "notebook-7")


def test_voila_plays_and_charts(lab, page, pictures):
    lab.write("voila.ipynb", CELLS)
    page.goto(f"{lab.url}/voila/render/voila.ipynb")
    plays_and_draws(page)
    screenshot(page, pictures, "voila")
