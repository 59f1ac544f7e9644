"""Endings: when a clip is over, and how its stream ended."""

from __future__ import annotations

from av.container import InputContainer

from vineview.media.making import StreamEnd
from vineview.media.packets import ESTIMATED

__all__ = ["counts_others", "ending", "stated_s"]

_LATE_US = 500_000
_SHORTFALL_S = 1.0
_SHORTFALL_RATIO = 0.05


def counts_others(container: InputContainer) -> bool:
    """Whether a header counts more than picture and sound: subtitles, or a late clock."""
    has_others = any(track.type not in {"video", "audio"} for track in container.streams)
    return has_others or (container.start_time or 0) > _LATE_US


def stated_s(container: InputContainer) -> float | None:
    """How long a clip is by its header, in seconds, where that can be trusted."""
    duration_us = container.duration
    is_estimate = container.format.name in ESTIMATED or counts_others(container)
    return None if not duration_us or duration_us < 0 or is_estimate else duration_us / 1_000_000


def ending(reached_s: float, container: InputContainer, *, is_locked: bool = False) -> StreamEnd:
    """How a stream ended, by what the clip's header says of its length where it can be trusted.

    Args:
        reached_s: The last moment there was anything for.
        container: The clip.
        is_locked: Whether what follows is under DRM.
    """
    expected_s = stated_s(container)
    if is_locked:
        reason = f"encrypted from {reached_s:.1f} s on"
        return StreamEnd(reached_s, expected_s, is_complete=False, reason=reason)
    missing_s = 0.0 if expected_s is None else expected_s - reached_s
    if expected_s is None or missing_s <= max(_SHORTFALL_S, _SHORTFALL_RATIO * expected_s):
        return StreamEnd(reached_s, expected_s, is_complete=True)
    reason = f"cut off: {reached_s:.1f} s of {expected_s:.1f} s are there"
    return StreamEnd(reached_s, expected_s, is_complete=False, reason=reason)
