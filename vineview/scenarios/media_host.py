"""The host the scripted videos come from: which exist, and what becomes of loading them.

A video's fate hangs on its id and the number of the attempt, not on who asks when, so a change in
the manager's timing does not reshuffle a scenario. Only an outage hits all alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import count

from vineview.clock import Clock
from vineview.core.events import VideoEvent
from vineview.core.loading import Fail, Hang, Outcome, Succeed
from vineview.errors import LoadError
from vineview.scenarios.user import OLD_VIDEOS, chances

__all__ = ["MediaHost", "videos"]

_HOST = "media.vineview.invalid"
_MIB = 2**20
_ID_DIGITS = 12
"""Ids are a fifth of Nostr's length, which a third of a recording would otherwise consist of."""

_OF_VIDEOS = {"gone": 3.0, "broken": 1.5, "sound": 95.5}
_OF_ATTEMPTS = {"hangs": 3, "is refused": 3, "ends well": 92, "is slow": 2}
"""What happens to how many in a hundred."""

_WHAT = ("Skating", "Two cats", "Street piano", "A handstand", "Fresh bread", "The drummer")
_WHERE = ("at dawn", "on the pier", "in the rain", "downtown", "behind the market", "on a roof")


class MediaHost:
    """What becomes of an attempt to load a video.

    Args:
        clock: The time an outage goes by.
        outage_s: From when to when every connection is reset, in seconds from now.
    """

    def __init__(self, clock: Clock, *, outage_s: tuple[float, float]) -> None:
        self._clock = clock
        self._outage_s = outage_s
        self._made_s = clock.now()

    def __call__(self, event: VideoEvent, attempt: int) -> Outcome:
        """The outcome of one attempt; the first is 1."""
        start_s, end_s = self._outage_s
        if start_s <= self._clock.now() - self._made_s < end_s:
            return Fail(LoadError(f"connection reset by {_HOST}", None, "NETWORK"))
        video, this = chances(event.id), chances(f"{event.id}/{attempt}")
        match video.choices(*_weighed(_OF_VIDEOS))[0]:
            case "gone":
                return Fail(LoadError("HTTP 404 Not Found", 404), 0.25)
            case "broken":
                return Fail(LoadError("no video stream in the file", None, "FORMAT_ERROR"), 0.9)
        held_bytes = video.randint(6 * _MIB, 24 * _MIB)
        match this.choices(*_weighed(_OF_ATTEMPTS))[0]:
            case "hangs":
                return Hang()
            case "is refused":
                return Fail(LoadError("HTTP 503 Service Unavailable", 503), 0.4)
            case "is slow":
                return Succeed(round(this.uniform(5.2, 8.0), 3), held_bytes)
        return Succeed(round(min(this.lognormvariate(-0.6, 0.5), 5.0), 3), held_bytes)


def videos(clock: Clock, seed: int) -> Iterator[VideoEvent]:
    """Videos without end: those of the last hours, then each as new as the clock says.

    Args:
        clock: When it is.
        seed: Decides ids, titles and lengths.
    """
    rng = chances(seed)
    for number in count():
        age = timedelta(minutes=4 * max(OLD_VIDEOS - number, 0))
        yield VideoEvent(
            id=sha256(f"{seed}/{number}".encode()).hexdigest()[:_ID_DIGITS],
            created_at=int((clock.utc() - age).timestamp()),
            video_url=f"https://{_HOST}/{number}.mp4",
            title=f"{rng.choice(_WHAT)} {rng.choice(_WHERE)}",
            mime_type="video/mp4",
            duration=rng.randint(3, 9),
        )


def _weighed(table: dict[str, float] | dict[str, int]) -> tuple[list[str], list[float]]:
    return list(table), list(table.values())
