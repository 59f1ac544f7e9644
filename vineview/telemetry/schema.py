"""The performance export's schema: samples, event records, and their way from and to `Change`.

One schema serves the live monitor, the file and the replay, so a record read back is the record
that was written. A record is a plain JSON object: an event has a ``kind``, a sample has none.
Fields this version does not know are carried along untouched. (Contract, section 3.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from vineview.errors import TelemetryError
from vineview.telemetry.checks import format_at, parse_at, plain, record_problem
from vineview.telemetry.metrics import DIMENSIONS, METRICS, UNITS, Metric
from vineview.telemetry.records import (
    change_to_record,
    record_to_change,
    record_to_video,
    video_to_record,
)

__all__ = [
    "DIMENSIONS",
    "FORMAT",
    "METRICS",
    "UNITS",
    "VERSION",
    "Metric",
    "Sample",
    "change_to_record",
    "format_at",
    "parse_at",
    "record_problem",
    "record_to_change",
    "record_to_video",
    "video_to_record",
]

FORMAT: Final = "openvine.performance-export"
"""The value of ``format`` in every export's header."""
VERSION: Final = 1
"""The major version written; another major version is refused on reading."""

_ALWAYS_WRITTEN: Final = frozenset(("preload_success_rate", "preload_duration_ms"))


@dataclass(frozen=True, slots=True)
class Sample:
    """The video system at one instant (contract, section 3). What is not known is ``None``.

    Attributes:
        at: When, aware, in UTC.
        device_id: Which device.
        session_id: Which run of the app.
        platform: ``ios``, ``android``, ...
        network: ``wifi``, ``cellular``, ...
        app_version: Which build.
        country: Two letters.
        video_memory_mb: What charts, alerts, trend and growth use, in MB of 2^20 bytes.
        memory_source: ``measured`` by the device, ``held_bytes`` of the controllers, or
            ``estimate``.
        estimated_memory_mb: Controllers times MB per controller.
        video_controllers: Loaded, playable videos.
        total_videos: Videos in the feed.
        ready_videos: Videos in state ready.
        loading_videos: Videos in state loading.
        failed_videos: Videos failed, for now or for good.
        preloading_queue: Preloads in flight.
        preload_success_rate: 0-100, ``None`` before the first finished preload.
        preload_duration_ms: Mean successful preload since the last sample, if there was one.
        engagement_ratio: Imported only.
        app_crashes: So far.
        circuit_breaker_trips: So far.
        memory_pressure_events: So far.
        disposal_errors: So far.
        extra: Fields this version does not know, by name.

    Example:
        >>> Sample.from_record({"at": "2026-01-01T00:00:00Z", "video_memory_mb": 120}).at.year
        2026
    """

    at: datetime
    device_id: str | None = None
    session_id: str | None = None
    platform: str | None = None
    network: str | None = None
    app_version: str | None = None
    country: str | None = None
    video_memory_mb: float | None = None
    memory_source: str | None = None
    estimated_memory_mb: float | None = None
    video_controllers: int | None = None
    total_videos: int | None = None
    ready_videos: int | None = None
    loading_videos: int | None = None
    failed_videos: int | None = None
    preloading_queue: int | None = None
    preload_success_rate: float | None = None
    preload_duration_ms: float | None = None
    engagement_ratio: float | None = None
    app_crashes: int | None = None
    circuit_breaker_trips: int | None = None
    memory_pressure_events: int | None = None
    disposal_errors: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_record(self) -> dict[str, Any]:
        """The sample as a JSON object; fields without a value are left out."""
        record: dict[str, Any] = {"at": format_at(self.at)}
        for name in _SAMPLE_FIELDS:
            value = getattr(self, name)
            if value is not None or name in _ALWAYS_WRITTEN:
                record[name] = plain(value)
        record.update((name, plain(value)) for name, value in self.extra.items())
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Sample:
        """Read a sample from its JSON object.

        Raises:
            TelemetryError: If ``at`` is missing or a known field has the wrong type.
        """
        problem = record_problem(record)
        if problem:
            raise TelemetryError(f"not a sample: {problem}")
        known = {name: record[name] for name in _SAMPLE_FIELDS if name in record}
        extra = {
            name: value
            for name, value in record.items()
            if name not in _SAMPLE_FIELD_SET and name != "at"
        }
        return cls(at=parse_at(record["at"]), extra=extra, **known)


_SAMPLE_FIELDS: Final = tuple(
    each.name for each in fields(Sample) if each.name not in {"at", "extra"}
)
_SAMPLE_FIELD_SET: Final = frozenset(_SAMPLE_FIELDS)
