"""The analytics' part of ``vineview bench telemetry``: the bundled export, two hours of one device.

Opening and the first analytics of the process, which compile the questions, are not timed; every
timed run starts from an export just opened, so that nothing of it is known yet.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Final

from vineview.resources import data
from vineview.telemetry.export import Telemetry

if TYPE_CHECKING:
    from vineview.bench.report import Report

__all__ = ["analyse_bundled"]

_RUNS: Final = 25
_TARGET_MS: Final = 50


def analyse_bundled(report: Report) -> None:
    """Time the analytics of the bundled export's last two hours."""
    source = data("incidents", "memory-leak.ndjson")
    Telemetry.open(source).analytics("2h")
    times_ms = []
    for _ in range(_RUNS):
        telemetry = Telemetry.open(source)
        began = time.perf_counter()
        telemetry.analytics("2h")
        times_ms.append((time.perf_counter() - began) * 1e3)
    middle_ms = statistics.median(times_ms)
    report.row("analytics of a 2 h export", middle_ms, "ms", target=_TARGET_MS)
    report.note(f"analytics: the middle of {_RUNS} runs, the best {min(times_ms):.1f} ms")
