"""``vineview bench swipe``: from the key that says "next" to the next video's picture.

The bundled clips play in JupyterLab. Each press waits until the neighbours are loaded, as they are
for a person who watches; the time runs from the key event's own time stamp to the call of
``requestVideoFrameCallback`` on the video then shown.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from vineview.bench.browser import Lab, NotebookPage, launched_chromium
from vineview.bench.report import Report

__all__ = ["run"]

_TARGET_MS = 50.0
_CLIPS = ("bigbuckbunny.mp4", "portrait.mp4", "landscape.mp4", "square.mp4", "countdown.mp4")
_SETUP = """
from vineview import resources
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.widgets.player import FeedPlayer
clips = resources.data("feed", "clips")
manager = VideoManager(loader=MediaLoader())
manager.add_video_events(
    VideoEvent(id=f"v{{n}}", created_at=-n, video_url=(clips / name).as_uri(), is_local=True)
    for n, name in enumerate({clips!r})
)
FeedPlayer(manager)
"""


def run(report: Report, *, quick: bool) -> None:
    """Measure, and add median and 95th percentile to ``report``.

    Args:
        report: Where the figures go.
        quick: Eight presses instead of forty-eight.
    """
    presses = 8 if quick else 48
    with (
        TemporaryDirectory(prefix="vineview-") as folder,
        Lab(Path(folder)) as lab,
        launched_chromium() as browser,
    ):
        lab.write("swipe.ipynb", [_SETUP.format(clips=_CLIPS)])
        page = browser.new_page(viewport={"width": 1000, "height": 1000})
        notebook = NotebookPage(page, lab, "swipe.ipynb")
        notebook.open()
        notebook.run_all()
        page.wait_for_function(_PLAYING, arg=0.3)
        page.locator(".vv-player").focus()
        page.evaluate(_LISTEN)
        for press in range(presses):
            turns = press % (2 * (len(_CLIPS) - 1))
            _press(notebook, "ArrowDown" if turns < len(_CLIPS) - 1 else "ArrowUp")
        times: list[float] = page.evaluate("window.vineviewSwipes")
    report.row("next on a preloaded video, median", median(times), "ms", target=_TARGET_MS)
    report.row("next on a preloaded video, p95", quantiles(times, n=20)[-1], "ms")
    report.note(f"{len(times)} presses, from {min(times):.0f} to {max(times):.0f} ms")


def _press(notebook: NotebookPage, key: str) -> None:
    """Press a key once the neighbours are ready, and wait until what it brought plays."""
    page = notebook.page
    page.wait_for_function(_NEIGHBOURS_READY)
    page.wait_for_timeout(300)
    page.keyboard.press(key)
    page.wait_for_function(_PLAYING, arg=0.2)


_PLAYING = """(beyond) => {
  const video = document.querySelector("video.vv-screen[data-shown]");
  return video && !video.paused && video.currentTime > beyond;
}"""

_NEIGHBOURS_READY = """() => {
  const others = [...document.querySelectorAll("video.vv-screen:not([data-shown])")];
  return others.length > 0 && others.every((video) => video.readyState >= 2 && !video.seeking);
}"""

_LISTEN = """() => {
  window.vineviewSwipes = [];
  window.addEventListener("keydown", (event) => queueMicrotask(() => {
    const video = document.querySelector("video.vv-screen[data-shown]");
    video.requestVideoFrameCallback(() => {
      window.vineviewSwipes.push(performance.now() - event.timeStamp);
    });
  }), { capture: true });
}"""
