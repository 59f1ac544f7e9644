"""``vineview bench charts``: our charts beside plotly's own widget and beside plotly-resampler.

All are driven by one browser in one JupyterLab. Time runs in the page, from the cell's start or
the mouse button's release to the frame after plotly has drawn; bytes are what the page's web
sockets received meanwhile. plotly-resampler needs plotly below 7, so it gets a kernel of its own
in a throw-away environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vineview.bench.browser import Lab, NotebookPage, launched_chromium
from vineview.bench.report import Report
from vineview.errors import UsageError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["run"]

_RATIO = 0.35
_CHARTS = 10
_CAP_S = 120.0
_SAMPLES = 1000
_PEER = ("plotly-resampler", "plotly<7", "anywidget", "ipywidgets", "ipykernel", "pandas")
_KERNEL = "peer"
_INSTALL_S = 600.0
_UPDATES = 12
_APPEND_BYTES = 4000.0

_DATA = """
import asyncio
import numpy as np
import pandas as pd
from IPython.display import display
rng = np.random.default_rng(7)
def series(n):
    at = pd.date_range("2026-01-01", periods=n, freq="1s", tz="UTC")
    return at, 300 + np.sin(np.arange(n) / 900) * 80 + rng.normal(0, 12, n)
"""
_OURS = (
    _DATA
    + """
import vineview as vv
from vineview.telemetry import Sample
manager = vv.VideoManager(loader=vv.ScriptedLoader(clock=vv.SystemClock()))
manager.add_video_events(
    vv.VideoEvent(id=f"v{n}", created_at=n, video_url=f"https://a.example/{n}.mp4")
    for n in range(9)
)
monitor = vv.VideoPerformanceMonitor(manager, sampling_interval_s=1, max_samples=%(kept)d)
now = vv.SystemClock().utc()
from datetime import timedelta
values = series(%(samples)d)[1]
monitor.refill(
    [
        Sample(now - timedelta(seconds=float(len(values) - n)), video_memory_mb=float(value),
               estimated_memory_mb=180.0, video_controllers=9)
        for n, value in enumerate(values)
    ],
    [],
)
await manager.preload_video("v0")
monitor.start()
"""
)
_SHOW_OURS = "for n in range(%d): display(vv.MemoryChart(monitor, title=f'Chart {n}'))"
_THEIRS = (
    _DATA
    + """
import plotly.graph_objects as go
from vineview.figures import Growth, memory_figure
at, values = series(%(samples)d)
frame = pd.DataFrame({"at": at, "video_memory_mb": values})
frame["estimated_memory_mb"], frame["video_controllers"] = 180.0, 9
made = []
async def feed():
    while True:
        await asyncio.sleep(1)
        for figure in made:
            trace = figure.data[-1]
            with figure.batch_update():
                trace.x = np.append(trace.x, trace.x[-1] + 1000)
                trace.y = np.append(trace.y, 300.0)
feeding = asyncio.get_running_loop().create_task(feed())
"""
)
_SHOW_THEIRS = """for n in range(%d):
    figure = go.FigureWidget(memory_figure(frame, growth=Growth(1.0, 0.5, 1.5)))
    made.append(figure)
    display(figure)"""

_ZOOM_OURS = (
    _DATA
    + """
import vineview as vv
from vineview.widgets.sources import FrameSource
at, values = series(%(points)d)
chart = vv.MemoryChart(FrameSource(pd.DataFrame({"at": at, "video_memory_mb": values})))
"""
)
_ZOOM_THEIRS = (
    _DATA
    + """
