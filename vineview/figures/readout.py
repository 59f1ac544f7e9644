"""Key numbers: what the tiles above a chart say, and the same as one sentence.

The measured memory and the app's estimate are always two tiles with their own words, because the
estimate is controllers times a constant and cannot show a leak.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from vineview.figures.marks import Turn
from vineview.figures.memory import Growth
from vineview.telemetry.thresholds import Thresholds

__all__ = ["Reading", "Tile", "growth_of", "memory_tiles", "range_tiles", "sentence", "turns_of"]

Tone = Literal["plain", "good", "warn", "critical", "quiet"]
_SOURCES = {
    "measured": "measured on the device",
    "held_bytes": "bytes really held",
    "estimate": "no measurement: the estimate",
}
_VERDICTS: dict[str, tuple[str, Tone]] = {
    "leaking": ("leaking", "critical"),
    "not_leaking": ("not leaking", "good"),
    "inconclusive": ("inconclusive", "quiet"),
}
_SECONDS_PER_HOUR = 3600.0
_NONE = "\N{EN DASH}"
_TIMES = "\N{MULTIPLICATION SIGN}"


class Reading(Protocol):
    """What the tiles read of a sample; any of it may be missing."""

    @property
    def video_memory_mb(self) -> float | None:
        """Measured memory, MB."""
        ...

    @property
    def memory_source(self) -> str | None:
        """Where the measurement comes from."""
        ...

    @property
    def estimated_memory_mb(self) -> float | None:
        """Controllers times MB per controller."""
        ...

    @property
    def video_controllers(self) -> int | None:
        """Loaded, playable videos."""
        ...


@dataclass(frozen=True, slots=True)
class Tile:
    """One key number.

    Attributes:
        label: What it is.
        value: The number as text, or a dash where there is none.
        unit: Its unit.
        note: Where it comes from, or its interval.
        tone: How it stands; never the only signal, the words say it too.
    """

    label: str
    value: str
    unit: str = ""
    note: str = ""
    tone: Tone = "plain"

    def to_dict(self) -> dict[str, str]:
        """The tile as plain values, for the page."""
        return asdict(self)


def memory_tiles(
    reading: Reading | None, usage: Any = None, *, thresholds: Thresholds | None = None
) -> tuple[Tile, ...]:
    """The five tiles of a memory chart.

    Args:
        reading: The sample the chart stands at: the last one, or the one under the playhead.
        usage: ``Analytics.memory_usage``, for growth and verdict; without it those two are
            left out.
        thresholds: Where memory is high and critical, and the cap on controllers.

    Returns:
        Measured memory, the app's estimate, controllers, growth and leak verdict.

    Example:
        >>> memory_tiles(None)[0].note
        'no sample yet'
    """
    limits = thresholds or Thresholds()
    tiles = [_memory(reading, limits), _estimate(reading), _controllers(reading, limits)]
    if usage is not None:
        tiles += [_growth(growth_of(usage)), _verdict(getattr(usage, "leak", None))]
    return tuple(tiles)


def range_tiles(usage: Any, *, thresholds: Thresholds | None = None) -> tuple[Tile, ...]:
    """The tiles of a stretch picked in a chart: peak, average, growth and leak verdict.

    Args:
        usage: ``Analytics.memory_usage`` of that stretch; ``None`` when nothing was measured.
        thresholds: Where memory is high and critical.

    Example:
        >>> range_tiles(None)[0].note
        'nothing was measured here'
    """
    if usage is None:
        return (Tile("peak", _NONE, "MB", "nothing was measured here", "quiet"),)
    limits = thresholds or Thresholds()
    peak = float(usage.peak_mb)
    tone: Tone = "plain"
    note = f"lowest {_short(float(usage.minimum_mb))}"
    if peak > limits.critical_memory_mb:
        tone, note = "critical", f"critical: above {limits.critical_memory_mb:g}, {note}"
    elif peak > limits.high_memory_mb:
        tone, note = "warn", f"high: above {limits.high_memory_mb:g}, {note}"
    return (
        Tile("peak", _short(peak), "MB", note, tone),
        Tile("average", _short(float(usage.average_mb)), "MB"),
        _growth(growth_of(usage)),
        _verdict(getattr(usage, "leak", None)),
    )


def growth_of(usage: Any) -> Growth | None:
    """The growth rate of ``Analytics.memory_usage`` with its interval, or ``None`` without one.

    The robust rate is in MB/h already; its interval is in MB/s (contract, section 2).
    """
    rate = getattr(usage, "robust_growth_rate_mb_per_hour", None)
    if rate is None or not math.isfinite(rate):
        return None
    interval = getattr(usage, "growth_rate_interval", None)
    low, high = (None, None) if interval is None else _ends(interval)
    since = getattr(usage, "turned_at", None) if _has_begun(usage) else None
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return Growth(rate, since=since)
    return Growth(rate, low * _SECONDS_PER_HOUR, high * _SECONDS_PER_HOUR, since)


def turns_of(usage: Any) -> tuple[Turn, ...]:
    """The change point ``Analytics.memory_usage`` found, in words.

    None where it found none, and none while the verdict is open: in ten seconds anything turns.
    """
    at = getattr(usage, "turned_at", None)
    verdict = str(getattr(getattr(usage, "leak", None), "verdict", "inconclusive"))
    if at is None or verdict == "inconclusive":
        return ()
    step_mb = float(getattr(usage, "step_mb", 0.0) or 0.0)
    bend = "growth begins" if _has_begun(usage) else "growth levels off"
    return (Turn(at, f"step of {step_mb:+.0f} MB" if step_mb else bend),)


def _has_begun(usage: Any) -> bool:
    """Whether memory grows from ``turned_at`` on and hardly did before."""
    return getattr(usage, "shape", None) == "begun"


def sentence(tiles: Sequence[Tile]) -> str:
    """The tiles as one sentence, for a screen reader and for text-only places.

    Example:
        >>> sentence([Tile("memory", "743", "MB", "bytes really held"), Tile("leak", "leaking")])
        'memory 743 MB (bytes really held); leak leaking.'
    """
    parts = []
    for tile in tiles:
        number = " ".join(part for part in (tile.label, tile.value, tile.unit) if part)
        parts.append(f"{number} ({tile.note})" if tile.note else number)
    return "; ".join(parts) + "."


def _memory(reading: Reading | None, limits: Thresholds) -> Tile:
    memory = None if reading is None else _number(reading.video_memory_mb)
    if reading is None or memory is None:
        return Tile("memory", _NONE, "MB", "no sample yet", "quiet")
    tone: Tone = "plain"
    word = ""
    if memory > limits.critical_memory_mb:
        tone, word = "critical", f"critical: above {limits.critical_memory_mb:g}, "
    elif memory > limits.high_memory_mb:
        tone, word = "warn", f"high: above {limits.high_memory_mb:g}, "
    source = _SOURCES.get(str(reading.memory_source), "measured")
    return Tile("memory", _short(memory), "MB", word + source, tone)


def _estimate(reading: Reading | None) -> Tile:
    estimate = None if reading is None else _number(reading.estimated_memory_mb)
    if reading is None or estimate is None:
        return Tile("app's estimate", _NONE, "MB", f"controllers {_TIMES} 20 MB", "quiet")
    controllers = _number(reading.video_controllers) or 0.0
    each = estimate / controllers if controllers else 20.0
    note = f"{controllers:.0f} {_TIMES} {each:g} MB"
    return Tile("app's estimate", _short(estimate), "MB", note)


def _controllers(reading: Reading | None, limits: Thresholds) -> Tile:
    count = None if reading is None else _number(reading.video_controllers)
    if count is None:
        return Tile("controllers", _NONE, f"of {limits.max_controllers}", "", "quiet")
    over = count > limits.max_controllers
    note = "over the cap" if over else "at the cap" if count == limits.max_controllers else ""
    tone: Tone = "critical" if over else "plain"
    return Tile("controllers", f"{count:.0f}", f"of {limits.max_controllers}", note, tone)


def _growth(growth: Growth | None) -> Tile:
    if growth is None:
        return Tile("growth", _NONE, "MB/h", "too few samples", "quiet")
    if growth.low_mb_per_hour is None or growth.high_mb_per_hour is None:
        return Tile("growth", f"{growth.mb_per_hour:+.1f}", "MB/h")
    note = f"95 %: {growth.low_mb_per_hour:+.1f} to {growth.high_mb_per_hour:+.1f}"
    return Tile("growth", f"{growth.mb_per_hour:+.1f}", "MB/h", note)


def _verdict(leak: Any) -> Tile:
    verdict = str(getattr(leak, "verdict", "inconclusive"))
    evidence = getattr(leak, "evidence", ())
    first = evidence if isinstance(evidence, str) else next(iter(evidence), "")
    words, tone = _VERDICTS.get(verdict, (verdict, "quiet"))
    return Tile("leak check", words, "", str(first), tone)


def _ends(interval: Any) -> tuple[float | None, float | None]:
    if isinstance(interval, Sequence):
        low, high = interval
        return low, high
    return getattr(interval, "low", None), getattr(interval, "high", None)


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _short(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"  # noqa: PLR2004 - three digits
