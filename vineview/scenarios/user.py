"""The scripted user: sittings of scrolling, and pauses in between."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from vineview.clock import Clock
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager

__all__ = ["OLD_VIDEOS", "UseMeter", "User", "chances"]

OLD_VIDEOS = 40
"""How many videos there are when the app opens."""

_MOVES = {"to the top": 4, "back": 12, "on": 84}
"""What the user does next, how many times in a hundred."""
_STEPS = (8, 14)
_LOOK_S = (35, 125)
_PAUSE_S = (60, 240)


class UseMeter:
    """How long the app has been in use; nothing leaks while the phone lies on the table.

    Args:
        clock: What it counts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used_s = 0.0
        self._since_s: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds of use so far."""
        running_s = 0.0 if self._since_s is None else self._clock.now() - self._since_s
        return self._used_s + running_s

    def begin(self) -> None:
        """Count from now on."""
        self._since_s = self._clock.now()

    def rest(self) -> None:
        """Count no further."""
        self._used_s, self._since_s = self.seconds, None


class User:
    """Scrolls: mostly on, now and then back, sometimes to the top for what is new.

    Args:
        manager: Told where the user is.
        clock: How long the user looks.
        use: Runs during sittings.
        videos: What the app fetches: first a stock, then what is new at each visit to the top.
        seed: Decides every choice.
    """

    def __init__(
        self,
        manager: VideoManager,
        clock: Clock,
        use: UseMeter,
        *,
        videos: Iterator[VideoEvent],
        seed: int,
    ) -> None:
        self._manager = manager
        self._clock = clock
        self._use = use
        self._videos = videos
        self._rng = chances(f"choices/{seed}")

    async def scroll(self) -> None:
        """Go on for ever."""
        self._manager.add_video_events(islice(self._videos, OLD_VIDEOS))
        self._show(0)
        while True:
            self._use.begin()
            for _ in range(self._rng.randint(*_STEPS)):
                await self._wait(_LOOK_S)
                self._move()
            self._use.rest()
            await self._wait(_PAUSE_S)

    async def _wait(self, between_s: tuple[int, int]) -> None:
        await self._clock.sleep(round(self._rng.uniform(*between_s), 3))

    def _move(self) -> None:
        index = self._manager.current_index
        move = self._rng.choices(list(_MOVES), list(_MOVES.values()))[0]
        if move == "to the top" or index + 1 >= len(self._manager.videos):
            self._manager.add_video_events(islice(self._videos, self._rng.randint(2, 5)))
            self._show(0)
        elif move == "back":
            self._show(max(index - self._rng.randint(1, 2), 0))
        else:
            self._show(index + 1)

    def _show(self, index: int) -> None:
        self._manager.preload_around_index(index)
        self._manager.resume_video(self._manager.current_video_id or "")


def chances(seed: int | str) -> Random:
    """Chance that can be repeated."""
    return Random(seed)  # noqa: S311 - a script's choices guard nothing
