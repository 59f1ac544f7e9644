"""Probing: what a clip is, and whether and how it will play.

A clip that can be read always gives a :class:`ClipInfo`, whose verdict says in words why it will
not play if it will not; only what is no clip at all raises. The verdict is the plan by which it
would be played, made from the table of what Chromium takes in ``codecs``.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from vineview.errors import MediaError
from vineview.media.boxes import rotation_of
from vineview.media.codec_strings import codec_strings
from vineview.media.codecs import IN_MP4, Action, Plan, TrackPlan, label, plan
from vineview.media.ending import counts_others, over_s
from vineview.media.opening import Source, open_clip, source_name
from vineview.media.remux import header_of
from vineview.media.sniff import encrypted
from vineview.media.survey import Survey, header_survey, is_doubtful, survey
from vineview.media.tail import is_cut, tail_end_s
from vineview.media.tracks import (
    Tracks,
    choose_tracks,
    codec_name,
    is_protected,
    tick,
)

__all__ = [
    "AudioTrack",
    "ClipInfo",
    "Playability",
    "VideoTrack",
    "describe",
    "examined",
    "probe",
    "refused",
]

_VARIABLE_RATIO = 0.02
_MAX_INDEX_ENTRIES = 500_000
_TRUSTED = frozenset({"matroska", "webm", "flv", "avi", "mp4"})
_WEBM_CODECS = frozenset({"av1", "opus", "vorbis", "vp8", "vp9"})
_AAC_OBJECTS = {
    "Main": 1,
    "LC": 2,
    "SSR": 3,
    "LTP": 4,
    "HE-AAC": 5,
    "HE-AACv2": 29,
    "xHE-AAC": 42,
}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The picture of a clip.

    Attributes:
        index: Which stream of the container it is.
        codec: FFmpeg's name, such as ``h264``.
        codec_string: What a browser would be told of it as it is, such as ``avc1.64001f``; empty
            if it does not go into MP4.
        obstacle: What in its packets keeps them from going as they are; empty if nothing does.
        profile: The codec's profile, if it says.
        width: Stored width in pixels, before rotation and stretching.
        height: Stored height in pixels.
        rotation: Degrees clockwise by which it is to be shown: 0, 90, 180 or 270.
        sample_aspect_ratio: Width of a pixel over its height.
        fps: Average pictures per second; ``None`` if unknown.
        is_variable_rate: Whether pictures come at uneven intervals.
        pix_fmt: FFmpeg's name of the pixel format.
    """

    index: int
    codec: str
    codec_string: str
    obstacle: str
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

    index: int
    codec: str
    codec_string: str
    obstacle: str
    channels: int
    sample_rate: int

    def __str__(self) -> str:
        return f"{label(self.codec)} {_LAYOUTS.get(self.channels, f'{self.channels} channels')}"


