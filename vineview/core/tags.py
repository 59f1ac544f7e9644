"""Nostr tags to the fields of a video event.

One rule per field, in one table of precedence: a top-level tag beats ``imeta``, which beats the
``r`` tags, other tags and the text. Of a repeated top-level tag the last one counts, inside
``imeta`` the first full one. An empty value or a number that cannot be read counts as absent, so
that a bad ``duration`` tag does not erase a good one in ``imeta``. Source: reference, section 7 and
defects 51 and 53.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["MEDIA_SUFFIXES", "read_tags", "url_path"]

MEDIA_SUFFIXES = (".mp4", ".webm", ".ogg", ".mov", ".avi", ".gif")
"""Endings of a path that announce a video (the validator's list; reference, section 6)."""

_MAX_INT = 2**63 - 1
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,40})\s*\Z")
_PATH = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*([^?#]*)")
_MISSPELT = re.compile(r"(?i)\A(\s*https?://(?:[^/?#@]*@)?)apt(\.openvine\.co)(?=[:/?#]|\Z)")
_AFTER_A_LINK = ".,;:!?)]}"  # what a sentence puts behind a link
_LINK = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)

# Tags with a meaning of their own; a URL in any other tag may be the video (late June 2025).
# fmt: off
_SPOKEN_FOR = frozenset({
    "a", "alt", "blurhash", "client", "d", "dim", "duration", "e", "expiration", "fps", "h",
    "image", "imeta", "m", "magnet", "ox", "p", "published_at", "r", "size", "summary", "t",
    "thumb", "title", "torrent", "url", "x",
})
# fmt: on


def read_tags(tags: Sequence[Sequence[str]], content: str = "") -> dict[str, Any]:
    """The fields of a `VideoEvent` that tags and text announce.

    Args:
        tags: Texts, in the event's order; empty tags are skipped.
        content: The event's text, searched for a link when no tag holds one.

    Returns:
        Field names to values; what is not announced is None (``hashtags``: an empty tuple).

    Example:
        >>> read_tags([["imeta", "url https://nostr.build/a.mp4", "dim 9x16"]])["dimensions"]
        '9x16'
    """
    tags = [tag for tag in tags if tag]
    top = _top_level(tags)
    imeta = _imeta(tags)
    duration = _last(top.get("duration"), read_integer)
    if duration is None:
        duration = _first(imeta.get("duration"), _read_seconds)
    size = _last(top.get("size"), read_integer)
    return {
        "video_url": _spelt(_text(top, imeta, "url") or _fallback_url(tags, content, top)),
        "thumbnail_url": _spelt(
            _text(top, imeta, "thumb") or _text(top, {}, "image") or _typed_link(tags, "thumbnail")
        ),
        "title": _text(top, {}, "title"),
        "published_at": _text(top, {}, "published_at"),
        "duration": duration,
        "dimensions": _text(top, imeta, "dim"),
        "mime_type": _text(top, imeta, "m"),
        "sha256": _text(top, imeta, "x"),
        "file_size": _first(imeta.get("size"), read_integer) if size is None else size,
        "hashtags": tuple(value for value in top.get("t", ()) if value),
        "vine_id": _text(top, {}, "d"),
        "group": _text(top, {}, "h"),
        "alt_text": _text(top, {}, "alt"),
    }


def url_path(url: str) -> str:
    """The path of a URL, whatever else is wrong with it; never raises.

    Example:
        >>> url_path("https://nostr.build/dance.gif?width=1")
        '/dance.gif'
    """
    match = _PATH.match(url)
    return match[1] if match else ""


def read_integer(text: str) -> int | None:
    """A 64-bit integer with blanks around it, else None."""
    match = _INTEGER.match(text)
    if match is None:
        return None
    number = int(match[1])
    return number if abs(number) <= _MAX_INT else None


def _top_level(tags: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Every value of every tag but ``imeta``; a tag with only a name has an empty value."""
    found: dict[str, list[str]] = {}
    for tag in tags:
        if tag[0] != "imeta":
            found.setdefault(tag[0], []).append(tag[1] if len(tag) > 1 else "")
    return found


def _imeta(tags: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Every full value inside the ``imeta`` tags, items split at their first blank."""
    found: dict[str, list[str]] = {}
    for tag in tags:
        if tag[0] == "imeta":
            for item in tag[1:]:
                key, _, value = item.partition(" ")
                if key and value.strip():
                    found.setdefault(key, []).append(value.strip())
    return found


def _text(top: dict[str, list[str]], imeta: dict[str, list[str]], name: str) -> str | None:
    """The last top-level value; if that is empty or missing, the first of imeta."""
    values, inner = top.get(name), imeta.get(name)
    if inner and not (values and values[-1]):
        return inner[0]
    return values[-1] if values else None


def _last(values: list[str] | None, read: Any) -> Any:
    """The last value, if it can be read."""
    return read(values[-1]) if values else None


def _first(values: list[str] | None, read: Any) -> Any:
    """The first readable value."""
    return next((number for number in map(read, values or ()) if number is not None), None)


def _read_seconds(text: str) -> int | None:
    """Decimal seconds rounded half away from zero, as the app's language does."""
    try:
        seconds = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    if not abs(seconds) <= _MAX_INT:
        return None
    return int(math.copysign(math.floor(abs(seconds) + 0.5), seconds))


def _fallback_url(
    tags: Sequence[Sequence[str]], content: str, top: dict[str, list[str]]
) -> str | None:
    """A video announced outside ``url`` and ``imeta``: r tags, other tags, then the text."""
    found = _typed_link(tags, "video")
    if found is None:
        found = next((tag[1] for tag in tags if tag[0] == "r" and _plain_video(tag)), None)
    if found is None:
        others = (tag for tag in tags if tag[0] not in _SPOKEN_FOR)
        found = next((value for tag in others for value in tag[1:] if _is_video(value)), None)
    if found is None:
        links = (link.rstrip(_AFTER_A_LINK) for link in _LINK.findall(content))
        found = next((link for link in links if _is_video(link)), None)
    return found or ("" if "url" in top else None)


def _typed_link(tags: Sequence[Sequence[str]], role: str) -> str | None:
    """The first ``["r", url, role]``."""
    links = (tag for tag in tags if tag[0] == "r" and len(tag) > 2)  # noqa: PLR2004 - name, url, role
    return next((tag[1] for tag in links if tag[2] == role and tag[1]), None)


def _plain_video(tag: Sequence[str]) -> bool:
    """Whether an ``r`` tag without a role is the video."""
    return len(tag) == 2 and _is_video(tag[1])  # noqa: PLR2004 - name and url


def _is_video(url: str) -> bool:
    """Whether a URL found in passing is an http(s) address of a video by its path."""
    return bool(_LINK.match(url)) and url_path(url).lower().endswith(MEDIA_SUFFIXES)


def _spelt(url: str | None) -> str | None:
    """The URL with the known misspelling of the app's media host corrected."""
    return url if not url else _MISSPELT.sub(r"\1api\2", url, count=1)
