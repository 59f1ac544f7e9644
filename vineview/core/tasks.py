"""The tasks a manager has started: none of them outlives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from vineview.errors import VideoManagerError

__all__ = ["Tasks"]

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_ROUNDS = 100
_ASKS = 5
_GRACE_S = 1.0


class Tasks:
    """Holds every running task, so that closing can wait for the last of them.

    Args:
        grace_s: How long closing waits for what cleans up after its cancellation.
    """

    def __init__(self, *, grace_s: float = _GRACE_S) -> None:
        self._grace_s = grace_s
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    @property
    def has_loop(self) -> bool:
        """Whether a task could be started here and now."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    def require_loop(self) -> None:
        """Make sure a task could be started.

        Raises:
            VideoManagerError: If no event loop is running.
        """
        if not self.has_loop:
            hint = "Call it from a coroutine or a notebook cell."
            raise VideoManagerError("a video cannot be loaded: no event loop is running", hint=hint)

    def start(
        self,
        work: Coroutine[Any, Any, _Result],
        name: str,
        on_end: Callable[[asyncio.Task[_Result]], None] | None = None,
    ) -> asyncio.Task[_Result]:
        """Run a coroutine as a task, and call ``on_end`` with it once it has ended."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)

        def ended(task: asyncio.Task[_Result]) -> None:
            self._running.discard(task)
            if on_end is not None:
                on_end(task)

        task.add_done_callback(ended)
        return task

    def cancel(self) -> None:
        """Cancel every task."""
        for task in tuple(self._running):
            task.cancel()

    async def aclose(self) -> None:
        """Wait for every task to end.

        What has been cancelled gets up to ``grace_s`` seconds to clean up, and is then cancelled
        a few times more. A task that ignores even that is named in the log, and left. The seconds
        are the event loop's, not the manager's clock's: whoever closes has stopped moving that.
        """
        await self._yield_until_done()
        if self._running:
            await asyncio.wait(self._running, timeout=self._grace_s)
        for _ in range(_ASKS):
            self.cancel()
            await self._yield_until_done()
        if self._running:
            names = ", ".join(sorted(task.get_name() for task in self._running))
            _log.warning("left running, because it ignores its cancellation: %s", names)

    async def _yield_until_done(self) -> None:
        for _ in range(_ROUNDS):
            if not self._running:
                return
            await asyncio.sleep(0)
