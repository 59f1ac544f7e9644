"""What is known about one video: its load state, its last error, its retries.

States are values. A change makes a new one through a ``to_...`` method, and each of these asks
the one transition table first, so an illegal step cannot be written down anywhere.
(Reference, sections 3.4 and 3.5.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from vineview.core.events import VideoEvent
from vineview.errors import VideoManagerError

__all__ = [
    "DISPOSED",
    "FAILED",
    "LOADING",
    "NOT_LOADED",
    "PERMANENTLY_FAILED",
    "READY",
    "TRANSITIONS",
    "ErrorClass",
    "LoadState",
    "VideoState",
    "illegal_step",
    "slot_setters",
]


class LoadState(StrEnum):
    """Where a video stands. The values are those of the performance export."""

    NOT_LOADED = "not_loaded"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    PERMANENTLY_FAILED = "permanently_failed"
    DISPOSED = "disposed"


class ErrorClass(StrEnum):
    """Why a load failed, decided from error types and status codes, never from message text."""

    TIMEOUT = "timeout"
    NETWORK = "network"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    SERVER_ERROR = "server_error"
    FORMAT_ERROR = "format_error"
    SERVER_CONFIG_ERROR = "server_config_error"
    MEDIA_ERROR = "media_error"
    UNKNOWN = "unknown"


# Names of their own: on Python 3.11, looking a member up in its class takes as long as a call.
NOT_LOADED, LOADING, READY, FAILED, PERMANENTLY_FAILED, DISPOSED = LoadState
_EPOCH = datetime.fromtimestamp(0, UTC)

TRANSITIONS: Mapping[LoadState, frozenset[LoadState]] = MappingProxyType(
    {
        # READY straight from NOT_LOADED is for GIFs only, which need no controller.
        NOT_LOADED: frozenset({LOADING, READY, FAILED, PERMANENTLY_FAILED, DISPOSED}),
        LOADING: frozenset({NOT_LOADED, READY, FAILED, PERMANENTLY_FAILED, DISPOSED}),
        READY: frozenset({NOT_LOADED, LOADING, FAILED, PERMANENTLY_FAILED, DISPOSED}),
        FAILED: frozenset({NOT_LOADED, LOADING, FAILED, PERMANENTLY_FAILED, DISPOSED}),
        PERMANENTLY_FAILED: frozenset({NOT_LOADED, PERMANENTLY_FAILED, DISPOSED}),
        DISPOSED: frozenset({NOT_LOADED}),
    }
)
"""From each state, the states it may become."""


def illegal_step(before: LoadState, to: LoadState, video_id: str) -> VideoManagerError:
    """The error for a step that is not in the table."""
    hint = f"From {before} it may become {', '.join(sorted(TRANSITIONS[before]))}."
    return VideoManagerError(f"a video cannot go from {before} to {to}", video_id, hint=hint)


def slot_setters(cls: type) -> Iterator[Callable[[Any, Any], None]]:
    """What an ``__init__`` written by hand may fill the slots of a frozen dataclass with."""
    return (vars(cls)[field.name].__set__ for field in fields(cls))


@dataclass(frozen=True, slots=True, init=False)
class VideoState:
    """One video at one moment. Equality ignores ``last_updated``.

    Attributes:
        event: The video.
        loading_state: Where it stands.
        error_message: What went wrong last; ``None`` unless failed.
        error_class: The class of that error; ``None`` unless failed.
        retry_count: Failures so far that an automatic retry answers; never above the maximum.
        last_updated: When this state was made, in UTC.

    Raises:
        VideoManagerError: If ``retry_count`` is negative.

    Example:
        >>> state = VideoState(VideoEvent(id="a")).to_loading(at=datetime(2026, 1, 1, tzinfo=UTC))
        >>> state.loading_state, state.is_loading
        (<LoadState.LOADING: 'loading'>, True)
    """

    event: VideoEvent
    loading_state: LoadState = NOT_LOADED
    error_message: str | None = None
    error_class: ErrorClass | None = None
    retry_count: int = 0
    last_updated: datetime = field(default=_EPOCH, compare=False)

    # Written out, as one is made for each step of each load: half the time of the generated one.
    def __init__(  # noqa: PLR0917  # the signature a dataclass has
        self,
        event: VideoEvent,
        loading_state: LoadState = NOT_LOADED,
        error_message: str | None = None,
        error_class: ErrorClass | None = None,
        retry_count: int = 0,
        last_updated: datetime = _EPOCH,
    ) -> None:
        if retry_count < 0:
            raise VideoManagerError(
                f"retry_count is {retry_count}", event.id, hint="Count failures from 0."
            )
        _set_event(self, event)
        _set_loading_state(self, loading_state)
        _set_error_message(self, error_message)
        _set_error_class(self, error_class)
        _set_retry_count(self, retry_count)
        _set_last_updated(self, last_updated)

    @property
    def error(self) -> str | None:
        """The same as ``error_message``, under the name the runbooks read."""
        return self.error_message

    @property
    def is_loading(self) -> bool:
        """Whether a load is in flight."""
        return self.loading_state is LOADING

    @property
    def is_ready(self) -> bool:
        """Whether the video can be shown now."""
        return self.loading_state is READY

    @property
    def has_failed(self) -> bool:
        """Whether the last load failed, for now or for good."""
        state = self.loading_state
        return state is FAILED or state is PERMANENTLY_FAILED

    @property
    def is_disposed(self) -> bool:
        """Whether the video was disposed of by name."""
        return self.loading_state is DISPOSED

    @property
    def can_retry(self) -> bool:
        """Whether an automatic retry is still due: failed, but not for good."""
        return self.loading_state is FAILED

    def to_loading(self, *, at: datetime) -> VideoState:
        """The state of a load just begun: the error is cleared, the retries are kept."""
        self._check(LOADING)
        return VideoState(self.event, LOADING, None, None, self.retry_count, at)

    def to_ready(self, *, at: datetime) -> VideoState:
        """The state of a finished load; a video not loading may be ready only as a GIF."""
        self._check(READY)
        return VideoState(self.event, READY, None, None, self.retry_count, at)

    def to_failed(
        self,
        message: str,
        *,
        at: datetime,
        max_retries: int,
        error_class: ErrorClass = ErrorClass.UNKNOWN,
    ) -> VideoState:
        """The state after a failure: one retry more, or permanent once they are used up.

        Args:
            message: What went wrong.
            at: When.
            max_retries: How many automatic retries the configuration allows.
            error_class: The class of the error.
        """
        if self.retry_count >= max_retries:
            return self.to_permanently_failed(message, at=at, error_class=error_class)
        self._check(FAILED)
        retries = self.retry_count + 1
        return VideoState(self.event, FAILED, message, error_class, retries, at)

    def to_permanently_failed(
        self, message: str, *, at: datetime, error_class: ErrorClass = ErrorClass.UNKNOWN
    ) -> VideoState:
        """The state after the last failure; the retry count is left alone."""
        to = PERMANENTLY_FAILED
        self._check(to)
        return VideoState(self.event, to, message, error_class, self.retry_count, at)

    def to_not_loaded(self, *, at: datetime) -> VideoState:
        """A fresh start: no error, no retries used."""
        self._check(NOT_LOADED)
        return VideoState(self.event, last_updated=at)

    def to_disposed(self, *, at: datetime) -> VideoState:
        """The state of a video disposed of by name."""
        self._check(DISPOSED)
        return VideoState(self.event, DISPOSED, None, None, self.retry_count, at)

    def _check(self, to: LoadState) -> None:
        before = self.loading_state
        legal = to in TRANSITIONS[before]
        if before is NOT_LOADED and to is READY:
            legal = self.event.is_gif
        if not legal:
            raise illegal_step(before, to, self.event.id)


(
    _set_event,
    _set_loading_state,
    _set_error_message,
    _set_error_class,
    _set_retry_count,
    _set_last_updated,
) = slot_setters(VideoState)
