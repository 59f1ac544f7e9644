"""Engines: DuckDB in this process, or one elsewhere through Ibis.

DuckDB never loads an extension it would have to download, and its instants are UTC. One embedded
database serves every table in memory (a second one, without threads, every small table: starting
them takes longer than they save); each table has a cursor of its own, under one name, so that a
question compiled once fits them all.

Ibis builds and compiles in one thread at a time (`BUILDING`), an engine answers one question at
a time (its ``lock``); charts and analytics may ask at once.
"""

from __future__ import annotations

import importlib.util
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import pyarrow as pa

from vineview.errors import TelemetryError
from vineview.telemetry.engine.portable import door
from vineview.telemetry.formats.parquet import HEADER_FILE

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir

__all__ = [
    "BUILDING",
    "RECORDS",
    "Embedded",
    "Engine",
    "connect",
    "dialect_of",
    "is_ours",
    "refusal",
]

_SETTINGS: Final = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
RECORDS: Final = "records"
"""The name compiled questions know the table in memory by."""
BUILDING: Final = threading.RLock()
"""Whoever builds or compiles an Ibis expression holds it."""
_SMALL: Final = 50_000
_NEEDS: Final = {
    "pyspark": ("pyspark", "pip install vineview[spark]"),
    "trino": ("trino", 'pip install "ibis-framework[trino]"'),
    "clickhouse": ("clickhouse_connect", 'pip install "ibis-framework[clickhouse]"'),
}
_PIECE: Final = 100_000
_KNOWN: Final = '"spark", "spark://...", "sc://...", "trino://...", "clickhouse://..."'
_PORTS: Final = {"spark": 7077, "sc": 15002}
_KNOCK_S: Final = 5.0
_UNREACHABLE: Final = (
    *("connect", "refused", "unreachable", "unavailable", "timed out"),
    *("resolve host", "name resolution", "name or service not known"),
)
_LACKING: Final = (
    *("function with name", "unresolved_routine", "unknown function"),  # DuckDB, Spark, ClickHouse
    *("function_not_found", "not registered", "undefined function"),  # Trino and its like
)
"""What engines say of a function that they do not have."""


class Engine:
    """One engine that answers.

    Args:
        backend: Ibis' backend.
        dialect: Ibis' name of it.
        name: What it was asked for as.
    """

    def __init__(self, backend: Any, dialect: str, name: str) -> None:
        self._backend = backend
        self.dialect = dialect
        self.name = name
        self.lock = threading.Lock()

    @classmethod
    def of_connection(cls, connection: duckdb.DuckDBPyConnection) -> Self:
        """DuckDB on an open connection."""
        import ibis  # noqa: PLC0415 - loads on the first question

        return cls(ibis.duckdb.from_connection(connection), "duckdb", "duckdb")

    def open(self, *places: str) -> ir.Table:
        """The tables at some places as one: folders or files of Parquet, or tables' names.

        Several are joined by the columns queries see, whichever each of them has.
        """
        import ibis  # noqa: PLC0415 - loads on the first question

        tables = [self._open(place) for place in places]
        if len(tables) > 1:
            seen = [
                door(table, dialect=self.dialect, source=place, is_clean=is_ours(place))
                for table, place in zip(tables, places, strict=True)
            ]
            return self._guarded(", ".join(places), lambda: ibis.union(*seen))
        (table,), (place,) = tables, places
        if self.dialect != "duckdb":
            return table
        return self._guarded(place, lambda: table.drop(*self._empty(place, table.columns)))

    def _open(self, place: str) -> ir.Table:
        if self.dialect in {"trino", "clickhouse"}:
            return self._guarded(place, lambda: self._backend.table(place))
        if self.dialect == "pyspark":
            beside = {"pathGlobFilter": "*.parquet"} if is_ours(place) else {}  # the header
            return self._guarded(place, lambda: self._backend.read_parquet(place, **beside))
        path = Path(place)
        if path.is_dir() and next(path.rglob("*.parquet"), None) is None:
            raise TelemetryError(
                f"{place} holds no Parquet file",
                source=place,
                hint="vineview convert IN OUT.parquet makes one.",
            )
        return self._guarded(
            place,
            lambda: self._backend.read_parquet(
                _pattern(place), hive_partitioning=False, union_by_name=not is_ours(place)
            ),
        )

    def _empty(self, place: str, columns: Sequence[str]) -> list[str]:
        """The columns without a value, as the files' own statistics say.

        A question that knows them to be null reads less: records of samples alone have no kind,
        and every question asks for it.
        """
        found = self._backend.con.execute(
            "SELECT path_in_schema FROM parquet_metadata(?) WHERE path_in_schema <> 'at' "
            "GROUP BY 1 HAVING bool_and(coalesce(stats_null_count = num_values, false))",
            [_pattern(place)],
        )
        return [name for (name,) in found.fetchall() if name in columns]

    def compiled(self, question: ir.Table) -> Any:
        """A question as `answer` and `pieces` take it: DuckDB's own language, else as it is."""
        return str(self._backend.compile(question)) if self.dialect == "duckdb" else question

    def answer(self, compiled: Any) -> pa.Table:
        """Run a question."""
        if self.dialect == "duckdb":
            return self._backend.con.execute(compiled).to_arrow_table()
        with BUILDING:  # it compiles on the way
            return self._backend.to_pyarrow(compiled)

    def pieces(self, compiled: Any) -> Iterator[pa.Table]:
        """A long answer, a piece at a time."""
        if self.dialect == "duckdb":  # ibis 12 calls what duckdb 1.5 warns of
            batches = self._backend.con.execute(compiled).to_arrow_reader(_PIECE)
        else:
            batches = self._backend.to_pyarrow_batches(compiled, chunk_size=_PIECE)
        for batch in batches:
            yield pa.Table.from_batches([batch])

    def instant(self, at: datetime, column: Any) -> Any:
        """A literal to compare a column of instants with, aware where the column is."""
        import ibis  # noqa: PLC0415 - as above

        at = at.astimezone(UTC)
        if column.type().timezone is None:
            return ibis.timestamp(at.replace(tzinfo=None))
        return ibis.literal(at, type=column.type())

    def _guarded(self, place: str, read: Any) -> ir.Table:
        try:
            table: ir.Table = read()
        except Exception as error:
            raise TelemetryError(
                f"{place} cannot be read by {self.name}: {_first_line(error)}",
                source=place,
                hint="Check the path or the table's name, and that the engine may read it.",
            ) from error
        return table


