"""The main job, as a person meets it: open the start notebook, Run All, look."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from vineview import resources
from vineview.bench.browser import NotebookPage

pytestmark = pytest.mark.browser

PICTURE = """() => {
  const videos = [...document.querySelectorAll('.vv-stage video')];
  const video = videos.find((v) => !v.paused && v.readyState >= 2 && v.currentTime > 0);
  if (!video) return null;
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0, 64, 64);
  return { at: video.currentTime, pixels: [...pen.getImageData(0, 0, 64, 64).data] };
}"""
CROSSED = """() => document.querySelectorAll('.vv-timeline .vv-crossing').length > 10"""
POINTS = """() => {
  const graph = document.querySelector('.vv-plot-graph');
  const traces = graph?.data ?? [];
  return Math.max(0, ...traces.map((trace) => trace.x?.length ?? 0));
}"""


@pytest.fixture
def viewport() -> dict[str, int]:
    """Tall enough for a player and a chart in one picture."""
    return {"width": 1100, "height": 1180}


@pytest.fixture
def start(lab, page):
    """A copy of the start notebook, open, its kernel idle."""
    name = f"start-{os.getpid()}-{time.monotonic_ns()}.ipynb"
    shutil.copyfile(resources.notebooks("00-start-here.ipynb"), lab.notebooks / name)
    notebook = NotebookPage(page, lab, name)
    notebook.open()
    yield notebook
    notebook.close()


def picture(page) -> dict:
    """The moving picture's time and pixels, once there is one."""
    return page.wait_for_function(PICTURE, timeout=30_000).json_value()


def test_run_all(start, page, pictures):
    """The feed moves, next moves on, memory is charted, the replay plays, little is saved."""
    before = start.path.stat().st_size
    began = time.monotonic()
    start.run_all()
    page.locator(".vv-stage").first.scroll_into_view_if_needed()
    first = picture(page)
    assert time.monotonic() - began < 60

    for _ in range(10):  # a busy machine draws later than it counts
        page.wait_for_timeout(600)
        second = picture(page)
        if second["pixels"] != first["pixels"]:
            break
    assert second["at"] != first["at"]
    assert second["pixels"] != first["pixels"]

    title = page.locator(".vv-title").first.inner_text()
    page.locator('.vv-stage button[aria-label*="ext"]').first.click()
    page.wait_for_function(
        "(title) => document.querySelector('.vv-title').innerText !== title", arg=title
    )
    third = picture(page)
    assert third["pixels"] != second["pixels"]

    page.locator(".vv-plot-graph").first.scroll_into_view_if_needed()
    points = page.wait_for_function(f"() => ({POINTS})() || null", timeout=20_000).json_value()
    page.wait_for_function(
        f"(points) => ({POINTS})() > points", arg=points, timeout=20_000
    )  # no cell runs meanwhile

    assert (
        page.locator(
            ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
        ).count()
        == 0
    )
    # A poster, and twice a chart with its numbers, as GitHub draws them.
    assert start.save() - before < 200_000
    timeline = page.locator(".vv-timeline").first
    timeline.scroll_into_view_if_needed()
    timeline.get_by_label("Speed").select_option("1000")
    timeline.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(CROSSED, timeout=30_000)
    timeline.get_by_label("Speed").select_option("60")
    if pictures:
        take_pictures(page, pictures)


def take_pictures(page, folder) -> None:
    """Leave the pictures the README shows."""
    page.locator(".vv-stage button[aria-label*='Previous']").first.click()
    page.mouse.move(5, 5)
    for name, selector in (("start", ".vv-stage"), ("replay", ".vv-timeline")):
        page.evaluate(
            "(s) => document.querySelector(s).closest('.jp-Cell').scrollIntoView()", selector
        )
        page.wait_for_timeout(3000)
        page.screenshot(path=str(folder / f"{name}.png"))
