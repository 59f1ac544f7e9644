"""Timing: the tracks' times, made fit for a muxer and for a page that plays without a break.

FFmpeg's MP4 muxer ends the process where a time is absurd, so nothing absurd may reach it: times
are present and increase. A leap is damage, or a stream pasted to another: the track goes on where
it was, and the others leap with it, so that picture and sound stay together. Broadcast containers
count as leaping sooner, for their clocks may start anew at any place. Soonest does the sound of an
AVI, whose times are not stored but counted, in units that its header may have wrong.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Stream

from vineview.media.tracks import tick

__all__ = ["BROADCAST", "ClipClock", "TrackClock"]

_MAX_LEAP_S = 600
_MAX_BROADCAST_LEAP_S = 10
_MAX_COUNTED_LEAP_S = 1
_MAX_RETREAT_S = 0.5
_MAX_PTS_RETREAT_S = 10.0
_TOGETHER_S = 1.0
_MAX_REORDER_S = 60
_MAX_EARLY_S = 2.0

BROADCAST = frozenset({"flv", "mpeg", "mpegts"})
"""Containers whose clock may start anew at any place."""


class ClipClock:
    """What the tracks of a clip share: where it begins, and how far its clock has leapt.

    Args:
        origin_s: The moment of the clip's own clock that is zero here.
        begun_s: Where reading began, from that zero.
        container: FFmpeg's name of the format.
    """

    def __init__(self, *, origin_s: float, begun_s: float, container: str = "") -> None:
        self.origin_s = origin_s
        self.begun_s = begun_s
        self.max_leap_s = _MAX_BROADCAST_LEAP_S if container in BROADCAST else _MAX_LEAP_S
        """Further, a track leaps."""
        self.max_sound_leap_s = _MAX_COUNTED_LEAP_S if container == "avi" else self.max_leap_s
        """The same, ahead, for sound that is under way."""
        self.skew_s = -origin_s
        """What was last added to a track's own times, in seconds."""
        self.is_disordered = False
        """Whether times of decoding were wrong: they went back, or lay behind those of showing."""


class TrackClock:
    """Mends the times of one track's packets, in the order they are stored.

    Args:
        clip: What is shared with the clip's other tracks.
    """

    def __init__(self, clip: ClipClock) -> None:
        self._clip = clip
        self._beat = Fraction(1)
        self._max_ahead_s = clip.max_leap_s
        self._beat_s = 1.0  # the same: fractions are exact, and slow for each packet of a long clip
        self._max_reorder = 0
        self._max_early = 0
        self._skew: int | None = None
        self._reached = 0
        self._early = 0
        self._last_dts: int | None = None

    @property
    def late(self) -> int:
        """Ticks by which the last packet was put off, because the one before had its instant."""
        return 0 if self._last_dts is None else max(self._last_dts - self._reached, 0)

    def settle(self, packet: Packet[Any]) -> bool:
        """Mend a packet's times in place; false if it lies before what was reached."""
        if self._skew is None:
            self._begin(packet.stream)
        assert self._skew is not None
        step = packet.duration or 0
        if not 0 <= step * self._beat_s <= _MAX_LEAP_S:
            packet.duration = step = 0
        stored = packet.dts if packet.dts is not None else packet.pts
        if stored is None:
            stored = self._reached + max(step, 1) - self._skew
        if self._has_leapt(stored, is_dts=packet.dts is not None):
            if stored + self._skew < self._reached and not packet.is_keyframe:
                self._clip.is_disordered = True
            self._skew = self._skew_after(stored, step)
        self._reached = stored + self._skew
        return self._place(packet, self._reached)

    def _begin(self, track: Stream) -> None:
        beat = tick(track)
        self._beat, self._beat_s = beat, float(beat)
        is_sound = track.type == "audio"
        self._max_ahead_s = self._clip.max_sound_leap_s if is_sound else self._clip.max_leap_s
        self._max_reorder = round(_MAX_REORDER_S / beat)
        self._max_early = round(_MAX_EARLY_S / beat)
        self._skew = -round(self._clip.origin_s / beat)
        self._reached = round(self._clip.begun_s / beat)

    def _has_leapt(self, stored: int, *, is_dts: bool) -> bool:
        assert self._skew is not None
        leap_s = (stored + self._skew - self._reached) * self._beat_s
        if leap_s > self._clip.max_leap_s or leap_s < -self._clip.max_leap_s:
            return True
        # At its very beginning a track may go back to where the clip begins.
        if self._last_dts is None:
            return False
        most_s = _MAX_RETREAT_S if is_dts else _MAX_PTS_RETREAT_S
        return leap_s > self._max_ahead_s or leap_s < -most_s

    def _skew_after(self, stored: int, step: int) -> int:
        """What to add from here on: what another track adds, or so much that this one goes on."""
        beat = self._beat
        shared = round(self._clip.skew_s / beat)
        if shared != self._skew and abs(stored + shared - self._reached) * beat < _TOGETHER_S:
            return shared
        skew = self._reached + max(step, 1) - stored
        self._clip.skew_s = float(skew * beat)
        return skew

    def _place(self, packet: Packet[Any], reached: int) -> bool:
        assert self._skew is not None
        pts = reached if packet.pts is None else packet.pts + self._skew
        if abs(pts - reached) > self._max_reorder:
            pts = reached
        dts = None if packet.dts is None and packet.pts is not None else reached
        if pts < 0:
            return False
        if dts is not None:
            if self._early < dts - pts <= self._max_early:  # written as if nothing were reordered
                self._early = dts - pts
            dts -= self._early
            if self._last_dts is not None and dts <= self._last_dts:
                dts = self._last_dts + 1
                if (dts - pts) * self._beat_s > _MAX_RETREAT_S:
                    self._clip.is_disordered = True
            pts = max(pts, dts)
            self._last_dts = dts
        packet.pts, packet.dts = pts, dts
        return True
