"""Broadcasts: where the last whole picture of a transport stream ends.

A recording that was cut off ends within a picture. How long pictures are need not be written, so a
demuxer hands on half of one as if it were whole, and Chromium's decoder gives up on it. But what
ends, ends with its transport packet, which is stuffed if need be: a picture whose last packet is
full to the brim goes on where the file does not. Source: ISO/IEC 13818-1, 2.4.3.
"""

from __future__ import annotations

import os

from vineview.media.boxes import BinaryFile

__all__ = ["is_scrambled", "whole_bytes"]

_SYNC, _PACKET_BYTES = 0x47, 188
_STEPS = (188, 192, 204)  # alone, with a time stamp before it, with a checksum behind it
_HEAD_BYTES = 2**10
_TAIL_BYTES = 2**20
_BEGINS = 0x40  # in the packet's second byte: something begins with it
_SCRAMBLED = 0x40  # in its fourth
_NULL = (0x1F, 0xFF)  # what fills a stream to an even rate
_FULL, _HAS_PAYLOAD, _HAS_MORE = 1, 1, 2


def whole_bytes(file: BinaryFile) -> int | None:
    """How much of a transport stream to read, so that its last picture is whole.

    Args:
        file: The clip; its position moves.

    Returns:
        None to read all there is: it is no transport stream, or its last picture is whole.
    """
    phase, step = _packets(file)
    if not step:
        return None
    start = max(file.seek(0, os.SEEK_END) - _TAIL_BYTES - phase, 0) // step * step + phase
    file.seek(start)
    cut = _cut_at(file.read(), step)
    return None if cut is None else start + cut


def is_scrambled(file: BinaryFile) -> bool:
    """Whether most of a transport stream is under conditional access (ISO/IEC 13818-1, 2.4.3.3).

    Args:
        file: The clip; its position stays.
    """
    before = file.tell()
    phase, step = _packets(file)
    file.seek(phase)
    data = file.read(_TAIL_BYTES) if step else b""
    file.seek(before)
    controls = [
        data[at + 3] >= _SCRAMBLED
        for at in range(0, len(data) - _PACKET_BYTES + 1, step or 1)
        if (data[at + 1] & 0x1F, data[at + 2]) != _NULL
    ]
    return sum(controls) > len(controls) / 2


def _packets(file: BinaryFile) -> tuple[int, int]:
    """Where a transport stream's first packet begins, and how far it is to the next; else zeros."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return 0, 0
    return next(
        (
            (at, step)
            for step in _STEPS
            for at in range(step)
            if head[at] == _SYNC and set(head[at::step]) == {_SYNC}
        ),
        (0, 0),
    )


def _cut_at(data: bytes, step: int) -> int | None:
    """Where the first of the pictures begins that have no end; none if a packet is out of step."""
    begins: dict[int, list[int]] = {}
    is_open: dict[int, bool] = {}
    for at in range(0, len(data) - _PACKET_BYTES + 1, step):
        if data[at] != _SYNC:
            return None
        kind = data[at + 3] >> 4 & 3
        if not kind & _HAS_PAYLOAD:
            continue
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        payload = at + 4 + (1 + data[at + 4] if kind & _HAS_MORE else 0)
        if data[at + 1] & _BEGINS and _is_picture(data[payload : payload + 6]):
            begins.setdefault(pid, []).append(at)
        is_open[pid] = kind == _FULL
    cuts = [found[-1] for pid, found in begins.items() if is_open[pid] and found[:-1]]
    return min(cuts, default=None)


def _is_picture(head: bytes) -> bool:
    """Whether a picture begins that does not say how long it is."""
    return (
        head[:3] == b"\0\0\1" and head[3:4] >= b"\xe0" and head[3:4] < b"\xf0" and not any(head[4:])
    )
