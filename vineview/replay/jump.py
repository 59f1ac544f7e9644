"""What a seek tells listeners: the changes that lead from one folded state to another.

They are ordinary changes of the ordinary kinds, so a player, strip or chart that follows a live
manager follows a seek without knowing of it. Each carries ``seek: true`` for whoever cares.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vineview.core.changes import Change, ChangeKind
from vineview.core.state import VideoState
from vineview.replay.fold import FeedState
from vineview.telemetry.schema import video_to_record

__all__ = ["changes_between"]


def changes_between(before: FeedState, after: FeedState, at: datetime) -> list[Change]:
    """The changes that turn one state into another.

    Args:
        before: What listeners last saw.
        after: What they should see now.
        at: The instant the changes carry.

    Returns:
        One ``config`` if it differs; one ``feed``, always, so that a listener that redraws on it
        redraws; one ``transition`` per video whose state differs; one ``navigate``, always.
    """
    changes = []
    if before.config != after.config:
        changes.append(_change(ChangeKind.CONFIG, at, config=after.config.to_dict(), reason="seek"))
    changes.append(_feed(before, after, at))
    for video_id, state in after.states.items():
        was = before.states.get(video_id) or VideoState(state.event, last_updated=at)
        if was != state:
            data = {"seek": True}
            changes.append(Change(ChangeKind.TRANSITION, at, video_id, was, state, data))
    changes.append(
        _change(
            ChangeKind.NAVIGATE,
            at,
            after.current_video_id,
            index=after.current_index,
            from_index=before.current_index,
        )
    )
    return changes


def _feed(before: FeedState, after: FeedState, at: datetime) -> Change:
    added = [event for event in after.videos if event.id not in before.states]
    return _change(
        ChangeKind.FEED,
        at,
        added=[event.id for event in added],
        removed=[event.id for event in before.videos if event.id not in after.states],
        total=len(after.states),
        videos=[video_to_record(event) for event in added],
    )


def _change(kind: ChangeKind, at: datetime, video_id: str | None = None, **data: Any) -> Change:
    return Change(kind, at, video_id, data={**data, "seek": True})
