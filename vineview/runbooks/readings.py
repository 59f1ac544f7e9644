"""One reading of a video system, and a watch: readings over time, judged against a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from vineview.errors import OpsError
from vineview.telemetry.checks import parse_at

__all__ = ["Reading", "Watch"]

_SOURCES = {
    "measured": "measured by the device",
    "held_bytes": "measured: bytes the controllers hold",
    "estimate": "the app's estimate; nothing was measured",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the status endpoint said at one instant.

    Attributes:
        at: When the memory was measured.
        memory_mb: Video memory; see ``source``.
        source: Where ``memory_mb`` comes from, for people.
        estimated_mb: The app's estimate, controllers times MB per controller.
        controllers: Loaded, playable videos.
        ready: Videos ready to show.
        status: The whole answer.
    """

    at: datetime
    memory_mb: float
    source: str
    estimated_mb: float
    controllers: int
    ready: int
    status: Mapping[str, Any]

    @classmethod
    def of(cls, status: Mapping[str, Any], *, url: str) -> Self:
        """Read a status document.

        Raises:
            OpsError: If it says nothing about memory or controllers.
        """
        try:
            estimated = float(status["memory_mb"])
            measured = status.get("video_memory_mb")
            source = str(status.get("memory_source") or "measured")
            return cls(
                at=parse_at(status.get("sampled_at") or status["timestamp"]),
                memory_mb=estimated if measured is None else float(measured),
                source=_SOURCES["estimate"] if measured is None else _SOURCES.get(source, source),
                estimated_mb=estimated,
                controllers=int(status["controllers"]),
                ready=int(status["ready_videos"]),
                status=status,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise OpsError(
                f"the status from {url} is not complete: {error}",
                method="GET",
                url=url,
                hint="Check that the address is the ops API's.",
            ) from error

    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """The numbers, for a finding."""
        return (
            ("Video memory", f"{self.memory_mb:.0f} MB", self.source),
            ("App's estimate", f"{self.estimated_mb:.0f} MB", "controllers x MB per controller"),
            ("Controllers", f"{self.controllers}", f"{self.ready} videos ready"),
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """Readings of one watch.

    Attributes:
        readings: In order; at least one.
        asked_s: How long it was to last.
        passed_s: How long it lasted.
        missed: How many readings could not be had.
        is_cut_short: Whether it was given up, because memory stayed above the threshold.
    """

    readings: Sequence[Reading]
    asked_s: float
    passed_s: float
    missed: int = 0
    is_cut_short: bool = False

    @property
    def first(self) -> Reading:
        """The reading it began with."""
        return self.readings[0]

    @property
    def last(self) -> Reading:
        """The reading it ended with."""
        return self.readings[-1]

    @property
    def peak(self) -> Reading:
        """The highest reading."""
        return max(self.readings, key=lambda reading: reading.memory_mb)

    @property
    def is_complete(self) -> bool:
        """Whether it lasted as long as asked."""
        return self.passed_s >= self.asked_s

    def first_above(self, limit_mb: float) -> Reading | None:
        """The first reading above a limit, if there is one."""
        return next((r for r in self.readings if r.memory_mb > limit_mb), None)

    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """The numbers, for a finding."""
        rows = [
            ("At the start", f"{self.first.memory_mb:.0f} MB", f"{self.first.at:%H:%M} UTC"),
            ("Peak", f"{self.peak.memory_mb:.0f} MB", f"{self.peak.at:%H:%M} UTC"),
            ("At the end", f"{self.last.memory_mb:.0f} MB", f"{self.last.at:%H:%M} UTC"),
            ("Readings", f"{len(self.readings)}", self.last.source),
        ]
        if self.missed:
            rows.append(("Missed", f"{self.missed}", "readings that could not be had"))
        return tuple(rows)
