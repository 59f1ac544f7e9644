"""``vineview doctor``: what is missing here, and how to mend it."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Literal

from vineview import resources
from vineview.cli import output
from vineview.errors import UsageError

_REINSTALL = "Reinstall: python -m pip install --force-reinstall vineview"
_MARKS = {"ok": "ok  ", "note": "note", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes:
        name: What was looked at.
        status: ``ok``; ``note`` for something optional; ``fail`` for something that is needed.
        found: What was found.
        fix: What to do, when there is something to do.
    """

    name: str
    status: Literal["ok", "note", "fail"]
    found: str
    fix: str = ""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="check this installation and say the fix",
        description="Check the Python, the packages, the codecs, the kernel, the widget manager, "
        "the ports, the bundled data and the engine. Exit code 1 if something needed is missing.",
    )
    output.add_common(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    checks = [check for group in _GROUPS for check in group()]
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.status]}  {check.name:<{width}}  {check.found}")
        if check.fix:
            lines.append(f"{'':{width + 6}}  -> {check.fix}")
    healthy = all(check.status != "fail" for check in checks)
    lines.append("All that is needed is here." if healthy else "Something needed is missing.")
    output.emit(args, "\n".join(lines), {"healthy": healthy, "checks": checks})
    return 0 if healthy else 1


def _python() -> Iterator[Check]:
    found = f"{platform.python_version()} at {sys.executable}"
    good = sys.version_info >= (3, 11)
    yield Check("python", "ok" if good else "fail", found, "" if good else "Install Python 3.11+.")


def _packages() -> Iterator[Check]:
    from packaging.requirements import Requirement

    try:
        needed = metadata.requires("vineview") or []
    except metadata.PackageNotFoundError:
        yield Check("packages", "fail", "vineview is not installed", "python -m pip install .")
        return
    requirements = [r for line in needed if not (r := Requirement(line)).marker]
    problems = []
    for wanted in requirements:
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            problems.append(f"{wanted.name} is missing")
            continue
        if version not in wanted.specifier:
            problems.append(f"{wanted.name} is {version}, needs {wanted.specifier}")
    if problems:
        yield Check("packages", "fail", "; ".join(problems), _REINSTALL)
    else:
        yield Check("packages", "ok", f"{len(requirements)} present, none too old")


def _codecs() -> Iterator[Check]:
    from vineview.media import codecs_missing

    missing = codecs_missing()
    if missing:
        yield Check(
            "codecs", "fail", f"PyAV lacks {', '.join(missing)}", "python -m pip install -U av"
        )
    else:
        yield Check("codecs", "ok", f"PyAV {metadata.version('av')} reads what feeds carry")


def _kernel() -> Iterator[Check]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        yield Check(
            "kernel", "fail", "no python3 kernel", "python -m ipykernel install --sys-prefix"
        )
        return
    here = shutil.which(program) or program
    if Path(here).resolve() == Path(sys.executable).resolve() or program == "python":
        yield Check("kernel", "ok", "python3 runs this Python")
    else:
        yield Check(
            "kernel",
            "fail",
            f"python3 runs {here}, which may not have vineview",
            "python -m ipykernel install --sys-prefix",
        )


def _widgets() -> Iterator[Check]:
    from jupyter_core.paths import jupyter_path

    for extension in ("@jupyter-widgets/jupyterlab-manager", "anywidget"):
        folders = [Path(root, extension) for root in jupyter_path("labextensions")]
        package = next((f / "package.json" for f in folders if (f / "package.json").exists()), None)
        if package is None:
            yield Check(
                "widgets",
                "fail",
                f"JupyterLab lacks {extension}",
                "python -m pip install --force-reinstall anywidget jupyterlab_widgets",
            )
        else:
            yield Check(
                "widgets", "ok", f"{extension} {json.loads(package.read_text())['version']}"
            )
    if files("plotly").joinpath("package_data", "plotly.min.js").is_file():
        yield Check("charts", "ok", f"plotly {metadata.version('plotly')} with its script")
    else:
        yield Check("charts", "fail", "plotly.min.js is missing", "python -m pip install -U plotly")


def _ports() -> Iterator[Check]:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
    except OSError as error:
        yield Check("ports", "fail", f"cannot listen on loopback: {error}", "Allow 127.0.0.1.")
    else:
        yield Check("ports", "ok", f"loopback answers (tried {port})")


def _bundled() -> Iterator[Check]:
    wanted = {
        "data": ("feed/feed.json", "feed/clips/bigbuckbunny.mp4", "incidents/memory-leak.ndjson"),
        "notebooks": ("00-start-here.ipynb", "runbooks/memory-usage.ipynb"),
    }
    missing = []
    for room, paths in wanted.items():
        for path in paths:
            try:
                getattr(resources, room)(*path.split("/"))
            except UsageError:
                missing.append(f"{room}/{path}")
    if missing:
        yield Check("bundled data", "fail", f"missing: {', '.join(missing)}", _REINSTALL)
    else:
        yield Check("bundled data", "ok", str(resources.data()))


def _engine() -> Iterator[Check]:
    from vineview.errors import TelemetryError
    from vineview.telemetry import Telemetry

    sample = {"at": "2026-01-01T00:00:00Z", "video_memory_mb": 1.0}
    try:
        Telemetry({}, [sample], []).store.overview()
    except (ImportError, TelemetryError) as error:
        fix = "python -m pip install --force-reinstall duckdb 'ibis-framework[duckdb]'"
        yield Check("engine", "fail", f"DuckDB does not answer: {error}", fix)
    else:
        yield Check("engine", "ok", f"DuckDB {metadata.version('duckdb')} answers")


def _optional() -> Iterator[Check]:
    from vineview.bench.browser import find_chromium

    try:
        yield Check("browser tests", "ok", find_chromium())
    except UsageError as error:
        found = f"{error.message}; only tests and benchmarks use it"
        yield Check("browser tests", "note", found, error.hint)
    try:
        version = metadata.version("coincurve")
    except metadata.PackageNotFoundError:
        yield Check(
            "signatures",
            "note",
            "events' ids are checked, their signatures are not",
            "python -m pip install 'vineview[nostr]'",
        )
    else:
        yield Check("signatures", "ok", f"coincurve {version}")


_GROUPS: tuple[Callable[[], Iterator[Check]], ...] = (
    _python, _packages, _codecs, _kernel, _widgets, _ports, _bundled, _engine, _optional,
)  # fmt: skip
