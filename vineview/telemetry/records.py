"""Event records: their way from and to `Change` and `VideoEvent`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from vineview.core.changes import Change, ChangeKind
from vineview.core.events import VideoEvent
from vineview.core.state import ErrorClass, LoadState, VideoState
from vineview.errors import TelemetryError, VideoManagerError
from vineview.telemetry.checks import format_at, parse_at, plain, record_problem

__all__ = ["ENVELOPE", "change_to_record", "record_to_change", "record_to_video", "video_to_record"]

FindEvent = Callable[[str], VideoEvent | None]


def change_to_record(change: Change) -> dict[str, Any]:
    """Turn one change into the event record that is exported and replayed.

    Args:
        change: What a manager or a replay announced.

    Returns:
        A JSON object: ``at``, ``kind``, ``video_id`` when there is one, then the kind's own
        fields. A transition says ``from``, ``to``, ``error``, ``error_class``, ``retry_count``,
        and in ``from_...`` what the state before carried, so that both states can be rebuilt.
    """
    record: dict[str, Any] = {"at": format_at(change.at), "kind": str(change.kind)}
    if change.video_id is not None:
        record["video_id"] = change.video_id
    if change.kind is ChangeKind.TRANSITION:
        record |= _states_to_record(change.before, change.after)
    for name, value in change.data.items():
        record.setdefault(name, plain(value))
    return record


def record_to_change(
    record: Mapping[str, Any], find_event: FindEvent | Mapping[str, VideoEvent] | None = None
) -> Change:
    """Turn an event record back into the change it was written from.

    Args:
        record: One event of an export.
        find_event: Gives the video event for an id, so that a transition's states carry it;
            an id it does not know becomes an event with nothing but that id.

    Returns:
        The change, equal to the one that was recorded.

    Raises:
        TelemetryError: If the record is damaged, or of a kind this version does not know.
    """
    problem = record_problem(record)
    if problem:
        raise TelemetryError(f"not an event: {problem}")
    try:
        kind = ChangeKind(record["kind"])
    except (KeyError, ValueError) as error:
        raise TelemetryError(
            f"{record.get('kind')!r} is not an event kind",
            hint=f"Known are {', '.join(ChangeKind)}.",
        ) from error
    at, video_id = parse_at(record["at"]), record.get("video_id")
    data = {key: value for key, value in record.items() if key not in ENVELOPE}
    if kind is not ChangeKind.TRANSITION:
        return Change(kind=kind, at=at, video_id=video_id, data=data)
    event = _event_for(video_id, find_event)
    try:
        before = _state(event, record, at, before=True)
        after = _state(event, record, at, before=False)
    except (ValueError, VideoManagerError) as error:
        raise TelemetryError(f"not a transition: {error}") from error
    data = {key: value for key, value in data.items() if key not in _STATE_FIELDS}
    return Change(kind=kind, at=at, video_id=video_id, before=before, after=after, data=data)


def video_to_record(event: VideoEvent) -> dict[str, Any]:
    """The compact form in which a ``feed`` record lists a video."""
    return {
        "id": event.id,
        "created_at": event.created_at,
        "video_url": event.video_url,
        "title": event.title,
        "mime_type": event.mime_type,
        "duration_s": event.duration,
        "is_gif": event.is_gif,
    }


def record_to_video(record: Mapping[str, Any]) -> VideoEvent:
    """The video a ``feed`` record lists; ``is_gif`` follows from type and URL.

    Raises:
        TelemetryError: If it has no id.
    """
    video_id = record.get("id")
    if not isinstance(video_id, str) or not video_id:
        raise TelemetryError("a listed video has no id")
    created_at, duration = record.get("created_at"), record.get("duration_s")
    return VideoEvent(
        id=video_id,
        created_at=int(created_at) if isinstance(created_at, int | float) else 0,
        video_url=_text_or_none(record.get("video_url")),
        title=_text_or_none(record.get("title")),
        mime_type=_text_or_none(record.get("mime_type")),
        duration=round(duration) if isinstance(duration, int | float) else None,
    )


ENVELOPE: Final = frozenset(("at", "kind", "video_id"))
"""What an event has beside its kind's own fields."""
_STATE_FIELDS: Final = frozenset(
    prefix + name
    for prefix in ("", "from_")
    for name in ("from", "to", "error", "error_class", "retry_count", "at")
)


def _states_to_record(before: VideoState | None, after: VideoState | None) -> dict[str, Any]:
    """The fields of a transition; what the earlier state lacked is left out."""
    record: dict[str, Any] = {
        "from": None if before is None else str(before.loading_state),
        "to": None if after is None else str(after.loading_state),
    }
    if after is not None:
        record["error"] = after.error_message
        record["error_class"] = None if after.error_class is None else str(after.error_class)
        record["retry_count"] = after.retry_count
    if before is not None:
        record["from_at"] = format_at(before.last_updated)
        if before.error_message is not None:
            record["from_error"] = before.error_message
        if before.error_class is not None:
            record["from_error_class"] = str(before.error_class)
        if before.retry_count:
            record["from_retry_count"] = before.retry_count
    return record


def _state(
    event: VideoEvent, record: Mapping[str, Any], at: datetime, *, before: bool
) -> VideoState | None:
    """Rebuild one side of a transition."""
    state, prefix = (record.get("from"), "from_") if before else (record.get("to"), "")
    if state is None:
        return None
    error_class = record.get(f"{prefix}error_class")
    since = record.get("from_at") if before else None
    return VideoState(
        event=event,
        loading_state=LoadState(state),
        error_message=record.get(f"{prefix}error"),
        error_class=None if error_class is None else ErrorClass(error_class),
        retry_count=int(record.get(f"{prefix}retry_count") or 0),
        last_updated=at if since is None else parse_at(since),
    )


def _event_for(
    video_id: str | None, find_event: FindEvent | Mapping[str, VideoEvent] | None
) -> VideoEvent:
    """The event a transition is about."""
    if video_id is None:
        raise TelemetryError("not a transition: 'video_id' is missing")
    find = find_event.get if isinstance(find_event, Mapping) else find_event
    event = None if find is None else find(video_id)
    return VideoEvent(id=video_id) if event is None else event


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
