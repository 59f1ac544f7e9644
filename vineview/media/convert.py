"""Converting: what a browser does not take, decoded and encoded as it is streamed.

A `Transcoder` has a `Remuxer`'s face and carries out a plan: each track goes as it is, or through
a decoder and an encoder, or is left out. Fragments come as they are made, so a first picture waits
for a fraction of a second of the clip, and memory does not grow with it. What is damaged inside a
clip is passed over and counted. A converted picture and sound begin together and are kept going
beside each other, because a browser plays only what it has of both.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vineview.errors import MediaError
from vineview.media.codecs import Action, Plan, TrackPlan
from vineview.media.ending import ending, over_s
from vineview.media.fragments import Cutter, Fragment, Segment, joined
from vineview.media.frame_clock import FrameClock
from vineview.media.making import SegmentMaker, StreamEnd
from vineview.media.opening import MAX_PIXELS, Source
from vineview.media.packets import RAW, PacketReader, demuxed, nominal_origin_s, seek
from vineview.media.picture import PictureEncoder
from vineview.media.remux import copied_to, open_output, track_filter
from vineview.media.sound import SoundEncoder
from vineview.media.timing import ClipClock, TrackClock
from vineview.media.tracks import tick

__all__ = ["Transcoder"]

_DECODER = {"max_pixels": str(MAX_PIXELS), "threads": "2"}
_BACK_OFF_S = (0.0, 1.0, 4.0, 15.0, 60.0, float("inf"))
_SOUND_LEAD_S = 0.2
_MAX_HELD_BYTES = 2**25
_MAX_HELD_PACKETS = 5000
_MAX_UNMUXED = 1000
_MAX_BEFORE_KEYFRAME = 300


class Transcoder(SegmentMaker):
    """A clip as an init segment and media segments, converted where a plan says so.

    Args:
        source: A path, an open binary file, or a function that opens one.
        plan: What is done with each track.
        name: What to call the clip in messages; its path unless told.
        pulse: Called as packets pass, as a sign of life.

    Example:
        >>> from vineview.media.codecs import plan
        >>> from vineview.media.probe import probe
        >>> clip = "data/feed/clips/refused-codec.mp4"
        >>> transcoder = Transcoder(clip, plan(probe(clip)))
        >>> next(transcoder.segments()).keyframe, transcoder.speed > 0
        (True, True)
    """

    def __init__(
        self,
        source: Source,
        plan: Plan,
        *,
        name: str | None = None,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(source, name=name)
        self._busy_s = 0.0
        self.pulse = pulse
        self.plan = plan
        """What is done, in which size once that is known; a picture of which nothing can be decoded
        is left out after all."""
        self.speed = 0.0
        """How many seconds of the clip are made in one."""
        self.lost = 0
        """Packets so damaged that they were passed over."""

    def read(
        self, container: InputContainer, start_s: float = 0.0
    ) -> Generator[Segment, None, None]:
        """As :meth:`segments`, from a clip that is open already."""
        reached_s: float | None = None
        started_at = time.perf_counter()
        conversion = _Conversion(self, container, start_s, name=self._name)
        for segment in joined(conversion.fragments(), has_video=conversion.has_video):
            reached_s = max(reached_s or 0.0, segment.end_s)
            self._busy_s += time.perf_counter() - started_at
            self.speed = max(reached_s - start_s, 0.0) / max(self._busy_s, 1e-6)
            yield segment
            started_at = time.perf_counter()
        if reached_s is None and start_s <= 0:
            raise MediaError(
                f"nothing of {self._name} can be decoded",
                source=self._name,
                reason="no-picture",
                hint="Check that it plays elsewhere; it may be damaged or cut off.",
            )
        end = ending(reached_s or 0.0, container, is_locked=self.is_locked)
        self.end = self._with_losses(end)

    def _with_losses(self, end: StreamEnd) -> StreamEnd:
        if not self.lost:
            return end
        packets = "packet was" if self.lost == 1 else "packets were"
        damage = f"{self.lost} damaged {packets} passed over"
        return replace(end, reason="; ".join(part for part in (end.reason, damage) if part))


class _Conversion:
    """One run through an open clip."""

    def __init__(
        self, owner: Transcoder, container: InputContainer, start_s: float, *, name: str
    ) -> None:
        self._owner = owner
        self._container = container
        self._start_s = max(start_s, 0.0)
        self._sound_from_s = max(start_s - _SOUND_LEAD_S, 0.0)
        self._name = name
        plan = owner.plan
        video, audio = _track(container, plan.video), _track(container, plan.audio)
        self._video = video if isinstance(video, VideoStream) else None
        self._audio = audio if isinstance(audio, AudioStream) else None
        self._cutter = Cutter()
        self._output: OutputContainer | None = None
        self._picture: PictureEncoder | None = None
        self._sound: SoundEncoder | None = None
        self._copies: dict[int, _Copy] = {}
        self._times: dict[int, FrameClock] = {}
        self._clock: TrackClock | None = None  # for a copy, unless its packets come mended
        self._before: VideoFrame | None = None
        for track in (self._video, self._audio):
            if track is not None and _is_converted(plan, track):
                track.codec_context.options = dict(_DECODER)

    @property
    def has_video(self) -> bool:
        """Whether a picture reaches the browser."""
        return self._video is not None

    def fragments(self) -> Iterator[Fragment]:
        """Read, convert, mux; hand out what the muxer has written."""
        try:
            for packet in self._packets():
                self._mux(self._made_of(packet))
                yield from self._owner.taken(self._cutter)
            self._mux(self._rest())
            if self._output is not None:
                self._output.close()
            yield from self._owner.taken(self._cutter)
        finally:
            if self._output is not None:
                with contextlib.suppress(av.FFmpegError):  # abandoned: the rest is moot
                    self._output.close()

    # -- reading -------------------------------------------------------------------------------

    def _packets(self) -> Iterator[Packet[Any]]:
        tracks: list[Stream] = [one for one in (self._video, self._audio) if one is not None]
        video = self._video
        if video is None or not _is_converted(self._owner.plan, video):
            self._open(None)
            converted = frozenset({self._audio.index} if self._sound and self._audio else ())
            reader = PacketReader(
                self._container, tracks, origin_s=self._owner.origin_s, unmended=converted
            )
            for packet in self._owner.in_clear(reader.read(self._start_s)):
                if not self._times:
                    self._owner.origin_s = reader.origin_s
                    self._times = {track.index: FrameClock(reader.clock) for track in tracks}
                yield packet
            return
        origin_s = nominal_origin_s(tracks)
        clock = ClipClock(
            origin_s=origin_s,
            begun_s=self._start_s,
            container=self._container.format.name,
        )
        self._times = {track.index: FrameClock(clock) for track in tracks}
        self._clock = TrackClock(clock)
        packets = self._owner.in_clear(self._sought(video, tracks, origin_s))
        held: deque[Packet[Any]] = deque(maxlen=_MAX_HELD_PACKETS)
        before: list[Packet[Any]] = []  # pictures, until there is a keyframe or none to be had
        held_bytes, has_begun = 0, False
        for packet in packets:
            if packet.stream_index != video.index:
                held.append(packet)
                held_bytes += packet.size
            elif has_begun or packet.is_keyframe or len(before) == _MAX_BEFORE_KEYFRAME:
                first = [packet] if has_begun or packet.is_keyframe else [*before, packet]
                has_begun, before = True, []
                self._begin(video, first)
            else:
                before.append(packet)
            if self._output is not None or held_bytes > _MAX_HELD_BYTES:
                break
        if self._output is None:
            self._begin(video, [*before, None])
        if self._output is None:
            self._leave_picture_out(origin_s)
        yield from held
        yield from packets

    def _begin(self, video: VideoStream, packets: Iterable[Packet[Any] | None]) -> None:
        """Decode these, and open the muxer once there is a picture."""
        for packet in packets:
            if frames := self._decoded(video, packet):
                if self._output is None:
                    self._open(frames[0])
                self._mux(self._shown(frames))

    def _sought(self, lead: Stream, tracks: list[Stream], origin_s: float) -> Iterator[Packet[Any]]:
        """Packets from a keyframe at or before the start; some containers land behind it."""
        is_sought = self._start_s > 0 and self._container.format.name not in RAW
        for back_s in _BACK_OFF_S if is_sought else ():
            try:
                seek(self._container, self._start_s - back_s, origin_s=origin_s, by=lead)
            except av.FFmpegError:
                continue
            packets = demuxed(self._container, tracks, mended=lead)
            early: deque[Packet[Any]] = deque(maxlen=_MAX_HELD_PACKETS)
            is_before = back_s >= self._start_s
            for packet in packets:
                early.append(packet)
                if packet.stream_index == lead.index:
                    at_s = _time_s(packet)
                    is_later = at_s is not None and at_s - origin_s > self._start_s
                    if packet.is_keyframe or is_later:
                        is_before = is_before or (packet.is_keyframe and not is_later)
                        break
            if is_before:
                yield from early
                yield from packets
                return
        yield from demuxed(self._container, tracks, mended=lead)

    def _leave_picture_out(self, origin_s: float) -> None:
        plan = self._owner.plan
        assert plan.video is not None
        left = replace(plan.video, action=Action.LEAVE_OUT, reason="no picture of it decodes")
        self._owner.plan = replace(plan, video=left)
        self._video = None
        self._owner.origin_s = origin_s
        if self._audio is not None:
            self._open(None)

    # -- decoding and encoding -----------------------------------------------------------------

    def _made_of(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        index = packet.stream_index
        if index in self._copies:
            yield from self._copies[index].passed(packet)
        elif self._video is not None and index == self._video.index:
            yield from self._shown(self._decoded(self._video, packet))
        elif self._audio is not None and index == self._audio.index:
            yield from self._heard(self._decoded(self._audio, packet))

    def _rest(self) -> Iterator[Packet[Any]]:
        """What decoders and encoders still hold."""
        if not self._times:
            return  # no packet came
        if self._sound is not None and self._audio is not None:
            yield from self._heard(self._decoded(self._audio, None))
            yield from self._sound.finish(over_s(self._container, self._sound.reached_s))
        if self._picture is not None and self._video is not None:
            yield from self._shown(self._decoded(self._video, None))
            if self._before is not None and self._picture.reached_s <= self._start_s:
                yield from self._picture.encode(self._before, self._start_s)
            times = self._times[self._video.index]
            last_s, end_s = times.end_s - times.step_s, times.end_s
            yield from self._picture.finish(over_s(self._container, end_s, last_s=last_s))

    def _decoded(self, track: VideoStream | AudioStream, packet: Packet[Any] | None) -> list[Any]:
        decoder: Any = track.codec_context
        self._owner.pulse()
        try:
            return list(decoder.decode(packet))
        except av.EOFError:
            return []
        except (av.FFmpegError, ValueError):
            self._owner.lost += 1
            return []

    def _shown(self, frames: list[VideoFrame]) -> Iterator[Packet[Any]]:
        assert self._picture is not None
        assert self._video is not None
        times = self._times[self._video.index]
        for frame in frames:
            at_s = times.of(frame, self._video)
            if at_s < self._start_s:
                self._before = frame
                continue
            if self._before is not None and at_s > self._start_s:
                yield from self._picture.encode(self._before, self._start_s)
            self._before = None
            yield from self._picture.encode(frame, at_s)
            if self._sound is not None:
                yield from self._sound.reach(at_s)

    def _heard(self, frames: list[AudioFrame]) -> Iterator[Packet[Any]]:
        assert self._sound is not None
        assert self._audio is not None
        times = self._times[self._audio.index]
        for frame in frames:
            at_s = times.of(frame, self._audio)
            if at_s + times.step_s <= self._sound_from_s:
                continue
            yield from self._sound.encode(frame, at_s)
            if self._picture is not None:
                yield from self._picture.reach(self._sound.reached_s)

    # -- muxing --------------------------------------------------------------------------------

    def _open(self, like: VideoFrame | None) -> None:
        """Open the muxer with the tracks there are, the picture first."""
        plan = self._owner.plan
        copied: list[Stream] = [
            track
            for track in (self._video, self._audio)
            if track is not None and not _is_converted(plan, track)
        ]
        self._output = open_output(self._cutter, copied)
        if self._video is not None:
            if like is not None and plan.video is not None:
                self._picture = PictureEncoder(
                    self._output,
                    plan.video.target,
                    like,
                    self._video,
                    start_s=self._start_s,
                    size=plan.video.size,
                )
                sized = replace(plan.video, size=self._picture.size)
                self._owner.plan = replace(plan, video=sized)
            else:
                self._copies[self._video.index] = _Copy(self._output, self._video, None)
        if self._audio is not None and plan.audio is not None:
            if self._audio in copied:
                self._copies[self._audio.index] = _Copy(self._output, self._audio, self._clock)
            else:
                self._sound = SoundEncoder(
                    self._output, plan.audio.target, self._audio, start_s=self._sound_from_s
                )

    def _mux(self, packets: Iterator[Packet[Any]]) -> None:
        for packet in packets:
            assert self._output is not None
            try:
                self._output.mux_one(packet)
            except av.FFmpegError:  # two of a track at one instant: go on behind it
                self._owner.lost += 1
                if self._owner.lost > _MAX_UNMUXED:
                    raise


class _Copy:
    """A track that goes as it is beside a converted one."""

    def __init__(self, output: OutputContainer, track: Stream, clock: TrackClock | None) -> None:
        self._target = copied_to(output, track)
        self._filter = track_filter(track)
        self._clock = clock

    def passed(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        if self._clock is not None and not self._clock.settle(packet):
            return
        for one in self._filter(packet):
            one.stream = self._target
            yield one


def _time_s(packet: Packet[Any]) -> float | None:
    stored = packet.pts if packet.pts is not None else packet.dts
    return None if stored is None else float(stored * tick(packet.stream))


def _track(container: InputContainer, plan: TrackPlan | None) -> Stream | None:
    if plan is None or plan.action is Action.LEAVE_OUT:
        return None
    return container.streams[plan.index]


def _is_converted(plan: Plan, track: Stream) -> bool:
    return any(one.index == track.index and one.action is Action.CONVERT for one in plan.tracks)
