"""Opening a clip: the one place FFmpeg is handed bytes from outside.

FFmpeg's playlist and concatenation demuxers open further files and addresses named *inside* the
data. vineview hands over an open file, admits only formats that carry their media themselves, and
refuses every protocol, so a hostile clip can reach nothing but its own bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer

from vineview.errors import MediaError
from vineview.media.boxes import BinaryFile
from vineview.media.broadcast import is_scrambled, whole_bytes
from vineview.media.sniff import diagnose, encrypted, is_motion_jpeg, refuse_heic

__all__ = ["LIMITS", "MAX_PIXELS", "Opener", "Source", "open_clip", "open_file", "source_name"]

Opener: TypeAlias = Callable[[], BinaryFile]
"""Returns a binary file of its own, so that several readers of a clip do not disturb each other."""

Source: TypeAlias = str | Path | BinaryFile | Opener
"""A path, an open binary file, or a function that opens one."""

_FORMATS = (
    "mov,matroska,webm,mpegts,mpeg,flv,avi,ogg,asf,gif,apng,mp3,wav,flac,aac,ivf,nut,"
    "mxf,rm,dv,wtv,h264,hevc,m4v,mpegvideo,obu,ac3,eac3,dts,amr,caf,aiff,w64,"
    "au,tta,wv,ape,roq,yuv4mpegpipe,voc,gxf,vc1,loas,swf,mpc,mpc8"
)
_OPTIONS = {
    "protocol_whitelist": "",
    "probesize": str(2**20),
    "analyzeduration": str(2_000_000),
    "max_probe_packets": "500",
}
_PATIENT = _OPTIONS | {"probesize": str(2**24), "analyzeduration": str(20_000_000)}
_READ_BYTES = 2**16
_FTYP_BYTES = 8
_MIN_PROBE_BYTES = "32"  # FFmpeg's least: enough for the box an MP4 begins with

MAX_PIXELS = 8192 * 8192
"""Pictures larger than this are refused unseen: a header is a few bytes, its frame gigabytes."""

LIMITS = {"max_pixels": str(MAX_PIXELS), "threads": "1"}
"""What every decoder of bytes from outside is told; one picture is not worth starting threads."""


@contextlib.contextmanager
def open_clip(
    source: Source, *, name: str | None = None, is_known: bool = False
) -> Iterator[InputContainer]:
    """Open a clip for demuxing, safely.

    Args:
        source: A path, an open binary file, or a function that opens one.
        name: What to call it in messages; its path unless told.
        is_known: Whether an earlier reader knows its codecs: an MP4 whose index lists every packet
            is then not decoded to learn of them, which takes most of the time of opening one.

    Yields:
        PyAV's container; it and any file opened here are closed afterwards.

    Raises:
        MediaError: The clip cannot be read; ``reason`` is ``missing``, ``empty``, ``truncated``,
            ``encrypted``, ``not-a-video``, ``no-init``, ``image`` or ``damaged``.
    """
    name = name or source_name(source)
    with open_file(source) as file:
        refuse_heic(file, name=name)
        # FFmpeg takes the one for the other, so it is told.
        kind = "mjpeg" if is_motion_jpeg(file) else None
        end = whole_bytes(file)
        file.seek(0)
        try:
            container = _indexed(file) if is_known else None
            if container is None:
                container = _demuxer(file, kind, _OPTIONS, end=end)
                if _is_unseen(container):
                    container.close()
                    file.seek(0)
                    container = _demuxer(file, kind, _PATIENT, end=end)
                    if _is_unseen(container) and is_scrambled(file):
                        container.close()
                        raise encrypted(name)
        except av.FFmpegError as error:
            raise diagnose(file, name=name, error=error) from error
        try:
            yield container
        except av.FFmpegError as error:
            raise MediaError(
                f"{name} is damaged: {error.strerror or error}",
                source=name,
                reason="damaged",
                hint="Check that it plays elsewhere, and fetch or export it again.",
            ) from error
        finally:
            container.close()


def _demuxer(
    file: BinaryFile, kind: str | None, options: dict[str, str], *, end: int | None = None
) -> InputContainer:
    return av.open(
        _Unnamed(file, end),
        "r",
        format=kind,
        container_options=options | {"format_whitelist": kind or _FORMATS},
        options=LIMITS,
        metadata_errors="replace",
        buffer_size=_READ_BYTES,
    )


def _is_unseen(container: InputContainer) -> bool:
    """Whether no picture or no sound has come yet that is announced, as broadcasts do."""
    pictures = [bool(one.codec_context and one.width) for one in container.streams.video]
    sounds = [
        bool(getattr(one.codec_context, "sample_rate", 0))
        for one in container.streams
        if one.type in {"audio", "unknown"}  # a sound whose table says no more than that it is
    ]
    return not (pictures or sounds) or any(one and not any(one) for one in (pictures, sounds))


def _indexed(file: BinaryFile) -> InputContainer | None:
    """An MP4 by its header alone; None if it is none, or its index does not list every packet."""
    is_mp4 = file.read(_FTYP_BYTES)[4:] == b"ftyp"
    file.seek(0)
    if not is_mp4:
        return None
    container = _demuxer(file, None, _OPTIONS | {"probesize": _MIN_PROBE_BYTES})
    tracks = (*container.streams.video, *container.streams.audio)
    if all(track.frames == len(track.index_entries) > 0 for track in tracks):
        return container
    container.close()
    file.seek(0)
    return None


@contextlib.contextmanager
def open_file(source: Source) -> Iterator[BinaryFile]:
    """The binary file behind a source; closed afterwards only if it was opened here.

    Raises:
        MediaError: There is no such file (``missing``).
    """
    if isinstance(source, (str, Path)):
        with contextlib.closing(_open_path(Path(source))) as file:
            yield file
    elif callable(source):
        with contextlib.closing(source()) as file:
            yield file
    else:
        yield source


def source_name(source: Source) -> str:
    """What to call a source in messages."""
    if isinstance(source, (str, Path)):
        return str(source)
    return str(getattr(source, "name", None) or "the clip")


def _open_path(path: Path) -> BinaryFile:
    try:
        return path.open("rb")
    except OSError as error:
        raise MediaError(
            f"{path} cannot be opened: {error.strerror}",
            source=str(path),
            reason="missing",
            hint="Check the path.",
        ) from error


class _Unnamed:
    """A file without its name, so that FFmpeg judges a clip by its bytes, not its extension.

    Args:
        file: The clip.
        end: Where to stop reading, if before its end.
    """

    def __init__(self, file: BinaryFile, end: int | None) -> None:
        self.read = file.read if end is None else self._read_until_end
        self.seek = file.seek
        self.tell = file.tell
        self._file = file
        self._end = end or 0

    def _read_until_end(self, size: int) -> bytes:
        return self._file.read(max(min(size, self._end - self._file.tell()), 0))
