"""Executes a notebook headless and leaves the record: the executed notebook and one page.

papermill's conventions on nbclient itself: the input stays untouched, each cell carries its
times, a failure is shown at the top. The kernel is the interpreter that runs vineview, whatever
the machine's ``python3`` kernel points to, and it is gone when the run ends, however it ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import v4

from vineview import __version__
from vineview.errors import UsageError
from vineview.runbooks import catalogue, parameters, report
from vineview.runbooks.findings import Finding, findings_of
from vineview.runbooks.sanitise import without_ansi

__all__ = ["DEFAULT_CELL_TIMEOUT_S", "Failure", "Run", "execute"]

DEFAULT_CELL_TIMEOUT_S = 300
_START_TIMEOUT_S = 60
_ERROR_TAG = "papermill-error-cell-tag"
OnCell = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """The cell that ended a run.

    Attributes:
        cell: Its index, not counting the note that the record puts on top.
        section: The heading it stands under.
        ename: The error's type.
        evalue: The error's text.
    """

    cell: int
    section: str
    ename: str
    evalue: str


@dataclass(frozen=True, slots=True)
class Run:
    """What a run left.

    Attributes:
        slug: The notebook's name.
        title: Its first heading.
        notebook: The executed notebook.
        page: The report page.
        parameters: Every parameter's value.
        started_at: When, in UTC.
        duration_s: How long, in real time.
        findings: What the steps found, in order.
        failure: The cell that ended the run, if one did.
        interrupted: Whether the run was interrupted.
    """

    slug: str
    title: str
    notebook: Path
    page: Path
    parameters: dict[str, Any]
    started_at: datetime
    duration_s: float
    findings: tuple[Finding, ...] = ()
    failure: Failure | None = None
    interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every cell ran."""
        return self.failure is None and not self.interrupted

    @property
    def conclusion(self) -> str:
        """What the runbook concluded, or how the run ended, as one sentence."""
        if self.failure is not None:
            return f"Stopped in {self.failure.section!r}: {self.failure.evalue}"
        if self.interrupted:
            return "Interrupted before the end."
        return next((f.summary for f in reversed(self.findings) if f.is_conclusion), "Completed.")

    @property
    def next(self) -> str:
        """What to do now, as the runbook's conclusion says; empty if it says nothing."""
        if not self.is_complete:
            return ""
        return next((f.next for f in reversed(self.findings) if f.is_conclusion), "")


@dataclass(slots=True)
class _State:
    """What is known while cells run."""

    cell: int = 0
    interrupted: bool = False
    failure: Failure | None = None
    sections: list[str] = field(default_factory=list)