import plotly.graph_objects as go
from plotly_resampler import FigureWidgetResampler
at, values = series(%(points)d)
chart = FigureWidgetResampler(go.Figure())
chart.add_trace(go.Scatter(name="memory"), hf_x=at, hf_y=values)
"""
)


def run(report: Report, *, quick: bool) -> None:
    """Measure ten live charts, a live update, and zooming; add the figures to ``report``.

    Args:
        report: Where they go.
        quick: One chart instead of ten, a million points instead of ten, fewer zooms.

    Raises:
        UsageError: If a browser or a peer cannot be had; the hint names what is missing.
    """
    charts, points, zooms = (1, 1_000_000, 4) if quick else (_CHARTS, 10_000_000, 12)
    with TemporaryDirectory(prefix="vineview-") as folder:
        python = _environment(Path(folder) / "peer")
        lab = Lab(Path(folder))
        _add_kernel(Path(folder), python)
        with lab, launched_chromium() as browser:
            _live(report, lab, browser, charts)
            _updates(report, lab, browser)
            _zooms(report, lab, browser, points, zooms)


# -- live charts -----------------------------------------------------------------------------------


def _live(report: Report, lab: Lab, browser: Browser, charts: int) -> None:
    setup = {"samples": _SAMPLES, "kept": 2 * _SAMPLES}
    ours = _first_pictures(lab, browser, [_OURS % setup, _SHOW_OURS % charts], charts)
    theirs = _first_pictures(lab, browser, [_THEIRS % setup, _SHOW_THEIRS % charts], charts)
    what = f"{charts} live charts" if charts > 1 else "one live chart"
    target = _RATIO if charts > 1 else None
    for name, place, unit in (("time to the last picture", 0, "s"), ("received", 1, "MB")):
        report.ratio(
            f"{what}, {name}",
            ours[place],
            unit,
            peer="FigureWidget",
            peer_value=theirs[place],
            target=target,
        )
    if theirs[2] < charts:
        report.note(
            f"FigureWidget: {theirs[2]} of {charts} were drawn within {_CAP_S:.0f} s, so its "
            "figures are lower bounds"
        )


def _first_pictures(
    lab: Lab, browser: Browser, cells: list[str], charts: int
) -> tuple[float, float, int]:
    """Seconds and megabytes until the last picture stands, and how many do."""
    with _opened(lab, browser, cells) as (notebook, traffic):
        page = notebook.page
        notebook.run(0)
        page.wait_for_timeout(500)
        before = traffic.bytes
        page.evaluate(_WATCH, charts)
        began = time.perf_counter()
        notebook.page.evaluate(_RUN_UNAWAITED, 1)
        while page.evaluate("window.vvDrawnAt === null") and time.perf_counter() - began < _CAP_S:
            page.wait_for_timeout(50)
        took = page.evaluate("window.vvDrawnAt - window.vvBegan")
        drawn: int = page.evaluate("window.vvCount()")
        seconds = _CAP_S if drawn < charts else took / 1000
        return seconds, (traffic.bytes - before) / 1e6, drawn


def _updates(report: Report, lab: Lab, browser: Browser) -> None:
    """What a sample costs, early and late: it must not grow with history."""
    sizes = {}
    for samples in (_SAMPLES // 10, _SAMPLES):
        setup = {"samples": samples, "kept": 5 * _SAMPLES}
        with _opened(lab, browser, [_OURS % setup, _SHOW_OURS % 1]) as (notebook, traffic):
            notebook.run_all()
            notebook.page.wait_for_function("document.querySelector('.vv-plot[data-draws]')")
            notebook.page.wait_for_timeout(3000)
            before, appends = traffic.bytes, traffic.appends
            notebook.page.wait_for_timeout(_UPDATES * 1000)
            sizes[samples] = (traffic.bytes - before) / max(traffic.appends - appends, 1)
    early, late = sizes.values()
    report.row(f"an update after {_SAMPLES} samples", late, "B", target=_APPEND_BYTES)
    report.ratio(
        "the same beside an early one",
        late,
        "B",
        peer=f"after {_SAMPLES // 10} samples",
        peer_value=early,
        target=1.2,
    )


# -- zooming ---------------------------------------------------------------------------------------


def _zooms(report: Report, lab: Lab, browser: Browser, points: int, zooms: int) -> None:
    setup = {"points": points}
    ours = _zoomed(lab, browser, [_ZOOM_OURS % setup, "chart"], zooms, kernel="python3")
    theirs = _zoomed(lab, browser, [_ZOOM_THEIRS % setup, "chart"], zooms, kernel=_KERNEL)
    what = f"zoom to new detail on {points / 1e6:g} million points"
    report.ratio(
        f"{what}, mouse to picture, median",
        ours[0],
        "ms",
        peer="plotly-resampler",
        peer_value=theirs[0],
        target=1.0,
    )
    report.ratio(
        f"{what}, received, median",
        ours[1] / 1000,
        "kB",
        peer="plotly-resampler",
        peer_value=theirs[1] / 1000,
        target=_RATIO,
    )
    report.note(
        f"{zooms} zooms each; {ours[2]} points drawn by ours and {theirs[2]} by plotly-resampler"
    )


def _zoomed(
    lab: Lab, browser: Browser, cells: list[str], zooms: int, *, kernel: str
) -> tuple[float, float, int]:
    """Median milliseconds and bytes of a zoom, and the points then drawn."""
    times, sizes, shown = [], [], 0
    with _opened(lab, browser, cells, kernel=kernel) as (notebook, traffic):
        page = notebook.page
        notebook.run_all()
        page.wait_for_function(_STANDS, timeout=_CAP_S * 1000)
        page.wait_for_timeout(2000)
        page.evaluate(_LISTEN)
        box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
        assert box is not None
        for number in range(zooms):
            before = traffic.bytes
            left = box["x"] + box["width"] * (0.15 + 0.6 * number / zooms)
            _drag(page, left, left + box["width"] * 0.1, box["y"] + box["height"] / 2)
            page.wait_for_function("window.vvDone > 0", timeout=30_000)
            times.append(page.evaluate("window.vvDone - window.vvReleased"))
            shown = page.evaluate("window.vvShown")
            page.wait_for_timeout(400)
            sizes.append(traffic.bytes - before)
            if not page.evaluate(_RESET):
                page.mouse.dblclick(left, box["y"] + box["height"] / 2)
            page.wait_for_timeout(1500)
    return median(times), median(sizes), shown


def _drag(page: Page, left: float, right: float, y: float) -> None:
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move((left + right) / 2, y, steps=3)
    page.mouse.move(right, y, steps=3)
    page.evaluate("window.vvArm()")
    page.mouse.up()


# -- what both need --------------------------------------------------------------------------------


class _Traffic:
    """Counts what a page's web sockets receive."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        self.appends = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: bytes | str) -> None:
        self.bytes += len(payload)
        data = payload if isinstance(payload, bytes) else payload.encode()
        self.appends += b'"kind": "append"' in data or b'"kind":"append"' in data


