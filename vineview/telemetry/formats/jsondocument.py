"""Streams a JSON document of any size: what its records are is told without holding them all.

Each record is made a line where it stands, byte for byte as long, so that `lines` reads them and
says right which line and byte it means; only in a document without line ends lines are records.
What is not laid out as expected, and the end of every document, is left to `scanning`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from vineview.telemetry.formats import lines
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.scanning import Scanner

__all__ = ["records_to_tables", "tables"]

_TEXT: Final = rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+"'


def _object(plain: bytes, depth: int = 4) -> bytes:
    """A pattern of an object with so many levels in it; brackets of both kinds are alike here."""
    inner = plain = rb"%s|%s" % (plain, _TEXT)
    for _ in range(depth):
        inner = rb"%s|[{\[](?:%s)*+[]}]" % (plain, inner)
    return rb"\{(?:%s)*+\}" % inner


_RUN: Final = re.compile(rb"(?:%s,\n)++" % _object(rb'[^][{}"\n]++'))
"""Records that are each on a line, as exports are written."""
_RECORD: Final = re.compile(_object(rb'[^][{}"]++'))
_TOKEN: Final = re.compile(rb'%s|[][{}]|"' % _TEXT)
_BETWEEN: Final = re.compile(rb"[\s,]*+")
_ARRAY: Final = re.compile(rb'"(?:samples|events)"\s*:\s*\[')
_FOLLOWED: Final = re.compile(rb"\s*+(?:\]|,\s*+\{)")
_NEXT: Final = re.compile(rb'\]\s*,\s*"(?:samples|events)"\s*:\s*\[')
_PIECE: Final = 1 << 20
_LARGEST: Final = 1 << 22
_MARGIN: Final = 1 << 12
_ROWS: Final = 1 << 14


def tables(head: bytes, pieces: Iterator[bytes], document: Document) -> Iterator[pa.Table] | None:
    """The records of a JSON document as tables in `table.SCHEMA`, in its order.

    Args:
        head: The document's first megabytes.
        pieces: What follows.
        document: Gets the header; findings and losses as they come.

    Returns:
        ``None`` if its head is not that of an export with a header before its records.
    """
    array = _ARRAY.search(head)
    if array is None:
        return None
    before = head[: array.start()].rstrip().removesuffix(b",") + b"}"
    try:
        header = json.loads(before, parse_constant=document.not_a_number)
    except (ValueError, RecursionError):
        return None
    if header.keys() & {"samples", "events"}:
        return None
    document.header = header
    return _read(_Walk(head, array.end(), pieces), document)


def records_to_tables(document: Document) -> Iterator[pa.Table]:
    """The records a document holds, which it then no longer does."""
    held = document.samples, document.events
    document.samples, document.events = [], []
    for records in held:
        for start in range(0, len(records), _ROWS):
            yield records_to_table(records[start : start + _ROWS])


def _read(walk: _Walk, document: Document) -> Iterator[pa.Table]:
    yield from lines.tables(walk.lines(), document)
    rest = walk.rest.decode("utf-8", "surrogateescape")
    Scanner(rest, document, line=walk.line, byte=walk.byte).read_rest()
    yield from records_to_tables(document)


class _Walk:
    """Goes through a document, record by record, until something else comes.

    Attributes:
        rest: What was not gone through, from within a list of records on.
        line: The line it begins in.
        byte: How many bytes were before it.
    """

    def __init__(self, head: bytes, begin: int, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._before = _blank(head[:begin])
        self.rest = head[begin:]
        self.line, self.byte = 1, 0

    def lines(self) -> Iterator[bytes]:
        """The records gone through, a line each, and blank lines for what is between."""
        made = [self._before]
        while True:
            end, is_odd = self._step(made)
            for each in made:
                self._count(each)
            yield b"".join(made)
            made = []
            self.rest = self.rest[end:]
            more = b"" if is_odd else self._next()
            if not more:
                self.rest = b"".join([self.rest, *self._pieces])
                yield b"\n"  # the file does not end here
                return
            self.rest += more

    def _step(self, made: list[bytes]) -> tuple[int, bool]:
        """Go through whole records of what is there: up to where, and whether others follow."""
        text, at = self.rest, 0
        while True:
            gap = _BETWEEN.match(text, at)
            begin = at if gap is None else gap.end()
            if begin > len(text) - _MARGIN:
                return at, False
            if run := _RUN.match(text, begin):
                made += [_between(text[at:begin]), run[0].replace(b"},\n", b"} \n")]
                at = run.end()
                continue
            if following := _NEXT.match(text, begin):
                made.append(_blank(text[at : following.end()], ends=1))
                at = following.end()
                continue
            end = _end_of(text, begin)
            if end is None:
                end = _end_of_line(text, begin)
            if end is None:
                is_odd = text[begin : begin + 1] != b"{" or len(text) - begin > _LARGEST
                return at, is_odd
            made += [_between(text[at:begin]), _as_line(text[begin:end])]
            at = end

    def _next(self) -> bytes:
        """The next megabyte or so, however small the pieces are; nothing at the end."""
        taken, size = list[bytes](), 0
        for piece in self._pieces:
            taken.append(piece)
            size += len(piece)
            if size >= _PIECE:
                break
        return b"".join(taken)

    def _count(self, made: bytes) -> None:
        self.line += made.count(b"\n")
        self.byte += len(made)


def _end_of(text: bytes, begin: int) -> int | None:
    """Where the record that begins here ends, if it is whole and another or the end follows."""
    end = whole.end() if (whole := _RECORD.match(text, begin)) else _end_of_deep(text, begin)
    if end is None or _FOLLOWED.match(text, end) is None:
        return None
    try:
        json.loads(text[begin:end])
    except (ValueError, RecursionError):
        return None
    return end


def _end_of_deep(text: bytes, begin: int) -> int | None:
    depth = 0
    for token in _TOKEN.finditer(text, begin):
        if token[0] == b'"':
            return None  # a text without an end
        depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(token[0], 0)
        if depth <= 0:
            return token.end()
    return None


def _end_of_line(text: bytes, begin: int) -> int | None:
    """Where a damaged record ends that is one line among others: there is no need to stop."""
    end = text.find(b"\n", begin) - 1
    return end if end > begin and text[end : end + 3] == b",\n{" else None


def _as_line(record: bytes) -> bytes:
    """A record as one line, the line ends it has had after it."""
    ends = record.count(b"\n")
    return record.translate(None, b"\n") + b"\n" * ends if ends else record


def _between(text: bytes) -> bytes:
    """What stands between two records, as what ends a line."""
    return text.replace(b",", b" ") if b"\n" in text else text.replace(b",", b"\n", 1)


def _blank(text: bytes, *, ends: int = 0) -> bytes:
    """Nothing but the line ends of a text, as long as it is, and at least so many."""
    blank = re.sub(rb"[^\n]", b" ", text)
    return blank if b"\n" in blank else blank.replace(b" ", b"\n", ends)
