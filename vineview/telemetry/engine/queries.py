"""Every question analytics asks, once, as Ibis expressions: from the records table to a small one.

They run alike on DuckDB in this process and on a fleet's engine; what engines do differently is
in `portable`. The records table has `portable.COLUMNS`. Few and wide, because a question costs
more to plan than to answer where the records are few.
"""

# ruff: noqa: PD003, PD004 - Ibis has isnull and notnull only

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from vineview.telemetry.engine.portable import median_where, slope, when
from vineview.telemetry.growth.buckets import COLUMNS as BUCKET_COLUMNS
from vineview.telemetry.growth.buckets import COUNTERS, LOW
from vineview.telemetry.metrics import METRICS

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "BESIDE",
    "GROUPED",
    "MARKS",
    "bucket_frame",
    "distribution",
    "envelope",
    "envelope_frame",
    "everything",
    "is_attempt",
    "is_error",
    "measured",
    "message",
    "names",
    "overview",
    "restart_marks",
    "span",
    "tail",
    "time_buckets",
]

BESIDE: Final = ("video_controllers", "ready_videos", "preloading_queue")
"""The metrics that are read beside memory."""
GROUPED: Final = ("network", "platform", "app_version", "country")
"""The columns preloads are grouped by."""
MARKS: Final = ("session_id", *COUNTERS)
"""The columns a restart shows in."""
_FAST_MS: Final = 1000.0
_PLACES: Final = 1e15
"""Buckets either side of zero; what lies beyond is in the last: whole numbers end there."""


def overview(records: ir.Table, *, slow_ms: float) -> ir.Table:
    """Everything one pass over the records tells, as one row.

    Args:
        records: The records table.
        slow_ms: From when a preload is slow.

    Returns:
        Counts and instants of records and samples; of memory ``peak``, ``average``, ``minimum``,
        ``slope`` (MB/s) and the span; of preloads ``preloads``, ``failed``, times and caches;
        whether some have a label (``tells_...``), some events lack it (``lacks_...``) and samples
        have it (``lends_...``); ``errors``; the devices of samples, and the ``least_device`` and
        ``most_device`` of all records; sessions and counters; the last success rate samples give.
    """
    told = records.mutate(
        sample=records.kind.isnull(), attempt=is_attempt(records), failure=is_error(records)
    )
    r = told.mutate(
        memory=when(told["sample"], told.video_memory_mb),
        time=when(told.attempt & told.success, told.duration_ms),
    )
    sample, memory, attempt, time = r["sample"], r.memory, r.attempt, r.time
    rate = when(sample, r.preload_success_rate)
    counters: dict[str, Any] = {}
    for name in COUNTERS:
        value = when(sample, r[name])
        counters |= {f"least_{name}": value.min(), f"most_{name}": value.max()}
    lacking = {f"lacking_{name}": (memory.notnull() & r[name].isnull()).sum() for name in MARKS}
    return r.aggregate(
        records=r.count(),
        first_at=r.at.min(),
        last_at=r.at.max(),
        samples=sample.sum(),
        first_sample_at=when(sample, r.at).min(),
        last_sample_at=when(sample, r.at).max(),
        measured=memory.count(),
        last_measured_at=when(memory.notnull(), r.at).max(),
        first_s=when(memory.notnull(), r.seconds).min(),
        last_s=when(memory.notnull(), r.seconds).max(),
        peak=memory.max(),
        average=memory.mean(),
        minimum=memory.min(),
        slope=slope(r.seconds, memory),
        most_controllers=when(sample, r.video_controllers).max(),
        devices=when(sample, r.device_id).nunique(),
        least_device=r.device_id.min(),
        most_device=r.device_id.max(),
        sessions=when(sample, r.session_id).nunique(),
        **counters,
        **lacking,
        **{f"has_{name}": (sample & r[name].notnull()).any() for name in BESIDE},
        navigations=(r.kind == "navigate").sum(),
        pressures=(r.kind == "memory_pressure").sum(),
        preloads=attempt.sum(),
        failed=(attempt & ~r.success.fill_null(False)).sum(),
        timeouts=(attempt & (r.error_class == "timeout")).sum(),
        average_ms=time.mean(),
        median_ms=time.median(),
        slow=(time > slow_ms).sum(),
        fast=(time < _FAST_MS).sum(),
        cache_known=(attempt & r.cache_hit.notnull()).sum(),
        cache_hits=(attempt & r.cache_hit.fill_null(False)).sum(),
        **{
            f"tells_{name}": (attempt & r[name].notnull()).any() for name in (*GROUPED, "mime_type")
        },
        **{f"lacks_{name}": (attempt & ~sample & r[name].isnull()).any() for name in GROUPED},
        **{f"lends_{name}": (sample & r[name].notnull()).any() for name in GROUPED},
        errors=r.failure.sum(),
        unique_errors=when(r.failure, message(r)).nunique(),
        success_pct=rate.argmax(when(rate.notnull(), r.seconds)),
        sample_average_ms=when(sample, r.preload_duration_ms).mean(),
        sample_median_ms=median_where(r.preload_duration_ms, sample),
    )