class Embedded:
    """One table in memory, and a cursor of its own on the process's DuckDB.

    The rows are copied in once: a question of DuckDB's own table costs half of one that goes
    through Arrow.

    Args:
        given: In `portable.COLUMNS`.
    """

    name = dialect = "duckdb"

    def __init__(self, given: pa.Table) -> None:
        is_small = given.num_rows < _SMALL
        self._cursor = _database(threads=1 if is_small else None).cursor()
        if is_small:  # planning well takes longer than running badly
            self._cursor.execute("PRAGMA disable_optimizer")
        self._cursor.execute(f"CREATE TEMP TABLE {RECORDS} AS FROM given")  # the argument
        self.lock = threading.Lock()

    def answer(self, compiled: str) -> pa.Table:
        """Run a question that was compiled for any table of this shape."""
        return self._cursor.execute(compiled).to_arrow_table()

    def rows(self, compiled: str) -> list[dict[str, Any]]:
        """The same as dicts: for a few wide rows Arrow takes longer than the question."""
        answer = self._cursor.execute(compiled)
        names = [each[0] for each in answer.description]
        return [dict(zip(names, map(_aware, row), strict=True)) for row in answer.fetchall()]


def _aware(value: Any) -> Any:
    """A value with its zone if it is an instant: all are UTC."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _pattern(place: str) -> str:
    return str(Path(place) / "**" / "*.parquet") if Path(place).is_dir() else place


def is_ours(place: str) -> bool:
    """Whether a folder was written by us: every file then has `table.SCHEMA` and finite numbers."""
    return (Path(place) / HEADER_FILE).is_file()


def dialect_of(address: str) -> str:
    """Ibis' name of the engine at an address.

    Raises:
        TelemetryError: If it is not known, names no host, or is not installed.
    """
    scheme = urlsplit(address).scheme or address
    dialect = {"spark": "pyspark", "sc": "pyspark"}.get(scheme, scheme)
    if dialect not in _NEEDS:
        raise TelemetryError(
            f"{_shown(address)!r} is no engine known here",
            source=_shown(address),
            hint=f"Known are {_KNOWN}; without one, DuckDB in this process.",
        )
    if "://" in address and not urlsplit(address).netloc:
        raise TelemetryError(
            f"engine {address} names no host", source=address, hint=f"Known are {_KNOWN}."
        )
    module, install = _NEEDS[dialect]
    if importlib.util.find_spec(module) is None:
        raise TelemetryError(
            f"engine {_shown(address)}: {module} is not installed",
            source=_shown(address),
            hint=f"{install}.",
        )
    return dialect


def _shown(address: str) -> str:
    """The address without its password, for messages."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", address)


