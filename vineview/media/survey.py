"""Surveys: what a clip's packets say that its header does not.

How long it really is, and what keeps a track from going to the browser as it is. Headers of MP4 are
taken at their word, if they list every packet; what others say may be missing, estimated, or about
other tracks, so small clips and doubtful ones have their packets counted, through the same reader
that will send them, up to 8 MiB.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from vineview.media.codecs import IN_MP4
from vineview.media.packets import (
    ESTIMATED,
    RAW,
    PacketReader,
    nominal_origin_s,
    start_of,
)
from vineview.media.timing import BROADCAST
from vineview.media.tracks import Tracks, codec_name, is_encrypted, tick

__all__ = ["Survey", "header_survey", "is_doubtful", "survey"]

_SMALL_BYTES = 3 * 2**20
_MAX_BYTES = 2**23
_DOUBTFUL = BROADCAST | ESTIMATED | RAW | {"asf", "avi", "ogg", "rm"}
_LATE_S = 0.5
_GAP_S = 0.75
_PREROLL_S = 0.1
_MAX_LOOKED_AT = 5000
_MICROSECONDS = 1e6
_NEW = "new_extradata"
_ADTS = 0xFFF0
_SYNC_SAFE = 0xFFF6


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        duration_s: How long picture and sound last; ``None`` if nothing says.
        obstacles: By stream index, why a track's packets cannot go as they are.
        is_counted: Whether the packets said how long it is: then that is what is there.
        is_empty: Whether there is none at all.
        locked_s: From when on it is under DRM; ``None`` where it is not.
        may_stand: Whether its last packet can be made to last: a picture that is shown before
            another cannot.
    """

    duration_s: float | None = None
    obstacles: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    is_counted: bool = False
    is_empty: bool = False
    locked_s: float | None = None
    may_stand: bool = True


def is_doubtful(container: InputContainer) -> bool:
    """Whether a clip's packets should be counted."""
    names = container.format.name.split(",")
    is_small = 0 < container.size <= _SMALL_BYTES
    if "mp4" in names:
        media = (*container.streams.video, *container.streams.audio)
        is_header_alone = not any(len(track.index_entries) for track in media)
        is_fragmented = not any(track.frames for track in media)
        return is_header_alone or (is_small and (is_fragmented or not container.duration))
    others = any(track.type not in {"video", "audio"} for track in container.streams)
    is_late = abs(container.start_time or 0) > _LATE_S * _MICROSECONDS
    return (
        not container.duration or is_late or others or is_small or not _DOUBTFUL.isdisjoint(names)
    )


def header_survey(container: InputContainer, tracks: Tracks) -> Survey:
    """What the header alone says; no packet is read."""
    both = tracks.chosen
    obstacles = {}
    for track in both:
        if (reason := _header_obstacle(track)) or (reason := _trimmed(track, tracks)):
            obstacles[track.index] = reason
    video, audio = tracks.video, tracks.audio
    if video is not None and audio is not None and "mp4" in container.format.name:
        late_s = start_of(audio) - max(start_of(video), 0.0)
        if late_s > _LATE_S:
            obstacles.setdefault(audio.index, f"its sound begins {late_s:.1f} s late")
    return Survey(_header_duration_s(container, both), obstacles)


def survey(container: InputContainer, tracks: Tracks) -> Survey:
    """Count the packets of the tracks that would be sent; the container is used up."""
    both = tracks.chosen
    header = header_survey(container, tracks)
    spans = {track.index: _Span(track) for track in both}
    reader = PacketReader(container, both)
    read_bytes = 0
    is_locked = False
    for packet in reader.read(0.0):
        if is_locked := is_encrypted(packet):
            if spans[packet.stream_index].begin_s is None:
                return Survey(header.duration_s, header.obstacles, locked_s=0.0)
            break
        spans[packet.stream_index].add(packet, late=reader.late(packet.stream_index))
        read_bytes += packet.size
        if read_bytes > _MAX_BYTES:
            break
    obstacles = {
        index: reason for index, span in spans.items() if (reason := span.obstacle())
    } | dict(header.obstacles)
    lead = spans[both[0].index]
    if read_bytes == 0:
        obstacles = {both[0].index: "it has no keyframe", **obstacles}
        return Survey(
            reader.passed_s or header.duration_s,
            obstacles,
            is_counted=True,
            is_empty=reader.is_empty,
        )
    sound = spans[both[-1].index]
    if sound is not lead and sound.begin_s is not None:
        late_s = sound.begin_s - (lead.begin_s or 0.0)
        if late_s > _LATE_S:
            obstacles.setdefault(both[-1].index, f"its sound begins {late_s:.1f} s late")
    if read_bytes > _MAX_BYTES:
        return Survey(header.duration_s, obstacles)
    end_s = max(span.end_s for span in spans.values())
    last_s = max(span.last_s for span in spans.values())
    may_go = "matroska" in container.format.name and codec_name(both[0]) in IN_MP4
    is_guessed = may_go and reader.clock.is_disordered
    if is_guessed:  # Matroska stores when to show a picture only, so FFmpeg guesses
        obstacles[both[0].index] = "its pictures are too far apart to tell their order"
    stated_s = None if container.format.name in ESTIMATED else header.duration_s
    if stated_s and (is_guessed or last_s < stated_s < end_s):
        end_s = stated_s  # the header knows best how long the last packet lasts
    return Survey(
        end_s,
        obstacles,
        is_counted=True,
        locked_s=end_s if is_locked else None,
        may_stand=sound is not lead or lead.ends_in_order,
    )


