"""The records as columns: one table for samples and events, in memory, in Parquet, in an engine.

A sample and an event are rows of the same table; a sample's ``kind`` is null. Every field the
analytics ask for has a typed column of its own; everything else a record holds, and every value
its column cannot carry exactly, stays in ``extra`` as one JSON object, so nothing is lost on the
way through. (Contract, section 3.)
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from vineview.telemetry.metrics import DIMENSIONS, METRICS

__all__ = ["EVENT_FLAGS", "EVENT_NUMBERS", "EVENT_TEXTS", "MOST", "SCHEMA"]

EVENT_TEXTS: Final = ("video_id", "error", "error_class", "mime_type", "host", "from", "to")
EVENT_NUMBERS: Final = ("duration_ms", "bytes", "retry_count")
EVENT_FLAGS: Final = ("success", "cache_hit")

SCHEMA: Final = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("kind", pa.string()),
        *(pa.field(name, pa.string()) for name in (*DIMENSIONS, "memory_source")),
        *(pa.field(name, pa.float64()) for name in METRICS),
        *(pa.field(name, pa.string()) for name in EVENT_TEXTS),
        *(pa.field(name, pa.bool_()) for name in EVENT_FLAGS),
        *(pa.field(name, pa.float64()) for name in EVENT_NUMBERS),
        pa.field("extra", pa.string()),
    ]
)
"""Columns and types of the records table, in order; ``extra`` is a JSON object or null."""

MOST: Final = 1e100
"""The greatest number a column holds: sums and squares of greater ones are none."""
