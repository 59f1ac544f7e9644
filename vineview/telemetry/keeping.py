"""What is too big to be records, or is asked of another engine: imported once, then asked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vineview.errors import TelemetryError
from vineview.telemetry.engine.engines import dialect_of
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats.findings import Finding
from vineview.telemetry.formats.sources import Source, find

__all__ = ["BIG_BYTES", "Kept", "Progress", "stores_of"]

Progress = Callable[[int], object]
"""Called with the number of bytes read since the last call."""

BIG_BYTES: Final = 64 * 2**20
"""From this size on files are imported, not read into memory."""
_PACKINGS: Final = (".gz", ".zst", ".parquet")
_PACKED: Final = 8
"""How many times larger than their files packed records are, about."""
_HELD_ELSEWHERE: Final = ("trino", "clickhouse")
_HEADER: Final = "header.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """An export that stays where it is.

    Attributes:
        store: What answers questions about it.
        header: The export's header fields, the first file's.
        findings: What a reader should know.
        skipped: How many records were lost.
        origins: Where it came from.
    """

    store: Store
    header: dict[str, Any]
    findings: tuple[Finding, ...]
    skipped: int
    origins: tuple[str, ...]


def stores_of(
    places: Sequence[str | os.PathLike[str]],
    *,
    engine: str | None,
    progress: Progress | None = None,
    big_bytes: int = BIG_BYTES,
) -> Kept | list[Source]:
    """Open places as a store, if they are big together or an engine is named.

    Args:
        places: As `Telemetry.open` takes them.
        engine: Which engine; ``None`` or ``"duckdb"`` for DuckDB.
        progress: Told of a long import.
        big_bytes: From this size on they are big.

    Returns:
        The store, or what is to be read into memory.

    Raises:
        TelemetryError: As `sources.find`, `importing.imported` and `Store.of_folders` do.
    """
    if engine in {None, "duckdb"}:
        sources = list(find(places))
        if sum(map(_bytes_of, sources)) < big_bytes:
            return sources
        return _kept([], sources, None, progress)
    dialect_of(engine)  # before a long import
    if engine.startswith(_HELD_ELSEWHERE):
        names = [os.fspath(place) for place in places]
        return Kept(Store.of_folders(*names, engine=engine), {}, (), 0, tuple(names))
    folders = [os.fspath(place) for place in places if _is_asked_there(place)]
    others = [place for place in places if not _is_asked_there(place)]
    return _kept(folders, list(find(others)), engine, progress)


def _kept(
    folders: list[str], sources: list[Source], engine: str | None, progress: Progress | None
) -> Kept:
    """Folders as they are and files once imported, as one store."""
    headers = [_header_beside(each) for each in folders]
    findings, skipped = tuple[Finding, ...](), 0
    origins = (*folders, *(each.name for each in sources))
    if sources:
        from vineview.telemetry.formats.importing import imported  # noqa: PLC0415 - only big ones

        files = imported(*sources, progress=progress)
        folders, headers = [*folders, str(files.folder)], [*headers, files.header]
        findings, skipped = files.findings, files.skipped
    return Kept(Store.of_folders(*folders, engine=engine), headers[0], findings, skipped, origins)


def _bytes_of(source: Source) -> int:
    """How many bytes a file or folder has, or would have if it were not packed."""
    path = Path(source.place)
    try:
        files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
        return sum(
            each.stat().st_size * (_PACKED if each.name.lower().endswith(_PACKINGS) else 1)
            for each in files
        )
    except OSError:
        return 0  # reading it says what is wrong


def _is_asked_there(place: str | os.PathLike[str]) -> bool:
    """Whether an engine reads a place itself: a folder of Parquet files, or a distant one."""
    return _is_parquet_folder(os.fspath(place)) or _is_remote(os.fspath(place))


def _is_parquet_folder(name: str) -> bool:
    path = Path(name).expanduser()
    return path.is_dir() and next(path.rglob("*.parquet"), None) is not None


def _is_remote(name: str) -> bool:
    return "://" in name and not name.lower().startswith(("http://", "https://", "file://"))


def _header_beside(name: str) -> dict[str, Any]:
    """The header an import or a conversion left beside the files, if it did."""
    path = Path(name).expanduser() / _HEADER
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TelemetryError(
            f"{path} cannot be read: {error}", source=str(path), hint="Import the export again."
        ) from error
    header = document.get("header", document) if isinstance(document, dict) else {}
    return dict(header) if isinstance(header, dict) else {}
