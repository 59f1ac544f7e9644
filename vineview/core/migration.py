"""Moving a legacy feed into a manager: what is refused is listed and stops none of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vineview.core.entry import facts_of
from vineview.core.events import VideoEvent
from vineview.errors import VideoManagerError

__all__ = ["Migration", "migrate"]


@dataclass(frozen=True, slots=True)
class Migration:
    """What came of moving a legacy feed over.

    Attributes:
        added: How many events are new in the feed.
        known: How many were there already, or are too old for the feed's limit.
        failures: For each event refused, its position and the reason.
    """

    added: int
    known: int
    failures: tuple[tuple[int, str], ...]


def migrate(events: Iterable[VideoEvent], add: Callable[[list[VideoEvent]], int]) -> Migration:
    """Add every event that can be added.

    Args:
        events: The legacy feed.
        add: Adds a batch and says how many are new.
    """
    good: list[VideoEvent] = []
    failures: list[tuple[int, str]] = []
    position = -1
    try:
        for position, event in enumerate(events):
            try:
                facts_of(event)
            except VideoManagerError as error:
                failures.append((position, str(error)))
            else:
                good.append(event)
    except Exception as error:  # noqa: BLE001 - a legacy feed that breaks off keeps what it gave
        failures.append((position + 1, f"the legacy feed broke off: {error!r}"))
    added = add(good)
    return Migration(added, len(good) - added, tuple(failures))
