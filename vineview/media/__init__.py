"""Clips: what they are, and their way into a browser.

The only room that imports ``av``. Its functions are synchronous and free of event loops; the one
asynchronous door is :class:`~vineview.media.loader.MediaLoader`, which runs them in a thread.
"""

from __future__ import annotations

from vineview.media.codecs import codecs_missing
from vineview.media.feed import Feed
from vineview.media.loader import MediaLoader

__all__ = ["Feed", "MediaLoader", "codecs_missing"]
