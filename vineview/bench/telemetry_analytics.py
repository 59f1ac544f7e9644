"""The analytics' part of ``vineview bench telemetry``: the bundled export, two hours of one device.

Beside it the growth rate of a million samples in memory, from the samples to the interval.

Opening and the first analytics of the process, which compile the questions, are not timed; every
timed run starts from an export just opened, so that nothing of it is known yet.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from vineview.resources import data
from vineview.telemetry.export import Telemetry
from vineview.telemetry.growth.buckets import buckets_of
from vineview.telemetry.growth.trend import growth

if TYPE_CHECKING:
    from vineview.bench.report import Report

__all__ = ["analyse_bundled", "rate_samples"]

_RUNS: Final = 25
_TARGET_MS: Final = 50
_ROWS: Final = 1_300_000
_PAIRS: Final = 4000


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


def rate_samples(report: Report) -> None:
    """Time the growth rate with its interval of samples in memory, beside scipy's two slopes."""
    from scipy import stats

    hours = np.linspace(0, 168, _ROWS)
    memory = 200 + hours + np.random.default_rng(11).normal(0, 5, _ROWS)
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(hours * 3600, unit="s")
    samples = pd.DataFrame({"at": at, "video_memory_mb": memory})
    works: tuple[Callable[[], object], ...] = (
        lambda: growth(buckets_of(samples)),
        lambda: stats.linregress(hours, memory),
        lambda: stats.theilslopes(memory[:_PAIRS], hours[:_PAIRS]),
    )
    ours, line, pairs = _best(works)
    what = f"growth rate with interval, {_ROWS} samples"
    report.ratio(what, ours, "ms", peer="scipy linregress", peer_value=line, target=2.0)
    peer = f"exact Theil-Sen, n = {_PAIRS}"
    report.ratio(what, ours, "ms", peer=peer, peer_value=pairs, target=0.1)


def _best(works: tuple[Callable[[], object], ...]) -> list[float]:
    """The shortest of some runs of each, in turn, in milliseconds."""
    best = [float("inf")] * len(works)
    for _ in range(_RUNS):
        for number, work in enumerate(works):
            began = time.perf_counter()
            work()
            best[number] = min(best[number], (time.perf_counter() - began) * 1e3)
    return best
