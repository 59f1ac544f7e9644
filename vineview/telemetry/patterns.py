"""How people watch, beside what memory does: scrolling and content types.

Time is cut into slots of a minute (longer where samples are rarer), each with its mean memory and
how often the viewer moved on. A clip loops after six seconds, so moving on ten times a minute or
more is scrolling past, not watching.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from vineview.telemetry.engine import breakdowns
from vineview.telemetry.engine.store import Store

__all__ = ["HEAVY_PER_MINUTE", "ContentType", "ScrollBand", "UserPatterns", "patterns_of"]

HEAVY_PER_MINUTE: Final = 10.0
"""From how many navigations a minute scrolling is heavy: clips last six seconds."""
_NAMES: Final = ("still", "watching", "heavy")
_WIDTHS_S: Final = (60, 300, 900, 3600)
_TYPES: Final = 10


@dataclass(frozen=True, slots=True)
class ScrollBand:
    """The slots in which the viewer moved on about equally often.

    Attributes:
        name: ``still`` (not at all), ``watching``, or ``heavy`` (10 a minute or more).
        slots: How many.
        minutes: How long they are together.
        navigations: How often the viewer moved on in them.
        average_mb: Their mean memory.
        change_mb_per_minute: How memory moved from the slot before; ``None`` without one.
    """

    name: str
    slots: int
    minutes: float
    navigations: int
    average_mb: float
    change_mb_per_minute: float | None


@dataclass(frozen=True, slots=True)
class ContentType:
    """The preloads of one content type.

    Attributes:
        mime_type: Such as ``video/mp4``.
        total_preloads: Finished attempts.
        failed_preloads: Those that failed.
        average_bytes: Their mean size; ``None`` if none says.
        average_time_ms: Mean time of successes.
        average_mb: Mean memory of the slots they finished in; ``None`` without samples there.
    """

    mime_type: str
    total_preloads: int
    failed_preloads: int
    average_bytes: float | None
    average_time_ms: float | None
    average_mb: float | None


@dataclass(frozen=True, slots=True)
class UserPatterns:
    """How people watched.

    Attributes:
        navigations: How often the viewer moved on.
        navigations_per_minute: The same over the time that has samples; ``None`` without any.
        slot_s: How long a slot is, seconds.
        scrolling: By how quickly they moved on, slowest first; empty without navigations.
        content_types: By content type, most frequent first.
    """

    navigations: int
    navigations_per_minute: float | None
    slot_s: int
    scrolling: tuple[ScrollBand, ...]
    content_types: tuple[ContentType, ...]


def patterns_of(store: Store) -> UserPatterns:
    """Ask a store how people watched."""
    seen = store.overview()
    width_s, within = _width_s(seen), seen["devices"] > 1
    navigations = seen["navigations"] or 0
    bands: tuple[ScrollBand, ...] = ()
    if navigations and seen["measured"]:
        rows = store.rows(
            breakdowns.scroll_bands,
            width_s=width_s,
            heavy_per_minute=HEAVY_PER_MINUTE,
            within=within,
        )
        bands = tuple(_band(row, width_s / 60) for row in rows)
    types: tuple[ContentType, ...] = ()
    if seen["tells_mime_type"]:
        found = store.rows(breakdowns.content_types, width_s=width_s, within=within, limit=_TYPES)
        types = tuple(
            ContentType(
                row["mime_type"],
                row["total"],
                row["failed"],
                row["average_bytes"],
                row["average_ms"],
                row["average_mb"],
            )
            for row in found
        )
    minutes = sum(band.minutes for band in bands)
    counted = sum(band.navigations for band in bands)
    return UserPatterns(navigations, counted / minutes if minutes else None, width_s, bands, types)


def _band(row: dict[str, Any], minutes: float) -> ScrollBand:
    change = row["change_mb"]
    return ScrollBand(
        name=_NAMES[row["band"]],
        slots=row["slots"],
        minutes=row["slots"] * minutes,
        navigations=row["navigations"],
        average_mb=row["average_mb"],
        change_mb_per_minute=None if change is None else change / minutes,
    )


def _width_s(seen: dict[str, Any]) -> int:
    """A slot long enough to hold a sample or two of each device."""
    if not seen["measured"]:
        return _WIDTHS_S[0]
    between = (seen["last_s"] - seen["first_s"]) * max(seen["devices"], 1) / seen["measured"]
    return next((width for width in _WIDTHS_S if width >= 2 * between), _WIDTHS_S[-1])
