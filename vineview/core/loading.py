"""What a loader and a controller are, and scripted ones for tests and scenarios.

A loader only loads: the manager applies the timeout, decides about retries and calls ``release``.
A loader that can also fetch without byte ranges says so by having ``load_without_ranges``; the
manager uses it for the one extra try that a SERVER_CONFIG_ERROR earns, and calls plain ``load``
where it is missing. (Reference, section 3.5.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vineview.clock import Clock
from vineview.core.events import VideoEvent
from vineview.errors import UsageError

__all__ = [
    "Controller",
    "Fail",
    "Hang",
    "Loader",
    "Outcome",
    "RangelessLoader",
    "ScriptedController",
    "ScriptedLoader",
    "Succeed",
]

_MIB = 2**20
_A_DAY_S = 86_400.0


@runtime_checkable
class Controller(Protocol):
    """A loaded, playable video."""

    @property
    def held_bytes(self) -> int:
        """Bytes kept alive for this video now."""
        ...

    @property
    def is_playing(self) -> bool:
        """Whether it is playing."""
        ...

    def play(self) -> None:
        """Start or go on playing."""
        ...

    def pause(self) -> None:
        """Stop playing, keep everything loaded."""
        ...

    def release(self) -> None:
        """Free everything; harmless when repeated. The manager calls it exactly once."""
        ...


class Loader(Protocol):
    """Makes controllers."""

    async def load(self, event: VideoEvent) -> Controller:
        """Load a video. Cancellation must free what was taken.

        Raises:
            LoadError: With ``status`` or ``error_class``, so that the failure can be classified.
        """
        ...


@runtime_checkable
class RangelessLoader(Protocol):
    """A loader that can also do without byte ranges, for servers that answer them wrongly."""

    async def load(self, event: VideoEvent) -> Controller:
        """As :meth:`Loader.load`."""
        ...

    async def load_without_ranges(self, event: VideoEvent) -> Controller:
        """Load a video with one plain request for the whole file."""
        ...


@dataclass(frozen=True, slots=True)
class Succeed:
    """The load ends well after ``after_s`` seconds, holding ``held_bytes``."""

    after_s: float = 0.1
    held_bytes: int = 20 * _MIB


@dataclass(frozen=True, slots=True)
class Fail:
    """The load raises ``error`` after ``after_s`` seconds."""

    error: Exception
    after_s: float = 0.1


@dataclass(frozen=True, slots=True)
class Hang:
    """The load never ends by itself."""


Outcome = Succeed | Fail | Hang


class ScriptedController:
    """A controller that holds a number instead of a video.

    Args:
        event: The video it stands for.
        held_bytes: What it claims to hold until released; a script may change it.
        loader: The loader whose ``live`` set it leaves when released.
    """

    def __init__(
        self,
        event: VideoEvent,
        *,
        held_bytes: int = 20 * _MIB,
        loader: ScriptedLoader | None = None,
    ) -> None:
        self.event = event
        self.held_bytes = held_bytes
        self.is_playing = False
        self.release_count = 0
        self._loader = loader

    def play(self) -> None:
        """Count as playing."""
        self.is_playing = True

    def pause(self) -> None:
        """Count as paused."""
        self.is_playing = False

    def release(self) -> None:
        """Hold nothing any more."""
        self.release_count += 1
        self.is_playing = False
        self.held_bytes = 0
        if self._loader is not None:
            self._loader.live.discard(self)

    def __repr__(self) -> str:
        return f"ScriptedController({self.event.id!r}, held_bytes={self.held_bytes})"


class ScriptedLoader:
    """A loader that does what it is told, on the clock it is given.

    Args:
        clock: Whose time the loads take.
        default: What happens to a video the script does not name.
        script: Outcomes by video id or URL, used up in order; the last one repeats.

    Attributes:
        started: Ids of all loads begun, in order.
        finished: Ids of the loads that ended by themselves, well or not.
        cancelled: Ids of the loads given up.
        rangeless: Ids of the loads begun without byte ranges.
        live: Controllers made and not released: empty when nothing leaks.
        in_flight: Loads running now.

    Example:
        >>> import asyncio
        >>> from vineview.clock import ManualClock
        >>> loader = ScriptedLoader(clock=ManualClock(), default=Succeed(after_s=0, held_bytes=10))
        >>> asyncio.run(loader.load(VideoEvent(id="a")))
        ScriptedController('a', held_bytes=10)
    """

    def __init__(
        self,
        *,
        clock: Clock,
        default: Outcome | None = None,
        script: Mapping[str, Iterable[Outcome] | Outcome] | None = None,
    ) -> None:
        self.clock = clock
        self.default: Outcome = Succeed() if default is None else default
        self._script: dict[str, list[Outcome]] = {}
        for name, outcomes in (script or {}).items():
            self.set_script(name, outcomes)
        self.started: list[str] = []
        self.finished: list[str] = []
        self.cancelled: list[str] = []
        self.rangeless: list[str] = []
        self.live: set[ScriptedController] = set()
        self.in_flight = 0

    def set_script(self, name: str, outcomes: Iterable[Outcome] | Outcome) -> None:
        """Say what happens to the next loads of a video id or URL.

        Raises:
            UsageError: If there is no outcome.
        """
        queue = [outcomes] if isinstance(outcomes, Succeed | Fail | Hang) else list(outcomes)
        if not queue:
            raise UsageError(f"the script of {name!r} is empty", hint="Give at least one outcome.")
        self._script[name] = queue

    async def load(self, event: VideoEvent) -> ScriptedController:
        """Play the next outcome for ``event``."""
        self.started.append(event.id)
        self.in_flight += 1
        try:
            controller = await self._play(self._next_outcome(event), event)
        except Exception:
            self.finished.append(event.id)
            raise
        except BaseException:
            self.cancelled.append(event.id)
            raise
        finally:
            self.in_flight -= 1
        self.finished.append(event.id)
        return controller

    async def load_without_ranges(self, event: VideoEvent) -> ScriptedController:
        """As :meth:`load`, noting that ranges were not used."""
        self.rangeless.append(event.id)
        return await self.load(event)

    def _next_outcome(self, event: VideoEvent) -> Outcome:
        for name in (event.id, event.video_url):
            queue = self._script.get(name) if name else None
            if queue:
                return queue.pop(0) if len(queue) > 1 else queue[0]
        return self.default

    async def _play(self, outcome: Outcome, event: VideoEvent) -> ScriptedController:
        if isinstance(outcome, Hang):
            while True:
                await self.clock.sleep(_A_DAY_S)
        await self.clock.sleep(outcome.after_s)
        if isinstance(outcome, Fail):
            raise outcome.error.with_traceback(None)  # a shared error would pile up frames
        controller = ScriptedController(event, held_bytes=outcome.held_bytes, loader=self)
        self.live.add(controller)
        return controller
