"""Journal: what was done to a live system, when, by whom; appended, never rewritten.

One JSON object a line, flushed to disk before the call returns, so that a run that dies after a
write can be taken up again without repeating it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from vineview.clock import Clock, SystemClock
from vineview.errors import OpsError

__all__ = ["Journal"]


class Journal:
    """An append-only record in one file.

    Args:
        path: The file; made with the first entry.
        clock: Whose instants the entries carry.

    Raises:
        OpsError: If an existing file cannot be read.

    Example:
        >>> journal = Journal(Path("/tmp/example.journal.jsonl"))  # doctest: +SKIP
        >>> journal.append("applied", key="cleanup-1", by="ada")  # doctest: +SKIP
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self.path = path
        self._clock = clock or SystemClock()
        self._entries = _read(path)

    @property
    def entries(self) -> tuple[dict[str, Any], ...]:
        """Every entry, oldest first."""
        return tuple(self._entries)

    def append(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Write one entry and wait until it is on disk.

        Args:
            kind: What happened.
            **facts: Its plain values.

        Returns:
            The entry, with ``at`` and ``kind``.

        Raises:
            OpsError: If it cannot be written; then the act it announces should not happen.
        """
        entry = {"at": self._clock.utc().isoformat(), "kind": kind, **facts}
        try:
            with self.path.open("ab+") as file:
                is_torn = file.tell() and file.seek(-1, os.SEEK_END) and file.read(1) != b"\n"
                text = json.dumps(entry, ensure_ascii=False) + "\n"
                file.write((("\n" if is_torn else "") + text).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OpsError(
                f"the journal {self.path} cannot be written: {error.strerror}",
                hint="Check the folder, its permissions and its free space.",
            ) from error
        self._entries.append(entry)
        return entry


def _read(path: Path) -> list[dict[str, Any]]:
    """The entries of a file; a line a crash cut short becomes an entry that says so."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    except OSError as error:
        raise OpsError(
            f"the journal {path} cannot be read: {error.strerror}",
            hint="Move it away to start a new one.",
        ) from error
    return [_entry(line, number) for number, line in enumerate(lines, start=1)]


def _entry(line: str, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {"kind": "damaged", "line": number}
