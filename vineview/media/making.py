"""Segment makers: what a remuxer and a transcoder have in common, a clip's way to its segments."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from av.container import InputContainer
from av.packet import Packet

from vineview.media.fragments import Cutter, Fragment, Segment
from vineview.media.opening import Source, open_clip, source_name
from vineview.media.sniff import encrypted
from vineview.media.tracks import is_encrypted

__all__ = ["SegmentMaker", "StreamEnd"]


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream of segments ended.

    Attributes:
        reached_s: The last moment there was anything for.
        expected_s: How long the clip's header says it is; ``None`` if it does not say.
        is_complete: Whether the one is as good as the other.
        reason: What is missing, in words; empty when nothing is.
    """

    reached_s: float
    expected_s: float | None
    is_complete: bool
    reason: str = ""


class SegmentMaker(ABC):
    """A clip as an init segment and media segments.

    Args:
        source: A path, an open binary file, or a function that opens one; only with a path or a
            function may several streams of segments be read at the same time.
        name: What to call the clip in messages; its path unless told.
    """

    def __init__(self, source: Source, *, name: str | None = None) -> None:
        self._source = source
        self._name = name or source_name(source)
        self._init = b""
        self.origin_s: float | None = None
        """The moment of the clip's own clock that is zero here, once a stream has found it."""
        self.end: StreamEnd | None = None
        """How the last stream that ran to its end did so."""
        self.is_locked = False
        """Whether what follows the last packet there was is under DRM."""

    @property
    def init_segment(self) -> bytes:
        """What the browser needs before any media segment; read with the first one.

        Raises:
            MediaError: As :meth:`segments`.
        """
        if not self._init:
            with contextlib.closing(self.segments()) as segments:
                next(segments)
        return self._init

    def segments(self, start_s: float = 0.0) -> Generator[Segment, None, None]:
        """The clip's segments from ``start_s`` on, made lazily.

        Args:
            start_s: Where to begin, in seconds from the clip's beginning; what is not converted
                begins with the keyframe at or before it.

        Yields:
            Segments in order. Closing the generator closes the clip.

        Raises:
            MediaError: The clip cannot be read (see :func:`~vineview.media.opening.open_clip`), has
                neither picture nor sound (``no-media``), holds none that can be played
                (``no-packets``) or decoded (``no-picture``), its codec goes into no MP4 a browser
                takes (``refused-codec``), or it is under DRM from the start (``encrypted``).
        """
        with open_clip(self._source, name=self._name, is_known=self._is_known) as container:
            yield from self.read(container, start_s)

    @property
    def _is_known(self) -> bool:
        """Whether a clip's header suffices: it was opened before, and no decoder is needed."""
        return False

    @abstractmethod
    def read(
        self, container: InputContainer, start_s: float = 0.0
    ) -> Generator[Segment, None, None]:
        """As :meth:`segments`, from a clip that is open already."""

    def in_clear(self, packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
        """Packets up to the first under DRM: some clips begin in the clear.

        Raises:
            MediaError: One of its tracks does not (``encrypted``).
        """
        seen = set()
        for packet in packets:
            if is_encrypted(packet):
                if packet.stream_index not in seen:
                    raise encrypted(self._name)
                self.is_locked = True
                return
            seen.add(packet.stream_index)
            yield packet

    def taken(self, cutter: Cutter) -> Iterator[Fragment]:
        """The fragments that the muxer has written whole by now; the init segment is kept."""
        for fragment in cutter.take():
            self._init = self._init or cutter.init_segment
            yield fragment
