"""The memory chart as a still picture: inline SVG from the same lines, without script or network.

Drawn with ``currentColor`` and colours that hold on white and on black, so that a saved notebook
shows something true wherever it is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import numpy as np
import pandas as pd

from vineview.figures.curves import Lines, memory_curves
from vineview.figures.decimate import Line
from vineview.figures.frame import top_mb
from vineview.figures.readout import Tile
from vineview.telemetry.thresholds import Thresholds

__all__ = ["PICTURE_POINTS", "memory_picture", "tiles_html"]

_WIDTH, _HEIGHT = 700, 300
_LEFT, _RIGHT = 46, 692
_TOP, _FLOOR = 10, 196
_LOW_TOP, _LOW_FLOOR = 222, 268
PICTURE_POINTS = 240
"""How many points of a line a still picture is drawn with."""
_BLUE, _VIOLET, _TEAL = "#3b82e6", "#9a7be0", "#14968e"
_AMBER, _RED, _GREEN = "#b7800f", "#dd3b46", "#2f9e4a"
_TONES = {"good": _GREEN, "warn": _AMBER, "critical": _RED}
_MINUTE_S, _DAY_S = 60, 86400
_TICK_STEPS_S = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 21600, 43200, 86400, 604800)


def memory_picture(
    samples: pd.DataFrame | Lines,
    *,
    thresholds: Thresholds | None = None,
    cursor_at: datetime | None = None,
    summary: str = "",
) -> str:
    """Draw memory and controllers as SVG.

    Args:
        samples: Columns as for :func:`~vineview.figures.memory_figure`, or the lines, cut.
        thresholds: Where the bands begin.
        cursor_at: Where the playhead stands, aware UTC.
        summary: The picture in words, for those who do not see it.

    Returns:
        One ``<svg>`` element; empty text when there is nothing to draw.

    Raises:
        TelemetryError: If a column is missing.
    """
    limits = thresholds or Thresholds()
    lines = samples
    if isinstance(lines, pd.DataFrame):
        lines = memory_curves(lines).lines(max_points=PICTURE_POINTS)
    measured = lines["video_memory_mb"]
    estimate, controllers = lines["estimated_memory_mb"], lines["video_controllers"]
    if not measured.y.size:
        return ""
    start, end = float(measured.at_ms[0]), float(measured.at_ms[-1])
    top = top_mb([measured, estimate], limits)
    cap = limits.max_controllers * 1.25
    upper, lower = (_TOP, _FLOOR, top), (_LOW_TOP, _LOW_FLOOR, cap)
    parts = [
        *_bands(limits, top),
        *_y_ticks(top),
        *_x_ticks(start, end),
        _path(estimate, (start, end), upper, _VIOLET, 'stroke-dasharray="5 3"', steps=True),
        _path(measured, (start, end), upper, _BLUE, 'stroke-width="2"'),
        _path(controllers, (start, end), lower, _TEAL, 'stroke-width="1.5"', steps=True),
        _rule(_y(limits.max_controllers, lower), _AMBER, dashed=True),
        _text(_LEFT + 4, _LOW_TOP + 4, f"controllers (cap {limits.max_controllers})", _TEAL),
        _text(_RIGHT, _TOP + 8, "measured memory, MB", _BLUE, anchor="end"),
        _text(_RIGHT, _TOP + 21, "app's estimate, MB", _VIOLET, anchor="end"),
    ]
    if cursor_at is not None:
        x = _x(cursor_at.timestamp() * 1000, (start, end))
        parts.append(f'<path d="M{x:.1f} {_TOP}V{_LOW_FLOOR}" stroke="currentColor"/>')
    label = escape(summary or "Memory and controllers over time", quote=True)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        'xmlns="http://www.w3.org/2000/svg" style="width:100%;max-width:700px;height:auto" '
        f'font-family="system-ui,sans-serif" font-size="11">{"".join(parts)}</svg>'
    )


def tiles_html(tiles: Sequence[Tile]) -> str:
    """The key numbers as a row of text, styled inline."""
    cells = []
    for tile in tiles:
        colour = f";color:{_TONES[tile.tone]}" if tile.tone in _TONES else ""
        unit = f'<span style="font-size:12px;opacity:.75"> {escape(tile.unit)}</span>'
        cells.append(
            '<div style="display:inline-block;vertical-align:top;margin:0 22px 8px 0;'
            f'max-width:220px"><div style="font-size:12px;opacity:.75">{escape(tile.label)}</div>'
            f'<div style="font-size:20px;font-weight:600;line-height:1.3{colour}">'
            f"{escape(tile.value)}{unit if tile.unit else ''}</div>"
            f'<div style="font-size:11px;opacity:.75">{escape(tile.note)}</div></div>'
        )
    return f"<div>{''.join(cells)}</div>"


Axis = tuple[float, float, float]


def _x(at_ms: float, span: tuple[float, float]) -> float:
    width = span[1] - span[0]
    share = (at_ms - span[0]) / width if width else 0.5
    return _LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT)


def _y(value: float, axis: Axis) -> float:
    top, floor, highest = axis
    return floor - value / highest * (floor - top)


def _path(
    line: Line,
    span: tuple[float, float],
    axis: Axis,
    colour: str,
    look: str,
    *,
    steps: bool = False,
) -> str:
    words: list[str] = []
    pen_down = False
    for at_ms, value in zip(line.at_ms.tolist(), line.y.tolist(), strict=True):
        if np.isnan(value):
            pen_down = False
            continue
        x, y = f"{_x(at_ms, span):.1f}", f"{_y(value, axis):.1f}"
        if not pen_down:
            words.append(f"M{x} {y}h.1")
        else:
            words.append(f"H{x}V{y}" if steps else f"L{x} {y}")
        pen_down = True
    return f'<path d="{"".join(words)}" fill="none" stroke="{colour}" {look}/>' if words else ""


def _bands(limits: Thresholds, top: float) -> list[str]:
    parts = []
    bounds = (
        (limits.high_memory_mb, limits.critical_memory_mb, _AMBER, "high"),
        (limits.critical_memory_mb, top, _RED, "critical"),
    )
    for low, high, colour, word in bounds:
        if low >= top:
            continue
        y_low, y_high = _y(low, (_TOP, _FLOOR, top)), _y(min(high, top), (_TOP, _FLOOR, top))
        parts.append(
            f'<rect x="{_LEFT}" y="{y_high:.1f}" width="{_RIGHT - _LEFT}" '
            f'height="{y_low - y_high:.1f}" fill="{colour}" opacity=".11"/>'
        )
        parts.append(_rule(y_low, colour, dashed=True))
        parts.append(_text(_LEFT + 4, y_low - 4, f"{word} above {low:g} MB", colour))
    return parts


def _y_ticks(top: float) -> list[str]:
    rough = top / 4
    unit = 10 ** np.floor(np.log10(rough))
    step = unit * min((1, 2, 2.5, 5, 10), key=lambda nice: abs(nice * unit - rough))
    parts = []
    for value in np.arange(0, top, step):
        y = _y(float(value), (_TOP, _FLOOR, top))
        parts.append(_text(_LEFT - 6, y + 4, f"{value:g}", "currentColor", anchor="end"))
        parts.append(_rule(y, "currentColor", opacity=0.14))
    parts.append(_rule(_LOW_FLOOR, "currentColor", opacity=0.4))
    return parts


def _x_ticks(start_ms: float, end_ms: float) -> list[str]:
    """Round instants in UTC, at most six, with the day where the day changes."""
    span_s = max((end_ms - start_ms) / 1000, 1.0)
    step = next((step for step in _TICK_STEPS_S if span_s / step <= 6), span_s / 5)  # noqa: PLR2004
    first = np.ceil(start_ms / 1000 / step) * step
    instants = [datetime.fromtimestamp(s, UTC) for s in np.arange(first, end_ms / 1000 + 1, step)]
    style = "%H:%M:%S" if step < _MINUTE_S else "%d %b" if step >= _DAY_S else "%H:%M"
    parts = []
    for at in instants:
        x = _x(at.timestamp() * 1000, (start_ms, end_ms))
        anchor = "end" if x > _RIGHT - 20 else "middle"
        parts.append(_text(x, _LOW_FLOOR + 14, at.strftime(style), "currentColor", anchor=anchor))
    days = {datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (start_ms, end_ms)}
    said = " to ".join(day.strftime("%Y-%m-%d") for day in sorted(days))
    return [*parts, _text(_LEFT, _HEIGHT - 3, f"{said}, UTC", "currentColor")]


def _rule(y: float, colour: str, *, dashed: bool = False, opacity: float = 1.0) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    fade = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="{colour}"{dash}{fade}/>'


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start") -> str:
    placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}"{placed}>{escape(text)}</text>'
