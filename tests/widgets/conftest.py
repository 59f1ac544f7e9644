"""Pretend to be the browser: what a widget sends is kept, what the page would say is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ipywidgets import Widget

from vineview.clock import ManualClock
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.errors import LoadError
from vineview.widgets.base import VineWidget


class Browser:
    """One page with any number of views of one widget."""

    def __init__(self, widget: VineWidget) -> None:
        self.widget = widget
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        widget.send = self._keep

    def _keep(self, content: dict[str, Any], buffers: list[Any] | None = None) -> None:
        self.sent.append((content, [bytes(buffer) for buffer in buffers or []]))

    def say(self, kind: str, view: str = "v1", **fields: Any) -> None:
        """Deliver a message as the page's comm would."""
        data = {"method": "custom", "content": {"kind": kind, "view": view, **fields}}
        self.widget._handle_msg({"content": {"data": data}, "buffers": []})

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Messages of one kind so far, oldest first."""
        return [content for content, _ in self.sent if content["kind"] == kind]

    def buffers_of(self, kind: str) -> list[list[bytes]]:
        """Buffers of the messages of one kind so far."""
        return [buffers for content, buffers in self.sent if content["kind"] == kind]

    def clear(self) -> None:
        """Forget what was sent so far."""
        self.sent.clear()


async def settle(rounds: int = 30) -> None:
    """Let every runnable task run; nothing waits for time."""
    for _ in range(rounds):
        await asyncio.sleep(0)


@pytest.fixture
def browser_of() -> type[Browser]:
    """Builds the pretended browser of a widget."""
    return Browser


@pytest.fixture(name="settle")
def _settle() -> Any:
    return settle


@pytest.fixture(autouse=True)
def _no_widget_survives() -> Iterator[None]:
    """Each test leaves no widget behind, as a kernel would be left by its last cell."""
    yield
    Widget.close_all()


@dataclass(frozen=True)
class FakeSegment:
    """A media segment of one second."""

    data: bytes
    start_s: float
    duration_s: float = 1.0
    keyframe: bool = True


class FakeSegments:
    """An asynchronous iterator over segments that counts what was asked of it."""

    def __init__(self, clip: FakeClip, segments: list[FakeSegment]) -> None:
        self._clip = clip
        self._segments = iter(segments)
        clip.open_streams += 1

    def __aiter__(self) -> FakeSegments:
        return self

    async def __anext__(self) -> FakeSegment:
        await asyncio.sleep(0)
        if self._clip.breaks_with is not None:
            raise self._clip.breaks_with
        segment = next(self._segments, None)
        if segment is None:
            raise StopAsyncIteration
        self._clip.made += 1
        return segment

    async def aclose(self) -> None:
        self._clip.open_streams -= 1


class FakeClip:
    """A controller that holds a clip of a few one-second segments, each named by its second."""

    def __init__(self, seconds: int = 6) -> None:
        self.segments = [FakeSegment(b"s%d" % second, float(second)) for second in range(seconds)]
        self.mime_type = 'video/mp4; codecs="avc1.64001f"'
        self.init_segment = b"init"
        self.first_segment = self.segments[0]
        self.poster = b"\xff\xd8poster"
        self.info = None
        self.is_playing = False
        self.held_bytes = 3 * 2**20
        self.made = 0
        self.open_streams = 0
        self.breaks_with: Exception | None = None

    def play(self) -> None:
        self.is_playing = True

    def pause(self) -> None:
        self.is_playing = False

    def release(self) -> None:
        self.held_bytes = 0

    def stream(self, start_s: float = 0.0) -> FakeSegments:
        later = [each for each in self.segments if each.start_s + each.duration_s > start_s]
        return FakeSegments(self, later)


class FakeStill:
    """A controller that holds a picture."""

    def __init__(self, image: tuple[bytes, str]) -> None:
        self.image = image
        self.is_playing = False
        self.held_bytes = len(image[0])

    def play(self) -> None:
        self.is_playing = True

    def pause(self) -> None:
        self.is_playing = False

    def release(self) -> None:
        self.held_bytes = 0


class FakeClips:
    """A loader of such clips; `failures` maps video ids to what loading them raises."""

    def __init__(self) -> None:
        self.failures: dict[str, Exception] = {}
        self.images: dict[str, tuple[bytes, str]] = {}
        self.stills: dict[str, tuple[bytes, str]] = {}
        self.clips: dict[str, FakeClip] = {}

    async def load(self, event: VideoEvent) -> FakeClip | FakeStill:
        await asyncio.sleep(0)
        if event.id in self.failures:
            raise self.failures[event.id]
        if event.id in self.stills:
            return FakeStill(self.stills[event.id])
        self.clips[event.id] = FakeClip()
        return self.clips[event.id]

    async def read_image(self, event: VideoEvent) -> tuple[bytes, str]:
        await asyncio.sleep(0)
        if event.id not in self.images:
            raise LoadError("the image is gone", 404)
        return self.images[event.id]


@pytest.fixture
def loader() -> FakeClips:
    """Loads clips that exist only here."""
    return FakeClips()


@pytest.fixture
async def manager(clock: ManualClock, loader: FakeClips) -> AsyncIterator[VideoManager]:
    """A manager of twenty videos, v0 the newest."""
    async with VideoManager(loader=loader, clock=clock) as manager:
        manager.add_video_events(
            VideoEvent(
                id=f"v{place}",
                pubkey="0461fcbecc4c3374",
                created_at=1_767_225_600 - place,
                title=f"Video {place}",
                hashtags=("vine",),
                video_url=f"https://nostr.build/{place}.mp4",
            )
            for place in range(20)
        )
        yield manager
