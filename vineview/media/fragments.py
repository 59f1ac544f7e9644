"""Fragments: what the MP4 muxer writes, cut at its boxes and joined to segments.

The first segment is the first fragment with a picture in it, so that it is small; later ones last
about a second or 1 MiB. A new one begins with a keyframe where there is one, but none is held back
for it: a clip with a keyframe every ten seconds would otherwise start ten times later, and
``MediaSource`` joins consecutive fragments without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vineview.media.boxes import runs, timescales

__all__ = ["Cutter", "Fragment", "Segment", "joined"]

_SEGMENT_S = 1.0
_MIN_SEGMENT_S = 0.5
_SEGMENT_BYTES = 2**20
_BOX_HEADER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of whole fragments, ready to be appended to a ``SourceBuffer``.

    Attributes:
        parts: ``moof`` and ``mdat`` boxes, as they were made: a large clip is copied once less.
        start_s: When its first picture (or sound) is shown, from the clip's beginning.
        duration_s: How long it lasts.
        index: 0 for the first of its stream, then counting.
        keyframe: Whether it can be decoded without an earlier segment.
    """

    parts: tuple[bytes | memoryview, ...]
    start_s: float
    duration_s: float
    index: int
    keyframe: bool

    @property
    def data(self) -> bytes:
        """The boxes in one."""
        return b"".join(self.parts)  # of one of bytes, that one itself

    @property
    def end_s(self) -> float:
        """When what it holds is over."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Fragment:
    """One ``moof`` and its ``mdat``; times and ``keyframe`` are its picture's if it has one."""

    moof: bytes
    mdat: memoryview
    start_s: float
    end_s: float
    keyframe: bool
    has_video: bool


class Cutter:
    """The file the muxer writes to: keeps what is not yet a whole box, nothing else.

    The muxer writes most fragments at once; what is handed out are then views of what it wrote, and
    nothing is copied until fragments are joined.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._wanted_bytes = _BOX_HEADER_BYTES
        self._header = b""
        self._moof = b""
        self._tracks: dict[int, tuple[str, int]] = {}
        self.init_segment = b""
        """``ftyp`` and ``moov``, once the muxer has written both."""

    @property
    def has_more(self) -> bool:
        """Whether a whole box is held: seldom so, per packet."""
        return self._held_bytes >= self._wanted_bytes

    def write(self, data: bytes) -> int:
        """Take bytes from the muxer."""
        self._parts.append(data)
        self._held_bytes += len(data)
        return len(data)

    def take(self) -> list[Fragment]:
        """Hand out the fragments that are whole by now."""
        if not self.has_more:
            return []
        data = memoryview(b"".join(self._parts))  # of one part, that part itself
        found, at = [], 0
        self._wanted_bytes = _BOX_HEADER_BYTES
        while len(data) - at >= _BOX_HEADER_BYTES:
            size = max(int.from_bytes(data[at : at + 4], "big"), _BOX_HEADER_BYTES)
            if len(data) - at < size:
                self._wanted_bytes = size
                break
            kind, box, at = bytes(data[at + 4 : at + 8]), data[at : at + size], at + size
            if kind == b"mdat" and self._moof:
                found.append(self._fragment(box))
            elif kind == b"moof":
                self._moof = bytes(box)
            elif not self.init_segment:
                self._header += box
                if kind == b"moov":
                    self.init_segment = self._header
                    self._tracks = timescales(self._header)
        self._held_bytes = len(data) - at
        self._parts = [bytes(data[at:])] if self._held_bytes else []
        return found

    def _fragment(self, mdat: memoryview) -> Fragment:
        found = []
        for run in runs(self._moof):
            handler, scale = self._tracks[run.track_id]
            found.append((handler != "vide", run.begin / scale, run.end / scale, run.is_sync))
        is_sound, start_s, end_s, is_sync = min(found)  # the picture's, if there is one
        return Fragment(self._moof, mdat, start_s, end_s, is_sync, not is_sound)


def joined(fragments: Iterator[Fragment], *, has_video: bool) -> Iterator[Segment]:
    """Join fragments to segments.

    Args:
        fragments: In the order the muxer wrote them.
        has_video: Whether the clip has a picture track, for which the first segment waits.

    Yields:
        Segments, each as soon as it is whole.
    """
    held: list[Fragment] = []
    index = 0
    for fragment in fragments:
        if index and held and fragment.keyframe and _length_s(held) >= _MIN_SEGMENT_S:
            yield _segment(held, index, has_video=has_video)
            held, index = [], index + 1
        held.append(fragment)
        is_first = index == 0 and fragment.has_video is has_video
        is_long = index > 0 and _length_s(held) >= _SEGMENT_S
        if (
            is_first
            or is_long
            or sum(len(one.moof) + len(one.mdat) for one in held) >= _SEGMENT_BYTES
        ):
            yield _segment(held, index, has_video=has_video)
            held, index = [], index + 1
    if held:
        yield _segment(held, index, has_video=has_video)


def _segment(fragments: list[Fragment], index: int, *, has_video: bool) -> Segment:
    leading = [one for one in fragments if one.has_video] or fragments
    start_s = min(one.start_s for one in leading)
    return Segment(
        parts=tuple(box for one in fragments for box in (one.moof, one.mdat)),
        start_s=start_s,
        duration_s=max(one.end_s for one in leading) - start_s,
        index=index,
        keyframe=leading[0].keyframe and leading[0].has_video is has_video,
    )


def _length_s(fragments: list[Fragment]) -> float:
    return fragments[-1].end_s - fragments[0].start_s
