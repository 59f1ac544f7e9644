"""The rows an alert can hang on: those at which some threshold's truth changes.

From millions of rows the engine picks the few the alert book must see, so that it tells the same
as if it had seen them all. A row too many never hurts: where a value is missing, the rows around
it are taken too. Rows of one instant have an order too, by what they hold, so that the same
records have the same alerts however often and wherever they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from vineview.telemetry.engine.portable import when
from vineview.telemetry.thresholds import RATE_WINDOW, Thresholds

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["JUDGED", "crossings", "events_of"]

JUDGED: Final = ("video_memory_mb", "video_controllers", "failed_videos", "total_videos")
"""The metrics of a sample that alerts are about."""
_AMONG: Final = ("video_id", "success", "duration_ms")
"""What tells preloads of one instant apart."""


def crossings(records: ir.Table, *, limits: Thresholds, within: bool) -> ir.Table:
    """The samples and preloads the alert book must see.

    Args:
        records: The records table.
        limits: The thresholds in force.
        within: Whether records of several devices are told apart.

    Returns:
        Samples and preloads by time: ``device``, ``at``, ``seconds``, ``kind``, ``video_id``,
        ``success``, ``duration_ms``, the four judged metrics, and for preloads ``failures`` of
        the last ``finished`` ones.
    """
    import ibis  # noqa: PLC0415 - loads on the first question

    preload = (records.kind == "preload").fill_null(False)
    pressure = (records.kind == "memory_pressure").fill_null(False)
    rows = records.filter(records.kind.isnull() | preload | pressure)
    rows = rows.select(
        *("at", "seconds", "kind", "video_id", "success", "duration_ms"),
        *JUDGED,
        device=rows.device_id.fill_null("") if within else ibis.literal(""),
        order=ibis.ifelse(rows.kind.isnull(), 1, 0),
    )
    is_preload = (rows.kind == "preload").fill_null(False)
    nothing = ibis.null().cast("int64")
    samples = _samples(rows.filter(~is_preload), limits)
    samples = samples.mutate(failures=nothing, finished=nothing)
    preloads = _preloads(rows.filter(is_preload), limits)
    names = [*rows.columns, "failures", "finished"]
    whole = ibis.union(samples.select(*names), preloads.select(*names))
    return whole.order_by(["seconds", "order", "device", *_AMONG, *JUDGED]).drop("order")


def events_of(records: ir.Table, *, kinds: Sequence[str]) -> ir.Table:
    """The events of some kinds, whole, by time."""
    rows = records.filter(records.kind.isin(kinds).fill_null(False))
    named = rows.device_id.fill_null(""), rows.video_id.fill_null("")
    return rows.order_by([rows.seconds, rows.kind, *named, rows.extra])


def _samples(rows: ir.Table, limits: Thresholds) -> ir.Table:
    """Samples at which a level changes, and those that follow memory pressure."""
    import ibis  # noqa: PLC0415 - as above

    in_time = {"group_by": rows.device, "order_by": ["seconds", "order", *JUDGED]}
    memory = _above(rows.video_memory_mb, limits.high_memory_mb) + _above(
        rows.video_memory_mb, limits.critical_memory_mb
    )
    share = rows.failed_videos / rows.total_videos.nullif(0.0)
    rows = rows.mutate(
        memory_level=memory,
        controllers_level=_above(rows.video_controllers, limits.max_controllers),
        failed_level=_above(share, limits.failure_ratio),
    )
    kept: Any = ibis.literal(False)
    for name in ("memory_level", "controllers_level", "failed_level"):
        before = rows[name].lag().over(**in_time)
        kept |= (rows[name] != before).fill_null(rows[name].notnull() | before.notnull())
        if limits.sustained_s > 0:
            kept |= (rows[name] > 0).fill_null(False)
    for steps in (1, 2):
        kept |= (rows.kind.lag(steps).over(**in_time) == "memory_pressure").fill_null(False)
    rows = rows.mutate(is_kept=kept)
    return rows.filter(rows.kind.isnull() & rows.is_kept)


def _preloads(rows: ir.Table, limits: Thresholds) -> ir.Table:
    """Preloads at which a video turns slow or quick, or the failure rate crosses its limit."""
    import ibis  # noqa: PLC0415 - as above

    in_time = {"group_by": rows.device, "order_by": ["seconds", *_AMONG]}
    recent = {**in_time, "rows": (1 - RATE_WINDOW, 0)}
    failed = ibis.ifelse(rows.success.fill_null(False), 0, 1)
    timed = rows.duration_ms.notnull()
    same = {
        "group_by": [rows.device, rows.video_id.fill_null(""), timed],
        "order_by": ["seconds", *_AMONG],
    }
    slow = when(timed, ibis.ifelse(rows.duration_ms > limits.slow_preload_ms, 1, 0))
    rows = rows.mutate(
        failures=failed.sum().over(**recent), finished=rows.count().over(**recent), slow=slow
    )
    rows = rows.mutate(
        slow_before=rows.slow.lag().over(**same),
        is_high=ibis.ifelse(rows.failures / rows.finished > limits.preload_failure_ratio, 1, 0),
    )
    rows = rows.mutate(high_before=rows.is_high.lag().over(**in_time))
    quickened = (rows.slow == 0) & (rows.slow_before == 1)
    crossed = rows.is_high != rows.high_before.fill_null(0)
    told = (rows.slow == 1).fill_null(False) | quickened.fill_null(False) | crossed
    return rows.filter(told)


def _above(value: Any, limit: float) -> Any:
    """1 above the limit, 0 not, null where the value is missing."""
    import ibis  # noqa: PLC0415 - as above

    return when(value.notnull(), ibis.ifelse(value > limit, 1, 0))
