"""``vineview bench swipe``: from the key that says "next" to the next video's picture.

The bundled clips play in JupyterLab. Each press waits until the video it brings is preloaded, as
it is for a person who watches; the time runs from the key event's own time stamp to the call of
``requestVideoFrameCallback`` on the video then shown.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from vineview.bench.browser import Lab, NotebookPage, launched_chromium
from vineview.bench.report import Report

__all__ = ["run"]

_MEDIAN_MS = 33.0  # two frames of a screen
_P95_MS = 100.0
_POLL_MS = 200  # Playwright's own way, each frame, would keep the page busy while it is timed
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
        place, step = 0, 1
        for _ in range(presses):
            if not 0 <= place + step < len(_CLIPS):
                step = -step
            place += step
            _press(notebook, "ArrowDown" if step > 0 else "ArrowUp", f"v{place}")
        times: list[float] = page.evaluate("window.vineviewSwipes")
    report.row("next on a preloaded video, median", median(times), "ms", target=_MEDIAN_MS)
    report.row("next on a preloaded video, p95", quantiles(times, n=20)[-1], "ms", target=_P95_MS)
    report.note(f"{len(times)} presses, from {min(times):.0f} to {max(times):.0f} ms")


def _press(notebook: NotebookPage, key: str, video_id: str) -> None:
    """Press a key once the video it brings is preloaded, and wait until that plays."""
    page = notebook.page
    page.wait_for_function(_PRELOADED, arg=video_id, polling=_POLL_MS)
    page.wait_for_timeout(300)
    page.keyboard.press(key)
    page.wait_for_function(_PLAYING, arg=0.2, polling=_POLL_MS)


_PLAYING = """(beyond) => {
  const video = document.querySelector("video.vv-screen[data-shown]");
  return video && !video.paused && video.currentTime > beyond;
}"""

_PRELOADED = """(id) => {
  const video = document.querySelector(`video.vv-screen[data-video="${id}"]`);
  return video && video.readyState >= 2 && !video.seeking;
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
