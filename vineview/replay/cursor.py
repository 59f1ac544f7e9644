"""Cursor: state and alerts at any place of a recording, without going through it all again.

It walks the recording once when made and leaves a checkpoint, the folded state and the alert
book, every so many records. A seek restores the nearest one before and goes on from there, so it
costs one interval at most, wherever it leads. There are at most ``MAX_CHECKPOINTS`` beside the
start, however long the recording.
"""

from __future__ import annotations

from vineview.core.changes import Change
from vineview.replay.fold import FeedState
from vineview.replay.recording import Recording
from vineview.telemetry import Thresholds
from vineview.telemetry.schema import Sample
from vineview.telemetry.thresholds import AlertBook

__all__ = ["MAX_CHECKPOINTS", "Cursor"]

MAX_CHECKPOINTS = 64
_MIN_INTERVAL = 256


class Cursor:
    """Walks a recording.

    Args:
        recording: What to walk.
        thresholds: The limits of the alert book; its defaults unless told.

    Attributes:
        passed: How many records are folded into ``state``.
        state: The state after them; replaced on a jump, so do not keep it.
    """

    def __init__(self, recording: Recording, thresholds: Thresholds | None = None) -> None:
        self._records = recording.records
        self._interval = max(_MIN_INTERVAL, -(-len(self._records) // MAX_CHECKPOINTS))
        self.passed = 0
        self.state = FeedState(config=recording.config)
        book = AlertBook(thresholds)
        self._checkpoints = [(self.state.copy(), book.copy())]
        for first in range(0, len(self._records) - self._interval + 1, self._interval):
            for record in self._records[first : first + self._interval]:
                self.state.apply(record)
                book.on_record(record)
            self._checkpoints.append((self.state.copy(), book.copy()))
        self.state = self._checkpoints[0][0].copy()

    def step(self) -> Change | Sample:
        """Fold the next record and return it."""
        record = self._records[self.passed]
        self.state.apply(record)
        self.passed += 1
        return record

    def jump(self, passed: int) -> None:
        """Bring the state to where exactly ``passed`` records are folded."""
        nearest = passed // self._interval
        if not nearest * self._interval <= self.passed <= passed:
            self.state = self._checkpoints[nearest][0].copy()
            self.passed = nearest * self._interval
        while self.passed < passed:
            self.step()

    def book_after(self, passed: int) -> AlertBook:
        """An alert book that has judged exactly ``passed`` records; the caller's to go on with."""
        nearest = passed // self._interval
        book = self._checkpoints[nearest][1].copy()
        for record in self._records[nearest * self._interval : passed]:
            book.on_record(record)
        return book
