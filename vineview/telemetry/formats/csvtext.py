"""CSV: a row per record; ours says which is the header, others are samples with our names.

The columns are ``record`` (``header``, ``sample`` or ``event``) and those of the table. The first
row is the header, its fields as JSON in ``extra``. Text is always quoted, so that an empty text
and no value differ. (Contract, section 3.)
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from vineview.telemetry.formats.conform import check_columns, conform
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.jsontext import dump
from vineview.telemetry.formats.texts import instant_texts
from vineview.telemetry.table import SCHEMA

__all__ = ["header_line", "is_csv", "row_lines", "tables"]

_BLOCK: Final = 4 << 20
_LONGEST: Final = 64 << 20
_SEPARATORS: Final = (",", ";", "\t", "|")
_OPEN: Final = re.compile(rb'(?:^|[,;\t|\n])"[^"]*\Z')
_WORD: Final = re.compile(r"[^\W\d][\w .()/%-]*")
_NAMES: Final = ("record", *SCHEMA.names)
_KNOWN: Final = frozenset(_NAMES)
_WRITTEN: Final = pa.schema([("record", pa.string()), *SCHEMA]).set(1, pa.field("at", pa.string()))


def is_csv(data: bytes) -> bool:
    """Whether data begins with a line of column names, one of them the table's.

    Or of other names, if all of them are words and the next line has as many columns: then the
    refusal can name them.
    """
    head = data[:65536].lstrip().decode("utf-8", "replace").splitlines()[:2]
    if not head or head[0].startswith(("{", "[")):
        return False
    names, separator = _columns(head[0])
    if _KNOWN & set(names):
        return True
    is_named = len(names) > 1 and all(_WORD.fullmatch(name) for name in names)
    return is_named and len(head) > 1 and head[1].count(separator) == len(names) - 1


def tables(stream: BinaryIO, document: Document) -> Iterator[pa.Table]:
    """The records as tables in `table.SCHEMA`, in the file's order.

    Args:
        stream: The text, of UTF-8 or Latin-1.
        document: Gets the header before the first table; findings and losses as they come.

    Raises:
        TelemetryError: If a column is missing, or the header is of another major version.
    """
    head = stream.readline()
    while head and not head.strip():
        head = stream.readline()
    names, separator = _columns(_decoded(head, document).decode("utf-8", "replace"))
    check_columns(names, document)
    if "record" not in names:
        document.note("has no column 'record' and so no header; its rows are read as samples")
    line = 2
    for data, is_last in _blocks(stream):
        block = _decoded(data, document)
        if is_last:
            block = _without_cut(block, document, line, is_ours="record" in names)
        rows, lines = _parse(block, names, separator, document, line)
        line += block.count(b"\n")
        if "record" in names:
            rows, lines = _unheaded(rows, lines, document)
        else:
            rows, lines = _without_names(rows, lines, document)
        yield conform(rows, document, lines, is_text=True)


def header_line(header: dict[str, Any]) -> bytes:
    """The line of column names and the header's row."""
    row = {"record": "header", "extra": dump(header)}
    columns = [pa.array([row.get(each.name)], each.type) for each in _WRITTEN]
    names = ",".join(f'"{name}"' for name in _NAMES)
    return f"{names}\n".encode() + _written(pa.table(columns, schema=_WRITTEN))


def row_lines(table: pa.Table) -> bytes:
    """A table's records, a row each."""
    what = pc.if_else(pc.is_null(table["kind"]), "sample", "event")
    columns = [what, instant_texts(table["at"]), *table.columns[1:]]
    return _written(pa.table(columns, schema=_WRITTEN))


def _written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pacsv.write_csv(table, sink, pacsv.WriteOptions(include_header=False))
    return sink.getvalue()


def _columns(line: str) -> tuple[list[str], str]:
    """The names in a line, and what separates them."""
    separator = max(_SEPARATORS, key=line.count)
    try:
        row = next(csv.reader([line.strip("\r\n")], delimiter=separator), [])
    except csv.Error:
        row = []
    return [name.strip().removeprefix("\ufeff") for name in row], separator


def _decoded(block: bytes, document: Document) -> bytes:
    """The block as UTF-8; what is not is taken for Latin-1."""
    try:
        block.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return block.decode("utf-8", "replace").encode()
        if not any("Latin-1" in each.message for each in document.findings):
            document.note("is not UTF-8 text; read as Latin-1")
        return block.decode("latin-1").encode()
    return block


