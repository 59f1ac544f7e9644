"""Event marks: what happened while the lines moved.

Only events that explain memory are marked (pressure, configuration, breaker, crash, network);
each kind has its symbol, so that colour is never the only signal. What happened within a second,
as an action and what it did, would be drawn one over the other: it is one mark that tells all.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from vineview.figures.theme import Palette

__all__ = ["MARKED", "Turn", "describe", "event_shapes", "event_trace", "marked", "turn_marks"]

MARKED: Mapping[str, tuple[str, str]] = {
    "memory_pressure": ("triangle-down", "memory pressure"),
    "config": ("square", "configuration"),
    "breaker": ("x", "circuit breaker"),
    "crash": ("cross", "crash"),
    "network": ("diamond", "network"),
    "action": ("star", "action"),
}
"""Marked event kinds, each with its symbol and its words."""
_SEVERAL = "hexagram"
_MAX_TOLD = 8
_MAX_MARKS = 200
_MAX_RULES = 40


@dataclass(frozen=True, slots=True)
class Turn:
    """A change point: where a line departs from one ramp.

    Attributes:
        at: When, aware UTC.
        text: What happened there, such as ``step of +120 MB``.
    """

    at: datetime
    text: str


def marked(events: pd.DataFrame) -> pd.DataFrame:
    """The events that get a mark, in order of time, at most 200: the latest.

    What an export begins with (``snapshot``) was so before: nothing happened there.

    Args:
        events: Columns ``at`` (aware UTC) and ``kind``, and ``snapshot`` if there are any.
    """
    if "kind" not in events or "at" not in events:
        return pd.DataFrame({"at": pd.DatetimeIndex([], tz="UTC"), "kind": []})
    happened = events["kind"].isin(list(MARKED))
    if "snapshot" in events:
        happened &= ~events["snapshot"].isin([True])
    return events[happened].sort_values("at", kind="stable").tail(_MAX_MARKS)


def describe(event: Mapping[Hashable, Any]) -> str:
    """One event in a few words, from the fields its kind has (contract, section 3).

    Example:
        >>> describe({"kind": "memory_pressure", "memory_mb": 812.4, "controllers_disposed": 9})
        'memory pressure: 812 MB, 9 controllers freed'
    """
    words = MARKED.get(str(event.get("kind")), ("", str(event.get("kind"))))[1]
    match event.get("kind"):
        case "memory_pressure":
            facts = [
                _fact(event, "memory_mb", "{:.0f} MB"),
                _fact(event, "controllers_disposed", "{:.0f} controllers freed"),
            ]
        case "breaker":
            facts = [_fact(event, "to", "now {}"), _fact(event, "reason", "{}")]
        case "config":
            facts = [_fact(event, "reason", "{}")]
        case "network":
            facts = [_fact(event, "network", "{}")]
        case _:
            facts = [_fact(event, name, "{}") for name in ("name", "action", "error", "reason")]
    said = ", ".join(fact for fact in facts if fact)
    return f"{words}: {said}" if said else words


def event_trace(events: pd.DataFrame, colours: Palette) -> dict[str, Any]:
    """The marks as one trace along the upper edge, with words on hover, of a second in one.

    Args:
        events: Columns ``at`` and ``kind``, and the kinds' own fields.
        colours: The theme's colours.
    """
    marks = _together(events)
    return {
        "type": "scatter",
        "uid": "events",
        "name": "events",
        "mode": "markers",
        "x": np.array([at_ms for at_ms, _ in marks], dtype=float),
        "y": np.full(len(marks), 0.965, dtype="float32"),
        "yaxis": "y3",
        "cliponaxis": False,  # whole at the first and the last instant too
        "text": [_told(rows) for _, rows in marks],
        "marker": {
            "symbol": [_symbol({str(row["kind"]) for row in rows}) for _, rows in marks],
            "size": 9,
            "color": colours.text,
            "line": {"width": 1, "color": colours.surface},
        },
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": bool(marks),
    }


def event_shapes(events: pd.DataFrame, colours: Palette) -> list[dict[str, Any]]:
    """A faint rule down from each of the latest 40 marks."""
    down = {"type": "line", "xref": "x", "yref": "paper", "y0": 0, "y1": 0.975, "layer": "below"}
    look = {"line": {"color": colours.border, "width": 1, "dash": "dot"}}
    return [{**down, **look, "x0": at, "x1": at} for at, _ in _together(events)[-_MAX_RULES:]]


def turn_marks(
    turns: Sequence[Turn], colours: Palette, *, span_ms: tuple[float, float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A rule and a label for each change point, over the upper panel.

    Args:
        turns: The change points.
        colours: The theme's colours.
        span_ms: From when to when the time axis goes, in milliseconds since 1970: a label late in
            it stands left of its rule.
    """
    middle_ms = sum(span_ms) / 2
    shapes, labels = [], []
    for turn in turns:
        at_ms = turn.at.timestamp() * 1000
        rule = {"type": "line", "name": "change point", "xref": "x", "x0": at_ms, "x1": at_ms}
        look = {"line": {"color": colours.growth, "width": 1.5, "dash": "dashdot"}}
        shapes.append({**rule, **look, "yref": "paper", "y0": 0.30, "y1": 1})
        place = {"xref": "x", "x": at_ms, "yref": "paper", "y": 0.31, "yanchor": "bottom"}
        font = {"size": 10.5, "color": colours.growth}
        ground = {"bgcolor": colours.surface, "borderpad": 1, "opacity": 0.9}  # lines pass under it
        side = {"xanchor": "right" if at_ms > middle_ms else "left"}
        words = {"text": f" {turn.text} ", "showarrow": False, "font": font}
        labels.append({**place, **side, **words, **ground, "name": "change point"})
    return shapes, labels


def _together(events: pd.DataFrame) -> list[tuple[float, list[dict[Hashable, Any]]]]:
    """The marked events by the second, each with the instant of the first."""
    rows = marked(events)
    marks: dict[int, tuple[float, list[dict[Hashable, Any]]]] = {}
    for at_ms, row in zip(_ms(rows).tolist(), rows.to_dict("records"), strict=True):
        marks.setdefault(int(at_ms // 1000), (at_ms, []))[1].append(row)
    return list(marks.values())


def _symbol(kinds: set[str]) -> str:
    return MARKED[kinds.pop()][0] if len(kinds) == 1 else _SEVERAL


def _told(rows: Sequence[Mapping[Hashable, Any]]) -> str:
    words = list(dict.fromkeys(map(describe, rows)))
    more = [f"and {len(words) - _MAX_TOLD} more"] if len(words) > _MAX_TOLD else []
    return "<br>".join([*words[:_MAX_TOLD], *more])


def _ms(rows: pd.DataFrame) -> Any:
    at = pd.to_datetime(rows["at"], utc=True).dt.tz_convert(None)
    return at.to_numpy(dtype="datetime64[us]").astype("int64") / 1000.0


def _fact(event: Mapping[Hashable, Any], name: str, pattern: str) -> str:
    value = event.get(name)
    if value is None or value == "" or (isinstance(value, float) and np.isnan(value)):
        return ""
    return pattern.format(value)
