"""The feed's order: newest first by ``created_at``, ties by latest arrival.

Kept as short sorted runs, so that adding, dropping and finding the place of one video stay quick
at 100 000 videos whatever order they arrive in. Inside, keys ascend (oldest first); outside,
index 0 is the newest. (Reference, section 3.2.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain

from vineview.core.events import whole_second

__all__ = ["FeedOrder", "arrival_of", "order_key"]

_ARRIVAL_BITS = 48
_RUN = 500
_FEW = 16
"""Keys are put in their places one by one while they are fewer than one in so many."""


def order_key(created_at: float, arrival: int) -> int:
    """Where a video belongs: one whole number, later ``created_at`` above all, then arrival.

    Whole numbers are compared quickly, and a hundred thousand of them cost the garbage collector
    nothing.
    """
    second = created_at if isinstance(created_at, int) else whole_second(created_at)
    return (second << _ARRIVAL_BITS) + arrival


def arrival_of(key: int) -> int:
    """The arrival number a key was made with."""
    return key & ((1 << _ARRIVAL_BITS) - 1)


class FeedOrder:
    """Sorted keys with positions. Those added wait unsorted until somebody asks for a position.

    Example:
        >>> old, new, newer = order_key(10, 0), order_key(20, 1), order_key(20, 2)
        >>> order = FeedOrder()
        >>> order.extend([new, newer, old])
        >>> list(order) == [newer, new, old], order.index_of(old)
        (True, 2)
    """

    def __init__(self) -> None:
        self._runs: list[list[int]] = [[]]
        # No key of a run is below its start; the first run takes whatever is below the second's.
        self._starts = [0]
        # How many keys are below each run, and how many there are; empty until asked for.
        self._ranks: list[int] = []
        self._waiting: list[int] = []

    def __iter__(self) -> Iterator[int]:
        self._sort()
        return chain.from_iterable(map(reversed, reversed(self._runs)))

    def add(self, key: int) -> None:
        """Put one key in its place."""
        self._waiting.append(key)
        self._ranks = []

    def extend(self, keys: Iterable[int]) -> None:
        """Put many keys in their places."""
        self._waiting.extend(keys)
        self._ranks = []

    @property
    def lowest(self) -> int:
        """The key that comes last, of at least one."""
        self._sort()
        return self._runs[0][0]

    def remove(self, key: int) -> None:
        """Take out a key that is in."""
        self._sort()
        self._ranks = []
        at = bisect_right(self._starts, key, 1) - 1
        run = self._runs[at]
        del run[bisect_left(run, key)]
        if not run and len(self._runs) > 1:
            del self._runs[at]
            del self._starts[at]

    def index_of(self, key: int) -> int:
        """The position of a key that is in; 0 is the newest."""
        ranks = self._ranks or self._rank()
        at = bisect_right(self._starts, key, 1) - 1
        return ranks[-1] - 1 - ranks[at] - bisect_left(self._runs[at], key)

    def key_at(self, index: int) -> int:
        """The key at a position that exists."""
        ranks = self._ranks or self._rank()
        rank = ranks[-1] - 1 - index
        if not 0 <= rank < ranks[-1]:
            raise IndexError(index)
        at = bisect_right(ranks, rank) - 1
        return self._runs[at][rank - ranks[at]]

    def _rank(self) -> list[int]:
        self._sort()
        self._ranks = list(accumulate(map(len, self._runs), initial=0))
        return self._ranks

    def _sort(self) -> None:
        if len(self._waiting) * _FEW > len(self._runs) * _RUN:
            every = [*chain.from_iterable(self._runs), *self._waiting]
            every.sort()
            self._runs = [every[at : at + _RUN] for at in range(0, len(every), _RUN)]
            self._starts = [run[0] for run in self._runs]
        else:
            for key in self._waiting:
                self._insert(key)
        self._waiting.clear()

    def _insert(self, key: int) -> None:
        at = bisect_right(self._starts, key, 1) - 1
        run = self._runs[at]
        insort(run, key)
        if len(run) > 2 * _RUN:
            self._runs.insert(at + 1, run[_RUN:])
            self._starts.insert(at + 1, run[_RUN])
            del run[_RUN:]
