"""Why a clip will not open: what the bytes are instead, in words a person can act on.

FFmpeg says "Invalid data found when processing input" to a web page, a picture and a cut MP4
alike; the first bytes and the top-level boxes tell them apart.
"""

from __future__ import annotations

import os

from vineview.errors import MediaError
from vineview.media.boxes import BinaryFile, top_level

__all__ = ["diagnose", "encrypted", "is_motion_jpeg", "refuse_heic", "size_of", "what_is"]

_HEAD_BYTES = 512
_JPEG, _JPEG_AFTER_JPEG = b"\xff\xd8\xff", b"\xff\xd9\xff\xd8\xff"
_MAX_JPEG_BYTES = 2**22
_SEVERAL_VIEWS = b"MPF\0"  # a still with further pictures of the same: CIPA DC-007
_PLAYLIST_HINT = "Pass the clip itself, not a list of clips."
_PICTURE_HINT = "Publish it as JPEG, PNG, WebP or AVIF, which browsers show."
_MAGIC: tuple[tuple[bytes, str, str, str], ...] = (
    (b"\x89PNG", "image", "a PNG picture", ""),
    (_JPEG, "image", "a JPEG picture", ""),
    (b"BM", "image", "a BMP picture", ""),
    (b"II*\0", "image", "a TIFF picture", _PICTURE_HINT),
    (b"MM\0*", "image", "a TIFF picture", _PICTURE_HINT),
    (b"#EXTM3U", "not-a-video", "an HLS playlist", _PLAYLIST_HINT),
    (b"ffconcat", "not-a-video", "a list of clips to concatenate", _PLAYLIST_HINT),
    (b"<MPD", "not-a-video", "a DASH manifest", _PLAYLIST_HINT),
    (b"PK\x03\x04", "not-a-video", "a ZIP archive", "Unpack it first."),
    (b"\x1f\x8b", "not-a-video", "gzip-compressed data", "Unpack it first."),
    (b"%PDF", "not-a-video", "a PDF document", ""),
)
_BRAND_BYTES = 12
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})  # ISO/IEC 23008-12, annex B
_PROTECTED_ENTRIES = (b"encv", b"enca")
_MAX_INDEX_BYTES = 2**20
_WRITTEN = bytes({*range(0x20, 0x100), *b"\t\n\f\r"})
_SEGMENTS = {b"styp", b"sidx", b"moof", b"emsg", b"prft", b"ftyp"}
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")


def size_of(file: BinaryFile) -> int:
    """How many bytes a file has, leaving its position where it was."""
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    return size


def diagnose(file: BinaryFile, *, name: str, error: Exception) -> MediaError:
    """The error to raise for a clip FFmpeg would not open.

    Args:
        file: The clip.
        name: What to call it.
        error: What FFmpeg said.

    Returns:
        A :class:`~vineview.errors.MediaError` with ``reason`` ``empty``, ``encrypted``, ``image``,
        ``no-init``, ``not-a-video`` or ``truncated``.
    """
    size = size_of(file)
    if size == 0:
        return MediaError(
            f"{name} is empty (0 bytes)",
            source=name,
            reason="empty",
            hint="Upload or fetch it again.",
        )
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if (misnamed := _misnamed(head, name)) is not None:
        return misnamed
    if head[4:8] in _SEGMENTS and _is_headless(file, size):
        return MediaError(
            f"{name} is a segment of a stream (DASH or HLS) without its init segment",
            source=name,
            reason="no-init",
            hint="Put the stream's init segment in front of it: cat INIT SEGMENT > CLIP.mp4",
        )
    cut = _missing_index(file, size) if head[4:8] in {b"ftyp", b"mdat", b"free", b"wide"} else ""
    if cut:
        return MediaError(
            f"{name} is cut off: {cut}",
            source=name,
            reason="truncated",
            hint="Upload it again, or write it with its index (moov) at the front.",
        )
    if _is_locked(file, size):
        return encrypted(name)
    said = getattr(error, "strerror", None) or error
    return MediaError(
        f"{name} is not a video this package can read ({said})",
        source=name,
        reason="not-a-video",
        hint="Check that it plays elsewhere; MP4 with H.264 and AAC plays everywhere.",
    )