class _Span:
    """One track's packets, as they pass."""

    def __init__(self, track: Stream) -> None:
        self._track = track
        self._tick = float(tick(track))
        self._is_sound = isinstance(track, AudioStream)
        self._is_aac = codec_name(track) == "aac"  # FLAC's packets begin much as its do
        self._is_undescribed = self._is_aac and not track.codec_context.extradata
        self._adts: int | None = None
        self._reason = ""
        self._shown_ticks: tuple[int, int] | None = None
        self._overrun_s = 0.0
        self.begin_s: float | None = None
        self.last_s = 0.0
        self.end_s = 0.0
        self.ends_in_order = True

    def add(self, packet: Packet[Any], *, late: int) -> None:
        at = packet.pts if packet.pts is not None else packet.dts
        at_s = max((at or 0) - late, 0) * self._tick
        if self.begin_s is None:
            self.begin_s = self.last_s = at_s
        elif self._is_sound and at_s - self.end_s > _GAP_S:
            self._reason = self._reason or f"its sound has a gap at {self.end_s:.1f} s"
        lasts_s = (packet.duration or 0) * self._tick
        if not lasts_s and self._is_sound:  # ASF does not say: as long as the one before
            lasts_s = max(at_s - self.last_s, 0.0)
        self.ends_in_order = at_s + lasts_s >= self.end_s
        self.end_s, self.last_s = max(self.end_s, at_s + lasts_s), at_s
        if self._is_aac:
            self._look_at(packet)
        elif not self._is_sound and packet.pts is not None and packet.dts is not None:
            if self._shown_ticks is not None:  # the last lasts until this one, as it is sent
                pts, dts = self._shown_ticks
                self._overrun_s = max(self._overrun_s, (pts + packet.dts - dts - late) * self._tick)
            self._shown_ticks = packet.pts, packet.dts

    def _look_at(self, packet: Packet[Any]) -> None:
        """AAC of broadcasts says in each packet what it is; others say so where it changes."""
        described = [bytes(one) for one in packet.iter_sidedata() if one.data_type == _NEW]
        if described and described[-1] != self._track.codec_context.extradata:
            self._reason = self._reason or "its sampling changes midway"
        head = bytes(memoryview(packet)[:4])
        if int.from_bytes(head[:2], "big") & _SYNC_SAFE != _ADTS or len(head) < 4:  # noqa: PLR2004
            if self._is_undescribed and self._adts is None:
                self._reason = "its header does not describe it"
            return
        kind = head[2] & 0xFD, head[3] & 0xC0
        configuration = kind[0] << 8 | kind[1]
        if self._adts is None:
            self._adts = configuration
            if not kind[0] & 1 and not kind[1]:
                self._reason = "its channels are described in its packets"
        elif configuration != self._adts:
            self._reason = self._reason or "its sampling changes midway"

    def obstacle(self) -> str:
        """Why not; a picture stored before a hole but shown behind it would outlast the clip."""
        if self._overrun_s - self.end_s > _LATE_S:
            return "its pictures stop for a while, out of order"
        return self._reason


def _header_obstacle(track: Stream) -> str:
    """AAC whose channels are described by an element of its own, which browsers refuse."""
    if not isinstance(track, AudioStream) or codec_name(track) != "aac":
        return ""
    extradata = track.codec_context.extradata
    if not extradata or len(extradata) < 2:  # noqa: PLR2004 - a configuration has two bytes
        return ""
    bits = int.from_bytes(extradata[:2], "big")
    is_escaped = bits >> 11 == 31 or bits >> 7 & 15 == 15  # noqa: PLR2004 - longer forms
    if not is_escaped and not bits >> 3 & 15:
        return f"browsers do not play its arrangement of {track.channels} channels"
    return ""


def _trimmed(track: Stream, tracks: Tracks) -> str:
    """A picture that an edit list cuts between keyframes: what precedes must not be seen."""
    if track is not tracks.video:
        return ""
    index: Any = track.index_entries
    hidden_from: int | None = None  # where what is decoded unseen begins
    for number, entry in enumerate(itertools.islice(index, _MAX_LOOKED_AT)):
        if entry.is_discard:
            if entry.is_keyframe or not number:
                hidden_from = entry.timestamp
            continue
        if hidden_from is not None and not entry.is_keyframe:
            hidden_s = float((entry.timestamp - hidden_from) * tick(track))
            if hidden_s > _PREROLL_S:
                return f"{hidden_s:.1f} s of it are cut off between keyframes"
        hidden_from = None
    return ""


def _header_duration_s(container: InputContainer, both: list[Stream]) -> float | None:
    duration_us = container.duration
    header_s = duration_us / _MICROSECONDS if duration_us and duration_us > 0 else None
    if "mp4" not in container.format.name:
        return header_s
    ends = [_header_end_s(track) for track in both]
    if any(not track.duration for track in both):
        return header_s
    return max(max(ends) - nominal_origin_s(both), 0.0) or header_s


def _header_end_s(track: Stream) -> float:
    """When a track of MP4 ends; of fragments, FFmpeg gives their end as their duration."""
    end_s = float((track.duration or 0) * tick(track))
    index: Any = track.index_entries
    is_end = len(index) and end_s > float(index[len(index) - 1].timestamp * tick(track))
    return end_s if is_end else start_of(track) + end_s
