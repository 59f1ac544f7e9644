"""Parquet: one file with the header in its metadata, or a folder of them, by day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from vineview.errors import TelemetryError
from vineview.telemetry.formats.conform import check_columns, conform
from vineview.telemetry.formats.findings import Document, not_export
from vineview.telemetry.formats.jsontext import dump
from vineview.telemetry.table import SCHEMA

__all__ = ["HEADER_FILE", "HEADER_KEY", "MAGIC", "Writer", "folder_tables", "is_folder", "tables"]

MAGIC: Final = b"PAR1"
HEADER_KEY: Final = b"openvine.header"
"""Where a file's metadata has the header, as JSON."""
HEADER_FILE: Final = "header.json"
"""Where a folder has it, beside its days."""

_ROWS: Final = 1 << 16
_GROUP: Final = 1 << 17


def tables(
    file: BinaryIO | str | Path,
    document: Document,
    fixed: dict[str, str] | None = None,
    *,
    progress: Callable[[int], object] | None = None,
) -> Iterator[pa.Table]:
    """The records of one file as tables in `table.SCHEMA`, in its order.

    Args:
        file: The file, or its path.
        document: Gets the header, if it has none yet, and the findings.
        fixed: Columns whose value the file's folder names.
        progress: Called with the number of bytes read since the last call.

    Raises:
        TelemetryError: If the file cannot be read, or its columns are not an export's.
    """
    try:
        reader = pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise not_export(
            document.source, f"is Parquet data that cannot be read ({_short(error)})"
        ) from error
    with reader:
        _take_header(reader, document)
        fixed = {name: value for name, value in (fixed or {}).items() if name != "day"}
        check_columns([*reader.schema_arrow.names, *fixed], document)
        size = Path(file).stat().st_size if isinstance(file, str | Path) else 0
        for table in _batches(reader, document, fixed):
            if progress is not None:
                progress(size * table.num_rows // max(reader.metadata.num_rows, 1))
            yield table


def folder_tables(
    folder: Path, document: Document, *, progress: Callable[[int], object] | None = None
) -> Iterator[pa.Table]:
    """The records of a folder of Parquet files, file by file.

    Raises:
        TelemetryError: If it holds none, or none that can be read.
    """
    files = _files(folder)
    if not files:
        raise TelemetryError(
            f"{folder} holds no Parquet file",
            source=str(folder),
            hint="A partitioned export has files like day=2026-01-01/part-0.parquet.",
        )
    header = folder / HEADER_FILE
    if header.is_file():
        try:
            kept = json.loads(header.read_text("utf-8"))
            document.header = dict(kept["header"])
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            document.note(f"{HEADER_FILE} cannot be read ({error})")
    failures: list[TelemetryError] = []
    for file in files:
        named = (part.partition("=") for part in file.relative_to(folder).parts[:-1])
        fixed = {name: value for name, sign, value in named if sign}
        inner = Document(str(file), header=document.header, keep_aside=document.keep_aside)
        try:
            yield from tables(file, inner, fixed, progress=progress)
            failure = None
        except TelemetryError as error:
            failures.append(error)
            failure = error
        if failure is not None:
            if len(failures) == len(files):
                raise failure
            problem = failure.message.removeprefix(str(file)).lstrip(": ")
            inner.lose(f"this part is set aside whole: {problem}")
        document.header = inner.header
        document.skipped += inner.skipped
        document.findings += inner.findings


def is_folder(folder: Path) -> bool:
    """Whether a folder is a partitioned export."""
    return (
        (folder / HEADER_FILE).is_file()
        or any(each.is_dir() and "=" in each.name for each in folder.iterdir())
        or folder.name.lower().endswith(".parquet")
    )


class Writer:
    """Writes tables to one Parquet file.

    Args:
        path: Where.
        header: The export's header, kept in the file's metadata.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        schema = SCHEMA.with_metadata({HEADER_KEY: dump(header).encode()})
        self._file = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if table.num_rows:
            self._file.write_table(table, row_group_size=_GROUP)

    def close(self) -> None:
        """Write the index; without it the file is none."""
        self._file.close()


def _files(folder: Path) -> list[Path]:
    found = (*folder.glob("*.parquet"), *folder.glob("**/*=*/**/*.parquet"))
    return sorted({each for each in found if each.is_file()})


def _take_header(reader: pq.ParquetFile, document: Document) -> None:
    text = (reader.metadata.metadata or {}).get(HEADER_KEY)
    if text is None:
        return
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        document.note(f"the header in its metadata is damaged ({error})", severity="error")
        return
    if isinstance(header, dict):
        Document(document.source, header=header).check_version()
        document.header = document.header or header


def _batches(
    reader: pq.ParquetFile, document: Document, fixed: dict[str, str]
) -> Iterator[pa.Table]:
    row = 0
    try:
        for batch in reader.iter_batches(batch_size=_ROWS):
            table = pa.Table.from_batches([batch])
            for name, value in fixed.items():
                if name not in table.column_names:
                    column = pa.repeat(pa.scalar(value, pa.string()), table.num_rows)
                    table = table.append_column(name, column)
            yield conform(table, document, range(row + 1, row + table.num_rows + 1), is_text=False)
            row += table.num_rows
    except (pa.ArrowException, OSError) as error:
        lost = reader.metadata.num_rows - row
        document.lose(f"{lost} records cannot be read ({_short(error)})", row + 1, count=lost)


def _short(error: BaseException) -> str:
    return str(error).partition("\n")[0][:160]
