"""Picture: decoded pictures on their way into a codec a browser takes.

Each is scaled to square pixels, turned upright, made even and 8 bit 4:2:0, and keeps its own time:
nothing is made of even rate. A keyframe comes every second, so that a seek need not decode much.
High dynamic range is tone mapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc
from av.video.stream import VideoStream

from vineview.media.orientation import orientation_of
from vineview.media.tone import is_hdr, known_colours, tone_mapping

__all__ = ["PictureEncoder", "output_size"]

_TIME_BASE = Fraction(1, 90_000)
_KEYFRAME_EVERY_S = 1.0
_LONGEST_STEP_S = 5.0
_USUAL_RATE = 25
_MOST_RATE = 240
_MOST_ASPECT = 16
_LEAST_SIDE, _MOST_SIDE, _MOST_SIDE_IF_HEAVY = 16, 1920, 1280
_HEAVY_PIXELS_PER_S = 1920 * 1080 * 31
_ENCODERS = {
    "h264": (
        "libx264",
        {
            "preset": "veryfast",
            "tune": "zerolatency",
            "crf": "24",
            "forced-idr": "1",
            "threads": "2",
        },
    ),
    "vp9": (
        "libvpx-vp9",
        {
            "deadline": "realtime",
            "cpu-used": "8",
            "lag-in-frames": "0",
            "row-mt": "1",
            "threads": "2",
        },
    ),
}
_BITS_PER_PIXEL = 0.1


def output_size(frame: VideoFrame, aspect: float, rate: float) -> tuple[int, int]:
    """Width and height of a converted picture, before it is turned.

    Args:
        frame: A picture as it is stored.
        aspect: Width of its pixels over their height.
        rate: Pictures per second; what is too much for a small machine is made smaller.
    """
    width, height = frame.width * aspect, float(frame.height)
    is_heavy = width * height * rate > _HEAVY_PIXELS_PER_S
    most = _MOST_SIDE_IF_HEAVY if is_heavy else _MOST_SIDE
    scale = min(1.0, most / max(width, height))
    return _even(width * scale), _even(height * scale)


class PictureEncoder:
    """Makes the packets of a converted picture track.

    Args:
        output: Where they will be muxed.
        target: ``h264`` or ``vp9``.
        like: The clip's first picture.
        track: The track it is of.
        start_s: When the first packet is to be shown.
        size: Width and height in pixels before turning, if an earlier stream of the clip has them:
            a page has its header, and the pictures of a clip may change their size.
    """

    def __init__(
        self,
        output: OutputContainer,
        target: str,
        like: VideoFrame,
        track: VideoStream,
        *,
        start_s: float,
        size: tuple[int, int] | None = None,
    ) -> None:
        rate = track.average_rate or track.guessed_rate or Fraction(_USUAL_RATE)
        rate = rate if 1 <= rate <= _MOST_RATE else Fraction(_USUAL_RATE)
        aspect = float(track.sample_aspect_ratio or 1)
        aspect = aspect if 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT else 1.0
        self.size = size or output_size(like, aspect, float(rate))
        """Width and height of its pictures in pixels, before they are turned."""
        self._orientation = orientation_of(like)
        self._start_s = start_s
        self._graph: av.filter.Graph | None = None
        self._graph_for: tuple[Any, ...] = ()
        self._last: VideoFrame | None = None
        self._held: Packet[Any] | None = None
        self._keyframe_at_s = -_KEYFRAME_EVERY_S
        self.reached_s = start_s
        """Up to when there are pictures."""
        name, options = _ENCODERS[target]
        stream = output.add_stream(name, rate=rate, options=dict(options))
        assert isinstance(stream, VideoStream)
        width, height = self.size
        if self._orientation.is_sideways:
            width, height = height, width
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TIME_BASE
        stream.codec_context.gop_size = 600
        if is_hdr(like):
            context = stream.codec_context
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
            context.colorspace = Colorspace.ITU709
        if target == "vp9":
            stream.codec_context.bit_rate = int(width * height * float(rate) * _BITS_PER_PIXEL)
        self._stream = stream

    def encode(self, frame: VideoFrame, at_s: float) -> Iterator[Packet[Any]]:
        """Take the next picture.

        Args:
            frame: As decoded.
            at_s: When it is shown; later than the one before.
        """
        if self._last is None and at_s > self._start_s:
            yield from self._put(self._fitted(frame), self._start_s)  # from the very beginning
        fitted = self._fitted(frame)
        self._last = fitted
        if at_s > self._start_s or self._held is None:
            yield from self._put(fitted, max(at_s, self._start_s))

    def reach(self, at_s: float) -> Iterator[Packet[Any]]:
        """Show the last picture on while the sound is far ahead, so that it can be played."""
        while self._last is not None and at_s - self.reached_s > 2 * _LONGEST_STEP_S:
            yield from self._put(self._last, self.reached_s + _LONGEST_STEP_S)

    def finish(self, end_s: float) -> Iterator[Packet[Any]]:
        """Hand out what is left.

        Args:
            end_s: Until when the last picture is shown.
        """
        for packet in [*self._stream.encode(None)]:
            yield from self._timed(packet)
        if self._held is not None:
            self._held.duration = max(round((end_s - self.reached_s) / _TIME_BASE), 1)
            yield self._held
            self._held = None

    def _put(self, frame: VideoFrame, at_s: float) -> Iterator[Packet[Any]]:
        pts = round(at_s / _TIME_BASE)
        frame.pts, frame.time_base = pts, _TIME_BASE
        is_due = at_s - self._keyframe_at_s >= _KEYFRAME_EVERY_S
        frame.pict_type = PictureType.I if is_due else PictureType.NONE
        if is_due:
            self._keyframe_at_s = at_s
        self.reached_s = at_s
        for packet in self._stream.encode(frame):
            yield from self._timed(packet)

    def _timed(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Hold a packet back until the next one says how long it is shown."""
        held, self._held = self._held, packet
        if held is not None and held.pts is not None and packet.pts is not None:
            held.duration = max(packet.pts - held.pts, 1)
            yield held

    def _fitted(self, frame: VideoFrame) -> VideoFrame:
        """Scaled, turned, square-pixelled, 8 bit 4:2:0, tone mapped if it must be."""
        is_plain = frame.format.name == "yuv420p" and (frame.width, frame.height) == self.size
        if is_plain and not (self._orientation or frame.interlaced_frame or is_hdr(frame)):
            return frame
        kind = (
            *(frame.width, frame.height, frame.format.name),
            *(frame.interlaced_frame, frame.color_trc),
        )
        if self._graph is None or self._graph_for != kind:
            self._graph, self._graph_for = self._made_graph(frame), kind
        frame.pts = 0 if frame.pts is None else frame.pts
        self._graph.vpush(known_colours(frame))
        return self._graph.vpull()

    def _made_graph(self, frame: VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        graph.threads = 1
        nodes = [
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 1000),
            )
        ]
        width, height = self.size
        nodes.append(graph.add("scale", f"{width}:{height}:flags=bilinear:out_range=tv"))
        nodes += tone_mapping(graph, frame)
        nodes += [
            *self._orientation.steps(graph),
            graph.add("setsar", "1"),
            graph.add("format", "pix_fmts=yuv420p"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph


def _even(length: float) -> int:
    return max(2 * round(length / 2), _LEAST_SIDE)
