"""What finished preloads say: times, success, and where they fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from vineview.telemetry.engine import breakdowns, queries
from vineview.telemetry.engine.store import Store

__all__ = ["PreloadGroup", "PreloadPerformance", "preloads_of"]

_GROUPS: Final = 20


@dataclass(frozen=True, slots=True)
class PreloadGroup:
    """Finished preloads that have one value of a label in common.

    Attributes:
        dimension: ``network``, ``platform``, ``app_version`` or ``country``.
        value: Which, ``unknown`` where the records do not say.
        total_preloads: Finished attempts.
        failed_preloads: Those that failed.
        success_rate: 0-1.
        timeouts: Those that failed by taking too long.
        timeout_rate: Of all attempts, 0-1.
        slow_preloads: Successes above the threshold in force.
        average_time_ms: Mean time of successes; ``None`` without one.
        median_time_ms: Their median.
        cache_hit_rate: Of the attempts that say, 0-1; ``None`` if none does.
    """

    dimension: str
    value: str
    total_preloads: int
    failed_preloads: int
    success_rate: float
    timeouts: int
    timeout_rate: float
    slow_preloads: int
    average_time_ms: float | None
    median_time_ms: float | None
    cache_hit_rate: float | None


@dataclass(frozen=True, slots=True)
class PreloadPerformance:
    """Finished preload attempts; times are those of successful ones, failures stand apart.

    Attributes:
        total_preloads: Finished attempts.
        failed_preloads: Those that failed, with or without a message.
        average_time_ms: Mean time; ``None`` without a success.
        median_time_ms: Median time; the mean of the middle two if there is no single one.
        success_rate: Successes of finished attempts, 0-1; ``None`` without any.
        slow_preloads: Successes above 5 s (the threshold in force).
        fast_preloads: Successes under 1 s.
        basis: ``events``, or ``samples`` when only the samples' own figures are there.
        timeouts: Attempts that failed by taking too long.
        cache_hit_rate: Of the attempts that say, 0-1; ``None`` if none does.
        groups: The same by network, platform, app version and country, of the labels given;
            at most twenty values each, those with most preloads.
    """

    total_preloads: int
    failed_preloads: int
    average_time_ms: float | None
    median_time_ms: float | None
    success_rate: float | None
    slow_preloads: int
    fast_preloads: int
    basis: str
    timeouts: int = 0
    cache_hit_rate: float | None = None
    groups: tuple[PreloadGroup, ...] = ()


def preloads_of(store: Store, *, slow_ms: float) -> PreloadPerformance:
    """Ask a store about its preloads.

    Args:
        store: The records.
        slow_ms: From when a preload is slow.
    """
    seen = store.overview(slow_ms=slow_ms)
    total, failed = seen["preloads"] or 0, seen["failed"] or 0
    if not total:
        rate_pct = seen["success_pct"]
        return PreloadPerformance(
            total_preloads=0,
            failed_preloads=0,
            average_time_ms=seen["sample_average_ms"],
            median_time_ms=seen["sample_median_ms"],
            success_rate=None if rate_pct is None else rate_pct / 100,
            slow_preloads=0,
            fast_preloads=0,
            basis="samples",
        )
    return PreloadPerformance(
        total_preloads=total,
        failed_preloads=failed,
        average_time_ms=seen["average_ms"],
        median_time_ms=seen["median_ms"],
        success_rate=(total - failed) / total,
        slow_preloads=seen["slow"] or 0,
        fast_preloads=seen["fast"] or 0,
        basis="events",
        timeouts=seen["timeouts"] or 0,
        cache_hit_rate=_share(seen["cache_hits"], seen["cache_known"]),
        groups=_groups(store, seen, slow_ms),
    )


def _groups(store: Store, seen: dict[str, Any], slow_ms: float) -> tuple[PreloadGroup, ...]:
    carried = tuple(
        name for name in queries.GROUPED if seen[f"lends_{name}"] and seen[f"lacks_{name}"]
    )
    dimensions = tuple(name for name in queries.GROUPED if name in carried or seen[f"tells_{name}"])
    if not dimensions:
        return ()
    rows = store.rows(
        breakdowns.preload_groups,
        dimensions=dimensions,
        slow_ms=slow_ms,
        limit=_GROUPS,
        carried=carried,
        within=seen["devices"] > 1,
    )
    rows.sort(key=lambda row: dimensions.index(row["dimension"]))
    return tuple(
        PreloadGroup(
            dimension=row["dimension"],
            value=row["value"] or "unknown",
            total_preloads=row["total"],
            failed_preloads=row["failed"],
            success_rate=1 - row["failed"] / row["total"],
            timeouts=row["timeouts"] or 0,
            timeout_rate=(row["timeouts"] or 0) / row["total"],
            slow_preloads=row["slow"] or 0,
            average_time_ms=row["average_ms"],
            median_time_ms=row["median_ms"],
            cache_hit_rate=_share(row["cache_hits"], row["cache_known"]),
        )
        for row in rows
    )


def _share(part: int | None, whole: int | None) -> float | None:
    return (part or 0) / whole if whole else None
