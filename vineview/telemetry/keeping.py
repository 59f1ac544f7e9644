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
from vineview.telemetry.formats.fetching import Fetched, name_of
from vineview.telemetry.formats.findings import Finding

__all__ = ["BIG_BYTES", "Kept", "Progress", "stores_of"]

Progress = Callable[[int], object]
"""Called with the number of bytes read since the last call."""

BIG_BYTES: Final = 64 * 2**20
"""From this size on a file is imported, not read into memory."""
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
) -> Kept | None:
    """Open places as a store, if they are big or an engine is named.

    Args:
        places: As `Telemetry.open` takes them.
        engine: Which engine; ``None`` or ``"duckdb"`` for DuckDB.
        progress: Told of a long import.
        big_bytes: From this size on a file is big.

    Returns:
        ``None`` if they are to be read into memory.

    Raises:
        TelemetryError: As `importing.imported` and `Store.of_folders` do.
    """
    names = [os.fspath(place) for place in places]
    engine = None if engine == "duckdb" else engine
    if engine is None and not any(_is_big(name, big_bytes) for name in names):
        return None
    if engine is not None:
        dialect_of(engine)  # before a long import
    if engine is not None and engine.startswith(_HELD_ELSEWHERE):
        return Kept(Store.of_folders(*names, engine=engine), {}, (), 0, tuple(names))
    folders, headers = list[str](), list[dict[str, Any]]()
    findings, skipped = list[Finding](), 0
    for name, place in zip(names, places, strict=True):
        if engine is not None and (_is_parquet_folder(name) or _is_remote(name)):
            folders.append(name)
            headers.append(_header_beside(name))
            continue
        from vineview.telemetry.formats.importing import imported  # noqa: PLC0415 - only big ones

        file = place if isinstance(place, Fetched) else Path(name).expanduser()
        each = imported(file, progress=progress)
        folders.append(str(each.folder))
        headers.append(dict(each.header))
        findings += each.findings
        skipped += each.skipped
    store = Store.of_folders(*folders, engine=engine)
    return Kept(store, headers[0], tuple(findings), skipped, tuple(map(name_of, places)))


def _is_big(name: str, big_bytes: int) -> bool:
    """Whether a file, or the files of a folder together, are too big to be records."""
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) >= (
                big_bytes
            )
        return path.is_file() and path.stat().st_size >= big_bytes
    except (OSError, RuntimeError):
        return False  # reading it says what is wrong


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
