"""A chart of telemetry that stays where it is: every stretch is a question to the engine.

Nothing is read whole. The page's width decides how many buckets are asked for, and a marked
stretch is judged from its time buckets, as analytics judge the whole. Whatever has been asked is
kept, so that a worker thread can ask first and the widget's loop then finds the answer there:
first the picture, then growth and verdict, which take longer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from vineview.figures.curves import COLUMNS, EnvelopeCurves
from vineview.figures.marks import MARKED
from vineview.telemetry import Telemetry
from vineview.telemetry.engine import queries
from vineview.telemetry.formats.columns import table_to_records
from vineview.telemetry.frames import events_frame
from vineview.telemetry.growth.buckets import bucket_count
from vineview.telemetry.schema import Sample
from vineview.telemetry.table import SCHEMA
from vineview.widgets.sources import Status, last_sample, limits_of, span_status
from vineview.widgets.stretch import Stretch, judged

__all__ = ["EngineSource"]

_OVERVIEW_POINTS = 400
_MARKS = 200
_KEPT = 8


class EngineSource:
    """Reads telemetry through its store.

    Args:
        telemetry: Opened from files too large for memory, or with another engine.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self.thresholds = limits_of(telemetry)
        self.usage: Any = None
        self.curves = EnvelopeCurves(telemetry.store.envelope)
        self._stretches: dict[tuple[datetime, datetime], Stretch | None] = {}

    def prepare(self, *, max_points: int) -> None:
        """Ask whatever a picture of the whole takes; slow, for a worker thread.

        Args:
            max_points: The most points of any line.
        """
        self.curves.lines(max_points=max_points)
        _ = self.samples, self.reading, self.marks

    def judge(self) -> None:
        """Ask for growth and verdict, which ``usage`` then holds; slower still."""
        if self.usage is None:
            self.usage = self._telemetry.analytics().memory_usage

    @cached_property
    def marks(self) -> pd.DataFrame:
        """The last events worth a mark, some hundred at most."""
        found = self._telemetry.store.ask(_marks, kinds=tuple(MARKED), count=_MARKS)
        return events_frame(list(table_to_records(found.select(SCHEMA.names))))

    @cached_property
    def samples(self) -> pd.DataFrame:
        """Some hundred samples spread over the whole: each stretch's lowest and highest."""
        lines = self.curves.lines(max_points=_OVERVIEW_POINTS)
        memory = lines["video_memory_mb"]
        kept = ~np.isnan(memory.y)
        at_ms = memory.at_ms[kept]
        columns: dict[str, Any] = {"at": pd.to_datetime(at_ms, unit="ms", utc=True)}
        for name in COLUMNS:
            line = lines[name]
            if not line.y.size:
                columns[name] = np.full(at_ms.size, np.nan)
                continue
            place = np.clip(np.searchsorted(line.at_ms, at_ms, "right") - 1, 0, line.y.size - 1)
            columns[name] = line.y[place]
        columns["video_memory_mb"] = memory.y[kept]
        return pd.DataFrame(columns)

    @cached_property
    def reading(self) -> Sample | None:
        """The last sample that has memory."""
        rows = self._telemetry.store.rows(queries.tail, count=1)
        return last_sample(pd.DataFrame(rows)) if rows else None

    @cached_property
    def status(self) -> Status:
        """From when to when."""
        return span_status(self.samples)

    def usage_between(self, start_at: datetime, end_at: datetime) -> Stretch | None:
        """The figures of that stretch; the last few are kept."""
        at = start_at, end_at
        if at not in self._stretches:
            if len(self._stretches) >= _KEPT:
                del self._stretches[next(iter(self._stretches))]
            self._stretches[at] = self._judged(start_at, end_at)
        return self._stretches[at]

    def _judged(self, start_at: datetime, end_at: datetime) -> Stretch | None:
        store = self._telemetry.store
        at = {"start_s": start_at.timestamp(), "end_s": end_at.timestamp()}
        (seen,) = store.rows(_overview, **at)
        if seen["peak"] is None:
            return None
        (span,) = store.rows(_span, **at)
        wanted = bucket_count(max(span["last_s"] - span["first_s"], 1e-9) / 3600)
        found = store.ask(_buckets, wanted=wanted, **at)
        return judged(
            queries.bucket_frame(found),
            peak_mb=seen["peak"],
            average_mb=seen["average"],
            minimum_mb=seen["minimum"],
        )

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Nothing ever comes; there is nothing to end."""
        del listener
        return lambda: None


def _marks(records: Any, *, kinds: tuple[str, ...], count: int) -> Any:
    """The last events of some kinds, latest first."""
    found = records.filter(records.kind.isin(kinds).fill_null(False))
    return found.order_by(found.seconds.desc()).limit(count)


def _within(records: Any, start_s: float, end_s: float) -> Any:
    return records.filter(records.seconds.between(start_s, end_s))


def _overview(records: Any, *, start_s: float, end_s: float) -> Any:
    """`queries.overview` of a stretch."""
    return queries.overview(_within(records, start_s, end_s), slow_ms=5000.0)


def _span(records: Any, *, start_s: float, end_s: float) -> Any:
    """`queries.span` of memory in a stretch."""
    return queries.span(_within(records, start_s, end_s), column="video_memory_mb")


def _buckets(records: Any, *, start_s: float, end_s: float, wanted: int) -> Any:
    """`queries.time_buckets` of memory in a stretch."""
    rows = _within(records, start_s, end_s)
    return queries.time_buckets(rows, column="video_memory_mb", wanted=wanted)
