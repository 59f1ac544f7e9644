"""Channel: what the kernel and a worker say to each other, one frame after the other.

A frame is a kind, some facts as JSON, and a body of raw bytes. Nothing is pickled: a worker reads
hostile media, so what it says is data to be checked, never objects to be made.
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import time
from dataclasses import dataclass
from typing import Any

__all__ = ["MAX_BODY_BYTES", "Channel", "Frame", "Silence"]

_HEAD = struct.Struct("!8sII")
_MAX_FACTS_BYTES = 2**20
MAX_BODY_BYTES = 2**28
_READ_BYTES = 2**20
_MAX_PARTS = 1024  # Linux takes no more at once


class Silence(TimeoutError):
    """Nothing came in the time allowed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing said.

    Attributes:
        kind: What it is about; at most eight letters.
        facts: What it says.
        body: The bytes that go with it.
    """

    kind: str
    facts: dict[str, Any]
    body: bytes = b""


class Channel:
    """Two file descriptors, or one twice; they belong to the channel.

    Args:
        incoming: What the other side writes to.
        outgoing: What it reads from.

    Example:
        >>> ends = os.pipe()
        >>> channel = Channel(*ends)
        >>> channel.send("hello", b"bytes", place=1)
        >>> channel.receive()
        Frame(kind='hello', facts={'place': 1}, body=b'bytes')
        >>> channel.close()
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._is_closed = False

    def send(self, kind: str, /, *body: bytes | memoryview, **facts: Any) -> None:
        """Say something; waits while the other side does not listen.

        Args:
            kind: What it is about.
            body: Bytes that go with it, in as many parts as they are in.
            facts: What JSON can carry.

        Raises:
            BrokenPipeError: The other side is gone.
        """
        text = json.dumps(facts).encode() if facts else b""
        head = _HEAD.pack(kind.encode(), len(text), sum(map(len, body)))
        left = [memoryview(part) for part in (head + text, *body) if part]
        while left:
            written = self._write(left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]

    def receive(self, limit_s: float | None = None) -> Frame:
        """The next thing the other side says.

        Args:
            limit_s: The longest silence that is put up with, in seconds; without, any.

        Raises:
            EOFError: The other side is gone.
            Silence: It said nothing for that long.
            ValueError: It does not keep to the form.
        """
        kind, facts_bytes, body_bytes = _HEAD.unpack(self._read(_HEAD.size, limit_s))
        if facts_bytes > _MAX_FACTS_BYTES or body_bytes > MAX_BODY_BYTES:
            raise ValueError("a frame is larger than any should be")
        facts = json.loads(self._read(facts_bytes, limit_s)) if facts_bytes else {}
        if not isinstance(facts, dict):
            raise ValueError("a frame's facts are no object")  # noqa: TRY004 - a form, not a type
        body = self._read(body_bytes, limit_s) if body_bytes else b""
        return Frame(kind.rstrip(b"\0").decode("ascii"), facts, body)

    def close(self) -> None:
        """Hang up. Harmless when repeated."""
        if not self._is_closed:
            self._is_closed = True
            for one in {self._incoming, self._outgoing}:
                os.close(one)

    def _write(self, parts: list[memoryview]) -> int:
        """Write what goes at once; how many bytes that was."""
        if sys.platform == "win32":
            return os.write(self._outgoing, parts[0])
        return os.writev(self._outgoing, parts[:_MAX_PARTS])

    def _read(self, count: int, limit_s: float | None) -> bytes:
        parts = []
        until = None if limit_s is None else time.monotonic() + limit_s
        while count:
            if until is not None:
                self._wait(until)
            part = os.read(self._incoming, min(count, _READ_BYTES))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)  # of one part, that part itself

    def _wait(self, until: float) -> None:
        """Wait for bytes; Windows has no such wait for pipes, there a timer ends the worker."""
        if os.name != "posix":
            return
        poll = select.poll()
        poll.register(self._incoming, select.POLLIN)
        if not poll.poll(max(until - time.monotonic(), 0) * 1000):
            raise Silence
