"""Feed: events and findings from a file, a folder of clips, or an address.

Reading the text is ``core.feeds``'s; opening it is done here. Only clips found in a folder or named
by a person are marked local, which lets them be files at all. Addresses in feed data are judged by
a `UrlPolicy`, and what it says is listed as a finding: a suspicious host's clip loads all the same,
a refused one's does not, and the feed shows which before anyone presses play.
Sources: contract, section 2; reference, section 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import Enum
from html import escape
from pathlib import Path
from typing import Self

import httpx

from vineview.core.events import VideoEvent
from vineview.core.feeds import parse_events
from vineview.core.nostr import Verifier
from vineview.core.policy import UrlPolicy, WebUrl
from vineview.core.validation import Finding
from vineview.errors import FeedError, LoadError, UsageError
from vineview.media.folder import clip_events, clip_type, folder_events
from vineview.media.web import WebReader

__all__ = ["MAX_FEED_BYTES", "Feed"]

MAX_FEED_BYTES = 64 * 1024 * 1024
"""Feeds larger than this are not read: some 100 000 events."""

_ROWS_SHOWN = 50


class Feed:
    """A feed's events and what was found wrong with them. Iterates over its events.

    Use `open`; the constructor takes the parts ready made.

    Args:
        events: The events, in order.
        findings: What reading them found.
        source: Where they come from: a path or an address.
        policy: Judges the addresses of events that are not local.

    Attributes:
        events: The videos, in the order of the source.
        findings: What was held back and why, and what to know about the rest.
        source: Where they come from.

    Example:
        >>> feed = Feed([VideoEvent(id="a", video_url="https://evil.example/a.mp4")])
        >>> print(feed.findings[0])
        warning: (a): evil.example is not a trusted host
    """

    def __init__(
        self,
        events: Iterable[VideoEvent],
        findings: Iterable[Finding] = (),
        *,
        source: str = "events",
        policy: UrlPolicy | None = None,
    ) -> None:
        self.events = tuple(events)
        self.source = source
        self._policy = policy or UrlPolicy()
        self._read_findings = tuple(findings)
        self.findings = (*self._read_findings, *_trust(self.events, self._policy))

    @classmethod
    def open(
        cls,
        place: str | Path,
        *,
        policy: UrlPolicy | None = None,
        verifier: Verifier | None = None,
        timeout_s: float = 10.0,
        max_bytes: int = MAX_FEED_BYTES,
    ) -> Self:
        """Open a feed. Synchronous: it reads a whole file or address.

        Args:
            place: A file (JSON array, one event or relay message per line), a folder of clips, one
                clip, or an http(s) address of such a file. An address a person typed may be
                private; one it redirects to may not.
            policy: Judges the addresses of the events.
            verifier: Checks signatures; with one, unsigned events are held back.
            timeout_s: Longest wait for one step of reading an address.
            max_bytes: The largest feed to read.

        Returns:
            The feed. Events that cannot be used are in ``findings``, not in ``events``. A folder's
            clips and still pictures are marked local, newest first; a file is one by its name or
            by its first bytes. A manager keeps the newest ``VideoManagerConfig.max_videos`` of a
            feed, 100 unless told; its player says when that left some out.

        Raises:
            FeedError: There is no such file or address, or it holds nothing like a feed.

        Example:
            >>> from vineview import resources
            >>> len(Feed.open(resources.data("feed", "feed.json"))) >= 12
            True
        """
        name = str(place)
        if isinstance(place, str) and name.lower().startswith(("http://", "https://")):
            document = _download(name, policy or UrlPolicy(), timeout_s, max_bytes)
        else:
            path, kind = _look_at(place)
            if kind is _Kind.FOLDER:
                return cls(*folder_events(path), source=name, policy=policy)
            if kind is _Kind.CLIP:
                return cls(clip_events([path]), source=name, policy=policy)
            document = _read(path, max_bytes)
        parsed = parse_events(document, source=name, verifier=verifier)
        if not parsed.events and not parsed.findings:
            raise FeedError(
                f"{name} holds no events", source=name, hint="Pass a feed with at least one video."
            )
        return cls(parsed.events, parsed.findings, source=name, policy=policy)

    def relocated(self, prefix: str, base_url: str) -> Feed:
        """The feed with what lies under one address served from another, by our own code.

        Args:
            prefix: The beginning of the addresses to change, up to a slash.
            base_url: What to put in its place, such as `ClipServer.base_url`.

        Returns:
            A new feed. The changed events are marked local, so they may be on loopback; the others
            stay as untrusted as they were.

        Raises:
            UsageError: If ``prefix`` does not end where a path may begin.

        Example:
            >>> feed = Feed([VideoEvent(id="a", video_url="https://cdn.invalid/a.mp4")])
            >>> feed.relocated("https://cdn.invalid/", "http://127.0.0.1:8000/").events[0].video_url
            'http://127.0.0.1:8000/a.mp4'
        """
        if not prefix.endswith("/"):
            raise UsageError(f"the prefix {prefix!r} does not end with a slash", hint="Add it.")
        base = base_url.rstrip("/") + "/"

        def moved(url: str | None) -> str | None:
            return base + url.removeprefix(prefix) if url and url.startswith(prefix) else url

        events = [
            replace(
                event,
                video_url=moved(event.video_url),
                thumbnail_url=moved(event.thumbnail_url),
                is_local=True,
            )
            if (event.video_url or "").startswith(prefix)
            else event
            for event in self.events
        ]
        return Feed(events, self._read_findings, source=self.source, policy=self._policy)

    def __iter__(self) -> Iterator[VideoEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        return f"Feed({self._summary()}, {self.source!r})"

    def _summary(self) -> str:
        errors = sum(finding.severity == "error" for finding in self.findings)
        counts = ((len(self), "video"), (errors, "error"), (len(self.findings) - errors, "warning"))
        return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts)

    def _repr_html_(self) -> str:
        left, whole = 'style="text-align:left"', 'style="white-space:nowrap"'
        findings = "".join(
            f"<li>{escape(str(finding))}</li>" for finding in self.findings[:_ROWS_SHOWN]
        )
        videos = "".join(
            f"<tr><td {left}>{escape(event.title or event.content[:60] or event.id[:16])}</td>"
            f"<td>{event.duration_text}</td>"
            f"<td {whole}>{event.timestamp:%Y-%m-%d %H:%M}</td>"
            f"<td {left}><code>{escape((event.video_url or '')[:100])}</code></td></tr>"
            for event in self.events[:_ROWS_SHOWN]
        )
        return (
            f"<p><b>{self._summary()}</b> from <code>{escape(self.source)}</code></p>"
            f"<ul>{findings}</ul><table><thead><tr><th {left}>Title</th><th>Length</th>"
            f"<th>Created (UTC)</th><th {left}>URL</th></tr></thead><tbody>{videos}</tbody></table>"
        )


def _trust(events: Iterable[VideoEvent], policy: UrlPolicy) -> Iterator[Finding]:
    """What a policy says of the addresses of events our own code does not vouch for."""
    for event in events:
        for field in ("video_url", "thumbnail_url"):
            url = getattr(event, field)
            if not url or event.is_local:
                continue
            verdict = policy.check(url)
            if not verdict:
                reason = (
                    f"will not be loaded: {verdict.reason}" if verdict.refused else verdict.reason
                )
                yield Finding(event.id, None, "warning", reason, field)


class _Kind(Enum):
    FOLDER, CLIP, OTHER = range(3)


def _look_at(place: str | Path) -> tuple[Path, _Kind]:
    """What a path names, without opening it."""
    try:
        path = Path(place)
        if path.is_dir():
            return path, _Kind.FOLDER
        is_clip = path.is_file() and bool(clip_type(path))
    except (OSError, TypeError, ValueError) as error:
        raise FeedError(
            f"{str(place)[:100]!r} is not a path: {error}",
            source=str(place),
            hint="Pass a file, a folder of clips, or an http(s) address.",
        ) from error
    return path, _Kind.CLIP if is_clip else _Kind.OTHER


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise FeedError(f"{path} is not a plain file", source=str(path))
        with path.open("rb") as file:
            document = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, FeedError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise FeedError(
            f"the feed {path} cannot be opened: {reason}",
            source=str(path),
            hint="Check the path; a folder of clips or an http(s) address will do as well.",
        ) from error
    if len(document) > max_bytes:
        raise _too_large(str(path), max_bytes)
    return document


def _download(url: str, policy: UrlPolicy, timeout_s: float, max_bytes: int) -> bytes:
    """A document from an address a person typed."""
    document = bytearray()
    try:
        typed = WebUrl.parse(url)
        with WebReader(policy=policy, timeout_s=timeout_s, exempt=typed) as reader:
            response, _ = reader.open(url, {"Accept": "application/json, application/x-ndjson"})
            try:
                for part in response.iter_raw():
                    document += part
                    if len(document) > max_bytes:
                        raise _too_large(url, max_bytes)
            except httpx.HTTPError as error:
                raise reader.translate(error, url) from error
            finally:
                response.close()
    except (UsageError, LoadError) as error:
        raise FeedError(
            f"the feed cannot be fetched: {error.message}", source=url, hint=error.hint
        ) from error
    return bytes(document)


def _too_large(name: str, max_bytes: int) -> FeedError:
    return FeedError(
        f"{name} is larger than {max_bytes / 2**20:g} MB",
        source=name,
        hint="Split it, or pass max_bytes.",
    )
