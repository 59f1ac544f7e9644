"""Sound: decoded samples on their way into a codec a browser takes.

Samples are counted, so sound keeps its place beside the picture: a gap is filled with silence, what
comes twice is dropped, and what the encoder puts in front of the first sample is taken off.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

__all__ = ["SoundEncoder"]

_AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
_OPUS_RATE = 48_000
_ENCODERS = {"aac": ("aac", "fltp"), "opus": ("libopus", "flt")}
_BIT_RATE_PER_CHANNEL = 64_000
_TOLERANCE_S = 0.1
_SILENT_FOR_S = 5.0
_WITHOUT_PLACES = " channels"  # so FFmpeg names an arrangement of which it knows the number only
_MAX_USUAL = 8  # for each number up to this, FFmpeg takes the usual arrangement to be meant


class SoundEncoder:
    """Makes the packets of a converted sound track.

    Args:
        output: Where they will be muxed.
        target: ``aac`` or ``opus``.
        track: The track that is converted.
        start_s: When the first sample is to be heard.
    """

    def __init__(
        self, output: OutputContainer, target: str, track: AudioStream, *, start_s: float
    ) -> None:
        name, self._format = _ENCODERS[target]
        rate = track.sample_rate or _OPUS_RATE
        self._rate = rate if target == "aac" and rate in _AAC_RATES else _OPUS_RATE
        self._layout = "mono" if track.channels == 1 else "stereo"
        stream = output.add_stream(name, rate=self._rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = self._layout
        stream.codec_context.format = self._format
        stream.codec_context.bit_rate = _BIT_RATE_PER_CHANNEL * len(
            stream.codec_context.layout.channels
        )
        stream.codec_context.time_base = Fraction(1, self._rate)
        stream.codec_context.open()
        self._stream = stream
        self._frame_size = stream.codec_context.frame_size or 1024
        # Opus decoders take off what the header says; of AAC, the first packet holds only that.
        self._shift = self._opening_samples() if target == "opus" else 0
        self._fifo = AudioFifo()
        self._resampler: AudioResampler | None = None
        self._resampler_for: tuple[Any, ...] = ()
        self._first = round(start_s * self._rate)
        self._taken = self._first
        self._sent = self._first

    @property
    def reached_s(self) -> float:
        """Up to when there is sound."""
        return self._taken / self._rate

    def encode(self, frame: AudioFrame, at_s: float | None) -> Iterator[Packet[Any]]:
        """Take the next samples.

        Args:
            frame: As decoded.
            at_s: When its first one is heard; right after those before, unless told.
        """
        ahead_s = 0.0 if at_s is None else at_s - self.reached_s
        is_first = self._taken == self._first
        if ahead_s > _TOLERANCE_S or (is_first and ahead_s > 0):
            yield from self._silence(round(ahead_s * self._rate))
        late = round(-ahead_s * self._rate) if ahead_s < -_TOLERANCE_S or is_first else 0
        for one in self._resampled(frame):
            cut = min(max(late, 0), one.samples)
            late -= cut
            if cut < one.samples:
                yield from self._take(_without(one, cut))

    def reach(self, at_s: float) -> Iterator[Packet[Any]]:
        """Be silent while the picture is far ahead, so that it can be played."""
        if at_s - self.reached_s > 2 * _SILENT_FOR_S:
            yield from self._silence(round((at_s - self.reached_s - _SILENT_FOR_S) * self._rate))

    def finish(self, end_s: float) -> Iterator[Packet[Any]]:
        """Hand out what is left.

        Args:
            end_s: Until when to be silent behind the last sound.
        """
        if self._resampler is not None:
            for frame in self._resampler.resample(None):
                yield from self._take(frame)
        if self._taken > self._first:
            yield from self._silence(round((end_s - self.reached_s) * self._rate))
        if self._fifo.samples:
            yield from self._encode(self._fifo.read(self._fifo.samples, partial=True))
        yield from self._placed(self._stream.encode(None))

    def _take(self, frame: AudioFrame) -> Iterator[Packet[Any]]:
        frame.pts, frame.time_base = None, Fraction(1, self._rate)  # the queue wants them alike
        self._taken += frame.samples
        self._fifo.write(frame)
        while self._fifo.samples >= self._frame_size:
            yield from self._encode(self._fifo.read(self._frame_size))

    def _encode(self, frame: AudioFrame | None) -> Iterator[Packet[Any]]:
        if frame is None:
            return
        frame.pts, frame.time_base = self._sent, Fraction(1, self._rate)
        frame.sample_rate = self._rate
        self._sent += frame.samples
        yield from self._placed(self._stream.encode(frame))

    def _placed(self, packets: list[Packet[Any]]) -> Iterator[Packet[Any]]:
        for packet in packets:
            if packet.pts is None:
                continue
            packet.pts += self._shift
            packet.dts = packet.pts
            if packet.pts >= self._first:
                yield packet

    def _silence(self, samples: int) -> Iterator[Packet[Any]]:
        while samples > 0:
            count = min(samples, self._rate)
            frame = AudioFrame(format=self._format, layout=self._layout, samples=count)
            frame.sample_rate = self._rate
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            samples -= count
            yield from self._take(frame)

    def _resampled(self, frame: AudioFrame) -> list[AudioFrame]:
        layout = frame.layout
        if layout.nb_channels > _MAX_USUAL and layout.name.endswith(_WITHOUT_PLACES):
            frame = _first_two(frame)
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        left: list[AudioFrame] = []
        if self._resampler is None or kind != self._resampler_for:
            if self._resampler is not None:
                left = self._resampler.resample(None)
            self._resampler = AudioResampler(self._format, self._layout, self._rate)
            self._resampler_for = kind
        frame.pts = None
        return [*left, *self._resampler.resample(frame)]

    def _opening_samples(self) -> int:
        """What the encoder puts in front of the first sample (RFC 7845: the pre-skip)."""
        head = bytes(self._stream.codec_context.extradata or b"")
        return int.from_bytes(head[10:12], "little") if head.startswith(b"OpusHead") else 0


def _without(frame: AudioFrame, count: int) -> AudioFrame:
    """Samples without the first few."""
    if not count:
        return frame
    fifo = AudioFifo()
    frame.pts = None
    fifo.write(frame)
    fifo.read(count)
    left = fifo.read(frame.samples - count)
    assert left is not None
    return left


def _first_two(frame: AudioFrame) -> AudioFrame:
    """The first two of channels that are a number only."""
    stereo = AudioFrame(format=frame.format.name, layout="stereo", samples=frame.samples)
    planes = [bytes(plane) for plane in frame.planes[:2]]
    if not frame.format.is_planar:
        width, every = 2 * frame.format.bytes, frame.layout.nb_channels * frame.format.bytes
        both = bytearray(width * frame.samples)
        for at in range(width):
            both[at::width] = planes[0][at : every * frame.samples : every]
        planes = [bytes(both)]
    for plane, data in zip(stereo.planes, planes, strict=True):
        plane.update(data[: plane.buffer_size].ljust(plane.buffer_size, b"\0"))
    stereo.sample_rate = frame.sample_rate
    return stereo
