"""One load in flight, and what the export says of it once it has ended."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from vineview.core.agenda import Appointment
from vineview.core.ledger import Record
from vineview.core.loading import Controller
from vineview.core.state import ErrorClass, VideoState

__all__ = ["Attempt", "preload_facts"]


class Attempt:
    """One load in flight. Any number may wait for it; giving up waiting harms nobody.

    Args:
        record: The video.
        started_s: When it began, on the manager's clock.
    """

    __slots__ = (
        "_outcome",
        "is_emptied",
        "load",
        "number",
        "record",
        "result",
        "started_s",
        "timeout",
    )

    def __init__(self, record: Record, started_s: float) -> None:
        self.record = record
        self.started_s = started_s
        self.number = record.state.retry_count + 1
        self.load: asyncio.Task[Controller]
        self.timeout: Appointment
        self.result: VideoState | None = None
        self.is_emptied = False
        self._outcome: asyncio.Future[VideoState] | None = None

    async def wait(self) -> VideoState:
        """The video's state once this attempt has ended, however it ended."""
        if self.result is not None:
            return self.result
        if self._outcome is None:
            self._outcome = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._outcome)

    def settle(self, state: VideoState) -> None:
        """Let those who wait go on with this state."""
        self.result = state
        if self._outcome is not None:
            self._outcome.set_result(state)


def preload_facts(
    attempt: Attempt,
    *,
    now_s: float,
    controller: Controller | None = None,
    held_bytes: int | None = None,
    error: str | None = None,
    error_class: ErrorClass | None = None,
) -> dict[str, Any]:
    """The fields of a ``preload`` change (contract, section 3), as plain values."""
    event = attempt.record.event
    cache_hit = _fact(controller, "cache_hit")
    mime_type = _fact(controller, "mime_type")
    return {
        "success": controller is not None,
        "duration_ms": round((now_s - attempt.started_s) * 1000, 3),
        "bytes": held_bytes,
        "error": error,
        "error_class": None if error_class is None else error_class.value,
        "mime_type": mime_type if isinstance(mime_type, str) else event.mime_type,
        "cache_hit": cache_hit if isinstance(cache_hit, bool) else None,
        "host": _host(event.video_url or ""),
        "attempt": attempt.number,
    }


@lru_cache
def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def _fact(controller: Controller | None, name: str) -> object:
    """What a controller says of itself beyond the protocol, if it does."""
    try:
        return getattr(controller, name, None)
    except Exception:  # noqa: BLE001  # foreign code; a fact it cannot tell is unknown
        return None
