"""What went wrong: the most frequent errors and their classes, with rates and first sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vineview.telemetry.engine import breakdowns
from vineview.telemetry.engine.store import Store
from vineview.telemetry.loading import PreloadPerformance

__all__ = ["ErrorAnalysis", "ErrorClassCount", "ErrorCount", "errors_of"]

_TOP: Final = 10
_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """One error message: how often, what share of all errors (0-1), when first and last."""

    message: str
    count: int
    share: float
    first_at: datetime
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ErrorClassCount:
    """One class of errors: how often, what share of all errors (0-1), when first.

    ``name`` is as recorded (``timeout``, ``not_found``, ...), or ``unclassified``.
    """

    name: str
    count: int
    share: float
    first_at: datetime


@dataclass(frozen=True, slots=True)
class ErrorAnalysis:
    """Failed preloads, errors of listeners and disposal, clips a player could not decode.

    Attributes:
        total_errors: All of them.
        unique_errors: Distinct messages.
        top_errors: The ten most frequent.
        error_rate: Failed of finished preloads, 0-1; ``None`` without any.
        errors_per_hour: All of them over the hours present; ``None`` without two instants.
        classes: By class, most frequent first.
    """

    total_errors: int
    unique_errors: int
    top_errors: tuple[ErrorCount, ...]
    error_rate: float | None
    errors_per_hour: float | None = None
    classes: tuple[ErrorClassCount, ...] = ()


def errors_of(store: Store, preloads: PreloadPerformance, *, present_s: float) -> ErrorAnalysis:
    """Ask a store about its errors.

    Args:
        store: The records.
        preloads: What was made of their preloads.
        present_s: Seconds from the first record to the last.
    """
    seen = store.overview()
    total = seen["errors"] or 0
    rate = preloads.failed_preloads / preloads.total_preloads if preloads.total_preloads else None
    per_hour = total * _HOUR_S / present_s if present_s > 0 else None
    if not total:
        return ErrorAnalysis(0, 0, (), rate, per_hour)
    return ErrorAnalysis(
        total_errors=total,
        unique_errors=seen["unique_errors"],
        top_errors=tuple(
            ErrorCount(
                row["message"], row["count"], row["count"] / total, row["first_at"], row["last_at"]
            )
            for row in store.rows(breakdowns.messages, limit=_TOP)
        ),
        error_rate=rate,
        errors_per_hour=per_hour,
        classes=tuple(
            ErrorClassCount(
                row["error_class"] or "unclassified",
                row["count"],
                row["count"] / total,
                row["first_at"],
            )
            for row in store.rows(breakdowns.classes)
        ),
    )
