"""``vineview run``: execute a runbook, report or lesson headless.

Exit 0 means it ran to its end, whatever it found: the finding is the page's headline and the
JSON's ``conclusion``. Exit 1 means a cell stopped it, 2 that its input makes no sense.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vineview.cli import output
from vineview.errors import UsageError

if TYPE_CHECKING:
    from vineview.runbooks.runner import Run

_STOPPED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_INPUT_ERRORS = {"ApprovalRequired", "FeedError", "TelemetryError", "UsageError"}
_LIVE_CELL_TIMEOUT_S = 3 * 3600.0


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        help="execute a runbook, report or lesson headless",
        description="Execute a notebook from top to bottom, and leave DIR/<slug>.ipynb and one "
        "offline page, DIR/<slug>.html. Without --url or --telemetry a runbook works on a practice "
        "incident in simulated time. A live system gets a dry run unless --apply is given; the "
        "token for its /admin is read from the variable VINEVIEW_TOKEN.",
        epilog="Exit codes: 0 ran to the end, 1 a cell stopped it, 2 bad input, 130 interrupted.",
    )
    parser.add_argument("runbook", nargs="?", metavar="RUNBOOK", help="a slug, or a path to .ipynb")
    parser.add_argument("--list", action="store_true", help="list what can be run")
    parser.add_argument(
        "-p",
        dest="parameters",
        action="append",
        default=[],
        metavar="name=value",
        help="set a parameter of the notebook; may be repeated",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--telemetry",
        type=output.given,
        metavar="T",
        help="a recorded incident: file, folder, glob or address",
    )
    source.add_argument(
        "--url", type=output.http_address, metavar="U", help="the ops API of a live system"
    )
    parser.add_argument("--apply", action="store_true", help="send changes to the live system")
    parser.add_argument("--approve", metavar="NAME", help="who approves the changes")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="take up an unfinished --apply run: what it applied is not sent again "
        "(simulated runs begin anew)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("vineview-out"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--cell-timeout", type=float, metavar="S", help="real seconds one cell may take"
    )
    output.add_common(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    if args.list:
        return _list(args)
    if not args.runbook:
        raise UsageError(
            "no runbook is named", hint="Name one, such as memory-usage; --list shows them all."
        )
    import asyncio

    from vineview.runbooks import catalogue, parameters, runner

    path = catalogue.find(args.runbook)
    defaults = parameters.defaults_of(catalogue.read(path))
    values = {**_options(args, defaults, path.stem), **parameters.parse(args.parameters, defaults)}
    with output.progress(None, path.stem) as bar:

        def on_cell(index: int, total: int, section: str) -> None:
            bar.total = total
            bar.set_description(f"{path.stem}: {section}" if section else path.stem, refresh=False)
            bar.update(index - bar.n)

        run = asyncio.run(
            runner.execute(
                path,
                values=values,
                out=args.out,
                cell_timeout_s=_timeout(args),
                on_cell=on_cell,
            )
        )
    output.emit(args, _human(run), _document(run))
    if run.interrupted:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    if _has_bad_input(run):
        print(f"vineview run: {run.conclusion}", file=sys.stderr)
        return _BAD_INPUT
    return 0 if run.failure is None else _STOPPED


def _options(args: argparse.Namespace, defaults: dict[str, Any], slug: str) -> dict[str, Any]:
    """The command's options as parameters of the notebook."""
    if args.apply and args.url and not (args.approve or "").strip():
        raise UsageError(
            "--apply changes a live system and needs approval",
            hint="Add --approve NAME, naming who approves it.",
        )
    wanted: dict[str, Any] = {}
    if args.telemetry:
        wanted["telemetry"] = output.absolute(args.telemetry)
    if args.url:
        wanted["url"] = args.url
    if args.apply:
        wanted["dry_run"] = False
    if args.approve:
        wanted["approve"] = args.approve
    if args.apply and args.url and "journal" in defaults:
        wanted["journal"] = str((args.out / f"{slug}.journal.jsonl").absolute())
    if args.resume:
        wanted["resume"] = True
    for name in wanted:
        if name not in defaults:
            raise UsageError(
                f"{slug} has no parameter {name!r}, so that option does not apply to it",
                hint=f"Its parameters: {', '.join(defaults) or 'none'}.",
            )
    return wanted


def _timeout(args: argparse.Namespace) -> float:
    from vineview.runbooks.runner import DEFAULT_CELL_TIMEOUT_S

    if args.cell_timeout is not None:
        if not args.cell_timeout > 0:
            raise UsageError("--cell-timeout must be above 0", hint="Pass seconds, such as 600.")
        return float(args.cell_timeout)
    is_live = args.url or os.environ.get("VINEVIEW_URL")
    return _LIVE_CELL_TIMEOUT_S if is_live else DEFAULT_CELL_TIMEOUT_S


def _list(args: argparse.Namespace) -> int:
    from vineview.runbooks import catalogue

    entries = catalogue.entries()
    width = max(len(entry.slug) for entry in entries)
    lines = [f"{entry.slug:{width}}  {entry.kind:8}  {entry.title}" for entry in entries]
    documents = [{"slug": e.slug, "kind": e.kind, "title": e.title} for e in entries]
    output.emit(args, "\n".join(lines), documents)
    return 0


def _has_bad_input(run: Run) -> bool:
    return run.failure is not None and run.failure.ename in _INPUT_ERRORS


def _human(run: Run) -> str:
    steps = [f"{f.mark} {f.step}: {f.summary}" for f in run.findings if not f.facts]
    move = [f"  Next: {run.next}"] if run.next else []
    ending = [] if run.is_complete or _has_bad_input(run) else [run.conclusion]
    files = [f"notebook  {run.notebook}", f"page      {run.page}"]
    return "\n".join([*steps, *move, *ending, *files])


def _document(run: Run) -> dict[str, Any]:
    return {
        "runbook": run.slug,
        "title": run.title,
        "status": "completed" if run.is_complete else "failed",
        "conclusion": run.conclusion,
        "next": run.next,
        "steps": [f.to_record() for f in run.findings],
        "failure": run.failure,
        "parameters": run.parameters,
        "started_at": run.started_at,
        "duration_s": run.duration_s,
        "notebook": run.notebook,
        "page": run.page,
    }
