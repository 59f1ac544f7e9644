"""Several readers of one open clip.

A controller's streams, poster and remuxer all read the same source, each at its own place. The
source has one position, so a cursor sets it and reads in one step under a lock; what was fetched
once is then there for all of them.
"""

from __future__ import annotations

import io
import os
import threading

from vineview.media.source import ClipSource

__all__ = ["Cursor", "SharedSource"]


class SharedSource:
    """One open source, many cursors.

    Args:
        source: The source; it belongs to this object from now on.
    """

    def __init__(self, source: ClipSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def held_bytes(self) -> int:
        """Bytes the source keeps in memory; 0 once closed."""
        return 0 if self._is_closed else self._source.held_bytes

    def cursor(self) -> Cursor:
        """A binary file of its own over the source."""
        return Cursor(self)

    def size(self) -> int:
        """How many bytes the clip has."""
        with self._lock:
            return self._source.size

    def read_at(self, position: int, count: int) -> bytes:
        """Read ``count`` bytes (-1: all there are) from ``position``."""
        with self._lock:
            self._source.seek(position)
            return self._source.read(count)

    def close(self) -> None:
        """Free the source; a read under way in another thread fails. Harmless when repeated."""
        if self._is_closed:
            return
        self._is_closed = True
        self._source.cancel()
        with self._lock:
            self._source.close()


class Cursor(io.RawIOBase):
    """A read-only binary file with its own position; closing it leaves the source open."""

    def __init__(self, shared: SharedSource) -> None:
        super().__init__()
        self._shared = shared
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes; none at the end."""
        data = self._shared.read_at(self._position, size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place; the source itself is not asked but for its size."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        self._position = (self._shared.size() if base is None else base) + offset
        return self._position

    def tell(self) -> int:
        """The current position."""
        return self._position
