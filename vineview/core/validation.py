"""Findings: what is wrong with an event, as a list instead of a silent loss.

An error holds the event back, a warning does not. The validator reads the same `VideoEvent` the
rest of the program uses, so there is one URL, and the one that is checked is the one that loads.
Sources: reference, section 6 (the app's 47-test validator) and defects 50, 52 and 55.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vineview.core.events import VIDEO_KIND, VideoEvent
from vineview.core.policy import WebUrl
from vineview.core.tags import MEDIA_SUFFIXES, url_path
from vineview.errors import FeedError, UsageError

__all__ = ["Finding", "Severity", "Validation", "check_event", "validate"]

Severity = Literal["error", "warning"]
"""``error``: the event is held back. ``warning``: it is in the feed all the same."""

_MIME_TYPES = frozenset(
    {
        "image/gif",
        "video/mp4",
        "video/ogg",
        "video/quicktime",
        "video/webm",
        "video/x-msvideo",
    }
)
_LONG_S = 600
_LARGE_BYTES = 100 * 1024 * 1024
_LONG_CONTENT = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found wrong with a feed or an event of it.

    Args:
        event_id: The event's id, if it has a readable one.
        index: The entry's place in the document, counted from 0; None when it is about a feed's
            event, not about reading it.
        severity: ``error`` (held back) or ``warning`` (kept).
        message: What is wrong, for a person.
        field: The `VideoEvent` field concerned, if there is one.
        line: The line of the document, counted from 1, where lines matter.

    Example:
        >>> print(Finding("a", 0, "error", "there is no URL", "video_url"))
        error: entry 0 (a): there is no URL
    """

    event_id: str | None
    index: int | None
    severity: Severity
    message: str
    field: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        entry = "" if self.index is None else f"entry {self.index}"
        place = entry if self.line is None else f"line {self.line}"
        named = f"({self.event_id[:16]})" if self.event_id else ""
        where = " ".join(part for part in (place, named) if part) or "feed"
        return f"{self.severity}: {where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Validation:
    """What `validate` found.

    Args:
        errors: Reasons to hold the event back.
        warnings: Things to know about an event that is kept.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def is_valid(self) -> bool:
        """Whether there are no errors."""
        return not self.errors


def validate(event: VideoEvent | Mapping[str, Any]) -> Validation:
    """Everything wrong with one event.

    Args:
        event: A parsed event, or the Nostr object.

    Source: reference, section 6.

    Example:
        >>> validate(VideoEvent(id="a", pubkey="b", video_url="ftp://c/d.mp4")).is_valid
        False
    """
    if not isinstance(event, VideoEvent):
        try:
            event = VideoEvent.from_nostr(event)
        except FeedError as error:
            return Validation((Finding(None, None, "error", str(error)),), ())
    found = list(check_event(event))
    return Validation(
        tuple(finding for finding in found if finding.severity == "error"),
        tuple(finding for finding in found if finding.severity == "warning"),
    )


def check_event(
    event: VideoEvent, *, index: int | None = None, line: int | None = None
) -> Iterator[Finding]:
    """The validator's findings on a parsed event, errors first.

    Args:
        event: The event.
        index: Its place in the document.
        line: Its line in the document.
    """
    for field, message in _errors(event):
        yield Finding(event.id or None, index, "error", message, field, line)
    for field, message in _warnings(event):
        yield Finding(event.id or None, index, "warning", message, field, line)


def _errors(event: VideoEvent) -> Iterator[tuple[str, str]]:
    if event.kind != VIDEO_KIND:
        yield "kind", f"kind {event.kind} is not a short video"
    if not event.id:
        yield "id", "the id is empty"
    if not event.pubkey:
        yield "pubkey", "the author's public key is empty"
    if not event.video_url:
        yield "video_url", "there is no video URL"
    else:
        try:
            WebUrl.parse(event.video_url)
        except UsageError as error:
            yield "video_url", error.message
    if event.mime_type and _essence(event.mime_type) not in _MIME_TYPES:
        yield "mime_type", f"{event.mime_type[:80]!r} is not a type the app plays"
    if event.duration is not None and event.duration < 0:
        yield "duration", "the duration is negative"
    if event.file_size is not None and event.file_size < 0:
        yield "file_size", "the file size is negative"


def _warnings(event: VideoEvent) -> Iterator[tuple[str, str]]:
    if event.video_url and not url_path(event.video_url).lower().endswith(MEDIA_SUFFIXES):
        yield "video_url", "the URL's path does not end like a video's"
    if event.duration is not None and event.duration > _LONG_S:
        yield "duration", f"{event.duration} s is longer than {_LONG_S} s"
    if event.file_size is not None and event.file_size > _LARGE_BYTES:
        yield "file_size", f"{event.file_size} bytes are more than {_LARGE_BYTES}"
    if len(event.content) > _LONG_CONTENT:
        yield "content", f"the text has more than {_LONG_CONTENT} characters"


def _essence(mime_type: str) -> str:
    return mime_type.partition(";")[0].strip().lower()
