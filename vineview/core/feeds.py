"""A feed's text to events and findings; opening files and addresses is ``media.feed``'s.

Understood are a JSON array of events, a single event, one event per line (NDJSON), and what a
relay answered to a REQ, one message per line. A damaged line, event or tail is named and the rest
loads; only a text with nothing in it that looks like an event is refused.

Reposts (kind 6) keep their original's id. If the original is in the same document, the two become
one event that says who reposted it, and a finding says so; if the repost embeds its original, that
is used; a repost of something unknown is an error finding. None disappears unmentioned.
Sources: reference, section 7 and defects 50, 55 and 57; NIP-01.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from vineview.core.events import REPOST_KIND, VideoEvent, original_id
from vineview.core.nostr import Verifier
from vineview.core.validation import Finding, Severity, check_event
from vineview.errors import FeedError

__all__ = ["ParsedFeed", "parse_events"]

_HINT = "A feed is a JSON array of Nostr events, or one event or relay message per line."
_QUIET_MESSAGES = frozenset({"EOSE", "OK", "COUNT", "AUTH"})
_MAX_INTEGER_DIGITS = 25


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """What a document held.

    Args:
        events: Valid events, in the document's order, one per id.
        findings: What was held back and why, and what to know about the rest.
    """

    events: tuple[VideoEvent, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One value of the document, or why there is none."""

    value: Any
    line: int | None = None
    problem: str | None = None


class _Repeated(dict[str, Any]):
    """An object in which a key appears twice: parsers disagree on what it says."""


def parse_events(
    document: str | bytes | Sequence[Any],
    *,
    source: str = "the feed",
    verifier: Verifier | None = None,
) -> ParsedFeed:
    """Read a feed.

    Args:
        document: The text, its bytes (UTF-8), or a list of event objects already decoded.
        source: What to call it in errors: a path or address.
        verifier: Checks signatures; with one, events not signed by their author are held back.

    Returns:
        Events and findings. An id that is not its event's hash is a warning: exports and tests
        use ids of their own.

    Raises:
        FeedError: If nothing in the document looks like a feed.

    Example:
        >>> parse_events('[{"id": "a", "kind": 22, "pubkey": "b"}]').findings[0].message
        'there is no video URL'
    """
    reading = _Reading(verifier)
    for index, entry in enumerate(_entries(document, source)):
        reading.add(index, entry)
    return reading.finish()


@dataclass(slots=True)
class _Reading:
    """Collects events by id; reposts wait for the end, when their originals are known."""

    verifier: Verifier | None
    findings: list[Finding] = field(default_factory=list)
    events: dict[str, tuple[int, VideoEvent]] = field(default_factory=dict)
    reposts: list[tuple[int, int | None, dict[str, Any]]] = field(default_factory=list)

    def add(self, index: int, entry: _Entry) -> None:
        """Take one entry of the document."""
        if entry.problem is not None:
            self._find(index, entry.line, "error", entry.problem)
            return
        value = entry.value
        if isinstance(value, list) and value and isinstance(value[0], str):
            if value[0] != "EVENT" or not isinstance(value[-1], dict):
                self._hear(index, entry.line, value)
                return
            value = value[-1]
        if isinstance(value, _Repeated):
            self._find(index, entry.line, "error", "a key appears twice in the event")
        elif isinstance(value, dict) and value.get("kind") == REPOST_KIND:
            self.reposts.append((index, entry.line, value))
        else:
            self._read(index, entry.line, value)

    def finish(self) -> ParsedFeed:
        """Settle the reposts, oldest first so that the latest names the reposter."""
        for index, line, repost in sorted(self.reposts, key=_repost_order):
            try:
                self._settle(index, line, repost)
            except FeedError as error:
                self._find(index, line, "error", str(error), event_id=_readable_id(repost))
        events = sorted(self.events.values(), key=lambda pair: pair[0])
        findings = sorted(self.findings, key=lambda finding: finding.index or 0)
        return ParsedFeed(tuple(event for _, event in events), tuple(findings))

    def _hear(self, index: int, line: int | None, message: list[Any]) -> None:
        """List what a relay has to say, unless it is about the subscription itself."""
        if message[0] not in _QUIET_MESSAGES:
            text = " ".join(str(part)[:200] for part in message[:3])
            self._find(index, line, "warning", f"the relay says: {text}")

    def _read(self, index: int, line: int | None, value: Any) -> None:
        try:
            event = VideoEvent.from_nostr(value)
        except FeedError as error:
            self._find(index, line, "error", str(error), event_id=_readable_id(value))
        else:
            self._keep(index, line, event)

    def _settle(self, index: int, line: int | None, repost: dict[str, Any]) -> None:
        """Merge a repost with its original, or use the original it embeds."""
        named = original_id(repost)
        known = None if named is None else self.events.get(named)
        if known is None:
            if named is not None and not repost.get("content"):
                raise FeedError(
                    f"reposts {named[:16]}, which is not a video of this feed",
                    hint="Load the original with it.",
                )
            self._keep(index, line, VideoEvent.from_nostr(repost))
            return
        place, original = known
        self.events[original.id] = (place, original.reposted_by(repost))
        message = "a repost of a video in this feed: shown once, with its reposter"
        self._find(index, line, "warning", message, event_id=original.id, name="is_repost")

    def _keep(self, index: int, line: int | None, event: VideoEvent) -> None:
        """Add an event unless the validator, its signature or an earlier copy speaks against it."""
        found = list(check_event(event, index=index, line=line))
        self.findings += found
        if any(finding.severity == "error" for finding in found):
            return
        if self.verifier is not None and not event.verify_signature(self.verifier):
            message = "not signed by its author"
            self._find(index, line, "error", message, event_id=event.id, name="signature")
            return
        if event.id in self.events:
            message = "a copy of an earlier event"
            self._find(index, line, "warning", message, event_id=event.id, name="id")
            return
        if not event.verify_id():
            message = "the id is not the event's hash"
            self._find(index, line, "warning", message, event_id=event.id, name="id")
        self.events[event.id] = (index, event)

    def _find(
        self,
        index: int,
        line: int | None,
        severity: Severity,
        message: str,
        *,
        event_id: str | None = None,
        name: str | None = None,
    ) -> None:
        self.findings.append(Finding(event_id, index, severity, message, name, line))