def span(records: ir.Table, *, column: str) -> ir.Table:
    """When one metric was first and last given: ``first_s``, ``last_s``, one row."""
    given = records.kind.isnull() & records[column].notnull()
    seconds = when(given, records.seconds)
    return records.aggregate(first_s=seconds.min(), last_s=seconds.max())


def names(records: ir.Table) -> ir.Table:
    """Which of `METRICS` the samples have, a flag each, and what else one has: ``extra``; a row."""
    sample = records.kind.isnull()
    told = {name: (sample & records[name].notnull()).any() for name in METRICS}
    return records.aggregate(**told, extra=when(sample, records.extra).max())


def everything(records: ir.Table) -> ir.Table:
    """All records, by time."""
    return records.order_by("seconds")


def tail(records: ir.Table, *, count: int) -> ir.Table:
    """The last samples that have memory, latest first: ``at``, ``video_memory_mb``."""
    rows = measured(records, "video_memory_mb")
    order = [rows.seconds.desc(), rows.video_memory_mb.desc()]
    return rows.order_by(order).limit(count).select("at", "video_memory_mb")


def distribution(records: ir.Table, *, width_mb: float) -> ir.Table:
    """How often memory was in each bucket ``[start, start + width)``: ``start``, ``count``."""
    import ibis  # noqa: PLC0415 - loads on the first question

    rows = measured(records, "video_memory_mb")
    place = ibis.greatest(ibis.least(rows.video_memory_mb / width_mb, _PLACES), -_PLACES)
    start = place.floor().cast("float64") * width_mb
    return rows.group_by(start=start).aggregate(count=rows.count()).order_by("start")


def measured(records: ir.Table, column: str) -> ir.Table:
    """The samples that have a value of one metric: it, when and whose; few columns plan quickly."""
    rows = records.filter(records.kind.isnull() & records[column].notnull())
    return rows.select("at", "seconds", "device_id", "session_id", column)


def is_attempt(r: ir.Table) -> Any:
    """A preload that finished: its event, or a wide row that says how the last one went."""
    return (r.kind == "preload").fill_null(r.success.notnull())


def is_error(r: ir.Table) -> Any:
    """A failed preload, an error, a clip that a player could not decode; null counts as false.

    By cases, so that an engine looks at a record's kind once; four conditions joined take twice
    as long.
    """
    import ibis  # noqa: PLC0415 - loads on the first question

    return ibis.cases(
        (r.kind.isnull(), ~r.success.fill_null(True) | (r.error.fill_null("") != "")),
        (r.kind == "preload", ~r.success.fill_null(False)),
        (r.kind == "playback", r.extra.contains('"event":"decode_error"')),
        else_=r.kind == "error",
    )


