"""A practice incident: the memory leak scenario on a manager of this process, at its alert.

It lets every runbook and ops command be tried where nothing can be harmed. The manager, monitor
and flags are the real ones; only the user and the controllers' bytes are scripted, and time is
simulated, so an hour passes in about a second.
"""

from __future__ import annotations

from typing import Self

from vineview.clock import ManualClock
from vineview.errors import OpsError
from vineview.ops.routes import Backend
from vineview.scenarios import Scenario, memory_leak

__all__ = ["PracticeIncident"]

_STEP_S = 60.0
_PATIENCE_S = 8 * 3600.0


class PracticeIncident:
    """The scenario under way; `advance` lets it go on.

    Attributes:
        clock: The simulated time.
        backend: What the ops routes read and act on.
    """

    def __init__(self, scenario: Scenario, clock: ManualClock) -> None:
        self.clock = clock
        self.scenario = scenario
        self.backend = Backend(scenario.manager, scenario.monitor)

    @classmethod
    async def open(cls, clock: ManualClock | None = None) -> Self:
        """Play the scenario until measured memory is above the monitor's threshold.

        Args:
            clock: The time to play on; a new one, at its usual start, if not given.

        Raises:
            OpsError: If the alert has not come after eight simulated hours.
        """
        clock = clock or ManualClock()
        incident = cls(memory_leak(clock), clock)
        limit_mb = incident.backend.monitor.thresholds.high_memory_mb
        while clock.now() < _PATIENCE_S:
            await incident.scenario.run(clock.now() + _STEP_S)
            sample = incident.backend.monitor.current_sample
            if sample is not None and (sample.video_memory_mb or 0.0) > limit_mb:
                return incident
        await incident.aclose()
        raise OpsError(
            f"the practice incident did not reach {limit_mb:g} MB in {_PATIENCE_S / 3600:g} h",
            hint="Reinstall vineview; its scenario is broken.",
        )

    async def advance(self, seconds: float) -> None:
        """Let the scenario go on for so many simulated seconds."""
        await self.clock.advance(seconds)

    async def aclose(self) -> None:
        """End the scenario."""
        await self.scenario.aclose()
