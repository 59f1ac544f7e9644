"""Named faults, played on the real manager and monitor with scripted controllers.

``python -m vineview.scenarios DIR`` records each fault and writes it as ``DIR/<name>.ndjson``; the
same seed gives the same bytes. A fault lives in the loader and in what its controllers hold; the
manager, the monitor and the records are the ones a live session has. Nothing is typed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from vineview.clock import Clock, ManualClock
from vineview.scenarios.leak import memory_leak
from vineview.scenarios.session import Scenario, ScriptedSession

__all__ = ["RECORDED_S", "Scenario", "ScriptedSession", "make", "memory_leak"]

RECORDED_S = 3 * 3600.0
"""How long the recorded incidents last."""


def make(folder: Path) -> list[Path]:
    """Record every fault for three hours and write it down; this takes a few seconds.

    Args:
        folder: Where the files go; made if missing.

    Returns:
        The files written.

    Raises:
        TelemetryError: If one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [asyncio.run(_record(memory_leak, folder))]


async def _record(fault: Callable[[Clock], Scenario], folder: Path) -> Path:
    scenario = fault(ManualClock())
    try:
        await scenario.run(RECORDED_S)
        return scenario.monitor.export().write(folder / f"{scenario.name}.ndjson")
    finally:
        await scenario.aclose()
