"""vineview: executable notebooks for OpenVine's video system.

The public names live here; each loads its room on first use, so that ``import vineview`` and
``vineview --help`` stay quick::

    import vineview as vv

    bench = await vv.Workbench.open()  # a feed, a manager, a monitor, ready to look at
    bench.player
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# What editors and type checkers see is __init__.pyi; a test holds the two together.
_ROOMS = {
    "vineview.clock": ("Clock", "ManualClock", "SystemClock"),
    "vineview.core": (
        "ByteCache",
        "Change",
        "CircuitBreaker",
        "ContentFilter",
        "Controller",
        "ErrorClass",
        "Loader",
        "LoadState",
        "ScriptedLoader",
        "UrlPolicy",
        "Verdict",
        "VideoEvent",
        "VideoManager",
        "VideoManagerConfig",
        "VideoState",
    ),
    "vineview.errors": (
        "ApprovalRequired",
        "BreakerOpen",
        "ConfigError",
        "FeedError",
        "LoadError",
        "LoadTimeout",
        "MediaError",
        "OpsError",
        "RunbookError",
        "TelemetryError",
        "UsageError",
        "VerifyFailed",
        "VideoManagerError",
        "VineviewError",
    ),
    "vineview.media": ("Feed", "MediaLoader"),
    "vineview.ops": ("OpsClient",),
    "vineview.replay": ("Replay",),
    "vineview.rollout": ("FeatureFlags",),
    "vineview.telemetry": ("Analytics", "Telemetry", "VideoPerformanceMonitor"),
    "vineview.widgets": (
        "ContactSheet",
        "FeedPlayer",
        "MemoryChart",
        "ReplayTimeline",
        "SideBySide",
    ),
    "vineview.workbench": ("Workbench",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    """Import the room a public name lives in, the first time it is asked for."""
    try:
        room = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'vineview' has no attribute {name!r}") from None
    value = getattr(import_module(room), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
