"""The system this manager replaced, as a model to compare with, and the choice between the two."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Migration"]


@dataclass(frozen=True, slots=True)
class Migration:
    """What came of moving a legacy feed over.

    Attributes:
        added: How many events are new in the feed.
        duplicates: How many were there already.
        failures: For each event refused, its position and the reason.
    """

    added: int
    duplicates: int
    failures: tuple[tuple[int, str], ...]