def encrypted(name: str) -> MediaError:
    """The error for a clip under DRM."""
    return MediaError(
        f"{name} is encrypted",
        source=name,
        reason="encrypted",
        hint="Publish it without DRM; vineview holds no keys.",
    )


def is_motion_jpeg(file: BinaryFile) -> bool:
    """Whether a file is JPEG pictures one after the other, a raw Motion JPEG; its position moves.

    Only a file that begins as a JPEG is read any further, until its second picture.
    """
    file.seek(0)
    if file.read(len(_JPEG)) != _JPEG:
        return False
    data = file.read(_MAX_JPEG_BYTES)
    end = data.find(_JPEG_AFTER_JPEG)
    return end > 0 and _SEVERAL_VIEWS not in data[:end]


def refuse_heic(file: BinaryFile, *, name: str) -> None:
    """Raise for a HEIC picture: FFmpeg would play one of the tiles it is made of.

    Args:
        file: Any file; its position moves.
        name: What to call it.

    Raises:
        MediaError: It is one; no browser but Safari shows it.
    """
    file.seek(0)
    head = file.read(_BRAND_BYTES)
    if _is_heic(head) and (misnamed := _misnamed(head, name)) is not None:
        raise misnamed


def what_is(head: bytes) -> str:
    """What the first bytes of a file that is no clip are, in words; empty if they do not tell.

    Example:
        >>> what_is(b"%PDF-1.7")
        'a PDF document'
    """
    return _what(head)[1]


def _misnamed(head: bytes, name: str) -> MediaError | None:
    """The error for what is no clip by its first bytes."""
    reason, what, hint = _what(head)
    if not what:
        return None
    return MediaError(f"{name} is not a video: it is {what}", source=name, reason=reason, hint=hint)


def _is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC


def _what(head: bytes) -> tuple[str, str, str]:
    """What the first bytes are if they are not a clip's: reason, description, hint."""
    for magic, reason, what, hint in _MAGIC:
        if head.startswith(magic):
            return reason, what, hint
    if _is_heic(head):
        return "image", "a HEIC picture", _PICTURE_HINT
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image", "a WebP picture", ""
    start = head.lstrip().lower()
    if b"<svg" in start:
        return "image", "an SVG drawing", _PICTURE_HINT
    if start.startswith(_PAGES):
        return "not-a-video", "a web page", "The server probably answered with an error page."
    if start.startswith((b"{", b"[")):
        return "not-a-video", "JSON text", "The server probably answered with an error message."
    if not head.translate(None, delete=_WRITTEN) and _is_text(head):
        return "not-a-video", "a text file", "Check the file name."
    return "", "", ""


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut by the reading, not by nature
    return True


def _is_headless(file: BinaryFile, size: int) -> bool:
    """Whether there are fragments, and no header that says what they are fragments of."""
    kinds = {box.kind for box in top_level(file, size)}
    return "moof" in kinds and "moov" not in kinds


def _is_locked(file: BinaryFile, size: int) -> bool:
    """Whether an MP4's index has tracks under DRM (ISO/IEC 14496-12, 8.12)."""
    for box in top_level(file, size):
        if box.kind == "moov":
            file.seek(box.start)
            index = file.read(min(box.end - box.start, _MAX_INDEX_BYTES))
            return any(entry in index for entry in _PROTECTED_ENTRIES)
    return False


def _missing_index(file: BinaryFile, size: int) -> str:
    """How an MP4 without a usable index is cut; empty if that is not what is wrong."""
    found = list(top_level(file, size))
    expected = max((box.end for box in found), default=0)
    kinds = [box.kind for box in found]
    if "moov" in kinds and expected <= size:
        return ""
    if expected > size:
        return (
            f"{size:,} bytes are there of at least {expected:,} ({100 * size // expected} %), and "
            "its index (moov), which comes last, is missing"
            if "moov" not in kinds
            else f"{size:,} bytes are there of at least {expected:,}, and its index is incomplete"
        )
    return f"its index (moov) is missing from the {size:,} bytes there are"
