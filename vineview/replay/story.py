"""Story: a recording told in order, for people and for scripts.

Only what an engineer would retell is told one by one: crossings, videos lost for good, pressure,
breaker, configuration, network, crashes, errors, actions. What happens all the time (moves,
transitions, attempts) is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vineview.core.changes import Change, ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.state import LoadState
from vineview.replay.crossings import crossings
from vineview.replay.cursor import Cursor
from vineview.replay.fold import FeedState
from vineview.replay.recording import Recording
from vineview.telemetry import Alert, Telemetry
from vineview.telemetry.schema import Sample
from vineview.telemetry.thresholds import AlertType

__all__ = ["FinalState", "Happening", "Story", "tell"]


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened.

    Attributes:
        at: When, UTC.
        position_s: The same, in seconds from the start of the recording.
        kind: ``crossing`` or the event's kind.
        text: What, in a few words.
        severity: Of a crossing.
        video_id: The video concerned, if there is one.
        duration_s: How long a crossing lasted; ``None`` if it had not ended, or does not last.
    """

    at: datetime
    position_s: float
    kind: str
    text: str
    severity: str | None = None
    video_id: str | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class FinalState:
    """What there was at the end.

    Attributes:
        videos: Videos in the feed, as far as the recording tells of it.
        states: How many are in each state.
        current_index: Where the viewer was.
        current_video_id: On which video.
        memory_mb: The last memory sampled.
        controllers: The last number of controllers sampled.
        config: The configuration in force.
        active_crossings: Crossings that had not ended.
    """

    videos: int
    states: Mapping[str, int]
    current_index: int
    current_video_id: str | None
    memory_mb: float | None
    controllers: int | None
    config: VideoManagerConfig
    active_crossings: int


@dataclass(frozen=True, slots=True)
class Story:
    """A recording, told.

    Attributes:
        start_at: The first record.
        end_at: The last record.
        duration_s: Seconds between them.
        samples: How many samples there are.
        events: How many events.
        happenings: What happened, in order.
        moves: How many ``navigate`` events went ``on``, ``back`` or neither (``other``).
        transitions: How many there were of each, as ``loading -> ready``.
        failed_attempts: Failed load attempts by error class, most first.
        final: What there was at the end.
        findings: What could not be replayed.
    """

    start_at: datetime
    end_at: datetime
    duration_s: float
    samples: int
    events: int
    happenings: tuple[Happening, ...]
    moves: Mapping[str, int]
    transitions: Mapping[str, int]
    failed_attempts: Mapping[str, int]
    final: FinalState
    findings: tuple[str, ...]


def tell(telemetry: Telemetry) -> Story:
    """Tell what a telemetry recorded.

    Args:
        telemetry: What to tell.

    Raises:
        TelemetryError: If it holds no record that can be replayed.

    Example:
        >>> story = tell(Telemetry({}, [{"at": "2026-01-01T00:00:00Z"}], []))
        >>> story.samples, story.happenings
        (1, ())
    """
    recording = Recording.of(telemetry)
    alerts = crossings(recording)
    changes = [record for record in recording.records if isinstance(record, Change)]
    names = {c.video_id: c.after.event.title for c in changes if c.video_id and c.after}
    happenings = [_crossing(alert, recording.start_at, names) for alert in alerts]
    happenings += _told(changes, recording.start_at)
    cursor = Cursor(recording)
    cursor.jump(len(recording.records))
    return Story(
        start_at=recording.start_at,
        end_at=recording.records[-1].at,
        duration_s=recording.duration_s,
        samples=sum(isinstance(record, Sample) for record in recording.records),
        events=len(changes),
        happenings=tuple(sorted(happenings, key=lambda each: each.at)),
        moves=_counted(_move(c) for c in changes if c.kind is ChangeKind.NAVIGATE),
        transitions=_counted(_step(c) for c in changes if c.kind is ChangeKind.TRANSITION),
        failed_attempts=_counted(_failures(changes)),
        final=_final(cursor.state, alerts),
        findings=recording.findings,
    )


