"""Folders: which files of one are clips, by name or by content, and what the others are.

A name that says video is believed, so that a damaged clip still gets its card. Anything else is
judged by its first bytes, as FFmpeg would judge it; still pictures count as clips, and what is
neither is listed, never passed over in silence. Folders below are not searched and hidden files
are not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from vineview.core.events import VideoEvent
from vineview.core.validation import Finding
from vineview.errors import FeedError
from vineview.media.sniff import what_is
from vineview.media.stills import HEAD_BYTES, picture_type

__all__ = ["clip_events", "clip_type", "folder_events"]

_BY_NAME = {
    ".3gp": "video/3gpp",
    ".apng": "image/apng",
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".gif": "image/gif",
    ".m2ts": "video/mp2t",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".mts": "video/mp2t",
    ".ogg": "video/ogg",
    ".ogv": "video/ogg",
    ".vob": "video/mpeg",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}
_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"styp"}
_BY_CONTENT = (
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"FLV", "video/x-flv"),
    (b"OggS", "video/ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
    (b"\x00\x00\x01\xb0", "video/mpeg"),
    (b"\x00\x00\x00\x01", "video/h264"),
    (b".RMF", "video/x-pn-realvideo"),
    (b"\x06\x0e\x2b\x34", "application/mxf"),
    (b"DKIF", "video/x-ivf"),
    (b"nut/multimedia container", "video/x-nut"),
    (b"\x84\x10\xff\xff\xff\xff", "video/x-roq"),
    (b"\x1f\x07\x00", "video/dv"),
    (b"\x12\x00", "video/av1"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"wvpk", "audio/x-wavpack"),
    (b"TTA", "audio/x-tta"),
    (b"caff", "audio/x-caf"),
    (b".snd", "audio/basic"),
    (b"#!AMR", "audio/amr"),
    (b"riff\x2e\x91\xcf\x11", "audio/x-w64"),
    (b"\x0b\x77", "audio/ac3"),
    (b"\x7f\xfe\x80\x01", "audio/vnd.dts"),
)
_RIFF = {b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
_FRAMES = {
    b"\xff\xf1",
    b"\xff\xf9",
    b"\xff\xfb",
    b"\xff\xfa",
    b"\xff\xf3",
    b"\xff\xfd",
    b"\xff\xfc",
}
_TS_SYNC = 0x47
_TS_PACKETS = (188, 192, 204)  # plain, with a time before each, with a checksum after each
_LEAST_PACKETS = 4


def clip_type(path: Path) -> str:
    """A file's MIME type if it is a clip or a picture: by its name, else by its first bytes.

    Args:
        path: The file.

    Returns:
        Empty for what is none.

    Raises:
        OSError: It cannot be read.
    """
    return _BY_NAME.get(path.suffix.lower()) or _type_of(_head(path))


def folder_events(folder: Path) -> tuple[list[VideoEvent], list[Finding]]:
    """The clips and pictures of a folder, newest first, and what else lies there.

    Args:
        folder: Where to look; not below it.

    Raises:
        FeedError: It cannot be read, or holds no clip.
    """
    clips: list[Path] = []
    findings: list[Finding] = []
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if not path.is_file():
                other = "a folder, which is not searched" if path.is_dir() else "no plain file"
            elif not (other := _unlike_a_clip(path)):
                clips.append(path)
                continue
            name = path.name.encode(errors="replace").decode()
            findings.append(Finding(None, None, "warning", f"{name} is left out: it is {other}"))
        events = clip_events(clips)
    except OSError as error:
        raise FeedError(
            f"the folder {folder} cannot be read: {error.strerror}", source=str(folder)
        ) from error
    if not events:
        raise FeedError(
            f"{folder} holds no clips",
            source=str(folder),
            hint="Put clips such as .mp4 or .webm there; folders below it are not searched.",
        )
    return events, findings


def clip_events(paths: Iterable[Path]) -> list[VideoEvent]:
    """Local events for clips on disk, newest first.

    The id is made from path and size, so that it stays the same between sessions and changes with
    the clip. Two clips of one second get distinct times, so that a manager, which breaks ties by
    arrival, shows them in this order too.

    Args:
        paths: The files.

    Raises:
        OSError: One is gone.
    """
    found = sorted(((path.stat().st_mtime_ns, path) for path in paths), reverse=True)
    events: list[VideoEvent] = []
    for mtime_ns, path in found:
        seconds = max(mtime_ns // 10**9, 0)
        earlier = events[-1].created_at - 1 if events else seconds
        size, place = path.stat().st_size, path.resolve()
        events.append(
            VideoEvent(
                id=hashlib.sha256(f"{place}\n{size}".encode(errors="surrogateescape")).hexdigest(),
                created_at=min(seconds, earlier),
                title=path.stem.encode(errors="replace").decode(),
                video_url=place.as_uri(),
                mime_type=clip_type(path),
                file_size=size,
                is_local=True,
            )
        )
    return events


def _unlike_a_clip(path: Path) -> str:
    """What a file is that is no clip; empty for a clip."""
    try:
        if clip_type(path):
            return ""
        head = _head(path)
    except OSError as error:
        return f"unreadable ({error.strerror})"
    if not head:
        return "empty"
    return what_is(head) or "of a format that is not known as video"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _type_of(head: bytes) -> str:
    """The MIME type of a clip by its first bytes; empty for what is none."""
    if picture := picture_type(head):
        return picture
    if head[4:8] in _BOXES:
        return "video/mp4"
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], "")
    if any(_is_broadcast(head, size) for size in _TS_PACKETS):
        return "video/mp2t"
    if head[:2] in _FRAMES:
        return "audio/mpeg"
    if head.startswith(b"FORM") and head[8:11] == b"AIF":
        return "audio/aiff"
    return next((mime for magic, mime in _BY_CONTENT if head.startswith(magic)), "")


def _is_broadcast(head: bytes, packet_bytes: int) -> bool:
    """Whether a sync byte begins each packet; a recording may begin within one."""
    for start in range(packet_bytes):
        marks = head[start::packet_bytes]
        if len(marks) >= _LEAST_PACKETS and marks.count(_TS_SYNC) == len(marks):
            return True
    return False
