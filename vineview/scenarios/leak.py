"""The memory leak: controllers that keep a little for ever and bequeath it.

What leaks is in the controllers' ``held_bytes`` and nowhere else. Each keeps more with every
minute of use; when it is released its hoard is left behind, and the controllers loaded next take
it over, so that never more than 15 of them hold ever more. Memory pressure makes the app drop what
it finds without an owner, which is why clean-up helps, and why it helps for a while only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from vineview.clock import Clock
from vineview.core.breaker import CircuitBreaker
from vineview.core.changes import Change, ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.loading import Outcome, ScriptedController, ScriptedLoader
from vineview.core.manager import VideoManager
from vineview.scenarios.media_host import MediaHost, videos
from vineview.scenarios.session import ScriptedSession
from vineview.scenarios.user import UseMeter, User, chances

__all__ = ["memory_leak"]

_MIB = 2**20
_LEAK_PER_HOUR = 42 * _MIB
"""What one controller fails to give back in an hour of use."""
_UNRETURNED = 0.06
"""Of a released controller's own bytes, the part that stays behind."""
_HEIRS_EXPECTED = 2
"""A new controller leaves this much of the sharing to those still to come."""
_OUTAGE_S = (6300.0, 6580.0)
"""When the media host resets every connection, in seconds since the scenario was made."""


def memory_leak(clock: Clock, *, seed: int = 7) -> ScriptedSession:
    """Controllers that pass on what they fail to free, under a user who scrolls for hours.

    Every controller keeps a little more with each minute of use, and whoever takes its place
    inherits it, so at most 15 controllers hold ever more: over 500 MB in about an hour and a half,
    over 800 MB in about two and a half. Memory pressure makes the app drop the inherited buffers
    of what is freed; with fewer controllers, as in emergency mode, the growth goes on more slowly.
    On the way some loads fail, time out or are retried, and the media host is out for a while.

    Args:
        clock: The time it runs on; a `ManualClock` makes hours pass in seconds.
        seed: Decides everything left to chance.

    Returns:
        The scenario, not yet started.

    Example:
        >>> import asyncio
        >>> from vineview.clock import ManualClock
        >>> async def megabytes() -> float:
        ...     async with memory_leak(ManualClock()) as scenario:
        ...         await scenario.run(600)
        ...         return scenario.monitor.current_sample.video_memory_mb
        >>> 100 < asyncio.run(megabytes()) < 250
        True
    """
    use = UseMeter(clock)
    loader = _HoardingLoader(clock, use, outcome=MediaHost(clock, outage_s=_OUTAGE_S))
    manager = VideoManager(
        config=VideoManagerConfig.wifi(),
        loader=loader,
        clock=clock,
        rng=chances(seed),
        # as the app's provider builds it (reference, section 5)
        breaker=CircuitBreaker(clock=clock, failure_threshold=3, open_timeout_s=60.0),
    )
    manager.subscribe(loader.on_change)
    user = User(manager, clock, use, videos=videos(clock, seed), seed=seed)
    return ScriptedSession("memory-leak", clock=clock, manager=manager, user=user.scroll)


class _HoardingLoader:
    """Loads by script. What released controllers leave behind, later ones share."""

    def __init__(
        self, clock: Clock, use: UseMeter, *, outcome: Callable[[VideoEvent, int], Outcome]
    ) -> None:
        self.use = use
        self._outcome = outcome
        self._scripted = ScriptedLoader(clock=clock)
        self._attempts: Counter[str] = Counter()
        self._live: set[_HoardingController] = set()
        self._left_behind = 0

    async def load(self, event: VideoEvent) -> _HoardingController:
        self._attempts[event.id] += 1
        outcome = self._outcome(event, self._attempts[event.id])
        self._scripted.set_script(event.id, outcome)
        loaded = await self._scripted.load(event)
        controller = _HoardingController(loaded, self._share(), self)
        self._live.add(controller)
        return controller

    def let_go(self, controller: _HoardingController, left: int) -> None:
        self._live.discard(controller)
        self._left_behind += left

    def on_change(self, change: Change) -> None:
        """Memory pressure is the one thing that makes the app drop what nobody owns."""
        if change.kind is ChangeKind.MEMORY_PRESSURE:
            self._left_behind = 0

    def _share(self) -> int:
        """What a new controller inherits: a fair share, so that no single one holds it all."""
        hoarded = self._left_behind + sum(each.hoard for each in self._live)
        share = min(self._left_behind, hoarded // (len(self._live) + _HEIRS_EXPECTED))
        self._left_behind -= share
        return share


class _HoardingController:
    """Holds its video, what it inherited, and what it has failed to give back since."""

    def __init__(self, loaded: ScriptedController, inherited: int, loader: _HoardingLoader) -> None:
        self._loaded = loaded
        self._inherited = inherited
        self._rate = _LEAK_PER_HOUR
        self._loader = loader
        self._since_s = loader.use.seconds

    @property
    def held_bytes(self) -> int:
        return self._loaded.held_bytes + self.hoard

    @property
    def is_playing(self) -> bool:
        return self._loaded.is_playing

    def play(self) -> None:
        self._loaded.play()

    def pause(self) -> None:
        self._loaded.pause()

    def release(self) -> None:
        left = self.hoard + int(self._loaded.held_bytes * _UNRETURNED)
        self._loaded.release()
        self._inherited, self._rate = 0, 0
        self._loader.let_go(self, left)

    @property
    def hoard(self) -> int:
        used_s = self._loader.use.seconds - self._since_s
        return self._inherited + int(used_s / 3600 * self._rate)
