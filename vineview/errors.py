"""Every error vineview raises, in one tree.

Each carries its facts as attributes and a ``hint`` for the next move, and derives from the
built-in exception a caller would catch anyway::

    VineviewError(Exception)
    ├── UsageError(ValueError)            an argument, option or file name makes no sense
    ├── VideoManagerError(RuntimeError)   the manager refuses an operation   .video_id .cause
    │   └── ConfigError(ValueError)       a configuration makes no sense     .field .value
    ├── FeedError(ValueError)             a feed or an event cannot be read  .source .line
    ├── LoadError(OSError)                a video did not load               .status .error_class
    │   ├── LoadTimeout(TimeoutError)     ... within the profile's timeout   .timeout_s
    │   └── BreakerOpen                   ... because the breaker is open    .url .retry_after_s
    ├── MediaError(ValueError)            a clip cannot be read or played    .source .reason
    ├── TelemetryError(ValueError)        an export cannot be read           .source .line
    ├── OpsError(RuntimeError)            the ops API failed or refused      .method .url .status
    │   ├── ApprovalRequired(PermissionError)
    │   └── VerifyFailed
    └── RunbookError(RuntimeError)        a runbook failed                   .cell .step
"""

from __future__ import annotations

__all__ = [
    "ApprovalRequired",
    "BreakerOpen",
    "ConfigError",
    "FeedError",
    "LoadError",
    "LoadTimeout",
    "MediaError",
    "OpsError",
    "RunbookError",
    "TelemetryError",
    "UsageError",
    "VerifyFailed",
    "VideoManagerError",
    "VineviewError",
]


class VineviewError(Exception):
    """The root: a message, and a ``hint`` that says what to do next.

    Args:
        message: What happened, and where.
        hint: The next move, as one sentence; empty when there is none.

    Example:
        >>> str(VineviewError("feed.json is empty", hint="Pass a feed with at least one event."))
        'feed.json is empty. Pass a feed with at least one event.'
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = str(message)
        self.hint = str(hint)

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        return f"{self.message.rstrip('.')}. {self.hint}"


class UsageError(VineviewError, ValueError):
    """An argument, option or file name makes no sense."""


class VideoManagerError(VineviewError, RuntimeError):
    """The manager refuses an operation.

    Args:
        message: What was refused.
        video_id: The video concerned, if there is one.
        cause: The error behind it, if there is one.
        hint: The next move.
    """

    def __init__(
        self,
        message: str,
        video_id: str | None = None,
        cause: BaseException | None = None,
        *,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.video_id = video_id
        self.cause = cause

    def __str__(self) -> str:
        text = super().__str__()
        if self.video_id is not None:
            text += f" (video {self.video_id!r})"
        if self.cause is not None:
            text += f" (cause: {type(self.cause).__name__}: {self.cause})"
        return text


class ConfigError(VideoManagerError, ValueError):
    """A configuration makes no sense; ``field`` and ``value`` name the culprit."""

    def __init__(self, message: str, *, field: str, value: object, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.value = value


class _UnreadableError(VineviewError, ValueError):
    """A document cannot be read; ``source`` and ``line`` say where."""

    def __init__(
        self, message: str, *, source: str | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.source = source
        self.line = line


class FeedError(_UnreadableError):
    """A feed or an event cannot be read; ``source`` and ``line`` say where."""


class LoadError(VineviewError, OSError):
    """A video did not load. Loaders raise it; the manager turns it into a failed state.

    Args:
        message: What happened.
        status: The HTTP status, if one was received.
        error_class: An ``ErrorClass`` (or its name) when the loader knows better than the status.
        hint: The next move.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        error_class: str | None = None,
        *,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.error_class = error_class


class LoadTimeout(LoadError, TimeoutError):
    """A video did not load within ``timeout_s`` seconds."""

    def __init__(self, message: str, *, timeout_s: float, hint: str = "") -> None:
        super().__init__(message, error_class="TIMEOUT", hint=hint)
        self.timeout_s = timeout_s


class BreakerOpen(LoadError):
    """A video was not tried because the circuit breaker is open."""

    def __init__(self, message: str, *, url: str, retry_after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.url = url
        self.retry_after_s = retry_after_s


class MediaError(VineviewError, ValueError):
    """A clip cannot be read or played; ``reason`` is a stable word for it."""

    def __init__(
        self, message: str, *, source: str | None = None, reason: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.source = source
        self.reason = reason


class TelemetryError(_UnreadableError):
    """An export cannot be read; ``source`` and ``line`` say where."""


class OpsError(VineviewError, RuntimeError):
    """The ops API failed or refused; ``method``, ``url`` and ``status`` say which call."""

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        url: str = "",
        status: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.method = method
        self.url = url
        self.status = status


class ApprovalRequired(OpsError, PermissionError):
    """A change was asked for without the approval it needs."""


class VerifyFailed(OpsError):
    """A change was applied, and its outcome is not what was promised."""


class RunbookError(VineviewError, RuntimeError):
    """A runbook failed; ``cell`` and ``step`` say where."""

    def __init__(
        self, message: str, *, cell: int | None = None, step: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.cell = cell
        self.step = step
