"""Converts an export of any size from one format to another, nothing lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from vineview.errors import UsageError
from vineview.telemetry.formats.findings import Document, Finding
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.writing import layout, write_tables
from vineview.telemetry.table import SCHEMA

__all__ = ["Converted", "convert"]


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion read and wrote.

    Attributes:
        source: Where it came from.
        target: What was written.
        samples: How many samples were written.
        events: How many events.
        skipped: How many records were lost in reading.
        findings: What a reader should know.
    """

    source: str
    target: str
    samples: int
    events: int
    skipped: int
    findings: tuple[Finding, ...]


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    progress: Callable[[int], object] | None = None,
) -> Converted:
    """Write an export in the format its new name stands for.

    A folder of Parquet files is sorted by device and instant within each day; every other format
    keeps the order of its samples and of its events.

    Args:
        source: A file of any format read, a folder of Parquet files, or an http(s) address.
        target: As `writing.layout` understands names; replaced when it is whole.
        progress: Called with the number of bytes read since the last call.

    Raises:
        UsageError: If both are the same file, or one is in the other, a folder.
        TelemetryError: If the source is no export, or the target cannot be written; nothing is
            changed then.
    """
    layout(target)  # a wrong name is said before a long read
    names = os.fspath(source), os.fspath(target)
    if _is_same(Path(source), Path(target)):
        raise UsageError(
            f"{names[0]} and {names[1]} are the same", hint="Name another file to write."
        )
    for inner, outer in (names, names[::-1]):
        if _is_within(Path(inner), Path(outer)):
            raise UsageError(
                f"{inner} is in {outer}, of which it would become a part or be replaced with it",
                hint="Name a place outside of it.",
            )
    header: dict[str, Any] | None = None
    while True:
        document, counts = Document(os.fspath(source)), {"samples": 0, "events": 0}
        tables = _counted(open_tables(source, document, progress=progress), counts)
        first = next(tables, None)  # with it comes the header
        written = document.header if header is None else header
        write_tables(written, chain([] if first is None else [first], tables), target)
        wanted = _up_to_date(document.header, counts)
        if wanted in (written, header):
            break
        header = wanted  # only the end showed that it is another: records were lost
    return Converted(
        os.fspath(source),
        os.fspath(target),
        **counts,
        skipped=document.skipped,
        findings=tuple(document.findings),
    )


def _counted(tables: Iterator[pa.Table], counts: dict[str, int]) -> Iterator[pa.Table]:
    for table in tables:
        counts["samples"] += table["kind"].null_count
        counts["events"] += table.num_rows - table["kind"].null_count
        yield table.cast(SCHEMA)


def _up_to_date(header: dict[str, Any], counts: dict[str, int]) -> dict[str, Any]:
    """The header, its count of records, if it has one, that of the records there are."""
    declared = header.get("records")
    if not isinstance(declared, dict):
        return header
    return {**header, "records": {name: counts.get(name, declared[name]) for name in declared}}


def _is_within(inner: Path, outer: Path) -> bool:
    try:
        return outer.is_dir() and inner.resolve().is_relative_to(outer.resolve())
    except (OSError, RuntimeError, ValueError):  # reading says why
        return False


def _is_same(here: Path, there: Path) -> bool:
    try:
        return here.resolve() == there.resolve() or here.samefile(there)
    except (OSError, RuntimeError, ValueError):  # one is not there; reading says why
        return False
