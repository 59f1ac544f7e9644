"""A real JupyterLab in a real Chromium, started once; each test opens its own notebook.

Console errors fail the test. What is excluded is listed here, each with its reason.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vineview.bench.browser import Lab, NotebookPage, launched_chromium

_EXCLUDED = (
    # JupyterLab's own requests that a kernel's restart or a page's reload cut off: its debugger
    # panel asks for the debugger's state, and it opens a subshell for widget messages.
    re.compile(r"Could not restore the debugger state"),
    # Its list of running kernels, asked for while another page's kernel is on its way out: the
    # server stumbles over the one that is half gone, and is asked again later.
    re.compile(r"status of 500 .*/api/kernels\?"),
    re.compile(r"Canceled future for \w+ message before replies were done"),
    # Its windowed list of cells, which now and then takes a cell out that is out already. No code
    # of ours or plotly's is on the way there: both run from blob: addresses.
    re.compile(r"(?s)^uncaught: (?!.*blob:).*'removeChild' on 'Node'"),
)


@pytest.fixture(scope="session")
def chromium(chromium_program: str) -> Iterator[Any]:
    """The browser."""
    with launched_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on loopback."""
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


_THEME = "() => document.body.getAttribute('data-jp-theme-name')"
_THEME_STANDS = """(theme) => document.body.getAttribute("data-jp-theme-name") === theme
  && !document.getElementById("jupyterlab-splash")"""


class Tab:
    """A page that must stay free of console errors, and the notebooks opened in it.

    JupyterLab takes seconds to load: once a page has it, one notebook after the other opens in it.
    """

    def __init__(self, browser: Any, lab: Lab, **options: Any) -> None:
        self._lab = lab
        self._context = browser.new_context(has_touch=True, **options)
        self._opened: list[NotebookPage] = []
        self.page = self._context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self._keep(f"uncaught: {error.stack or error}"))

    def open(self, cells: Sequence[str]) -> NotebookPage:
        """Write a notebook of the given cells and open it."""
        name = f"test-{next(_numbers)}.ipynb"
        self._lab.write(name, cells)
        notebook = NotebookPage(self.page, self._lab, name)
        notebook.open()
        self._opened.append(notebook)
        return notebook

    def clear(self) -> None:
        """Close the notebooks, end their kernels, and see that nothing went wrong meanwhile."""
        for notebook in self._opened:
            notebook.close()
        self._opened.clear()
        problems, self.problems = self.problems, []
        assert problems == []

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self._keep(f"{message.text} ({message.location.get('url', '')})")

    def _keep(self, text: str) -> None:
        if not any(rule.search(text) for rule in _EXCLUDED):
            self.problems.append(text)


_numbers = itertools.count()
_SIZE = {"width": 1000, "height": 1000}


@pytest.fixture(scope="session")
def idle_tabs() -> list[Tab]:
    """Pages that show a JupyterLab and no notebook."""
    return []


@pytest.fixture
def viewport() -> dict[str, int]:
    """The page's size; a test may ask for another by parametrising this."""
    return _SIZE


@pytest.fixture
def tab(chromium: Any, lab: Lab, idle_tabs: list[Tab], viewport: dict[str, int]) -> Iterator[Tab]:
    """A page for the test alone."""
    tab = idle_tabs.pop() if idle_tabs else Tab(chromium, lab)
    tab.page.set_viewport_size(viewport)
    yield tab
    tab.clear()
    idle_tabs.append(tab)


@pytest.fixture(scope="session")
def shared_tabs(chromium: Any, lab: Lab, idle_tabs: list[Tab]) -> Callable[..., Any]:
    """Opens a scope within which tests share pages, for those that leave them as they were."""

    @contextmanager
    def sharing() -> Iterator[Callable[..., Tab]]:
        tabs: list[Tab] = []
        tabs_of_a_kind: list[Tab] = []

        def new(**options: Any) -> Tab:
            tab = idle_tabs.pop() if idle_tabs and not options else Tab(chromium, lab, **options)
            tab.page.set_viewport_size(_SIZE)
            (tabs_of_a_kind if options else tabs).append(tab)
            return tab

        yield new
        for tab in tabs_of_a_kind:
            tab.clear()
            tab.page.context.close()
        for tab in tabs:
            tab.clear()
            idle_tabs.append(tab)

    return sharing


@pytest.fixture(scope="module")
def new_shared_tab(shared_tabs: Callable[..., Any]) -> Iterator[Callable[..., Tab]]:
    """Makes pages that the tests of a module share."""
    with shared_tabs() as new:
        yield new


@pytest.fixture
def page(tab: Tab) -> Any:
    """The browser's page."""
    return tab.page


@pytest.fixture
def open_notebook(tab: Tab) -> Callable[[Sequence[str]], NotebookPage]:
    """Writes a notebook of the given cells and opens it; its kernel ends with the test."""
    return tab.open


@pytest.fixture
def change_theme() -> Iterator[Callable[[NotebookPage, str], None]]:
    """Changes the theme as a person would, until JupyterLab is done; the test over, it is light.

    JupyterLab covers the page while it loads the theme and takes the cover away a fifth of a second
    later; at a second change within that time it would try to take the one cover away twice, and
    throw. It stores what was chosen, so every other page would open in it.
    """
    changed: list[NotebookPage] = []

    def change(notebook: NotebookPage, theme: str) -> None:
        changed.append(notebook)
        if notebook.page.evaluate(_THEME) != theme:
            with notebook.page.expect_response(_stores_a_setting):
                notebook.command("apputils:change-theme", theme=theme)
        notebook.page.wait_for_function(_THEME_STANDS, arg=theme)

    yield change
    for notebook in changed[-1:]:
        change(notebook, "JupyterLab Light")


def _stores_a_setting(answer: Any) -> bool:
    return answer.request.method == "PUT" and "/settings/" in answer.url


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where to leave screenshots for people, if ``VINEVIEW_PICTURES`` names a folder."""
    named = os.environ.get("VINEVIEW_PICTURES")
    if not named:
        return None
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
