"""A folder of Parquet files by day, built beside its place and put there when it is whole.

Rows are gathered by day; when too many wait, the fullest day is sorted by device and instant and
written as one file of `day=YYYY-MM-DD/`. The rows of its last instant go on waiting, so that files
of a day made in order of time share no instant, and repeats of a sample meet in one file. Only
where files share devices and time is the day looked through again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vineview.errors import TelemetryError
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.parquet import HEADER_FILE, Writer
from vineview.telemetry.table import SCHEMA

__all__ = ["DAMAGED_FILE", "Folder"]

Integers = NDArray[np.int64]

DAMAGED_FILE: Final = "damaged.ndjson"
"""Where damaged records are kept aside, if there are any."""

_OURS: Final = re.compile(rf"day=.+|part-0\.parquet|{HEADER_FILE}|{DAMAGED_FILE}")
_GROUP: Final = 1 << 17
_DAY_US: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SLICES: Final = 256
"""How many files are written at once at most."""
_SOME: Final = 16
"""One in so many instants says where slices of equal length begin."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A file that was written: how many rows of which instants and devices."""

    path: Path
    rows: int
    first_us: int
    last_us: int
    devices: frozenset[str | None]

    def meets(self, other: _Part) -> bool:
        return (
            self.first_us <= other.last_us
            and other.first_us <= self.last_us
            and not self.devices.isdisjoint(other.devices)
        )


