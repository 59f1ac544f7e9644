"""Telemetry: what a session recorded, from samples to a sentence an engineer can act on."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.export import Telemetry
    from vineview.telemetry.monitor import VideoPerformanceMonitor
    from vineview.telemetry.schema import Sample
    from vineview.telemetry.thresholds import Alert, Thresholds

__all__ = ["Alert", "Analytics", "Sample", "Telemetry", "Thresholds", "VideoPerformanceMonitor"]

_HOMES = {
    "Alert": "thresholds",
    "Analytics": "analytics",
    "Sample": "schema",
    "Telemetry": "export",
    "Thresholds": "thresholds",
    "VideoPerformanceMonitor": "monitor",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that the schema alone does not load pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
