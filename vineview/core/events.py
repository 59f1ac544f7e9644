"""VideoEvent: one short video announced on Nostr, as an immutable value.

Identity is the event id alone. A repost (kind 6) keeps the original's id and author and adds who
reposted it, so a feed shows the video once and says by whom it came; ``core.feeds`` merges a
repost with its original and lists that it did. ``is_local`` is never read from data: only our own
code sets it, on clips it found in a folder or serves itself.
Source: reference, section 7.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from vineview.core.nostr import Verifier, check_signature, event_id
from vineview.core.tags import read_tags, url_path
from vineview.errors import FeedError

__all__ = [
    "REPOST_KIND",
    "VIDEO_KIND",
    "VideoEvent",
    "embedded_original",
    "original_id",
    "whole_second",
]

VIDEO_KIND = 22
"""The Nostr kind of a short video: the only kind parsed."""
REPOST_KIND = 6
"""The Nostr kind of a repost."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = 2**63
_LAST_KIND = 65_535
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, where datetime ends
_FORM = "NIP-01 has the form of an event."
_DIMENSIONS = re.compile(r"\s*([0-9]{1,9})x([0-9]{1,9})\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoEvent:
    """One short video. Only ``id`` is required.

    Args:
        id: The event id, 64 hex digits on Nostr; any text here.
        pubkey: The author's public key, hex.
        created_at: Unix seconds.
        content: The text.
        video_url: Where the clip is; empty or None when the event announces none.
        thumbnail_url: Where its still is.
        title: Its title.
        published_at: First publication, as the text the event carries.
        duration: Whole seconds.
        dimensions: ``"WIDTHxHEIGHT"`` as text; see ``width`` and ``height``.
        mime_type: As announced.
        sha256: The clip's hash, as announced.
        file_size: Bytes, as announced.
        hashtags: In order.
        vine_id: The ``d`` tag.
        group: The ``h`` tag.
        alt_text: The ``alt`` tag.
        raw_tags: Every tag as it came, repeats included.
        kind: 22; kept for the id.
        signature: The event's signature, hex, if it came with one.
        is_repost: Whether it reached the feed by a repost.
        reposter_id: The repost's own event id.
        reposter_pubkey: Who reposted.
        reposted_at: When, aware, UTC.
        is_local: Whether our own code vouches for the address. Never parsed, never sent.

    Example:
        >>> VideoEvent(id="a", video_url="https://nostr.build/dance.gif?w=1").is_gif
        True
    """

    id: str
    pubkey: str = ""
    created_at: int = 0
    content: str = ""
    video_url: str | None = None
    thumbnail_url: str | None = None
    title: str | None = None
    published_at: str | None = None
    duration: int | None = None
    dimensions: str | None = None
    mime_type: str | None = None
    sha256: str | None = None
    file_size: int | None = None
    hashtags: tuple[str, ...] = ()
    vine_id: str | None = None
    group: str | None = None
    alt_text: str | None = None
    raw_tags: tuple[tuple[str, ...], ...] = ()
    kind: int = VIDEO_KIND
    signature: str | None = None
    is_repost: bool = False
    reposter_id: str | None = None
    reposter_pubkey: str | None = None
    reposted_at: datetime | None = None
    is_local: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.hashtags, tuple):
            object.__setattr__(self, "hashtags", tuple(self.hashtags))
        if not isinstance(self.raw_tags, tuple):
            object.__setattr__(self, "raw_tags", tuple(map(tuple, self.raw_tags)))

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, VideoEvent) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    @classmethod
    def from_nostr(cls, event: Mapping[str, Any]) -> VideoEvent:
        """Read a Nostr event: kind 22, or kind 6 with the original embedded in its content.

        A video without a URL is read too, with ``has_video`` false: whether that matters is
        `core.validation`'s decision.

        Args:
            event: The event object as NIP-01 has it.

        Raises:
            FeedError: Another kind, no id, a field of the wrong type, text that is not Unicode, or
                a repost that names its original only by ``e`` tag (`parse_events` looks it up).

        Source: reference, section 7.

        Example:
            >>> VideoEvent.from_nostr({"id": "a", "kind": 22, "tags": [["t", "cats"]]}).hashtags
            ('cats',)
        """
        if not isinstance(event, Mapping):
            raise FeedError(f"an event is an object, this is {_name(event)}", hint=_FORM)
        if _kind(event) == REPOST_KIND:
            identifier = _identifier(event)
            if original_id(event) is None:
                raise FeedError(
                    f"repost {identifier[:16]!r} names no original",
                    hint="A repost needs an e tag with the id of a short video.",
                )
            original = embedded_original(event)
            if original is None:
                raise FeedError(
                    f"repost {identifier[:16]!r} does not embed its original",
                    hint="Load it together with the original, by parse_events or Feed.open.",
                )
            return cls._read(original).reposted_by(event)
        return cls._read(event)

    @classmethod
    def _read(cls, event: Mapping[str, Any]) -> VideoEvent:
        kind = _kind(event)
        if kind != VIDEO_KIND:
            raise FeedError(
                f"kind {kind} is not a short video",
                hint=f"Only kind {VIDEO_KIND} and reposts (kind {REPOST_KIND}) are parsed.",
            )
        tags = _tags(event)
        content = _field_text(event, "content")
        return cls(
            id=_identifier(event),
            pubkey=_field_text(event, "pubkey"),
            created_at=_seconds(event),
            content=content,
            raw_tags=tags,
            signature=_field_text(event, "sig") or None,
            **read_tags(tags, content),
        )

    def reposted_by(self, repost: Mapping[str, Any]) -> VideoEvent:
        """This video with who reposted it, when, and by which event; id and author stay.

        Args:
            repost: The kind 6 event.

        Raises:
            FeedError: If the repost itself cannot be read.
        """
        return replace(
            self,
            is_repost=True,
            reposter_id=_identifier(repost),
            reposter_pubkey=_field_text(repost, "pubkey"),
            reposted_at=_EPOCH + timedelta(seconds=_seconds(repost)),
        )

    def to_wire(self) -> dict[str, Any]:
        """The NIP-01 event object: the tags it came with, or tags made from its fields.

        ``is_local`` and who reposted it are not part of it.

        Example:
            >>> VideoEvent(id="a", title="Hi").to_wire()["tags"]
            [['title', 'Hi']]
        """
        wire: dict[str, Any] = {
            "id": self.id,
            "pubkey": self.pubkey,
            "created_at": self.created_at,
            "kind": self.kind,
            "tags": [list(tag) for tag in self.raw_tags or self._made_tags()],
            "content": self.content,
        }
        if self.signature is not None:
            wire["sig"] = self.signature
        return wire

    def verify_id(self) -> bool:
        """Whether the id is the hash of what the event says (NIP-01).

        False for clips of a folder and hand-made events, which have ids of their own.
        """
        try:
            expected = event_id(
                pubkey=self.pubkey,
                created_at=self.created_at,
                kind=self.kind,
                tags=self.raw_tags,
                content=self.content,
            )
        except ValueError:  # a text UTF-8 cannot carry, a number too long to write out
            return False
        return self.id == expected

    def verify_signature(self, verifier: Verifier) -> bool:
        """Whether the author signed it; false without a signature or with a wrong id.

        Args:
            verifier: A BIP-340 check, such as `vineview.core.nostr.schnorr_verifier`'s.
        """
        return self.verify_id() and check_signature(
            pubkey=self.pubkey,
            event_id=self.id,
            signature=self.signature or "",
            verifier=verifier,
        )

    @property
    def timestamp(self) -> datetime:
        """``created_at`` as an aware UTC datetime, held within years 1 to 9999."""
        second = whole_second(self.created_at)
        return _EPOCH + timedelta(seconds=max(-62_135_596_800, min(second, _LAST_SECOND)))

    @property
    def has_video(self) -> bool:
        """Whether there is an address to load."""
        return bool(self.video_url)

    @property
    def is_gif(self) -> bool:
        """Whether it is an image to show as it is: by MIME type, else by the URL's path."""
        mime_type = (self.mime_type or "").partition(";")[0].strip().lower()
        return mime_type == "image/gif" or url_path(self.video_url or "").lower().endswith(".gif")

    @property
    def width(self) -> int | None:
        """Pixels, or None when ``dimensions`` is absent or malformed."""
        match = _DIMENSIONS.match(self.dimensions or "")
        return int(match[1]) if match else None

    @property
    def height(self) -> int | None:
        """Pixels, or None when ``dimensions`` is absent or malformed."""
        match = _DIMENSIONS.match(self.dimensions or "")
        return int(match[2]) if match else None

    @property
    def is_portrait(self) -> bool:
        """Whether it is known to be taller than wide."""
        return (self.height or 0) > (self.width or 0)

    @property
    def file_size_mb(self) -> float | None:
        """The announced size in MB of 1 048 576 bytes."""
        return None if self.file_size is None else self.file_size / 2**20

    @property
    def duration_text(self) -> str:
        """The duration as ``m:ss``; empty when unknown."""
        if self.duration is None or self.duration < 0:
            return ""
        return f"{self.duration // 60}:{self.duration % 60:02}"

    @property
    def short_pubkey(self) -> str:
        """The first eight characters of the author's key, or all of a shorter one."""
        return self.pubkey[:8]

    def age_text(self, now: datetime) -> str:
        """How long ago it was created: ``now``, ``5m ago``, ``2h ago``, ``3d ago``, ``4w ago``.

        Args:
            now: The present, aware.
        """
        minutes = int((now - self.timestamp).total_seconds() // 60)
        units = ((10_080, "w"), (1_440, "d"), (60, "h"), (1, "m"))
        return next((f"{minutes // n}{unit} ago" for n, unit in units if minutes >= n), "now")

    def _made_tags(self) -> list[tuple[str, ...]]:
        """Tags for an event built by hand, so that it survives a round trip."""
        fields = (
            ("url", self.video_url),
            ("thumb", self.thumbnail_url),
            ("title", self.title),
            ("published_at", self.published_at),
            ("duration", self.duration),
            ("dim", self.dimensions),
            ("m", self.mime_type),
            ("x", self.sha256),
            ("size", self.file_size),
            ("d", self.vine_id),
            ("h", self.group),
            ("alt", self.alt_text),
        )
        made = [(name, str(value)) for name, value in fields if value is not None]
        return [*made, *(("t", hashtag) for hashtag in self.hashtags)]


def whole_second(created_at: object) -> int:
    """The second a hand-made event says it was created; 1970 for what is no number."""
    if isinstance(created_at, float) and not math.isnan(created_at):
        return int(max(-_FAR, min(created_at, _FAR)))
    return created_at if isinstance(created_at, int) else 0


def embedded_original(repost: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The video a repost names and carries in its content, or None when it lacks one of the two.

    Args:
        repost: A kind 6 event.
    """
    content = repost.get("content")
    if not isinstance(content, str) or not content.lstrip().startswith("{"):
        return None
    try:
        original: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError):
        return None
    named = original_id(repost)
    return original if named is not None and original.get("id") == named else None


def original_id(repost: Mapping[str, Any]) -> str | None:
    """The event a repost names in its last full ``e`` tag, or None.

    Args:
        repost: A kind 6 event.
    """
    named = [tag[1] for tag in _tags(repost) if len(tag) > 1 and tag[0] == "e" and tag[1]]
    return named[-1] if named else None


def _kind(event: Mapping[str, Any]) -> int:
    kind = event.get("kind")
    if isinstance(kind, bool) or not isinstance(kind, int):
        raise FeedError(f"an event's kind is a number, this is {_name(kind)}", hint=_FORM)
    if not 0 <= kind <= _LAST_KIND:
        raise FeedError(f"an event's kind is a number from 0 to {_LAST_KIND}", hint=_FORM)
    return kind


def _identifier(event: Mapping[str, Any]) -> str:
    identifier = _field_text(event, "id")
    if not identifier:
        raise FeedError("the event has no id", hint="Every event needs a non-empty id.")
    return identifier


def _seconds(event: Mapping[str, Any]) -> int:
    seconds = event.get("created_at", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise FeedError(f"created_at is a number of seconds, this is {_name(seconds)}", hint=_FORM)
    if not 0 <= seconds <= _LAST_SECOND:
        raise FeedError(
            "created_at is outside the years 1970 to 9999",
            hint="It is in unix seconds, not milliseconds.",
        )
    return seconds


def _tags(event: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    tags = event.get("tags", [])
    if not _is_list(tags) or not all(_is_list(tag) for tag in tags):
        raise FeedError("tags is a list of lists of texts, this is something else", hint=_FORM)
    return tuple(tuple(_unicode(item, "a tag") for item in tag) for tag in tags)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _field_text(event: Mapping[str, Any], name: str) -> str:
    return _unicode(event.get(name, ""), name)


def _unicode(value: object, where: str) -> str:
    """A text that UTF-8 can carry to a browser or a file."""
    if not isinstance(value, str):
        raise FeedError(f"{where} is a text, this is {_name(value)}", hint=_FORM)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            hint = "Write it as UTF-8, with whole characters."
            raise FeedError(f"{where} is not valid Unicode (a lone surrogate)", hint=hint) from None
    return value


def _name(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"
