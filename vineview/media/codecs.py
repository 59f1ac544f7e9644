"""Codecs: what people call them, which a browser takes, and what is done about those it does not.

A browser is asked about exact codec strings; before any has spoken, a table of what Chromium said
answers (Debian's build, without HEVC; held to the real one by a browser test). A :class:`Plan`
says of each track whether its packets go as they are, are converted, or are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import av

from vineview.media.codec_strings import mime_type

if TYPE_CHECKING:
    from vineview.media.probe import AudioTrack, ClipInfo, VideoTrack

__all__ = [
    "IN_MP4",
    "SUPPORTED",
    "Action",
    "Plan",
    "TrackPlan",
    "codecs_missing",
    "label",
    "plan",
    "supports",
]

IN_MP4 = frozenset({"aac", "av1", "flac", "h264", "hevc", "opus", "vp9"})
"""What goes into fragmented MP4 unchanged, so that a browser might take it."""

SUPPORTED: Mapping[str, bool] = MappingProxyType(
    {
        "avc1.42c01e": True,
        "avc1.4d401f": True,
        "avc1.58001e": True,  # Extended
        "avc1.64001f": True,
        "avc1.6e001f": True,  # High 10
        "avc1.7a001f": True,  # High 4:2:2
        "avc1.f4001f": True,  # High 4:4:4
        "avc1.2c001f": False,  # CAVLC 4:4:4
        "hvc1.1.6.L93.90": False,
        "hvc1.2.4.L93.90": False,
        "hvc1.3.6.L93.90": False,
        "hvc1.4.10.L93.90": False,
        "hev1.1.6.L93.90": False,
        "hev1.2.4.L93.90": False,
        "vp09.00.31.08": True,
        "vp09.01.31.08": True,
        "vp09.02.31.10": True,
        "vp09.03.31.10": True,
        "av01.0.05M.08": True,
        "av01.0.05M.10": True,
        "av01.1.05M.08": True,
        "av01.2.05M.08": True,
        "av01.2.05M.12": True,
        "mp4a.40.1": False,  # Main
        "mp4a.40.2": True,
        "mp4a.40.3": False,  # SSR
        "mp4a.40.4": False,  # LTP
        "mp4a.40.5": True,
        "mp4a.40.29": True,
        "mp4a.40.42": False,  # xHE-AAC
        "flac": True,
        "opus": True,
    }
)
"""What ``MediaSource.isTypeSupported`` answered in Chromium; the strings a page is asked about."""

_TARGETS = {
    "h264": "avc1.64001f",
    "vp9": "vp09.00.31.08",
    "aac": "mp4a.40.2",
    "opus": "opus",
}
_VIDEO_TARGETS, _AUDIO_TARGETS = ("h264", "vp9"), ("aac", "opus")
_FEED_CODECS = frozenset({"aac", "av1", "flac", "gif", "h264", "hevc", "mjpeg", "opus", "vp9"})
_LABELS = {
    "aac": "AAC",
    "aac_latm": "AAC in LATM",
    "ac3": "AC-3",
    "alac": "ALAC",
    "amr_nb": "AMR",
    "amr_wb": "AMR-WB",
    "apng": "APNG",
    "av1": "AV1",
    "cinepak": "Cinepak",
    "dnxhd": "DNxHD",
    "dts": "DTS",
    "eac3": "E-AC-3",
    "ffv1": "FFV1",
    "flac": "FLAC",
    "flv1": "Sorenson H.263",
    "gif": "GIF",
    "h263": "H.263",
    "h264": "H.264",
    "hevc": "HEVC",
    "huffyuv": "HuffYUV",
    "mjpeg": "Motion JPEG",
    "mp2": "MP2",
    "mp3": "MP3",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4 part 2",
    "msmpeg4v3": "MS MPEG-4 v3",
    "opus": "Opus",
    "prores": "ProRes",
    "qtrle": "QuickTime Animation",
    "rawvideo": "raw video",
    "theora": "Theora",
    "vc1": "VC-1",
    "vorbis": "Vorbis",
    "vp8": "VP8",
    "vp9": "VP9",
    "wmav1": "WMA",
    "wmav2": "WMA",
    "wmv1": "WMV",
    "wmv2": "WMV",
    "wmv3": "WMV",
}


class Action(StrEnum):
    """What is done with a track."""

    AS_IS = "as is"
    CONVERT = "converted"
    LEAVE_OUT = "left out"


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """What is done with one track.

    Attributes:
        index: Which stream of the container it is.
        codec: What it is in, in FFmpeg's word.
        action: What is done with it.
        target: What it is converted to (``h264``, ``vp9``, ``aac``, ``opus``); empty if it is not.
        codec_string: What the browser is told of it. After a conversion its level may differ: the
            init segment has the last word. Empty if it is left out.
        reason: Why not as it is, in words; empty if it is.
        size: Width and height of its pictures once converted, in pixels, before they are turned;
            ``None`` until the first is, or if none is.
    """

    index: int
    codec: str
    action: Action
    target: str = ""
    codec_string: str = ""
    reason: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with a clip, so that a browser plays it.

    Attributes:
        video: What is done with its picture, if it has one.
        audio: What is done with its sound, if it has any.
    """

    video: TrackPlan | None
    audio: TrackPlan | None

    @property
    def tracks(self) -> tuple[TrackPlan, ...]:
        """Those that reach the browser, the picture first."""
        both = (self.video, self.audio)
        return tuple(one for one in both if one is not None and one.action is not Action.LEAVE_OUT)

    @property
    def plays(self) -> bool:
        """Whether the picture, or the sound of a clip without one, reaches the browser."""
        lead = self.video or self.audio
        return lead is not None and lead.action is not Action.LEAVE_OUT

    @property
    def converts(self) -> bool:
        """Whether anything must be decoded and encoded again."""
        return any(one.action is Action.CONVERT for one in self.tracks)

    @property
    def mime_type(self) -> str:
        """What ``MediaSource`` is asked about; empty if nothing reaches the browser."""
        strings = [one.codec_string for one in self.tracks]
        return mime_type(strings, has_video=self.tracks[0] is self.video) if strings else ""

    @property
    def sentence(self) -> str:
        """What was done, for the card: ``H.264: as is; AC-3: converted to AAC``."""
        both = [one for one in (self.video, self.audio) if one is not None]
        if both and all(one.action is Action.AS_IS for one in both):
            return f"{', '.join(label(one.codec) for one in both)}: as is"
        return "; ".join(_said(one) for one in both)


