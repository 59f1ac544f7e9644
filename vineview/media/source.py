"""open_source: the bytes of a clip as a file, whether it lies on disk or on the web.

Who vouches for the address decides what it may be. Feed data is vouched for by nobody: only public
http(s) addresses load. A clip our own code marked ``is_local``, or a path a person typed, may be a
file; a local clip's address may be on loopback.

Opening costs nothing: the first request is made by `connect`, or by the first read. So whoever
hands the source to a worker thread holds it already, and can `cancel` a request that hangs.
Source: contract, section 2.
"""

from __future__ import annotations

import io
import os
import re
import stat
import threading
from pathlib import Path
from typing import BinaryIO, TypeAlias
from urllib.request import url2pathname

from vineview.core.cache import ByteCache
from vineview.core.events import VideoEvent
from vineview.core.policy import UrlPolicy, WebUrl
from vineview.core.tags import url_path
from vineview.errors import LoadError, UsageError
from vineview.media.download import MAX_DOWNLOAD_BYTES, Download
from vineview.media.ranges import RangedClip
from vineview.media.web import Resolver, WebReader

__all__ = ["ClipSource", "FileSource", "WebSource", "open_source"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_WEB = re.compile(r"https?:", re.IGNORECASE)

DEFAULT_TIMEOUT_S = 30.0
"""A backstop beyond every profile's timeout (20 s at most), which the manager applies itself."""


class FileSource(io.FileIO):
    """A clip on disk.

    Args:
        path: A plain file.

    Attributes:
        size: Bytes.
        held_bytes: Always 0: nothing of it is kept in memory.
        round_trips: Always 0: nothing was asked of a network.

    Raises:
        LoadError: NOT_FOUND, FORBIDDEN, or not a plain file.
    """

    held_bytes = 0
    round_trips = 0

    def __init__(self, path: Path) -> None:
        # O_NONBLOCK: a pipe among the clips must be refused below, not waited for here.
        flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            super().__init__(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))
        except (OSError, ValueError) as error:
            raise _file_error(path, error) from error
        status = os.fstat(self.fileno())
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise LoadError(f"{path} is not a plain file", error_class="FORMAT_ERROR")
        self.size = status.st_size

    def connect(self) -> None:
        """A file is open already; nothing to do."""

    def cancel(self) -> None:
        """A file does not hang; nothing to do."""

    def resume(self) -> None:
        """Nothing was cancelled; nothing to do."""


