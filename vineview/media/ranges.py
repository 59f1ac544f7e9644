"""RangedClip: a clip read by byte ranges, no more of it in memory than a few blocks.

The first request asks for the first 256 KiB instead of a HEAD, which many servers answer wrongly;
its ``Content-Range`` tells the size. Reading on asks for 1 MiB at a time, and a jump close to the
end for the whole tail, so a clip with its index (``moov``) at the end costs two small requests
before its first frame. Each 64 KiB block is handed on as soon as it is there, so a slow server is
not waited for longer than the reader needs. What a server claims is checked against what it sends.
Source: reference, section 3.5 (SERVER_CONFIG_ERROR) and section 6 (storage).
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from vineview.core.cache import ByteCache
from vineview.errors import LoadError
from vineview.media.web import WebReader

__all__ = ["BLOCK_BYTES", "RangedClip"]

BLOCK_BYTES = 64 * 1024
"""The unit of reading and caching."""

_FIRST_BLOCKS = 4
_NEXT_BLOCKS = 16
_BLOCKS_HELD = 16
_CONTENT_RANGE = re.compile(
    r"bytes\s+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})\s*\Z", re.IGNORECASE
)
_PARTIAL = 206


class RangedClip:
    """The bytes of a clip at an address that serves ranges.

    Args:
        reader: Makes the requests.
        url: The clip's address.
        cache: Where blocks are looked up and kept.

    Attributes:
        size: Bytes, as the server says; known after `open`.
    """

    def __init__(self, reader: WebReader, url: str, *, cache: ByteCache | None = None) -> None:
        self.size = 0
        self._reader = reader
        self._url = url
        self._final_url = url
        self._cache = cache
        self._validators: dict[str, str] = {}
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._run: _Run | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes in memory now."""
        waiting = 0 if self._run is None else self._run.waiting_bytes
        return waiting + sum(map(len, self._held.values()))

    def open(self) -> httpx.Response | None:
        """Learn the size, from the cache or by asking for the first blocks.

        Returns:
            None; or the open response, if the server sends the whole clip instead of a range.

        Raises:
            LoadError: As `WebReader.open`; SERVER_CONFIG_ERROR for a wrong range.
        """
        if self._recall():
            return None
        wanted = _FIRST_BLOCKS * BLOCK_BYTES
        response = self._request(0, wanted - 1)
        is_small = 0 < _length(response) <= wanted  # the whole clip, and it fits in what was asked
        if response.status_code != _PARTIAL and not is_small:
            return response
        with _closing_on_error(response):
            start, end, self.size = self._span(response)
            self._validators = _validators(response)
            if start != 0 or end < min(BLOCK_BYTES, self.size) - 1:
                raise self._wrong(f"sent bytes {start}-{end} when asked for the first")
        if "no-" in response.headers.get("cache-control", "").lower():
            self._cache = None  # no-store or no-cache
        self._remember()
        self._run = _Run(response, 0, min(end + 1, wanted))
        return None

    def read_at(self, offset: int, count: int) -> bytes:
        """Bytes from ``offset``: at least one and at most ``count``, none at the end.

        Args:
            offset: Where to begin.
            count: The most to return.

        Raises:
            LoadError: The server failed, or the clip changed since it was opened.
        """
        if offset >= self.size or count <= 0:
            return b""
        number, inside = divmod(offset, BLOCK_BYTES)
        return self._block(number)[inside : inside + count]

    def close(self) -> None:
        """Let the blocks go."""
        self._end_run()
        self._held.clear()

    def _block(self, number: int) -> bytes:
        block = self._held.get(number)
        if block is None and self._cache is not None:
            block = self._cache.get(self._key(number))
        if block is None:
            block = self._fetch(number)
            if self._cache is not None:
                self._cache.put(self._key(number), block)
        self._held[number] = block
        self._held.move_to_end(number)
        while len(self._held) > _BLOCKS_HELD:
            self._held.popitem(last=False)
        return block

    def _fetch(self, number: int) -> bytes:
        """The next block of the answer under way, or of a new one."""
        start = number * BLOCK_BYTES
        count = min(BLOCK_BYTES, self.size - start)
        run = self._run
        if run is not None and run.at == start and run.end >= start + count:
            try:
                return self._take(run, count)
            except LoadError:
                if run.is_fresh:
                    raise
        return self._take(self._start_run(number), count)

    def _take(self, run: _Run, count: int) -> bytes:
        try:
            data = run.take(count)
        except httpx.HTTPError as error:
            self._end_run()
            raise self._reader.translate(error, self._url[:120]) from error
        if len(data) < count:
            self._end_run()
            raise LoadError(
                f"{self._url[:120]}: the body ended {count - len(data)} bytes early",
                error_class="NETWORK",
                hint="The connection or the server broke off; a retry may help.",
            )
        if run.at >= run.end:
            self._end_run()
        return data

    def _start_run(self, number: int) -> _Run:
        """Ask for a block, and with it for what is likely wanted next."""
        self._end_run()
        start = number * BLOCK_BYTES
        end = min(start + _NEXT_BLOCKS * BLOCK_BYTES, self.size) - 1
        response = self._request(start, end)
        with _closing_on_error(response):
            got_start, got_end, size = self._span(response)
            if got_start != start or got_end < min(start + BLOCK_BYTES, size) - 1:
                raise self._wrong(f"sent bytes {got_start}-{got_end} instead of {start}-{end}")
            if size != self.size or self._has_changed(response):
                self._forget()
                raise LoadError(
                    f"{self._url[:120]} changed while it was read",
                    error_class="NETWORK",
                    hint="Load it again to get the new version.",
                )
        self._run = _Run(response, start, min(got_end, end) + 1)
        return self._run

    def _end_run(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def _request(self, start: int, end: int) -> httpx.Response:
        response, self._final_url = self._reader.open(
            self._final_url, {"Range": f"bytes={start}-{end}"}
        )
        return response

    def _span(self, response: httpx.Response) -> tuple[int, int, int]:
        """First byte, last byte and size of what an answer holds; the whole clip is a span too."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise self._wrong("compresses a range")
        if response.status_code != _PARTIAL:
            size = _length(response)
            return 0, size - 1, size
        text = response.headers.get("content-range", "")
        match = _CONTENT_RANGE.match(text)
        start, end, size = map(int, match.groups()) if match else (1, 0, 0)
        if not start <= end < size:
            raise self._wrong(f"says Content-Range {text[:40]!r} for a range")
        return start, end, size

    def _has_changed(self, response: httpx.Response) -> bool:
        """Whether all that tells versions apart differs; of several hosts each may have its tag."""
        now = _validators(response)
        shared = now.keys() & self._validators.keys()
        return bool(shared) and all(now[name] != self._validators[name] for name in shared)

    def _key(self, number: int) -> str:
        version = next(iter(self._validators.values()), "")
        return f"{self._url}\n{self.size} {version}\n{BLOCK_BYTES}:{number}"

    def _recall(self) -> bool:
        """Take size and version from the cache, if an earlier reader left them there."""
        kept = None if self._cache is None else self._cache.get(f"{self._url}\nsize")
        if kept is None:
            return False
        facts: dict[str, Any] = json.loads(kept)
        if "validators" not in facts:
            return False  # of an earlier release, in a cache on disk
        self.size, self._validators = facts["size"], facts["validators"]
        return True

    def _remember(self) -> None:
        if self._cache is not None:
            facts = {"size": self.size, "validators": self._validators}
            self._cache.put(f"{self._url}\nsize", json.dumps(facts).encode())

    def _forget(self) -> None:
        if self._cache is not None:
            self._cache.remove(f"{self._url}\nsize")

    def _wrong(self, what: str) -> LoadError:
        return LoadError(
            f"{self._url[:120]}: the server {what}",
            error_class="SERVER_CONFIG_ERROR",
            hint="Mend the server's byte ranges; a retry does without them.",
        )


class _Run:
    """One answer, read as far as blocks were wanted.

    Args:
        response: The answer, its body unread.
        at: The clip's byte it begins with.
        end: The byte after the last one to read; more is not believed.
    """

    def __init__(self, response: httpx.Response, at: int, end: int) -> None:
        self.at = at
        self.end = end
        self.is_fresh = True
        self._response = response
        self._parts: Iterator[bytes] = response.iter_raw()
        self._waiting = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """Bytes received and not taken yet."""
        return len(self._waiting)

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes; fewer if the body ends."""
        while len(self._waiting) < count:
            part = next(self._parts, None)
            if part is None:
                break
            self._waiting += part
        data = bytes(self._waiting[:count])
        del self._waiting[:count]
        self.at += len(data)
        self.is_fresh = self.is_fresh and not data
        return data

    def close(self) -> None:
        """Leave the rest unread."""
        self._response.close()


@contextmanager
def _closing_on_error(response: httpx.Response) -> Iterator[None]:
    """Close a response if judging its headers raises."""
    try:
        yield
    except LoadError:
        response.close()
        raise


def _length(response: httpx.Response) -> int:
    """The announced length of a body; 0 if there is none."""
    text = response.headers.get("content-length", "")
    return int(text) if text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - below 2^63


def _validators(response: httpx.Response) -> dict[str, str]:
    """What changes when the clip does, the more exact first (RFC 9110, 8.8)."""
    headers = response.headers
    return {name: headers[name] for name in ("etag", "last-modified") if name in headers}