def _entries(document: str | bytes | Sequence[Any], source: str) -> list[_Entry]:
    """The document's values, in order."""
    if not isinstance(document, str | bytes):
        return [_Entry(value) for value in document]
    text = document if isinstance(document, str) else _decode(document, source)
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise FeedError(f"{source} is empty", source=source, hint=_HINT)
    try:
        whole = _parse(text)
    except FeedError as error:
        return _pieces(text, source, error)
    if isinstance(whole, dict):
        return [_Entry(whole, line=1)]
    if isinstance(whole, list):
        is_message = bool(whole) and isinstance(whole[0], str)
        return [_Entry(whole, line=1)] if is_message else [_Entry(value) for value in whole]
    raise FeedError(
        f"{source} is JSON, but a single {type(whole).__name__}", source=source, hint=_HINT
    )


def _pieces(text: str, source: str, error: FeedError) -> list[_Entry]:
    """What can be read of a document that is not one JSON value: its lines, or its beginning."""
    lines = list(_lines(text))
    if lines[0].problem is not None and text.lstrip().startswith("["):
        beginning = list(_beginning(text))
        if any(isinstance(entry.value, dict) for entry in beginning):
            return beginning
    if any(isinstance(entry.value, dict | list) and entry.value for entry in lines):
        return lines
    raise FeedError(
        f"{source} is no feed: {error.message}", source=source, line=error.line, hint=_HINT
    ) from error


def _lines(text: str) -> Iterator[_Entry]:
    """Each line as a JSON value; blank ones are passed over."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _Entry(_parse(line), number)
            except FeedError as error:
                yield _Entry(None, number, f"the line is damaged: {error.message}")


def _beginning(text: str) -> Iterator[_Entry]:
    """The whole values of an array that is cut off or damaged, then where it ends."""
    at = text.index("[") + 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            line = text.count("\n", 0, at) + 1
            yield _Entry(None, line, "the document is damaged from here on; the rest is lost")
            return
        yield _Entry(value)


def _decode(document: bytes, source: str) -> str:
    """Bytes as UTF-8; a byte that is not turns into a surrogate, which condemns only its event."""
    if document.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FeedError(f"{source} is UTF-16", source=source, hint="Save it as UTF-8.")
    return document.decode(errors="surrogateescape")


def _parse(text: str) -> Any:
    """One JSON value.

    Raises:
        FeedError: If it is none, with the line in ``.line``.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise FeedError(f"{error.msg} at {place}", line=error.lineno) from error
    except RecursionError as error:
        raise FeedError("it is nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else _Repeated(value)


def _integer(digits: str) -> int | float:
    """An integer; one too long for any field is infinity, which every field refuses."""
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else math.inf


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def _repost_order(waiting: tuple[int, int | None, dict[str, Any]]) -> tuple[float, int]:
    created_at = waiting[2].get("created_at")
    return (created_at if isinstance(created_at, int) else 0, -waiting[0])


def _readable_id(value: Any) -> str | None:
    """The id of an event that cannot be read as a whole, if that much can."""
    identifier = value.get("id") if isinstance(value, dict) else None
    usable = isinstance(identifier, str) and identifier.isprintable()
    return identifier[:128] if usable and identifier else None
