"""Questions about what preloads, errors and scrolling break down into, as Ibis expressions.

Each is a function from the records table (`portable.COLUMNS`) to a small one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vineview.telemetry.engine.portable import when
from vineview.telemetry.engine.queries import is_attempt, is_error, message

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "classes",
    "content_types",
    "messages",
    "preload_groups",
    "scroll_bands",
]


def messages(records: ir.Table, *, limit: int) -> ir.Table:
    """The most frequent errors: ``message``, ``count``, ``first_at``, ``last_at``."""
    rows = records.filter(is_error(records)).select("at", message=message(records))
    grouped = rows.group_by("message").aggregate(
        count=rows.count(), first_at=rows.at.min(), last_at=rows.at.max()
    )
    return grouped.order_by([grouped["count"].desc(), grouped.message]).limit(limit)


def classes(records: ir.Table) -> ir.Table:
    """Errors by class, most frequent first: ``error_class`` or null, ``count``, ``first_at``."""
    rows = records.filter(is_error(records))
    rows = rows.select("at", error_class=rows.error_class.nullif(""))
    grouped = rows.group_by("error_class").aggregate(count=rows.count(), first_at=rows.at.min())
    return grouped.order_by([grouped["count"].desc(), grouped.error_class])


def preload_groups(
    records: ir.Table,
    *,
    dimensions: Sequence[str],
    slow_ms: float,
    limit: int,
    carried: Sequence[str] = (),
    within: bool = False,
) -> ir.Table:
    """Finished preloads by each of some columns.

    Args:
        records: The records table.
        dimensions: Which columns.
        slow_ms: From when a preload is slow.
        limit: How many values of each.
        carried: The columns that events lack and samples have: an event was under the label of
            its device's last sample before it.
        within: Whether records of several devices are told apart.

    Returns:
        ``dimension``, ``value`` (null: not said), ``total``, ``failed``, ``timeouts``, ``slow``,
        ``average_ms``, ``median_ms``, ``cache_known``, ``cache_hits``; at most ``limit`` values a
        dimension, those with most preloads.
    """
    import ibis  # noqa: PLC0415 - loads on the first question

    whole = _labelled(records, carried, within=within) if carried else records
    rows = whole.filter(is_attempt(whole))
    succeeded = rows.success.fill_null(False)
    time = when(succeeded, rows.duration_ms)
    tables = []
    for name in dimensions:
        grouped = rows.group_by(value=rows[name]).aggregate(
            total=rows.count(),
            failed=(~succeeded).sum(),
            timeouts=(rows.error_class == "timeout").sum(),
            slow=(time > slow_ms).sum(),
            average_ms=time.mean(),
            median_ms=time.median(),
            cache_known=rows.cache_hit.count(),
            cache_hits=rows.cache_hit.fill_null(False).sum(),
        )
        grouped = grouped.order_by([grouped.total.desc(), grouped.value]).limit(limit)
        tables.append(grouped.select(dimension=ibis.literal(name), **_same(grouped)))
    found = tables[0] if len(tables) == 1 else ibis.union(*tables)
    return found.order_by(["dimension", found.total.desc(), "value"])


def scroll_bands(
    records: ir.Table, *, width_s: int, heavy_per_minute: float, within: bool
) -> ir.Table:
    """Memory by how quickly the viewer moved on, in slots of equal length.

    Args:
        records: The records table.
        width_s: How long a slot is, seconds.
        heavy_per_minute: From how many navigations a minute scrolling is heavy.
        within: Whether records of several devices are told apart.

    Returns:
        ``band`` (0 none, 1 some, 2 heavy), ``slots``, ``navigations``, ``average_mb``,
        ``change_mb`` (mean change from the slot before to this one).
    """
    import ibis  # noqa: PLC0415 - as above

    slots = _slots(records, width_s=width_s, within=within)
    before = slots.memory.lag().over(group_by=slots.device, order_by=slots.slot)
    follows = slots.slot.lag().over(group_by=slots.device, order_by=slots.slot) == slots.slot - 1
    rows = slots.mutate(change=when(follows, slots.memory - before))
    per_minute = rows.navigations * 60.0 / width_s
    some = ibis.ifelse(rows.navigations > 0, 1, 0)
    band = ibis.ifelse(per_minute >= heavy_per_minute, 2, some)
    return (
        rows.group_by(band=band)
        .aggregate(
            slots=rows.count(),
            navigations=rows.navigations.sum(),
            average_mb=rows.memory.mean(),
            change_mb=rows.change.mean(),
        )
        .order_by("band")
    )


def content_types(records: ir.Table, *, width_s: int, within: bool, limit: int) -> ir.Table:
    """Preloads by content type, and how much memory there was where they finished.

    Returns:
        ``mime_type``, ``total``, ``failed``, ``average_bytes``, ``average_ms``, ``average_mb``
        (mean memory of the slots they finished in, null without any), most frequent first.
    """
    slots = _slots(records, width_s=width_s, within=within)
    slots = slots.select("device", "slot", "memory")
    rows = records.filter(is_attempt(records) & records.mime_type.notnull())
    succeeded = rows.success.fill_null(False)
    rows = rows.select(
        "mime_type",
        "bytes",
        device=_device(rows, within=within),
        slot=_slot(rows, width_s),
        failed=(~succeeded).cast("int64"),
        time=when(succeeded, rows.duration_ms),
    )
    joined = rows.left_join(slots, ["device", "slot"])
    grouped = joined.group_by("mime_type").aggregate(
        total=joined.count(),
        failed=joined.failed.sum(),
        average_bytes=joined.bytes.mean(),
        average_ms=joined.time.mean(),
        average_mb=joined.memory.mean(),
    )
    return grouped.order_by([grouped.total.desc(), grouped.mime_type]).limit(limit)


def _labelled(records: ir.Table, names: Sequence[str], *, within: bool) -> ir.Table:
    """Preloads, each event's missing labels filled from the sample before it.

    A monitor writes platform, network and the like into its samples only. Of several devices an
    event is filled where it says whose it is. One order serves all labels; what was lent then is
    joined, since another order for each label takes several times as long.
    """
    rows = records.filter(records.kind.isnull() | is_attempt(records))
    rows = rows.mutate(of=_device(rows, within=within), lender=rows.kind.isnull())
    in_time = {"group_by": rows.of, "order_by": rows.seconds, "range": (None, 0)}
    since = {
        f"since_{name}": when(rows.lender & rows[name].notnull(), rows.seconds)
        .max()
        .over(**in_time)
        for name in names
    }
    lenders = rows.filter(rows.lender)
    lent = lenders.group_by(lender_of="of", lent_at="seconds").aggregate(
        **{f"lent_{name}": lenders[name].max() for name in names}
    )
    borrows = ~rows.lender & rows.device_id.notnull() if within else ~rows.lender
    rows = rows.mutate(**{name: when(borrows, each) for name, each in since.items()})
    rows = rows.filter(is_attempt(rows))
    for name in names:
        one = lent.select("lender_of", "lent_at", f"lent_{name}")
        rows = rows.left_join(one, [rows.of == one.lender_of, rows[f"since_{name}"] == one.lent_at])
        filled = rows[name].fill_null(rows[f"lent_{name}"])
        rows = rows.mutate(**{name: filled}).drop("lender_of", "lent_at", f"lent_{name}")
    return rows


def _slots(records: ir.Table, *, width_s: int, within: bool) -> ir.Table:
    """Memory and navigations of each device in slots of equal length that have memory."""
    kept = records.kind.isnull() | (records.kind == "navigate")
    rows = records.filter(kept)
    rows = rows.select(
        "kind",
        "video_memory_mb",
        device=_device(rows, within=within),
        slot=_slot(rows, width_s),
    )
    sample = rows.kind.isnull()
    table = rows.group_by(["device", "slot"]).aggregate(
        memory=when(sample, rows.video_memory_mb).mean(), navigations=(~sample).sum()
    )
    return table.filter(table.memory.notnull())


def _device(rows: ir.Table, *, within: bool) -> Any:
    import ibis  # noqa: PLC0415 - as above

    return rows.device_id.fill_null("") if within else ibis.literal("")


def _slot(rows: ir.Table, width_s: int) -> Any:
    return (rows.seconds / width_s).floor().cast("int64")


def _same(table: ir.Table) -> dict[str, Any]:
    return {name: table[name] for name in table.columns}
