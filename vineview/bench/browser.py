"""A real JupyterLab in a real Chromium: what the browser benchmarks and browser tests drive.

Everything the server writes (settings, workspaces, runtime files) stays in the folder it is given,
so a person's own JupyterLab is neither read nor changed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vineview.errors import UsageError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["CHROMIUM_ARGS", "Lab", "NotebookPage", "find_chromium", "launched_chromium"]

CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
"""How Chromium is started: without a display, and without a word to the network."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_START_S = 60.0
_STOP_S = 20.0
_QUIET = {
    "notification": {"fetchNews": "false", "checkForUpdates": False},
    "themes": {"theme": "JupyterLab Light"},
}


def find_chromium() -> str:
    """The browser to drive: ``VINEVIEW_CHROMIUM``, else the first Chromium or Chrome on the path.

    Returns:
        The program's path.

    Raises:
        UsageError: If there is none; the hint says how to get one.
    """
    named = os.environ.get("VINEVIEW_CHROMIUM")
    if named:
        if Path(named).is_file():
            return named
        raise UsageError(
            f"VINEVIEW_CHROMIUM names {named}, which does not exist",
            hint="Name the browser's program file, or unset the variable.",
        )
    for program in _PROGRAMS:
        if found := shutil.which(program):
            return found
    raise UsageError(
        "no Chromium was found",
        hint="Install one (Debian: apt-get install chromium), or name one in VINEVIEW_CHROMIUM.",
    )


@contextmanager
def launched_chromium() -> Iterator[Browser]:
    """A headless Chromium for the length of a ``with`` block.

    Raises:
        UsageError: If Playwright or a browser is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise UsageError(
            "playwright is not installed", hint="pip install 'vineview[bench]'."
        ) from error
    program = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_ARGS))
        try:
            yield browser
        finally:
            browser.close()


class Lab:
    """A JupyterLab server on loopback, without a token, for the length of a ``with`` block.

    Args:
        folder: Where notebooks lie and everything is written.
        env: Variables for the server and its kernels, beside this process's own.
    """

    def __init__(self, folder: Path, *, env: dict[str, str] | None = None) -> None:
        self.notebooks = folder / "notebooks"
        self._private = folder / "jupyter"
        self._env = env or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.notebooks.mkdir(parents=True, exist_ok=True)
        settings = self._private / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True, exist_ok=True)
        for name, values in _QUIET.items():
            (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
        argv = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            "--ServerApp.port_retries=100",
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            f"--ServerApp.root_dir={self.notebooks}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]
        with (self._private / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                argv, stdout=log, stderr=log, env=self._environment(), cwd=self.notebooks
            )
        try:
            self.url = self._wait_until_up()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def log(self) -> str:
        """What the server said so far."""
        return (self._private / "server.log").read_text("utf-8", errors="replace")

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """Write a notebook of code cells.

        Args:
            name: File name, with suffix.
            cells: Each cell's source.
        """
        document = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {
                    "name": "python3",
                    "display_name": "Python 3",
                    "language": "python",
                }
            },
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{place}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source,
                }
                for place, source in enumerate(cells)
            ],
        }
        path = self.notebooks / name
        path.write_text(json.dumps(document), "utf-8")
        return path

    def _environment(self) -> dict[str, str]:
        private = self._private
        return {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(private / "config"),
            "JUPYTER_DATA_DIR": str(private / "data"),
            "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
            "IPYTHONDIR": str(private / "ipython"),
            **self._env,
        }

    def _wait_until_up(self) -> str:
        """The server's address, from the file it writes once it listens."""
        assert self._process is not None
        path = self._private / "runtime" / f"jpserver-{self._process.pid}.json"
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with suppress(OSError, ValueError):
                return f"http://127.0.0.1:{json.loads(path.read_text())['port']}"
            time.sleep(0.05)
        raise UsageError(
            f"JupyterLab did not start within {_START_S:.0f} s",
            hint=f"It said: {self.log[-800:]}",
        )

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class NotebookPage:
    """One notebook, open in JupyterLab.

    Args:
        page: The browser's page.
        lab: The server.
        name: The notebook's file name.
    """

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page = page
        self.path = lab.notebooks / name
        self._url = f"{lab.url}/doc/tree/{name}"

    def open(self) -> None:
        """Open it, in the JupyterLab the page shows if it shows one, and wait for its kernel."""
        if self.page.evaluate("() => window.jupyterapp !== undefined"):
            self.command("docmanager:open", path=self.path.name, factory="Notebook")
        else:
            self.page.goto(self._url)
        self._wait_until_idle()

    def reload(self) -> None:
        """Load the page anew; the kernel lives on."""
        self.page.goto(self._url)
        self._wait_until_idle()

    def close(self) -> None:
        """End the kernel and close the notebook; the page keeps its JupyterLab."""
        self.page.evaluate(_CLOSE, self.path.name)

    def run_all(self) -> None:
        """Run every cell and wait until the last has finished."""
        self.command("notebook:run-all-cells")

    def run(self, cell: int) -> None:
        """Run one cell and wait until it has finished."""
        self.page.evaluate(_RUN_CELL, cell)

    def replace(self, cell: int, source: str) -> None:
        """Change a cell's source, as typing would."""
        self.page.evaluate(_REPLACE, [cell, source])

    def save(self) -> int:
        """Save, and return the file's size in bytes."""
        self.command("docmanager:save")
        return self.path.stat().st_size

    def shut_down(self) -> None:
        """End the notebook's kernel."""
        self.page.evaluate(_SHUT_DOWN)

    def _wait_until_idle(self) -> None:
        self.page.wait_for_function(_IDLE, arg=self.path.name, timeout=60_000)

    def command(self, name: str, **arguments: Any) -> None:
        """Execute one of JupyterLab's commands and wait for it."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }",
            [name, arguments],
        )

    def output(self, cell: int) -> str:
        """The text shown under a cell."""
        return (
            self.page.locator(".jp-Notebook .jp-Cell")
            .nth(cell)
            .locator(".jp-Cell-outputArea")
            .inner_text()
        )

    def evaluate(self, source: str) -> str:
        """Run Python in the notebook's kernel and return what it printed."""
        printed: str = self.page.evaluate(_EXECUTE, source)
        return printed


_IDLE = """(path) => {
  const { content, context } = window.jupyterapp?.shell.currentWidget ?? {};
  return context?.path === path && content.widgets.length > 0
    && context.sessionContext.session?.kernel?.status === "idle";
}"""

_CLOSE = """async (path) => {
  const widgets = [...(window.jupyterapp?.shell.widgets("main") ?? [])];
  const widget = widgets.find((each) => each.context?.path === path);
  await widget?.context.sessionContext.shutdown();
  widget?.dispose();
}"""

_REPLACE = """([index, source]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.widgets[index].model.sharedModel.setSource(source);
}"""

_SHUT_DOWN = """async () => {
  await window.jupyterapp.shell.currentWidget?.context.sessionContext.shutdown();
}"""

_RUN_CELL = """async (index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  await window.jupyterapp.commands.execute("notebook:run-cell");
}"""

_EXECUTE = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  let printed = "";
  const future = kernel.requestExecute({ code, store_history: false });
  future.onIOPub = (message) => {
    if (message.header.msg_type === "stream") printed += message.content.text;
    if (message.header.msg_type === "error") printed += message.content.evalue;
  };
  await future.done;
  return printed;
}"""
