"""``vineview bench first-frame``: from running a cell to the first picture of a large clip.

A clip of 60 s, 1280x720 and about 40 MB is shown by ``FeedPlayer`` and, in the next cell of the
same notebook, by ``ipywidgets.Video.from_file``. Both cells start from the same imports, and both
count until the browser reports the first frame presented. Beside that, how many requests a clip on
the web costs before its first picture, its index at the end and the server 50 ms away.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from vineview.bench.browser import Lab, NotebookPage, launched_chromium
from vineview.bench.report import Report

__all__ = ["run"]

_TARGET_RATIO = 0.2
_TARGET_ROUND_TRIPS = 3
_LATENCY_S = 0.05
_SETUP = """
import ipywidgets
from pathlib import Path
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.widgets.player import FeedPlayer
clip = Path({clip!r})
"""
_OURS = """
manager = VideoManager(loader=MediaLoader())
manager.add_video_event(VideoEvent(id="clip", video_url=clip.as_uri(), is_local=True))
FeedPlayer(manager)
"""
_PEER = "ipywidgets.Video.from_file(clip)"
_OURS_CELL, _PEER_CELL = 1, 2


def run(report: Report, *, quick: bool) -> None:
    """Measure, and add the medians to ``report``.

    Args:
        report: Where the figures go.
        quick: A tenth of the clip, and one round instead of five.
    """
    from vineview.media.testcard import long_clip

    seconds, megabytes, rounds = (6, 4, 1) if quick else (60, 40, 5)
    with TemporaryDirectory(prefix="vineview-") as folder:
        clip = long_clip(Path(folder) / "clip.mp4", seconds=seconds, target_mb=megabytes)
        late = Path(folder) / "late.mp4"
        long_clip(late, seconds=seconds, target_mb=megabytes, moov_at_end=True)
        round_trips, load_s = asyncio.run(_load_from_afar(late.read_bytes()))
        size_mb = clip.stat().st_size / 2**20
        with Lab(Path(folder) / "lab") as lab, launched_chromium() as browser:
            lab.write("first-frame.ipynb", [_SETUP.format(clip=str(clip)), _OURS, _PEER])
            page = browser.new_page(viewport={"width": 1000, "height": 1000})
            notebook = NotebookPage(page, lab, "first-frame.ipynb")
            notebook.open()
            notebook.run(0)
            ours, peer = [], []
            for _ in range(rounds):
                ours.append(_first_frame_s(notebook, _OURS_CELL))
                peer.append(_first_frame_s(notebook, _PEER_CELL))
    what = f"first frame of {seconds} s, 1280x720, {size_mb:.0f} MB"
    report.ratio(
        what,
        median(ours),
        "s",
        peer="ipywidgets.Video.from_file",
        peer_value=median(peer),
        target=_TARGET_RATIO,
    )
    report.row(
        "round trips before its first picture, its index at the end",
        round_trips,
        "",
        target=_TARGET_ROUND_TRIPS,
    )
    report.row(f"loading it over HTTP with {_LATENCY_S * 1000:.0f} ms of latency", load_s, "s")
    report.note(f"median of {rounds}; ours {_listed(ours)}, peer {_listed(peer)}")


async def _load_from_afar(data: bytes) -> tuple[int, float]:
    """Load a clip from a server some way off: its requests, and the seconds it took."""
    from vineview.core.events import VideoEvent
    from vineview.media.controller import ClipController
    from vineview.media.loader import MediaLoader

    loader = MediaLoader()
    async with _distant_server(data) as url:
        for _ in range(2):  # the first time, the workers' zygote is started as well
            begun_at = time.perf_counter()
            event = VideoEvent(id="late", video_url=url, is_local=True)
            controller = await loader.load(event)
            elapsed_s = time.perf_counter() - begun_at
            assert isinstance(controller, ClipController)
            round_trips = controller.round_trips
            controller.release()
    loader.executor.shutdown()
    return round_trips, elapsed_s


@asynccontextmanager
async def _distant_server(data: bytes) -> AsyncIterator[str]:
    """Serves byte ranges over loopback, each answer half a tenth of a second late."""
    answering: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over = answering[writer] = asyncio.Event()
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(_LATENCY_S)
                asked = re.search(rb"bytes=(\d+)-(\d+)", head)
                first, last = map(int, asked.groups()) if asked else (0, len(data) - 1)
                part = data[first : last + 1]
                writer.write(
                    b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\n"
                    b"Content-Range: bytes %d-%d/%d\r\n\r\n"
                    % (len(part), first, first + len(part) - 1, len(data))
                )
                writer.write(part)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the reader has what it wanted
        finally:
            writer.close()
            over.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/late.mp4"
        for writer, over in answering.items():
            writer.close()
            await over.wait()


def _first_frame_s(notebook: NotebookPage, cell: int) -> float:
    """Run a cell, wait for a video of its output to present a frame, clear the output again."""
    elapsed_ms: float = notebook.page.evaluate(_MEASURE, cell)
    notebook.command("notebook:clear-all-cell-outputs")
    notebook.page.wait_for_timeout(500)
    return elapsed_ms / 1000


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values) + " s"


_MEASURE = """async (index) => {
  const app = window.jupyterapp;
  const notebook = app.shell.currentWidget.content;
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  const output = notebook.widgets[index].node.querySelector(".jp-Cell-outputArea");
  const known = new WeakSet();
  const started = performance.now();
  const shown = new Promise((resolve) => {
    const look = () => {
      for (const video of output.querySelectorAll("video")) {
        if (known.has(video)) continue;
        known.add(video);
        video.requestVideoFrameCallback(() => {
          resolve(performance.now());
          observer.disconnect();
        });
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(output, { childList: true, subtree: true });
    setTimeout(() => resolve(Infinity), 120000);
  });
  app.commands.execute("notebook:run-cell");
  return (await shown) - started;
}"""
