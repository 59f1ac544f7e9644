"""Notebooks to run, runs to look at, and a browser to look with."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from nbformat import v4

from vineview.bench.browser import CHROMIUM_ARGS
from vineview.runbooks import catalogue, runner


@pytest.fixture
def write_notebook(tmp_path):
    """Write a notebook of the given cells: text beginning with # is Markdown, the rest code."""

    def write(*sources, name="sample.ipynb"):
        cells = [
            v4.new_markdown_cell(source) if source.startswith("#") else v4.new_code_cell(source)
            for source in sources
        ]
        for cell in cells:
            if cell.source.startswith("n = "):
                cell.metadata["tags"] = ["parameters"]
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        nbformat.write(v4.new_notebook(cells=cells), path)
        return path

    return write


@pytest.fixture(scope="session")
def practice(tmp_path_factory):
    """The memory usage runbook, run once on its practice incident."""
    out = tmp_path_factory.mktemp("practice")
    path = catalogue.find("memory-usage")
    with ThreadPoolExecutor() as pool:  # a loop of its own, whatever loop a test has
        return pool.submit(lambda: asyncio.run(runner.execute(path, out=out))).result()


class Tab:
    """A page opened from a file, without a network; it remembers what was asked for."""

    def __init__(self, page):
        self.page = page
        self.requests = []
        self.problems = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)

    def _note(self, message):
        if message.type == "error":
            self.problems.append(message.text)

    async def goto(self, path):
        await self.page.goto(path.as_uri())
        charts = await self.page.locator("figure.chart").count()
        drawn = self.page.locator("figure.chart[data-drawn]")
        if charts:
            await drawn.nth(charts - 1).wait_for(state="attached")
        return charts


@pytest.fixture
async def open_page(chromium_program):
    """Open a file in Chromium with the network off."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_program, args=list(CHROMIUM_ARGS)
        )

        async def open_page(path, **options):
            context = await browser.new_context(offline=True, reduced_motion="reduce", **options)
            tab = Tab(await context.new_page())
            tab.charts = await tab.goto(path)
            return tab

        yield open_page
        await browser.close()
