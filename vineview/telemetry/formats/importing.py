"""Imports an export of any size into a folder of Parquet files, once, in bounded memory.

Rows are gathered by day; when too many wait, the fullest day is sorted by device and instant and
written as one file of `day=YYYY-MM-DD/`. The folder is built beside its place and renamed when it
is whole, so a half-made import never counts. Damaged records are in `damaged.ndjson`, a line each:
``line``, ``problem``, ``text``.

A sample that carries an event's fields (``success``, ``error``) keeps them in their typed columns:
what a row is, is told by ``kind`` alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vineview.errors import TelemetryError
from vineview.telemetry.formats.findings import Document, Finding
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.parquet import HEADER_FILE
from vineview.telemetry.formats.sources import unreadable
from vineview.telemetry.table import SCHEMA

__all__ = ["DAMAGED_FILE", "Imported", "import_export", "imported", "write_folder"]

DAMAGED_FILE: Final = "damaged.ndjson"
"""Where damaged records are kept aside, if there are any."""

_LAYOUT: Final = 1
_WAITING: Final = 200_000
_GROUP: Final = 1 << 17
_DAY_US: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
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
        path: A file of any format read.
        progress: Called with the number of bytes read since the last call.

    Raises:
        TelemetryError: If the file cannot be read or the folder not be written.
    """
    folder = _cache() / f"{_checksum(Path(path))}-{_LAYOUT}"
    if (folder / HEADER_FILE).is_file():
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _found(folder)
    return import_export(path, folder, progress=progress)


def import_export(
    path: str | os.PathLike[str], into: Path, *, progress: Progress | None = None
) -> Imported:
    """Import a file, or a folder of Parquet files.

    Args:
        path: NDJSON, CSV, Parquet (streamed), JSON or OTLP-JSON (held in memory).
        into: The folder to make; one that is there is replaced.
        progress: Called with the number of bytes read since the last call.

    Returns:
        What was imported.

    Raises:
        TelemetryError: If the file is no export or of another major version, or the folder
            cannot be written; nothing half-made is left.
    """
    document = Document(os.fspath(path))
    with _Folder(into) as folder:
        document.keep_aside = folder.keep_aside
        for table in open_tables(path, document, progress=progress):
            folder.add(table)
        folder.finish(document)
    return _found(into)


def write_folder(header: dict[str, Any], tables: Iterable[pa.Table], into: Path) -> Path:
    """Write tables in `table.SCHEMA` as such a folder.

    Raises:
        TelemetryError: If it cannot be written.
    """
    with _Folder(into) as folder:
        for table in tables:
            folder.add(table)
        folder.finish(Document("", header=header))
    return into


