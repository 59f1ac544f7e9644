"""Every threshold crossing of a telemetry, by the code that raised them live.

The judge is the monitor's own `AlertBook`, so the marks of a timeline, the command line and a
replay played to its end name the same crossings.
"""

from __future__ import annotations

from vineview.replay.recording import Recording
from vineview.telemetry import Alert, Telemetry, Thresholds
from vineview.telemetry.thresholds import AlertBook

__all__ = ["crossings"]


def crossings(
    telemetry: Telemetry | Recording, thresholds: Thresholds | None = None
) -> tuple[Alert, ...]:
    """List all crossings, oldest first; each says when it ended, or that it had not.

    Args:
        telemetry: An export, or a recording already put in order.
        thresholds: The limits; the monitor's defaults (reference, section 8) unless told.

    Raises:
        TelemetryError: If there is no record that can be replayed.

    Example:
        >>> crossings(Telemetry({}, [{"at": "2026-01-01T00:00:00Z", "video_memory_mb": 512}], []))[
        ...     0
        ... ].message
        'video memory is 512 MB, above 500 MB'
    """
    recording = telemetry if isinstance(telemetry, Recording) else Recording.of(telemetry)
    book = AlertBook(thresholds, history=len(recording.records) * 2)
    for record in recording.records:
        book.on_record(record)
    return book.history
