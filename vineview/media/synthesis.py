"""Synthesis: encoding FFmpeg's test pictures and tones to a clip.

One thread and bit-exact flags, so that a clip made again has the same codec, size, frames and
duration everywhere; the encoder's own bytes may differ between builds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

__all__ = ["Card", "Painter", "encode"]

Painter = Callable[[npt.NDArray[np.uint8], float], None]
"""Draws on the brightness of a picture (rows by columns, in place) at a time in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A clip to make.

    Attributes:
        picture: A libavfilter video source with its own options, such as ``testsrc2`` or
            ``life:mold=10``.
        size: Width and height as shown, in pixels, both even.
        seconds: How long.
        fps: Pictures per second.
        paint: Drawn on every picture.
        steps: libavfilter filters the picture passes, in order.
        tone_hz: The pitch of its sound; ``None`` for none.
        channels: A libavutil channel layout.
        video_codec: Encoder of the picture.
        video_options: Its options.
        audio_codec: Encoder of the sound.
        audio_options: Its options.
        rate_hz: Its samples per second.
        keyframe_every_s: Seconds between keyframes.
        rotation: Degrees clockwise a player must turn the stored picture: 0, 90, 180, 270.
        pix_fmt: Stored pixel format.
        container_options: Options of the muxer.
    """

    picture: str
    size: tuple[int, int]
    seconds: float
    fps: int = 24
    paint: Painter | None = None
    steps: tuple[str, ...] = ()
    tone_hz: int | None = 440
    channels: str = "stereo"
    video_codec: str = "libx264"
    video_options: Mapping[str, str] = field(default_factory=dict)
    audio_codec: str = "aac"
    audio_options: Mapping[str, str] = field(default_factory=dict)
    rate_hz: int = 48_000
    keyframe_every_s: float = 2.0
    rotation: int = 0
    pix_fmt: str = "yuv420p"
    container_options: Mapping[str, str] = field(default_factory=dict)


def encode(path: Path, card: Card, *, format: str | None = None) -> Path:  # noqa: A002 - FFmpeg's word, as in av.open
    """Write a clip.

    Args:
        path: Where to; its extension chooses the container.
        card: What to make.
        format: The container, if the extension does not say.

    Returns:
        ``path``.
    """
    options = {"fflags": "+bitexact", **card.container_options}
    with av.open(str(path), "w", format=format, container_options=options) as output:
        video = _video_stream(output, card)
        audio = _audio_stream(output, card) if card.tone_hz else None
        sound = _sound(card, audio) if audio is not None else iter(())
        heard_s = 0.0
        for number, frame in enumerate(_pictures(card)):
            output.mux(video.encode(frame))
            while audio is not None and heard_s <= number / card.fps:
                piece = next(sound, None)
                if piece is None:
                    break
                heard_s += piece.samples / card.rate_hz
                output.mux(audio.encode(piece))
        for piece in sound:
            assert audio is not None
            output.mux(audio.encode(piece))
        output.mux(video.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))
    return path


def _video_stream(output: OutputContainer, card: Card) -> VideoStream:
    os.environ.setdefault("SVT_LOG", "1")  # errors alone; SVT-AV1 has no other way to be asked
    video = output.add_stream(card.video_codec, rate=card.fps, options=dict(card.video_options))
    assert isinstance(video, VideoStream)
    width, height = card.size
    video.width, video.height = (height, width) if card.rotation in {90, 270} else (width, height)
    video.pix_fmt = card.pix_fmt
    video.codec_context.gop_size = max(round(card.keyframe_every_s * card.fps), 1)
    video.codec_context.thread_count = 1
    video.codec_context.flags |= av.codec.context.Flags.bitexact
    if card.rotation:
        video.set_display_rotation(-card.rotation)
    return video


def _audio_stream(output: OutputContainer, card: Card) -> AudioStream:
    audio = output.add_stream(card.audio_codec, rate=card.rate_hz, options=dict(card.audio_options))
    assert isinstance(audio, AudioStream)
    audio.layout = card.channels
    audio.codec_context.flags |= av.codec.context.Flags.bitexact
    return audio


def _pictures(card: Card) -> Iterator[VideoFrame]:
    """The frames, drawn on and turned as they are to be stored."""
    width, height = card.size
    source, _, own = card.picture.partition(":")
    shape = f"size={width}x{height}:rate={card.fps}"
    graph = Graph()
    nodes = [graph.add(source, f"{shape}:{own}" if own else shape)]
    nodes += [graph.add(*step.split("=", 1)) for step in card.steps]
    nodes += [graph.add("format", "pix_fmts=yuv420p"), graph.add("buffersink")]
    graph.link_nodes(*nodes).configure()
    turn = _turner(width, height, 360 - card.rotation) if card.rotation else None
    for number in range(round(card.seconds * card.fps)):
        planes = graph.vpull().to_ndarray(format="yuv420p").astype(np.uint8, copy=False)
        if card.paint is not None:
            card.paint(planes[:height], number / card.fps)
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        if turn is not None:
            turn.vpush(frame)
            frame = turn.vpull()
        frame.pts, frame.time_base = number, Fraction(1, card.fps)
        frame.pict_type = (
            PictureType.NONE
        )  # else the encoder makes each a keyframe, as its source was
        yield frame


def _turner(width: int, height: int, degrees: int) -> Graph:
    """Turns pictures clockwise: push one, pull one."""
    steps = {90: ("transpose=clock",), 180: ("hflip", "vflip"), 270: ("transpose=cclock",)}
    graph = Graph()
    source = graph.add_buffer(
        width=width,
        height=height,
        format=VideoFormat("yuv420p", width, height),
        time_base=Fraction(1, 1000),
    )
    turns = [graph.add(*step.split("=")) for step in steps[degrees]]
    graph.link_nodes(source, *turns, graph.add("buffersink")).configure()
    return graph


def _sound(card: Card, audio: AudioStream) -> Iterator[AudioFrame]:
    """A quiet tone with a beep each second, in pieces of the encoder's size."""
    codec = audio.codec_context
    if not codec.is_open:
        codec.open()
    graph = Graph()
    shape = f"sample_fmts={codec.format.name}:channel_layouts={card.channels}"
    graph.link_nodes(
        graph.add(
            "sine",
            f"frequency={card.tone_hz}:beep_factor=3:sample_rate={card.rate_hz}"
            f":duration={card.seconds}",
        ),
        graph.add("volume", "0.3"),
        graph.add("aformat", shape),
        graph.add("abuffersink"),
    ).configure()
    if codec.frame_size:
        graph.set_audio_frame_size(codec.frame_size)
    while True:
        try:
            piece = graph.pull()
        except (av.EOFError, av.BlockingIOError):
            return
        assert isinstance(piece, AudioFrame)
        yield piece
