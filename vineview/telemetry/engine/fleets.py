"""Questions about the devices of a fleet, as Ibis expressions: all of them in one pass.

Ranking is least squares, in the engine, for every device at once, by what its slope is at least:
three standard errors lower, so that noise in a few samples crowds out no leak. The robust rate is
then read from the time buckets of the few that rank first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vineview.telemetry.engine.portable import EPOCH_S, slope
from vineview.telemetry.engine.queries import measured
from vineview.telemetry.growth.buckets import LOW

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["device_buckets", "devices", "fleet"]

_FEW: Final = 12
_SHORT_H: Final = 0.1
_ERRORS: Final = 3.0
"""Standard errors below its slope a device ranks; memory resembles itself, so two are too few."""
_LEAST: Final = -1e300


def devices(records: ir.Table, *, limit: int) -> ir.Table:
    """Memory of each device, the fastest growth first by the low end of its least-squares slope.

    Devices with fewer than a dozen samples or less than six minutes come last, whatever slope
    they have.

    Returns:
        ``device_id`` (null: not said), ``samples``, ``sessions``, ``first_at``, ``last_at``,
        ``hours``, ``average``, ``peak``, ``slope`` (MB/s, null at one instant), ``is_long``.
    """
    table = _per_device(records)
    order = [table.is_long.desc(), table.rank.desc(), table.device_id]
    return table.order_by(order).limit(limit).drop("rank")


def fleet(records: ir.Table, *, growing_mb_per_hour: float) -> ir.Table:
    """All devices as one row.

    Returns:
        ``devices``, ``growing`` (long enough, the slope's low end above the bound),
        ``least_hours``, ``median_hours``, ``most_hours`` present, ``median_slope`` (MB/s).
    """
    table = _per_device(records)
    return table.aggregate(
        devices=table.count(),
        growing=((table.rank * 3600 > growing_mb_per_hour) & (table.is_long == 1)).sum(),
        least_hours=table.hours.min(),
        median_hours=table.hours.median(),
        most_hours=table.hours.max(),
        median_slope=table.slope.median(),
    )


def device_buckets(records: ir.Table, *, limit: int, wanted: int) -> ir.Table:
    """Time buckets of memory of the devices that `devices` puts first, each over its own span.

    Returns:
        ``device`` (empty: not said) and the raw columns for `bucket_frame`, split by session.
    """
    import ibis  # noqa: PLC0415 - as above

    worst = devices(records, limit=limit)
    worst = worst.select(device=worst.device_id.fill_null(""))
    rows = measured(records, "video_memory_mb")
    rows = rows.select(
        "at",
        "seconds",
        device=rows.device_id.fill_null(""),
        session=rows.session_id.fill_null(""),
        value=rows.video_memory_mb,
    )
    rows = rows.semi_join(worst, "device")
    ends = rows.group_by("device").aggregate(low=rows.seconds.min(), high=rows.seconds.max())
    rows = rows.inner_join(ends, "device")
    since = rows.seconds - rows.low
    length = (rows.high - rows.low).nullif(0.0).fill_null(1e-9)
    place = (since / length * wanted).floor().cast("int64")
    rows = rows.mutate(since=since, bucket=ibis.least(place, wanted - 1))
    keys = ["device", "session", "bucket"]
    return (
        rows.group_by(keys)
        .aggregate(
            at=rows.at.min(),
            end_at=rows.at.max(),
            mean_s=rows.since.mean(),
            count=rows.count(),
            median=rows.value.median(),
            low=rows.value.quantile(LOW),
            high=rows.value.quantile(1 - LOW),
        )
        .order_by(keys)
    )


def _per_device(records: ir.Table) -> ir.Table:
    import ibis  # noqa: PLC0415 - as above

    rows = measured(records, "video_memory_mb")
    table = rows.group_by("device_id").aggregate(
        samples=rows.count(),
        sessions=rows.session_id.nunique(),
        first_at=rows.at.min(),
        last_at=rows.at.max(),
        hours=(rows.seconds.max() - rows.seconds.min()) / 3600,
        average=rows.video_memory_mb.mean(),
        peak=rows.video_memory_mb.max(),
        slope=slope(rows.seconds, rows.video_memory_mb),
        squares=rows.video_memory_mb.var(how="pop"),
        times=(rows.seconds - EPOCH_S).var(how="pop"),
    )
    is_long = (table.samples >= _FEW) & (table.hours >= _SHORT_H)
    spread = table.squares / table.times.nullif(0.0) - table.slope * table.slope
    error = (ibis.greatest(spread, 0.0) / ibis.greatest(table.samples - 2, 1)).sqrt()
    return table.mutate(
        is_long=ibis.ifelse(is_long, 1, 0),
        rank=(table.slope - _ERRORS * error).fill_null(_LEAST),
    ).drop("squares", "times")
