"""``vineview bench``: our figures beside a peer's, measured in the same run."""

from __future__ import annotations

import argparse
import pkgutil
from importlib import import_module

from vineview.cli import output
from vineview.errors import UsageError

_SUPPORT = {
    "report",
    "browser",
    "telemetry_analytics",
    "telemetry_import",
    "telemetry_questions",
}  # what benchmarks share; not benchmarks themselves


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "bench",
        help="run the benchmarks, each beside its peer",
        description="Run the named benchmarks (all of them by default). Exit code 1 if a figure "
        "misses its target, 2 if a peer is not installed.",
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and stop")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, for a first look")
    output.add_common(parser)
    parser.set_defaults(run=_run)


def _names() -> list[str]:
    package = import_module("vineview.bench")
    modules = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name.replace("_", "-") for name in modules if name not in _SUPPORT)


def _run(args: argparse.Namespace) -> int:
    known = _names()
    if args.list:
        output.emit(args, "\n".join(known), known)
        return 0
    unknown = sorted(set(args.name) - set(known))
    if unknown:
        raise UsageError(
            f"there is no benchmark {', '.join(unknown)}", hint=f"There are: {', '.join(known)}."
        )
    from vineview.bench.report import Report

    reports = []
    for name in args.name or known:
        report = Report(name)
        import_module(f"vineview.bench.{name.replace('-', '_')}").run(report, quick=args.quick)
        reports.append(report)
    output.emit(args, "\n\n".join(map(str, reports)), [report.to_dict() for report in reports])
    return 0 if all(report.met for report in reports) else 1
