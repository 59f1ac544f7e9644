"""Widgets: the player, charts and panels that notebooks show.

The only room that imports ipywidgets and anywidget; it knows no runbook.
"""

from __future__ import annotations
