"""Widgets: the player, charts and panels that notebooks show.

The only room that imports ipywidgets and anywidget; it knows no runbook. Each widget loads when it
is first named, so that a notebook which only plays a feed does not wait for plotly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vineview.widgets.base import VineWidget
    from vineview.widgets.chart import MemoryChart
    from vineview.widgets.player import FeedPlayer
    from vineview.widgets.sheet import ContactSheet
    from vineview.widgets.side import SideBySide
    from vineview.widgets.timeline import ReplayTimeline

__all__ = [
    "ContactSheet",
    "FeedPlayer",
    "MemoryChart",
    "ReplayTimeline",
    "SideBySide",
    "VineWidget",
]

_HOMES = {
    "ContactSheet": "sheet",
    "FeedPlayer": "player",
    "MemoryChart": "chart",
    "ReplayTimeline": "timeline",
    "SideBySide": "side",
    "VineWidget": "base",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
