"""Imports an export of any size into a folder of Parquet files, once, in bounded memory.

What comes of it is a `folder.Folder`, in which a sample that is written twice counts once.
Damaged records are in `damaged.ndjson`, a line each: ``line``, ``problem``, ``text``.

A sample that carries an event's fields (``success``, ``error``) keeps them in their typed columns:
what a row is, is told by ``kind`` alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from vineview.telemetry.formats.clocks import Clocks
from vineview.telemetry.formats.fetching import fetched, name_of
from vineview.telemetry.formats.findings import Document, Finding
from vineview.telemetry.formats.folder import Folder
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.parquet import HEADER_FILE
from vineview.telemetry.formats.sources import unreadable

__all__ = ["Imported", "import_export", "imported", "write_folder"]

_LAYOUT: Final = 2
_PIECE: Final = 1 << 20

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Imported:
    """An export in a folder of Parquet files.

    Attributes:
        folder: Where: `day=YYYY-MM-DD/part-N.parquet` in `table.SCHEMA`, and `header.json`.
        header: The export's header fields.
        findings: What a reader should know.
        skipped: How many records were lost.
        rows: How many there are.
    """

    folder: Path
    header: dict[str, Any]
    findings: tuple[Finding, ...]
    skipped: int
    rows: int


def imported(path: str | os.PathLike[str], *, progress: Progress | None = None) -> Imported:
    """The import of a file, made now or found again by the file's checksum.

    It is kept in the user's cache folder, or where ``VINEVIEW_CACHE`` says.

    Args:
        path: A file of any format read, or an http(s) address.
        progress: Called with the number of bytes read since the last call.

    Raises:
        TelemetryError: If the file cannot be read or the folder not be written.
    """
    with fetched(path, progress=progress) as place:
        folder = _cache() / f"{_checksum(Path(place))}-{_LAYOUT}"
        if (folder / HEADER_FILE).is_file():
            with suppress(OSError, ValueError, KeyError, TypeError):
                return _found(folder, name_of(path))
        return import_export(place, folder, progress=progress)


def import_export(
    path: str | os.PathLike[str],
    into: Path,
    *,
    progress: Progress | None = None,
    waiting: int = 200_000,
) -> Imported:
    """Import a file, or a folder of Parquet files.

    Args:
        path: NDJSON, CSV, Parquet (streamed), JSON or OTLP-JSON (held in memory).
        into: The folder to make; one that is there is replaced.
        progress: Called with the number of bytes read since the last call.
        waiting: How many rows may wait in memory to be written.

    Returns:
        What was imported.

    Raises:
        TelemetryError: If the file is no export or of another major version, or the folder
            cannot be written; nothing half-made is left.
    """
    document = Document(name_of(path))
    clocks = Clocks(document)
    with Folder(into, once=True, waiting=waiting) as folder:
        document.keep_aside = folder.keep_aside
        for table in open_tables(path, document, progress=progress):
            clocks.watch(table)
            folder.add(table)
        folder.finish(document)
    return _found(into)


def write_folder(header: dict[str, Any], tables: Iterable[pa.Table], into: Path) -> Path:
    """Write tables in `table.SCHEMA` as such a folder.

    Raises:
        TelemetryError: If it cannot be written.
    """
    with Folder(into) as folder:
        for table in tables:
            folder.add(table)
        folder.finish(Document("", header=header))
    return into


def _found(folder: Path, name: str | None = None) -> Imported:
    """An import found again; of a file by that name, if it has another name now."""
    kept = json.loads((folder / HEADER_FILE).read_text("utf-8"))
    findings = tuple(Finding(**each) for each in kept["findings"])
    if name is not None:
        findings = tuple(
            replace(each, source=name) if each.source == kept["source"] else each
            for each in findings
        )
    return Imported(folder, kept["header"], findings, int(kept["skipped"]), int(kept["rows"]))


def _cache() -> Path:
    if given := os.environ.get("VINEVIEW_CACHE"):
        return Path(given)
    import platformdirs  # noqa: PLC0415 - only imports need it

    return Path(platformdirs.user_cache_dir("vineview", appauthor=False)) / "telemetry"


def _checksum(path: Path) -> str:
    """The file's SHA-256; a folder's is that of its files' names, sizes and times."""
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            for each in sorted(path.rglob("*.parquet")):
                if not each.is_file():
                    continue
                facts = each.stat()
                digest.update(f"{each}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
        else:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()
