"""Packets: a clip's own, from a keyframe on, their times counted from the clip's beginning.

The beginning is where its first packet is shown or heard; an encoder's run-up before the picture
is dropped. A picture that begins later, or whose first keyframe does, stands from the start.
Packets of size 0 are left out, not those without a ``dts``: many containers store none.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from vineview.media.foreign import foreign_to
from vineview.media.timing import BROADCAST, ClipClock, TrackClock
from vineview.media.tracks import tick

__all__ = [
    "ESTIMATED",
    "PacketReader",
    "demuxed",
    "nominal_origin_s",
    "seek",
    "start_of",
]

_MAX_ERRORS = 50
_MAX_EARLY_PACKETS = 2000
_MAX_REORDERED = 32  # H.264 and HEVC put off a picture by 16 at most
_RUN_UP_S = 0.1
_MAX_STILL_S = 10.0
_MAX_TICKS = 2**62
_BACK_OFF_S = (0.0, 0.5, 1.5, 4.0, 15.0, 60.0, float("inf"))
_DECODED_BEFORE_S = 10.0

RAW = frozenset({"h264", "hevc", "m4v", "mjpeg", "mpegvideo", "obu"})
"""Pictures without a container: there is no time in them, so nothing can be sought."""

ESTIMATED = frozenset({"aac", "ac3", "amr", "dts", "eac3", "loas", "mp3", "mpeg", "mpegts"})
"""Containers that say nothing of their length, so that FFmpeg estimates it by their size."""


class PacketReader:
    """Reads the packets of some tracks.

    Args:
        container: The open clip.
        tracks: Which tracks, the leading one (whose keyframes count) first.
        origin_s: The moment of the clip's own clock that is zero here, if an earlier reader of the
            same clip found it.
        unmended: The indices of tracks whose times stay as they are, because they are decoded.
    """

    def __init__(
        self,
        container: InputContainer,
        tracks: list[Stream],
        *,
        origin_s: float | None = None,
        unmended: frozenset[int] = frozenset(),
    ) -> None:
        self._container = container
        self._tracks = tracks
        self.origin_s = nominal_origin_s(tracks) if origin_s is None else origin_s
        """The moment of the clip's own clock that is zero here."""
        self._begun_s = self.origin_s
        self.passed_s = 0.0
        """How long what was passed over lasts, on the way to the first keyframe."""
        self.is_empty = True
        """Whether no packet of the tracks came, keyframe or not."""
        self._unmended = unmended
        self.clock = ClipClock(origin_s=self.origin_s, begun_s=0.0)
        """What the tracks' clocks share, once reading has begun."""
        self._clocks: dict[int, TrackClock] = {}

    def read(self, start_s: float) -> Iterator[Packet[Any]]:
        """Every whole packet from the keyframe at or before ``start_s`` on."""
        clocks, lead, has_begun = self._clocks, self._tracks[0], False
        clocks.clear()
        for packet in self._from_keyframe(start_s):
            if not clocks:
                self.clock = ClipClock(
                    origin_s=self.origin_s,
                    begun_s=self._begun_s - self.origin_s,
                    container=self._container.format.name,
                )
                clocks |= {track.index: TrackClock(self.clock) for track in self._tracks}
            index = packet.stream_index
            if index not in self._unmended and not clocks[index].settle(packet):
                continue
            if not has_begun and index == lead.index:
                has_begun = True
                _stand(packet, max(start_s, 0.0))
            yield packet

    def late(self, index: int) -> int:
        """Ticks by which a track's last packet was put off: some last less than one."""
        return self._clocks[index].late

    def _from_keyframe(self, start_s: float) -> Iterator[Packet[Any]]:
        """Seek, then find the keyframe; some containers land behind it, so look further back."""
        if start_s <= 0 or self._container.format.name in RAW:
            yield from self._from_beginning()
            return
        lead = self._tracks[0]
        for back_s in _BACK_OFF_S:
            place_s = max(start_s - back_s, 0.0)
            is_late = place_s + self.origin_s < start_of(lead)
            anchor = min(self._tracks, key=start_of) if is_late else lead
            try:
                seek(self._container, place_s, origin_s=self.origin_s, by=anchor)
            except av.FFmpegError:  # without an index: what was asked for lies behind the beginning
                if not self._rewound():
                    return
            keyframe, early, packets = self._first_keyframe()
            if keyframe is None:
                continue
            self._begun_s = _time_s(keyframe)
            if self._begun_s - self.origin_s <= start_s or back_s >= start_s:
                sound_from_s = min(self._begun_s, start_s + self.origin_s)
                for packet in itertools.chain(early, [keyframe], packets):
                    if packet.stream_index == lead.index or _end_s(packet) > sound_from_s:
                        yield packet
                return

    def _rewound(self) -> bool:
        """Whether the clip could be taken back to its first byte."""
        try:
            self._container.seek(0, any_frame=True)
        except av.FFmpegError:
            return False
        return True

    def _from_beginning(self) -> Iterator[Packet[Any]]:
        keyframe, early, packets = self._first_keyframe()
        if keyframe is None:
            return
        is_timed = keyframe.pts is not None or keyframe.dts is not None
        self._begun_s = _time_s(keyframe) if is_timed else self.origin_s
        ahead_s = self._begun_s - self.origin_s
        if ahead_s < _RUN_UP_S or (ahead_s > _MAX_STILL_S and len(self._tracks) == 1):
            self.origin_s = self._begun_s  # the header was off, or hid what precedes it
        yield from itertools.chain(early, [keyframe], packets)

    def _first_keyframe(
        self,
    ) -> tuple[Packet[Any] | None, list[Packet[Any]], Iterator[Packet[Any]]]:
        """The leading track's next keyframe, the other packets before it, and those after."""
        lead = self._tracks[0].index
        packets = demuxed(self._container, self._tracks)
        if lead not in self._unmended and "mp4" in self._container.format.name:
            packets = _needed(packets, lead)
        early: deque[Packet[Any]] = deque(maxlen=_MAX_EARLY_PACKETS)
        for packet in packets:
            self.is_empty = False
            self.passed_s = max(self.passed_s, _end_s(packet) - self.origin_s)
            if packet.stream_index != lead:
                early.append(packet)
            elif packet.is_keyframe and not _is_run_up(packet):
                return packet, list(early), packets
        return None, [], packets


