"""``vineview lab``: JupyterLab on a working copy of the notebooks.

JupyterLab runs in this process, so Ctrl-C and exit codes are its own. The options reach the
kernels as ``VINEVIEW_*`` variables, which ``Workbench.open()`` reads.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from filecmp import cmp
from pathlib import Path

from vineview import resources
from vineview.cli import output
from vineview.errors import UsageError

_START = "00-start-here.ipynb"
_WORK = Path("vineview-work")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "lab",
        help="open JupyterLab on the start notebook",
        description="Start JupyterLab with 00-start-here open, on a working copy of the notebooks "
        "in ./vineview-work (kept between runs, never overwritten). Without options everything is "
        "embedded and offline: the bundled feed, a manager, a recorded incident.",
    )
    parser.add_argument("--feed", metavar="F", help="a feed: file, folder of clips, or URL")
    parser.add_argument("--telemetry", metavar="T", help="an exported incident: file or URL")
    parser.add_argument("--url", metavar="U", help="the ops API to look at (read-only)")
    parser.add_argument(
        "--port", type=output.port, metavar="N", help="JupyterLab's port (default: 8888)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    output.add_common(parser)
    parser.set_defaults(run=_run)


def prepare(work: Path) -> list[Path]:
    """Copy the bundled notebooks into ``work``, leaving every file that is there alone.

    Args:
        work: The folder to work in; made if missing.

    Returns:
        The notebooks that were kept although the bundled ones differ.
    """
    bundled = resources.notebooks()
    kept = []
    for source in sorted(bundled.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in source.parts:
            continue
        target = work / source.relative_to(bundled)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        elif not cmp(source, target, shallow=False):
            kept.append(target)
    return kept


def _run(args: argparse.Namespace) -> int:
    for option in ("feed", "telemetry", "url"):
        value = getattr(args, option)
        if value:
            os.environ[f"VINEVIEW_{option.upper()}"] = _absolute(option, value)
    for path in prepare(_WORK):
        print(
            f"kept your {path} (the bundled one differs; delete yours to get it)", file=sys.stderr
        )
    _add_config_path(Path(__file__).with_name("jupyter"))
    from jupyterlab.labapp import LabApp

    argv = [f"--ServerApp.root_dir={_WORK.resolve()}", f"--LabApp.default_url=/lab/tree/{_START}"]
    if args.port is not None:
        argv.append(f"--ServerApp.port={args.port}")
    if args.no_browser:
        argv.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        argv.append("--allow-root")  # in a container root is the only user there is
    LabApp.launch_instance(argv)
    return 0


def _absolute(option: str, value: str) -> str:
    """Make a path absolute, since kernels start in the notebook's folder; URLs stay."""
    if value.startswith(("http://", "https://")):
        return value
    if option == "url":
        raise UsageError(
            f"--url {value} is not an http(s) address", hint="Write it as https://host[:port]."
        )
    path = Path(value)
    if not path.exists():
        raise UsageError(f"--{option} {value}: no such file or folder", hint="Check the path.")
    return str(path.resolve())


def _add_config_path(path: Path) -> None:
    """Switch off JupyterLab's question about news: it asks the network."""
    before = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = f"{path}{os.pathsep}{before}" if before else str(path)
