"""What the page has of a live chart, and the little it lacks: new points, and what else changed.

A sample then costs a few hundred bytes however long the session is. When the page's lines have
grown to twice what they should hold, or history was rewritten, the whole figure goes out again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vineview.figures.curves import SeriesCurves
from vineview.figures.memory import TINT
from vineview.figures.wire import Instants

__all__ = ["Appending", "lean"]

_UIDS = {
    "video_memory_mb": "measured",
    "estimated_memory_mb": "estimate",
    "video_controllers": "controllers",
}
Spec = dict[str, Any]


class Appending:
    """Compares each figure with the one before.

    Args:
        most_points: How many points may be appended before the whole is due again.
    """

    def __init__(self, most_points: int) -> None:
        self._most_points = most_points
        self._sent: Spec | None = None
        self._at_ms = np.array([])
        self._appended = 0

    def whole(self, spec: Spec | None, curves: Any) -> None:
        """Note that the page has been sent all of a figure."""
        self._sent, self._appended = spec, 0
        self._at_ms = _instants(curves)

    def news(self, spec: Spec, curves: Any) -> Spec | None:
        """What the page lacks of a figure; ``None`` if it needs the whole.

        Returns:
            ``after_ms``, the last instant the page should have; ``lines``, each with ``uid``,
            ``x`` and ``y`` to append; ``traces``, what changed of the small ones; ``layout``,
            what changed of it; and the time axis' ``range``.
        """
        sent, at_ms = self._sent, _instants(curves)
        if sent is None or not self._continues(at_ms) or _uids(sent) != _uids(spec):
            return None
        after_ms = float(self._at_ms[-1])
        lines = [
            {"uid": _UIDS[name], "x": line.at_ms, "y": line.y.astype("float32")}
            for name, line in curves.after(after_ms).items()
            if line.y.size
        ]
        self._appended += max((line["x"].size for line in lines), default=0)
        if self._appended > self._most_points:
            return None
        traces = [
            _changed(old, new)
            for old, new in zip(sent["data"], spec["data"], strict=True)
            if new["uid"].removesuffix(TINT) not in _UIDS.values() and not _same(old, new)
        ]
        layout = _changed_layout(sent["layout"], spec["layout"])
        self._sent, self._at_ms = spec, at_ms
        span = spec["layout"]["xaxis"]["range"]
        return {
            "after_ms": after_ms,
            "range": span,
            "lines": lines,
            "traces": traces,
            "layout": layout,
        }

    def _continues(self, at_ms: np.ndarray[Any, Any]) -> bool:
        """Whether what the page has is the beginning of this, but for history that was dropped."""
        had = self._at_ms
        if had.size < 2 or at_ms.size < 2:  # noqa: PLR2004 - one point is drawn as a mark
            return False
        had = had[np.searchsorted(had, at_ms[0]) :]
        return had.size > 0 and np.array_equal(had, at_ms[: had.size])


def lean(spec: Spec) -> Spec:
    """The figure as it is sent.

    The page takes the areas' points from the lines above them, and a line's instants take half.
    """
    data = []
    for trace in spec["data"]:
        if trace["uid"].endswith(TINT):
            data.append({name: value for name, value in trace.items() if name not in ("x", "y")})
        elif trace["uid"] in _UIDS.values():
            data.append({**trace, "x": Instants(trace["x"])})
        else:
            data.append(trace)
    return {**spec, "data": data}


def _instants(curves: Any) -> np.ndarray[Any, Any]:
    """When memory was measured; nothing for curves that live in an engine, which do not grow."""
    if isinstance(curves, SeriesCurves):
        return curves.series["video_memory_mb"].at_ms
    return np.array([])


def _uids(spec: Spec) -> list[str]:
    return [trace["uid"] for trace in spec["data"]]


def _changed(old: Spec, new: Spec) -> Spec:
    changed = {name: value for name, value in new.items() if not _same(old.get(name), value)}
    return {"uid": new["uid"], **changed}


def _changed_layout(old: Spec, new: Spec) -> Spec:
    """The parts that changed, but for the time axis' range, which always does."""
    old, new = ({**each, "xaxis": {**each["xaxis"], "range": None}} for each in (old, new))
    return {name: value for name, value in new.items() if not _same(old.get(name), value)}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)