class Folder:
    """Builds the folder; leaving without an error puts it where it belongs.

    Args:
        into: Where; such a folder or an empty one that is there is replaced.
        once: Whether what is there twice, the same in every field, counts once: nothing,
            ``"samples"``, or ``"records"``, which are events too.
        waiting: How many rows may wait to be written.
        is_cache: Whether it is in the user's cache, by the checksum of what is in it: then one
            that another put there meanwhile stays.

    Raises:
        TelemetryError: If it cannot be written, or something else is there; nothing half-made is
            left.
    """

    def __init__(
        self, into: Path, *, once: str = "", waiting: int = 200_000, is_cache: bool = False
    ) -> None:
        self._most = waiting
        self._into = into
        self._is_cache = is_cache
        self._once = once
        self._waiting: dict[int, list[pa.Table]] = {}
        self._counts: dict[int, int] = {}
        self._parts: dict[int, list[_Part]] = {}
        self._files = 0
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._writing: tuple[int, Future[tuple[_Part, int]]] | None = None
        self._repeats = 0

    def __enter__(self) -> Self:
        if not self._is_cache:
            _refuse_others(self._into)
        try:
            self._into.parent.mkdir(parents=True, exist_ok=True)
            name = tempfile.mkdtemp(dir=self._into.parent, prefix=f".{self._into.name}.")
            self._path = Path(name) / "made"  # as anybody's folder; the one around it is ours alone
            self._path.mkdir()
        except OSError as error:
            raise self._unwritten(error) from error
        return self

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        self._writer.shutdown()
        try:
            if error is None:
                self._put()
        except OSError as failure:
            error = failure
        shutil.rmtree(self._path.parent, ignore_errors=True)
        if isinstance(error, OSError):
            raise self._unwritten(error) from error

    def _put(self) -> None:
        """Put the folder where it belongs, unless another has put the same there meanwhile."""
        for is_last in (False, False, True):
            try:
                self._path.replace(self._into)
            except OSError:
                if is_last or not self._into.exists():
                    raise
            else:
                return
            if self._is_cache and _is_whole(self._into):
                return
            with suppress(FileNotFoundError):
                self._into.replace(Path(tempfile.mkdtemp(dir=self._path.parent)) / "old")

    @property
    def has_rows(self) -> bool:
        """Whether it was given any."""
        return bool(self._files or self._counts)

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
        while sum(self._counts.values()) > self._most:
            self._write(max(self._counts, key=self._counts.__getitem__))

    def finish(self, document: Document, sources: Sequence[str] = ()) -> None:
        """Write what waits, and the header, which says what the files were called."""
        for day in sorted(self._counts):
            self._write(day, is_last=True)
        self._settle()
        if not self._files:  # so that the folder says its columns
            pq.write_table(SCHEMA.empty_table(), self._path / "part-0.parquet")
        if self._once:
            for day in self._parts:
                self._put_in_order(day)
            document.note_repeats(self._repeats, self._once)
        header = {
            "header": document.header,
            "findings": [asdict(each) for each in document.findings],
            "skipped": document.skipped,
            "rows": sum(part.rows for parts in self._parts.values() for part in parts),
            "sources": list(sources),
        }
        with (self._path / HEADER_FILE).open("w", encoding="utf-8") as file:
            json.dump(header, file, indent=1)
            file.flush()
            os.fsync(file.fileno())

    def _write(self, day: int, *, is_last: bool = False) -> None:
        """Write a day's rows while the next are read, one file at a time."""
        table = pa.concat_tables(self._waiting.pop(day), promote_options="default")
        del self._counts[day]
        if self._once and not is_last:
            newest = pc.equal(table["at"], pc.max(table["at"]))
            later = table.filter(newest)
            if len(later) <= len(table) // 2:
                table = table.filter(pc.invert(newest))
                self._waiting[day], self._counts[day] = [later], len(later)
        name = (_EPOCH + timedelta(days=day)).date().isoformat()
        folder = self._path / f"day={name}"
        folder.mkdir(exist_ok=True)
        self._files += 1
        self._settle()
        path = folder / f"part-{self._files:05d}.parquet"
        done = self._writer.submit(_write_day, table, day * _DAY_US, path, once=self._once)
        self._writing = day, done

    def _settle(self) -> None:
        """Wait for the file being written, and raise what went wrong with it."""
        if self._writing is not None:
            day, done = self._writing
            self._writing = None
            part, repeats = done.result()
            self._parts.setdefault(day, []).append(part)
            self._repeats += repeats

    def _put_in_order(self, day: int) -> None:
        """Write those of a day's files that may repeat each other once more, by time.

        They are cut into slices of about as many rows as may wait, between instants, so that a
        slice has all repeats of its records and is all that has to be in memory.
        """
        parts = self._parts[day]
        mixed = [
            part for part in parts if any(part.meets(each) for each in parts if each is not part)
        ]
        if not mixed:
            return
        self._parts[day] = [part for part in parts if part not in mixed]
        count = min(-(-sum(part.rows for part in mixed) // self._most), _MOST_SLICES)
        some = [_instants_us(_read(part.path, ["at"]))[::_SOME] for part in mixed]
        edges = np.quantile(np.concatenate(some), np.arange(1, count) / count)
        spill = self._path / "spill"
        spill.mkdir()
        slices = [spill / f"{number}.parquet" for number in range(count)]
        with ExitStack() as closing:
            writers = [Writer(path, {}) for path in slices]
            for writer in writers:
                closing.callback(writer.close)
            for part in mixed:
                table = _read(part.path)
                place = np.searchsorted(edges, _instants_us(table), side="right")
                for number in np.unique(place):
                    writers[number].write(table.filter(pa.array(place == number)))
                part.path.unlink()
        for path in slices:
            table = _encoded(_read(path))
            if table.num_rows:
                self._waiting[day], self._counts[day] = [table], table.num_rows
                self._write(day, is_last=True)
        self._settle()
        shutil.rmtree(spill)

    def _unwritten(self, error: OSError) -> TelemetryError:
        check = "Check the folder, its permissions and its free space"
        if self._is_cache:
            check += ", or let VINEVIEW_CACHE name another folder to import to"
        return TelemetryError(
            f"{self._into} cannot be written: {error.strerror or error}",
            source=str(self._into),
            hint=f"{check}; nothing half-made is left.",
        )


def _refuse_others(into: Path) -> None:
    """Let pass what is not there, an empty folder and one made here: it will be replaced.

    Raises:
        TelemetryError: If anything else is there; replacing it would delete it.
    """
    try:
        names = [into.name] if into.is_file() else sorted(each.name for each in into.iterdir())
    except OSError:
        return  # it is not there, or writing says why
    others = [name for name in names if _OURS.fullmatch(name) is None]
    if not others and (not names or HEADER_FILE in names):
        return
    what = f"holds {', '.join((others or names)[:3])}" if into.is_dir() else "is a file"
    raise TelemetryError(
        f"{into} {what}, which a folder of Parquet files would replace",
        source=str(into),
        hint="Name a new or empty folder, or one that holds such an export alone.",
    )


def _is_whole(folder: Path) -> bool:
    """Whether a folder has its header, which is written last."""
    try:
        json.loads((folder / HEADER_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


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


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A file's rows, without what its folders are called."""
    with pq.ParquetFile(path) as file:
        return file.read(columns)


def _instants_us(table: pa.Table) -> Integers:
    return np.asarray(table["at"].cast(pa.int64()), dtype=np.int64)


def _write_day(table: pa.Table, day_us: int, path: Path, *, once: str) -> tuple[_Part, int]:
    """Sort a day's rows and write them; also how many repeats were left out."""
    table = table.unify_dictionaries().combine_chunks()
    order, devices = _order(table, day_us)
    table = table.take(order)
    rows = len(table)
    if once:
        table = _distinct(table, once)
    _write_file(path, table)
    bounds = pc.min_max(table["at"].cast(pa.int64())).as_py()
    return _Part(path, len(table), bounds["min"], bounds["max"], devices), rows - len(table)


def _write_file(path: Path, table: pa.Table) -> None:
    """Write a table as a file, with every column there is."""
    has = table.column_names
    columns = [
        table[each.name] if each.name in has else pa.nulls(len(table), each.type) for each in SCHEMA
    ]
    kinds = zip(SCHEMA, columns, strict=True)
    schema = pa.schema([field.with_type(column.type) for field, column in kinds])
    with path.open("wb") as file:
        pq.write_table(
            pa.table(columns, schema=schema),
            file,
            row_group_size=_GROUP,
            compression="zstd",
            compression_level=1,
            use_dictionary=[each.name for each in SCHEMA if each.type == pa.string()],
            store_schema=False,
        )
        file.flush()
        os.fsync(file.fileno())


def _order(table: pa.Table, day_us: int) -> tuple[pa.Array, frozenset[str | None]]:
    """The rows by device, then instant, then as they came, those without a device last.

    And the devices there are.
    """
    within_us = _instants_us(table) - day_us
    if "device_id" not in table.column_names:
        return pa.array(np.argsort(within_us, kind="stable")), frozenset([None])
    codes = table["device_id"].combine_chunks()
    ranks = np.append(pc.rank(codes.dictionary, tiebreaker="dense").to_numpy(), len(codes) + 1)
    which = pc.fill_null(codes.indices, len(codes.dictionary)).to_numpy()
    keys = ranks[which].astype(np.int64) * _DAY_US + within_us
    devices = codes.dictionary.to_pylist() + [None] * bool(codes.null_count)
    return pa.array(np.argsort(keys, kind="stable")), frozenset(devices)


def _distinct(table: pa.Table, once: str) -> pa.Table:
    """Rows in order, each sample or record once: of rows alike in every field the first."""
    same = _instants_us(table)
    alike = same[1:] == same[:-1]
    if "device_id" in table.column_names:
        codes = table["device_id"].combine_chunks().indices
        who = pc.fill_null(codes, -1).to_numpy()
        alike &= who[1:] == who[:-1]
    if not alike.any():
        return table
    doubtful = np.r_[alike, False] | np.r_[False, alike]
    if once == "samples" and "kind" in table.column_names:
        doubtful &= pc.is_null(table["kind"]).combine_chunks().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(doubtful)
    some = table.take(pa.array(rows))
    plain = pa.table({name: _plain(some[name]) for name in some.column_names})
    names = plain.column_names
    firsts = plain.append_column("row", pa.array(rows)).group_by(names).aggregate([("row", "min")])
    if len(firsts) == len(rows):
        return table
    keep = ~doubtful
    keep[firsts["row_min"].to_numpy()] = True
    return table.filter(pa.array(keep))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as texts; groups are not made of dictionaries."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column
