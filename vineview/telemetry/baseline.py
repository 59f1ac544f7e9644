"""What records no longer kept add up to, so that a bounded export still replays from its start.

A monitor keeps a bounded number of records. Those that fall off the far end are folded into one
snapshot: the feed, each video's state, where the viewer was, the configuration. An export begins
with that snapshot, as ordinary records marked ``snapshot``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vineview.core.changes import Change, ChangeKind
from vineview.core.state import LoadState, VideoState
from vineview.core.view import ManagerView
from vineview.telemetry.schema import video_to_record

__all__ = ["Baseline"]


class Baseline:
    """The sum of changes: enough to begin a replay with."""

    def __init__(self) -> None:
        self._videos: dict[str, Any] = {}
        self._states: dict[str, VideoState] = {}
        self._latest: dict[ChangeKind, Change] = {}
        self._left = 0

    @classmethod
    def of(cls, manager: ManagerView, at: datetime) -> Baseline:
        """The state a manager is in now."""
        baseline = cls()
        for event in manager.videos:
            baseline._videos[event.id] = video_to_record(event)
            state = manager.get_video_state(event.id)
            if state is not None and state.loading_state is not LoadState.NOT_LOADED:
                baseline._states[event.id] = state
        if manager.current_video_id is not None:
            where = {"index": manager.current_index, "from_index": 0}
            baseline._latest[ChangeKind.NAVIGATE] = Change(
                ChangeKind.NAVIGATE, at, manager.current_video_id, data=where
            )
        config = {"config": manager.config.to_dict(), "reason": "in force"}
        baseline._latest[ChangeKind.CONFIG] = Change(ChangeKind.CONFIG, at, data=config)
        return baseline

    def copy(self) -> Baseline:
        """One that can absorb more without changing this."""
        twin = Baseline()
        twin._videos = dict(self._videos)
        twin._states = dict(self._states)
        twin._latest = dict(self._latest)
        twin._left = self._left
        return twin

    def absorb(self, change: Change) -> None:
        """Fold one change in; kinds that leave no state behind leave none here."""
        match change.kind:
            case ChangeKind.FEED:
                self._left = change.data.get("left", self._left)
                for video in change.data.get("videos") or ():
                    self._videos[video["id"]] = video
                for video_id in change.data.get("removed") or ():
                    self._videos.pop(video_id, None)
                    self._states.pop(video_id, None)
            case ChangeKind.TRANSITION if change.after is not None and change.video_id:
                self._states[change.video_id] = change.after
                if change.after.loading_state is LoadState.NOT_LOADED:
                    del self._states[change.video_id]
            case ChangeKind.NAVIGATE | ChangeKind.CONFIG | ChangeKind.NETWORK:
                self._latest[change.kind] = change

    def changes(self, at: datetime) -> list[Change]:
        """The snapshot as changes at one instant: configuration, feed, position, states."""
        settings = (ChangeKind.CONFIG, ChangeKind.NETWORK)
        told = [_marked(self._latest[kind], at) for kind in settings if kind in self._latest]
        if self._videos:
            ids = list(self._videos)
            data = {"added": ids, "removed": [], "total": len(ids), "left": self._left}
            data["videos"] = list(self._videos.values())
            told.append(_marked(Change(ChangeKind.FEED, at, data=data), at))
        if ChangeKind.NAVIGATE in self._latest:
            told.append(_marked(self._latest[ChangeKind.NAVIGATE], at))
        for video_id, state in self._states.items():
            fresh = VideoState(state.event, last_updated=at)
            told.append(_marked(Change(ChangeKind.TRANSITION, at, video_id, fresh, state), at))
        return told


def _marked(change: Change, at: datetime) -> Change:
    data = {**change.data, "snapshot": True}
    return Change(change.kind, at, change.video_id, change.before, change.after, data)
