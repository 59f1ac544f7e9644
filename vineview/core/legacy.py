"""The system this manager replaced, as a model to learn from; the choice, and the move from it.

The old app kept two lists: events as they arrived, and loaded videos as they became ready. The
screen used one index for both, so it showed the wrong video; nothing was ever freed, so memory
grew without bound; a disposed controller stayed listed, so using it crashed. The model keeps these
faults on purpose. It is the control arm of the A/B test. (Reference, sections 1 and 10.)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vineview.clock import Clock, SystemClock
from vineview.core.entry import facts_of
from vineview.core.events import VideoEvent
from vineview.core.loading import Controller, Loader
from vineview.core.tasks import Tasks
from vineview.errors import VideoManagerError

if TYPE_CHECKING:
    from vineview.core.manager import VideoManager

__all__ = ["NEW_MANAGER_FLAG", "LegacyVideoSystem", "Migration", "VideoSystemProvider", "migrate"]

_log = logging.getLogger(__name__)

NEW_MANAGER_FLAG = "new_video_manager"
"""The flag that decides which system serves."""

_PRELOAD_AHEAD = 3
_MB_PER_CONTROLLER = 20


class LegacyVideoSystem:
    """The dual-list system, faults included.

    Args:
        loader: What makes controllers.
        clock: Time; the machine's unless told.

    Attributes:
        crashes: How often a controller was used after it had been disposed of.
        errors: What failed to load, as the old log lines had it: id and message.
    """

    def __init__(self, *, loader: Loader, clock: Clock | None = None) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.crashes = 0
        self.errors: list[tuple[str, str]] = []
        self._loader = loader
        self._events: list[VideoEvent] = []
        self._ready: list[tuple[VideoEvent, Controller]] = []
        self._released: set[int] = set()
        self._tasks = Tasks()

    @property
    def videos(self) -> tuple[VideoEvent, ...]:
        """The first list: events, the latest arrival on top."""
        return tuple(self._events)

    @property
    def ready_videos(self) -> tuple[VideoEvent, ...]:
        """The second list: loaded videos, in the order they became ready."""
        return tuple(event for event, _ in self._ready)

    @property
    def held_bytes(self) -> int:
        """Bytes of all controllers ever loaded: none is freed by itself."""
        return sum(controller.held_bytes for _, controller in self._ready)

    def add_video_event(self, event: VideoEvent) -> bool:
        """Put an event on top, unless its id is there already; whether it was new."""
        if any(known.id == event.id for known in self._events):
            return False
        self._events.insert(0, event)
        return True

    def add_video_events(self, events: Iterable[VideoEvent]) -> int:
        """Put many on top, one by one; how many were new."""
        return sum(self.add_video_event(event) for event in events)

    async def preload_video(self, video_id: str) -> None:
        """Load a video: no timeout, no cap, no retry, and again if it is loaded already."""
        for event in self._events:
            if event.id == video_id:
                await self._load(event)

    def preload_around_index(self, index: int) -> None:
        """Load from ``index`` on. What lies behind stays loaded for ever."""
        for event in self._events[max(index, 0) : max(index, 0) + _PRELOAD_AHEAD + 1]:
            self._tasks.start(self._load(event), f"legacy load of {event.id!r}")

    def video_at(self, index: int) -> tuple[VideoEvent, VideoEvent | None]:
        """What the screen's caption names at ``index``, and what it plays there.

        They come from different lists: whenever a load was late, failed or repeated, they differ.
        """
        shown = self._ready[index][0] if 0 <= index < len(self._ready) else None
        return self._events[index], shown

    def play_at(self, index: int) -> None:
        """Play the ``index``-th loaded video.

        Raises:
            VideoManagerError: If it was disposed of: the old app crashed here.
        """
        event, controller = self._ready[index]
        if id(controller) in self._released:
            self.crashes += 1
            raise VideoManagerError("a controller was used after it was disposed of", event.id)
        controller.play()

    def dispose_video(self, video_id: str) -> None:
        """Release a video's controllers, and leave them in the list."""
        for event, controller in self._ready:
            if event.id == video_id:
                self._release(controller)

    def get_debug_info(self) -> dict[str, Any]:
        """The counts the old system had, under the names the new one uses."""
        controllers = len(self._ready)
        return {
            "totalVideos": len(self._events),
            "readyVideos": len({event.id for event, _ in self._ready}),
            "activeControllers": controllers,
            "controllers": controllers,
            "estimatedMemoryMB": controllers * _MB_PER_CONTROLLER,
        }

    def dispose(self) -> None:
        """End it: what leaks here must not leak into the process that studies it."""
        self._tasks.cancel()
        for _, controller in self._ready:
            self._release(controller)
        self._events.clear()
        self._ready.clear()

    async def aclose(self) -> None:
        """Dispose, and wait until every load has ended."""
        self.dispose()
        await self._tasks.aclose()
        self.dispose()  # a load that would not be cancelled may have brought one more

    async def _load(self, event: VideoEvent) -> None:
        try:
            controller = await self._loader.load(event)
        except Exception as error:  # noqa: BLE001  # the old system logged and went on
            self.errors.append((event.id, str(error)))
            _log.warning("legacy load of %r failed: %r", event.id, error)
        else:
            self._ready.append((event, controller))

    def _release(self, controller: Controller) -> None:
        if id(controller) not in self._released:
            self._released.add(id(controller))
            controller.release()


