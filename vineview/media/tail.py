"""Tails: when a clip ends whose header speaks of more than is there, or does not say.

Matroska, FLV and WMV tell their length at the front, as it was or was to be when whole; streamed
live, they tell none. What is too large to count is asked at its end: its head and the last of its
bytes are read as one short clip, by the same demuxer, and its last packet says how far it goes.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator

from av.container import InputContainer

from vineview.errors import MediaError
from vineview.media.boxes import BinaryFile
from vineview.media.opening import Source, open_clip, open_file
from vineview.media.packets import demuxed, nominal_origin_s
from vineview.media.tracks import Tracks, tick

__all__ = ["is_cut", "tail_end_s"]

_TAILS_BYTES = (2**20, 2**23)
_FLV_HEAD_BYTES = 2**16
_MAX_ELEMENTS = 200
_SEGMENT, _CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_ELEMENT_BYTES = 12
_ASF_HEADER_BYTES = 30
_MAX_ASF_HEADER_BYTES = 2**22
_ASF_DATA_BYTES = 50  # of the data object, before its packets
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_PACKET_SIZE_AT = 92  # in the file properties object


def is_cut(source: Source, container: InputContainer) -> bool:
    """Whether a Matroska clip was to be longer, in bytes, than it is."""
    if "matroska" not in container.format.name:
        return False
    with _borrowed(source) as file:
        end = next((end for kind, _, end in _elements(file) if kind == _SEGMENT), None)
    return end is not None and end > container.size


def tail_end_s(source: Source, container: InputContainer, tracks: Tracks) -> float | None:
    """When the last packet of a clip ends, in seconds from its beginning.

    Reads its first bytes and its last megabyte; of Matroska up to eight, until a cluster begins.

    Args:
        source: The clip once more, or the very file its container reads.
        container: The clip, open.
        tracks: Those of it that are played.

    Returns:
        None for other containers than Matroska, FLV and ASF, and where the end is damaged.
    """
    with _borrowed(source) as file:
        for length in _TAILS_BYTES:
            head, start = _seam(file, container, max(container.size - length, 0))
            if 0 < head < start:
                spliced = _Spliced(file, head, start - head)
                if (end_s := _last_end_s(spliced, tracks)) is not None:
                    return max(end_s - nominal_origin_s(tracks.chosen), 0.0) or None
    return None


def _seam(file: BinaryFile, container: InputContainer, start: int) -> tuple[int, int]:
    """Where a clip's head ends, and where from ``start`` on its tail can be read; 0 if nowhere."""
    match container.format.name:
        case "flv":  # a reader finds the next tag by itself
            return _FLV_HEAD_BYTES, start
        case "asf":
            return _asf_seam(file, start)
        case name if "matroska" in name:
            head = next((at for kind, at, _ in _elements(file) if kind == _CLUSTER), 0)
            file.seek(start)
            data = file.read()
            last = data.rfind(_CLUSTER)
            before = data.rfind(_CLUSTER, 0, max(last, 0))  # the last may be cut in its header
            return head, start + max(last if before < 0 else before, 0) if last >= 0 else 0
    return 0, 0


def _asf_seam(file: BinaryFile, start: int) -> tuple[int, int]:
    """ASF's packets all have one size."""
    file.seek(0)
    opening = file.read(_ASF_HEADER_BYTES)
    header_bytes = int.from_bytes(opening[16:24], "little")
    if header_bytes > _MAX_ASF_HEADER_BYTES:
        return 0, 0
    header = opening + file.read(header_bytes)
    at = header.find(_ASF_FILE) + _ASF_PACKET_SIZE_AT
    packet_bytes = int.from_bytes(header[at : at + 4], "little") if _ASF_FILE in header else 0
    head = header_bytes + _ASF_DATA_BYTES
    if not packet_bytes or start <= head:
        return 0, 0
    return head, head + (start - head) // packet_bytes * packet_bytes


def _elements(file: BinaryFile) -> Iterator[tuple[bytes, int, int | None]]:
    """Matroska's elements up to the first cluster: kind, begin, end; None if it does not say."""
    at = 0
    for _ in range(_MAX_ELEMENTS):
        file.seek(at)
        head = file.read(_ELEMENT_BYTES)
        kind = head[: _length(head)]
        size = head[len(kind) :][: _length(head[len(kind) :])]
        if not kind or not size:
            return
        number = int.from_bytes(size, "big") & (1 << 7 * len(size)) - 1
        payload = at + len(kind) + len(size)
        is_open = number == (1 << 7 * len(size)) - 1
        yield kind, at, None if is_open else payload + number
        if kind == _CLUSTER:
            return
        at = payload if kind == _SEGMENT else payload + number


def _length(head: bytes) -> int:
    """How many bytes a number of variable length has, by its first."""
    return 9 - head[0].bit_length() if head and head[0] else 0


def _last_end_s(spliced: _Spliced, tracks: Tracks) -> float | None:
    """When the last packet of a tail ends, on the clip's own clock."""
    indices = {track.index for track in tracks.chosen}
    ends_s = []
    with contextlib.suppress(MediaError), open_clip(spliced, name="a tail") as container:
        for packet in demuxed(container, list(container.streams)):
            stored = packet.pts if packet.pts is not None else packet.dts
            is_played = packet.stream_index in indices and (packet.pos or 0) >= spliced.head_bytes
            if is_played and stored is not None:
                ends_s.append(float((stored + (packet.duration or 0)) * tick(packet.stream)))
    return max(ends_s, default=None)


@contextlib.contextmanager
def _borrowed(source: Source) -> Iterator[BinaryFile]:
    """A clip's file, which is left where it was."""
    with open_file(source) as file:
        at = file.tell()
        try:
            yield file
        finally:
            file.seek(at)


class _Spliced(io.RawIOBase):
    """A file without its middle.

    Args:
        file: The whole.
        head_bytes: How much of its beginning stays.
        skipped_bytes: How much behind that does not.
    """

    def __init__(self, file: BinaryFile, head_bytes: int, skipped_bytes: int) -> None:
        super().__init__()
        self._file = file
        self.head_bytes = head_bytes
        self._skipped_bytes = skipped_bytes
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, none at the end."""
        is_head = self._at < self.head_bytes
        self._file.seek(self._at if is_head else self._at + self._skipped_bytes)
        data = self._file.read(min(size, self.head_bytes - self._at) if is_head else size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place."""
        if whence == os.SEEK_END:
            offset += self._file.seek(0, os.SEEK_END) - self._skipped_bytes
        self._at = offset + (self._at if whence == os.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        """The current position."""
        return self._at
