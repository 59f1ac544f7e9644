"""Several readers of one open clip.

The workers that stream a controller's clip all read the same source, each at its own place. The
source has one position, so a read sets it and reads in one step under a lock; what was fetched
once is then there for all of them. A reader can be interrupted while a server keeps it waiting,
without harm to the others.
"""

from __future__ import annotations

import threading

from vineview.media.source import ClipSource, FileSource

__all__ = ["Reader", "SharedSource"]


class SharedSource:
    """One open source, many readers.

    Args:
        source: The source; it belongs to this object from now on.
    """

    def __init__(self, source: ClipSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._reading: Reader | None = None
        self._is_closed = False

    @property
    def file(self) -> FileSource | None:
        """The file itself, where the clip is one on disk."""
        return self._source if isinstance(self._source, FileSource) else None

    @property
    def held_bytes(self) -> int:
        """Bytes the source keeps in memory; 0 once closed."""
        return 0 if self._is_closed else self._source.held_bytes

    @property
    def round_trips(self) -> int:
        """Requests answered so far."""
        return self._source.round_trips

    def reader(self) -> Reader:
        """One more reader."""
        return Reader(self)

    def size(self, reader: Reader) -> int:
        """How many bytes the clip has."""
        with self._lock:
            self._begin(reader)
            try:
                return self._source.size
            finally:
                self._begin(None)

    def read_at(self, reader: Reader, position: int, count: int) -> bytes:
        """Read ``count`` bytes (fewer only at the end) from ``position``."""
        with self._lock:
            self._begin(reader)
            try:
                self._source.seek(position)
                return self._source.read(count)
            finally:
                self._begin(None)

    def interrupt(self, reader: Reader) -> None:
        """End a read of this reader that is under way, if one is."""
        with self._turn:
            if self._reading is reader:
                self._source.cancel()

    def close(self) -> None:
        """Free the source; a read under way in another thread fails. Harmless when repeated."""
        with self._turn:
            if self._is_closed:
                return
            self._is_closed = True
            self._source.cancel()
        with self._lock:
            self._source.close()

    def _begin(self, reader: Reader | None) -> None:
        """Note whose turn it is; what an interruption of the one before cut off is mended."""
        with self._turn:
            self._reading = reader
            if reader is not None and not self._is_closed:
                self._source.resume()


class Reader:
    """What one worker reads a shared clip through."""

    def __init__(self, shared: SharedSource) -> None:
        self._shared = shared

    @property
    def file(self) -> FileSource | None:
        """The file itself, where the clip is one on disk."""
        return self._shared.file

    def size(self) -> int:
        """How many bytes the clip has."""
        return self._shared.size(self)

    def read_at(self, position: int, count: int, /) -> bytes:
        """Read ``count`` bytes (fewer only at the end) from ``position``."""
        return self._shared.read_at(self, position, count)

    def interrupt(self) -> None:
        """End a read under way in another thread, with an error there."""
        self._shared.interrupt(self)
