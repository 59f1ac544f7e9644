"""Numbers what arrives, and remembers when: a note per moment, however many arrive at it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

__all__ = ["Arrivals"]


class Arrivals:
    """Hands out ascending numbers.

    Attributes:
        next: The number of what arrives next.

    Example:
        >>> from datetime import UTC
        >>> arrivals = Arrivals()
        >>> arrivals.came(1000, datetime(2026, 1, 1, tzinfo=UTC))
        >>> arrivals.came(1, datetime(2026, 1, 2, tzinfo=UTC))
        >>> arrivals.next, arrivals.instant_of(999).isoformat()
        (1001, '2026-01-01T00:00:00+00:00')
    """

    def __init__(self) -> None:
        self.next = 0
        self._firsts: list[int] = []
        self._instants: list[datetime] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def came(self, count: int, at: datetime) -> None:
        """So many took the next numbers at this moment: at least one."""
        self._firsts.append(self.next)
        self._instants.append(at)
        self.next += count

    def instant_of(self, number: int) -> datetime:
        """When a number was handed out."""
        return self._instants[bisect_right(self._firsts, number) - 1]

    def forget_all_but(self, numbers: Iterable[int]) -> None:
        """Drop the moments of which no number is left."""
        kept = sorted({bisect_right(self._firsts, number) - 1 for number in numbers})
        self._firsts = [self._firsts[at] for at in kept]
        self._instants = [self._instants[at] for at in kept]
