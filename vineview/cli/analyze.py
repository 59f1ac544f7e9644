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
_SHOWN_ERRORS = 5


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
        metavar="TELEMETRY",
        help="an export: file, folder of files, glob, or http(s) address",
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
    from vineview.telemetry.export import Telemetry
    from vineview.telemetry.ranges import parse_range

    parse_range(args.range)  # a wrong range is said before a long read
    telemetry = Telemetry.open(*args.telemetry)
    analytics = telemetry.analytics(args.range)
    for finding in telemetry.findings[:_SHOWN_FINDINGS]:
        print(f"{finding.severity}: {finding}", file=sys.stderr)
    more = len(telemetry.findings) - _SHOWN_FINDINGS
    if more > 0:
        print(f"... and {more} more findings", file=sys.stderr)
    if telemetry.skipped:
        print(f"{_count(telemetry.skipped, 'record')} skipped", file=sys.stderr)
    output.emit(args, _human(telemetry, analytics), _document(telemetry, analytics))
    return 0


def _document(telemetry: Telemetry, analytics: Analytics) -> dict[str, Any]:
    """The analytics under their Python names, and how the reading went."""
    from dataclasses import asdict

    document = asdict(analytics)
    memory = document["memory_usage"]
    interval = analytics.memory_usage.growth_rate_interval
    memory["growth_rate_interval"] = None if interval is None else interval._asdict()
    start_at, end_at = analytics.time_range
    return {
        "source": telemetry.source,
        **document,
        "time_range": {"start_at": start_at, "end_at": end_at},
        "findings": [asdict(finding) for finding in telemetry.findings],
    }


def _human(telemetry: Telemetry, analytics: Analytics) -> str:
    """Verdict first, then the figures behind it, then what to do."""
    sections = [
        [f"{telemetry.source}: {_count(analytics.sample_count, 'sample')}, {_when(analytics)}"],
        _verdict(analytics),
        _figures(analytics),
        _errors(analytics),
        _advice(analytics),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _verdict(analytics: Analytics) -> list[str]:
    leak = analytics.memory_usage.leak
    title = leak.verdict.replace("_", " ").upper()
    return [title, *(f"  {sentence}" for sentence in leak.evidence)]


def _figures(analytics: Analytics) -> list[str]:
    memory, preloads = analytics.memory_usage, analytics.preload_performance
    alerts, rows = analytics.alert_summary, list[tuple[str, str]]()
    if memory.current_mb is not None:
        level = (
            f"peak {memory.peak_mb:.0f} MB, average {memory.average_mb:.0f} MB, "
            f"minimum {memory.minimum_mb:.0f} MB, now {memory.current_mb:.0f} MB"
        )
        rows += [("memory", level), ("trend", _trend(analytics)), ("growth", _growth(analytics))]
        rows += [("reaches", _projection(each)) for each in memory.projections]
    if preloads.success_rate is not None or preloads.average_time_ms is not None:
        rows.append(("preloads", _preloads(analytics)))
    if alerts.total_alerts:
        text = f"{alerts.total_alerts} ({alerts.critical_alerts} critical)"
        rows.append(("alerts", f"{text}, {alerts.active_alerts} still active at the end"))
    return [f"{name:<10}{value}" for name, value in rows]


def _trend(analytics: Analytics) -> str:
    trend = analytics.memory_usage.trend
    change = "from zero" if trend.change_rate is None else f"{trend.change_rate:+.0%}"
    return f"{trend.direction} ({change}, last 10 samples against the 10 before)"


def _growth(analytics: Analytics) -> str:
    memory = analytics.memory_usage
    if memory.robust_growth_rate_mb_per_hour is None or memory.growth_rate_mb_per_second is None:
        return "unknown: samples at two distinct times are needed"
    text = f"{memory.robust_growth_rate_mb_per_hour:+.1f} MB/h"
    interval = memory.growth_rate_interval
    if interval is not None:
        text += f" (95 %: {interval.low * 3600:+.1f} to {interval.high * 3600:+.1f})"
    return f"{text}; least squares {memory.growth_rate_mb_per_second:+.4f} MB/s"


def _projection(projection: Any) -> str:
    if projection.hours == 0:
        return f"{projection.limit_mb:.0f} MB already"
    return (
        f"{projection.limit_mb:.0f} MB in {projection.hours:.1f} h, "
        f"{projection.at:%Y-%m-%d %H:%M} UTC"
    )


def _preloads(analytics: Analytics) -> str:
    preloads = analytics.preload_performance
    parts = []
    if preloads.success_rate is not None:
        parts.append(f"{preloads.success_rate:.1%} succeed")
    if preloads.total_preloads:
        parts.append(f"{preloads.failed_preloads} of {preloads.total_preloads} failed")
    if preloads.average_time_ms is not None and preloads.median_time_ms is not None:
        parts.append(
            f"mean {preloads.average_time_ms:.0f} ms, median {preloads.median_time_ms:.0f} ms"
        )
    if preloads.slow_preloads:
        parts.append(f"{preloads.slow_preloads} slow")
    return ", ".join(parts)


def _errors(analytics: Analytics) -> list[str]:
    errors = analytics.error_analysis
    if not errors.total_errors:
        return []
    title = f"{_count(errors.total_errors, 'error')}, {errors.unique_errors} distinct"
    shown = errors.top_errors[:_SHOWN_ERRORS]
    return [title, *(f"{each.count:>7}  {each.share:>4.0%}  {each.message}" for each in shown)]


def _advice(analytics: Analytics) -> list[str]:
    return [
        f"{each.priority.upper()}: {each.title}. {each.action}"
        for each in analytics.recommendations
    ]


def _when(analytics: Analytics) -> str:
    start_at, end_at = analytics.time_range
    if start_at is None or end_at is None:
        return analytics.coverage.text
    return f"{analytics.coverage.text}, {start_at:%Y-%m-%d %H:%M} to {end_at:%Y-%m-%d %H:%M} UTC"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