def _blocks(stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Whole rows, some megabytes at a time, and whether they are the last."""
    rest = b""
    while piece := stream.read(_BLOCK):
        rest += piece
        end = len(rest)
        while True:
            end = rest.rfind(b"\n", 0, end) + 1
            if not end or rest.count(b'"', 0, end) % 2 == 0:
                break
            end -= 1
        if not end and len(rest) > _LONGEST:  # a quote that is never closed
            end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end], False
            rest = rest[end:]
    yield rest, True


def _parse(
    block: bytes, names: list[str], separator: str, document: Document, line: int
) -> tuple[pa.Table, list[int]]:
    """The block's rows as text columns, and their lines; rows of another width are set aside."""
    empty = pa.schema([(name, pa.string()) for name in names]).empty_table()
    if not block.strip():
        return empty, []
    wrong: list[Any] = []

    def set_aside(row: Any) -> str:
        wrong.append(row)
        return "skip"

    try:
        rows = pacsv.read_csv(
            pa.BufferReader(block),
            pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
            pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            pacsv.ConvertOptions(
                column_types=empty.schema,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        document.lose(f"damaged record set aside: not CSV ({str(error)[:120]})", line)
        return empty, []
    lines, starts = _lines_of(rows, line, {row.number: row.text or "" for row in wrong})
    for row in wrong:
        problem = f"it has {row.actual_columns} values, not {row.expected_columns}"
        number = starts.get(row.number, line)
        document.lose(f"damaged record set aside: {problem}", number, text=row.text)
    return rows, lines


def _without_cut(block: bytes, document: Document, line: int, *, is_ours: bool) -> bytes:
    """The last block without a row that is cut.

    A row we wrote is whole with its line end, or with the closed quote of its last value.
    """
    is_open = block.count(b'"') % 2 == 1 and _OPEN.search(block) is not None
    if not block or (block.endswith(b"\n") and not is_open):
        return block
    start = len(block)
    while start > 0:
        start = max(block.rfind(b"\n", 0, start), 0)
        if block.count(b'"', 0, start) % 2 == 0:
            break
    start += block[start : start + 1] == b"\n"
    row = block[start:]
    if row.count(b'"') % 2 == 0 and (not is_ours or row.endswith(b'}"')):
        return block
    number = line + block.count(b"\n", 0, start)
    text = row.decode("utf-8", "replace")
    problem = "the file ends in the middle of this record"
    if block.endswith(b"\n"):
        problem += ", within a quote that is never closed"
    document.lose(problem, number, count=len(row.splitlines()), text=text)
    return block[:start]


def _lines_of(rows: pa.Table, line: int, wrong: dict[int, str]) -> tuple[list[int], dict[int, int]]:
    """The line each row begins on, and each wrong row, by its number in the block.

    A row has one line, and more where a text holds line ends.
    """
    inside = [0] * rows.num_rows
    for column in rows.columns:
        if pc.any(pc.match_substring(column, "\n")).as_py():
            counts = pc.fill_null(pc.count_substring(column, "\n"), 0).to_pylist()
            inside = [sum(pair) for pair in zip(inside, counts, strict=True)]
    lines, starts, kept = [], {}, iter(inside)
    for number in range(1, rows.num_rows + len(wrong) + 1):
        if number in wrong:
            starts[number] = line
            line += 1 + wrong[number].count("\n")
        elif (more := next(kept, None)) is not None:
            lines.append(line)
            line += 1 + more
    return lines, starts


def _unheaded(rows: pa.Table, lines: list[int], document: Document) -> tuple[pa.Table, list[int]]:
    """The rows that are records; the header's goes to the document."""
    kind = rows["kind"] if "kind" in rows.column_names else pa.nulls(rows.num_rows, pa.string())
    fits = pc.if_else(
        pc.is_valid(kind), pc.equal(rows["record"], "event"), pc.equal(rows["record"], "sample")
    )
    fits = pc.fill_null(fits, False)
    for index in pc.indices_nonzero(pc.invert(fits)).to_pylist():
        name = rows["record"][index].as_py()
        if name == "header":
            _take_header(rows, index, lines[index], document)
        elif name == "record" and kind[index].as_py() == "kind":
            continue  # the names once more, above another header
        else:
            problem = f"'record' is {name!r} and 'kind' {kind[index].as_py()!r}"
            document.lose(f"damaged record set aside: {problem}", lines[index])
    kept = [line for line, fit in zip(lines, fits.to_pylist(), strict=True) if fit]
    return rows.filter(fits).drop_columns("record"), kept


def _without_names(
    rows: pa.Table, lines: list[int], document: Document
) -> tuple[pa.Table, list[int]]:
    """The rows that are not the line of column names once more."""
    again = pc.indices_nonzero(pc.equal(rows["at"], "at")).to_pylist()
    for index in again:
        document.note("another table begins here; its rows are read too", lines[index])
    if not again:
        return rows, lines
    kept = sorted(set(range(rows.num_rows)).difference(again))
    return rows.take(kept), [lines[index] for index in kept]


def _take_header(rows: pa.Table, index: int, line: int, document: Document) -> None:
    text = rows["extra"][index].as_py() if "extra" in rows.column_names else None
    try:
        header = json.loads(text or "{}")
    except ValueError as error:
        document.note(f"damaged header set aside: not JSON ({error})", line, severity="error")
        return
    if not isinstance(header, dict):
        return
    if document.header:
        document.another_header(header, line)
    else:
        document.header = header
        document.check_version()
