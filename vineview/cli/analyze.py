"""`vineview analyze`: what an export says, what is wrong first."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from vineview.cli import output

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.export import Telemetry

__all__ = ["register"]

_SHOWN_FINDINGS = 5


def register(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "analyze",
        help="memory, growth, leak verdict, preloads, errors and advice from an export",
        description="Read performance exports and say what they show: the leak verdict with its "
        "evidence, memory and growth, preloads, errors, alerts and recommendations.",
    )
    parser.add_argument(
        "telemetry",
        nargs="+",
        type=output.given,
        metavar="TELEMETRY",
        help="an export: file, folder of files, glob, or http(s) address; with an engine "
        "elsewhere a folder of Parquet, or the name of a table",
    )
    parser.add_argument(
        "--engine",
        metavar="E",
        help="what answers: spark, spark://..., sc://..., trino://... or clickhouse://...; "
        "without it DuckDB in this process",
    )
    parser.add_argument(
        "--range",
        metavar="2h",
        help="only the last so much, counted back from the last sample (s, m, h or d)",
    )
    output.add_common(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    """Analyse and print; whatever is found, that is done."""
    from vineview.telemetry.ranges import parse_range
    from vineview.telemetry.summary import analytics_text, counted, span

    parse_range(args.range)  # a wrong range is said before a long read
    telemetry = output.opened(args.telemetry, engine=args.engine)
    analytics = telemetry.analytics(args.range)
    for finding in telemetry.findings[:_SHOWN_FINDINGS]:
        print(f"{finding.severity}: {finding}", file=sys.stderr)
    more = len(telemetry.findings) - _SHOWN_FINDINGS
    if more > 0:
        print(f"... and {more} more findings", file=sys.stderr)
    if telemetry.skipped:
        print(f"{counted(telemetry.skipped, 'record')} skipped", file=sys.stderr)
    text = f"{telemetry.source}: {span(analytics)}\n\n{analytics_text(analytics)}"
    output.emit(args, text, _document(telemetry, analytics))
    return 0


def _document(telemetry: Telemetry, analytics: Analytics) -> dict[str, Any]:
    """The analytics under their Python names, and how the reading went."""
    from dataclasses import asdict

    document = asdict(analytics)
    memory = document["memory_usage"]
    interval = analytics.memory_usage.growth_rate_interval
    memory["growth_rate_interval"] = None if interval is None else interval._asdict()
    if analytics.fleet is not None:
        for device, each in zip(document["fleet"]["worst"], analytics.fleet.worst, strict=True):
            own = each.growth_rate_interval
            device["growth_rate_interval"] = None if own is None else own._asdict()
    start_at, end_at = analytics.time_range
    return {
        "source": telemetry.source,
        **document,
        "time_range": {"start_at": start_at, "end_at": end_at},
        "findings": [asdict(finding) for finding in telemetry.findings],
    }
