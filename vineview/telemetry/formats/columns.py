"""Records as columns and back: `table.SCHEMA` in memory, with nothing lost on the way.

Unchanged means: the same fields, the same values as JSON compares them (120 is 120.0), and the
same instants to the microsecond (`at` is written in UTC, whatever zone it was read in). What a
typed column cannot carry exactly, a field that is present and null included, is in ``extra``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from vineview.telemetry.checks import format_at, parse_at
from vineview.telemetry.formats.jsontext import dump, is_unicode
from vineview.telemetry.table import MOST, SCHEMA

__all__ = ["YEARS", "is_reckoned", "is_within_years", "records_to_table", "table_to_records"]

Record = Mapping[str, Any]

YEARS: Final = (-62_135_596_800_000_000, 253_402_300_799_999_999)
"""The first and the last microsecond of the years `datetime` has."""
_PIECE: Final = 1 << 14
_TYPED: Final = {each.name: each.type for each in SCHEMA if each.name not in {"at", "extra"}}
_COLUMNS: Final = frozenset(("at", *_TYPED))
_EXACT: Final = 2**53
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNFIT: Final = (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, UnicodeEncodeError, OverflowError)


def records_to_table(records: Iterable[Record]) -> pa.Table:
    """Records as one table, a row each, in their order.

    Args:
        records: Samples and events as JSON objects, each with a readable ``at``
            (`checks.record_problem` is ``None`` for it).

    Returns:
        A table in `table.SCHEMA`.

    Raises:
        TelemetryError: If an ``at`` is missing or no instant.

    Example:
        >>> table = records_to_table([{"at": "2026-01-01T00:00:00Z", "battery": 7}])
        >>> table["extra"].to_pylist()
        ['{"battery":7}']
    """
    rows = records if isinstance(records, Sequence) else list(records)
    arrays: dict[str, pa.Array] = {"at": _instants([row.get("at") for row in rows])}
    extras = [_unknown(row) for row in rows]
    present = set[str]().union(*rows)
    for name, of_type in _TYPED.items():
        arrays[name] = (
            _column(name, of_type, rows, extras)
            if name in present
            else pa.nulls(len(rows), of_type)
        )
    texts = [dump(extra) if extra else None for extra in extras]
    arrays["extra"] = pa.array(texts, pa.string())
    return pa.Table.from_arrays([arrays[name] for name in SCHEMA.names], schema=SCHEMA)


def table_to_records(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The records a table was made from, in its order.

    Args:
        table: A table in `table.SCHEMA`.

    Yields:
        Each record. Whole numbers are `int`; ``at`` is ISO-8601 in UTC, ending in ``Z``.
    """
    for batch in table.to_batches(max_chunksize=_PIECE):
        names, columns = ["at"], [_instant_texts(batch.column("at"))]
        for name in _TYPED:
            column = batch.column(name)
            if column.null_count < len(column):
                names.append(name)
                columns.append(_values(column))
        extras = batch.column("extra").to_pylist()
        for row, extra in zip(zip(*columns, strict=True), extras, strict=True):
            record = {
                name: value for name, value in zip(names, row, strict=True) if value is not None
            }
            if extra is not None:
                record |= json.loads(extra)
            yield record


def is_reckoned(numbers: Any) -> Any:
    """Which numbers a column holds: finite ones, and none that overflow in a sum of squares."""
    return pc.less_equal(pc.abs(numbers), MOST)


def is_within_years(at: Any) -> bool:
    """Whether instants are all of the years 1 to 9999, as `datetime` has them."""
    bounds = pc.min_max(at.cast(pa.int64())).as_py()
    return bounds["min"] is None or YEARS[0] <= bounds["min"] <= bounds["max"] <= YEARS[1]


def _unknown(row: Record) -> dict[str, Any]:
    """The fields without a column, and those that are present without a value."""
    if row.keys() <= _COLUMNS and None not in row.values():
        return {}
    return {name: value for name, value in row.items() if value is None or name not in _COLUMNS}


def _column(
    name: str, of_type: pa.DataType, rows: Sequence[Record], extras: Sequence[dict[str, Any]]
) -> pa.Array:
    """One typed column; values it cannot carry exactly go to their row's extra."""
    values = [row.get(name) for row in rows]
    if not any(value is not None for value in values):
        return pa.nulls(len(values), of_type)
    plain, fits = _FITS[of_type]
    if plain.issuperset(map(type, values)):
        try:
            column = pa.array(values, of_type)
            if not pa.types.is_floating(of_type) or pc.all(is_reckoned(column)).as_py():
                return column
        except _UNFIT:
            pass
    for index, value in enumerate(values):
        if value is not None and not fits(value):
            extras[index][name] = value
            values[index] = None
    return pa.array(values, of_type)


def _is_carried_text(value: Any) -> bool:
    return isinstance(value, str) and is_unicode(value)


def _is_carried_number(value: Any) -> bool:
    if isinstance(value, float):
        return abs(value) <= MOST
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT


def _is_carried_flag(value: Any) -> bool:
    return isinstance(value, bool)


_FITS: Final = {
    pa.string(): (frozenset((str, NoneType)), _is_carried_text),
    pa.float64(): (frozenset((int, float, NoneType)), _is_carried_number),
    pa.bool_(): (frozenset((bool, NoneType)), _is_carried_flag),
}


def _instants(texts: Sequence[Any]) -> pa.Array:
    """The instants of ISO-8601 texts; all of one zoned form quickly, any others one by one."""
    of_type = SCHEMA.field("at").type
    try:
        if all(isinstance(text, str) and text.endswith("Z") for text in texts):
            return pc.cast(pa.array(texts, pa.string()), of_type)
    except _UNFIT:
        pass
    return pa.array([parse_at(text) for text in texts], of_type)


def _instant_texts(column: pa.Array) -> list[str]:
    micros = column.cast(pa.int64()).to_pylist()
    return [format_at(_EPOCH + timedelta(microseconds=each)) for each in micros]


def _values(column: pa.Array) -> list[Any]:
    """The values of a column as Python has them, whole numbers as `int`."""
    values: list[Any] = column.to_pylist()
    if not pa.types.is_floating(column.type):
        return values
    return [
        int(value) if value is not None and value.is_integer() and abs(value) <= _EXACT else value
        for value in values
    ]
