"""Five questions of an imported export, beside pandas with the frame in memory and bare DuckDB.

Each side answers all five, one after the other, several times over; what counts is the middle
total. Answers are compared before anything is timed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from vineview.telemetry.engine import breakdowns
from vineview.telemetry.engine.portable import slope
from vineview.telemetry.engine.queries import is_attempt, measured
from vineview.telemetry.engine.store import Store

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from vineview.bench.report import Report

__all__ = ["run_questions"]

_RUNS: Final = 5
_PANDAS: Final = 0.5
_DUCKDB: Final = 1.3
_COLUMNS: Final = (
    *("at", "kind", "device_id", "network", "video_memory_mb", "success", "error", "error_class"),
)

Answers = dict[str, Any]


def run_questions(report: Report, folder: Path) -> None:
    """Ask and time.

    Args:
        report: Gets the rows.
        folder: An import: Parquet files in `table.SCHEMA`.
    """
    files = sorted(folder.rglob("*.parquet"))
    frame = pd.concat([pd.read_parquet(file, columns=list(_COLUMNS)) for file in files])
    ours, pandas, bare = _ours(folder), _pandas(frame), _bare(folder)
    first = {name: _answers(side) for name, side in (("o", ours), ("p", pandas), ("d", bare))}
    _compare(first["o"], first["p"])
    _compare(first["o"], first["d"])
    times: dict[str, list[dict[str, float]]] = {"o": [], "p": [], "d": []}
    for _ in range(_RUNS):
        for name, side in (("o", ours), ("d", bare), ("p", pandas)):
            times[name].append(_timed(side))
    totals = {
        name: statistics.median(sum(each.values()) for each in all_) for name, all_ in times.items()
    }
    for question in ours:
        mine, theirs, bares = (
            statistics.median(each[question] for each in times[name]) for name in "opd"
        )
        report.ratio(question, mine, "s", peer="pandas", peer_value=theirs)
        report.note(f"{question}: bare DuckDB {bares:.3g} s")
    report.ratio(
        "five questions", totals["o"], "s", peer="pandas", peer_value=totals["p"], target=_PANDAS
    )
    report.ratio(
        "five questions", totals["o"], "s", peer="duckdb", peer_value=totals["d"], target=_DUCKDB
    )
    report.note(f"{len(frame):,} rows; pandas has the frame in memory, DuckDB reads the Parquet")


def _answers(side: Mapping[str, Callable[[], Any]]) -> Answers:
    return {name: ask() for name, ask in side.items()}


def _timed(side: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    times = {}
    for name, ask in side.items():
        began = time.perf_counter()
        ask()
        times[name] = time.perf_counter() - began
    return times


def _minutes(records: ir.Table) -> ir.Table:
    rows = measured(records, "video_memory_mb")
    memory = rows.video_memory_mb
    grouped = rows.group_by(minute=(rows.seconds / 60).floor().cast("int64")).aggregate(
        average=memory.mean(), peak=memory.max(), p95=memory.quantile(0.95)
    )
    return grouped.order_by("minute")


def _rates(records: ir.Table) -> ir.Table:
    rows = records.filter(is_attempt(records))
    failed = (~rows.success.fill_null(False)).mean()
    return rows.group_by("network").aggregate(rate=failed).order_by("network")


def _slopes(records: ir.Table) -> ir.Table:
    rows = measured(records, "video_memory_mb")
    return rows.group_by("device_id").aggregate(
        samples=rows.count(), slope=slope(rows.seconds, rows.video_memory_mb)
    )


def _end(records: ir.Table) -> ir.Table:
    return records.aggregate(at=records.at.max())


def _level(records: ir.Table) -> ir.Table:
    rows = measured(records, "video_memory_mb")
    memory = rows.video_memory_mb
    return rows.aggregate(count=memory.count(), average=memory.mean(), peak=memory.max())


def _ours(folder: Path) -> dict[str, Callable[[], Any]]:
    """The same as Ibis expressions, as the analytics ask theirs."""
    store = Store.of_folders(folder)

    def minutes() -> Any:
        return store.ask(_minutes).to_pandas()[["average", "peak", "p95"]].to_numpy()

    def rates() -> Any:
        return store.ask(_rates)["rate"].to_pylist()

    def errors() -> Any:
        return [each["count"] for each in store.rows(breakdowns.messages, limit=5)]

    def growth() -> Any:
        return np.sort(store.ask(_slopes)["slope"].to_numpy())

    def last_hour() -> Any:
        (end,) = store.rows(_end)
        (row,) = store.since(end["at"] - timedelta(hours=1)).rows(_level)
        return [row["count"], row["average"], row["peak"]]

    return _named(minutes, rates, errors, growth, last_hour)


def _pandas(frame: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    def minutes() -> Any:
        rows = frame[frame["kind"].isna()]
        grouped = rows.groupby(rows["at"].dt.floor("min"))["video_memory_mb"]
        return np.column_stack((grouped.mean(), grouped.max(), grouped.quantile(0.95)))

    def rates() -> Any:
        rows = frame[frame["success"].notna()]
        failed = ~rows["success"].astype(bool)
        return failed.groupby(rows["network"]).mean().tolist()

    def errors() -> Any:
        rows = frame.loc[frame["error"].notna() | (frame["success"] == False)]  # noqa: E712 - null is not false
        text = rows["error"].replace("", None).fillna(rows["error_class"])
        return text.fillna("no message given").value_counts().head(5).tolist()

    def growth() -> Any:
        rows = frame[frame["kind"].isna() & frame["video_memory_mb"].notna()]
        x = rows["at"].astype("int64").to_numpy() / 1e6
        y = rows["video_memory_mb"].to_numpy()
        table = pd.DataFrame({"device": rows["device_id"].to_numpy(), "x": x - x.min(), "y": y})
        table["xy"], table["xx"] = table["x"] * table["y"], table["x"] * table["x"]
        sums = table.groupby("device")[["x", "y", "xy", "xx"]].mean()
        over = sums["xy"] - sums["x"] * sums["y"]
        return np.sort((over / (sums["xx"] - sums["x"] ** 2)).to_numpy())

    def last_hour() -> Any:
        rows = frame.loc[frame["at"] >= frame["at"].max() - pd.Timedelta(hours=1)]
        memory = rows["video_memory_mb"]
        return [int(memory.count()), memory.mean(), memory.max()]

    return _named(minutes, rates, errors, growth, last_hour)


def _bare(folder: Path) -> dict[str, Callable[[], Any]]:
    """The same in SQL written for DuckDB: the peer, so SQL is right here."""
    import duckdb

    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    table = f"read_parquet('{folder}/**/*.parquet', hive_partitioning=false)"

    def ask(text: str) -> Any:
        return connection.execute(text.replace("RECORDS", table)).fetchnumpy()

    def minutes() -> Any:
        found = ask(
            'select epoch_us("at") // 60000000 m, avg(video_memory_mb) a, '
            "max(video_memory_mb) b, quantile_cont(video_memory_mb, 0.95) c from RECORDS "
            "where kind is null and video_memory_mb is not null group by 1 order by 1"
        )
        return np.column_stack((found["a"], found["b"], found["c"]))

    def rates() -> Any:
        found = ask(
            "select network, avg((not success)::int) r from RECORDS where success is not null "
            "group by 1 order by 1"
        )
        return found["r"].tolist()

    def errors() -> Any:
        found = ask(
            "select coalesce(nullif(error, ''), error_class, 'no message given') m, count(*) n, "
            'min("at") f, max("at") l from RECORDS where error is not null or success = false '
            "group by 1 order by 2 desc, 1 limit 5"
        )
        return found["n"].tolist()

    def growth() -> Any:
        found = ask(
            'select device_id, count(*) n, regr_slope(video_memory_mb, epoch("at")) s '
            "from RECORDS where kind is null and video_memory_mb is not null group by 1"
        )
        return np.sort(np.asarray(found["s"]))

    def last_hour() -> Any:
        found = ask(
            "select count(video_memory_mb) n, avg(video_memory_mb) a, max(video_memory_mb) b "
            'from RECORDS where "at" >= (select max("at") from RECORDS) - interval 1 hour'
        )
        return [int(found["n"][0]), found["a"][0], found["b"][0]]

    return _named(minutes, rates, errors, growth, last_hour)


def _named(*asks: Callable[[], Any]) -> dict[str, Callable[[], Any]]:
    names = (
        "memory each minute",
        "failure rate by network",
        "top five errors",
        "growth of each device",
        "the last hour",
    )
    return dict(zip(names, asks, strict=True))


def _compare(ours: Answers, theirs: Answers) -> None:
    """Both sides must say the same, or the times mean nothing."""
    for name, mine in ours.items():
        peers = np.asarray(theirs[name], dtype=float)
        np.testing.assert_allclose(
            np.asarray(mine, dtype=float), peers, rtol=1e-5, atol=1e-7, err_msg=name
        )
