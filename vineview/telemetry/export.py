"""Telemetry: one or more performance exports, opened or made live, as frames and analytics.

The records as read are the truth and are what `write` writes, so nothing is lost on the way
through, unknown fields included. Frames and analytics are derived, on first use. What is too big
for that is imported once, answers questions through its store, and becomes records and frames
only when they are asked for. (Contract, section 3.)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from vineview.core.changes import Change, ChangeKind
from vineview.core.events import VideoEvent
from vineview.errors import TelemetryError
from vineview.telemetry import keeping
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats import writing
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.formats.fetching import fetched
from vineview.telemetry.formats.jsontext import dump
from vineview.telemetry.formats.reading import Document, Finding, load
from vineview.telemetry.frames import events_frame, samples_frame
from vineview.telemetry.ranges import Coverage, TimeRange, parse_range
from vineview.telemetry.repeats import without_repeats
from vineview.telemetry.schema import Sample, parse_at, record_to_change, record_to_video
from vineview.telemetry.thresholds import Thresholds

if TYPE_CHECKING:
    from vineview.telemetry.analytics import Analytics
    from vineview.telemetry.keeping import Progress

__all__ = ["Telemetry"]

Record = dict[str, Any]


class Telemetry:
    """Samples and events of one or more exports.

    Args:
        header: The export's header fields.
        samples: Its sample records.
        events: Its event records.
        findings: What a reader should know about how they were read.
        skipped: How many records were lost in reading.
        origins: Which files or addresses they came from.
        store: Where the records are, if they are not given: then ``samples`` and ``events`` are
            read from it when asked for.

    Example:
        >>> telemetry = Telemetry.open("data/incidents/memory-leak.ndjson")  # doctest: +SKIP
        >>> telemetry.analytics("2h").memory_usage.leak.verdict  # doctest: +SKIP
        'leaking'
    """

    def __init__(
        self,
        header: Mapping[str, Any],
        samples: Sequence[Record],
        events: Sequence[Record],
        *,
        findings: Sequence[Finding] = (),
        skipped: int = 0,
        origins: Sequence[str] = (),
        store: Store | None = None,
    ) -> None:
        self.header: Record = dict(header)
        self._records = None if store is not None else (tuple(samples), tuple(events))
        self._elsewhere = store
        self._analytics: dict[timedelta | None, Analytics] = {}
        self.findings = tuple(findings)
        self.skipped = skipped
        self.origins = tuple(origins)

    @classmethod
    def open(
        cls,
        *places: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        engine: str | None = None,
        progress: Progress | None = None,
        big_bytes: int = keeping.BIG_BYTES,
    ) -> Self:
        """Read exports in any of the formats `vineview convert` knows.

        Several are merged: records already seen in an earlier one are left out, the header is
        the first one's. Damaged records are set aside, named in `findings`, counted in `skipped`.
        From 64 MB on, unpacked and together, they are imported once, to Parquet, and asked there.

        Args:
            *places: Files, folders, globs, http(s) addresses, or sequences of them; with an
                engine elsewhere a folder of Parquet, or the name of a table.
            engine: What answers questions: DuckDB in this process if ``None`` or ``"duckdb"``;
                ``"spark"``, ``"spark://..."``, ``"sc://..."``, ``"trino://..."``, ``"clickhouse://..."``.
            progress: Told of a download and a long import: bytes since the last call.
            big_bytes: From this size on they are imported.

        Raises:
            TelemetryError: If a place named outright cannot be read, holds no export, or holds
                one of another major version; if a folder or glob holds nothing that can be read;
                if the engine is not installed or cannot be reached.
        """
        asked: list[str | os.PathLike[str]] = []
        for place in places:
            asked += [place] if isinstance(place, str | os.PathLike) else place
        if not asked:
            raise TelemetryError("there is nothing to open", hint="Pass a file, folder or address.")
        with ExitStack() as fetching:
            asked = [fetching.enter_context(fetched(each, progress=progress)) for each in asked]
            kept = keeping.stores_of(asked, engine=engine, progress=progress, big_bytes=big_bytes)
            if isinstance(kept, keeping.Kept):
                return cls(
                    kept.header,
                    (),
                    (),
                    findings=kept.findings,
                    skipped=kept.skipped,
                    origins=kept.origins,
                    store=kept.store,
                )
            documents, findings, failure = list[Document](), list[Finding](), None
            for source in kept:
                try:
                    documents.append(load(source))
                except TelemetryError as error:
                    if source.named:
                        raise
                    failure = error
                    findings.append(Finding("error", str(error), source.name))
            if not documents and failure is not None:
                raise failure
        return cls._merge(documents, findings)

    @classmethod
    def _merge(cls, documents: Sequence[Document], findings: Sequence[Finding]) -> Self:
        samples, events = documents[0].samples, documents[0].events
        findings = [*findings, *(each for document in documents for each in document.findings)]
        for document in documents[1:]:
            new_samples = _not_in(samples, document.samples)
            new_events = _not_in(events, document.events)
            repeated = len(document.samples) + len(document.events)
            repeated -= len(new_samples) + len(new_events)
            if repeated:
                text = f"{repeated} records are in an earlier file too; kept once"
                findings.append(Finding("warning", text, document.source))
            samples += new_samples
            events += new_events
        return cls(
            documents[0].header,
            samples,
            events,
            findings=findings,
            skipped=sum(document.skipped for document in documents),
            origins=[document.source for document in documents],
        )

    @property
    def is_in_memory(self) -> bool:
        """Whether the records are here; else they are read from the store when asked for."""
        return self._records is not None

    @property
    def sample_records(self) -> tuple[Record, ...]:
        """The sample records, as read."""
        return self._read()[0]

    @property
    def event_records(self) -> tuple[Record, ...]:
        """The event records, as read."""
        return self._read()[1]

    @cached_property
    def store(self) -> Store:
        """What answers questions about the records; `queries` has them."""
        if self._elsewhere is not None:
            return self._elsewhere
        records = [*without_repeats(self.sample_records), *self.event_records]
        in_time = records_to_table(records).sort_by("at")  # as an import has them: the same sums
        return Store.of_table(in_time, source=self.source)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The samples by time; columns and dtypes as `frames.samples_frame` says."""
        return samples_frame(self.sample_records)

    @cached_property
    def events(self) -> pd.DataFrame:
        """The events by time; columns and dtypes as `frames.events_frame` says."""
        return events_frame(self.event_records)

    @property
    def source(self) -> str:
        """Where it comes from: files or addresses, or what recorded it."""
        return ", ".join(self.origins) or str(self.header.get("source") or "memory")

    @property
    def config(self) -> Record:
        """The manager's configuration when this was exported; empty if it does not say."""
        config = self.header.get("config")
        return dict(config) if isinstance(config, dict) else {}

    @property
    def thresholds(self) -> Thresholds:
        """The limits the monitor had that recorded this; the defaults if it does not say."""
        given = self.header.get("thresholds")
        return Thresholds.from_dict(given) if isinstance(given, dict) else Thresholds()

    @property
    def start_at(self) -> datetime | None:
        """The first record's instant, UTC; ``None`` without records."""
        return self._span[0]

    @property
    def end_at(self) -> datetime | None:
        """The last record's instant, UTC."""
        return self._span[1]

    @cached_property
    def _span(self) -> tuple[datetime | None, datetime | None]:
        if not self.is_in_memory:
            seen = self.store.overview()
            return seen["first_at"], seen["last_at"]
        instants = [parse_at(each["at"]) for each in (*self.sample_records, *self.event_records)]
        return (min(instants), max(instants)) if instants else (None, None)

    def _read(self) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
        """The records; read from the store the first time they are asked for."""
        return self._materialised if self._records is None else self._records

    @cached_property
    def _materialised(self) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
        samples, events = list[Record](), list[Record]()
        for record in self.store.records():
            (events if "kind" in record else samples).append(record)
        return tuple(samples), tuple(events)

    @property
    def duration_s(self) -> float:
        """Seconds from the first record to the last."""
        return self.coverage.present_s

    @property
    def coverage(self) -> Coverage:
        """What was asked for when this was exported, and what is present."""
        asked = self.header.get("range")
        asked_s = asked.get("asked_s") if isinstance(asked, dict) else None
        if isinstance(asked_s, bool) or not isinstance(asked_s, int | float) or asked_s <= 0:
            asked_s = None
        return Coverage.of(self.start_at, self.end_at, asked_s)

    def analytics(self, time_range: TimeRange = None) -> Analytics:
        """Peak, average, trend, growth, leak verdict, preloads, errors, alerts, advice.

        Worked out once per range, since records do not change.

        Args:
            time_range: How far back from the last sample; everything if ``None``.

        Raises:
            UsageError: If the range is malformed.
            TelemetryError: If the engine that holds the records does not answer.
        """
        from vineview.telemetry.analytics import analyse  # noqa: PLC0415 - brings in scipy

        asked = parse_range(time_range)
        if asked not in self._analytics:
            self._analytics[asked] = analyse(self.select(asked))
        return self._analytics[asked]

    def select(self, time_range: TimeRange) -> Telemetry:
        """The records of the last so much, counted back from the last sample.

        Args:
            time_range: A timedelta or ``"2h"``; ``None`` gives this object.

        Returns:
            Another `Telemetry`, whose coverage says what was asked.
        """
        asked = parse_range(time_range)
        if asked is None:
            return self
        if not self.is_in_memory:
            return self._select_in_store(asked)
        instants = [parse_at(each["at"]) for each in self.sample_records]
        end = max(instants) if instants else self.end_at
        header = {**self.header, "range": {"asked_s": asked.total_seconds()}}
        header.pop("records", None)
        return Telemetry(
            header,
            _since(self.sample_records, end, asked),
            _since(self.event_records, end, asked),
            findings=self.findings,
            skipped=self.skipped,
            origins=self.origins,
        )

    def _select_in_store(self, asked: timedelta) -> Telemetry:
        seen = self.store.overview()
        end = seen["last_sample_at"] or seen["last_at"]
        return Telemetry(
            {**self.header, "range": {"asked_s": asked.total_seconds()}},
            (),
            (),
            findings=self.findings,
            skipped=self.skipped,
            origins=self.origins,
            store=self.store if end is None else self.store.since(end - asked),
        )

    def iter_samples(self) -> Iterator[Sample]:
        """Each sample as an object, in the order recorded."""
        return map(Sample.from_record, self.sample_records)

    def iter_changes(self) -> Iterator[Change]:
        """Each event as the `Change` it was, in the order recorded.

        Videos named in ``feed`` events carry their facts; kinds of a later version are left out.

        Raises:
            TelemetryError: If a transition names a state this version does not know.
        """
        known: dict[str, VideoEvent] = {}
        for record in self.event_records:
            if record["kind"] not in _KINDS:
                continue
            if record["kind"] == ChangeKind.FEED:
                known |= _listed(record)
            yield record_to_change(record, known)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the records, whole or not at all.

        Args:
            path: Its name says in which format: ``.json``, ``.ndjson``, ``.csv``, ``.parquet``,
                and what else `writing.layout` knows. An existing file is replaced.

        Returns:
            The path.

        Raises:
            TelemetryError: If the name is of no format written, or the file cannot be written.
        """
        if not self.is_in_memory:
            return writing.write_tables(self._written_header(), self.store.tables(), path)
        return writing.write(self._written_header(), self.sample_records, self.event_records, path)

    def _written_header(self) -> Record:
        """The header, its count of records brought up to date if it has one."""
        header = dict(self.header)
        if isinstance(header.get("records"), dict):
            samples, events = self._counts()
            header["records"] = header["records"] | {"samples": samples, "events": events}
        return header

    def _counts(self) -> tuple[int, int]:
        if self.is_in_memory:
            return len(self.sample_records), len(self.event_records)
        seen = self.store.overview()
        samples = seen["samples"] or 0
        return samples, seen["records"] - samples

    def __repr__(self) -> str:
        lost = f", {self.skipped} skipped" if self.skipped else ""
        samples, events = self._counts()
        return f"Telemetry({samples} samples, {events} events, {self.coverage.text}{lost})"


_KINDS = frozenset(ChangeKind)


def _not_in(records: Sequence[Record], more: Sequence[Record]) -> list[Record]:
    """The records of a later file that an earlier one does not hold as often."""
    held = Counter(dump(record) for record in records)
    new = []
    for record in more:
        key = dump(record)
        if held[key]:
            held[key] -= 1
        else:
            new.append(record)
    return new


def _since(records: Sequence[Record], end: datetime | None, asked: timedelta) -> list[Record]:
    if end is None:
        return []
    since = end - asked
    return [record for record in records if parse_at(record["at"]) >= since]


def _listed(record: Mapping[str, Any]) -> dict[str, VideoEvent]:
    videos = record.get("videos")
    if not isinstance(videos, list):
        return {}
    events = [record_to_video(video) for video in videos if isinstance(video, dict)]
    return {event.id: event for event in events}
