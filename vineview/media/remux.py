"""Remuxing: a clip's own packets as fragmented MP4, nothing re-encoded.

FFmpeg's muxer writes a fragment at each keyframe and at least every 200 ms; ``fragments`` joins
them to segments. Every stream of segments, and so every seek, begins with a keyframe. Presentation
times are the clip's own, counted from its beginning, wherever a stream starts: composition offsets
may be negative, so that B-frames shift nothing. Packets pass one by one and the muxer holds one
fragment, so memory does not grow with the clip.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vineview.errors import MediaError
from vineview.media.codec_strings import is_hevc_header_complete
from vineview.media.codecs import Plan
from vineview.media.ending import ending, lasting
from vineview.media.fragments import Cutter, Fragment, Segment, joined
from vineview.media.making import SegmentMaker
from vineview.media.opening import Source
from vineview.media.packets import PacketReader
from vineview.media.parameter_sets import ParameterSets
from vineview.media.tracks import choose_tracks, codec_name

__all__ = [
    "Remuxer",
    "Segment",
    "copied_to",
    "header_of",
    "open_output",
    "track_filter",
]

_FRAGMENT_US = 200_000
_FRAGMENT_BYTES = 2**20
_WRITE_BYTES = 2**18
_NEED_CONFIGURATION = frozenset({"aac", "av1", "h264", "hevc"})
_MAX_ERRORS = 50
_FLAGS = (
    "empty_moov",
    "default_base_moof",
    "frag_keyframe",
    "frag_discont",  # times are the clip's, not counted from the first fragment
    "negative_cts_offsets",
    "skip_trailer",
)


class Remuxer(SegmentMaker):
    """A clip as an init segment and media segments.

    Args:
        source: A path, an open binary file, or a function that opens one; only with a path or a
            function may several streams of segments be read at the same time.
        name: What to call the clip in messages; its path unless told.
        plan: Which tracks go as they are; without one, all that fit into MP4.

    Example:
        >>> remuxer = Remuxer("data/feed/clips/bigbuckbunny.mp4")
        >>> first = next(remuxer.segments())
        >>> first.keyframe, first.duration_s < 0.5, remuxer.init_segment[4:8]
        (True, True, b'ftyp')
    """

    def __init__(
        self, source: Source, *, name: str | None = None, plan: Plan | None = None
    ) -> None:
        super().__init__(source, name=name)
        self._plan = plan

    @property
    def _is_known(self) -> bool:
        return self.origin_s is not None

    def read(
        self, container: InputContainer, start_s: float = 0.0
    ) -> Generator[Segment, None, None]:
        """As :meth:`segments`, from a clip that is open already."""
        tracks = choose_tracks(container, name=self._name).sent(self._plan, name=self._name)
        has_video = tracks[0].type == "video"
        reached_s: float | None = None
        for segment in joined(self._fragments(container, tracks, start_s), has_video=has_video):
            reached_s = max(reached_s or 0.0, segment.end_s)
            yield segment
        if reached_s is None and start_s <= 0:
            raise MediaError(
                f"{self._name} holds no picture or sound that can be played",
                source=self._name,
                reason="no-packets",
                hint="It may be cut off right after its header; upload it again.",
            )
        self.end = ending(reached_s or 0.0, container, is_locked=self.is_locked)

    def _fragments(
        self, container: InputContainer, tracks: list[Stream], start_s: float
    ) -> Iterator[Fragment]:
        """Feed packets to the muxer and hand out the fragments it writes."""
        cutter = Cutter()
        output = open_output(cutter, tracks)
        reader = PacketReader(container, tracks, origin_s=self.origin_s)
        errors = 0
        try:
            targets = {track.index: copied_to(output, track) for track in tracks}
            filters = {track.index: track_filter(track) for track in tracks}
            packets = self.in_clear(reader.read(start_s))
            for packet in lasting(packets, container, tracks[0]):
                index = packet.stream_index
                try:
                    for one in filters[index](packet):
                        one.stream = targets[index]
                        output.mux_one(one)
                except av.FFmpegError:  # a damaged packet: go on behind it
                    errors += 1
                    if errors > _MAX_ERRORS:
                        raise
                if cutter.has_more:
                    yield from self.taken(cutter)
                self.origin_s = reader.origin_s
            output.close()
            yield from self.taken(cutter)
        finally:
            with contextlib.suppress(
                av.FFmpegError
            ):  # abandoned: what it would still write is moot
                output.close()


def header_of(track: Stream) -> bytes:
    """The init segment of one track alone, from what its container says; no packet is read.

    Returns:
        ``ftyp`` and ``moov``; nothing if packets must be seen first, or MP4 takes no such track.
    """
    if _must_wait(track):
        return b""
    cutter = Cutter()
    output = open_output(cutter, [track])
    with contextlib.suppress(av.FFmpegError, ValueError):
        copied_to(output, track)
        output.start_encoding()
    with contextlib.suppress(av.FFmpegError):
        output.close()
    for _ in cutter.take():
        pass
    return cutter.init_segment


def _must_wait(track: Stream) -> bool:
    return codec_name(track) in _NEED_CONFIGURATION and not track.codec_context.extradata


def track_filter(track: Stream) -> Callable[[Packet[Any]], list[Packet[Any]]]:
    """What a track's packets must pass: AAC from a broadcast stream loses its ADTS headers.

    H.264 that is described anew midway keeps each description.
    """
    if codec_name(track) == "h264":
        return ParameterSets().carried
    if codec_name(track) == "aac" and not track.codec_context.extradata:
        return BitStreamFilterContext("aac_adtstoasc", track).filter
    return lambda packet: [packet]


def copied_to(output: OutputContainer, track: Stream) -> Stream:
    """A track of the muxer's for a track whose packets go as they are.

    HEVC whose parameter sets are all in its header is declared ``hvc1``, which every browser that
    knows HEVC takes; ``hev1``, where they may be in its packets, some refuse.
    """
    target = output.add_stream_from_template(track, opaque=True)
    if codec_name(track) == "hevc" and is_hevc_header_complete(
        track.codec_context.extradata or b""
    ):
        target.codec_context.codec_tag = "hvc1"
    stretch = track.sample_aspect_ratio if isinstance(track, VideoStream) else None
    if stretch and isinstance(target, VideoStream):  # a container's own word is not in the template
        target.codec_context.sample_aspect_ratio = stretch
    return target


def open_output(cutter: Cutter, tracks: list[Stream]) -> OutputContainer:
    """A fragmented-MP4 muxer that writes to ``cutter``.

    The header waits for the first fragment (``delay_moov``) only where packets must be seen before
    the codec's configuration is known, as with AAC from a transport stream.
    """
    must_wait = any(_must_wait(track) for track in tracks)
    return av.open(
        cutter,
        "w",
        format="mp4",
        container_options={
            "movflags": "+".join((*_FLAGS, "delay_moov") if must_wait else _FLAGS),
            "frag_duration": str(_FRAGMENT_US),
            "frag_size": str(_FRAGMENT_BYTES),
            "use_editlist": "0",
            "avoid_negative_ts": "disabled",
            "max_interleave_delta": str(2 * _FRAGMENT_US),
            "fflags": "+bitexact",
        },
        buffer_size=_WRITE_BYTES,
    )
