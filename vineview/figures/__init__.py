"""Figures: plotly figures as pure functions of frames, shared by widgets and reports.

What a person sees live, replayed or in a saved report is drawn by the same function, so this room
knows no widget, no clock and no kernel: frames in, figure out.
"""

from __future__ import annotations

from vineview.figures.breakdown import comparison_figure, error_figure, preload_figure
from vineview.figures.marks import Turn
from vineview.figures.memory import Growth, memory_figure
from vineview.figures.picture import memory_picture, tiles_html
from vineview.figures.plain import summary_of
from vineview.figures.readout import (
    Tile,
    growth_of,
    memory_tiles,
    range_tiles,
    sentence,
    turns_of,
)
from vineview.figures.spread import controllers_figure, distribution_figure, fleet_figure

__all__ = [
    "Growth",
    "Tile",
    "Turn",
    "comparison_figure",
    "controllers_figure",
    "distribution_figure",
    "error_figure",
    "fleet_figure",
    "growth_of",
    "memory_figure",
    "memory_picture",
    "memory_tiles",
    "preload_figure",
    "range_tiles",
    "sentence",
    "summary_of",
    "tiles_html",
    "turns_of",
]
