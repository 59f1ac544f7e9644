"""What a record's fields may hold, and how instants and values are written.

A record is used whole or set aside whole: a known field of the wrong type makes it damaged, so
that no figure rests on half of one. Unknown fields may hold anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from types import NoneType
from typing import Any, Final

from vineview.core.changes import ChangeKind
from vineview.errors import TelemetryError
from vineview.telemetry.metrics import DIMENSIONS, METRICS

__all__ = [
    "EVENT_FLAGS",
    "EVENT_NUMBERS",
    "EVENT_TEXT",
    "format_at",
    "parse_at",
    "plain",
    "record_problem",
]

_TEXT: Final = frozenset((*DIMENSIONS, "memory_source"))
_SAMPLE_NUMBERS: Final = frozenset(METRICS)
EVENT_NUMBERS: Final = frozenset(
    (
        *("duration_ms", "bytes", "retry_count", "from_retry_count", "index", "total", "left"),
        *("memory_mb", "controllers_before", "controllers_disposed"),
    )
)
EVENT_TEXT: Final = frozenset(
    (
        *("error", "error_class", "from_error", "from_error_class", "mime_type", "host"),
        *("from", "to", "reason", "url", "network", "where"),
    )
)
EVENT_FLAGS: Final = frozenset(("success", "cache_hit", "trip", "snapshot"))
_KINDS: Final = frozenset(ChangeKind)
_NAMED: Final = 8


def format_at(at: datetime) -> str:
    """An instant as the export writes it: ISO-8601, in UTC, ending in ``Z``."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_at(text: Any) -> datetime:
    """Read an instant; one without a zone is UTC, as the contract says all are.

    Raises:
        TelemetryError: If it is not ISO-8601 text.
    """
    if not isinstance(text, str):
        raise TelemetryError(f"'at' is {_name(text)}, not ISO-8601 text")
    return _instant(text)


@lru_cache(maxsize=4096)
def _instant(text: str) -> datetime:
    """The instant; kept, because a record's is asked for several times over."""
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TelemetryError(f"'at' is {text!r}, not an ISO-8601 instant") from error


def record_problem(record: Any) -> str | None:
    """Say why a record cannot be used, naming the field; ``None`` if it can.

    Known fields must have their type and finite values; unknown fields may be anything.
    """
    if not isinstance(record, Mapping):
        return f"it is {_name(record)}, not an object"
    if "at" not in record:
        return "'at' is missing" + (f"; it has {_listed(record)}" if record else "")
    try:
        parse_at(record["at"])
    except TelemetryError as error:
        return error.message
    for name in ("kind", "video_id"):
        if not isinstance(record.get(name), str | NoneType):
            return f"{name!r} is {_name(record[name])}, not text"
    kind = record.get("kind")
    if "kind" in record and kind is None:
        return "'kind' is null, not text"
    if kind is None:
        return _wrong_type(record, _SAMPLE_NUMBERS, _TEXT, frozenset())
    if kind not in _KINDS:
        return None
    return _wrong_type(record, EVENT_NUMBERS, EVENT_TEXT, EVENT_FLAGS)


def _wrong_type(
    record: Mapping[str, Any],
    numbers: AbstractSet[str],
    texts: AbstractSet[str],
    flags: AbstractSet[str],
) -> str | None:
    """Name the first known field that does not hold what it should; null is no value."""
    for name, value in record.items():
        if value is None:
            continue
        if name in numbers:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return f"{name!r} is {_name(value)}, not a number"
            if not _is_finite(value):
                return f"{name!r} is {_shown(value)}, not a finite number"
        elif name in texts:
            if not isinstance(value, str):
                return f"{name!r} is {_name(value)}, not text"
        elif name in flags and not isinstance(value, bool):
            return f"{name!r} is {_name(value)}, not true or false"
    return None


def _listed(record: Mapping[str, Any]) -> str:
    names = [str(name) for name in record]
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer no float comes near
        return False


def _shown(value: float) -> str:
    return str(value) if isinstance(value, float) else "an integer above 1.8e308"


def plain(value: Any) -> Any:
    """A value as JSON can carry it; what is not a number becomes null."""
    match value:
        case Enum():
            return plain(value.value)
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int() | str():
            return value
        case datetime():
            return format_at(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    return str(value)


def _name(value: Any) -> str:
    """What JSON calls the type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "an object"
    return "a list"
