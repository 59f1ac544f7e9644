"""Clips: what they are, and their way into a browser.

The only room that imports ``av``. Its functions are synchronous and free of event loops; the one
asynchronous door is :class:`~vineview.media.loader.MediaLoader`, whose workers are processes that
can be killed. The names load on first use, so that a worker imports only what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vineview.media.codecs import codecs_missing
    from vineview.media.feed import Feed
    from vineview.media.loader import MediaLoader

__all__ = ["Feed", "MediaLoader", "codecs_missing"]

_MODULES = {"Feed": "feed", "MediaLoader": "loader", "codecs_missing": "codecs"}


def __getattr__(name: str) -> Any:
    """Import the module a name lives in, the first time it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