async def execute(
    path: Path,
    *,
    values: Mapping[str, Any] | None = None,
    out: Path,
    cell_timeout_s: float | None = DEFAULT_CELL_TIMEOUT_S,
    on_cell: OnCell = lambda _index, _total, _section: None,
) -> Run:
    """Execute a notebook from top to bottom.

    Args:
        path: The notebook; it is not changed.
        values: Parameters to set, by name; each must be one of the notebook's.
        out: The folder for ``<slug>.ipynb`` and ``<slug>.html``; made if missing.
        cell_timeout_s: How long one cell may take, in real time; ``None`` for no limit.
        on_cell: Called before each cell with its index, their number and the section's heading,
            and once at the end with the number as index.

    Returns:
        The record. A failed cell, a dead kernel and an interrupt end the run early; both files
        are written all the same, and the record says what happened.

    Raises:
        RunbookError: If the file is not a notebook.
        UsageError: If a parameter is unknown, or the output would overwrite the input.
    """
    source = catalogue.read(path)
    defaults = parameters.defaults_of(source)
    for name in values or {}:
        if name not in defaults:
            raise UsageError(
                f"{path.name} has no parameter {name!r}",
                hint=f"Its parameters: {', '.join(defaults) or 'none'}.",
            )
    target = _target(path, out)
    notebook = parameters.inject(source, values or {})
    started_at = datetime.now(UTC)
    state = _State(sections=_sections(notebook))
    await _run_cells(notebook, state, cell_timeout_s, on_cell)
    ended_at = datetime.now(UTC)
    run = Run(
        slug=path.stem,
        title=catalogue.title_of(source) or path.stem,
        notebook=target,
        page=target.with_suffix(".html"),
        parameters={**defaults, **(values or {})},
        started_at=started_at,
        duration_s=(ended_at - started_at).total_seconds(),
        findings=tuple(findings_of(notebook)),
        failure=state.failure,
        interrupted=state.interrupted,
    )
    _record(notebook, run, path)
    _write(target, nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    _write(run.page, report.render(notebook, run))
    return run


async def _run_cells(
    notebook: Any, state: _State, cell_timeout_s: float | None, on_cell: OnCell
) -> None:
    """Run the cells one by one in a fresh kernel; how it ended is in the state."""
    with tempfile.TemporaryDirectory(prefix="vineview-") as scratch:
        log = Path(scratch) / "kernel.log"
        manager = AsyncKernelManager(kernel_spec_manager=_ThisInterpreter())
        with _interruptible(state):
            try:
                async with _kernel(manager, log) as channels:
                    client = NotebookClient(
                        notebook,
                        km=manager,
                        timeout=None if cell_timeout_s is None else max(1, round(cell_timeout_s)),
                        store_widget_state=False,
                        coalesce_streams=True,
                        record_timing=False,
                    )
                    client.reset_execution_trackers()
                    client.kc = channels
                    await _each_cell(client, notebook, state, on_cell)
            except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
                if not state.interrupted:
                    state.failure = _failure(error, state, cell_timeout_s, log)
            except asyncio.CancelledError:
                if not state.interrupted:
                    raise


async def _each_cell(client: Any, notebook: Any, state: _State, on_cell: OnCell) -> None:
    """Execute every code cell, and note its times."""
    total = len(notebook.cells)
    for index, cell in enumerate(notebook.cells):
        state.cell = index
        on_cell(index, total, state.sections[index])
        if cell.cell_type != "code":
            continue
        started_at = datetime.now(UTC)
        status = "failed"
        try:
            await client.async_execute_cell(cell, index, execution_count=index + 1)
            status = "completed"
        finally:
            cell.metadata["papermill"] = _times(started_at, status=status)
    on_cell(total, total, "")


@asynccontextmanager
async def _kernel(manager: AsyncKernelManager, log: Path) -> AsyncIterator[Any]:
    """A kernel of this interpreter, with its own clean profile, and its channels."""
    env = {
        **os.environ,
        "IPYTHONDIR": str(log.parent / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    channels: Any = None
    with log.open("wb") as output:
        try:
            await manager.start_kernel(env=env, stdout=output, stderr=output)
            channels = manager.client()
            channels.start_channels()
            await channels.wait_for_ready(timeout=_START_TIMEOUT_S)
            channels.allow_stdin = False
            yield channels
        finally:
            if channels is not None:
                channels.stop_channels()
            if manager.has_kernel:
                await manager.shutdown_kernel(now=True)


class _ThisInterpreter(KernelSpecManager):
    """Answers every kernel's name with the interpreter that runs vineview."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The one kernel there is."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


@contextmanager
def _interruptible(state: _State) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a cancelled run that still stops its kernel and writes."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt() -> None:
        state.interrupted = True
        task.cancel()

    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in earlier:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _failure(
    error: BaseException, state: _State, cell_timeout_s: float | None, log: Path
) -> Failure:
    """What ended the run, in words for the person on call."""
    section = state.sections[state.cell]
    match error:
        case CellExecutionError():
            return Failure(state.cell, section, error.ename, without_ansi(error.evalue))
        case CellTimeoutError():
            text = f"the cell did not finish within {cell_timeout_s:g} s"
            return Failure(state.cell, section, "Timeout", text)
        case DeadKernelError():
            text = f"the kernel died. {_tail(log)}".strip()
            return Failure(state.cell, section, "KernelDied", text)
    text = f"the kernel did not start: {error}. {_tail(log)}".strip()
    return Failure(state.cell, section, "KernelNotStarted", text)


def _tail(log: Path) -> str:
    """The kernel's last words."""
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
    return " / ".join(lines[-3:])


def _sections(notebook: Any) -> list[str]:
    """For each cell, the heading it stands under."""
    sections, current = [], ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = [line for line in cell.source.splitlines() if line.startswith("#")]
            current = headings[-1].lstrip("#").strip() if headings else current
        sections.append(current)
    return sections


def _record(notebook: Any, run: Run, path: Path) -> None:
    """Write the run into the notebook: what, when, with which parameters, how it ended."""
    notebook.metadata["papermill"] = {
        **_times(run.started_at, status="completed" if run.is_complete else "failed"),
        "input_path": path.name,
        "output_path": run.notebook.name,
        "parameters": run.parameters,
        "exception": not run.is_complete,
        "environment_variables": {},
        "version": f"vineview {__version__}",
    }
    if run.failure is None:
        return
    cell = notebook.cells[run.failure.cell]
    tags = cell.metadata.setdefault("tags", [])
    tags.append(_ERROR_TAG)
    where = f"cell {run.failure.cell} ({run.failure.section})"
    text = escape(f"{run.failure.ename}: {run.failure.evalue}", quote=False)
    banner = f"**This run stopped in {escape(where)}.**\n\n<pre>{text}</pre>"
    metadata = {"tags": [_ERROR_TAG]}
    note = v4.new_markdown_cell(  # type: ignore[no-untyped-call]
        banner, id=_ERROR_TAG, metadata=metadata
    )
    notebook.cells.insert(0, note)


def _times(started_at: datetime, *, status: str) -> dict[str, Any]:
    ended_at = datetime.now(UTC)
    return {
        "start_time": started_at.isoformat(),
        "end_time": ended_at.isoformat(),
        "duration": round((ended_at - started_at).total_seconds(), 6),
        "status": status,
        "exception": status != "completed",
    }


def _target(path: Path, out: Path) -> Path:
    """Where the executed notebook goes."""
    target = out / path.name
    if target.exists() and target.samefile(path):
        raise UsageError(
            f"the executed notebook would overwrite {path}", hint="Pass another folder with --out."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder {out} cannot be made: {error.strerror}", hint="Pass another with --out."
        ) from error
    return target


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)
