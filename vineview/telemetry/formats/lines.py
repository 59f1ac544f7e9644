"""NDJSON as tables, block by block: quickly where a block is plain, line by line where it is not.

A block is read in bulk and taken only if that is proven exact: as many rows as lines, every known
field of its type, no nested or repeated field, explicit nulls accounted for. Any other block is
halved until what is odd is alone in a small piece, and that piece is read line by line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from vineview.telemetry.formats.bulk import Bulk
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.scanning import UNDECODED

__all__ = ["LineReader", "tables"]

_BLOCK: Final = 8 << 20
_SMALL: Final = 1 << 17


class LineReader:
    """Parses one line at a time, telling the header from the records."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def parse(self, line: str, number: int, *, ends_at: int | None = None) -> Any:
        """The record of a line; ``None`` if it is blank, the header, or damaged.

        Args:
            line: Its text, bytes that are no UTF-8 escaped as surrogates.
            number: Which it is, counted from 1.
            ends_at: At which byte the file ends, if it ends with this line.
        """
        if not line.strip():
            return None
        value, problem = self._value(line)
        if problem and ends_at is not None:
            self._document.lose(
                f"the file ends in the middle of this record, at byte {ends_at}", number, text=line
            )
        elif problem:
            self._document.lose(f"damaged record set aside: {problem}", number, text=line)
        elif self._is_header(value, number):
            self._document.header = value
        elif value is None:
            self._document.accepts(value, number, line)
        else:
            return value
        return None

    def _is_header(self, value: Any, number: int) -> bool:
        return (
            isinstance(value, dict)
            and "at" not in value
            and ("format" in value or "version" in value or number == 1)
            and not self._document.header
        )

    def _value(self, line: str) -> tuple[Any, str | None]:
        """Parse one JSON value: it, or what is wrong with it."""
        if UNDECODED.search(line):
            return None, "it is not UTF-8 text"
        try:
            return json.loads(line, parse_constant=self._document.not_a_number), None
        except RecursionError:
            return None, "it is nested too deeply"
        except ValueError as error:
            message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            return None, f"not JSON ({message})"


def tables(pieces: Iterator[bytes], document: Document) -> Iterator[pa.Table]:
    """The records of NDJSON as tables in `table.SCHEMA`, in the file's order.

    Args:
        pieces: The file's text as UTF-8, cut anywhere.
        document: Gets the header before the first table; findings and losses as they come.

    Yields:
        Tables of some ten thousand rows.

    Raises:
        TelemetryError: If the header is of another format or major version.
    """
    bulk, reader = Bulk(), LineReader(document)
    position, line = 0, 1
    for block, is_last in _blocks(pieces):
        rest = block
        if line == 1:  # the header, or a record with a first look at the fields
            head, newline, rest = block.partition(b"\n")
            ends_at = len(head) if is_last and not newline else None
            record = reader.parse(_text(head), 1, ends_at=ends_at)
            document.check_version()
            if record is not None and document.accepts(record, 1, _text(head)):
                yield records_to_table([record])
            position, line = position + len(head) + len(newline), 2
        for small, first in _taken(rest, line, bulk):
            if isinstance(small, pa.Table):
                yield small
            else:
                end = position + len(rest) if is_last and rest.endswith(small) else None
                yield _line_by_line(small, first, reader, document, ends_at=end)
        line += rest.count(b"\n")
        position += len(rest)
    document.check_version()
    if document.is_cut:
        document.note(f"the file ends after line {line - 1}", line - 1)


def _blocks(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, some megabytes at a time, and whether they are the last."""
    parts, size = list[bytes](), 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size < _BLOCK or b"\n" not in piece:
            continue
        end = piece.rfind(b"\n") + 1
        parts[-1] = piece[:end]
        yield b"".join(parts), False
        parts = [piece[end:]]
        size = len(parts[0])
    yield b"".join(parts), True


def _taken(block: bytes, line: int, bulk: Bulk) -> Iterator[tuple[pa.Table | bytes, int]]:
    """A block as tables where it is plain, else as small pieces; each with its first line."""
    if not block:
        return
    table = bulk.table(block)
    if table is not None:
        yield table, line
        return
    middle = block.find(b"\n", len(block) // 2) + 1
    if len(block) <= _SMALL or middle in {0, len(block)}:
        yield block, line
        return
    first, second = block[:middle], block[middle:]
    yield from _taken(first, line, bulk)
    yield from _taken(second, line + first.count(b"\n"), bulk)


def _line_by_line(
    block: bytes, line: int, reader: LineReader, document: Document, *, ends_at: int | None
) -> pa.Table:
    records = []
    lines = _text(block).split("\n")
    for number, text in enumerate(lines, start=line):
        is_end = number == line + len(lines) - 1
        record = reader.parse(text, number, ends_at=ends_at if is_end else None)
        if record is not None and document.accepts(record, number, text):
            records.append(record)
    return records_to_table(records)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
