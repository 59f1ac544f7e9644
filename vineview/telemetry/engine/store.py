"""Store: the records table, and an engine that answers questions about it.

DuckDB inside this process is the default, over records in memory or a folder of Parquet; the
same questions run elsewhere through Ibis. A question is a function of `queries`; it is compiled
once per store (for records in memory once per process), because Ibis takes longer to write a
query than DuckDB to answer it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import pandas as pd
import pyarrow as pa

from vineview.errors import TelemetryError
from vineview.telemetry.engine import portable, queries
from vineview.telemetry.engine.engines import (
    BUILDING,
    RECORDS,
    Embedded,
    Engine,
    connect,
    is_ours,
    refusal,
)
from vineview.telemetry.formats.columns import table_to_records
from vineview.telemetry.growth.buckets import COLUMNS as BUCKET_COLUMNS
from vineview.telemetry.growth.buckets import bucket_count
from vineview.telemetry.table import SCHEMA

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Store"]

_SLOW_MS: Final = 5000.0
_KEPT: Final = 256
"""How many compiled questions are kept; zooming asks ever new ones."""

Question = Callable[..., "ir.Table"]
Options = tuple[tuple[str, Any], ...]
_Answer = TypeVar("_Answer")


class Store:
    """Records that answer questions.

    Args:
        engine: What runs the questions.
        records: The table as `portable.door` gives it; ``None`` if the engine holds it under
            the name compiled questions use.
        raw: The same before the door, for what needs the file's own columns.
        source: What to call it in an error.
        is_clean: Whether its numbers are known to be finite.

    Example:
        >>> store = Store.of_table(records_to_table(records))  # doctest: +SKIP
        >>> store.buckets()  # doctest: +SKIP
    """

    def __init__(
        self,
        engine: Engine | Embedded,
        records: ir.Table | None = None,
        raw: ir.Table | None = None,
        *,
        source: str,
        is_clean: bool = False,
    ) -> None:
        self._engine = engine
        self._records = records
        self._raw = raw
        self._source = source
        self._is_clean = is_clean
        self._compiled = lru_cache(_KEPT)(self._compile)
        self._overview: tuple[float, dict[str, Any]] | None = None

    @classmethod
    def of_table(cls, table: pa.Table, *, source: str = "memory") -> Self:
        """Records in memory, asked through DuckDB.

        Args:
            table: In `table.SCHEMA`.
            source: What to call it in an error.
        """
        return cls(Embedded(portable.arrow_door(table)), source=source)

    @classmethod
    def of_folders(cls, *folders: str | Path, engine: str | None = None) -> Self:
        """Records in folders of Parquet, or in tables of another engine.

        Args:
            *folders: The Parquet files, at any depth; with Trino or ClickHouse tables' names.
            engine: ``None`` for DuckDB, ``"spark"``, ``"spark://..."``, ``"sc://..."``,
                ``"trino://..."`` or ``"clickhouse://..."``.

        Raises:
            TelemetryError: If the engine is not known, not installed or cannot be reached, or
                the table has other names or types.
        """
        made, source = connect(engine), ", ".join(map(str, folders))
        is_clean = all(is_ours(str(folder)) for folder in folders)
        with BUILDING:
            raw = made.open(*map(str, folders))
            records = portable.door(raw, dialect=made.dialect, source=source, is_clean=is_clean)
        return cls(made, records, raw, source=source, is_clean=is_clean)

    def tables(self) -> Iterator[pa.Table]:
        """Every record, a table in `table.SCHEMA` at a time, by time."""
        if isinstance(self._engine, Embedded):
            yield self.ask(queries.everything).select(SCHEMA.names)
            return
        for piece in self._engine.pieces(self._compile(queries.everything, ())):
            yield portable.normal(piece).select(SCHEMA.names).cast(SCHEMA)

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record as it was read, by time; for those who must have them all."""
        for table in self.tables():
            yield from table_to_records(table)

    def since(self, at: datetime) -> Store:
        """The records from an instant on; cut before the door, so that files can be skipped.

        Args:
            at: Aware.
        """
        if self._raw is None or isinstance(self._engine, Embedded):
            raise TypeError("records in memory are selected as records")
        kept: dict[str, Any] = {"source": self._source, "is_clean": self._is_clean}
        with BUILDING:
            raw = self._raw.filter(self._raw.at >= self._engine.instant(at, self._raw.at))
            records = portable.door(raw, dialect=self._engine.dialect, **kept)
        return Store(self._engine, records, raw, **kept)

    def ask(self, question: Question, **options: Any) -> pa.Table:
        """One question's answer.

        Args:
            question: A function of `queries`: from the records table to a table.
            **options: What it takes beside; hashable.

        Returns:
            A small table, its instants aware in UTC.

        Raises:
            TelemetryError: If the engine lacks what it takes, or fails.
        """
        return portable.normal(self._run(self._engine.answer, question, options))

    def _compile(self, question: Question, options: Options) -> Any:
        with BUILDING:
            if isinstance(self._engine, Embedded):
                return _compiled(question, options)
            return self._engine.compiled(question(self._records, **dict(options)))

    def rows(self, question: Question, **options: Any) -> list[dict[str, Any]]:
        """The same as dicts, a row each."""
        if isinstance(self._engine, Embedded):
            return self._run(self._engine.rows, question, options)
        return list(self.ask(question, **options).to_pylist())

    def _run(
        self, answer: Callable[[Any], _Answer], question: Question, options: dict[str, Any]
    ) -> _Answer:
        """What the engine makes of a question, one at a time; a refusal told in its words."""
        try:
            compiled = self._compiled(question, tuple(options.items()))
            with self._engine.lock:
                return answer(compiled)
        except TelemetryError:
            raise
        except Exception as error:
            raise refusal(self._engine, question.__name__, self._source, error) from error

    def overview(self, *, slow_ms: float | None = None) -> dict[str, Any]:
        """What one pass over the records tells; asked once.

        Args:
            slow_ms: From when a preload is slow; whatever was asked before if ``None``.
        """
        if self._overview is None or slow_ms not in {None, self._overview[0]}:
            slow_ms = _SLOW_MS if slow_ms is None else slow_ms
            self._overview = slow_ms, self.rows(queries.overview, slow_ms=slow_ms)[0]
        return self._overview[1]

    def names(self) -> list[str]:
        """What the samples have values of: metrics, and fields of one sample that are none."""
        (told,) = self.rows(queries.names)
        extra = json.loads(told.pop("extra") or "{}")
        return [name for name, is_told in told.items() if is_told] + [
            name for name, value in extra.items() if value is not None
        ]

    def buckets(self, column: str = "video_memory_mb") -> pd.DataFrame:
        """The time buckets growth and verdict are read from.

        With several devices each one's own level is taken out first, so that a device that joins
        late or leaves early is no growth.

        Args:
            column: Which metric.

        Returns:
            Columns and dtypes as `buckets.COLUMNS` says.
        """
        seen = self.overview()
        span = seen if column == "video_memory_mb" else self.rows(queries.span, column=column)[0]
        if span["first_s"] is None:
            return pd.DataFrame({name: pd.Series(dtype=of) for name, of in BUCKET_COLUMNS.items()})
        several = seen["devices"] > 1
        marks = () if several else tuple(queries.restart_marks(seen))
        found = self.ask(
            queries.time_buckets,
            column=column,
            wanted=bucket_count(max(span["last_s"] - span["first_s"], 1e-9) / 3600),
            beside=tuple(name for name in queries.BESIDE if seen[f"has_{name}"]),
            marks=marks,
            gaps=tuple(name for name in marks if seen[f"lacking_{name}"]),
            navigations=bool(seen["navigations"]),
            within=several,
        )
        return queries.bucket_frame(found)

    def envelope(
        self, column: str, start: datetime | None, end: datetime | None, buckets: int
    ) -> pd.DataFrame:
        """The least and the greatest value of a metric in each of so many equal buckets.

        Args:
            column: Which metric of the samples.
            start: From, inclusive; the first sample if ``None``.
            end: To, inclusive; the last sample if ``None``.
            buckets: How many, at least 1.

        Returns:
            Columns ``at`` (the bucket's start), ``low``, ``high``, ``low_at``, ``high_at``
            (instants aware in UTC, values float64), by ``at``; buckets without a value are left
            out. Of equal values the earliest instant.
        """
        (span,) = self.rows(queries.span, column=column)
        start_s = span["first_s"] if start is None else start.timestamp()
        end_s = span["last_s"] if end is None else end.timestamp()
        if start_s is None or end_s is None or end_s < start_s:
            start_s, end_s = 0.0, 0.0
        found = self.ask(
            queries.envelope, column=column, start_s=start_s, end_s=end_s, buckets=buckets
        )
        return queries.envelope_frame(found, start_s=start_s, end_s=end_s, buckets=buckets)


def _shape() -> ir.Table:
    import ibis  # noqa: PLC0415 - loads on the first question

    return ibis.table(ibis.Schema.from_pyarrow(portable.COLUMNS), name=RECORDS)


@lru_cache(_KEPT)
def _compiled(question: Question, options: Options) -> str:
    """A question in DuckDB's language; a pure function of its shape, hence kept."""
    import ibis  # noqa: PLC0415 - as above

    return str(ibis.to_sql(question(_shape(), **dict(options)), dialect="duckdb", pretty=False))
