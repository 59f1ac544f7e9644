"""The corpus: a small clip for each way a clip can be, each with what a player must make of it.

Made at test time with PyAV's own encoders and muxers, none over 300 kB. Each either plays to its
end, with sound if it has any, or gives its own reason. ``python -m vineview.media.corpus OUT``
leaves them in a folder.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from vineview.media.boxes import boxes, find
from vineview.media.synthesis import Card, encode

__all__ = ["CORPUS", "Item", "make_corpus", "repacked"]

_X264 = {"preset": "ultrafast", "crf": "35"}
_X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}
_VPX = {"crf": "44", "b": "0", "deadline": "realtime", "cpu-used": "8"}
_BASE = Card(
    picture="testsrc2",
    size=(160, 120),
    seconds=2,
    fps=15,
    video_options=_X264,
    keyframe_every_s=1.0,
)
_KEY = "00112233445566778899aabbccddeeff"
_KEYS = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": _KEY, "encryption_kid": _KEY}
_CUT_RATIO = 0.6

Maker = Callable[[Path, Path], None]
"""Writes a clip to the second path, from a plain one at the first."""


@dataclass(frozen=True, slots=True)
class Item:
    """One clip of the corpus.

    Attributes:
        plays: ``as is``, ``converted``, or ``not``.
        make: A card to encode, or what makes it of the plain clip.
        reason: Words its reason holds, if it does not play.
    """

    plays: str
    make: Card | Maker
    reason: str = ""


def repacked(
    clip: Path,
    path: Path,
    *,
    options: Mapping[str, str] | None = None,
    change: Callable[[Packet[Any]], bool] = lambda _: True,
    repeat: int = 1,
    template: Mapping[str, str] | None = None,
) -> None:
    """Write a clip's packets to another container.

    Args:
        clip: Where from.
        path: Where to; its extension chooses the container.
        options: Of the muxer.
        change: Called with each packet, may change it; false leaves it out.
        repeat: How often each track is written.
        template: Metadata of the container.
    """
    with (
        av.open(str(clip)) as source,
        av.open(str(path), "w", container_options=dict(options or {})) as target,
    ):
        target.metadata.update(template or {})
        tracks = [
            (one.index, target.add_stream_from_template(one, opaque=True))
            for _ in range(repeat)
            for one in source.streams
        ]
        for packet in source.demux():
            if not packet.size or not change(packet):
                continue
            index, times = packet.stream_index, (packet.pts, packet.dts)
            for track in [track for origin, track in tracks if origin == index]:
                copy = Packet(bytes(packet))
                copy.time_base, copy.duration = packet.time_base, packet.duration
                copy.pts, copy.dts = times
                copy.is_keyframe = packet.is_keyframe
                copy.stream = track
                target.mux_one(copy)


def _packed(**arguments: Any) -> Maker:
    return lambda clip, path: repacked(clip, path, **arguments)


def _shifted(*, video_s: float = 0.0, audio_s: float = 0.0) -> Callable[[Packet[Any]], bool]:
    """Packets later or earlier than they are."""

    def change(packet: Packet[Any]) -> bool:
        by = round((video_s if packet.stream.type == "video" else audio_s) / packet.time_base)
        packet.pts, packet.dts = (packet.pts or 0) + by, (packet.dts or 0) + by
        return True

    return change


def _uneven(packet: Packet[Any]) -> bool:
    """Pictures that come faster and slower: every third is missing."""
    beat = packet.time_base * 15
    return (
        packet.stream.type != "video"
        or packet.is_keyframe
        or round((packet.dts or 0) * beat) % 3 > 0
    )


def _without_pts(packet: Packet[Any]) -> bool:
    """Pictures without a presentation time, as in AVI."""
    if packet.stream.type == "video":
        packet.pts = packet.dts
    return True


def _after_first_keyframe(packet: Packet[Any]) -> bool:
    """A broadcast somebody tuned in to: its first pictures lack what they are made from."""
    at_s = float((packet.dts or 0) * packet.time_base)
    return packet.stream.type != "video" or at_s > 0.3  # noqa: PLR2004


def _only(kind: str) -> Callable[[Packet[Any]], bool]:
    return lambda packet: packet.stream.type == kind


def _few_sounds(packet: Packet[Any]) -> bool:
    """Sound that ends after its first tenth of a second."""
    return packet.stream.type == "video" or float((packet.dts or 0) * packet.time_base) < 0.1  # noqa: PLR2004


def _cut(ratio: float, suffix: str = ".mp4", **options: str) -> Maker:
    """The first part of a clip."""

    def make(clip: Path, path: Path) -> None:
        whole = path.with_name(f"whole-{path.stem}{suffix}")
        repacked(clip, whole, options=options)
        data = whole.read_bytes()
        whole.unlink()
        path.write_bytes(data[: int(len(data) * ratio)])

    return make


def _pasted(clip: Path, path: Path) -> None:
    """Two broadcasts, one behind the other."""
    repacked(clip, path)
    path.write_bytes(path.read_bytes() * 2)


def _headless(clip: Path, path: Path) -> None:
    """An MP4 cut right behind its index."""
    repacked(clip, path, options={"movflags": "+faststart"})
    data = path.read_bytes()
    moov = next(box for box in boxes(data) if box.kind == "moov")
    path.write_bytes(data[: moov.end + 16])


def _renamed(entry: bytes, name: bytes) -> Maker:
    """A clip that says another codec of its picture, one nobody knows."""

    def make(clip: Path, path: Path) -> None:
        repacked(clip, path, options={"movflags": "+faststart"})
        data = path.read_bytes()
        stsd = next(find(data, "moov/trak/mdia/minf/stbl/stsd"))
        head, body, tail = data[: stsd.start], data[stsd.start : stsd.end], data[stsd.end :]
        path.write_bytes(head + body.replace(entry, name).replace(b"avcC", b"xxxC") + tail)

    return make


def _wide_by_header(clip: Path, path: Path) -> None:
    """A clip that only its track's header (ISO/IEC 14496-12, 8.3.2) says is twice as wide."""
    repacked(clip, path, options=_FAST)
    data = path.read_bytes()
    width_at = next(find(data, "moov/trak/tkhd")).end - 8
    width = int.from_bytes(data[width_at : width_at + 4]) * 2
    path.write_bytes(data[:width_at] + width.to_bytes(4) + data[width_at + 4 :])


