"""Tracks: which of a clip's go to the browser: one picture and one sound, as FFmpeg would choose.

Which of them go as they are is a :class:`~vineview.media.codecs.Plan`'s to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from vineview.errors import MediaError
from vineview.media.codecs import IN_MP4, Action, Plan, label
from vineview.media.opening import MAX_PIXELS
from vineview.media.sniff import encrypted

__all__ = [
    "Tracks",
    "choose_tracks",
    "codec_name",
    "is_encrypted",
    "is_protected",
    "tick",
]

_MICROSECOND = Fraction(1, 1_000_000)
_PROTECTED_TAGS = frozenset({"drms", "drmi", "enca", "encv"})
_KEY_ID = "enc_key_id"  # FFmpeg's word for Matroska's ContentEncKeyID


@dataclass(frozen=True, slots=True)
class Tracks:
    """The picture and the sound a player takes of a clip; either may be missing."""

    video: VideoStream | None
    audio: AudioStream | None

    @property
    def chosen(self) -> list[Stream]:
        """Those of the two there are, the picture first."""
        return [track for track in (self.video, self.audio) if track is not None]

    def sent(self, plan: Plan | None = None, *, name: str) -> list[Stream]:
        """The tracks whose packets go to the browser as they are, the leading one first.

        Args:
            plan: What is done with each; without one, all that fit into MP4 are sent.
            name: What to call the clip in messages.

        Raises:
            MediaError: The clip is under DRM (``encrypted``), or the leading track is not one of
                them (``refused-codec``), unless the plan leaves it out and sends the other.
        """
        both = self.chosen
        if any(is_protected(track) for track in both):
            raise encrypted(name)
        sent = [track for track in both if _goes_as_is(track, plan)]
        if not sent or (plan is None and both[0] not in sent):
            raise _refused(both[0], name=name)
        return sent


def choose_tracks(container: InputContainer, *, name: str) -> Tracks:
    """The picture and the sound of a clip; cover pictures are not video.

    Raises:
        MediaError: There is neither (``no-media``), the picture's codec is not known
            (``unknown-codec``), or it is larger than
            :data:`~vineview.media.opening.MAX_PIXELS` (``too-large``).
    """
    pictures = [_best(container, "video"), *container.streams.video]
    video = next(
        (
            one
            for one in pictures
            if isinstance(one, VideoStream) and not one.disposition & Disposition.attached_pic
        ),
        None,
    )
    sound = _best(container, "audio", beside=video)
    audio = sound if isinstance(sound, AudioStream) and _is_known(sound) else None
    if video is not None and audio is not None and container.format.name == "mpegts":
        # A broadcast's table may announce a picture of which nothing ever comes.
        video = video if video.width else None
    if video is None and audio is None:
        raise MediaError(
            f"{name} holds neither picture nor sound",
            source=name,
            reason="no-media",
            hint="It may be cut off right after its header; upload it again.",
        )
    if video is not None and not _is_known(video):
        raise MediaError(
            f"the picture of {name} is in a codec nobody here knows",
            source=name,
            reason="unknown-codec",
            hint="Check that it plays elsewhere; re-encode it as H.264 if so.",
        )
    # A decoder kept from pictures beyond the limit leaves a size of 0.
    if video is not None and not 0 < video.width * video.height <= MAX_PIXELS:
        raise MediaError(
            f"{name} has no picture size a player could show: it is damaged, or more than "
            f"{MAX_PIXELS / 1e6:.0f} million pixels",
            source=name,
            reason="too-large",
            hint="Scale it down, or check whether its header is damaged.",
        )
    return Tracks(video, audio)


def is_encrypted(packet: Packet[Any]) -> bool:
    """Whether a packet says of itself that it is under DRM.

    Side data is walked, and most packets have none: asking for one kind by its name costs more
    than muxing the packet.
    """
    return any(one.data_type == "encryption_info" for one in packet.iter_sidedata())


def is_protected(track: Stream) -> bool:
    """Whether a track says of itself that it is under DRM."""
    return _is_known(track) and (_tag(track) in _PROTECTED_TAGS or _KEY_ID in track.metadata)


def codec_name(track: Stream) -> str:
    """FFmpeg's short name of a track's codec, whichever decoder would be used for it."""
    return track.codec_context.codec.canonical_name if _is_known(track) else "unknown"


def tick(track: Stream) -> Fraction:
    """A track's time base; PyAV gives ``None`` or 0/1 where there is none."""
    return track.time_base or _MICROSECOND


def _best(
    container: InputContainer, kind: Literal["video", "audio"], *, beside: Stream | None = None
) -> Stream | None:
    """The track FFmpeg would choose; none if it is one that appeared only while reading.

    Args:
        container: The clip.
        kind: What is looked for.
        beside: A track of the programme wanted, where a broadcast carries several.
    """
    try:
        return container.streams.best(kind, beside)
    except IndexError:
        return None


def _is_known(track: Stream) -> bool:
    """Whether FFmpeg can decode a track; if not, PyAV gives it no codec context."""
    return getattr(track, "codec_context", None) is not None


def _goes_as_is(track: Stream, plan: Plan | None) -> bool:
    if plan is None:
        return codec_name(track) in IN_MP4
    return any(one.index == track.index and one.action is Action.AS_IS for one in plan.tracks)


def _tag(track: Stream) -> str:
    try:
        return track.codec_context.codec_tag
    except UnicodeDecodeError:  # AVI's tags are numbers as well as letters
        return ""


def _refused(track: Stream, *, name: str) -> MediaError:
    """The error for a codec no browser takes."""
    how = "-c:v libx264 -c:a aac" if track.type == "video" else "-c:a aac"
    return MediaError(
        f"{name}: browsers do not play {label(codec_name(track))}",
        source=name,
        reason="refused-codec",
        hint=f"Re-encode it, for example: ffmpeg -i IN {how} -movflags +faststart OUT.mp4",
    )
