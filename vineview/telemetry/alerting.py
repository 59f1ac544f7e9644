"""The monitor's alerts raised again from records: each device has an alert book of its own."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vineview.core.changes import Change, ChangeKind
from vineview.telemetry.engine.crossings import JUDGED, crossings, events_of
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats.columns import table_to_records
from vineview.telemetry.schema import Sample, parse_at
from vineview.telemetry.thresholds import Alert, AlertBook, Severity, Thresholds

if TYPE_CHECKING:
    from vineview.telemetry.export import Telemetry

__all__ = ["AlertSummary", "alerts_in_store", "alerts_of_records", "alerts_of_store"]

_Record = tuple[datetime, str, Sample | Change]
_Entry = tuple[datetime, int, str, Any]

_RECENT: Final = 10
_PIECE: Final = 10_000
_ALERTING: Final = {
    str(kind): kind
    for kind in (
        ChangeKind.PRELOAD,
        ChangeKind.BREAKER,
        ChangeKind.MEMORY_PRESSURE,
        ChangeKind.FEED,
    )
}


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """The monitor's threshold alerts in the range.

    Attributes:
        total_alerts: All raised.
        critical_alerts: Of these, critical.
        warning_alerts: Warnings.
        info_alerts: For information.
        active_alerts: Not resolved at the end.
        recent_alerts: The last ten, oldest first.
    """

    total_alerts: int
    critical_alerts: int
    warning_alerts: int
    info_alerts: int
    active_alerts: int
    recent_alerts: tuple[Alert, ...]


def alerts_of_records(telemetry: Telemetry) -> AlertSummary:
    """Feed the records to the alert books, as the monitor did when they were new.

    Of one instant preloads come first and samples last, each in the order that an engine can tell
    too, so that an import says the same.
    """
    records: list[_Record] = []
    for record in telemetry.event_records:
        kind = _ALERTING.get(record["kind"])
        if kind is not None:
            at, video_id = parse_at(record["at"]), record.get("video_id")
            change = Change(kind, at, video_id, data=record)
            records.append((at, record.get("device_id") or "", change))
    for record in telemetry.sample_records:
        at = parse_at(record["at"])
        judged: dict[str, Any] = {name: record.get(name) for name in JUDGED}
        records.append((at, record.get("device_id") or "", Sample(at, **judged)))
    within = _is_fleet(telemetry.store)
    books: dict[str, AlertBook] = {}
    limits = telemetry.thresholds
    for _, device, each in _in_order(records):
        book = _book(books, device if within else "", limits)
        if isinstance(each, Sample):
            book.on_sample(each)
        else:
            book.on_change(each)
    return _summary(books)


def _in_order(entries: Iterable[_Record]) -> Iterator[_Record]:
    """By instant, and within one as `crossings` puts them; most are alone in theirs."""
    instant = itemgetter(0)
    for _, each in groupby(sorted(entries, key=instant), key=instant):
        same = list(each)
        yield from sorted(same, key=_place) if len(same) > 1 else same


def _place(entry: _Record) -> tuple[Any, ...]:
    """Where a record comes among those of its instant."""
    _, device, each = entry
    if isinstance(each, Sample):
        return 2, *map(_last, (getattr(each, name) for name in JUDGED))
    if each.kind is ChangeKind.PRELOAD:
        told = each.video_id, each.data.get("success"), each.data.get("duration_ms")
        return 0, *map(_last, told)
    return 1, str(each.kind), device, each.video_id or ""


def _last(value: Any) -> tuple[bool, Any]:
    """A value to sort by, missing ones last."""
    return value is None, 0 if value is None else value


def alerts_of_store(store: Store, thresholds: Thresholds) -> AlertSummary:
    """The same from the rows the engine picks; equal to having seen them all."""
    return _summary(alerts_in_store(store, thresholds))


def alerts_in_store(store: Store, thresholds: Thresholds) -> dict[str, AlertBook]:
    """The alert books of a store's devices, by device; one under ``""`` if there is only one."""
    within = _is_fleet(store)
    books: dict[str, AlertBook] = {}
    events = store.ask(events_of, kinds=tuple(kind for kind in _ALERTING if kind != "preload"))
    changes = (_change(record, within=within) for record in table_to_records(events))
    rows = store.ask(crossings, limits=thresholds, within=within)
    for at, order, device, each in heapq.merge(changes, _picked(rows), key=lambda one: one[:2]):
        book = _book(books, device, thresholds)
        if isinstance(each, Change):
            book.on_change(each)
        elif order:
            judged: dict[str, Any] = {name: _whole(each[name]) for name in JUDGED}
            book.on_sample(Sample(at, **judged))
        else:
            book.on_preload_time(at, each["video_id"] or "", each["duration_ms"])
            book.on_preload_rate(at, each["failures"], each["finished"])
    return books


def _is_fleet(store: Store) -> bool:
    """Whether records are of several devices, each of which then has alerts of its own."""
    seen = store.overview()
    return bool(seen["least_device"] != seen["most_device"])


def _change(record: dict[str, Any], *, within: bool) -> _Entry:
    at, kind = parse_at(record["at"]), _ALERTING[record["kind"]]
    device = record.get("device_id") or "" if within else ""
    return at, 1, device, Change(kind, at, record.get("video_id"), data=record)


def _picked(rows: pa.Table) -> Iterator[_Entry]:
    for batch in rows.to_batches(max_chunksize=_PIECE):
        for row in batch.to_pylist():
            yield row["at"], 2 if row["kind"] is None else 0, row["device"], row


def _whole(value: float | None) -> float | None:
    """Counts read as counts in a message."""
    return int(value) if value is not None and value.is_integer() else value


def _book(books: dict[str, AlertBook], device: str, thresholds: Thresholds) -> AlertBook:
    if device not in books:
        books[device] = AlertBook(thresholds, history=None)
    return books[device]


def _summary(books: Mapping[str, AlertBook]) -> AlertSummary:
    """All books as one; of several devices an alert says whose it is, and is unique by that."""
    named = [(alert, device) for device in sorted(books) for alert in books[device].history]
    named.sort(key=lambda each: each[0].at)
    severities = [alert.severity for alert, _ in named]
    return AlertSummary(
        total_alerts=len(named),
        critical_alerts=severities.count(Severity.CRITICAL),
        warning_alerts=severities.count(Severity.WARNING),
        info_alerts=severities.count(Severity.INFO),
        active_alerts=sum(len(book.active) for book in books.values()),
        recent_alerts=tuple(_of_device(*each) for each in named[-_RECENT:]),
    )


def _of_device(alert: Alert, device: str) -> Alert:
    if not device:
        return alert
    metadata = {**alert.metadata, "device_id": device}
    return replace(alert, id=f"{device}/{alert.id}", metadata=metadata)
