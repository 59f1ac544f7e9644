"""Records as DataFrames: fixed columns and dtypes, sorted by time.

Every metric is float64 so that a missing value is NaN whatever the file holds; columns this
version does not know follow the known ones. Frames are for reading: the records they were made
from are what gets written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from vineview.telemetry.formats.jsontext import is_unicode
from vineview.telemetry.repeats import without_repeats
from vineview.telemetry.schema import DIMENSIONS, METRICS, parse_at

__all__ = ["events_frame", "samples_frame"]

Record = Mapping[str, Any]

_FLOATS: Final = ("duration_ms", "bytes", "retry_count")
_BOOLEANS: Final = ("success", "cache_hit")
_TEXTS: Final = ("error", "error_class", "mime_type", "host", "from", "to")


def samples_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Samples as a frame, one row each, by time; exact repeats appear once.

    Columns: ``at`` (datetime64[us, UTC]); ``device_id``, ``session_id``, ``platform``,
    ``network``, ``app_version``, ``country`` and ``memory_source`` (str); the metrics of
    `schema.METRICS` (float64); then unknown fields as they came.
    """
    records = without_repeats(records)
    columns: dict[str, Any] = {"at": _instants(records)}
    for name in (*DIMENSIONS, "memory_source"):
        columns[name] = _texts([record.get(name) for record in records])
    for name in METRICS:
        columns[name] = np.array([record.get(name) for record in records], dtype=np.float64)
    _add_unknown(columns, records)
    return _by_time(columns)


def events_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Events as a frame, one row each, by time.

    Columns: ``at`` (datetime64[us, UTC]), ``kind``, ``video_id``, ``error``, ``error_class``,
    ``mime_type``, ``host``, ``from``, ``to`` (str), ``success``, ``cache_hit`` (boolean),
    ``duration_ms``, ``bytes``, ``retry_count`` (float64); then every other field any event has,
    as it came.
    """
    columns: dict[str, Any] = {"at": _instants(records)}
    for name in ("kind", "video_id"):
        columns[name] = _texts([record.get(name) for record in records])
    for name in _BOOLEANS:
        columns[name] = pd.Series([_true(record.get(name)) for record in records], dtype="boolean")
    for name in _FLOATS:
        numbers = [_number(record.get(name)) for record in records]
        columns[name] = np.array(numbers, dtype=np.float64)
    for name in _TEXTS:
        columns[name] = _texts([_text(record.get(name)) for record in records])
    _add_unknown(columns, records)
    return _by_time(columns)


def _by_time(columns: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    if frame["at"].is_monotonic_increasing:
        return frame
    return frame.sort_values("at", kind="stable", ignore_index=True)


def _instants(records: Iterable[Record]) -> pd.DatetimeIndex:
    instants = [parse_at(record["at"]).replace(tzinfo=None) for record in records]
    return pd.DatetimeIndex(np.array(instants, dtype="datetime64[us]")).tz_localize("UTC")


def _number(value: Any) -> Any:
    """Numbers as they are; of events of unknown kinds anything else is missing."""
    return value if isinstance(value, int | float) else None


def _true(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _texts(values: list[Any]) -> pd.Series:
    """Texts as a column; lone surrogates, which no column holds, as the escapes they were."""
    if not all(value is None or value.isascii() or is_unicode(value) for value in values):
        values = [value and value.encode("utf-8", "backslashreplace").decode() for value in values]
    return pd.Series(values, dtype="str")


def _add_unknown(columns: dict[str, Any], records: Sequence[Record]) -> None:
    """Append the fields that have no fixed column, in the order they first appear."""
    unknown = dict.fromkeys(name for record in records for name in record if name not in columns)
    for name in unknown:
        shown = name.encode("utf-8", "backslashreplace").decode()
        columns[shown] = pd.Series([record.get(name) for record in records], dtype="object")
