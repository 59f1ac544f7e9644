"""Jobs: what a worker does with a clip, step by step, telling the kernel as it goes.

A worker does one job and ends. It reads the clip through the kernel, or from the open file it was
given; it says ``info``, ``init``, ``segment``, ``poster``, ``done``, or ``error`` with the reason.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import IO, Any

import av
import av.subtitles.codeccontext  # PyAV imports it late, and a worker opens no file
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vineview.errors import MediaError
from vineview.media.channel import Channel
from vineview.media.codec_strings import codec_strings, mime_type
from vineview.media.codecs import SUPPORTED, Plan, plan, supports
from vineview.media.convert import Transcoder
from vineview.media.documents import document_of, from_document
from vineview.media.fragments import Segment
from vineview.media.frames import poster_of
from vineview.media.opening import open_clip
from vineview.media.probe import ClipInfo, examined, refused
from vineview.media.remux import Remuxer

__all__ = ["rehearse", "work"]

_NICENESS = 5
_PULSE_EVERY_S = 1.0
_MAX_TRIAL_S = 5.0


def work(channel: Channel, clip: int | None) -> None:
    """Do the job the kernel names.

    Args:
        channel: To the kernel.
        clip: The clip's file where it is one on disk; without, the kernel is asked for bytes.
    """
    try:
        frame = channel.receive()
        job = _Job(channel, clip, **frame.facts)
        try:
            job.do()
        except MediaError as error:
            channel.send("error", reason=error.reason, message=error.message, hint=error.hint or "")
        except (MemoryError, av.MemoryError):
            channel.send(
                "error",
                reason="too-large",
                message=f"{job.name} wants more memory than any clip should",
                hint="Check whether its header is damaged; scale it down if not.",
            )
        except (av.FFmpegError, OSError, ValueError, LookupError, ArithmeticError) as error:
            channel.send(
                "error",
                reason="damaged",
                message=f"{job.name} cannot be read: {error}",
                hint="Check that it plays elsewhere.",
            )
    except (EOFError, BrokenPipeError, ConnectionError):
        return  # the kernel wants no more of it


class _Job:
    """One job on one clip."""

    def __init__(
        self,
        channel: Channel,
        clip: int | None,
        *,
        what: str,
        name: str,
        answers: dict[str, bool] | None = None,
        as_is: bool = True,
        plan: dict[str, Any] | None = None,
        origin_s: float | None = None,
        start_s: float = 0.0,
        skip: int = 0,
        credit: int = 0,
    ) -> None:
        self.name = name
        self._channel = channel
        self._what = what
        self._answers = answers or SUPPORTED
        self._as_is = as_is
        self._plan = plan
        self._origin_s = origin_s
        self._pulsed_at = time.monotonic()
        self._give_up_at = float("inf")
        self._start_s = start_s
        self._skip = skip
        self._credit = credit
        self._read_at = self._ask if clip is None else lambda at, count: os.pread(clip, count, at)
        self._size = -1 if clip is None else os.fstat(clip).st_size

    def do(self) -> None:
        """Do it."""
        match self._what:
            case "load":
                self._load()
            case "probe":
                self._channel.send("info", **document_of(self._tried()))
            case "stream":
                self._stream()
            case _:
                raise ValueError(f"there is no job {self._what!r}")
        self._channel.send("done")

    def _load(self) -> None:
        with examined(self._open, name=self.name) as (container, info):
            decided, maker, first = self._first(info, container, name=self.name)
            init = maker.init_segment
            if isinstance(maker, Transcoder):
                decided = maker.plan
            has_video = decided.tracks[0] is decided.video
            sent = mime_type(codec_strings(init), has_video=has_video)
            self._channel.send("info", **document_of(replace(info, mime_type=sent)))
            self._channel.send("plan", **document_of(decided))
            self._channel.send("init", init, origin_s=maker.origin_s)
            self._say(first, maker)
            poster = self._poster(container) if info.video is not None else None
        if poster is not None:
            self._channel.send("poster", poster)

    def _tried(self) -> ClipInfo:
        """What a clip is; one plays only if a first segment can be made of it, as for a player."""
        with examined(self._open, name=self.name) as (container, info):
            self._give_up_at = time.monotonic() + _MAX_TRIAL_S
            try:
                if info.verdict.ok:
                    self._first(info, container, name="it")  # as a verdict speaks of it
            except MediaError as error:
                return refused(info, error)
            except TimeoutError:  # it may take long, but has not failed
                return info
        return info

    def _first(
        self, info: ClipInfo, container: InputContainer, *, name: str
    ) -> tuple[Plan, Remuxer | Transcoder, Segment]:
        """The plan for a clip, carried out as far as the first segment."""
        decided = self._decided(info, name=name)
        try:
            return decided, *self._begun(decided, container, name=name)
        except MediaError as error:
            if error.reason != "no-packets":
                raise
            # Nothing goes as it is; a decoder may make something of it.
            decided = plan(info, supports(self._answers), as_is=False)
            return decided, *self._begun(decided, name=name)

    def _begun(
        self, decided: Plan, container: InputContainer | None = None, *, name: str
    ) -> tuple[Remuxer | Transcoder, Segment]:
        """Carry out a plan as far as the first segment."""
        maker = self._maker(decided, name=name)
        segments = maker.segments() if container is None else maker.read(container)
        with contextlib.closing(segments):
            return maker, next(segments)

    def _decided(self, info: ClipInfo, *, name: str) -> Plan:
        """The plan for a clip; one by which nothing would play is an error."""
        decided = plan(info, supports(self._answers), as_is=self._as_is)
        if info.verdict.how == "not" or not decided.plays:
            raise MediaError(
                f"{name} cannot be played: {info.verdict.reason}",
                source=name,
                reason="refused-codec",
            )
        return decided

    def _maker(self, decided: Plan, *, name: str) -> Remuxer | Transcoder:
        if not decided.converts:
            return Remuxer(self._open, name=name, plan=decided)
        with contextlib.suppress(AttributeError, OSError):  # Windows has no such thing
            os.nice(_NICENESS)  # what plays as it is, and the notebook, come first
        return Transcoder(self._open, decided, name=name, pulse=self._pulse)

    def _pulse(self) -> None:
        """A sign of life now and then: converting may be slow, and is then no hang."""
        now = time.monotonic()
        if now > self._give_up_at:
            raise TimeoutError
        if now - self._pulsed_at >= _PULSE_EVERY_S:
            self._pulsed_at = now
            self._channel.send("alive")

    def _stream(self) -> None:
        maker = self._maker(from_document(Plan, self._plan), name=self.name)
        maker.origin_s = self._origin_s
        for segment in maker.segments(self._start_s):
            if self._skip > 0:
                self._skip -= 1
            else:
                self._await_credit()
                self._say(segment, maker)
        if maker.end is not None:
            self._channel.send("end", **document_of(maker.end))

    def _say(self, segment: Segment, maker: Remuxer | Transcoder) -> None:
        self._channel.send(
            "segment",
            *segment.parts,
            start_s=segment.start_s,
            duration_s=segment.duration_s,
            index=segment.index,
            keyframe=segment.keyframe,
            speed=maker.speed if isinstance(maker, Transcoder) else None,
        )

    def _poster(self, container: InputContainer) -> bytes | None:
        try:
            return poster_of(container, name=self.name)
        except MediaError:
            return None  # the browser may still show it
        except av.FFmpegError:  # it cannot go back to its beginning
            with contextlib.suppress(MediaError), open_clip(self._open, name=self.name) as again:
                return poster_of(again, name=self.name)
            return None

    def _await_credit(self) -> None:
        while self._credit <= 0:
            self._hear()
        self._credit -= 1

    def _hear(self) -> bytes | None:
        """One frame of the kernel's: bytes that were asked for, or leave to send on."""
        frame = self._channel.receive()
        if frame.kind == "next":
            self._credit += 1
            return None
        return frame.body

    def _ask(self, at: int, count: int) -> bytes:
        self._channel.send("read", at=at, count=count)
        while (data := self._hear()) is None:
            pass
        return data

    def _open(self) -> _Clip:
        return _Clip(self._read_at, self._size_of, self.name)

    def _size_of(self) -> int:
        if self._size < 0:
            self._channel.send("size")
            while (data := self._hear()) is None:
                pass
            self._size = int.from_bytes(data, "big")
        return self._size


