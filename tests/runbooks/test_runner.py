"""Executing a notebook: the record, the failure, the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import nbformat
import pytest

from vineview.errors import RunbookError, UsageError
from vineview.runbooks import runner

pytestmark = pytest.mark.notebook

INTERPRETER = "import os, sys; print(sys.executable, os.getpid())"


def outputs(path):
    notebook = nbformat.read(path, as_version=4)
    return [o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", ())]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestRecord:
    @pytest.fixture
    async def run(self, write_notebook, tmp_path):
        """A short notebook, run with one parameter set."""
        self.calls = []
        self.path = write_notebook("# Title", "n = 3", "## Part", "print(n * 2)", INTERPRETER)
        return await runner.execute(
            self.path,
            values={"n": 21},
            out=tmp_path / "out",
            on_cell=lambda *call: self.calls.append(call),
        )

    async def test_what_a_run_leaves(self, run, tmp_path):
        """One test for one kernel: each line is a promise of the record."""
        executed = nbformat.read(run.notebook, as_version=4)
        nbformat.validate(executed)
        printed = outputs(run.notebook)
        # parameters are injected, the input is untouched
        assert printed[0] == "42\n"
        source = nbformat.read(self.path, as_version=4)
        assert [c.source for c in source.cells][1] == "n = 3"
        assert all(not c.get("outputs") for c in source.cells)
        assert executed.cells[2].metadata.tags == ["injected-parameters"]
        assert run.parameters == {"n": 21}
        # the kernel is this interpreter, and it is gone
        program, pid = printed[1].split()
        assert program == sys.executable
        assert not is_running(int(pid))
        # times, in papermill's places
        assert executed.metadata.papermill.parameters == {"n": 21}
        assert executed.metadata.papermill.exception is False
        code = [cell for cell in executed.cells if cell.cell_type == "code"]
        assert all(cell.metadata.papermill.status == "completed" for cell in code)
        assert all(cell.metadata.papermill.duration >= 0 for cell in code)
        # no widget state, nothing half written, one page
        assert "widgets" not in executed.metadata
        assert sorted(path.name for path in run.notebook.parent.iterdir()) == [
            "sample.html",
            "sample.ipynb",
        ]
        # progress: each cell once, then the end
        assert [index for index, _, _ in self.calls] == list(range(7))
        assert self.calls[4] == (4, 6, "Part")
        assert (run.title, run.conclusion, run.is_complete) == ("Title", "Completed.", True)


class TestFailure:
    async def test_a_failing_cell_ends_the_run(self, write_notebook, tmp_path):
        """The record names it on top; what comes after is not run."""
        path = write_notebook("# T", "n = 1", "## Look", "1 / 0", "print('after')")
        run = await runner.execute(path, out=tmp_path / "out")
        assert not run.is_complete
        assert run.failure == runner.Failure(3, "Look", "ZeroDivisionError", "division by zero")
        assert run.conclusion == "Stopped in 'Look': division by zero"
        executed = nbformat.read(run.notebook, as_version=4)
        assert executed.cells[0].metadata.tags == ["papermill-error-cell-tag"]
        assert "cell 3 (Look)" in executed.cells[0].source
        assert executed.cells[4].metadata.papermill.status == "failed"
        assert executed.metadata.papermill.exception is True
        assert outputs(run.notebook)[-1] != "after\n"
        assert run.page.exists()

    async def test_a_hanging_cell_is_given_up(self, write_notebook, tmp_path):
        """It says which cell, and after how long; the kernel is gone."""
        path = write_notebook("# T", INTERPRETER, "## Wait", "import time; time.sleep(60)")
        run = await runner.execute(path, out=tmp_path / "out", cell_timeout_s=1)
        assert run.failure.ename == "Timeout"
        assert run.conclusion == "Stopped in 'Wait': the cell did not finish within 1 s"
        assert not is_running(int(outputs(run.notebook)[0].split()[1]))

    async def test_a_kernel_that_dies_says_its_last_words(self, write_notebook, tmp_path):
        path = write_notebook(
            "# T", "import os; os.write(2, b'out of memory\\n'); os._exit(1)", "print('after')"
        )
        run = await runner.execute(path, out=tmp_path / "out")
        assert run.failure.ename == "KernelDied"
        assert "out of memory" in run.failure.evalue

    async def test_an_interrupt_stops_the_kernel_and_writes(self, write_notebook, tmp_path):
        """Ctrl-C in the middle of a cell leaves a record and no process."""
        path = write_notebook("# T", INTERPRETER, "import time; time.sleep(60)")

        def interrupt_soon(index, _total, _section):
            if index == 2:
                loop = asyncio.get_running_loop()
                loop.call_later(0.3, os.kill, os.getpid(), signal.SIGINT)

        before = signal.getsignal(signal.SIGINT)
        run = await runner.execute(path, out=tmp_path / "out", on_cell=interrupt_soon)
        assert run.interrupted
        assert run.conclusion == "Interrupted before the end."
        assert not is_running(int(outputs(run.notebook)[0].split()[1]))
        assert run.page.exists()
        assert signal.getsignal(signal.SIGINT) == before


class TestBadInput:
    async def test_an_unknown_parameter(self, write_notebook, tmp_path):
        """It is refused with the list, before a kernel starts."""
        with pytest.raises(UsageError, match=r"no parameter 'm'.*parameters: n"):
            await runner.execute(write_notebook("# T", "n = 1"), values={"m": 1}, out=tmp_path)

    @pytest.mark.parametrize("text", ["", "{}", "not json", "[1]", '{"cells": 3, "nbformat": 4}'])
    async def test_what_is_not_a_notebook(self, tmp_path, text):
        path = tmp_path / "x.ipynb"
        path.write_text(text)
        with pytest.raises(RunbookError, match="cannot be read as a notebook"):
            await runner.execute(path, out=tmp_path / "out")

    async def test_the_input_is_never_overwritten(self, write_notebook):
        path = write_notebook("# T", "n = 1")
        before = path.read_bytes()
        with pytest.raises(UsageError, match="--out"):
            await runner.execute(path, out=path.parent)
        assert path.read_bytes() == before

    async def test_a_folder_that_cannot_be_made(self, write_notebook, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match="cannot be made"):
            await runner.execute(write_notebook("# T"), out=tmp_path / "file" / "out")