def message(r: ir.Table) -> Any:
    """An error's message; one without is counted by its class, or as having none."""
    return r.error.nullif("").fill_null(r.error_class).fill_null("no message given")


def restart_marks(overview: Mapping[str, Any]) -> list[str]:
    """The columns that could tell a restart: more than one session, counters that moved."""
    marks = ["session_id"] if overview["sessions"] > 1 else []
    moved = [
        name
        for name in COUNTERS
        if overview[f"least_{name}"] is not None
        and overview[f"least_{name}"] != overview[f"most_{name}"]
    ]
    return marks + moved


def time_buckets(
    records: ir.Table,
    *,
    column: str,
    wanted: int,
    beside: Sequence[str] = (),
    marks: Sequence[str] = (),
    gaps: Sequence[str] = (),
    navigations: bool = False,
    within: bool = False,
) -> ir.Table:
    """Equal time buckets from the first to the last sample with a metric; split where it restarts.

    Args:
        records: The records table.
        column: Which metric.
        wanted: How many buckets; those without a row are left out.
        beside: Which of `BESIDE` are there.
        marks: Columns in which a restart shows: ``session_id`` changes, a counter falls.
        gaps: Which of the marks some samples lack.
        navigations: Whether to count ``navigate`` events.
        within: Take out each device's own level first, and put back that of all.

    Returns:
        Raw columns for `bucket_frame`.
    """
    import ibis  # noqa: PLC0415 - loads on the first question

    sample = records.kind.isnull() & records[column].notnull()
    kept = sample | (records.kind == "navigate") if navigations else sample
    rows = records.filter(kept).select(
        "at",
        "seconds",
        "device_id",
        *beside,
        *(name for name in marks if name not in beside),
        value=when(sample, records[column]),
    )
    if within:
        rows = _within(rows)
    whole = measured(records, column)
    bounds = whole.aggregate(first_s=whole.seconds.min(), last_s=whole.seconds.max())
    both = rows.cross_join(bounds)  # a subquery for each use takes an engine longer to plan
    since = both.seconds - both.first_s
    length = (both.last_s - both.first_s).nullif(0.0).fill_null(1e-9)
    place = (since / length * wanted).floor().cast("int64")
    rows = both.select(*rows.columns, since=since, bucket=ibis.least(place, wanted - 1))
    if marks:
        rows = _restarted(rows, marks, gaps)
    given = rows.value.notnull()
    figures: dict[str, Any] = {
        "at": when(given, rows.at).min(),
        "end_at": when(given, rows.at).max(),
        "mean_s": when(given, rows.since).mean(),
        "count": rows.value.count(),
        "median": rows.value.median(),
        "low": rows.value.quantile(LOW),
        "high": rows.value.quantile(1 - LOW),
    }
    figures |= {name: median_where(rows[name], given) for name in beside}
    if navigations:
        figures["navigations"] = (~given).sum()
    if "preloading_queue" in beside:
        figures["queue_low"] = when(given, rows.preloading_queue).min()
    if {"video_controllers", "ready_videos"} <= set(beside):
        surplus = when(given, rows.video_controllers - rows.ready_videos)
        figures["surplus_count"] = (surplus > 0).sum()
        figures["surplus_high"] = surplus.max()
    keys = ["session", "bucket"] if marks else ["bucket"]
    return rows.group_by(keys).aggregate(**figures).order_by(keys)