def demuxed(
    container: InputContainer, tracks: list[Stream], *, mended: Stream | None = None
) -> Iterator[Packet[Any]]:
    """Packets as they are stored; damaged stretches are passed over, up to a limit.

    Args:
        container: The open clip.
        tracks: Which tracks.
        mended: One whose damaged packets are wanted too: a decoder makes the best of them.
    """
    kept = None if mended is None else mended.index
    may_change = container.format.name == "mpegts"
    foreign = {track.index: foreign_to(track) if may_change else None for track in tracks}
    for _ in range(_MAX_ERRORS):
        try:
            for packet in container.demux(tracks):
                if not packet.size or (packet.is_corrupt and packet.stream_index != kept):
                    continue
                is_foreign = foreign.get(packet.stream_index)
                if is_foreign is None or not is_foreign(packet):
                    yield packet
        except (av.InvalidDataError, av.PatchWelcomeError, av.ArgumentError):
            continue
        except IndexError:
            return  # PyAV's flush at the end trips over tracks that appeared only while reading
        return


def _needed(packets: Iterator[Packet[Any]], lead: int) -> Iterator[Packet[Any]]:
    """Packets without the pictures behind a cut of an edit list from which none is decoded."""
    hidden: deque[Packet[Any]] = deque(maxlen=_MAX_REORDERED)
    for packet in packets:
        if packet.stream_index == lead:
            if packet.is_discard:
                if packet.is_keyframe:
                    hidden.clear()
                hidden.append(packet)
                continue
            if hidden:
                if not packet.is_keyframe:
                    yield from hidden
                hidden.clear()
        yield packet


def seek(container: InputContainer, place_s: float, *, origin_s: float, by: Stream) -> None:
    """Take a clip to the keyframe at or before a place, or near it.

    Of containers without an index, FFmpeg compares when packets are decoded. What is shown first is
    decoded before that, so for the beginning itself broadcasts are taken to their first byte, and
    of others something earlier is asked for.

    Args:
        container: The clip.
        place_s: Where to, in seconds from its beginning.
        origin_s: The moment of the clip's own clock that is its beginning.
        by: The track whose keyframes count.

    Raises:
        av.FFmpegError: It cannot be taken there.
    """
    name = container.format.name
    if place_s <= 0 and name in BROADCAST:
        container.seek(0, unsupported_byte_offset=True)
        return
    is_early = place_s <= 0 and name == "avi"  # its index may be lost
    wanted_s = max(origin_s - _DECODED_BEFORE_S, 0.0) if is_early else max(place_s, 0.0) + origin_s
    container.seek(min(int(wanted_s / tick(by)), _MAX_TICKS), stream=by, backward=True)


def nominal_origin_s(tracks: list[Stream]) -> float:
    """Where the header says that a clip begins, on its own clock, in seconds.

    Args:
        tracks: Those of it that are played, the leading one first.
    """
    starts = [start_of(track) for track in tracks]
    return min(starts) if starts[0] - min(starts) > _RUN_UP_S else starts[0]


def start_of(track: Stream) -> float:
    """When a track begins by its header, on the clip's own clock, in seconds."""
    return float((track.start_time or 0) * tick(track))


def _stand(packet: Packet[Any], start_s: float) -> None:
    """Let the first picture be shown from the start on, if it comes later."""
    start = round(start_s / tick(packet.stream))
    if packet.pts is None or packet.pts <= start or packet.stream.type != "video":
        return
    decoded = packet.pts if packet.dts is None else packet.dts
    packet.duration = max(decoded - start, 0) + (packet.duration or 0)
    packet.pts = packet.dts = start


def _is_run_up(packet: Packet[Any]) -> bool:
    """Whether it is an encoder's lead into a sound, which is not to be heard."""
    return packet.is_discard and packet.stream.type == "audio"


def _time_s(packet: Packet[Any]) -> float:
    time = packet.pts if packet.pts is not None else packet.dts
    return float((time or 0) * tick(packet.stream))


def _end_s(packet: Packet[Any]) -> float:
    return _time_s(packet) + float((packet.duration or 0) * tick(packet.stream))
