"""GaugePush: the runbook's gauges, once a minute, to whatever collects them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from typing import Final

from vineview.clock import Clock
from vineview.errors import UsageError
from vineview.telemetry.monitor import VideoPerformanceMonitor
from vineview.telemetry.payloads import gauges

__all__ = ["GaugePush"]

_MINUTE_S: Final = 60.0
_LOG: Final = logging.getLogger(__name__)


class GaugePush:
    """Sends a monitor's gauges at once and every minute.

    Args:
        monitor: Whose latest sample is sent; nothing while there is none.
        send: Gets the gauges by name; what it raises is logged, and the next minute tries again.
        clock: Whose minutes; the monitor's manager's.
        interval_s: Seconds between sendings.

    Raises:
        UsageError: If the interval is not a positive number.

    Example:
        >>> push = GaugePush(monitor, collector.record, clock=clock)  # doctest: +SKIP
        >>> push.start()  # doctest: +SKIP
    """

    def __init__(
        self,
        monitor: VideoPerformanceMonitor,
        send: Callable[[Mapping[str, float]], object],
        *,
        clock: Clock,
        interval_s: float = _MINUTE_S,
    ) -> None:
        if not math.isfinite(interval_s) or interval_s <= 0:
            raise UsageError(
                f"gauges cannot be sent every {interval_s!r} s",
                hint="Pass a positive number of seconds; the runbook sends every 60.",
            )
        self._monitor = monitor
        self._send = send
        self._clock = clock
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Send now and every interval, inside a running event loop. Twice is once."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="vineview-gauges")

    async def aclose(self) -> None:
        """Stop, and return once the task is gone."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            sample = self._monitor.current_sample
            if sample is not None:
                try:
                    self._send(gauges(sample))
                except Exception:  # noqa: BLE001 - the next minute tries again
                    _LOG.exception("gauges could not be sent")
            await self._clock.sleep(self._interval_s)
