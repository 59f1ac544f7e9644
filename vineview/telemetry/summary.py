"""Analytics in words: the same rows for the command line and for a notebook cell.

The verdict comes first, then the figures behind it, then what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from vineview.telemetry.growth.leak import rate_texts

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.growth.leak import Projection

__all__ = ["analytics_html", "analytics_text", "counted", "span"]

_SHOWN_ERRORS: Final = 5
_SHOWN_DEVICES: Final = 5
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
        _table_lines(_group_title(analytics), _groups(analytics)),
        _table_lines("Watching", _patterns(analytics)),
        _table_lines(_fleet_title(analytics), _fleet(analytics)),
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
        f"{_table(_groups(analytics), caption=_group_title(analytics))}"
        f"{_table(_patterns(analytics), caption='Watching')}"
        f"{_table(_fleet(analytics), caption=_fleet_title(analytics))}"
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
    ends = tuple(each * 3600 for each in memory.growth_rate_interval or ())
    text, *between = rate_texts(memory.robust_growth_rate_mb_per_hour, *ends)
    if between:
        text += f" (95 %: {' to '.join(between)})"
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
    if preloads.timeouts:
        parts.append(f"{preloads.timeouts} timed out")
    if preloads.cache_hit_rate is not None:
        parts.append(f"{preloads.cache_hit_rate:.0%} from the cache")
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


def _group_title(analytics: Analytics) -> str:
    dimensions = dict.fromkeys(each.dimension for each in analytics.preload_performance.groups)
    return "Preloads by " + ", ".join(name.replace("_", " ") for name in dimensions)


def _groups(analytics: Analytics) -> list[tuple[str, str]]:
    """Preloads by label, the labels that differ only."""
    groups = analytics.preload_performance.groups
    counts = Counter(each.dimension for each in groups)
    rows = []
    for each in groups:
        if counts[each.dimension] > 1:
            text = f"{each.success_rate:.1%} of {each.total_preloads} succeed"
            if each.timeouts:
                text += f", {each.timeout_rate:.1%} time out"
            if each.average_time_ms is not None:
                text += f", mean {each.average_time_ms:.0f} ms"
            rows.append((each.value, text))
    return rows


def _patterns(analytics: Analytics) -> list[tuple[str, str]]:
    """Memory by scrolling and by content type, where there is something to compare."""
    patterns, rows = analytics.user_patterns, list[tuple[str, str]]()
    if len(patterns.scrolling) > 1:
        for each in patterns.scrolling:
            text = f"{each.average_mb:.0f} MB over {each.minutes:.0f} min"
            if each.change_mb_per_minute is not None:
                text += f", {each.change_mb_per_minute:+.1f} MB a minute"
            rows.append((each.name, text))
    if len(patterns.content_types) > 1:
        for kind in patterns.content_types:
            text = counted(kind.total_preloads, "preload")
            if kind.average_mb is not None:
                text += f", {kind.average_mb:.0f} MB meanwhile"
            rows.append((kind.mime_type, text))
    return rows


def _fleet_title(analytics: Analytics) -> str:
    fleet = analytics.fleet
    if fleet is None:
        return ""
    return f"{fleet.text}; {fleet.growing} grow, the fastest:"


def _fleet(analytics: Analytics) -> list[tuple[str, str]]:
    if analytics.fleet is None:
        return []
    rows = []
    for each in analytics.fleet.worst[:_SHOWN_DEVICES]:
        rate = each.robust_growth_rate_mb_per_hour
        text = "rate unknown"
        if rate is not None:
            text, *between = rate_texts(rate, *(each.growth_rate_interval or ()))
            text += f" (95 %: {' to '.join(between)})" if between else ""
        verdict = each.leak.verdict.replace("_", " ")
        text += f", {verdict}, average {each.average_mb:.0f} MB, {each.hours:.1f} h present"
        rows.append((each.device_id, text))
    return rows


def _table_lines(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [title, *(f"  {name:<{width}}  {value}" for name, value in rows)] if rows else []


def _advice(analytics: Analytics) -> list[tuple[str, str]]:
    return [
        (
            each.priority.upper(),
            f"{each.title}. {' '.join(each.evidence[:1])} {each.action} ({each.source})",
        )
        for each in analytics.recommendations
    ]
