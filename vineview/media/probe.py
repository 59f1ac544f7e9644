"""Probing: what a clip is, and whether and how it will play.

A clip that can be read always gives a :class:`ClipInfo`, whose verdict says in words why it will
not play if it will not; only what is no clip at all raises. The verdict comes from the same steps
that would play it (tracks chosen, header and first fragment written), so the two cannot disagree;
what Chromium takes is a table in ``codecs``.
"""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from vineview.errors import MediaError
from vineview.media.boxes import rotation_of
from vineview.media.codecs import VIDEO_UNDECIDED, codec_strings, label, mime_type
from vineview.media.opening import Source, open_clip, source_name
from vineview.media.remux import Remuxer
from vineview.media.tracks import Tracks, choose_tracks, codec_name, tick

__all__ = ["AudioTrack", "ClipInfo", "Playability", "VideoTrack", "describe", "probe"]

_VARIABLE_RATIO = 0.02
_MAX_INDEX_ENTRIES = 500_000
_WEBM_CODECS = frozenset({"av1", "opus", "vorbis", "vp8", "vp9"})
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The picture of a clip.

    Attributes:
        codec: FFmpeg's name, such as ``h264``.
        codec_string: What a browser is told, such as ``avc1.64001f``; empty if none takes it.
        profile: The codec's profile, if it says.
        width: Stored width in pixels, before rotation and stretching.
        height: Stored height in pixels.
        rotation: Degrees clockwise by which it is to be shown: 0, 90, 180 or 270.
        sample_aspect_ratio: Width of a pixel over its height.
        fps: Average pictures per second; ``None`` if unknown.
        is_variable_rate: Whether pictures come at uneven intervals.
        pix_fmt: FFmpeg's name of the pixel format.
    """

    codec: str
    codec_string: str
    profile: str | None
    width: int
    height: int
    rotation: int
    sample_aspect_ratio: float
    fps: float | None
    is_variable_rate: bool
    pix_fmt: str | None

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as shown: pixels made square, then turned."""
        width = max(round(self.width * self.sample_aspect_ratio), 1)
        return (self.height, width) if self.rotation in {90, 270} else (width, self.height)

    def __str__(self) -> str:
        profile = f" {self.profile}" if self.profile else ""
        turned = f" turned {self.rotation} degrees" if self.rotation else ""
        return f"{label(self.codec)}{profile} {self.width}x{self.height}{turned}"


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound of a clip; fields as in :class:`VideoTrack`."""

    codec: str
    codec_string: str
    channels: int
    sample_rate: int

    def __str__(self) -> str:
        return f"{label(self.codec)} {_LAYOUTS.get(self.channels, f'{self.channels} channels')}"


@dataclass(frozen=True, slots=True)
class Playability:
    """Whether and how a clip plays; true when it does.

    Attributes:
        ok: Whether it plays.
        how: ``as is``, ``without sound``, ``if the browser can``, ``as a picture`` or ``not``.
        reason: Why not as is, and what to do about it; empty if as is.
    """

    ok: bool
    how: str
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip is.

    Attributes:
        format: The container, in FFmpeg's word (``mp4``, ``matroska``, ``mpegts`` ...).
        video: Its picture, if it has one.
        audio: Its sound, if it has any.
        duration_s: How long it is by its header; ``None`` if it does not say.
        size_bytes: How large it is.
        mime_type: What remuxing will produce, for ``MediaSource``; empty if nothing.
        verdict: Whether and how it will play.
        shortfall: What is missing of a clip that was cut off; empty if nothing is known to be.
        track_count: How many tracks it has in all.
    """

    format: str
    video: VideoTrack | None
    audio: AudioTrack | None
    duration_s: float | None
    size_bytes: int
    mime_type: str
    verdict: Playability
    shortfall: str = ""
    track_count: int = 0

    @property
    def summary(self) -> str:
        """One line for a card, such as ``H.264 Main 1280x720, AAC 5.1: plays as is``."""
        tracks = ", ".join(str(track) for track in (self.video, self.audio) if track is not None)
        outcome = f"plays {self.verdict.how}" if self.verdict else "cannot play"
        cut = f" ({self.shortfall})" if self.shortfall else ""
        reason = f"; {self.verdict.reason}" if self.verdict.reason else ""
        return f"{tracks}: {outcome}{cut}{reason}"


def probe(source: Source, *, name: str | None = None) -> ClipInfo:
    """Find out what a clip is and whether it will play.

    Reads the header and the first fraction of a second, never the whole clip.

    Args:
        source: A path, an open binary file, or a function that opens one.
        name: What to call it in messages; its path unless told.

    Raises:
        MediaError: It is no clip, or too damaged to say anything of; see
            :func:`~vineview.media.opening.open_clip` and
            :func:`~vineview.media.tracks.choose_tracks` for the reasons.

    Example:
        >>> probe("data/feed/clips/bigbuckbunny.mp4").summary
        'H.264 Main 1280x720, AAC 5.1: plays as is'
    """
    name = name or source_name(source)
    with open_clip(source, name=name) as container:
        remuxer, problem = Remuxer(source, name=name), None
        try:
            with contextlib.closing(remuxer.read(container)) as segments:
                next(segments)
        except MediaError as error:
            if error.reason not in {"refused-codec", "encrypted", "no-packets"}:
                raise
            problem = error
        init = b"" if problem else remuxer.init_segment
        return describe(container, init, name=name, problem=problem)


