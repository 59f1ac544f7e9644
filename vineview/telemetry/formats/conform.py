"""Puts columns that came from elsewhere, CSV text or Parquet, into the table's types, checked.

A column of a wrong type is refused by name; a row with a value that does not fit is set aside by
its number; a column the table does not have is kept in ``extra``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from vineview.errors import TelemetryError
from vineview.telemetry.checks import (
    EVENT_FLAGS,
    EVENT_NUMBERS,
    EVENT_TEXT,
    parse_at,
    record_problem,
)
from vineview.telemetry.formats.columns import YEARS, is_reckoned, is_within_years
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.table import SCHEMA

__all__ = ["check_columns", "conform"]

_KNOWN: Final = frozenset((*SCHEMA.names, *EVENT_FLAGS, *EVENT_NUMBERS, *EVENT_TEXT))
_ELSEWHERE: Final = frozenset(("at", "kind"))
_ANY: Final = {"at": "2026-01-01T00:00:00Z"}
_LISTED: Final = 12
_TRUE, _FALSE = ("true", "t", "yes", "1"), ("false", "f", "no", "0")


def check_columns(names: list[str], document: Document) -> None:
    """Refuse columns without an instant; note when there is no metric among them.

    Raises:
        TelemetryError: If ``at`` is missing or a name appears twice.
    """
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    twice = sorted({name for name in names if names.count(name) > 1})
    if "at" not in names or twice:
        problem = f"has column {twice[0]!r} twice" if twice else "has no column 'at'"
        raise TelemetryError(
            f"{document.source} {problem}; its columns are {listed}",
            source=document.source,
            hint="Name the columns as the export does: at, device_id, video_memory_mb, ...",
        )
    if not set(names) & (set(SCHEMA.names) - {"at", "extra"}):
        document.note(f"holds no metric this version knows; its columns are {listed}")
    elif "kind" not in names and "video_memory_mb" not in names:
        document.note("has no column 'video_memory_mb'; what rests on memory stays empty")


def conform(rows: pa.Table, document: Document, lines: Sequence[int], *, is_text: bool) -> pa.Table:
    """Rows in `table.SCHEMA`.

    Args:
        rows: Columns under the export's names, and any others.
        document: Is told which rows are set aside.
        lines: The line of each row.
        is_text: Whether every value is text to be read (CSV), not a value of its type.

    Raises:
        TelemetryError: If a column's type is not the export's.
    """
    bad: dict[int, str] = {}
    arrays: dict[str, Any] = {}
    for field in SCHEMA:
        if field.name not in rows.column_names:
            arrays[field.name] = pa.nulls(rows.num_rows, field.type)
            continue
        column = _plain(rows[field.name])
        if not is_text and not _may_be(column.type, field):
            raise TelemetryError(
                f"{document.source}: column {field.name!r} is {column.type}, "
                f"not {_WORDS[field.type]}",
                source=document.source,
                hint="Write the column with its own type, or rename it to keep it as it is.",
            )
        arrays[field.name] = _cast(column, field, bad, document)
    table = pa.table([arrays[name] for name in SCHEMA.names], names=SCHEMA.names)
    table = _with_unknown(table, rows, is_text=is_text)
    _check_extra(table, bad)
    for row, problem in sorted(bad.items()):
        values = {name: _values(rows[name].slice(row, 1))[0] for name in rows.column_names}
        text = json.dumps(values, default=str, ensure_ascii=False)
        document.lose(f"damaged record set aside: {problem}", lines[row], text=text)
    if bad:
        keep = pa.array([row not in bad for row in range(table.num_rows)], pa.bool_())
        table = table.filter(keep)
    return pa.table(table.columns, schema=SCHEMA)


_WORDS: Final = {
    SCHEMA.field("at").type: "an instant",
    pa.string(): "text",
    pa.float64(): "numbers",
    pa.bool_(): "true or false",
}


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column without its encoding: dictionaries, large and view strings."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.string())
    return column


def _may_be(kind: pa.DataType, field: pa.Field) -> bool:
    if pa.types.is_null(kind):
        return True
    if field.name == "at":
        return bool(
            pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_string(kind)
        )
    if field.type == pa.float64():
        return bool(
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        )
    return bool(kind == field.type)


def _cast(
    column: pa.ChunkedArray, field: pa.Field, bad: dict[int, str], document: Document
) -> pa.Array | pa.ChunkedArray:
    """The column in its type; rows whose value does not fit are noted in `bad`."""
    if field.name == "at":
        return _instants(column, bad)
    if field.type == pa.string() or column.type == field.type == pa.bool_():
        return column.cast(field.type)
    if field.type == pa.bool_():
        return _flags(column, field.name, bad)
    try:
        numbers = column.cast(pa.float64())
    except pa.ArrowInvalid:
        numbers = _numbers(column, field.name, bad)
    fits = is_reckoned(numbers)
    if pc.all(fits).as_py() is not False:
        return numbers
    for _ in range(pc.sum(pc.invert(fits)).as_py()):
        document.not_a_number("")
    return pc.if_else(fits, numbers, pa.scalar(None, pa.float64()))


def _instants(column: pa.ChunkedArray, bad: dict[int, str]) -> pa.Array | pa.ChunkedArray:
    of_type = SCHEMA.field("at").type
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        instants = (
            column.cast(pa.timestamp("us", column.type.tz), safe=False)
            if (pa.types.is_timestamp(column.type))
            else column.cast(pa.timestamp("us"))
        )
        instants = instants.cast(of_type)
        if instants.null_count:
            missing = pc.indices_nonzero(pc.is_null(instants)).to_pylist()
            bad |= dict.fromkeys(missing, "'at' is missing")
        if is_within_years(instants):
            return instants
        micros = instants.cast(pa.int64())
        fits = pc.and_(pc.greater_equal(micros, YEARS[0]), pc.less_equal(micros, YEARS[1]))
        outside = pc.indices_nonzero(pc.invert(fits)).to_pylist()
        bad |= dict.fromkeys(outside, "'at' is not within the years 1 to 9999")
        return pc.if_else(fits, instants, pa.scalar(None, of_type))
    try:
        instants = column.cast(of_type)
        if not instants.null_count and is_within_years(instants):
            return instants
    except pa.ArrowInvalid:
        pass
    values: list[Any] = []
    for row, text in enumerate(column.to_pylist()):
        try:
            values.append(parse_at(text))
        except TelemetryError as error:
            bad[row] = "'at' is missing" if text is None else error.message
            values.append(None)
    return pa.array(values, of_type)


def _numbers(column: pa.ChunkedArray, name: str, bad: dict[int, str]) -> pa.Array:
    values: list[float | None] = []
    for row, value in enumerate(column.to_pylist()):
        try:
            text = value.strip().replace(",", ".") if isinstance(value, str) else value
            values.append(None if text in {None, ""} else float(text))
        except (ValueError, OverflowError):
            bad.setdefault(row, f"{name!r} is {value!r}, not a number")
            values.append(None)
    return pa.array(values, pa.float64())


def _flags(column: pa.ChunkedArray, name: str, bad: dict[int, str]) -> pa.Array:
    words = pc.utf8_lower(column.cast(pa.string()))
    is_true = pc.is_in(words, pa.array(_TRUE))
    known = pc.or_(is_true, pc.or_(pc.is_in(words, pa.array(_FALSE)), pc.is_null(words)))
    for row in pc.indices_nonzero(pc.invert(known)).to_pylist():
        bad.setdefault(row, f"{name!r} is {column[row].as_py()!r}, not true or false")
    return pc.if_else(pc.is_null(words), pa.scalar(None, pa.bool_()), is_true)


def _with_unknown(table: pa.Table, rows: pa.Table, *, is_text: bool) -> pa.Table:
    """The table, its extra joined by the columns it does not have."""
    names = [name for name in rows.column_names if name not in SCHEMA.names]
    if not names:
        return table
    columns = {}
    for name in names:
        column = _plain(rows[name])
        if is_text:
            for kind in (pa.int64(), pa.float64()):
                try:
                    column = column.cast(kind)
                    break
                except pa.ArrowInvalid:
                    continue
        columns[name] = _values(column)
    extras = []
    for index, text in enumerate(table["extra"].to_pylist()):
        unknown = {name: values[index] for name, values in columns.items()}
        unknown = {name: _json(value) for name, value in unknown.items() if value is not None}
        extras.append({**unknown, **(json.loads(text) if text else {})})
    texts = [json.dumps(each, ensure_ascii=False) if each else None for each in extras]
    return table.set_column(SCHEMA.get_field_index("extra"), "extra", pa.array(texts, pa.string()))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """The column's values; an instant no calendar has as the number it is written as."""
    try:
        return list(column.to_pylist())
    except (OverflowError, ValueError):
        return [_value(each) for each in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return getattr(scalar, "value", None)


def _json(value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return str(value)
    return value


def _check_extra(table: pa.Table, bad: dict[int, str]) -> None:
    """Rows whose extra is no JSON object, or holds a known field of a wrong type, are bad."""
    extra = table["extra"]
    if extra.null_count == len(extra):
        return
    pairs = zip(extra.to_pylist(), table["kind"].to_pylist(), strict=True)
    known: dict[tuple[str | None, str | None], str | None] = {}
    for row, pair in enumerate(pairs):
        if pair not in known:
            known[pair] = None if pair[0] is None else _extra_problem(*pair)
        problem = known[pair]
        if problem and row not in bad:
            bad[row] = problem


def _extra_problem(text: str | None, kind: str | None) -> str | None:
    """Why an extra cannot be beside the columns; ``None`` if it can."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return "'extra' is not a JSON object"
    if value.keys() & _ELSEWHERE:
        return "'extra' holds what its own column holds"
    if value.keys() & _KNOWN:
        return record_problem(value | _ANY | ({} if kind is None else {"kind": kind}))
    return None
