"""Analytics in words: the same rows for the command line and for a notebook cell.

The verdict comes first, then the figures behind it, then what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.leak import Projection

__all__ = ["analytics_html", "analytics_text", "counted", "span"]

_SHOWN_ERRORS: Final = 5
_ACCENTS: Final = {"leaking": "#c62828", "not_leaking": "#2e7d32"}
_LEFT: Final = 'style="text-align:left;vertical-align:top"'


def analytics_text(analytics: Analytics) -> str:
    """What an export says, for a terminal.

    Args:
        analytics: As `Telemetry.analytics` gives them.

    Returns:
        Lines without an end of line at the end.
    """
    sections = [
        [_title(analytics), *(f"  {sentence}" for sentence in _evidence(analytics))],
        [f"{name:<10}{value}" for name, value in _figures(analytics)],
        _error_lines(analytics),
        [f"{urgency}: {advice}" for urgency, advice in _advice(analytics)],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def analytics_html(analytics: Analytics) -> str:
    """The same for a notebook cell: markup without script, escaped.

    Args:
        analytics: As `Telemetry.analytics` gives them.
    """
    accent = _ACCENTS.get(analytics.memory_usage.leak.verdict, "#8a6d00")
    shown = analytics.error_analysis.top_errors[:_SHOWN_ERRORS]
    errors = [(f"{each.count} ({each.share:.0%})", each.message) for each in shown]
    return (
        f'<p style="margin:4px 0"><b style="color:{accent}">{_title(analytics)}</b> '
        f"{escape(' '.join(_evidence(analytics)))}</p>"
        f"{_table(_figures(analytics))}"
        f"{_table(errors, caption=_error_title(analytics)) if errors else ''}"
        f"{_table(_advice(analytics), caption='What to do')}"
        f'<p style="opacity:.7">{escape(span(analytics))}</p>'
    )


def span(analytics: Analytics) -> str:
    """How much was there, and from when to when."""
    start_at, end_at = analytics.time_range
    samples = counted(analytics.sample_count, "sample")
    if start_at is None or end_at is None:
        return f"{samples}, {analytics.coverage.text}"
    present = f"{start_at:%Y-%m-%d %H:%M} to {end_at:%Y-%m-%d %H:%M} UTC"
    return f"{samples}, {analytics.coverage.text}, {present}"


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it has to be."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _table(rows: Sequence[tuple[str, str]], *, caption: str = "") -> str:
    if not rows:
        return ""
    title = f'<tr><th colspan="2" {_LEFT}>{escape(caption)}</th></tr>' if caption else ""
    body = "".join(
        f"<tr><td {_LEFT}>{escape(name)}</td><td {_LEFT}>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f'<table style="margin:8px 0">{title}{body}</table>'


def _title(analytics: Analytics) -> str:
    return analytics.memory_usage.leak.verdict.replace("_", " ").upper()


def _evidence(analytics: Analytics) -> tuple[str, ...]:
    return tuple(analytics.memory_usage.leak.evidence)


def _figures(analytics: Analytics) -> list[tuple[str, str]]:
    memory, preloads = analytics.memory_usage, analytics.preload_performance
    alerts, rows = analytics.alert_summary, list[tuple[str, str]]()
    if memory.current_mb is not None:
        level = (
            f"peak {memory.peak_mb:.0f} MB, average {memory.average_mb:.0f} MB, "
            f"minimum {memory.minimum_mb:.0f} MB, now {memory.current_mb:.0f} MB"
        )
        rows += [("memory", level), ("trend", _trend(analytics)), ("growth", _growth(analytics))]
        rows += [("reaches", text) for text in _projections(memory.projections)]
    if preloads.success_rate is not None or preloads.average_time_ms is not None:
        rows.append(("preloads", _preloads(analytics)))
    if alerts.total_alerts:
        text = f"{alerts.total_alerts} ({alerts.critical_alerts} critical)"
        rows.append(("alerts", f"{text}, {alerts.active_alerts} still active at the end"))
    return rows


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


def _projections(projections: Sequence[Projection]) -> list[str]:
    passed = [f"{each.limit_mb:.0f}" for each in projections if each.hours == 0]
    texts = [f"{', '.join(passed)} MB already"] if passed else []
    return texts + [
        f"{each.limit_mb:.0f} MB in {each.hours:.1f} h, {each.at:%Y-%m-%d %H:%M} UTC"
        for each in projections
        if each.hours
    ]


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


def _error_title(analytics: Analytics) -> str:
    errors = analytics.error_analysis
    return f"{counted(errors.total_errors, 'error')}, {errors.unique_errors} distinct"


def _error_lines(analytics: Analytics) -> list[str]:
    errors = analytics.error_analysis
    if not errors.total_errors:
        return []
    shown = errors.top_errors[:_SHOWN_ERRORS]
    lines = (f"{each.count:>7}  {each.share:>4.0%}  {each.message}" for each in shown)
    return [_error_title(analytics), *lines]


def _advice(analytics: Analytics) -> list[tuple[str, str]]:
    return [
        (each.priority.upper(), f"{each.title}. {each.action}")
        for each in analytics.recommendations
    ]
