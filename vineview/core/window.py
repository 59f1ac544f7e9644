"""Which videos around the current one to load, and which to keep.

Pure arithmetic on indices. The preload window is what gets loaded, nearest first; the wider keep
range is what survives while the viewer moves. (Reference, section 3.6.)
"""

from __future__ import annotations

__all__ = ["keep_range", "preload_order"]

_LEAST_KEPT = 3


def preload_order(index: int, total: int, *, ahead: int, behind: int, most: int) -> list[int]:
    """The indices to load, in order: ``i, i+1, i-1, i+2, i-2 ...``, outside ones skipped.

    Args:
        index: The current index, inside the feed.
        total: Videos in the feed.
        ahead: How many after the current one.
        behind: How many before it.
        most: How many may be loaded at once; the farthest are cut.

    Example:
        >>> preload_order(10, 100, ahead=5, behind=2, most=15)
        [10, 11, 9, 12, 8, 13, 14, 15]
    """
    order = [index]
    farthest = min(max(ahead, behind), max(index, total - 1 - index), most)
    for step in range(1, farthest + 1):
        if step <= ahead and index + step < total:
            order.append(index + step)
        if step <= behind and index - step >= 0:
            order.append(index - step)
    return order[:most]


def keep_range(index: int, window: list[int], *, ahead: int, behind: int, most: int) -> range:
    """The indices whose controllers survive: at least 3 each side, never more than ``most``.

    Args:
        index: The current index.
        window: The preload window, always inside the result.
        ahead: As for the window.
        behind: As for the window.
        most: How many controllers there may be.

    Example:
        >>> keep_range(10, [10, 11, 9, 12, 13], ahead=3, behind=1, most=15)
        range(7, 14)
    """
    least_ahead, least_behind = max(window) - index, index - min(window)
    ahead, behind = max(ahead, _LEAST_KEPT), max(behind, _LEAST_KEPT)
    spare = most - 1 - least_ahead - least_behind
    extra_ahead, extra_behind = ahead - least_ahead, behind - least_behind
    extra_ahead = min(extra_ahead, max(spare - extra_behind, (spare + 1) // 2))
    extra_behind = min(extra_behind, spare - extra_ahead)
    return range(index - least_behind - extra_behind, index + least_ahead + extra_ahead + 1)