class VideoSystemProvider:
    """Gives whichever system the flag asks for, and carries the feed over when it flips.

    Args:
        is_enabled: Tells whether a flag is on; if it raises, the legacy system serves.
        make_manager: Makes the new system.
        make_legacy: Makes the old one.

    Example:
        >>> from vineview.core import ScriptedLoader, VideoManager
        >>> from vineview.clock import ManualClock
        >>> clock = ManualClock()
        >>> loader = ScriptedLoader(clock=clock)
        >>> provider = VideoSystemProvider(
        ...     is_enabled=lambda flag: flag == "new_video_manager",
        ...     make_manager=lambda: VideoManager(loader=loader, clock=clock),
        ...     make_legacy=lambda: LegacyVideoSystem(loader=loader, clock=clock),
        ... )
        >>> provider.system
        VideoManager(videos=0, ready=0, loading=0, failed=0, controllers=0)
    """

    def __init__(
        self,
        *,
        is_enabled: Callable[[str], bool],
        make_manager: Callable[[], VideoManager],
        make_legacy: Callable[[], LegacyVideoSystem],
    ) -> None:
        self._is_enabled = is_enabled
        self._make: dict[bool, Callable[[], VideoManager | LegacyVideoSystem]] = {
            True: make_manager,
            False: make_legacy,
        }
        self._system: VideoManager | LegacyVideoSystem | None = None
        self._is_new = False
        self._retired: list[VideoManager | LegacyVideoSystem] = []

    @property
    def system(self) -> VideoManager | LegacyVideoSystem:
        """The system that serves now. The flag is read at each call."""
        wants_new = self._reads_flag()
        before = self._system
        if before is None or wants_new is not self._is_new:
            feed = () if before is None else before.videos
            self._system, self._is_new = self._make[wants_new](), wants_new
            self._system.add_video_events(reversed(feed))
            if before is not None:
                before.dispose()
                self._retired.append(before)
        assert self._system is not None, "one was made above"
        return self._system

    async def aclose(self) -> None:
        """End the system that serves and those it replaced."""
        for system in [*self._retired, self._system]:
            if system is not None:
                await system.aclose()
        self._retired.clear()
        self._system = None

    def _reads_flag(self) -> bool:
        try:
            return bool(self._is_enabled(NEW_MANAGER_FLAG))
        except Exception:  # noqa: BLE001  # foreign code; fails closed
            _log.exception("flag %r cannot be read; the legacy system serves", NEW_MANAGER_FLAG)
            return False


@dataclass(frozen=True, slots=True)
class Migration:
    """What came of moving a legacy feed over.

    Attributes:
        added: How many events are new in the feed.
        known: How many were there already, or are too old for the feed's limit.
        failures: For each event refused, its position and the reason.
    """

    added: int
    known: int
    failures: tuple[tuple[int, str], ...]


def migrate(events: Iterable[VideoEvent], add: Callable[[list[VideoEvent]], int]) -> Migration:
    """Add every event that can be added.

    Args:
        events: The legacy feed.
        add: Adds a batch and says how many are new.
    """
    good: list[VideoEvent] = []
    failures: list[tuple[int, str]] = []
    position = -1
    try:
        for position, event in enumerate(events):
            try:
                facts_of(event)
            except VideoManagerError as error:
                failures.append((position, str(error)))
            else:
                good.append(event)
    except Exception as error:  # noqa: BLE001 - a legacy feed that breaks off keeps what it gave
        failures.append((position + 1, f"the legacy feed broke off: {error!r}"))
    added = add(good)
    return Migration(added, len(good) - added, tuple(failures))
