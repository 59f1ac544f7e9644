"""Remuxing: a clip's own packets as fragmented MP4, nothing re-encoded.

FFmpeg's muxer writes a fragment at each keyframe and at least every 200 ms; fragments are joined
to segments here. The first segment is one fragment, so that a picture needs few bytes; later ones
last about a second or 1 MiB. A segment begins with a keyframe where the clip has one, but is not
held back for it: a clip with a keyframe every ten seconds would otherwise start ten times later,
and ``MediaSource`` joins fragments in sequence without one. Every *stream* of segments, and so
every seek, does begin with a keyframe.

Presentation times are the clip's own, counted from its beginning, whichever moment a stream of
segments starts at (negative composition offsets keep B-frames from shifting them).
"""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from vineview.errors import MediaError
from vineview.media.boxes import runs, timescales
from vineview.media.codecs import AUDIO_TAKEN, VIDEO_TAKEN, VIDEO_UNDECIDED, label
from vineview.media.opening import (
    Source,
    choose_tracks,
    codec_name,
    is_encrypted,
    open_clip,
    source_name,
)

__all__ = ["Remuxer", "Segment", "StreamEnd"]

_FRAGMENT_US = 200_000
_SEGMENT_S = 1.0
_MIN_SEGMENT_S = 0.5
_SEGMENT_BYTES = 2**20
_MAX_ERRORS = 50
_MAX_EARLY_PACKETS = 2000
_BOX_HEADER_BYTES = 8
_WRITE_BYTES = 2**18
_NEED_CONFIGURATION = frozenset({"aac", "av1", "h264", "hevc"})
_AUDIO_LEAD_S = 0.5
_SHORTFALL_S = 1.0
_SHORTFALL_RATIO = 0.05
_MICROSECOND = Fraction(1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of whole fragments, ready to be appended to a ``SourceBuffer``.

    Attributes:
        data: ``moof`` and ``mdat`` boxes.
        start_s: When its first picture (or sound) is shown, from the clip's beginning.
        duration_s: How long it lasts.
        index: 0 for the first of its stream, then counting.
        keyframe: Whether it can be decoded without an earlier segment.
    """

    data: bytes
    start_s: float
    duration_s: float
    index: int
    keyframe: bool

    @property
    def end_s(self) -> float:
        """When the next segment begins."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream of segments ended.

    Attributes:
        reached_s: The last moment there was anything for.
        expected_s: How long the clip's header says it is; ``None`` if it does not say.
        is_complete: Whether the one is as good as the other.
        reason: What is missing, in words; empty when nothing is.
    """

    reached_s: float
    expected_s: float | None
    is_complete: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Fragment:
    data: bytes
    start_s: float
    end_s: float
    keyframe: bool
    has_video: bool


class Remuxer:
    """A clip as an init segment and media segments.

    Args:
        source: A path, an open binary file, or a function that opens one; only with the last may
            several streams of segments be read at the same time.

    Example:
        >>> remuxer = Remuxer("data/feed/clips/bigbuckbunny.mp4")
        >>> first = next(remuxer.segments())
        >>> first.keyframe, first.duration_s < 0.5, remuxer.init_segment[4:8]
        (True, True, b'ftyp')
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._name = source_name(source)
        self._init = b""
        self._origin_s: float | None = None
        self.end: StreamEnd | None = None
        """How the last stream that ran to its end did so."""

    @property
    def init_segment(self) -> bytes:
        """What the browser needs before any media segment; read with the first one.

        Raises:
            MediaError: As :meth:`segments`.
        """
        if not self._init:
            with contextlib.closing(self.segments()) as segments:
                next(segments, None)
        return self._init

    def segments(self, start_s: float = 0.0) -> Generator[Segment, None, None]:
        """Remux from the keyframe at or before ``start_s``, lazily.

        Args:
            start_s: Where to begin, in seconds from the clip's beginning.

        Yields:
            Segments in order. Closing the generator closes the clip.

        Raises:
            MediaError: The clip cannot be read (see :func:`~vineview.media.opening.open_clip`), has
                neither picture nor sound (``no-media``), holds none that can be played
                (``no-packets``), or its codec goes into no MP4 a browser takes (``refused-codec``).
        """
        with open_clip(self._source) as container:
            tracks = playable_tracks(container, name=self._name)
            has_video = any(track.type == "video" for track in tracks)
            reached_s = -1.0
            fragments = self._fragments(container, tracks, start_s)
            for segment in _joined(fragments, has_video=has_video):
                reached_s = max(reached_s, segment.end_s)
                yield segment
            if reached_s < 0 and start_s <= 0:
                raise MediaError(
                    f"{self._name} holds no picture or sound that can be played",
                    source=self._name,
                    reason="no-packets",
                    hint="It may be cut off right after its header; upload it again.",
                )
            self.end = _ending(reached_s, container.duration)

    def _fragments(
        self, container: InputContainer, tracks: list[Stream], start_s: float
    ) -> Iterator[_Fragment]:
        """Feed packets to the muxer and hand out the fragments it writes."""
        cutter = _Cutter()
        output = _open_output(cutter, tracks)
        try:
            targets = {
                track.index: output.add_stream_from_template(track, opaque=True) for track in tracks
            }
            clocks = {track.index: _TrackClock() for track in tracks}
            filters = {track.index: _filter(track) for track in tracks}
            for packet in self._packets(container, tracks, start_s):
                index = packet.stream_index
                if not clocks[index].settle(packet):
                    continue
                for one in filters[index](packet):
                    one.stream = targets[index]
                    output.mux_one(one)
                yield from self._taken(cutter)
            output.close()
            yield from self._taken(cutter)
        finally:
            with contextlib.suppress(
                av.FFmpegError
            ):  # abandoned: what it would still write is moot
                output.close()

    def _taken(self, cutter: _Cutter) -> Iterator[_Fragment]:
        yield from cutter.take()
        self._init = self._init or cutter.init

    def _packets(
        self, container: InputContainer, tracks: list[Stream], start_s: float
    ) -> Iterator[Packet[Any]]:
        """Packets from a keyframe on, their times counted from the clip's beginning."""
        lead = tracks[0]
        if start_s > 0:
            offset = int((start_s + self._origin(tracks)) / _tick(lead))
            container.seek(offset, stream=lead, backward=True)
        packets = _demuxed(container, tracks)
        early: deque[Packet[Any]] = deque(maxlen=_MAX_EARLY_PACKETS)
        for packet in packets:
            if packet.stream_index == lead.index and packet.is_keyframe:
                break
            if packet.stream_index != lead.index:
                early.append(packet)
        else:
            return
        begun_s = _time_s(packet)
        if start_s <= 0:
            if begun_s - self._origin(tracks) < _AUDIO_LEAD_S:
                self._origin_s = begun_s
            early_enough = iter(early)
        else:
            early_enough = (one for one in early if _time_s(one) + _duration_s(one) > begun_s)
        for one in itertools.chain(early_enough, [packet], packets):
            yield _moved(one, -self._origin(tracks))

    def _origin(self, tracks: list[Stream]) -> float:
        """The moment of the source's clock that is zero on ours.

        It is where the picture begins, unless the sound begins much earlier.
        """
        if self._origin_s is None:
            starts = [float((track.start_time or 0) * _tick(track)) for track in tracks]
            is_late = starts[0] - min(starts) > _AUDIO_LEAD_S
            self._origin_s = min(starts) if is_late else starts[0]
        return self._origin_s


def playable_tracks(container: InputContainer, *, name: str) -> list[Stream]:
    """The tracks that go to the browser, the leading one first.

    Sound a browser does not take from MP4 is left out; a picture it does not take ends it.

    Raises:
        MediaError: ``no-media``, ``encrypted`` or ``refused-codec``.
    """
    video, audio = choose_tracks(container)
    if video is None and audio is None:
        raise MediaError(f"{name} holds neither picture nor sound", source=name, reason="no-media")
    for track in (video, audio):
        if track is not None and is_encrypted(track):
            raise MediaError(
                f"{name} is encrypted",
                source=name,
                reason="encrypted",
                hint="Publish it without DRM.",
            )
    if video is not None and codec_name(video) not in VIDEO_TAKEN | VIDEO_UNDECIDED:
        raise refused(video, name=name)
    has_sound = audio is not None and codec_name(audio) in AUDIO_TAKEN
    if video is None and not has_sound:
        assert audio is not None
        raise refused(audio, name=name)
    return [track for track in (video, audio if has_sound else None) if track is not None]


def refused(track: Stream, *, name: str) -> MediaError:
    """The error for a codec no browser takes."""
    how = "-c:v libx264 -c:a aac" if track.type == "video" else "-c:a aac"
    return MediaError(
        f"{name}: browsers do not play {label(codec_name(track))}",
        source=name,
        reason="refused-codec",
        hint=f"Re-encode it, for example: ffmpeg -i IN {how} -movflags +faststart OUT.mp4",
    )


class _Cutter:
    """The file the muxer writes to: keeps what is not yet a whole fragment, nothing else."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._init = bytearray()
        self._moof = b""
        self._scales: dict[int, tuple[str, int]] = {}
        self.init = b""

    def write(self, data: bytes) -> int:
        """Take bytes from the muxer."""
        self._buffer += data
        return len(data)

    def take(self) -> Iterator[_Fragment]:
        """Hand out the fragments that are whole by now."""
        while len(self._buffer) >= _BOX_HEADER_BYTES:
            size = int.from_bytes(self._buffer[:4], "big")
            kind = bytes(self._buffer[4:8])
            if size < _BOX_HEADER_BYTES or len(self._buffer) < size:
                return
            box = bytes(memoryview(self._buffer)[:size])
            del self._buffer[:size]
            if kind == b"moof":
                if not self.init:
                    self.init = bytes(self._init)
                    self._scales = timescales(self.init)
                self._moof = box
            elif kind == b"mdat" and self._moof:
                yield self._fragment(box)
            elif not self.init:
                self._init += box

    def _fragment(self, mdat: bytes) -> _Fragment:
        found = []
        for run in runs(self._moof):
            handler, scale = self._scales[run.track_id]
            found.append((handler != "vide", run.begin / scale, run.end / scale, run.is_sync))
        found.sort()  # the picture's run first
        is_sound, start_s, end_s, is_sync = found[0]
        return _Fragment(self._moof + mdat, start_s, end_s, is_sync, not is_sound)


class _TrackClock:
    """One track's times, made good enough for a muxer: present and increasing."""

    def __init__(self) -> None:
        self._last: int | None = None

    def settle(self, packet: Packet[Any]) -> bool:
        """Mend a packet's times in place; false if it lies before the clip's beginning."""
        pts, dts = packet.pts, packet.dts
        if pts is None and dts is None:
            pts = dts = 0 if self._last is None else self._last + max(packet.duration or 1, 1)
        elif pts is None:
            pts = dts
        assert pts is not None
        if pts < 0:
            return False
        if dts is not None:
            if self._last is not None and dts <= self._last:
                dts = self._last + 1
                pts = max(pts, dts)
            self._last = dts
        packet.pts, packet.dts = pts, dts
        return True


def _filter(track: Stream) -> Callable[[Packet[Any]], list[Packet[Any]]]:
    """What a track's packets must pass: AAC from a broadcast stream loses its ADTS headers."""
    if codec_name(track) == "aac" and not track.codec_context.extradata:
        return BitStreamFilterContext("aac_adtstoasc", track).filter
    return lambda packet: [packet]


def _open_output(cutter: _Cutter, tracks: list[Stream]) -> OutputContainer:
    """A fragmented-MP4 muxer that writes to ``cutter``.

    The header waits for the first fragment (``delay_moov``) only where FFmpeg must first see
    packets to know the codec's configuration, as with AAC from a transport stream.
    """
    flags = "empty_moov+default_base_moof+frag_keyframe+frag_discont+negative_cts_offsets"
    flags += "+skip_trailer"
    if any(
        codec_name(track) in _NEED_CONFIGURATION and not track.codec_context.extradata
        for track in tracks
    ):
        flags += "+delay_moov"
    return av.open(
        cutter,
        "w",
        format="mp4",
        container_options={
            "movflags": flags,
            "frag_duration": str(_FRAGMENT_US),
            "frag_size": str(_SEGMENT_BYTES),
            "use_editlist": "0",
            "avoid_negative_ts": "disabled",
            "max_interleave_delta": str(2 * _FRAGMENT_US),
            "strict": "experimental",
            "fflags": "+bitexact",
        },
        buffer_size=_WRITE_BYTES,
    )


def _joined(fragments: Iterator[_Fragment], *, has_video: bool) -> Iterator[Segment]:
    """Join fragments to segments: the first as soon as there is a picture, then about 1 s each."""
    held: list[_Fragment] = []
    index = 0
    for fragment in fragments:
        if held and index and fragment.keyframe and _length_s(held) >= _MIN_SEGMENT_S:
            yield _segment(held, index, has_video=has_video)
            held, index = [], index + 1
        held.append(fragment)
        size = sum(len(one.data) for one in held)
        if (
            (index == 0 and (fragment.has_video or not has_video))
            or (index and _length_s(held) >= _SEGMENT_S)
            or size >= _SEGMENT_BYTES
        ):
            yield _segment(held, index, has_video=has_video)
            held, index = [], index + 1
    if held:
        yield _segment(held, index, has_video=has_video)


def _segment(fragments: list[_Fragment], index: int, *, has_video: bool) -> Segment:
    pictures = [one for one in fragments if one.has_video] or fragments
    start_s = min(one.start_s for one in pictures)
    return Segment(
        data=b"".join(one.data for one in fragments),
        start_s=start_s,
        duration_s=max(one.end_s for one in pictures) - start_s,
        index=index,
        keyframe=pictures[0].keyframe and (pictures[0].has_video or not has_video),
    )


def _length_s(fragments: list[_Fragment]) -> float:
    return fragments[-1].end_s - fragments[0].start_s


def _demuxed(container: InputContainer, tracks: list[Stream]) -> Iterator[Packet[Any]]:
    """Every whole packet of these tracks; damaged stretches are passed over, up to a limit."""
    for _ in range(_MAX_ERRORS):
        try:
            for packet in container.demux(tracks):
                if packet.size and not packet.is_corrupt:
                    yield packet
        except av.InvalidDataError:
            continue
        return


def _ending(reached_s: float, duration_us: int | None) -> StreamEnd:
    expected_s = None if not duration_us or duration_us < 0 else duration_us / 1_000_000
    reached_s = max(reached_s, 0.0)
    if expected_s is None:
        return StreamEnd(reached_s, None, is_complete=True)
    missing_s = expected_s - reached_s
    if missing_s <= max(_SHORTFALL_S, _SHORTFALL_RATIO * expected_s):
        return StreamEnd(reached_s, expected_s, is_complete=True)
    return StreamEnd(
        reached_s,
        expected_s,
        is_complete=False,
        reason=f"cut off: {reached_s:.1f} s of {expected_s:.1f} s are there",
    )


def _tick(track: Stream) -> Fraction:
    """A track's time base; PyAV gives ``None`` or 0/1 where there is none."""
    return track.time_base or _MICROSECOND


def _time_s(packet: Packet[Any]) -> float:
    time = packet.pts if packet.pts is not None else packet.dts
    return float((time or 0) * _tick(packet.stream))


def _duration_s(packet: Packet[Any]) -> float:
    return float((packet.duration or 0) * _tick(packet.stream))


def _moved(packet: Packet[Any], by_s: float) -> Packet[Any]:
    """Move a packet in time."""
    ticks = round(by_s / _tick(packet.stream))
    if ticks:
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
    return packet