@dataclass(frozen=True, slots=True)
class Playability:
    """Whether and how a clip plays; true when it does.

    Attributes:
        ok: Whether it plays.
        how: ``as is``, ``converted``, ``without sound``, ``as a picture`` or ``not``.
        reason: What is done and why, or why it does not play and what to do; empty if as is.
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
        duration_s: How long what is there of it plays; ``None`` if neither its header nor its
            packets say.
        size_bytes: How large it is.
        mime_type: What ``MediaSource`` is asked about it; empty if it does not play so.
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
        how = self.verdict.how
        outcome = {"converted": "plays, converted", "not": "does not play"}.get(how, f"plays {how}")
        cut = f" ({self.shortfall})" if self.shortfall else ""
        reason = f": {self.verdict.reason}" if self.verdict.reason else ""
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
    with examined(source, name=name) as (_, info):
        return info


@contextlib.contextmanager
def examined(
    source: Source, *, name: str | None = None
) -> Iterator[tuple[InputContainer, ClipInfo]]:
    """Open a clip and describe it.

    Args:
        source: A path, an open binary file, or a function that opens one.
        name: What to call it in messages; its path unless told.

    Yields:
        The clip, open at its beginning, and what it is. One whose packets had to be counted is
        opened a second time.

    Raises:
        MediaError: As :func:`probe`.
    """
    name = name or source_name(source)
    with open_clip(source, name=name) as container:
        found = _surveyed(source, container, name=name)
        if found is None:
            yield container, describe(container, name=name)
            return
    with open_clip(source, name=name) as container:
        yield container, describe(container, name=name, found=found)


def describe(container: InputContainer, *, name: str, found: Survey | None = None) -> ClipInfo:
    """Describe an open clip; no packet is read.

    Args:
        container: The clip.
        name: What to call it in messages.
        found: What its packets said, if they were counted.

    Raises:
        MediaError: As :func:`~vineview.media.tracks.choose_tracks`.
    """
    tracks = choose_tracks(container, name=name)
    said = found or header_survey(container, tracks)
    obstacles = said.obstacles
    info = ClipInfo(
        format=_format(container),
        video=None if tracks.video is None else _video(tracks.video, obstacles),
        audio=None if tracks.audio is None else _audio(tracks.audio, obstacles),
        duration_s=said.duration_s,
        size_bytes=container.size,
        mime_type="",
        verdict=Playability(ok=False, how="not"),
        track_count=len(container.streams),
    )
    info = _cut(info, container, tracks, found)
    if said.locked_s == 0 or any(is_protected(one) for one in tracks.chosen):
        return refused(info, encrypted("it"))
    if said.locked_s:
        info = replace(info, shortfall=f"encrypted from {said.locked_s:.1f} s on")
    if info.duration_s is not None and said.may_stand:
        info = replace(info, duration_s=over_s(container, info.duration_s))
    if info.shortfall and not info.duration_s:
        reason = f"{info.shortfall}. Upload it again."
        return replace(info, verdict=Playability(ok=False, how="not", reason=reason))
    if said.is_empty:
        reason = "nothing of it is there but its header. Upload it again."
        return replace(info, verdict=Playability(ok=False, how="not", reason=reason))
    decided = plan(info)
    return replace(info, mime_type=decided.mime_type, verdict=_verdict(decided))


def _surveyed(source: Source, container: InputContainer, *, name: str) -> Survey | None:
    """What the packets say, if the header is in doubt; the container is then used up."""
    if not is_doubtful(container) and not is_cut(source, container):
        return None
    tracks = choose_tracks(container, name=name)
    found = (
        survey(container, tracks) if is_doubtful(container) else header_survey(container, tracks)
    )
    end_s = None if found.is_counted else tail_end_s(source, container, tracks)
    return found if end_s is None else replace(found, duration_s=end_s, is_counted=True)


def refused(info: ClipInfo, error: MediaError) -> ClipInfo:
    """A clip that looks as if it would play, and does not.

    Args:
        info: What its header and packets say.
        error: Why no player gets anything of it.
    """
    verdict = Playability(ok=False, how="not", reason=str(error))
    return replace(info, mime_type="", verdict=verdict)


def _video(track: VideoStream, obstacles: Mapping[int, str]) -> VideoTrack:
    init = header_of(track)
    is_taken = codec_name(track) in IN_MP4
    average, base = track.average_rate or track.guessed_rate, track.base_rate
    is_uneven = bool(average and base and abs(float(base / average) - 1) > _VARIABLE_RATIO)
    pixels = track.codec_context.format
    return VideoTrack(
        index=track.index,
        codec=codec_name(track),
        codec_string=next(iter(codec_strings(init)), "") if is_taken else "",
        obstacle=obstacles.get(track.index, ""),
        profile=track.profile,
        width=track.width,
        height=track.height,
        rotation=rotation_of(init),
        sample_aspect_ratio=float(track.sample_aspect_ratio or 1),
        fps=float(average) if average else None,
        is_variable_rate=is_uneven,
        pix_fmt=pixels.name if pixels is not None else None,
    )


def _audio(track: AudioStream, obstacles: Mapping[int, str]) -> AudioTrack:
    init = header_of(track) if codec_name(track) in IN_MP4 else b""
    string = next(iter(codec_strings(init)), "")
    if not string and codec_name(track) == "aac":  # its configuration is in its packets
        string = f"mp4a.40.{_AAC_OBJECTS.get(track.profile or 'LC', 0)}"
    return AudioTrack(
        index=track.index,
        codec=codec_name(track),
        codec_string=string,
        obstacle=obstacles.get(track.index, ""),
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


def _verdict(decided: Plan) -> Playability:
    """The plan in words; a GIF needs none, browsers show it as a picture."""
    video, audio = decided.video, decided.audio
    if video is not None and video.codec == "gif":
        return Playability(ok=True, how="as a picture")
    reasons = [
        _conversion(one) if one.action is Action.CONVERT else one.reason
        for one in (video, audio)
        if one is not None and one.reason
    ]
    how = "converted" if decided.converts else "as is"
    if not decided.plays:
        how = "not"
    elif video is not None and audio is not None and audio.action is Action.LEAVE_OUT:
        how = "without sound"
    return Playability(ok=decided.plays, how=how, reason="; ".join(reasons))


def _conversion(track: TrackPlan) -> str:
    if track.codec == track.target:
        return f"{label(track.codec)} anew, {track.reason}"
    return f"{label(track.codec)} to {label(track.target)}, {track.reason}"


def _cut(
    info: ClipInfo, container: InputContainer, tracks: Tracks, found: Survey | None
) -> ClipInfo:
    """How much of a clip that was cut off is there: by an MP4's index, or by its packets."""
    header_s = (container.duration or 0) / 1e6
    by_index = _cut_by_index(info, container, tracks, header_s)
    if by_index is not None or found is None:
        return by_index or info
    there_s = found.duration_s or 0.0
    is_cut = found.is_counted and 0 < there_s < header_s - max(1.0, 0.05 * header_s)
    if not is_cut or counts_others(container) or info.format not in _TRUSTED:
        return info
    return replace(
        info, shortfall=f"cut off: the first {there_s:.1f} s of {header_s:.1f} s are there"
    )


def _cut_by_index(
    info: ClipInfo, container: InputContainer, tracks: Tracks, header_s: float
) -> ClipInfo | None:
    size, end, cut_at_s, ends_s = container.size, 0, None, []
    for track in tracks.chosen if info.format == "mp4" else ():
        index: Any = track.index_entries
        if not len(index):
            continue
        last_s = float(index[len(index) - 1].timestamp * tick(track))
        if index[len(index) - 1].pos + index[len(index) - 1].size > size:
            missing = [
                one
                for one in itertools.islice(index, _MAX_INDEX_ENTRIES)
                if one.pos + one.size > size
            ]
            last_s = max(min(float(one.timestamp * tick(track)) for one in missing), 0.0)
            end = max(end, *(one.pos + one.size for one in missing))
            cut_at_s = last_s if cut_at_s is None else min(cut_at_s, last_s)
        ends_s.append(last_s)
    if cut_at_s is None:
        return None
    return replace(
        info,
        duration_s=max(ends_s),
        shortfall=f"cut off: the first {cut_at_s:.1f} s of {header_s:.1f} s are there, {size:,} of "
        f"at least {end:,} bytes",
    )
