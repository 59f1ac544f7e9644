"""Opens an export of any format and size as tables, a piece at a time.

NDJSON, CSV, Parquet and large JSON documents are streamed. OTLP-JSON is read whole: its samples
cannot be told before the end is seen.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa

from vineview.errors import TelemetryError
from vineview.telemetry.formats import csvtext, jsondocument, lines, otlp, parquet
from vineview.telemetry.formats.fetching import fetched, is_url, refuse_other_scheme
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.packing import unpacked
from vineview.telemetry.formats.reading import fill, is_lines
from vineview.telemetry.formats.sources import refuse_pipe, unreadable

__all__ = ["open_tables", "size_of"]

_HEAD: Final = 1 << 20
_HELD: Final = 16 << 20
"""Up to this size a JSON document is read at once, which is quicker."""


def open_tables(
    path: str | os.PathLike[str],
    document: Document,
    *,
    progress: Callable[[int], object] | None = None,
) -> Iterator[pa.Table]:
    """The records of an export as tables in `table.SCHEMA`, in its order.

    Texts may be dictionary-encoded; ``table.cast(SCHEMA)`` makes them plain.

    Args:
        path: A file, a folder of Parquet files, or an http(s) address.
        document: Gets the header before the first table; findings and losses as they come.
        progress: Called with the number of bytes read since the last call.

    Raises:
        TelemetryError: If it cannot be read, holds no export, or one of another major version.
    """
    counts = {"samples": 0, "events": 0}
    refuse_other_scheme(os.fspath(path))
    with fetched(path, progress=progress) as place:
        for table in _tables(Path(place), document, progress or (lambda _bytes: None)):
            samples = table["kind"].null_count
            counts["samples"] += samples
            counts["events"] += table.num_rows - samples
            yield table
    document.check_header(is_empty=not any(counts.values()))
    document.finish(**counts)


def size_of(path: str | os.PathLike[str]) -> int | None:
    """How many bytes there are to read, if that can be told."""
    place = Path(path)
    if is_url(os.fspath(path)):
        return None
    files = place.rglob("*.parquet") if place.is_dir() else [place]
    try:
        return sum(each.stat().st_size for each in files)
    except OSError:
        return None


def _tables(
    place: Path, document: Document, progress: Callable[[int], object]
) -> Iterator[pa.Table]:
    try:
        refuse_pipe(place)
        file = None if place.is_dir() else place.open("rb")
    except TelemetryError:
        raise
    except (OSError, ValueError) as error:
        why = error if isinstance(error, OSError) else OSError(str(error))
        raise unreadable(place, why) from error
    if file is None:
        yield from parquet.folder_tables(place, document, progress=progress)
        return
    with file:
        if file.read(len(parquet.MAGIC)) == parquet.MAGIC:
            yield from parquet.tables(place, document, progress=progress)
            return
        file.seek(0)
        counted = io.BufferedReader(_Counted(file, progress), _HEAD)
        yield from _text_tables(counted, document)


def _text_tables(file: io.BufferedReader[Any], document: Document) -> Iterator[pa.Table]:
    pieces = unpacked(file, document)
    head = bytearray()
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD:
            break
    rest = chain([bytes(head)], pieces)
    if csvtext.is_csv(bytes(head)):
        yield from csvtext.tables(io.BufferedReader(_Joined(rest), _HEAD), document)
        return
    text = bytes(head).decode("utf-8", "surrogateescape")
    if head.strip() and is_lines(text) and not otlp.is_otlp(text):
        yield from lines.tables(rest, document)
        return
    for piece in pieces if not otlp.is_otlp(text) else ():
        head += piece
        if len(head) < _HELD:
            continue
        streamed = jsondocument.tables(bytes(head), pieces, document)
        if streamed is None:
            break
        yield from streamed
        return
    fill(document, b"".join(chain([bytes(head)], pieces)))
    yield from jsondocument.records_to_tables(document)


class _Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], object]) -> None:
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        self._progress(len(piece))
        return len(piece)


class _Joined(io.RawIOBase):
    """Pieces as one stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and (piece := next(self._pieces, None)) is not None:
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
