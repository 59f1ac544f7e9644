"""Writes an export in any format, whole or not at all.

The name decides: ``.json``, ``.ndjson`` / ``.jsonl``, ``.csv``, each also as ``.gz`` or ``.zst``,
``.parquet``; a name ending in ``/`` is a folder of Parquet files by day. Rows are written as they
come, in bounded memory, beside the target, and moved into place when they are safe on disk.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from vineview.errors import TelemetryError
from vineview.telemetry.formats import csvtext, parquet
from vineview.telemetry.formats.columns import records_to_table, table_to_records
from vineview.telemetry.formats.jsontext import dump
from vineview.telemetry.formats.texts import record_lines

__all__ = ["SUFFIXES", "is_folder_name", "layout", "write", "write_tables"]

Record = Mapping[str, Any]

SUFFIXES: Final = (".json", ".ndjson", ".jsonl", ".csv", ".parquet")
"""What names end in, by format."""
PACKINGS: Final = (".gz", ".zst")
"""What may follow, but for Parquet."""

_ROWS: Final = 1 << 14


def layout(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The format and the packing a name stands for.

    Returns:
        One of `SUFFIXES`, or ``/`` for a folder of Parquet files; and ``.gz``, ``.zst`` or ``""``.

    Raises:
        TelemetryError: If the name stands for none.

    Example:
        >>> layout("export.csv.gz")
        ('.csv', '.gz')
    """
    if is_folder_name(path):
        return "/", ""
    name = Path(path).name.lower()
    packing = next((each for each in PACKINGS if name.endswith(each)), "")
    suffix = Path(name.removesuffix(packing)).suffix
    if suffix not in SUFFIXES or (packing and suffix == ".parquet"):
        raise TelemetryError(
            f"{os.fspath(path)} has no suffix of an export",
            source=os.fspath(path),
            hint=f"Written are {', '.join(SUFFIXES)}, but for Parquet also with .gz or .zst, "
            "and folders of Parquet files (a name ending in /).",
        )
    return suffix, packing


def is_folder_name(path: str | os.PathLike[str]) -> bool:
    """Whether a name asks for a folder: it ends in ``/``, or is one already."""
    return os.fspath(path).endswith(("/", os.sep)) or Path(path).is_dir()


def write(
    header: Record,
    samples: Sequence[Record],
    events: Sequence[Record],
    path: str | os.PathLike[str],
) -> Path:
    """Write the records, samples first.

    Args:
        header: The export's header fields.
        samples: Its samples.
        events: Its events.
        path: Where; its name says in which format. An existing file is replaced.

    Returns:
        The path.

    Raises:
        TelemetryError: If the name is of no format, or the file cannot be written; nothing is
            changed then.
    """
    suffix, _ = layout(path)
    if suffix in {".csv", ".parquet", "/"}:
        records = [*samples, *events]
        starts = range(0, len(records), _ROWS)
        pieces = (records_to_table(records[start : start + _ROWS]) for start in starts)
        return write_tables(header, pieces, path)
    with _replacing(path) as file, closing(_TEXT[suffix](file, dict(header))) as writer:
        for record in (*samples, *events):
            writer.write_record(record)
        writer.finish()
    return Path(path)


def write_tables(header: Record, tables: Iterable[pa.Table], path: str | os.PathLike[str]) -> Path:
    """Write tables in `table.SCHEMA` as they come; as `write` otherwise."""
    suffix, _ = layout(path)
    if suffix == "/":
        from vineview.telemetry.formats.importing import write_folder  # noqa: PLC0415 - it writes with us

        return write_folder(dict(header), tables, Path(path))
    if suffix == ".parquet":
        with _beside(Path(path)) as temporary:
            whole = parquet.Writer(temporary, dict(header))
            try:
                for table in tables:
                    whole.write(table)
            finally:
                whole.close()
        return Path(path)
    with _replacing(path) as file, closing(_TEXT[suffix](file, dict(header))) as writer:
        for table in tables:
            writer.write(table)
        writer.finish()
    return Path(path)