def supports(answers: Mapping[str, bool] = SUPPORTED) -> Callable[[str], bool]:
    """What a browser takes, from its answers to some strings.

    Args:
        answers: Whether it takes each; at least the strings of :data:`SUPPORTED`.

    Returns:
        A function of a codec string. One that was not asked about is answered as its like: same
        codec, profile and depth, whatever its level. What has no like is not taken.

    Example:
        >>> takes = supports()
        >>> takes("avc1.640033"), takes("hev1.1.6.L120.90"), takes("dtsc")
        (True, False, False)
    """
    alike = {_kind(string): answer for string, answer in answers.items()}
    return lambda string: answers.get(string, alike.get(_kind(string), False))


def plan(
    info: ClipInfo, supported: Callable[[str], bool] | None = None, *, as_is: bool = True
) -> Plan:
    """Decide what is done with each track of a clip.

    Args:
        info: The clip.
        supported: Whether the browser takes a codec string; the shipped table unless told.
        as_is: Whether anything may go as it is; not after a browser failed to decode it so.

    Example:
        >>> from vineview.media.probe import probe
        >>> plan(probe("data/feed/clips/refused-codec.mp4")).sentence
        'MPEG-4 part 2: converted to H.264; AC-3: converted to AAC'
    """
    takes = supported or supports()
    video, audio = info.video, info.audio
    return Plan(
        None if video is None else _planned(video, takes, _VIDEO_TARGETS, as_is=as_is),
        None if audio is None else _planned(audio, takes, _AUDIO_TARGETS, as_is=as_is),
    )


def _planned(
    track: VideoTrack | AudioTrack,
    takes: Callable[[str], bool],
    targets: tuple[str, ...],
    *,
    as_is: bool,
) -> TrackPlan:
    name, string = label(track.codec), track.codec_string
    is_taken = bool(string) and takes(string)
    if is_taken and not track.obstacle and as_is:
        return TrackPlan(track.index, track.codec, Action.AS_IS, codec_string=string)
    reason = track.obstacle or f"browsers do not play {name}{_profile(track, string)}"
    if is_taken and not track.obstacle:
        reason = "the browser could not decode it as it is"
    for target in targets:
        if takes(_TARGETS[target]):
            return TrackPlan(
                track.index, track.codec, Action.CONVERT, target, _TARGETS[target], reason
            )
    wanted = " or ".join(label(target) for target in targets)
    return TrackPlan(
        track.index,
        track.codec,
        Action.LEAVE_OUT,
        reason=f"{reason}, and this one not even {wanted}",
    )


def _profile(track: VideoTrack | AudioTrack, string: str) -> str:
    """Which kind of a codec it is, where another kind of it is taken."""
    profile = getattr(track, "profile", None)
    return f" {profile}" if profile and string.startswith(("avc1", "vp09", "av01")) else ""


def _said(track: TrackPlan) -> str:
    name = label(track.codec)
    match track.action:
        case Action.AS_IS:
            return f"{name}: as is"
        case Action.CONVERT if track.codec == track.target:
            return f"{name}: encoded anew, {track.reason}"
        case Action.CONVERT:
            return f"{name}: converted to {label(track.target)}"
        case Action.LEAVE_OUT:
            return f"{name}: left out, {track.reason}"


def _kind(string: str) -> tuple[str, ...]:
    """What of a codec string decides whether it is taken: not its level."""
    codec, *rest = string.lower().split(".")
    match codec:
        case "avc1" | "avc3":
            return (codec, *(part[:2] for part in rest[:1]))
        case "hvc1" | "hev1":
            return ("hevc", *rest[:1])
        case "vp09":
            return (codec, *rest[:1])
        case "av01":
            return (codec, *rest[:1], *rest[2:3])
    return (codec, *rest)


def codecs_missing() -> list[str]:
    """The codecs feeds carry that this machine's PyAV was built without; none in its wheels.

    Example:
        >>> codecs_missing()
        []
    """
    return [label(codec) for codec in sorted(_FEED_CODECS - av.codecs_available)]


def label(codec: str) -> str:
    """What people call a codec FFmpeg knows by a short name.

    Example:
        >>> label("h264"), label("pcm_s16le"), label("adpcm_ima_qt")
        ('H.264', 'PCM', 'ADPCM')
    """
    family, _, kind = codec.partition("_")
    if kind and family in {"adpcm", "pcm"}:
        return family.upper()
    return _LABELS.get(codec, codec)