class WebSource(io.RawIOBase, BinaryIO):
    """A clip on the web, as a seekable file. One thread reads; any may `cancel` or `close`.

    Args:
        url: Its address.
        reader: Makes the requests; owned and closed here.
        cache: Where blocks are looked up and kept.
        ranges: Whether to read by byte ranges; without, one download in order.
        max_download_bytes: The most such a download may fetch.

    Example:
        >>> WebSource("https://nostr.build/a.mp4", WebReader(policy=UrlPolicy(), timeout_s=10)).name
        'https://nostr.build/a.mp4'
    """

    def __init__(
        self,
        url: str,
        reader: WebReader,
        *,
        cache: ByteCache | None = None,
        ranges: bool = True,
        max_download_bytes: int = MAX_DOWNLOAD_BYTES,
    ) -> None:
        super().__init__()
        self._name = url
        self._reader = reader
        self._cache = cache
        self._ranges = ranges
        self._max_download_bytes = max_download_bytes
        self._at = 0
        self._lock = threading.RLock()
        self._connected: RangedClip | Download | None = None

    @property
    def name(self) -> str:
        """The clip's address."""
        return self._name

    @property
    def mode(self) -> str:
        """How it is open: ``rb``."""
        return "rb"

    @property
    def size(self) -> int:
        """Bytes, as far as the server can be believed; connects if need be.

        Raises:
            LoadError: As `connect`.
        """
        with self._lock:
            return self._clip().size

    @property
    def held_bytes(self) -> int:
        """Bytes kept alive for this clip now, in memory or in its temporary file."""
        clip = self._connected
        return 0 if clip is None else clip.held_bytes

    @property
    def round_trips(self) -> int:
        """Requests answered so far; 0 means that all came from the cache."""
        return self._reader.round_trips

    def connect(self) -> None:
        """Make the first request, unless it has been made or the cache knows the answer.

        Raises:
            LoadError: ``error_class`` says why: FORBIDDEN (refused by policy or server), NOT_FOUND,
                NETWORK, SERVER_ERROR, SERVER_CONFIG_ERROR (wrong byte ranges), FORMAT_ERROR
                (empty).
            LoadTimeout: Nothing came in time.
        """
        with self._lock:
            self._clip()

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end; all the rest if negative or None.

        Args:
            size: The most to return.

        Raises:
            LoadError: The server failed, or reading was stopped.
        """
        parts = bytearray()
        with self._lock:
            clip = self._clip()
            wanted = max(clip.size - self._at, 0) if size is None or size < 0 else size
            while len(parts) < wanted:
                part = clip.read_at(self._at, wanted - len(parts))
                if not part:
                    break
                self._at += len(part)
                parts += part
        return bytes(parts)

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer as far as possible; the number of bytes.

        Args:
            buffer: Where the bytes go.
        """
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move; the new position. Only the end needs to ask the server.

        Args:
            offset: How far.
            whence: From the start, the position or the end.

        Raises:
            ValueError: If that is before the start.
        """
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}
        position = offset + (self.size if whence == os.SEEK_END else starts[whence])
        if position < 0:
            raise ValueError(f"cannot seek to {position}")
        self._at = position
        return position

    def tell(self) -> int:
        """The position."""
        return self._at

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def cancel(self) -> None:
        """End a read under way in another thread, with a LoadError there; then only `close`.

        Or `resume`, once that thread is out.
        """
        self._reader.cancel()

    def resume(self) -> None:
        """Allow reads again after a `cancel`."""
        self._reader.resume()

    def close(self) -> None:
        """Free everything held; a read under way in another thread ends first."""
        self._reader.cancel()
        with self._lock:
            clip, self._connected = self._connected, None
            if clip is not None:
                clip.close()
            self._reader.close()
            super().close()

    def _clip(self) -> RangedClip | Download:
        """The connected clip."""
        if self.closed:
            raise LoadError(f"{self._name[:120]}: it is closed", error_class="NETWORK")
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> RangedClip | Download:
        if self._ranges:
            ranged = RangedClip(self._reader, self._name, cache=self._cache)
            response = ranged.open()
            if response is None:
                return ranged
        else:
            response, _ = self._reader.open(self._name, {})
        limit = self._max_download_bytes
        download = Download(self._reader, response, self._name, max_bytes=limit)
        if not download.read_at(0, 1):
            download.close()
            raise LoadError(f"{self._name[:120]} is empty", error_class="FORMAT_ERROR")
        return download


ClipSource: TypeAlias = FileSource | WebSource
"""What `open_source` returns: a binary file with ``size``, ``held_bytes``, ``round_trips``,
``connect()``, ``cancel()``, ``resume()`` and ``close()``."""


def open_source(
    what: VideoEvent | str | Path,
    *,
    policy: UrlPolicy | None = None,
    cache: ByteCache | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    ranges: bool = True,
    max_download_bytes: int = MAX_DOWNLOAD_BYTES,
    resolver: Resolver | None = None,
) -> ClipSource:
    """Open the bytes of a clip.

    Args:
        what: An event (its ``video_url`` is opened), or a path or http(s) address a person typed.
        policy: Judges addresses; the default one refuses private ones.
        cache: Keeps blocks between readers. Not used for local clips, whose ports are reused, nor
            where the server forbids it (``Cache-Control``).
        timeout_s: Longest wait for one step: resolving, connecting, the next bytes.
        ranges: False for the one try without byte ranges.
        max_download_bytes: The most a server without byte ranges may send.
        resolver: How hosts become addresses; the system's if not given.

    Returns:
        A seekable binary file; an address is not contacted yet. Close it.

    Raises:
        LoadError: There is no URL or no such file. What is wrong with an address shows when it is
            contacted: see `WebSource.connect`.

    Example:
        >>> open_source(VideoEvent(id="a", video_url="https://nostr.build/a.mp4")).round_trips
        0
    """
    if isinstance(what, Path):
        return FileSource(what)
    if isinstance(what, VideoEvent):
        url, is_local = what.video_url or "", what.is_local
    else:
        url, is_local = what, not _SCHEME.match(what)
    if not url:
        raise LoadError("the event has no video URL", error_class="FORMAT_ERROR")
    if is_local and not _WEB.match(url):
        return FileSource(_local_path(url))
    reader = WebReader(
        policy=policy or UrlPolicy(),
        timeout_s=timeout_s,
        exempt=_vouched_for(url) if is_local else None,
        resolver=resolver,
    )
    return WebSource(
        url,
        reader,
        cache=None if is_local else cache,
        ranges=ranges,
        max_download_bytes=max_download_bytes,
    )


def _local_path(place: str) -> Path:
    """The path a local clip's address names: a ``file:`` URL or a path."""
    is_url = place.lower().startswith("file://")
    return Path(url2pathname(url_path(place)) if is_url else place)


def _vouched_for(url: str) -> WebUrl | None:
    """The address our own code named; None if it cannot be read, which connecting reports."""
    try:
        return WebUrl.parse(url)
    except UsageError:
        return None


def _file_error(path: Path, error: OSError | ValueError) -> LoadError:
    reason = getattr(error, "strerror", None) or str(error)
    classes: dict[type[Exception], str] = {
        FileNotFoundError: "NOT_FOUND",
        PermissionError: "FORBIDDEN",
    }
    return LoadError(
        f"{path} cannot be opened: {reason}",
        error_class=classes.get(type(error), "FORMAT_ERROR"),
        hint="Check the path.",
    )