def bucket_frame(answer: pa.Table) -> pd.DataFrame:
    """An answer of `time_buckets` with columns and dtypes as `buckets.COLUMNS` says."""
    raw = {name: answer[name].to_numpy() for name in answer.column_names}
    filled = raw["count"] > 0
    (rows,) = np.nonzero(filled)
    rows = rows[np.argsort(raw["mean_s"][rows], kind="stable")]
    made: dict[str, Any] = {name: values[rows] for name, values in raw.items()}
    made["hours"] = made["mean_s"].astype(np.float64) / 3600
    if "session" in made:
        made["session"] = pd.factorize(made["session"])[0]
    if "navigations" in made:  # what happened between two samples belongs to the one before
        place = np.maximum.accumulate(np.where(filled, np.cumsum(filled) - 1, -1))
        moved = raw["navigations"].astype(np.float64)
        made["navigations"] = np.bincount(
            place[place >= 0], weights=moved[place >= 0], minlength=rows.size
        )
    columns: dict[str, Any] = {}
    for name, kind in BUCKET_COLUMNS.items():
        if name in {"at", "end_at"}:
            columns[name] = pd.DatetimeIndex(made[name]).tz_localize("UTC")
            continue
        missing = 0 if kind == "int64" else np.nan
        values = np.asarray(made.get(name, np.full(rows.size, missing)), dtype=np.float64)
        columns[name] = np.nan_to_num(values).astype(np.int64) if kind == "int64" else values
    return pd.DataFrame(columns)


def envelope(
    records: ir.Table, *, column: str, start_s: float, end_s: float, buckets: int
) -> ir.Table:
    """The least and greatest value of a metric in equal buckets between two instants.

    Returns:
        Columns ``bucket``, ``low``, ``high``, ``low_at``, ``high_at``.
    """
    import ibis  # noqa: PLC0415 - as above

    inside = records.seconds.between(start_s, end_s)
    rows = records.filter(records.kind.isnull() & records[column].notnull() & inside)
    length = max(end_s - start_s, 1e-9)
    place = ((rows.seconds - start_s) / length * buckets).floor().cast("int64")
    rows = rows.select("at", value=rows[column], bucket=ibis.least(place, buckets - 1))
    return (
        rows.group_by("bucket")
        .aggregate(
            low=rows.value.min(),
            high=rows.value.max(),
            low_at=rows.at.argmin(rows.value),
            high_at=rows.at.argmax(rows.value),
        )
        .order_by("bucket")
    )


def envelope_frame(answer: pa.Table, *, start_s: float, end_s: float, buckets: int) -> pd.DataFrame:
    """The answer of `envelope`, each bucket by the instant it starts at."""
    table: pd.DataFrame = answer.to_pandas()
    width = (end_s - start_s) / buckets
    starts_us = np.round((start_s + table["bucket"].to_numpy() * width) * 1e6).astype("int64")
    at = pd.DatetimeIndex(starts_us.view("datetime64[us]")).tz_localize("UTC")
    table.insert(0, "at", at)
    return table.drop(columns="bucket")


def _within(rows: ir.Table) -> ir.Table:
    """Each device's own mean taken out, that of all put back."""
    named = rows.mutate(device_id=rows.device_id.fill_null(""))
    level = named.group_by("device_id").aggregate(own=named.value.mean())
    joined = named.inner_join(level, "device_id")
    whole = named.value.mean().as_scalar()
    return joined.mutate(value=joined.value - joined.own + whole).select(*rows.columns)


def _restarted(rows: ir.Table, marks: Sequence[str], gaps: Sequence[str]) -> ir.Table:
    """Add ``session``: how many restarts there were before, as the marks tell it."""
    import ibis  # noqa: PLC0415 - as above

    rows = rows.mutate(given=rows.value.notnull())
    in_time = {"group_by": rows.given, "order_by": rows.seconds}
    for name in gaps:  # a missing value is the one before it
        rows = rows.mutate(run=rows[name].count().over(**in_time, rows=(None, 0)))
        filled = rows[name].max().over(group_by=[rows.given, rows.run])
        rows = rows.mutate(**{name: filled})
    begun: Any = ibis.literal(False)
    for name in marks:
        before = rows[name].lag().over(**in_time)
        begun |= (before != rows[name]) if name == "session_id" else (before > rows[name])
    rows = rows.mutate(begun=ibis.ifelse(begun & rows.given, 1, 0))
    so_far = rows.begun.sum().over(order_by=rows.seconds, range=(None, 0))
    return rows.mutate(session=so_far)
