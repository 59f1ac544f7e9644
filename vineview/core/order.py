"""The feed's order: newest first by ``created_at``, ties by latest arrival.

Kept as short sorted runs, so that adding, dropping and finding the place of one video stay quick
at 100 000 videos whatever order they arrive in. Inside, keys ascend (oldest first); outside,
index 0 is the newest. (Reference, section 3.2.)
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

__all__ = ["FeedOrder", "Key"]

Key = tuple[float, int, str]
"""``created_at``, arrival number (unique, so that ids are never compared), video id."""

_RUN = 1000


class FeedOrder:
    """Sorted keys with positions.

    Example:
        >>> order = FeedOrder()
        >>> order.extend([(10.0, 0, "old"), (20.0, 1, "new"), (20.0, 2, "newer")])
        >>> list(order), order.index_of((10.0, 0, "old"))
        (['newer', 'new', 'old'], 2)
    """

    def __init__(self) -> None:
        self._runs: list[list[Key]] = []
        self._lasts: list[Key] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        for run in reversed(self._runs):
            for key in reversed(run):
                yield key[2]

    def add(self, key: Key) -> None:
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

    def extend(self, keys: Iterable[Key]) -> None:
        """Put many keys in their places, with one sort."""
        every = [key for run in self._runs for key in run]
        every.extend(keys)
        every.sort()
        self._length = len(every)
        self._runs = [every[at : at + _RUN] for at in range(0, len(every), _RUN)]
        self._lasts = [run[-1] for run in self._runs]

    def remove(self, key: Key) -> None:
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

    def index_of(self, key: Key) -> int:
        """The position of a key that is in; 0 is the newest."""
        at = bisect_left(self._lasts, key)
        rank = sum(map(len, self._runs[:at])) + bisect_left(self._runs[at], key)
        return self._length - 1 - rank

    def id_at(self, index: int) -> str:
        """The id at a position that exists."""
        left = index
        for run in reversed(self._runs):
            if left < len(run):
                return run[-1 - left][2]
            left -= len(run)
        raise IndexError(index)