class _Folder:
    """Builds the folder beside its place; leaving without an error puts it there."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._waiting: dict[int, list[pa.Table]] = {}
        self._counts: dict[int, int] = {}
        self._files = 0
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None
        self.rows = 0

    def __enter__(self) -> Self:
        try:
            self._into.parent.mkdir(parents=True, exist_ok=True)
            name = tempfile.mkdtemp(dir=self._into.parent, prefix=f".{self._into.name}.")
        except OSError as error:
            raise _unwritten(self._into, error) from error
        self._path = Path(name)
        return self

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        self._writer.shutdown()
        try:
            if error is None:
                old = self._path.with_name(f"{self._path.name}.old")
                if self._into.exists():
                    self._into.replace(old)
                self._path.replace(self._into)
                shutil.rmtree(old, ignore_errors=True)
        except OSError as failure:
            error = failure
        if error is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        if isinstance(error, OSError):
            raise _unwritten(self._into, error) from error

    def keep_aside(self, line: int | None, problem: str, text: str) -> None:
        """Append a damaged record to its file."""
        aside = json.dumps({"line": line, "problem": problem, "text": text})
        with (self._path / DAMAGED_FILE).open("a", encoding="utf-8") as file:
            file.write(f"{aside}\n")

    def add(self, table: pa.Table) -> None:
        """Take rows; write the fullest day while too many wait."""
        if not table.num_rows:
            return
        at = table["at"].cast(pa.int64())
        bounds = pc.min_max(at).as_py()
        table = _encoded(table)
        if bounds["min"] // _DAY_US == bounds["max"] // _DAY_US:
            parts = {bounds["min"] // _DAY_US: table}
        else:
            days = at.to_numpy() // _DAY_US
            parts = {int(day): table.filter(pa.array(days == day)) for day in np.unique(days)}
        for day, part in parts.items():
            self._waiting.setdefault(day, []).append(part)
            self._counts[day] = self._counts.get(day, 0) + part.num_rows
        while sum(self._counts.values()) > _WAITING:
            self._write(max(self._counts, key=self._counts.__getitem__))

    def finish(self, document: Document) -> None:
        """Write what waits, and the header."""
        for day in sorted(self._counts):
            self._write(day)
        self._settle()
        if not self._files:  # so that the folder says its columns
            pq.write_table(SCHEMA.empty_table(), self._path / "part-0.parquet")
        header = {
            "header": document.header,
            "findings": [asdict(each) for each in document.findings],
            "skipped": document.skipped,
            "rows": self.rows,
            "source": document.source,
        }
        with (self._path / HEADER_FILE).open("w", encoding="utf-8") as file:
            json.dump(header, file, indent=1)
            file.flush()
            os.fsync(file.fileno())

    def _write(self, number: int) -> None:
        """Write a day's rows while the next are read, one file at a time."""
        parts = self._waiting.pop(number)
        self.rows += self._counts.pop(number)
        day = (_EPOCH + timedelta(days=number)).date()
        folder = self._path / f"day={day.isoformat()}"
        folder.mkdir(exist_ok=True)
        self._files += 1
        self._settle()
        self._writing = self._writer.submit(
            _write_day, parts, number * _DAY_US, folder / f"part-{self._files}.parquet"
        )

    def _settle(self) -> None:
        """Wait for the file being written, and raise what went wrong with it."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None


def _encoded(table: pa.Table) -> pa.Table:
    """The columns that hold something, texts by their dictionary."""
    columns = {name: table[name] for name in table.column_names}
    return pa.table(
        {
            name: column.dictionary_encode() if column.type == pa.string() else column
            for name, column in columns.items()
            if column.null_count < table.num_rows
        }
    )


def _write_day(parts: list[pa.Table], day_us: int, path: Path) -> None:
    """Sort a day's rows and write them."""
    table = pa.concat_tables(parts, promote_options="default").unify_dictionaries()
    parts.clear()
    table = table.combine_chunks()
    table = table.take(_order(table, day_us))
    texts = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    columns = {
        each.name: table[each.name]
        if each.name in table.column_names
        else pa.nulls(len(table), each.type)
        for each in SCHEMA
    }
    fields = [field.with_type(columns[field.name].type) for field in SCHEMA]
    with path.open("wb") as file:
        pq.write_table(
            pa.table(list(columns.values()), schema=pa.schema(fields)),
            file,
            compression="zstd",
            compression_level=1,
            row_group_size=_GROUP,
            use_dictionary=texts,
            store_schema=False,
        )
        file.flush()
        os.fsync(file.fileno())


def _order(table: pa.Table, day_us: int) -> pa.Array:
    """The rows by device, then instant, then as they came; devices without a name last."""
    within_us = table["at"].cast(pa.int64()).to_numpy() - day_us
    if "device_id" not in table.column_names:
        return pa.array(np.argsort(within_us, kind="stable"))
    codes = table["device_id"].combine_chunks()
    ranks = np.append(pc.rank(codes.dictionary, tiebreaker="dense").to_numpy(), len(codes) + 1)
    which = pc.fill_null(codes.indices, len(codes.dictionary)).to_numpy()
    return pa.array(np.argsort(ranks[which].astype(np.int64) * _DAY_US + within_us, kind="stable"))


def _found(folder: Path) -> Imported:
    kept = json.loads((folder / HEADER_FILE).read_text("utf-8"))
    findings = tuple(Finding(**each) for each in kept["findings"])
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
                facts = each.stat()
                digest.update(f"{each}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
        else:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def _unwritten(into: Path, error: OSError) -> TelemetryError:
    return TelemetryError(
        f"{into} cannot be written: {error.strerror or error}",
        source=str(into),
        hint="Check the folder, its permissions and its free space; nothing half-made is left.",
    )