def connect(address: str | None) -> Engine:
    """The engine of an address.

    Args:
        address: ``None`` for DuckDB in this process; else as `store.Store.of_folder` says.

    Raises:
        TelemetryError: If it is not known, not installed or cannot be reached.
    """
    if address is None or address == "duckdb":
        import duckdb  # noqa: PLC0415 - loads on the first question

        return Engine.of_connection(duckdb.connect(":memory:", config=dict(_SETTINGS)))
    dialect = dialect_of(address)
    try:
        _knock(address)
        backend = _spark(address) if dialect == "pyspark" else _elsewhere(address)
    except Exception as error:
        raise TelemetryError(
            f"engine {_shown(address)} cannot be reached: {_first_line(error)}",
            source=_shown(address),
            hint="Check the address, that the engine runs, and for Spark that Java 17 is there.",
        ) from error
    return Engine(backend, dialect, _shown(address))


def refusal(
    engine: Engine | Embedded, question: str, source: str, error: Exception
) -> TelemetryError:
    """What to say when an engine does not answer."""
    import ibis.common.exceptions as problems  # noqa: PLC0415 - as above

    text, told = _first_line(error), str(error).lower()
    is_undefined = isinstance(
        error, problems.OperationNotDefinedError | problems.UnsupportedOperationError
    )
    if is_undefined or any(word in told for word in _LACKING):
        what, hint = "lacks what it takes", "Ask DuckDB, the default, or another engine."
    elif any(word in told for word in _UNREACHABLE):
        what, hint = "cannot be reached", "Check that the engine still runs."
    else:
        what, hint = "failed", "Check the data's columns and types; --debug shows the engine's own."
    return TelemetryError(
        f"{source}: engine {engine.name} {what} for {question!r}: {text}", source=source, hint=hint
    )


@cache
def _database(*, threads: int | None) -> duckdb.DuckDBPyConnection:
    """The embedded database; starting one takes longer than any of its answers."""
    import duckdb  # noqa: PLC0415 - as above

    config: dict[str, Any] = dict(_SETTINGS)
    if threads is not None:
        config["threads"] = threads
    return duckdb.connect(":memory:", config=config)


def _knock(address: str) -> None:
    """See that one of an address's hosts answers: Spark asks a dead one for a minute.

    Raises:
        OSError: If none does.
    """
    scheme, _, rest = address.partition("://")
    refusals = []
    for host in rest.partition("/")[0].rpartition("@")[2].split(",") if rest else ():
        parts = urlsplit(f"//{host}")
        port = parts.port or _PORTS.get(scheme)
        if not parts.hostname or port is None:
            return  # the engine's own client knows where
        try:
            socket.create_connection((parts.hostname, port), timeout=_KNOCK_S).close()
        except OSError as error:
            refusals.append(error)
        else:
            return
    if refusals:
        raise refusals[0]


def _spark(address: str) -> Any:
    """Spark, classic or Connect; a session that is open already is used as it is."""
    import ibis  # noqa: PLC0415 - as above
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an optional, heavy dependency

    builder = SparkSession.builder.appName("vineview")
    if address.startswith("sc://"):
        builder = builder.remote(address)
    elif address.startswith("spark://"):
        builder = builder.master(address)
    else:
        builder = builder.master("local[*]").config("spark.ui.enabled", "false")
    if not address.startswith("sc://"):  # what goes wrong is raised; its log would bury that
        builder = builder.config("spark.log.level", "ERROR")
    session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    return ibis.pyspark.connect(session)


def _elsewhere(address: str) -> Any:
    import ibis  # noqa: PLC0415 - as above

    return ibis.connect(address)


def _first_line(error: Exception) -> str:
    """What went wrong, in one line; Java's own words where a call into it failed."""
    first, *rest = (str(error).strip() or type(error).__name__).splitlines()
    told = rest[0].removeprefix(": ") if rest and rest[0].startswith(": ") else first
    return told[:300]