def _crossing(alert: Alert, start_at: datetime, names: Mapping[str, str | None]) -> Happening:
    about_video = alert.type is AlertType.SLOW_PRELOAD and alert.subject
    name = f"{names.get(alert.subject) or alert.subject}: " if about_video else ""
    lasted_s = None
    if alert.resolved_at is not None:
        lasted_s = (alert.resolved_at - alert.at).total_seconds()
    return Happening(
        at=alert.at,
        position_s=(alert.at - start_at).total_seconds(),
        kind="crossing",
        text=f"{name}{alert.message}",
        severity=str(alert.severity),
        video_id=alert.subject if about_video else None,
        duration_s=lasted_s,
    )


def _told(changes: Iterable[Change], start_at: datetime) -> list[Happening]:
    happenings = []
    for change in changes:
        text = None if change.data.get("snapshot") else _text(change)
        if text is not None:
            position_s = (change.at - start_at).total_seconds()
            happenings.append(
                Happening(change.at, position_s, str(change.kind), text, video_id=change.video_id)
            )
    return happenings


def _text(change: Change) -> str | None:
    """A change in a few words; ``None`` if it is only counted, or told as a crossing."""
    data = change.data
    match change.kind:
        case ChangeKind.TRANSITION if change.after is not None:
            if change.after.loading_state is not LoadState.PERMANENTLY_FAILED:
                return None
            tries = change.after.retry_count + 1
            name = change.after.event.title or change.video_id
            why = change.after.error_message or "no reason given"
            return f"{name}: failed for good after {_count(tries, 'attempt')}: {why}"
        case ChangeKind.CONFIG:
            return f"configuration: {_settings(data.get('config'))}{_because(data)}"
        case ChangeKind.NETWORK:
            return f"network is {data.get('network')}"
        case ChangeKind.MEMORY_PRESSURE:
            freed, before = data.get("controllers_disposed"), data.get("controllers_before")
            of = "" if before is None else f" of {before}"
            return f"memory pressure: {freed}{of} controllers freed at {_mb(data.get('memory_mb'))}"
        case ChangeKind.BREAKER:
            return f"circuit breaker: {data.get('from')} to {data.get('to')}{_because(data)}"
        case ChangeKind.CRASH:
            return f"crash: {data.get('error') or 'no reason given'}"
        case ChangeKind.ERROR:
            return f"error in {data.get('where') or 'the app'}: {data.get('error')}"
        case ChangeKind.ACTION:
            shown = ", ".join(f"{name} {value}" for name, value in data.items())
            return f"action: {shown or 'no details'}"
    return None


def _settings(config: object) -> str:
    settings = config if isinstance(config, Mapping) else {}
    ahead, behind = settings.get("preload_ahead"), settings.get("preload_behind")
    return f"{ahead} ahead, {behind} behind, {settings.get('max_videos')} videos"


def _because(data: Mapping[str, Any]) -> str:
    return f" ({data['reason']})" if data.get("reason") else ""


def _mb(memory_mb: object) -> str:
    return f"{memory_mb:.0f} MB" if isinstance(memory_mb, int | float) else "unknown memory"


def _move(change: Change) -> str:
    index, before = change.data.get("index"), change.data.get("from_index")
    if not isinstance(index, int) or not isinstance(before, int) or index == before:
        return "other"
    return "on" if index > before else "back"


def _step(change: Change) -> str:
    before, after = change.before, change.after
    return " -> ".join(
        "nothing" if state is None else str(state.loading_state) for state in (before, after)
    )


def _failures(changes: Iterable[Change]) -> Iterable[str]:
    for change in changes:
        if change.kind is ChangeKind.PRELOAD and not change.data.get("success"):
            yield str(change.data.get("error_class") or "unknown")


def _final(state: FeedState, alerts: Iterable[Alert]) -> FinalState:
    sample = state.sample
    controllers = None if sample is None else sample.video_controllers
    return FinalState(
        videos=len(state.states),
        states=_counted(str(each.loading_state) for each in state.states.values()),
        current_index=state.current_index,
        current_video_id=state.current_video_id,
        memory_mb=None if sample is None else sample.video_memory_mb,
        controllers=None if controllers is None else int(controllers),
        config=state.config,
        active_crossings=sum(alert.is_active for alert in alerts),
    )


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
