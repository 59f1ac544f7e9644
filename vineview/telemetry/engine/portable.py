"""What engines do differently, said once in a form all of them have.

Queries see the same table everywhere: instants in UTC, a float64 column ``seconds`` beside them
to reckon with (whole seconds where an engine has no more), missing numbers as null (never NaN),
missing columns as null. Beyond that they use what Ibis gives alike on DuckDB and Spark; what it
does not give alike (medians under a condition, buckets of any width) has its portable form here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from vineview.errors import TelemetryError
from vineview.telemetry.table import MOST, SCHEMA

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["COLUMNS", "EPOCH_S", "arrow_door", "door", "median_where", "normal", "slope", "when"]

_INSTANT: Final = pa.timestamp("us")
COLUMNS: Final = pa.schema(
    [pa.field("at", _INSTANT), pa.field("seconds", pa.float64()), *list(SCHEMA)[1:]]
)
"""The records table as queries see it; ``seconds`` since 1970 with their fraction."""
EPOCH_S: Final = 1_767_225_600.0
"""2026 began; seconds are squared from there on, so that their fractions count."""


def _duckdb_seconds(at: Any) -> Any:
    """DuckDB's own function: a cast between instants with and without zone costs ten times it."""
    import ibis  # noqa: PLC0415 - loads on the first question

    @ibis.udf.scalar.builtin(signature=((at.type(),), "int64"))  # type: ignore[untyped-decorator]
    def epoch_us(at: Any) -> int:  # type: ignore[empty-body]  # the engine has the body
        ...

    return epoch_us(at) / 1e6


def _spark_seconds(at: Any) -> Any:
    return at.cast("float64")


def _whole_seconds(at: Any) -> Any:
    return at.epoch_seconds().cast("float64")


_SECONDS: Final[dict[str, Callable[[Any], Any]]] = {
    "duckdb": _duckdb_seconds,
    "pyspark": _spark_seconds,
}


def arrow_door(table: pa.Table) -> pa.Table:
    """A table in `table.SCHEMA` as queries see it, in memory."""
    at = table.column("at").cast(_INSTANT)
    seconds = pc.divide(at.cast(pa.int64()).cast(pa.float64(), safe=False), 1e6)
    columns = [at, seconds, *(table.column(name) for name in SCHEMA.names[1:])]
    return pa.table(columns, schema=COLUMNS)


def door(table: ir.Table, *, dialect: str, source: str, is_clean: bool = False) -> ir.Table:
    """A table of an engine as queries see it.

    Args:
        table: With ``at`` and any of the columns of `table.SCHEMA`.
        dialect: Ibis' name of its engine.
        source: What to call it in an error.
        is_clean: Whether the numbers are known to be finite and every record to have its instant,
            as in an import of ours. A record without one is passed over, as readers do.

    Raises:
        TelemetryError: If ``at`` is missing, or a column has another type.
    """
    import ibis  # noqa: PLC0415 - loads on the first question

    given = table.schema()
    if "at" not in given or not given["at"].is_timestamp():
        what = f"is {given['at']}" if "at" in given else "is missing"
        raise TelemetryError(
            f"{source}: column 'at' {what}, not an instant",
            source=source,
            hint="Records carry 'at' as a timestamp in UTC; vineview convert makes such files.",
        )
    if not is_clean:
        table = table.filter(table.at.notnull())
    seconds = _SECONDS.get(dialect, _whole_seconds)(table.at)
    columns: dict[str, Any] = {"at": table.at, "seconds": seconds}
    for field in list(SCHEMA)[1:]:
        kind = _kind(field.type)
        if field.name not in given:
            columns[field.name] = ibis.null().cast(kind)
        else:
            columns[field.name] = _typed(table[field.name], kind, source, is_clean)
    return table.select(**columns)


def normal(table: pa.Table) -> pa.Table:
    """An answer as everybody knows it: instants aware in UTC, counts as whole numbers."""
    for index, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
        if pa.types.is_timestamp(field.type):
            column = table.column(index).cast(pa.timestamp("us"))
            table = table.set_column(index, field.name, column.cast(pa.timestamp("us", tz="UTC")))
    return table


def when(condition: Any, value: Any) -> Any:
    """The value where a condition holds, else null: the portable ``aggregate(where=...)``."""
    import ibis  # noqa: PLC0415 - as above

    return ibis.ifelse(condition, value, ibis.null())


def median_where(value: Any, condition: Any) -> Any:
    """The median of the values where a condition holds; Spark refuses it as ``where=``."""
    return when(condition, value).median()


def slope(seconds: Any, values: Any) -> Any:
    """The least-squares slope per second over the rows where both are given."""
    import ibis  # noqa: PLC0415 - as above

    x = ibis.ifelse(values.notnull(), seconds - EPOCH_S, ibis.null())
    return x.cov(values, how="pop") / x.var(how="pop").nullif(0.0)


def _kind(of_type: pa.DataType) -> str:
    if pa.types.is_floating(of_type):
        return "float64"
    return "boolean" if pa.types.is_boolean(of_type) else "string"


def _typed(column: Any, kind: str, source: str, is_clean: bool) -> Any:  # noqa: FBT001 - ours

    have = column.type()
    if have.is_null():
        return column.cast(kind)
    if kind == "float64" and have.is_floating():
        if is_clean:
            return column
        value = column.cast("float64")
        return when(value.abs() <= MOST, value)
    if kind == "float64" and (have.is_integer() or have.is_decimal()):
        return column.cast("float64")
    if str(have).removeprefix("!") == kind:
        return column
    raise TelemetryError(
        f"{source}: column {column.get_name()!r} is {have}, not {kind}",
        source=source,
        hint="Records have the columns of the performance export; rename or convert it there.",
    )
