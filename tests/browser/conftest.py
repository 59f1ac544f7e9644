"""A real JupyterLab in a real Chromium, started once; each test opens its own notebook.

Console errors fail the test. What is excluded is listed here, each with its reason.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from vineview.bench.browser import Lab, NotebookPage, find_chromium, launched_chromium
from vineview.errors import UsageError

_EXCLUDED = (
    # Chromium's own words when a page asks for a picture no server has; Lab asks for none of ours.
    re.compile(r"Failed to load resource.*favicon"),
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; missing, it fails in CI and skips on a laptop."""
    try:
        find_chromium()
    except UsageError as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    with launched_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on loopback."""
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def viewport() -> dict[str, int]:
    """The page's size; a test may ask for another by parametrising this."""
    return {"width": 1000, "height": 1000}


@pytest.fixture
def page(chromium: Any, viewport: dict[str, int]) -> Iterator[Any]:
    """A fresh page that must stay free of console errors."""
    context = chromium.new_context(viewport=viewport, has_touch=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: _note(problems, message))
    page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
    yield page
    context.close()
    assert problems == []


def _note(problems: list[str], message: Any) -> None:
    if message.type == "error" and not any(rule.search(message.text) for rule in _EXCLUDED):
        problems.append(message.text)


@pytest.fixture
def open_notebook(page: Any, lab: Lab) -> Iterator[Callable[[Sequence[str]], NotebookPage]]:
    """Writes a notebook of the given cells and opens it; its kernel ends with the test."""
    names = (f"test-{os.getpid()}-{n}.ipynb" for n in itertools.count(next(_counter)))
    opened: list[NotebookPage] = []

    def open_(cells: Sequence[str]) -> NotebookPage:
        name = next(names)
        lab.write(name, cells)
        notebook = NotebookPage(page, lab, name)
        notebook.open()
        opened.append(notebook)
        return notebook

    yield open_
    for notebook in opened:
        notebook.shut_down()


_counter = itertools.count(step=100)


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where to leave screenshots for people, if ``VINEVIEW_PICTURES`` names a folder."""
    named = os.environ.get("VINEVIEW_PICTURES")
    if not named:
        return None
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
