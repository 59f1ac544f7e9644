"""Endings: when a clip is over, and how its stream ended.

A header may state a little more than there are pictures and sounds for: a short clip's last picture
then stands until the stated end, as in other players, so that all who ask how long it is hear the
same. It stands no longer either: a clip cut from a longer one keeps what its last picture lasted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from vineview.media.making import StreamEnd
from vineview.media.packets import ESTIMATED
from vineview.media.tracks import tick

__all__ = ["counts_others", "ending", "lasting", "over_s", "stated_s"]

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


def over_s(container: InputContainer, end_s: float, *, last_s: float | None = None) -> float:
    """When a clip is over, in seconds.

    Args:
        container: The clip.
        end_s: When what there is of it ends, by what its packets say.
        last_s: When the last of them begins; ``None`` if that is not known.
    """
    expected_s = stated_s(container) or 0.0
    differs_s = _SHORTFALL_RATIO * expected_s
    is_beyond = last_s is not None and last_s < expected_s < end_s - differs_s
    stands = differs_s < expected_s - end_s <= _SHORTFALL_S
    return expected_s if is_beyond or stands else end_s


def lasting(
    packets: Iterator[Packet[Any]], container: InputContainer, lead: Stream
) -> Iterator[Packet[Any]]:
    """Packets that last until the next, where their container does not see to it, or the end.

    Args:
        packets: Their times counted from the clip's beginning.
        container: The clip.
        lead: Its leading track.
    """
    is_loose = lead.type == "video" and "mp4" not in container.format.name
    is_short = _SHORTFALL_RATIO * (stated_s(container) or 0.0) < _SHORTFALL_S
    return (
        _lasting(packets, container, lead.index if is_loose else None)
        if is_loose or is_short
        else packets
    )


def _lasting(
    packets: Iterator[Packet[Any]], container: InputContainer, loose: int | None
) -> Iterator[Packet[Any]]:
    held: dict[int, Packet[Any]] = {}
    shown: dict[int, int] = {}
    for packet in packets:
        index = packet.stream_index
        before = held.get(index)
        held[index] = packet
        shown[index] = max(shown.get(index, 0), packet.pts or 0)
        if before is None:
            continue
        if index == loose and before.dts is not None and packet.dts is not None:
            before.duration = max(before.duration or 0, packet.dts - before.dts)
        yield before
    for index, packet in held.items():
        if packet.pts == shown[index]:  # else another's length counts, by the times of decoding
            lasts, beat = packet.duration or 0, tick(packet.stream)
            last_s, end_s = float(packet.pts * beat), float((packet.pts + lasts) * beat)
            over_by_s = over_s(container, end_s, last_s=last_s) - end_s
            packet.duration = lasts + round(over_by_s / beat)
        yield packet


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
