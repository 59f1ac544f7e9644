"""Stills: pictures that a browser shows as they are, told by their first bytes.

A still needs no worker: nothing here looks into it. It is loaded like a clip, so the manager counts
its memory and frees it like any other. Moving PNGs are clips, for those are converted.
Sources: the PNG, JPEG, WebP, AVIF and BMP signatures; what Chromium and Firefox both show.
"""

from __future__ import annotations

from vineview.media.boxes import BinaryFile
from vineview.media.sniff import is_motion_jpeg

__all__ = ["HEAD_BYTES", "StillController", "picture_type", "still_type"]

HEAD_BYTES = 1024
"""How much of a file's beginning `picture_type` wants to see."""

_MAGIC = (
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_PNG = b"\x89PNG\r\n\x1a\n"
_AVIF = {b"avif", b"avis"}
_MOVING = {"image/gif", "image/apng"}


def picture_type(head: bytes) -> str:
    """The MIME type of a picture by its first bytes; empty for what is none.

    Args:
        head: At least `HEAD_BYTES` of them, or all there are.

    Example:
        >>> picture_type(b"GIF89a"), picture_type(b"%PDF-1.7")
        ('image/gif', '')
    """
    if head.startswith(_PNG):
        return "image/apng" if b"acTL" in head[:HEAD_BYTES] else "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and not _AVIF.isdisjoint(_brands(head)):
        return "image/avif"
    if head.startswith(b"BM") and head[6:10] == bytes(4):  # two letters alone say too little
        return "image/bmp"
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), "")


def still_type(file: BinaryFile) -> str:
    """The MIME type of a still that is shown as it is; empty for what moves and all else.

    Args:
        file: Any file; it is left at its beginning.
    """
    file.seek(0)
    mime_type = picture_type(file.read(HEAD_BYTES))
    is_moving = mime_type in _MOVING or is_motion_jpeg(file)
    file.seek(0)
    return "" if is_moving else mime_type


class StillController:
    """A loaded still; what :class:`~vineview.media.loader.MediaLoader` makes of one.

    Args:
        data: The file's bytes.
        mime_type: What they are.

    Example:
        >>> still = StillController(b"BM", "image/bmp")
        >>> still.held_bytes, still
        (2, StillController('image/bmp', 2 bytes))
    """

    def __init__(self, data: bytes, mime_type: str) -> None:
        self._data = data
        self._mime_type = mime_type
        self.is_playing = False
        """Whether it was told to play: to be on show, for a still."""

    @property
    def image(self) -> tuple[bytes, str]:
        """Its bytes and their MIME type; no bytes once released."""
        return self._data, self._mime_type

    @property
    def held_bytes(self) -> int:
        """Its bytes; 0 once released."""
        return len(self._data)

    def play(self) -> None:
        """Count as on show; does nothing once released."""
        self.is_playing = bool(self._data)

    def pause(self) -> None:
        """Count as paused."""
        self.is_playing = False

    def release(self) -> None:
        """Free its bytes; harmless when repeated."""
        self._data = b""
        self.is_playing = False

    def __repr__(self) -> str:
        return f"StillController({self._mime_type!r}, {len(self._data)} bytes)"


def _brands(head: bytes) -> set[bytes]:
    """What an ISO base media file says it is (ISO/IEC 14496-12, 4.3): its brand, and others."""
    end = min(int.from_bytes(head[:4]), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
