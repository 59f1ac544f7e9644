"""The feed's order: newest first by ``created_at``, ties by latest arrival.

Kept as short sorted runs, so that adding, dropping and finding the place of one video stay quick
at 100 000 videos whatever order they arrive in. Inside, keys ascend (oldest first); outside,
index 0 is the newest. (Reference, section 3.2.)
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

__all__ = ["FeedOrder", "arrival_of", "order_key"]

_ARRIVAL_BITS = 48
_FAR = 2**63

_RUN = 1000


def order_key(created_at: float, arrival: int) -> int:
    """Where a video belongs: one whole number, later ``created_at`` above all, then arrival.

    Whole numbers are compared quickly, and a hundred thousand of them cost the garbage collector
    nothing. What is no number counts as the beginning of time.
    """
    if isinstance(created_at, int):
        second = created_at
    elif isinstance(created_at, float) and not math.isnan(created_at):
        second = int(max(-_FAR, min(created_at, _FAR)))
    else:
        second = 0
    return (second << _ARRIVAL_BITS) + arrival


def arrival_of(key: int) -> int:
    """The arrival number a key was made with."""
    return key & ((1 << _ARRIVAL_BITS) - 1)


class FeedOrder:
    """Sorted keys with positions.

    Example:
        >>> old, new, newer = order_key(10, 0), order_key(20, 1), order_key(20, 2)
        >>> order = FeedOrder()
        >>> order.extend([new, newer, old])
        >>> list(order) == [newer, new, old], order.index_of(old)
        (True, 2)
    """

    def __init__(self) -> None:
        self._runs: list[list[int]] = []
        self._lasts: list[int] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        for run in reversed(self._runs):
            yield from reversed(run)

    def add(self, key: int) -> None:
        """Put one key in its place."""
        self._length += 1
        if not self._runs:
            self._runs.append([key])
            self._lasts.append(key)
            return
        at = min(bisect_left(self._lasts, key), len(self._runs) - 1)
        run = self._runs[at]
        insort(run, key)
        if len(run) > 2 * _RUN:
            later = run[_RUN:]
            del run[_RUN:]
            self._runs.insert(at + 1, later)
            self._lasts.insert(at + 1, later[-1])
        self._lasts[at] = run[-1]

    def extend(self, keys: Iterable[int]) -> None:
        """Put many keys in their places, with one sort."""
        every = [key for run in self._runs for key in run]
        every.extend(keys)
        every.sort()
        self._length = len(every)
        self._runs = [every[at : at + _RUN] for at in range(0, len(every), _RUN)]
        self._lasts = [run[-1] for run in self._runs]

    def remove(self, key: int) -> None:
        """Take out a key that is in."""
        at = bisect_left(self._lasts, key)
        run = self._runs[at]
        del run[bisect_left(run, key)]
        self._length -= 1
        if run:
            self._lasts[at] = run[-1]
        else:
            del self._runs[at]
            del self._lasts[at]

    def index_of(self, key: int) -> int:
        """The position of a key that is in; 0 is the newest."""
        at = bisect_left(self._lasts, key)
        rank = sum(map(len, self._runs[:at])) + bisect_left(self._runs[at], key)
        return self._length - 1 - rank

    def key_at(self, index: int) -> int:
        """The key at a position that exists."""
        left = index
        for run in reversed(self._runs):
            if left < len(run):
                return run[-1 - left]
            left -= len(run)
        raise IndexError(index)
