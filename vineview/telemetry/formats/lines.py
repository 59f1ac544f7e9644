"""NDJSON as tables, block by block: quickly where a block is plain, line by line where it is not.

A block is read in bulk and taken only if that is proven exact: as many rows as lines, every known
field of its type, no nested or repeated field, explicit nulls accounted for. Any other block is
halved until what is odd is alone in a small piece, and that piece is read line by line.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, Final

import pyarrow as pa

from vineview.telemetry.formats.bulk import Bulk
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.scanning import UNDECODED
from vineview.telemetry.schema import FORMAT

__all__ = ["LineReader", "tables"]

_BLOCK: Final = 8 << 20
_AT_ONCE: Final = 2
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
        elif held := _held(value):
            self._document.lose(
                f"a document among lines is set aside with its {held} records: open it alone",
                number,
                count=held,
                text=line,
            )
        elif self._is_header(value, number):
            self._document.header = value
        elif isinstance(value, dict) and value.get("format") == FORMAT and "at" not in value:
            self._document.another_header(value, number)
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


def _held(value: Any) -> int:
    """How many records a whole JSON document on a line holds; 0 for anything else."""
    if not isinstance(value, dict) or "at" in value:
        return 0
    held = value.get("samples"), value.get("events")
    return sum(len(each) for each in held if isinstance(each, list))


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
    reader = LineReader(document)
    head, rest = _head(pieces)
    ends_at = None if head.endswith(b"\n") else len(head)
    first = _text(head.removesuffix(b"\n"))  # the header, or a record
    record = reader.parse(first, 1, ends_at=ends_at)
    document.check_version()
    if record is not None and document.accepts(record, 1, first):
        yield records_to_table([record])
    position, line, is_whole = len(head), 2, head.endswith(b"\n")
    for block, taken in _ahead(rest):
        is_whole = block.endswith(b"\n")
        position += len(block)
        for each in taken:
            if isinstance(each, pa.Table):
                yield each
                line += each.num_rows
                continue
            ends_at = None if each.endswith(b"\n") else position
            yield _line_by_line(each, line, reader, document, ends_at=ends_at)
            line += each.count(b"\n")
    document.check_version()
    if document.is_cut and is_whole:
        document.note(f"the file ends after line {line - 1}", line - 1)


def _head(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first line, and all that follows."""
    data = bytearray()
    for piece in pieces:
        data += piece
        if b"\n" in piece:
            break
    end = data.find(b"\n") + 1 or len(data)
    return bytes(data[:end]), chain([bytes(data[end:])], pieces)


def _ahead(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, list[pa.Table | bytes]]]:
    """The blocks, and each taken apart, while the next are read."""
    bulk, waiting = Bulk(), deque[tuple[bytes, Future[list[pa.Table | bytes]]]]()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for block in _blocks(pieces):
            waiting.append((block, pool.submit(_taken, block, bulk)))
            if len(waiting) > _AT_ONCE:
                block, taken = waiting.popleft()  # noqa: PLW2901 - the oldest
                yield block, taken.result()
        for block, taken in waiting:
            yield block, taken.result()


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time; only the last may lack its line end."""
    parts, size = list[bytes](), 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size < _BLOCK or b"\n" not in piece:
            continue
        end = piece.rfind(b"\n") + 1
        parts[-1] = piece[:end]
        yield b"".join(parts)
        parts = [piece[end:]]
        size = len(parts[0])
    if size:
        yield b"".join(parts)


def _taken(block: bytes, bulk: Bulk) -> list[pa.Table | bytes]:
    """A block as tables where it is plain, else as small pieces, in order."""
    table = bulk.table(block)
    if table is not None:
        return [table]
    middle = block.find(b"\n", len(block) // 2) + 1
    if len(block) <= _SMALL or middle in {0, len(block)}:
        return [block]
    return _taken(block[:middle], bulk) + _taken(block[middle:], bulk)


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