class _opened:  # noqa: N801 - used like a function
    """A notebook of these cells in a page of its own, for the length of a ``with`` block."""

    def __init__(
        self, lab: Lab, browser: Browser, cells: list[str], *, kernel: str = "python3"
    ) -> None:
        self._lab = lab
        self._browser = browser
        self._cells = cells
        self._kernel = kernel

    def __enter__(self) -> tuple[NotebookPage, _Traffic]:
        name = f"charts-{time.monotonic_ns()}.ipynb"
        path = self._lab.write(name, self._cells)
        document = json.loads(path.read_text("utf-8"))
        document["metadata"]["kernelspec"]["name"] = self._kernel
        path.write_text(json.dumps(document), "utf-8")
        self._context = self._browser.new_context(viewport={"width": 1000, "height": 900})
        page = self._context.new_page()
        traffic = _Traffic(page)
        self._notebook = NotebookPage(page, self._lab, name)
        self._notebook.open()
        return self._notebook, traffic

    def __exit__(self, *_: object) -> None:
        self._notebook.shut_down()
        self._context.close()


def _environment(folder: Path) -> Path:
    """A throw-away environment with plotly-resampler; returns its Python.

    Raises:
        UsageError: If it cannot be made.
    """
    python = folder / "bin" / "python"
    _command([sys.executable, "-m", "venv", str(folder)], "make an environment for the peer")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PEER]
    _command(pip, f"install {', '.join(_PEER)}")
    return python


def _command(argv: list[str], what: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"could not {what}: {error}", hint=_NEEDS) from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise UsageError(
            f"could not {what}: {said[-1] if said else 'no reason given'}", hint=_NEEDS
        )


_NEEDS = "The peer is plotly-resampler with plotly below 7; pip must reach a package index."


def _add_kernel(folder: Path, python: Path) -> None:
    """Let the JupyterLab in ``folder`` start kernels of another environment."""
    spec = folder / "jupyter" / "data" / "kernels" / _KERNEL
    spec.mkdir(parents=True, exist_ok=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    document = {"argv": argv, "display_name": "Peer", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(document))


_COUNT = """() => [...document.querySelectorAll(".js-plotly-plot")]
  .filter((graph) => graph.querySelector(".scatterlayer path.js-line")?.getAttribute("d")).length"""

_WATCH = f"""(wanted) => {{
  window.vvCount = {_COUNT};
  window.vvBegan = performance.now();
  window.vvDrawnAt = null;
  const look = () => {{
    if (window.vvCount() >= wanted) window.vvDrawnAt = performance.now();
    else requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}"""

_RUN_UNAWAITED = """(index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  window.jupyterapp.commands.execute("notebook:run-cell");
}"""

_STANDS = f"() => ({_COUNT})() > 0"

# plotly-resampler's double click shows all of the zoomed points, its button all there are
_RESET = """() => {
  const button = document.querySelector('.modebar-btn[data-title="Reset axes"]');
  button?.click();
  return Boolean(button);
}"""

_LISTEN = """() => {
  const graph = document.querySelector(".js-plotly-plot");
  const line = () => graph.data.find((trace) => trace.uid === "measured") ?? graph.data.at(-1);
  const mark = () => {
    const { x, y } = line();
    return [x.length, String(x[0]), String(x[x.length - 1]), y[1]].join();
  };
  let before = null;
  window.vvArm = () => {
    before = mark();
    window.vvDone = 0;
    window.addEventListener("mouseup", (event) => (window.vvReleased = event.timeStamp),
      { capture: true, once: true });
  };
  graph.on("plotly_afterplot", () => {
    if (before === null || mark() === before) return;
    before = null;
    requestAnimationFrame(() => {
      window.vvShown = line().x.length;
      window.vvDone = performance.now();
    });
  });
}"""
