"""Orientation: how a stored picture is to be turned and mirrored before it is shown.

A container says it by a matrix (ISO/IEC 14496-12, 6.2.2), which FFmpeg hands on with each picture.
Cameras turn; front cameras mirror as well, and a picture that is only turned stands on its head
where it was to be mirrored.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from av.filter import Graph
from av.filter.context import FilterContext
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

__all__ = ["Orientation", "orientation_of"]

_MATRIX = struct.Struct("=9i")
_TURNS = {
    90: (("transpose", "clock"),),
    180: (("hflip", ""), ("vflip", "")),
    270: (("transpose", "cclock"),),
}


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture becomes upright; false when it is so already.

    Attributes:
        turn: Degrees clockwise.
        is_mirrored: Whether it is mirrored top to bottom before it is turned.
    """

    turn: int = 0
    is_mirrored: bool = False

    def __bool__(self) -> bool:
        return self.turn in _TURNS or self.is_mirrored

    @property
    def is_sideways(self) -> bool:
        """Whether its stored width is its shown height."""
        return self.turn in {90, 270}

    def steps(self, graph: Graph) -> list[FilterContext]:
        """The filters that make it upright.

        Args:
            graph: Where they will be linked.
        """
        mirroring = (("vflip", ""),) if self.is_mirrored else ()
        return [graph.add(*step) for step in (*mirroring, *_TURNS.get(self.turn, ()))]


def orientation_of(frame: VideoFrame) -> Orientation:
    """What a decoded picture says of how it is to be shown."""
    turn = -int(frame.rotation) % 360  # PyAV counts counter-clockwise
    notes: Any = frame.side_data  # a mapping by type, which its stub does not say
    matrix = notes.get(Type.DISPLAYMATRIX)
    if matrix is None or matrix.buffer_size < _MATRIX.size:
        return Orientation(turn)
    a, b, _, c, d, *_ = _MATRIX.unpack_from(matrix)
    return Orientation(turn, is_mirrored=a * d < b * c)
