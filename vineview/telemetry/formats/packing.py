"""Takes gzip, zstd and UTF-16 off a stream, giving what comes before a cut or damage."""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, Final

import pyarrow as pa

from vineview.telemetry.formats.findings import Document, not_export

__all__ = ["GZIP", "ZSTD", "unpacked"]

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPED: Final = tuple(bytes((0x50 + number,)) + b"\x2a\x4d\x18" for number in range(16))
"""What frames begin with that zstd passes over; those who compress in parallel write them."""
_PIECE: Final = 1 << 20
_SMALL: Final = 1 << 14
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def unpacked(stream: io.BufferedReader[Any], document: Document) -> Iterator[bytes]:
    """The text of a stream as UTF-8, piece by piece.

    Args:
        stream: Plain, gzip or zstd data, told by its first bytes.
        document: Is told when the compressed data is damaged or ends early.

    Raises:
        TelemetryError: If nothing of the compressed data can be read.
    """
    head = stream.peek(len(ZSTD))
    if head.startswith(GZIP):
        pieces = _gunzip(stream, document)
    elif head.startswith((ZSTD, *_SKIPPED)):
        pieces = _unzstd(stream, document)
    else:
        pieces = iter(lambda: stream.read(_PIECE), b"")
    return _as_utf8(pieces, document)


def _as_utf8(pieces: Iterator[bytes], document: Document) -> Iterator[bytes]:
    first = next(pieces, b"")
    if first.startswith(_UTF16):
        document.note("is UTF-16; read as such")
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        for piece in chain([first], pieces):
            yield decoder.decode(piece).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
        return
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from pieces


def _gunzip(stream: io.BufferedReader[Any], document: Document) -> Iterator[bytes]:
    """Decompress every member."""
    rest, has_whole = stream.read(_PIECE), False
    read = len(rest)
    inflate = zlib.decompressobj(wbits=31)
    while rest:
        for start in range(0, len(rest), _SMALL):
            good, error = _careful(inflate, rest[start : start + _SMALL])
            has_whole = has_whole or bool(good)
            yield good
            if error is not None:
                if not has_whole:
                    raise not_export(document.source, f"is damaged gzip data ({error})") from error
                document.note(f"gzip data is damaged ({error}); read up to there", severity="error")
                document.is_cut = True
                return
            if inflate.eof:
                rest = inflate.unused_data + rest[start + _SMALL :]
                break
        else:
            rest = b""
        if not rest:
            rest = stream.read(_PIECE)
            read += len(rest)
        if inflate.eof:
            rest = rest.lstrip(b"\0")  # padding some tools append
            if rest:
                inflate = zlib.decompressobj(wbits=31)
    if not inflate.eof:
        document.note(f"gzip data ends early, after {read} bytes", severity="error")
        document.is_cut = True


def _careful(inflate: Any, piece: bytes) -> tuple[bytes, zlib.error | None]:
    """Decompress a piece; if it is damaged, save what its undamaged part gives."""
    before = inflate.copy()
    try:
        return inflate.decompress(piece), None
    except zlib.error as error:
        good = bytearray()
        with suppress(zlib.error):
            for at in range(len(piece)):
                good += before.decompress(piece[at : at + 1])
        return bytes(good), error


def _unzstd(stream: io.BufferedReader[Any], document: Document) -> Iterator[bytes]:
    """Decompress every frame; a cut one as far as its blocks are whole."""
    given = 0
    whole = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")
    try:
        while piece := whole.read(_SMALL):
            given += len(piece)
            yield piece
    except OSError as error:
        rest = _before_damage(stream, given)
        yield rest
        if not given and not rest:
            raise not_export(
                document.source, f"is zstd-compressed data, damaged ({error})"
            ) from error
        document.note(f"zstd data is cut or damaged ({error}); read up to there", severity="error")
        document.is_cut = True


def _before_damage(stream: io.BufferedReader[Any], given: int) -> bytes:
    """What follows the bytes given up to the damage, of which a read that meets it gives none."""
    stream.seek(0)
    again = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")
    found = bytearray()
    with suppress(OSError):
        while given and (piece := again.read(min(_SMALL, given))):
            given -= len(piece)
        while byte := again.read(1):
            found += byte
    return bytes(found)
