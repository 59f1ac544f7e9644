"""Where a ByteCache keeps its bytes: in memory, or in files of one folder.

A file's name is the SHA-256 of its key, so no key, however hostile, names a path. Files are
written beside their place and moved there whole, and begin with a digest of what follows: a file
that was cut off, altered or swapped reads as absent. Source: reference, defect 16.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["DiskShelf", "MemoryShelf"]

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"[0-9a-f]{64}\.bytes\Z")
_DIGEST_BYTES = 32
_UNFINISHED = ".unfinished"


class MemoryShelf:
    """Bytes in a dictionary; the slot of a key is the key."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def slot(self, key: str) -> str:
        """Where a key's bytes are."""
        return key

    @property
    def was_touched(self) -> bool:
        """Whether anybody else stored or removed something: never."""
        return False

    def stored(self) -> list[tuple[str, int]]:
        """Slots and sizes found on opening: none."""
        return []

    def write(self, slot: str, data: bytes) -> bool:
        """Keep bytes; always possible."""
        self._held[slot] = data
        return True

    def read(self, slot: str) -> bytes | None:
        """The bytes kept."""
        return self._held.get(slot)

    def delete(self, slot: str) -> None:
        """Let them go."""
        del self._held[slot]


class DiskShelf:
    """Bytes in files of one folder, which outlive the process.

    Args:
        folder: Made if missing. Only files named as this class names them are read or deleted.

    Raises:
        OSError: If the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for path, _ in self._files():
            if path.name.endswith(_UNFINISHED):
                self.delete(path.name)
        self._seen_ns = self._changed_ns()

    @property
    def was_touched(self) -> bool:
        """Whether another process stored or removed something since this one last looked."""
        return self._changed_ns() not in {0, self._seen_ns}

    def slot(self, key: str) -> str:
        """The file name of a key."""
        return f"{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}.bytes"

    def stored(self) -> list[tuple[str, int]]:
        """File names and data sizes, oldest first.

        Raises:
            OSError: If the folder cannot be listed.
        """
        self._seen_ns = self._changed_ns()
        found = []
        for path, status in self._files():
            if _NAME.match(path.name):
                size = max(status.st_size - _DIGEST_BYTES, 0)
                found.append((status.st_mtime_ns, path.name, size))
        return [(name, size) for _, name, size in sorted(found)]

    def write(self, slot: str, data: bytes) -> bool:
        """Write a file whole or not at all; false (and a warning) if the disk refuses."""
        unfinished = None
        try:
            handle, unfinished = tempfile.mkstemp(suffix=_UNFINISHED, dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(slot.encode() + data).digest())
                file.write(data)
            Path(unfinished).replace(self._folder / slot)
        except OSError as error:
            _LOG.warning("the cache could not keep %s bytes: %s", len(data), error)
            if unfinished is not None:
                self.delete(Path(unfinished).name)
            return False
        self._seen_ns = self._changed_ns()
        return True

    def read(self, slot: str) -> bytes | None:
        """The bytes of a file, or None (and a warning) if it is gone or damaged."""
        try:
            content = (self._folder / slot).read_bytes()
        except OSError as error:
            _LOG.warning("a cached file cannot be read: %s", error)
            return None
        digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(slot.encode() + data).digest() != digest:
            _LOG.warning("the cached file %s is damaged and is fetched again", slot)
            return None
        return data

    def delete(self, slot: str) -> None:
        """Remove a file; a warning if it cannot be."""
        try:
            (self._folder / slot).unlink(missing_ok=True)
        except OSError as error:
            _LOG.warning("the cached file %s cannot be removed: %s", slot, error)
        self._seen_ns = self._changed_ns()

    def _changed_ns(self) -> int:
        """When a name was last added to the folder or taken out of it; 0 if it is no more."""
        try:
            status = self._folder.stat()
        except OSError:
            return 0
        return status.st_mtime_ns if stat.S_ISDIR(status.st_mode) else 0

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The folder's own plain files; links are passed over."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process removed it
                    if entry.is_file(follow_symlinks=False):
                        yield Path(entry.path), entry.stat(follow_symlinks=False)
