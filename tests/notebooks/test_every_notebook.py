"""Every notebook we ship runs from top to bottom, offline, and is tidy."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from vineview import resources
from vineview.runbooks.runner import execute

NOTEBOOKS = sorted(resources.notebooks().rglob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


class TestTidiness:
    def test_it_opens_with_its_title(self, path):
        """The first cell holds the notebook's only H1."""
        cells = nbformat.read(path, as_version=4).cells
        headings = [
            line
            for cell in cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("# ")
        ]
        assert len(headings) == 1
        assert cells[0].source.startswith(headings[0])

    def test_the_first_code_cell_holds_its_parameters(self, path):
        """Parameters come first, tagged, so that runs can inject others."""
        cells = nbformat.read(path, as_version=4).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert first.metadata.get("tags") == ["parameters"]

    def test_nothing_is_stored(self, path):
        """Outputs and counts are stripped; ids are words that stay."""
        for cell in nbformat.read(path, as_version=4).cells:
            assert cell.id.replace("-", "").isalnum()
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None

    def test_cells_are_short(self, path):
        """Logic that wants more than a dozen lines belongs in a module."""
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                assert len(cell.source.splitlines()) <= 12, cell.id


@pytest.mark.notebook
async def test_it_runs_headless(path, tmp_path):
    """Run All leaves no error, without a browser and without a network."""
    run = await execute(path, out=tmp_path)
    assert run.is_complete, run.conclusion
    for cell in nbformat.read(tmp_path / path.name, as_version=4).cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
