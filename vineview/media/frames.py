"""Frames: a clip's poster, small and upright.

The poster is the first picture that decodes, turned and made square-pixelled as a player would
show it. FFmpeg's own JPEG encoder writes it, so no imaging library is needed.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
from av.codec import CodecContext
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vineview.errors import MediaError
from vineview.media.opening import LIMITS, Source, open_clip, source_name
from vineview.media.orientation import orientation_of
from vineview.media.packets import demuxed
from vineview.media.tone import known_colours, tone_mapping
from vineview.media.tracks import choose_tracks

__all__ = ["poster", "poster_of"]

_MAX_PACKETS = 300


def poster(source: Source, max_width: int = 360, *, name: str | None = None) -> bytes:
    """A JPEG of the first picture of a clip.

    Args:
        source: A path, an open binary file, or a function that opens one.
        max_width: The width in pixels it is scaled down to; smaller pictures stay as they are.
        name: What to call the clip in messages; its path unless told.

    Raises:
        MediaError: As :func:`~vineview.media.opening.open_clip` and
            :func:`~vineview.media.tracks.choose_tracks`; or no picture decodes (``no-picture``).

    Example:
        >>> poster("data/feed/clips/bigbuckbunny.mp4")[:3] == bytes.fromhex("ffd8ff")
        True
    """
    name = name or source_name(source)
    with open_clip(source, name=name) as container:
        return poster_of(container, max_width, name=name)


def poster_of(container: InputContainer, max_width: int = 360, *, name: str) -> bytes:
    """As :func:`poster`, from a clip that is open already; it is left after its first picture."""
    track = choose_tracks(container, name=name).video
    frame = _first_frame(container, track) if track is not None else None
    if track is None or frame is None:
        raise MediaError(
            f"no picture of {name} can be decoded",
            source=name,
            reason="no-picture",
            hint="Check that it plays elsewhere.",
        )
    return _jpeg(_upright(frame, float(track.sample_aspect_ratio or 1), max_width))


def _first_frame(container: InputContainer, track: VideoStream) -> VideoFrame | None:
    """The first picture that decodes; damaged packets before it are passed over."""
    container.seek(container.start_time or 0)
    if not track.codec_context.is_open:
        track.codec_context.options = dict(LIMITS)
    packets = itertools.islice(demuxed(container, [track]), _MAX_PACKETS)
    for packet in itertools.chain(packets, [None]):  # None asks for what is still inside
        try:
            frames = track.codec_context.decode(packet)
        except av.FFmpegError:
            continue
        for frame in frames:
            return frame
    return None


def _upright(frame: VideoFrame, aspect: float, max_width: int) -> VideoFrame:
    """Scale, then turn, with pixels made square."""
    width, height = frame.width * aspect, float(frame.height)
    orientation = orientation_of(frame)
    shown_width = height if orientation.is_sideways else width
    scale = min(1.0, max_width / shown_width)
    graph = av.filter.Graph()
    graph.threads = 1
    nodes = [
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 1000),
        ),
        graph.add("scale", f"{_even(width * scale)}:{_even(height * scale)}:out_range=full"),
        *tone_mapping(graph, frame),
        graph.add("setsar", "1"),
        *orientation.steps(graph),
        graph.add("format", "pix_fmts=yuvj420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    graph.vpush(known_colours(frame))
    return graph.vpull()


def _jpeg(frame: VideoFrame) -> bytes:
    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"q": "5"}
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _even(length: float) -> int:
    return max(2 * round(length / 2), 2)
