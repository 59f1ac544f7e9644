"""Every aggregation analytics makes, each a function from a frame to a small table or number.

Kept together, and free of anything but filtering, grouping and summing, so that the same questions
can be asked of an engine when a fleet's telemetry no longer fits a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

__all__ = [
    "distribution",
    "errors",
    "finished_preloads",
    "highest",
    "last_at",
    "latest",
    "measured",
    "memory_summary",
    "preload_summary",
    "time_buckets",
    "top_errors",
]

_LOW: Final = 0.1
_NO_MESSAGE: Final = "no message given"


def measured(samples: pd.DataFrame, column: str = "video_memory_mb") -> pd.DataFrame:
    """The samples that have a value of one metric: ``at`` and that column."""
    return samples.loc[samples[column].notna(), ["at", column]]


def memory_summary(samples: pd.DataFrame) -> Mapping[str, float]:
    """Peak, average and minimum memory, MB; zeros without a sample (reference, section 8)."""
    memory = samples["video_memory_mb"].dropna()
    if memory.empty:
        return {"peak": 0.0, "average": 0.0, "minimum": 0.0}
    return {
        "peak": float(memory.max()),
        "average": float(memory.mean()),
        "minimum": float(memory.min()),
    }


def distribution(samples: pd.DataFrame, width_mb: float) -> pd.DataFrame:
    """How often memory was in each bucket ``[start, start + width)``; empty ones are left out.

    Returns:
        Columns ``start`` (MB, ascending) and ``count``.
    """
    memory = samples["video_memory_mb"].dropna()
    start = (memory // width_mb) * width_mb
    counted = start.value_counts(sort=False).sort_index()
    return pd.DataFrame({"start": counted.index.to_numpy(), "count": counted.to_numpy()})


def time_buckets(rows: pd.DataFrame, column: str, wanted: int) -> pd.DataFrame:
    """Equal time buckets over the window: each one's mean hour, median and low quantile.

    Args:
        rows: As `measured` gives them, at two distinct times at least.
        column: Which metric.
        wanted: Over how many buckets; those without a sample are left out.

    Returns:
        Columns ``hours`` since the first sample (ascending), ``median``, ``low`` (10 % quantile).
    """
    hours = (rows["at"] - rows["at"].min()).dt.total_seconds().to_numpy(dtype=float) / 3600
    bucket = np.minimum((hours / hours.max() * wanted).astype("int64"), wanted - 1)
    values = rows[column].to_numpy(dtype=float)
    grouped = pd.DataFrame({"hours": hours, "value": values}).groupby(bucket)
    return pd.DataFrame(
        {
            "hours": grouped["hours"].mean(),
            "median": grouped["value"].median(),
            "low": grouped["value"].quantile(_LOW),
        }
    )


def latest(samples: pd.DataFrame, column: str) -> float | None:
    """The last value of a metric, if it has any."""
    values = samples[column].dropna()
    return None if values.empty else float(values.iloc[-1])


def last_at(samples: pd.DataFrame) -> datetime | None:
    """The instant of the last sample that says how much memory there was."""
    rows = measured(samples)
    last: pd.Timestamp | None = None if rows.empty else rows["at"].iloc[-1]
    return None if last is None else last.to_pydatetime()


def highest(samples: pd.DataFrame, column: str) -> float | None:
    """The highest value of a metric, if it has any."""
    values = samples[column].dropna()
    return None if values.empty else float(values.max())


def finished_preloads(events: pd.DataFrame) -> pd.DataFrame:
    """The preload attempts that finished, each with ``success`` as true or false."""
    preloads = events[events["kind"] == "preload"]
    return preloads.assign(success=preloads["success"].fillna(value=False).astype(bool))


def preload_summary(
    preloads: pd.DataFrame, *, fast_ms: float, slow_ms: float
) -> Mapping[str, float | None]:
    """Counts and times of finished preloads; times are of those that succeeded."""
    succeeded = preloads.loc[preloads["success"], "duration_ms"].dropna()
    total = len(preloads)
    return {
        "total": total,
        "failed": int((~preloads["success"]).sum()),
        "average_ms": None if succeeded.empty else float(succeeded.mean()),
        "median_ms": None if succeeded.empty else float(succeeded.median()),
        "slow": int((succeeded > slow_ms).sum()),
        "fast": int((succeeded < fast_ms).sum()),
    }


def errors(events: pd.DataFrame) -> pd.DataFrame:
    """Everything that counts as an error: failed preloads, errors, undecodable clips.

    Returns:
        Columns ``at``, ``message``; a failure without a message is counted by its class, or as
        ``no message given``.
    """
    kind = events["kind"]
    is_error = kind == "error"
    is_error |= (kind == "preload") & ~events["success"].fillna(value=False).astype(bool)
    if "event" in events:
        is_error |= (kind == "playback") & (events["event"] == "decode_error")
    rows = events[is_error]
    message = rows["error"].where(rows["error"] != "", None)
    message = message.fillna(rows["error_class"]).fillna(_NO_MESSAGE)
    return pd.DataFrame({"at": rows["at"], "message": message})


def top_errors(found: pd.DataFrame, limit: int) -> list[dict[str, Any]]:
    """The most frequent messages: ``message``, ``count``, ``first_at``, most frequent first."""
    if found.empty:
        return []
    grouped = found.groupby("message")["at"].agg(["size", "min"])
    grouped = grouped.reset_index().sort_values(
        ["size", "message"], ascending=[False, True], kind="stable"
    )
    return [
        {"message": message, "count": int(count), "first_at": first.to_pydatetime()}
        for message, count, first in grouped.head(limit).itertuples(index=False)
    ]
