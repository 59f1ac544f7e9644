"""Download: a clip from a server without byte ranges, fetched once, in order, up to a limit.

The bytes go to an unnamed temporary file that vanishes on close, so nothing a feed says can name a
path or leave a file behind. Only as much is fetched as has been asked for.
Source: reference, section 3.5 (one try without byte ranges) and defect 16.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import httpx

from vineview.errors import LoadError
from vineview.media.web import WebReader

__all__ = ["MAX_DOWNLOAD_BYTES", "Download"]

MAX_DOWNLOAD_BYTES = 100 * 1024 * 1024
"""The size from which the app's validator calls a clip large."""


class Download:
    """The bytes of one response, as far as they have been needed.

    Args:
        reader: Made the request.
        response: Its answer, the body unread; closed here.
        url: What to call it in errors.
        max_bytes: Refuse more.

    Raises:
        LoadError: If the server announces more than ``max_bytes``, or a compressed body.
    """

    def __init__(
        self, reader: WebReader, response: httpx.Response, url: str, *, max_bytes: int
    ) -> None:
        self._reader = reader
        self._response = response
        self._url = url[:120]
        self._max_bytes = max_bytes
        self._parts: Iterator[bytes] = response.iter_raw()
        self._is_complete = False
        self._broke: LoadError | None = None
        self._got = 0
        announced = response.headers.get("content-length", "")
        self._announced = int(announced) if announced.isdigit() and len(announced) <= 18 else None  # noqa: PLR2004 - below 2^63
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.close()
            raise LoadError(
                f"{self._url}: the server compresses the clip though asked not to",
                error_class="SERVER_CONFIG_ERROR",
                hint="Switch off compression for media on that server.",
            )
        if (self._announced or 0) > max_bytes:
            response.close()
            raise self._too_large()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()

    @property
    def size(self) -> int:
        """All the bytes; fetches what is missing if the server did not announce it."""
        if self._announced is None:
            self._fetch_until(self._max_bytes + 1)
            return self._got
        return self._got if self._is_complete else self._announced

    @property
    def held_bytes(self) -> int:
        """Bytes fetched so far, all of them kept until `close`."""
        return self._got

    def read_at(self, offset: int, count: int) -> bytes:
        """Bytes from ``offset``: at most ``count``, none at the end.

        Args:
            offset: Where to begin.
            count: The most to return.

        Raises:
            LoadError: The connection broke, or the body is longer than the limit.
        """
        self._fetch_until(offset + count)
        self._file.seek(offset)
        return self._file.read(max(count, 0))

    def close(self) -> None:
        """Let everything go."""
        self._response.close()
        self._file.close()
        self._got = 0

    def _fetch_until(self, end: int) -> None:
        if self._got >= end or self._is_complete:
            return
        if self._broke is not None:
            raise self._broke  # a body that broke off has no more parts, but is not complete
        self._file.seek(self._got)
        try:
            while self._got < end:
                part = next(self._parts, None)
                if part is None:
                    self._is_complete = True
                    return
                self._got += len(part)
                if self._got > self._max_bytes:
                    raise self._too_large()
                self._file.write(part)
        except httpx.HTTPError as error:
            self._broke = self._reader.translate(error, self._url)
            raise self._broke from error

    def _too_large(self) -> LoadError:
        return LoadError(
            f"{self._url}: without byte ranges, more than {self._max_bytes / 2**20:g} MB would"
            " have to be downloaded",
            error_class="SERVER_CONFIG_ERROR",
            hint="Serve the clip with byte ranges, or as a smaller file.",
        )
