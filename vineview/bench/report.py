"""What a benchmark prints: each figure beside its target and its peer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Report", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        value: The figure, in ``unit``.
        unit: ``s``, ``ms``, ``MB``, ``1/s`` ...
        peer: What it was compared with in the same run, if anything.
        peer_value: The peer's figure, in the same unit.
        ratio: ``value / peer_value``.
        target: The bound, on the ratio when there is a peer, else on the value.
        met: Whether the bound holds; ``None`` without one.
    """

    what: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    target: float | None = None
    met: bool | None = None


@dataclass(slots=True)
class Report:
    """The rows and notes of one benchmark.

    Example:
        >>> report = Report("demo")
        >>> report.ratio("remux", 0.5, "s", peer="ffmpeg", peer_value=1.0, target=1.0)
        >>> report.rows[0].met
        True
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(
        self,
        what: str,
        value: float,
        unit: str,
        *,
        target: float | None = None,
        better: Literal["lower", "higher"] = "lower",
    ) -> None:
        """Add a figure of our own, bounded by ``target`` in its unit."""
        met = None if target is None else _within(value, target, better)
        self.rows.append(Row(what, value, unit, target=target, met=met))

    def ratio(
        self,
        what: str,
        value: float,
        unit: str,
        *,
        peer: str,
        peer_value: float,
        target: float | None = None,
        better: Literal["lower", "higher"] = "lower",
    ) -> None:
        """Add a figure beside its peer's; ``target`` bounds ``value / peer_value``."""
        ratio = value / peer_value if peer_value else float("inf")
        met = None if target is None else _within(ratio, target, better)
        self.rows.append(Row(what, value, unit, peer, peer_value, ratio, target, met))

    def note(self, text: str) -> None:
        """Add a sentence a reader of the figures needs."""
        self.notes.append(text)

    @property
    def met(self) -> bool:
        """Whether no bound was missed."""
        return all(row.met is not False for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "met": self.met,
            "rows": [asdict(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        width = max((len(row.what) for row in self.rows), default=0)
        lines = [f"bench {self.name}", *(_line(row, width) for row in self.rows)]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def _within(value: float, target: float, better: str) -> bool:
    return value <= target if better == "lower" else value >= target


def _line(row: Row, width: int) -> str:
    text = f"  {row.what:<{width}}  {row.value:>10.4g} {row.unit:<4}"
    if row.peer is not None:
        text += f"  {row.peer} {row.peer_value:.4g} {row.unit}, ratio {row.ratio:.3g}"
    if row.target is not None:
        text += f"  (target {row.target:g}: {'met' if row.met else 'MISSED'})"
    return text
