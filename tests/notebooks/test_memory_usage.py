"""The High Memory Usage notebook: its procedure, its safety, and what it leaves."""

from __future__ import annotations

import nbformat
import pytest

from vineview import resources
from vineview.runbooks import parameters, runner

PATH = resources.notebooks("runbooks", "memory-usage.ipynb")
SECTIONS = ["Symptoms", "Assess", "Mitigate", "Verify", "Investigate", "Recover", "Conclusion"]


@pytest.fixture
def notebook():
    return nbformat.read(PATH, as_version=4)


class TestShape:
    def test_its_sections_are_the_runbooks(self, notebook):
        headings = [
            line.removeprefix("## ")
            for cell in notebook.cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("## ")
        ]
        assert headings == SECTIONS

    def test_its_defaults_are_safe(self, notebook):
        """Run All touches nothing but what is in the notebook."""
        defaults = parameters.defaults_of(notebook)
        assert defaults["dry_run"] is True
        assert defaults["resume"] is False
        assert {defaults[name] for name in ("url", "telemetry", "approve", "journal")} == {""}

    def test_its_times_are_the_runbooks(self, notebook):
        """Ten minutes after the mitigation, five of waiting, two hours after the recovery."""
        defaults = parameters.defaults_of(notebook)
        assert defaults["watch_minutes"] == 10
        assert defaults["wait_minutes"] == 5
        assert defaults["recovery_minutes"] == 120

    def test_no_cell_asks_anything(self, notebook):
        """No cell waits for a click or a key."""
        for cell in notebook.cells:
            assert "input(" not in cell.source


@pytest.mark.notebook
async def test_it_leaves_a_true_record(tmp_path):
    """Steps in order, charts as figures, no widget state, and a notebook of modest size."""
    run = await runner.execute(PATH, out=tmp_path)
    assert run.is_complete
    steps = [finding.step for finding in run.findings if not finding.facts]
    assert steps == [
        "Status",
        "Growth pattern",
        "Free memory",
        "Emergency mode on",
        "Watch the mitigation",
        "Growth since mitigation",
        "Leak check",
        "Wait",
        "Emergency mode off",
        "Watch the recovery",
        "Growth since recovery",
        "Fall back",
        "Conclusion",
    ]
    executed = nbformat.read(run.notebook, as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    figures = [o for o in outputs if "application/vnd.plotly.v1+json" in o.get("data", {})]
    assert len(figures) == 3
    assert not [output for output in outputs if output.output_type in {"error", "stream"}]
    assert "widgets" not in executed.metadata
    assert run.notebook.stat().st_size < 300_000
    assert run.page.stat().st_size < 6_000_000
    assert run.duration_s < 60
