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
    for option, letter, kind, text in (
        ("--feed", "F", output.given, "a feed: file, folder of clips, or address"),
        ("--telemetry", "T", output.given, "an exported incident: file, folder, glob, or address"),
        ("--url", "U", output.http_address, "the ops API to look at (read-only)"),
    ):
        parser.add_argument(option, type=kind, metavar=letter, help=text)
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
    if args.feed:
        os.environ["VINEVIEW_FEED"] = output.absolute(args.feed)
    if args.telemetry:
        os.environ["VINEVIEW_TELEMETRY"] = output.absolute(args.telemetry)
    if args.url:
        os.environ["VINEVIEW_URL"] = args.url
    kept = prepare(_WORK)
    for path in kept:
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
    server = LabApp.initialize_server(argv)
    if args.format == "json":
        document = {"url": server.local_url, "folder": _WORK.resolve(), "kept": kept}
        output.emit(args, "", document)
        sys.stdout.flush()
    server.start()
    return 0


def _add_config_path(path: Path) -> None:
    """Switch off JupyterLab's question about news: it asks the network."""
    before = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = f"{path}{os.pathsep}{before}" if before else str(path)
