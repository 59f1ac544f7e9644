"""Replay: a recorded session, played again through the interface of the manager it came from."""

from __future__ import annotations

from vineview.replay.crossings import crossings
from vineview.replay.recording import Recording
from vineview.replay.replay import Replay

__all__ = ["Recording", "Replay", "crossings"]
