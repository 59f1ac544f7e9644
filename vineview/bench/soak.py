"""``vineview bench soak``: hundreds of swipes in a real browser, and what is left of each.

A feed of twenty bundled clips, more than the manager may hold at once, so that every few swipes
clips are loaded, shown and freed. Between the swipes both sides are counted after a collection:
the page's heap, elements, listeners and object URLs; the kernel's memory, handles, threads,
tasks and child processes. What is still alive and what was merely used are thus told apart.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vineview.bench.browser import Lab, NotebookPage, launched_chromium
from vineview.bench.report import Report

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["COUNT_URLS", "Census", "Soak", "run"]

_SWIPES, _WARM_UP = 500, 50
_QUICK_SWIPES, _QUICK_WARM_UP = 100, 20
_EVERY = 50
_GROWTH_PCT = 5.0
_MORE_THREADS = 2  # the pool starts one as first needed; a neighbour's stream may wait or be over
_COUNTED = frozenset({"threads", "tasks", "processes", "videos", "urls"})
_POLL_MS = 40
_SETTLE_MS = 1200
_VIDEOS = 20

_FEED = """
import asyncio, ctypes, gc, json, os, threading
import psutil
from vineview import resources
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.widgets.player import FeedPlayer
clips = resources.data("feed", "clips")
names = ["bigbuckbunny.mp4", "portrait.mp4", "landscape.mp4", "square.mp4", "countdown.mp4"]
config = VideoManagerConfig(max_controllers=6)
manager = VideoManager(loader=MediaLoader(), config=config)
manager.add_video_events(
    VideoEvent(id=f"v{n}", created_at=-n, is_local=True, title=f"Video {n}",
               video_url=(clips / names[n % len(names)]).as_uri())
    for n in range(count)
)
def census():
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)  # what is free goes back; what stays is in use
    kernel = psutil.Process()
    print(json.dumps({
        "kernel_rss_mb": kernel.memory_info().rss / 2**20,
        "handles": kernel.num_fds() if hasattr(kernel, "num_fds") else kernel.num_handles(),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "processes": len(kernel.children(recursive=True)),
    }))
"""
_PLAYER = "player = FeedPlayer(manager)\nplayer"

COUNT_URLS = """
(() => {
  const live = new Set();
  const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
  URL.createObjectURL = (thing) => {
    const url = create.call(URL, thing);
    live.add(url);
    return url;
  };
  URL.revokeObjectURL = (url) => {
    live.delete(url);
    revoke.call(URL, url);
  };
  window.vineviewUrls = live;
})();
"""
"""A script for a page, after which ``window.vineviewUrls`` holds the object URLs it makes."""


@dataclass(frozen=True, slots=True)
class Census:
    """What is alive on both sides, after a collection.

    Attributes:
        js_heap_mb: The page's JavaScript heap.
        elements: Nodes of the page's document, but for the still a notebook keeps: that is
            renewed now and then, and shows a few more videos or less.
        listeners: Event listeners of the page.
        videos: ``<video>`` elements in the page.
        urls: Object URLs not given back.
        kernel_rss_mb: Resident memory of the kernel.
        handles: Its open file descriptors.
        threads: Its threads.
        tasks: Its unfinished asyncio tasks.
        processes: Its child processes.
    """

    js_heap_mb: float
    elements: int
    listeners: int
    videos: int
    urls: int
    kernel_rss_mb: float
    handles: int
    threads: int
    tasks: int
    processes: int


class Soak:
    """A player in JupyterLab that is swiped and counted.

    Args:
        page: A page of the browser.
        lab: The server.
        name: The notebook's file name.
    """

    def __init__(self, page: Page, lab: Lab, name: str = "soak.ipynb") -> None:
        lab.write(name, [f"count = {_VIDEOS}{_FEED}", _PLAYER])
        self.page = page
        self.notebook = NotebookPage(page, lab, name)
        self._tools = page.context.new_cdp_session(page)
        self._place, self._step = 0, 1

    def open(self) -> None:
        """Open the notebook, run it, and wait until the first video plays."""
        self.notebook.open()
        self.page.evaluate(COUNT_URLS)
        self.notebook.run_all()
        self._await_shown()
        self.page.locator(".vv-player").focus()

    def swipe(self, times: int) -> None:
        """Go through the feed, to its end and back, waiting for each picture."""
        for _ in range(times):
            if not 0 <= self._place + self._step < _VIDEOS:
                self._step = -self._step
            self._place += self._step
            self.page.keyboard.press("ArrowDown" if self._step > 0 else "ArrowUp")
            self._await_shown()

    def census(self) -> Census:
        """Count what is alive at the feed's first video, with everything settled."""
        self.page.wait_for_timeout(_SETTLE_MS)  # the last move is told once its picture is there
        self.notebook.evaluate("player.go_to(0)")
        self._place, self._step = 0, 1
        self._await_shown()
        self.page.wait_for_timeout(_SETTLE_MS)
        self._tools.send("HeapProfiler.enable")
        self._tools.send("HeapProfiler.collectGarbage")
        self._tools.send("Performance.enable")
        answer = self._tools.send("Performance.getMetrics")
        metrics = {each["name"]: each["value"] for each in answer["metrics"]}
        page = self.page.evaluate(
            "() => [document.querySelectorAll('*:not(.vv-still *)').length, "
            "document.querySelectorAll('video').length, window.vineviewUrls.size]"
        )
        kernel = json.loads(self.notebook.evaluate("census()"))
        return Census(
            js_heap_mb=metrics["JSHeapUsedSize"] / 2**20,
            elements=page[0],
            listeners=int(metrics["JSEventListeners"]),
            videos=page[1],
            urls=page[2],
            **kernel,
        )

    def _await_shown(self) -> None:
        self.page.wait_for_function(_SHOWN, arg=f"v{self._place}", polling=_POLL_MS)


def run(report: Report, *, quick: bool) -> None:
    """Swipe and count, and add how much each figure grew to ``report``.

    Args:
        report: Where the figures go.
        quick: A hundred swipes, counted from the twentieth on, instead of five hundred.
    """
    swipes, warm_up = (_QUICK_SWIPES, _QUICK_WARM_UP) if quick else (_SWIPES, _WARM_UP)
    with (
        TemporaryDirectory(prefix="vineview-") as folder,
        Lab(Path(folder)) as lab,
        launched_chromium() as browser,
    ):
        soak = Soak(browser.new_page(viewport={"width": 1000, "height": 1000}), lab)
        soak.open()
        soak.swipe(warm_up)
        counted = [soak.census()]
        for done in range(warm_up, swipes, _EVERY):
            soak.swipe(min(_EVERY, swipes - done))
            counted.append(soak.census())
    first, last = asdict(counted[0]), asdict(counted[-1])
    for name in (field.name for field in fields(Census)):
        more = last[name] - first[name]
        words = name.replace("_mb", "").replace("_", " ")
        if name in _COUNTED:
            allowed = _MORE_THREADS if name in {"threads", "tasks"} else 0
            report.row(f"more {words}", more, "", target=allowed)
        else:
            growth_pct = 100 * more / max(first[name], 1)
            report.row(f"growth of {words}", growth_pct, "%", target=_GROWTH_PCT)
        report.note(f"{words}: {', '.join(f'{asdict(each)[name]:.4g}' for each in counted)}")
    report.note(f"{swipes} swipes, counted after {warm_up} and then every {_EVERY}")


_SHOWN = """(id) => {
  const video = document.querySelector("video.vv-screen[data-shown]");
  return video && video.dataset.video === id && video.readyState >= 2 && !video.seeking;
}"""
