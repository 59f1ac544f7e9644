"""Foreign packets: those of another codec in a broadcast's track.

A broadcast may change its codecs midway; a track keeps the one that it was opened with, so what
follows is noise to its decoder, in a worker and in a page alike. The first bytes of a packet tell,
for the codecs that broadcasts carry (ISO/IEC 14496-10 7.4.1, 23008-2 7.4.2, 13818-2 6.2, 13818-3).
So is sound that is shorter than it says: what is left of it where a recording was cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from av.packet import Packet
from av.stream import Stream

from vineview.media.tracks import codec_name

__all__ = ["foreign_to"]

_LAST_SLICE = 0xAF
_LAST_NAL_TYPE = 23
_NEVER_REFERENCED = frozenset({6, 9})  # SEI, access unit delimiter
_HEAD_BYTES = 6


def foreign_to(track: Stream) -> Callable[[Packet[Any]], bool] | None:
    """What tells whether a packet is none of a track's codec; ``None`` where nothing does."""
    looks = _LOOKS.get(codec_name(track))
    if looks is None:
        return None
    return lambda packet: looks(bytes(memoryview(packet)[:_HEAD_BYTES]), packet.size)


def _is_no_h264(head: bytes, _: int) -> bool:
    unit = _unit(head)
    if not unit:
        return False
    kind, is_referenced = unit[0] & 0x1F, bool(unit[0] & 0x60)
    is_possible = 0 < kind <= _LAST_NAL_TYPE and not (is_referenced and kind in _NEVER_REFERENCED)
    return bool(unit[0] & 0x80) or not is_possible


def _is_no_hevc(head: bytes, _: int) -> bool:
    unit = _unit(head)
    return len(unit) > 1 and (bool(unit[0] & 0x80) or not unit[1] & 7)


def _is_no_mpeg_picture(head: bytes, _: int) -> bool:
    unit = _unit(head)
    return bool(unit) and 0 < unit[0] <= _LAST_SLICE


def _is_no_adts(head: bytes, size: int) -> bool:
    if len(head) < _HEAD_BYTES:
        return True
    is_other = int.from_bytes(head[:2], "big") & 0xFFF6 != 0xFFF0  # noqa: PLR2004 - sync word, layer 0
    return is_other or size < int.from_bytes(head[3:6], "big") >> 5 & 0x1FFF


def _is_no_mpeg_sound(head: bytes, _: int) -> bool:
    sync = int.from_bytes(head[:2], "big")
    return len(head) > 1 and (sync & 0xFFE0 != 0xFFE0 or not sync & 6)  # noqa: PLR2004 - sync word, layer


def _unit(head: bytes) -> bytes:
    """What follows a start code; nothing if there is none."""
    body = head.lstrip(b"\0")
    return body[1:] if len(head) - len(body) > 1 and body[:1] == b"\1" else b""


_LOOKS: dict[str, Callable[[bytes, int], bool]] = {
    "h264": _is_no_h264,
    "hevc": _is_no_hevc,
    "mpeg1video": _is_no_mpeg_picture,
    "mpeg2video": _is_no_mpeg_picture,
    "aac": _is_no_adts,
    "mp2": _is_no_mpeg_sound,
    "mp3": _is_no_mpeg_sound,
}