class _Clip(io.RawIOBase):
    """The clip as a file with a position of its own."""

    def __init__(
        self, read_at: Callable[[int, int], bytes], size: Callable[[], int], name: str
    ) -> None:
        super().__init__()
        self.name = name
        self._read_at = read_at
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes; none at the end."""
        count = size if size >= 0 else max(self._size() - self._at, 0)
        data = self._read_at(self._at, count)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = (self._size() if base is None else base) + offset
        return self._at

    def tell(self) -> int:
        """The current position."""
        return self._at


def rehearse() -> None:
    """Do everything once, so that a worker, which can open no file, imports nothing late."""
    with tempfile.TemporaryFile() as file:
        _write_clip(file)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for what in ("probe", "load"):
            _Job(Channel(nowhere, nowhere), file.fileno(), what=what, name="a clip").do()
        os.close(nowhere)


def _write_clip(file: IO[bytes]) -> None:
    """A small clip whose picture and sound must be converted."""
    with av.open(file, "w", format="matroska") as output:
        video = output.add_stream("mpeg4", rate=10)
        audio = output.add_stream("ac3", rate=48_000)
        assert isinstance(video, VideoStream)
        assert isinstance(audio, AudioStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio.layout = "stereo"
        for number in range(10):
            picture = VideoFrame(64, 48, "yuv420p")
            picture.pts = number
            output.mux(video.encode(picture))
            sound = AudioFrame("fltp", "stereo", 1536)
            sound.sample_rate, sound.pts = 48_000, 1536 * number
            output.mux(audio.encode(sound))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))
    file.flush()
