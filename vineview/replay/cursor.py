"""Cursor: the folded state at any place of a recording, without folding it all again.

While folding forward it leaves a copy of the state every so many records. Going back restores the
nearest copy and folds from there, so a seek costs one interval at most. There are at most
``MAX_CHECKPOINTS`` copies, however long the recording.
"""

from __future__ import annotations

from vineview.core.changes import Change
from vineview.replay.fold import FeedState
from vineview.replay.recording import Recording
from vineview.telemetry.schema import Sample

__all__ = ["MAX_CHECKPOINTS", "Cursor"]

MAX_CHECKPOINTS = 64
_MIN_INTERVAL = 256


class Cursor:
    """Walks a recording.

    Args:
        recording: What to walk.

    Attributes:
        passed: How many records are folded into ``state``.
        state: The state after them; replaced on a jump, so do not keep it.
    """

    def __init__(self, recording: Recording) -> None:
        self._records = recording.records
        self._interval = max(_MIN_INTERVAL, -(-len(self._records) // MAX_CHECKPOINTS))
        self.passed = 0
        self.state = FeedState(config=recording.config)
        self._checkpoints = {0: self.state.copy()}

    def step(self) -> Change | Sample:
        """Fold the next record and return it."""
        record = self._records[self.passed]
        self.state.apply(record)
        self.passed += 1
        if self.passed % self._interval == 0 and self.passed not in self._checkpoints:
            self._checkpoints[self.passed] = self.state.copy()
        return record

    def jump(self, passed: int) -> None:
        """Bring the state to where exactly ``passed`` records are folded."""
        nearest = passed - passed % self._interval
        while nearest not in self._checkpoints:
            nearest -= self._interval
        if passed < self.passed or nearest > self.passed:
            self.state = self._checkpoints[nearest].copy()
            self.passed = nearest
        while self.passed < passed:
            self.step()
