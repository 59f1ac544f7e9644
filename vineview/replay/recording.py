"""Recording: a telemetry's records in the order they happened, ready to be folded.

Event records become `Change` objects once, here, so that playing, seeking and seeking again cost
no parsing. A record that cannot become one is set aside and named in ``findings``; the rest
replays. At one instant events come before the sample, which measures what they led to.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from vineview.core.changes import Change, ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.errors import ConfigError, TelemetryError
from vineview.replay.fold import config_fields
from vineview.telemetry import Telemetry
from vineview.telemetry.schema import (
    Sample,
    parse_at,
    record_to_change,
    record_to_video,
)

__all__ = ["Recording"]

TICK_S = 1e-6
"""The resolution of instants: positions closer than this are the same."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recording:
    """Records by time.

    Attributes:
        records: Changes and samples, oldest first.
        positions_s: For each record, seconds since the first one.
        start_at: When the first record was made, UTC.
        config: The configuration the export's header names; the default if it names none.
        findings: What could not be replayed, one sentence each.
    """

    records: tuple[Change | Sample, ...]
    positions_s: tuple[float, ...]
    start_at: datetime
    config: VideoManagerConfig
    findings: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        """Seconds from the first record to the last."""
        return self.positions_s[-1]

    @classmethod
    def of(cls, telemetry: Telemetry) -> Self:
        """Put a telemetry's records in order.

        Args:
            telemetry: As opened, or exported by a live monitor.

        Raises:
            TelemetryError: If it holds no record that can be replayed.
        """
        findings: list[str] = []
        changes = _changes(telemetry.event_records, findings)
        samples = _samples(telemetry.sample_records, findings)
        unordered: list[Change | Sample] = [*changes, *samples]
        records = sorted(unordered, key=_when)
        if not records:
            raise TelemetryError(
                "the telemetry holds no record to replay",
                source=", ".join(telemetry.origins) or None,
                hint="Export a range in which the monitor was sampling.",
            )
        start_at = records[0].at
        return cls(
            records=tuple(records),
            positions_s=tuple((record.at - start_at).total_seconds() for record in records),
            start_at=start_at,
            config=_config(telemetry.config, findings),
            findings=tuple(findings),
        )

    def passed(self, position_s: float) -> int:
        """How many records have happened when the playhead is at ``position_s``."""
        return bisect_right(self.positions_s, position_s + TICK_S / 2)


def _when(record: Change | Sample) -> tuple[datetime, bool]:
    return record.at, isinstance(record, Sample)


def _instant(record: Mapping[str, Any]) -> datetime:
    """When an event record was made; one that does not say is refused when it is converted."""
    try:
        return parse_at(record.get("at"))
    except TelemetryError:
        return _NEVER


def _samples(records: Iterable[Mapping[str, Any]], findings: list[str]) -> list[Sample]:
    samples = []
    for record in records:
        try:
            samples.append(Sample.from_record(record))
        except TelemetryError as error:
            findings.append(_lost(record, error))
    return samples


def _changes(records: Iterable[Mapping[str, Any]], findings: list[str]) -> list[Change]:
    """The changes of event records, each knowing the events of the feed it belongs to."""
    events: dict[str, VideoEvent] = {}
    changes = []
    for record in sorted(records, key=_instant):
        try:
            change = record_to_change(record, events)
            _check(change, events)
        except (TelemetryError, ConfigError) as error:
            findings.append(_lost(record, error))
            continue
        changes.append(change)
    return changes


def _check(change: Change, events: dict[str, VideoEvent]) -> None:
    """Refuse a change whose own fields cannot be folded; note the videos it brings."""
    match change.kind:
        case ChangeKind.FEED:
            for name in ("added", "removed"):
                _check_ids(name, change.data.get(name) or [])
            for video in _listed(change.data.get("videos") or []):
                events[video.id] = video
        case ChangeKind.CONFIG:
            config = change.data.get("config")
            if not isinstance(config, Mapping):
                raise TelemetryError("not a configuration: 'config' is not an object")
            VideoManagerConfig.from_dict(config_fields(config))


def _lost(record: Mapping[str, Any], error: TelemetryError | ConfigError) -> str:
    return f"the record of {record.get('at')} is not replayed: {error.message}"


def _check_ids(name: str, ids: object) -> None:
    if not isinstance(ids, list) or not all(isinstance(each, str) and each for each in ids):
        raise TelemetryError(f"not a feed change: {name!r} is not a list of ids")


def _listed(videos: object) -> list[VideoEvent]:
    if not isinstance(videos, list) or not all(isinstance(each, Mapping) for each in videos):
        raise TelemetryError("not a feed change: 'videos' is not a list of objects")
    return [record_to_video(each) for each in videos]


def _config(document: Mapping[str, Any], findings: list[str]) -> VideoManagerConfig:
    """The header's configuration; the default, and a finding, if it makes no sense."""
    try:
        return VideoManagerConfig.from_dict(config_fields(document))
    except ConfigError as error:
        findings.append(f"the header's configuration is not used: {error.message}")
        return VideoManagerConfig()