def _giant(_: Path, path: Path) -> None:
    """A header of a few bytes that claims 32768 by 32768 pixels."""
    canvas = (32_768).to_bytes(2, "little") * 2
    frame = b"\x21\xf9\x04\0\x0a\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    path.write_bytes(b"GIF89a" + canvas + b"\x80\0\0" + b"\0\0\0\xff\xff\xff" + frame * 3 + b";")


def _zip(_: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip.txt", "no clip")


def _text(text: str) -> Maker:
    def make(_: Path, path: Path) -> None:
        path.write_bytes(text.encode())

    return make


def _card(**changes: Any) -> Card:
    return replace(_BASE, **changes)


_TS_SOUND = {"audio_codec": "mp2", "video_codec": "mpeg2video", "video_options": {}}
_FAST = {"movflags": "+faststart"}
_FRAGMENTS = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}
_SEPARATE = {"movflags": "+frag_every_frame+empty_moov+separate_moof"}

_AS_IS: dict[str, Card | Maker] = {
    "high.mp4": _card(video_options={"preset": "veryfast", "bf": "3"}, container_options=_FAST),
    "baseline.mp4": _card(video_options={**_X264, "profile": "baseline"}),
    "index-last.mp4": _card(),
    "fragmented.mp4": _card(container_options=_FRAGMENTS),
    "separate-fragments.mp4": _card(container_options=_SEPARATE),
    "turned-90.mp4": _card(rotation=90),
    "turned-180.mp4": _card(rotation=180),
    "turned-270.mov": _card(rotation=270),
    "wide-pixels.mp4": _card(steps=("setsar=16/11",)),
    "wide-by-header.mp4": _wide_by_header,
    "no-sound.mp4": _card(tone_hz=None),
    "silence.mp4": _card(tone_hz=1),
    "surround.mp4": _card(channels="5.1"),
    "mono-22k.mp4": _card(channels="mono", rate_hz=22_050),
    "one-picture.mp4": _card(seconds=1 / 15, tone_hz=None),
    "slow.mp4": _card(fps=1, seconds=3),
    "fast.mp4": _card(fps=120, seconds=1),
    "main.mkv": _card(),
    "main.ts": _card(),
    "main.flv": _card(rate_hz=44_100),
    "main.avi": _card(audio_codec="aac", tone_hz=None),
    "main.3gp": _card(),
    "ten-bit.mp4": _card(pix_fmt="yuv420p10le"),
    "full-chroma.mp4": _card(pix_fmt="yuv444p"),
    "vp9-opus.mp4": _card(video_codec="libvpx-vp9", video_options=_VPX, audio_codec="libopus"),
    "vp9-opus.webm": _card(video_codec="libvpx-vp9", video_options=_VPX, audio_codec="libopus"),
    "av1-flac.mp4": _card(
        video_codec="libsvtav1", video_options={"preset": "12"}, audio_codec="flac"
    ),
    "av1-opus.webm": _card(
        video_codec="libsvtav1", video_options={"preset": "12"}, audio_codec="libopus"
    ),
    "begins-late.mp4": _packed(change=_shifted(video_s=3, audio_s=3)),
    "begins-at-ten-hours.mkv": _packed(change=_shifted(video_s=36_000, audio_s=36_000)),
    "picture-late.mp4": _packed(change=_shifted(video_s=0.8)),
    "picture-late.mkv": _packed(change=_shifted(video_s=1.5)),
    "joined-midway.ts": _packed(change=_after_first_keyframe),
    "clock-wraps.ts": _packed(options={"output_ts_offset": "95442.7"}),
    "pasted.ts": _pasted,
    "uneven.mp4": _packed(change=_uneven),
    "no-presentation-times.mkv": _packed(change=_without_pts),
    "live.mkv": _packed(options={"live": "1"}),
    "eight-tracks.mkv": _packed(repeat=4),
    "sound-ends-early.mp4": _packed(change=_few_sounds),
    "only-sound.m4a": _packed(change=_only("audio")),
    "empty-sound-track.mp4": _packed(change=_only("video")),
    "cut-behind-index.mp4": _cut(_CUT_RATIO, movflags="+faststart"),
    "cut.mkv": _cut(_CUT_RATIO, ".mkv"),
    "cut.ts": _cut(_CUT_RATIO, ".ts"),
    "cut.flv": _cut(_CUT_RATIO, ".flv"),
}
_CONVERTED: dict[str, Card | Maker] = {
    "hevc.mp4": _card(video_codec="libx265", video_options=_X265),
    "hevc.mkv": _card(video_codec="libx265", video_options=_X265),
    "hevc-ten-bit.mp4": _card(
        video_codec="libx265", video_options=_X265, pix_fmt="yuv420p10le", audio_codec="ac3"
    ),
    "mpeg4.mp4": _card(video_codec="mpeg4", video_options={}),
    "mpeg4-turned.mp4": _card(video_codec="mpeg4", video_options={}, rotation=90),
    "mpeg4-mp3.avi": _card(
        video_codec="mpeg4", video_options={"bf": "2"}, audio_codec="libmp3lame"
    ),
    "mpeg2-mp2.ts": _card(**_TS_SOUND),
    "mpeg2-mp2.mpg": _card(**_TS_SOUND, fps=25),
    "h263.3gp": _card(video_codec="h263", video_options={}, size=(176, 144), audio_codec="aac"),
    "sorenson.flv": _card(
        video_codec="flv", video_options={}, audio_codec="libmp3lame", rate_hz=44_100
    ),
    "odd-size.mkv": _card(video_codec="mpeg4", video_options={}, size=(161, 121)),
    "vp8-vorbis.webm": _card(
        video_codec="libvpx",
        video_options=_VPX,
        audio_codec="vorbis",
        audio_options={"strict": "-2"},
    ),
    "motion-jpeg.avi": _card(
        video_codec="mjpeg",
        video_options={},
        pix_fmt="yuvj420p",
        audio_codec="pcm_s16le",
        seconds=1,
    ),
    "prores.mov": _card(
        video_codec="prores",
        video_options={},
        pix_fmt="yuv422p10le",
        audio_codec="pcm_s16le",
        size=(64, 48),
        seconds=1,
    ),
    "ac3.mp4": _card(audio_codec="ac3"),
    "eac3.mkv": _card(audio_codec="eac3"),
    "alac.mp4": _card(audio_codec="alac", seconds=1),
    "vorbis.mp4": _card(audio_codec="vorbis", audio_options={"strict": "-2"}),
    "pcm.mov": _card(audio_codec="pcm_s16le", seconds=1),
    "mp3.mp4": _card(audio_codec="libmp3lame"),
    "mp2.mkv": _card(audio_codec="mp2"),
    "quad.mp4": _card(channels="quad"),
    "wmv.asf": _card(video_codec="msmpeg4", video_options={}, audio_codec="ac3"),
    "moving.gif": _card(video_codec="gif", pix_fmt="rgb8", tone_hz=None, fps=10),
    "sound-late.mp4": _packed(change=_shifted(audio_s=1)),
    "trimmed.mp4": _packed(change=_shifted(video_s=-0.5, audio_s=-0.5)),
}
_REASONS: dict[str, tuple[Card | Maker, str]] = {
    "page.mp4": (_text("<!doctype html><title>404</title>"), "it is a web page"),
    "text.mp4": (_text("no clip at all\n" * 9), "it is a text file"),
    "archive.mp4": (_zip, "it is a ZIP archive"),
    "empty.mp4": (_text(""), "is empty (0 bytes)"),
    "playlist.mp4": (_text("#EXTM3U\n#EXTINF:9,\nhigh.mp4\n#EXT-X-ENDLIST\n"), "HLS playlist"),
    "concatenation.mp4": (_text("ffconcat version 1.0\nfile 'high.mp4'\n"), "concatenate"),
    "cut-before-index.mp4": (_cut(_CUT_RATIO), "its index (moov), which comes last, is missing"),
    "only-header.mp4": (_headless, "cut off"),
    "encrypted.mp4": (_card(container_options=_KEYS), "encrypted"),
    "unknown-codec.mp4": (_renamed(b"avc1", b"zzzz"), "a codec nobody here knows"),
    "giant.mp4": (_giant, "no picture size a player could show"),
}

CORPUS: Mapping[str, Item] = {
    **{name: Item("as is", make) for name, make in _AS_IS.items()},
    **{name: Item("converted", make) for name, make in _CONVERTED.items()},
    **{name: Item("not", make, reason) for name, (make, reason) in _REASONS.items()},
}
"""The clips by name."""


def make_corpus(folder: Path) -> list[Path]:
    """Make every clip of the corpus.

    Args:
        folder: Where to; it must exist.

    Returns:
        The files written, in the order of :data:`CORPUS`.
    """
    plain = encode(folder / ".plain.mp4", _BASE)
    made = []
    for name, item in CORPUS.items():
        path = folder / name
        if isinstance(item.make, Card):
            encode(path, item.make)
        else:
            item.make(plain, path)
        made.append(path)
    plain.unlink()
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m vineview.media.corpus", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path, metavar="OUT", help="where the clips go")
    out = parser.parse_args().folder
    out.mkdir(parents=True, exist_ok=True)
    for clip in make_corpus(out):
        sys.stdout.write(f"{clip}\n")
