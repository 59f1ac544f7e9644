"""Recommendations: what the figures say to do, with the rule each comes from.

The rules and their thresholds are the app's (reference, section 8), and one of ours: a leak comes
before everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vineview.telemetry.growth.leak import Leak, Verdict
from vineview.telemetry.thresholds import Thresholds

__all__ = ["Recommendation", "recommend"]

_MIN_SUCCESS_RATE: Final = 0.9
_MONITOR: Final = "rule of OpenVine's performance monitor"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing to do.

    Attributes:
        type: ``memory``, ``performance``, ``network`` or ``configuration``.
        priority: ``low``, ``medium``, ``high`` or ``critical``.
        title: In a few words.
        description: The figure behind it.
        action: The next move.
        source: Whose rule it is, and the limit it goes by: one of ``Thresholds`` is what
            ``telemetry.thresholds`` shows, the export's own or OpenVine's default.
        evidence: The figures it rests on, as sentences.
    """

    type: str
    priority: str
    title: str
    description: str
    action: str
    source: str
    evidence: tuple[str, ...] = ()


def recommend(
    *,
    leak: Leak,
    peak_mb: float,
    peak_controllers: float | None,
    success_rate: float | None,
    thresholds: Thresholds,
) -> tuple[Recommendation, ...]:
    """Apply every rule.

    Args:
        leak: The verdict.
        peak_mb: The highest memory.
        peak_controllers: The most controllers, if known.
        success_rate: Of finished preloads, 0-1, if there were any.
        thresholds: The limits in force.

    Returns:
        What to do, most urgent first.
    """
    made = []
    if leak.verdict is Verdict.LEAKING:
        made.append(
            Recommendation(
                "memory",
                "critical",
                "Memory is leaking",
                leak.evidence[0],
                "Run the memory-usage runbook; relieving memory buys time but does not mend it.",
                "vineview's leak verdict",
                leak.evidence,
            )
        )
    if peak_mb > thresholds.high_memory_mb:
        evidence = f"It peaked at {peak_mb:.0f} MB, above {thresholds.high_memory_mb:g} MB."
        made.append(
            Recommendation(
                "memory",
                "high",
                "Memory is too high",
                evidence,
                "Relieve memory pressure, then a smaller preload window (profile low_memory).",
                f"{_MONITOR}: Thresholds.high_memory_mb",
                (evidence,),
            )
        )
    if success_rate is not None and success_rate < _MIN_SUCCESS_RATE:
        evidence = f"{success_rate:.1%} succeed, under {_MIN_SUCCESS_RATE:.0%}."
        made.append(
            Recommendation(
                "network",
                "high",
                "Too many preloads fail",
                evidence,
                "Look at the top errors; longer timeouts and more retries are profile recovery.",
                f"{_MONITOR}: success rate under {_MIN_SUCCESS_RATE:g}",
                (evidence,),
            )
        )
    if peak_controllers is not None and peak_controllers > thresholds.max_controllers:
        evidence = f"Up to {peak_controllers:.0f} at once, more than {thresholds.max_controllers}."
        made.append(
            Recommendation(
                "performance",
                "medium",
                "Too many controllers",
                evidence,
                "Look for controllers that are not released: debug info, controllers above ready.",
                f"{_MONITOR}: Thresholds.max_controllers",
                (evidence,),
            )
        )
    return tuple(made)
