"""`vineview convert`: an export in another format, nothing lost."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from vineview.cli import output

__all__ = ["register"]

_SHOWN_FINDINGS = 5


def register(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "convert",
        help="an export between JSON, NDJSON, CSV and Parquet, nothing lost",
        description="Write a performance export in another format. The suffix of OUT decides: "
        ".json, .ndjson, .csv (each also .gz or .zst), .parquet, or a name ending in / for a "
        "folder of Parquet files by day. IN may also be OTLP-JSON metrics or an http(s) address. "
        "OUT is replaced when it is whole; damaged records are left out, named and counted.",
    )
    parser.add_argument(
        "source",
        type=output.given,
        metavar="IN",
        help="an export: file, Parquet folder, address",
    )
    parser.add_argument("target", type=output.given, metavar="OUT", help="what to write")
    output.add_common(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    """Convert and say what was read; whatever is found, that is done."""
    from dataclasses import asdict

    from vineview.telemetry.formats.converting import convert
    from vineview.telemetry.formats.opening import size_of

    with output.progress(size_of(args.source), "converting") as bar:
        done = convert(args.source, args.target, progress=bar.update)
    for finding in done.findings[:_SHOWN_FINDINGS]:
        print(f"{finding.severity}: {finding}", file=sys.stderr)
    more = len(done.findings) - _SHOWN_FINDINGS
    if more > 0:
        print(f"... and {more} more findings", file=sys.stderr)
    if done.skipped:
        print(
            f"{done.skipped} {'record' if done.skipped == 1 else 'records'} skipped",
            file=sys.stderr,
        )
    output.emit(args, f"{done.target}: {done.samples} samples, {done.events} events", asdict(done))
    return 0
