"""ByteCache: bytes by key, never more than its cap, oldest out until the new fits.

Age is the time of storing, not of last use, as the deployment guide has it: a feed is watched from
the newest on, so what came first leaves first. With a folder the bytes live on disk (`core.shelf`)
and survive the process; the bookkeeping is the same. One lock guards it, since clips are read in
worker threads. Source: reference, section 6 (storage).
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

from vineview.core.config import whole_number
from vineview.core.shelf import DiskShelf, MemoryShelf

__all__ = ["DEFAULT_MAX_BYTES", "ByteCache"]

DEFAULT_MAX_BYTES = 100 * 1024 * 1024
"""The deployment guide's cap: 104 857 600 bytes."""


class ByteCache:
    """Keeps bytes up to a cap. Safe to use from several threads.

    Args:
        max_bytes: The cap on the stored bytes (keys and bookkeeping not counted); 0 keeps nothing.
        folder: Keep them here, across processes; made if missing. Several caches may share one
            of the same cap: each looks again when another has stored. In memory if not given.

    Attributes:
        hits: Times `get` had the bytes.
        misses: Times it had not.

    Raises:
        ConfigError: If ``max_bytes`` is no whole number of at least 0.
        OSError: If the folder cannot be made or listed.

    Example:
        >>> cache = ByteCache(max_bytes=4)
        >>> cache.put("a", b"12"), cache.put("b", b"345"), cache.put("c", b"12345")
        (True, True, False)
        >>> cache.get("a"), cache.get("b"), cache.size_bytes
        (None, b'345', 3)
    """

    def __init__(
        self, max_bytes: int = DEFAULT_MAX_BYTES, *, folder: str | Path | None = None
    ) -> None:
        self.max_bytes = whole_number("max_bytes", max_bytes, least=0)
        self.hits = 0
        self.misses = 0
        self._lock = Lock()
        self._sizes: OrderedDict[str, int]
        self._size_bytes: int
        self._shelf: MemoryShelf | DiskShelf
        self._shelf = MemoryShelf() if folder is None else DiskShelf(Path(folder))
        self._take_stock()
        self._make_room(0)

    @property
    def size_bytes(self) -> int:
        """Bytes stored now; never above ``max_bytes``."""
        return self._size_bytes

    def put(self, key: str, data: bytes) -> bool:
        """Store bytes under a key, replacing what was there.

        Args:
            key: Any text.
            data: The bytes; copied if not ``bytes``.

        Returns:
            False if they were refused: larger than the cap, or the disk would not take them (logged
            as a warning). What the key held before is dropped then too, being out of date.
        """
        if not isinstance(data, bytes):
            data = bytes(memoryview(data))  # whose length counts bytes; a number is no data
        with self._lock:
            slot = self._shelf.slot(key)
            if self._shelf.was_touched:
                self._take_stock()
            self._drop(slot)
            if len(data) > self.max_bytes:
                return False
            self._make_room(len(data))
            if not self._shelf.write(slot, data):
                return False
            self._sizes[slot] = len(data)
            self._size_bytes += len(data)
            return True

    def get(self, key: str) -> bytes | None:
        """The bytes of a key, or None; counted as a hit or a miss.

        Args:
            key: The text they were stored under.
        """
        with self._lock:
            slot = self._shelf.slot(key)
            data = self._shelf.read(slot) if slot in self._sizes else None
            if data is None:
                self._drop(slot)
                self.misses += 1
            else:
                self.hits += 1
            return data

    def remove(self, key: str) -> None:
        """Forget a key; an unknown one is fine.

        Args:
            key: The text it was stored under.
        """
        with self._lock:
            self._drop(self._shelf.slot(key))

    def clear(self) -> None:
        """Forget everything; the counts of hits and misses stay."""
        with self._lock:
            for slot in list(self._sizes):
                self._drop(slot)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._shelf.slot(key) in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def __repr__(self) -> str:
        used, cap = self._size_bytes / 2**20, self.max_bytes / 2**20
        return f"ByteCache({used:.1f} of {cap:.1f} MB, {self.hits} hits, {self.misses} misses)"

    def _take_stock(self) -> None:
        self._sizes = OrderedDict(self._shelf.stored())
        self._size_bytes = sum(self._sizes.values())

    def _make_room(self, needed: int) -> None:
        while self._size_bytes + needed > self.max_bytes:
            self._drop(next(iter(self._sizes)))

    def _drop(self, slot: str) -> None:
        size = self._sizes.pop(slot, None)
        if size is not None:
            self._size_bytes -= size
            self._shelf.delete(slot)
