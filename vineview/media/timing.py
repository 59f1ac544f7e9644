"""Timing: one track's times, made fit for a muxer.

FFmpeg's MP4 muxer ends the process where a time is absurd, so nothing absurd may reach it: times
are present and increase, and a leap of more than ten minutes is damage, after which the track goes
on where it was.
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

from vineview.media.tracks import tick

__all__ = ["TrackClock"]

_MAX_LEAP_S = 600
_MAX_REORDER_S = 60


class TrackClock:
    """Mends the times of one track's packets, in the order they are stored.

    Args:
        origin_s: The moment of the clip's own clock that is zero here.
        begun_s: Where reading began, from that zero.
    """

    def __init__(self, *, origin_s: float, begun_s: float) -> None:
        self._origin_s = origin_s
        self._begun_s = begun_s
        self._skew: int | None = None
        self._reached = 0
        self._last_dts: int | None = None

    def settle(self, packet: Packet[Any]) -> bool:
        """Mend a packet's times in place; false if it lies before the clip's beginning."""
        beat = tick(packet.stream)
        step = packet.duration or 0
        if not 0 <= step * beat <= _MAX_LEAP_S:
            packet.duration = step = 0
        if self._skew is None:
            self._skew = -round(self._origin_s / beat)
            self._reached = round(self._begun_s / beat)
        stored = packet.dts if packet.dts is not None else packet.pts
        if stored is None:
            stored = self._reached + max(step, 1) - self._skew
        leap = stored + self._skew - self._reached
        if abs(leap) * beat > _MAX_LEAP_S:
            self._skew -= leap - max(step, 1)
        self._reached = stored + self._skew
        return self._place(packet, self._reached, round(_MAX_REORDER_S / beat))

    def _place(self, packet: Packet[Any], reached: int, max_reorder: int) -> bool:
        assert self._skew is not None
        pts = reached if packet.pts is None else packet.pts + self._skew
        if abs(pts - reached) > max_reorder:
            pts = reached
        dts = None if packet.dts is None and packet.pts is not None else reached
        if pts < 0:
            return False
        if dts is not None:
            if self._last_dts is not None and dts <= self._last_dts:
                dts = self._last_dts + 1
                pts = max(pts, dts)
            self._last_dts = dts
        packet.pts, packet.dts = pts, dts
        return True
