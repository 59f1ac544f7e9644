"""Parameter sets: H.264 that is described anew midway, as in clips pasted together.

MP4 and FLV may describe a track several times; the header of what a page is sent has room for one.
What follows another description then carries it along, in front of each keyframe, which is where
decoders look for it (ISO/IEC 14496-15, 5.3.3.1 for the description, 5.3.2 for the pictures).
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

__all__ = ["ParameterSets"]

_SETS_AT = 5  # in a description, behind version, profile, level and the length of lengths
_MOST_SEQUENCE_SETS = 0x1F
_NEW = "new_extradata"


class ParameterSets:
    """Puts a track's later descriptions into its packets."""

    def __init__(self) -> None:
        self._sets = b""

    def carried(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """A packet, with what describes it if that is not in the header."""
        if not packet.is_keyframe:
            return [packet]
        for one in packet.iter_sidedata():
            if one.data_type == _NEW:
                self._sets = _units(bytes(one))
        if not self._sets:
            return [packet]
        longer = Packet(self._sets + bytes(packet))
        longer.stream, longer.time_base = packet.stream, packet.time_base
        longer.pts, longer.dts, longer.duration = packet.pts, packet.dts, packet.duration
        longer.is_keyframe = True
        return [longer]


def _units(description: bytes) -> bytes:
    """The sets of a description, each behind its length as pictures are; none of a damaged one."""
    if description[:1] != b"\1" or len(description) <= _SETS_AT:
        return b""
    length_bytes = (description[4] & 3) + 1
    units, at = b"", _SETS_AT
    for most in (_MOST_SEQUENCE_SETS, 0xFF):
        count, at = description[at] & most if at < len(description) else 0, at + 1
        for _ in range(count):
            size = int.from_bytes(description[at : at + 2], "big")
            unit, at = description[at + 2 : at + 2 + size], at + 2 + size
            units += len(unit).to_bytes(length_bytes, "big") + unit
    return units