def describe(
    container: InputContainer, init: bytes, *, name: str, problem: MediaError | None = None
) -> ClipInfo:
    """Describe an open clip.

    Args:
        container: The clip.
        init: The init segment remuxing it gave; empty if it could not be.
        name: What to call it in messages.
        problem: Why it could not be remuxed.

    Raises:
        MediaError: As :func:`~vineview.media.tracks.choose_tracks`.
    """
    tracks = choose_tracks(container, name=name)
    strings = codec_strings(init)
    video = audio = None
    if tracks.video is not None:
        string = strings[0] if strings else ""
        video = _video(tracks.video, string, rotation_of(init))
    if tracks.audio is not None:
        string = strings[-1] if strings and tracks.takes_sound else ""
        audio = _audio(tracks.audio, string)
    duration_us = container.duration
    return ClipInfo(
        format=_format(container),
        video=video,
        audio=audio,
        duration_s=duration_us / 1_000_000 if duration_us and duration_us > 0 else None,
        size_bytes=container.size,
        mime_type=mime_type(strings, has_video=video is not None) if strings else "",
        verdict=_verdict(tracks, problem),
        shortfall=_shortfall(container),
        track_count=len(container.streams),
    )


def _video(track: VideoStream, string: str, rotation: int) -> VideoTrack:
    average, base = track.average_rate or track.guessed_rate, track.base_rate
    is_uneven = bool(average and base and abs(float(base / average) - 1) > _VARIABLE_RATIO)
    pixels = track.codec_context.format
    return VideoTrack(
        codec=codec_name(track),
        codec_string=string,
        profile=track.profile,
        width=track.width,
        height=track.height,
        rotation=rotation,
        sample_aspect_ratio=float(track.sample_aspect_ratio or 1),
        fps=float(average) if average else None,
        is_variable_rate=is_uneven,
        pix_fmt=pixels.name if pixels is not None else None,
    )


def _audio(track: AudioStream, string: str) -> AudioTrack:
    return AudioTrack(
        codec=codec_name(track),
        codec_string=string,
        channels=track.channels,
        sample_rate=track.sample_rate or 0,
    )


def _format(container: InputContainer) -> str:
    """The container's usual name; FFmpeg's is a list for MP4's family and Matroska's."""
    names = container.format.name.split(",")
    if "mp4" in names:
        return "mp4"
    if "webm" in names and all(
        codec_name(one) in _WEBM_CODECS
        for one in (*container.streams.video, *container.streams.audio)
    ):
        return "webm"
    return names[0]


def _verdict(tracks: Tracks, problem: MediaError | None) -> Playability:
    if problem is not None and tracks.video is not None and codec_name(tracks.video) == "gif":
        return Playability(ok=True, how="as a picture")
    if problem is not None:
        return Playability(ok=False, how="not", reason=_without_name(problem))
    how, reasons = "as is", []
    if tracks.audio is not None and not tracks.takes_sound:
        how = "without sound"
        reasons.append(
            f"browsers do not play {label(codec_name(tracks.audio))} in MP4; re-encode the "
            "sound, for example: ffmpeg -i IN -c:v copy -c:a aac OUT.mp4"
        )
    if tracks.video is not None and codec_name(tracks.video) in VIDEO_UNDECIDED:
        how = "if the browser can"
        reasons.append(
            f"{label(codec_name(tracks.video))} plays only where the machine decodes it in "
            "hardware; re-encode it as H.264 to be sure"
        )
    return Playability(ok=True, how=how, reason="; ".join(reasons))


def _without_name(problem: MediaError) -> str:
    message = problem.message.removeprefix(f"{problem.source}: ").removeprefix(f"{problem.source} ")
    return f"{message}. {problem.hint}" if problem.hint else message


def _shortfall(container: InputContainer) -> str:
    """How much of an MP4 is there, by its own index; empty if all of it, or if it has none."""
    if _format(container) != "mp4":
        return ""
    size, end, missing_from_s = container.size, 0, None
    for track in container.streams:
        index: Any = track.index_entries
        if not len(index) or index[len(index) - 1].pos + index[len(index) - 1].size <= size:
            continue  # media is stored in the order of time, so all of this track is there
        for entry in itertools.islice(index, _MAX_INDEX_ENTRIES):
            end = max(end, entry.pos + entry.size)
            if entry.pos + entry.size > size:
                at_s = float(entry.timestamp * tick(track))
                missing_from_s = at_s if missing_from_s is None else min(missing_from_s, at_s)
    if missing_from_s is None:
        return ""
    there = f"the first {max(missing_from_s, 0.0):.1f} s of {(container.duration or 0) / 1e6:.1f} s"
    return f"cut off: {there} are there, {size:,} of at least {end:,} bytes"
