"""ISO base media boxes: the few a player's bytes are cut and described by.

Only what lies in the boxes vineview itself writes or must diagnose is read here; everything else
about a file is FFmpeg's business. Lengths are checked against the bytes there are, so a box that
claims more than it has ends the walk instead of running past it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple, Protocol

__all__ = [
    "BinaryFile",
    "Box",
    "Run",
    "boxes",
    "find",
    "rotation_of",
    "runs",
    "timescales",
    "top_level",
]

_HEADER_BYTES = 8
_LARGE_HEADER_BYTES = 16
_NOT_SYNC = 0x10000
_MAX_TOP_LEVEL_BOXES = 4096


class BinaryFile(Protocol):
    """What is asked of a clip's file: to be read at any place."""

    def read(self, size: int = -1, /) -> bytes:
        """Read from the current position; none at the end."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move the position, and say where it is then."""
        ...

    def tell(self) -> int:
        """The current position."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Box(NamedTuple):
    """One box: its four-letter kind, and where its payload begins and ends (bytes)."""

    kind: str
    start: int
    end: int


class Run(NamedTuple):
    """One track's samples in a fragment, in the track's own ticks.

    ``begin`` and ``end`` are presentation times; ``is_sync`` says whether its first sample can be
    decoded without an earlier one.
    """

    track_id: int
    begin: int
    end: int
    is_sync: bool


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Walk the boxes that lie side by side in ``data[start:end]``."""
    limit = len(data) if end is None else min(end, len(data))
    while start + _HEADER_BYTES <= limit:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = _HEADER_BYTES
        if size == 1 and start + _LARGE_HEADER_BYTES <= limit:
            (size,) = struct.unpack_from(">Q", data, start + _HEADER_BYTES)
            header = _LARGE_HEADER_BYTES
        elif size == 0:
            size = limit - start
        if size < header or start + size > limit:
            return
        yield Box(kind.decode("latin-1"), start + header, start + size)
        start += size


def find(data: bytes, path: str, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Every box at ``path`` (kinds joined by ``/``), in file order."""
    kind, _, rest = path.partition("/")
    for box in boxes(data, start, end):
        if box.kind != kind:
            continue
        if rest:
            yield from find(data, rest, box.start, box.end)
        else:
            yield box


def timescales(init: bytes) -> dict[int, tuple[str, int]]:
    """For each track of an init segment: its handler (``vide``, ``soun``) and ticks per second."""
    tracks = {}
    for trak in find(init, "moov/trak"):
        tkhd = next(find(init, "tkhd", trak.start, trak.end))
        mdhd = next(find(init, "mdia/mdhd", trak.start, trak.end))
        hdlr = next(find(init, "mdia/hdlr", trak.start, trak.end))
        track_id = _uint(init, tkhd.start + (20 if init[tkhd.start] else 12))
        scale = _uint(init, mdhd.start + (20 if init[mdhd.start] else 12))
        tracks[track_id] = (init[hdlr.start + 8 : hdlr.start + 12].decode("latin-1"), scale)
    return tracks


def rotation_of(init: bytes) -> int:
    """Degrees clockwise (0, 90, 180, 270) by which an init segment's first picture is shown."""
    for trak in find(init, "moov/trak"):
        hdlr = next(find(init, "mdia/hdlr", trak.start, trak.end))
        if init[hdlr.start + 8 : hdlr.start + 12] != b"vide":
            continue
        tkhd = next(find(init, "tkhd", trak.start, trak.end))
        a, b = struct.unpack_from(">ii", init, tkhd.start + (52 if init[tkhd.start] else 40))
        return round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360
    return 0


def runs(moof: bytes) -> list[Run]:
    """The sample runs of one ``moof`` box (with its header), one entry per track."""
    found = []
    for traf in find(moof, "moof/traf"):
        track_id = duration = flags = decode_time = 0
        samples: list[tuple[int, int, int]] = []
        for box in boxes(moof, traf.start, traf.end):  # in this order, by the standard
            if box.kind == "tfhd":
                track_id, duration, flags = _defaults(moof, box)
            elif box.kind == "tfdt":
                (decode_time,) = struct.unpack_from(">Q", moof, box.start + 4)
            elif box.kind == "trun":
                samples += _samples(moof, box, duration, flags)
        if not samples:
            continue
        begin, end = _span(decode_time, samples)
        found.append(Run(track_id, begin, end, not samples[0][2] & _NOT_SYNC))
    return found


def top_level(file: BinaryFile, size: int) -> Iterator[Box]:
    """Walk a file's top-level boxes; the last may claim to end after ``size``.

    Args:
        file: The clip.
        size: How many bytes there are.

    Yields:
        Boxes as their headers state them, so a cut file shows how long it should have been.
    """
    start = 0
    for _ in range(_MAX_TOP_LEVEL_BOXES):
        if start + _HEADER_BYTES > size:
            return
        file.seek(start)
        head = file.read(_LARGE_HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            return
        length, kind = struct.unpack_from(">I4s", head)
        header = _HEADER_BYTES
        if length == 1 and len(head) == _LARGE_HEADER_BYTES:
            (length,) = struct.unpack_from(">Q", head, _HEADER_BYTES)
            header = _LARGE_HEADER_BYTES
        elif length == 0:
            length = size - start
        if length < header:
            return
        yield Box(kind.decode("latin-1"), start + header, start + length)
        start += length


def _uint(data: bytes, at: int) -> int:
    (value,) = struct.unpack_from(">I", data, at)
    return int(value)


def _defaults(moof: bytes, tfhd: Box) -> tuple[int, int, int]:
    """The track id, default sample duration and default sample flags of a ``tfhd``."""
    present = _uint(moof, tfhd.start) & 0xFFFFFF
    at = tfhd.start + 8
    values = {}
    for bit, size in ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4)):
        if present & bit:
            values[bit] = _uint(moof, at)
            at += size
    return _uint(moof, tfhd.start + 4), values.get(0x8, 0), values.get(0x20, 0)


def _samples(moof: bytes, trun: Box, duration: int, flags: int) -> list[tuple[int, int, int]]:
    """The (duration, composition offset, flags) of each sample of a ``trun``."""
    present = _uint(moof, trun.start) & 0xFFFFFF
    count = _uint(moof, trun.start + 4)
    at = trun.start + 8 + (4 if present & 0x1 else 0)
    first_flags = None
    if present & 0x4:
        first_flags = _uint(moof, at)
        at += 4
    samples = []
    for number in range(count):
        sample_duration, offset, sample_flags = duration, 0, flags
        if present & 0x100:
            sample_duration = _uint(moof, at)
            at += 4
        if present & 0x200:
            at += 4
        if present & 0x400:
            sample_flags = _uint(moof, at)
            at += 4
        if present & 0x800:
            (offset,) = struct.unpack_from(">i", moof, at)
            at += 4
        if number == 0 and first_flags is not None:
            sample_flags = first_flags
        samples.append((sample_duration, offset, sample_flags))
    return samples


def _span(decode_time: int, samples: list[tuple[int, int, int]]) -> tuple[int, int]:
    """When the first of these samples is shown, and when the last is over."""
    begin, end = None, decode_time
    for duration, offset, _ in samples:
        shown = decode_time + offset
        begin = shown if begin is None else min(begin, shown)
        end = max(end, shown + duration)
        decode_time += duration
    return (decode_time if begin is None else begin), end
