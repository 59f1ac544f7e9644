"""Where a runbook is run: on a practice incident, on a recording, or on a live system.

The steps see one shape, `Setting`: an ops client and a way to let time pass. Simulated settings
pass two hours in a moment; the live one waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, Self

from vineview.clock import Clock, ManualClock, SystemClock
from vineview.errors import TelemetryError
from vineview.ops.client import OpsClient
from vineview.ops.embedded import PracticeIncident
from vineview.replay import Replay
from vineview.telemetry.export import Telemetry

__all__ = ["LiveSetting", "PracticeSetting", "RecordedSetting", "Setting", "silently"]

_LIMIT_MB = 500.0


class Setting(Protocol):
    """What the steps ask of where they run."""

    @property
    def ops(self) -> OpsClient:
        """Reads and, where that is allowed, steers."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What a reader of the report must know about the setting."""
        ...

    @property
    def waits_for_nothing(self) -> bool:
        """Whether waiting here shows nothing, because nothing was or can be changed."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether people suffer while a watch goes on."""
        ...

    def utc(self) -> datetime:
        """The instant here."""
        ...

    async def pass_time(self, seconds: float) -> float:
        """Let time pass; returns how much did, which is less at the end of a recording."""
        ...

    async def aclose(self) -> None:
        """Stop what runs here."""
        ...


class PracticeSetting:
    """The practice incident at its alert, in simulated time; the steps act on its manager."""

    waits_for_nothing = False
    is_live = False

    def __init__(self, incident: PracticeIncident) -> None:
        self._incident = incident
        backend = incident.backend
        self.ops = OpsClient(backend.manager, monitor=backend.monitor, flags=backend.flags)
        minutes = incident.clock.now() / 60
        self.facts = {
            "Mode": "Practice: embedded manager, simulated time; the steps act on it",
            "Incident": f"Scripted memory leak, {minutes:.0f} min after the app started",
            "Alert at": f"{incident.clock.utc():%Y-%m-%d %H:%M} UTC (simulated)",
        }

    @classmethod
    async def open(cls) -> Self:
        """Play the incident up to its alert."""
        return cls(await PracticeIncident.open())

    def utc(self) -> datetime:
        """The simulated instant."""
        return self._incident.clock.utc()

    async def pass_time(self, seconds: float) -> float:
        """Let the scripted user go on."""
        await self._incident.advance(seconds)
        return seconds

    async def aclose(self) -> None:
        """End the scenario."""
        await self.ops.aclose()
        await self._incident.aclose()


class RecordedSetting:
    """A recorded incident from its alert on; it can be read, not changed."""

    waits_for_nothing = False
    is_live = False

    def __init__(self, telemetry: Telemetry) -> None:
        self._clock = ManualClock()
        self._replay = Replay(telemetry, clock=self._clock)
        alert_at, why = _alert(telemetry)
        self._replay.seek(alert_at)
        self.ops = OpsClient(self._replay, monitor=self._replay.monitor, show=silently)
        lost = f", {telemetry.skipped} damaged records left out" if telemetry.skipped else ""
        self.facts = {
            "Mode": "Recording: read from the alert on; nothing can be changed",
            "Incident": f"{telemetry.source} ({telemetry.coverage.text}{lost})",
            why: f"{alert_at:%Y-%m-%d %H:%M} UTC (recorded)",
        }

    @classmethod
    async def open(cls, source: str) -> Self:
        """Open an export and go to its alert.

        Raises:
            TelemetryError: If it cannot be read, or has no memory readings.
        """
        return cls(Telemetry.open(source))

    def utc(self) -> datetime:
        """The recorded instant."""
        return self._replay.at

    async def pass_time(self, seconds: float) -> float:
        """Read on; the end of the recording is where time stops."""
        before = self._replay.position_s
        if before < self._replay.duration_s:
            self._replay.play()
            await self._clock.advance(seconds)
            self._replay.pause()
        return self._replay.position_s - before

    async def aclose(self) -> None:
        """Stop the replay."""
        await self.ops.aclose()
        await self._replay.aclose()


class LiveSetting:
    """A live system behind its ops API, in real time."""

    is_live = True

    def __init__(self, ops: OpsClient, *, approve: str, clock: Clock | None = None) -> None:
        self.ops = ops
        self._clock = clock or SystemClock()
        self.waits_for_nothing = not ops.acts
        act = f"changes are sent, approved by {approve}" if ops.acts else "dry run, nothing is sent"
        self.facts = {
            "Mode": f"Live system, real time; {act}",
            "System": ops.base_url,
            "Begun at": f"{self._clock.utc():%Y-%m-%d %H:%M} UTC",
        }

    def utc(self) -> datetime:
        """The instant."""
        return self._clock.utc()

    async def pass_time(self, seconds: float) -> float:
        """Wait."""
        await self._clock.sleep(seconds)
        return seconds

    async def aclose(self) -> None:
        """Close the connections."""
        await self.ops.aclose()


def silently(_: str) -> None:
    """Print nothing: the step's finding shows the request that was not sent."""


def _alert(telemetry: Telemetry) -> tuple[datetime, str]:
    """The first instant above the threshold, else that of the peak; and what it is."""
    frame = telemetry.samples.dropna(subset="video_memory_mb")
    if frame.empty:
        raise TelemetryError(
            f"{telemetry.source} has no memory readings",
            source=telemetry.source,
            hint="Export it again with samples, or run without --telemetry to practise.",
        )
    above = frame[frame["video_memory_mb"] > _LIMIT_MB]
    row = frame["video_memory_mb"].idxmax() if above.empty else above.index[0]
    at: datetime = frame["at"].to_dict()[row].to_pydatetime()
    return at, "No alert; peak at" if above.empty else "Alert at"
