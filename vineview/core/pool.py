"""The controllers that exist now, and the only code that touches them.

A controller comes from outside and may misbehave: whatever it raises is counted, announced and
kept away from the manager. Each is released exactly once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from vineview.core.changes import ChangeKind
from vineview.core.ledger import Ledger, Record
from vineview.core.loading import Controller

__all__ = ["ControllerPool"]

_log = logging.getLogger(__name__)
_MOST_BYTES = 2**63 - 1


class ControllerPool:
    """Holds each ready video's controller until it is freed.

    Args:
        ledger: Where trouble is counted and announced.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._records: dict[str, Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    @property
    def records(self) -> tuple[Record, ...]:
        """The videos that have a controller now."""
        return tuple(self._records.values())

    @property
    def held_bytes(self) -> int:
        """Bytes all controllers say they keep alive."""
        return sum(self.bytes_of(record) for record in self.records)

    def bytes_of(self, record: Record) -> int:
        """Bytes one controller says it keeps alive; 0 if it says nonsense or raises."""
        try:
            held = int(getattr(record.controller, "held_bytes", 0))
        except Exception as error:  # noqa: BLE001  # foreign code; the rest of the sum still counts
            _log.warning("video %r cannot say what it holds: %r", record.video_id, error)
            return 0
        return held if 0 <= held <= _MOST_BYTES else 0

    def hold(self, record: Record, controller: Controller) -> None:
        """Keep a controller for a video that has none."""
        record.controller = controller
        self._records[record.video_id] = record

    def free(self, record: Record) -> bool:
        """Release a video's controller, if it has one; whether it had."""
        controller = record.controller
        if controller is None:
            return False
        record.controller = None
        del self._records[record.video_id]
        self.release(controller, record.video_id)
        return True

    def release(self, controller: Controller, video_id: str) -> None:
        """Release a controller, whether or not it was ever held here, at the operation's end."""
        self._ledger.announcer.afterwards(partial(self._release, controller, video_id))

    def _release(self, controller: Controller, video_id: str) -> None:
        try:
            controller.release()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # foreign code; reported below
            self._ledger.metrics.disposal_errors += 1
            self._report(error, "release", video_id)

    def play(self, record: Record) -> None:
        """Play one video and pause all others."""
        for other in self.records:
            if other is not record:
                self.pause(other)
        self._do(record, "play", lambda controller: controller.play())

    def pause(self, record: Record) -> None:
        """Pause one video, if it is playing."""
        self._do(record, "pause", _pause)

    def _do(self, record: Record, what: str, act: Callable[[Controller], Any]) -> None:
        if record.controller is None:
            return
        try:
            act(record.controller)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # foreign code; reported below
            self._report(error, what, record.video_id)

    def _report(self, error: BaseException, where: str, video_id: str) -> None:
        _log.exception("video %r: %s failed", video_id, where)
        words = f"{type(error).__name__}: {error}"
        self._ledger.tell(ChangeKind.ERROR, video_id, error=words, where=where)


def _pause(controller: Controller) -> None:
    if controller.is_playing:
        controller.pause()