class _Writer(Protocol):
    def __init__(self, file: BinaryIO, header: dict[str, Any]) -> None: ...
    def write(self, table: pa.Table) -> None: ...
    def write_record(self, record: Record) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...


class _Lines:
    """A header line, then a line per record."""

    def __init__(self, file: BinaryIO, header: dict[str, Any]) -> None:
        self._file = file
        file.write(f"{dump(header)}\n".encode())

    def write(self, table: pa.Table) -> None:
        lines = record_lines(table)
        if lines is not None:
            self._file.write(lines)
            return
        for record in table_to_records(table):
            self.write_record(record)

    def write_record(self, record: Record) -> None:
        self._file.write(f"{dump(record)}\n".encode())

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Csv:
    """The columns, the header's row, then a row per record."""

    def __init__(self, file: BinaryIO, header: dict[str, Any]) -> None:
        self._file = file
        file.write(csvtext.header_line(header))

    def write(self, table: pa.Table) -> None:
        self._file.write(csvtext.row_lines(table))

    def write_record(self, record: Record) -> None:
        self.write(records_to_table([record]))

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Document:
    """One JSON object; the events wait in a temporary file until the samples are written."""

    def __init__(self, file: BinaryIO, header: dict[str, Any]) -> None:
        self._file = file
        self._events = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the document
        self._has = {"samples": False, "events": False}
        fields = [f"{dump(name)}: {dump(value)},\n" for name, value in header.items()]
        file.write(("{\n" + "".join(fields) + '"samples": [').encode())

    def write(self, table: pa.Table) -> None:
        is_sample = pc.is_null(table["kind"])
        for rows in (table.filter(is_sample), table.filter(pc.invert(is_sample))):
            lines = record_lines(rows) if rows.num_rows else b""
            if lines is None:
                for record in table_to_records(rows):
                    self.write_record(record)
            elif lines:
                which = "samples" if rows["kind"].null_count else "events"
                self._append(which, bytes(lines[:-1]).replace(b"\n", b",\n"))

    def write_record(self, record: Record) -> None:
        self._append("events" if "kind" in record else "samples", dump(record).encode())

    def _append(self, which: str, data: bytes) -> None:
        file = self._events if which == "events" else self._file
        file.write((b",\n" if self._has[which] else b"\n") + data)
        self._has[which] = True

    def finish(self) -> None:
        self._file.write(b'\n],\n"events": [')
        self._events.seek(0)
        shutil.copyfileobj(self._events, self._file)
        self._file.write(b"\n]\n}\n")

    def close(self) -> None:
        self._events.close()


_TEXT: Final[dict[str, type[_Writer]]] = {
    ".json": _Document,
    ".ndjson": _Lines,
    ".jsonl": _Lines,
    ".csv": _Csv,
}


@contextmanager
def _replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, packed as the name says, that takes the path's place when whole."""
    _, packing = layout(path)
    with _beside(Path(path)) as temporary, temporary.open("wb") as file:
        if packing == ".gz":
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                yield packed  # type: ignore[misc]
        elif packing == ".zst":
            with pa.CompressedOutputStream(pa.PythonFile(file, mode="w"), "zstd") as packed:
                yield packed
        else:
            yield file


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A temporary path beside the target; moved onto it once it is on disk, else removed."""
    try:
        with tempfile.TemporaryDirectory(
            dir=target.parent, prefix=f".{target.name}.", ignore_cleanup_errors=True
        ) as folder:
            temporary = Path(folder) / "made"  # as anybody's file; the folder is ours alone
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
    except OSError as error:
        raise TelemetryError(
            f"{target} cannot be written: {error.strerror or error}",
            source=str(target),
            hint="Check the folder, its permissions and its free space; nothing was changed.",
        ) from error
