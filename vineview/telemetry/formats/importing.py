"""Imports exports of any size into a folder of Parquet files, once, in bounded memory.

What comes of it is a `folder.Folder`, in which a sample that is written twice counts once; of
several files any record, since those of one device overlap.
Damaged records are in `damaged.ndjson`, a line each: ``line``, ``problem``, ``text``.

A sample that carries an event's fields (``success``, ``error``) keeps them in their typed columns:
what a row is, is told by ``kind`` alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from vineview.errors import TelemetryError
from vineview.telemetry.formats.clocks import Clocks
from vineview.telemetry.formats.fetching import fetched, name_of
from vineview.telemetry.formats.findings import Document, Finding
from vineview.telemetry.formats.folder import Folder
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.parquet import HEADER_FILE
from vineview.telemetry.formats.sources import Source, unreadable

__all__ = ["Imported", "import_export", "imported", "write_folder"]

_LAYOUT: Final = 3
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


def imported(
    *places: str | os.PathLike[str] | Source, progress: Progress | None = None
) -> Imported:
    """The import of files as one, made now or found again by their checksums.

    It is kept in the user's cache folder, or where ``VINEVIEW_CACHE`` says.

    Args:
        *places: Files of any format read, folders of Parquet files, http(s) addresses.
        progress: Called with the number of bytes read since the last call.

    Raises:
        TelemetryError: If what was named cannot be read, nothing can, or the folder cannot be
            written.
    """
    with ExitStack() as fetching:
        sources = [_as_source(each, fetching, progress) for each in places]
        folder = _cache() / f"{_checksum(sources)}-{_LAYOUT}"
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _found(folder, [each.name for each in sources])
        return _imported(sources, folder, progress=progress, is_cache=True)


def import_export(
    path: str | os.PathLike[str],
    into: Path,
    *,
    progress: Progress | None = None,
    waiting: int = 200_000,
) -> Imported:
    """Import a file, or a folder of Parquet files.

    Args:
        path: NDJSON, CSV, Parquet or JSON (streamed), or OTLP-JSON (held in memory).
        into: The folder to make; one that is there is replaced.
        progress: Called with the number of bytes read since the last call.
        waiting: How many rows may wait in memory to be written.

    Returns:
        What was imported.

    Raises:
        TelemetryError: If the file is no export or of another major version, or the folder
            cannot be written; nothing half-made is left.
    """
    source = Source(os.fspath(path), named=True)
    return _imported([source], into, progress=progress, waiting=waiting)


def _imported(
    sources: Sequence[Source],
    into: Path,
    *,
    progress: Progress | None,
    waiting: int = 200_000,
    is_cache: bool = False,
) -> Imported:
    """Import one file after the other; of those found, not named, one that fails is a finding."""
    names = [each.name for each in sources]
    whole, failure = Document(", ".join(names)), None
    once = "samples" if len(sources) == 1 else "records"
    with Folder(into, once=once, waiting=waiting, is_cache=is_cache) as folder:
        for source in sources:
            document = Document(source.name, keep_aside=folder.keep_aside)
            clocks = Clocks(document)
            try:
                for table in open_tables(source.place, document, progress=progress):
                    clocks.watch(table)
                    folder.add(table)
            except TelemetryError as error:
                if source.named:
                    raise
                failure = error
                document.note(str(error), severity="error")
            whole.header = whole.header or document.header
            whole.skipped += document.skipped
            whole.findings += document.findings
        if failure is not None and not folder.has_rows:
            raise failure
        folder.finish(whole, names)
    return _found(into, names)


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


def _found(folder: Path, names: Sequence[str]) -> Imported:
    """An import found again; its findings are about the files by the names they have now."""
    kept = json.loads((folder / HEADER_FILE).read_text("utf-8"))
    then = kept["sources"]
    now = dict(zip([*then, ", ".join(then)], [*names, ", ".join(names)], strict=True))
    findings = tuple(
        Finding(**{**each, "source": now.get(each["source"], each["source"])})
        for each in kept["findings"]
    )
    return Imported(folder, kept["header"], findings, int(kept["skipped"]), int(kept["rows"]))


def _as_source(
    place: str | os.PathLike[str] | Source, fetching: ExitStack, progress: Progress | None
) -> Source:
    if isinstance(place, Source):
        return place
    file = fetching.enter_context(fetched(place, progress=progress))
    return Source(name_of(file), named=True, path=Path(file))


def _cache() -> Path:
    if given := os.environ.get("VINEVIEW_CACHE"):
        return Path(given)
    import platformdirs  # noqa: PLC0415 - only imports need it

    return Path(platformdirs.user_cache_dir("vineview", appauthor=False)) / "telemetry"


def _checksum(sources: Sequence[Source]) -> str:
    """One file's SHA-256; a folder's is that of its files' names, sizes and times."""
    if len(sources) > 1:
        each = "".join(_checksum([source]) for source in sources)
        return hashlib.sha256(each.encode()).hexdigest()
    (source,) = sources
    path, digest = Path(source.place), hashlib.sha256()
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.parquet")):
                if not file.is_file():
                    continue
                facts = file.stat()
                digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
        else:
            with path.open("rb") as bytes_:
                while piece := bytes_.read(_PIECE):
                    digest.update(piece)
    except OSError as error:
        if source.named:
            raise unreadable(path, error) from error
        digest.update(str(error).encode())
    return digest.hexdigest()
