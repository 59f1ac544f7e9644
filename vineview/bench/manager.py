"""``vineview bench manager``: adding, looking up, scheduling, and a million random operations.

Time and memory are measured in separate runs, since tracing allocations slows everything. The
peers do the bare minimum of the same work with the standard library, so the ratio is what a
manager's bookkeeping costs.
"""

from __future__ import annotations

import asyncio
import bisect
import gc
import statistics
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

from vineview.bench.report import Report
from vineview.clock import ManualClock
from vineview.core import Change, VideoEvent, VideoManager, VideoManagerConfig
from vineview.core.loading import ScriptedController
from vineview.errors import LoadError

__all__ = ["run"]

_MANY = 100_000
_OPERATIONS = 1_000_000
_LOOKUPS = 10_000
_ROUNDS = 30
_NAVIGATIONS = 2000
_URLS = 500
_MIB = 2**20


def run(report: Report, *, quick: bool) -> None:
    """Measure the manager.

    Args:
        report: Where the figures go.
        quick: Whether a tenth of everything will do, without judging it.
    """
    share = 10 if quick else 1
    total, operations = _MANY // share, _OPERATIONS // share
    _adding(report, total)
    _looking_up(report, total)
    _scheduling(report, total)
    elapsed_s = asyncio.run(_operate(operations, lambda _: None))
    report.row(f"{operations} random operations", elapsed_s, "s", target=60 / share)
    growth_mb = _memory_growth_mb(operations)
    first = operations // 10
    what = f"memory from operation {first} to {operations}"
    report.row(what, growth_mb, "MB", target=1.0)


def _adding(report: Report, total: int) -> None:
    """Add a feed and read it once, newest first: the manager sorts when somebody asks."""
    events = _events(total)
    for order, arriving in _orders(events).items():
        manager = _manager(total)
        with _timed() as one_by_one:
            for event in arriving:
                manager.add_video_event(event)
            one_by_one_feed = manager.videos
        manager = _manager(total)
        with _timed() as batch:
            manager.add_video_events(arriving)
            batch_feed = manager.videos
        assert one_by_one_feed == batch_feed == tuple(reversed(events))
        plain: list[int] = []
        with _timed() as insort:
            for event in arriving:
                bisect.insort(plain, event.created_at)
        with _timed() as sorting:
            sorted(arriving, key=lambda event: event.created_at)
        what = f"add {total} one by one, {order}"
        report.row(what, one_by_one(), "s", target=2.0)
        report.ratio(what, one_by_one(), "s", peer="bisect.insort", peer_value=insort())
        what = f"add {total} in a batch, {order}"
        report.row(what, batch(), "s", target=0.5)
        report.ratio(what, batch(), "s", peer="sorted()", peer_value=sorting())


def _looking_up(report: Report, total: int) -> None:
    """Look ten ids up in turn, so that only the feed's size differs; the quickest of the rounds."""
    feeds = []
    for size in (10, total):
        manager = _manager(size)
        manager.add_video_events(_events(size))
        feeds.append((manager, [event.id for event in manager.videos[:: size // 10]][:10]))
    best_us = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for at, (manager, ids) in enumerate(feeds):
            look_up = manager.get_video_state
            with _timed() as elapsed:
                for _ in range(_LOOKUPS // 10):
                    for video_id in ids:
                        look_up(video_id)
            best_us[at] = min(best_us[at], elapsed() / _LOOKUPS * 1e6)
    few_us, many_us = best_us
    what = f"state lookup among {total}"
    report.ratio(what, many_us, "us", peer="among 10", peer_value=few_us, target=1.5)


def _scheduling(report: Report, total: int) -> None:
    times_ms = asyncio.run(_schedule_ms(total))
    what = f"schedule a window among {total}"
    report.row(f"{what}, p95", statistics.quantiles(times_ms, n=20)[-1], "ms", target=1.0)
    report.row(f"{what}, median", statistics.median(times_ms), "ms")


async def _schedule_ms(total: int) -> list[float]:
    clock = ManualClock()
    config = VideoManagerConfig(max_videos=total)
    rng = Random(4)  # noqa: S311  # a repeatable viewer
    times_ms = []
    async with VideoManager(config=config, loader=_Loader(clock), clock=clock) as manager:
        manager.subscribe(_listen)
        manager.add_video_events(_events(total))
        for _ in range(_NAVIGATIONS):
            index = rng.randrange(total)
            began = time.perf_counter()
            manager.preload_around_index(index)
            times_ms.append((time.perf_counter() - began) * 1000)
            await clock.advance(0.1)
    return times_ms


def _memory_growth_mb(operations: int) -> float:
    """Traced memory from a tenth of the way to the end, after a collection at both."""
    traced: list[int] = []

    def note(done: int) -> None:
        if done in {operations // 10, operations}:
            gc.collect()
            traced.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        asyncio.run(_operate(operations, note))
    finally:
        tracemalloc.stop()
    return (traced[1] - traced[0]) / _MIB


async def _operate(operations: int, note: Callable[[int], None]) -> float:
    """Each operation as likely as any other, on a flaky network; seconds they took."""
    clock, rng = ManualClock(), Random(5)  # noqa: S311  # a repeatable viewer
    config = VideoManagerConfig.wifi()
    async with VideoManager(config=config, loader=_Loader(clock), clock=clock, rng=rng) as manager:
        manager.subscribe(_listen)
        viewer = _Viewer(manager, clock, rng)
        acts = viewer.acts
        with _timed() as elapsed:
            for done in range(1, operations + 1):
                await acts[rng.randrange(len(acts))]()
                note(done)
        await clock.advance(60)
        assert not viewer.waiting, "every caller was answered"
    return elapsed()


class _Viewer:
    """Somebody who does anything at any time, scrolling by up to ten videos either way."""

    def __init__(self, manager: VideoManager, clock: ManualClock, rng: Random) -> None:
        self.waiting: set[asyncio.Task[None]] = set()
        self._manager = manager
        self._clock = clock
        self._rng = rng
        self._newest = 99
        manager.add_video_events(_event(number) for number in range(self._newest + 1))
        by_id = (
            manager.dispose_video,
            manager.remove_video,
            manager.resume_video,
            manager.pause_video,
            manager.get_controller,
            manager.get_video_state,
        )
        self.acts: list[Callable[[], Awaitable[object]]] = [
            self._add,
            self._scroll,
            self._preload,
            self._wait,
            manager.handle_memory_pressure,
            self._inspect,
            *(partial(self._do, act) for act in by_id),
        ]

    def _any_id(self) -> str:
        return f"{self._newest - self._rng.randrange(100):064x}"

    async def _do(self, act: Callable[[str], object]) -> None:
        act(self._any_id())

    async def _add(self) -> None:
        self._newest += 1
        self._manager.add_video_event(_event(self._newest))

    async def _scroll(self) -> None:
        index = self._manager.current_index + self._rng.randrange(-10, 11)
        self._manager.preload_around_index(index)

    async def _preload(self) -> None:
        task = asyncio.create_task(self._preloaded(self._any_id()))
        self.waiting.add(task)
        task.add_done_callback(self.waiting.discard)

    async def _preloaded(self, video_id: str) -> None:
        if self._manager.get_video_state(video_id) is not None:
            await self._manager.preload_video(video_id)

    async def _wait(self) -> None:
        await self._clock.advance(0.1)

    async def _inspect(self) -> None:
        self._manager.get_debug_info()


class _Loader:
    """Loads at once, mostly; a fiftieth of the URLs fail, and another hang."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    async def load(self, event: VideoEvent) -> ScriptedController:
        match event.created_at % 50:
            case 0:
                raise LoadError("busy", status=503)
            case 1:
                await self._clock.sleep(3600)
            case _:
                await self._clock.sleep(0.05)
        return ScriptedController(event)


def _event(number: int) -> VideoEvent:
    url = f"https://clips.example/{number % _URLS}.mp4"
    return VideoEvent(id=f"{number:064x}", created_at=number, video_url=url)


def _events(total: int) -> list[VideoEvent]:
    return [_event(number) for number in range(total)]


def _orders(events: list[VideoEvent]) -> dict[str, list[VideoEvent]]:
    shuffled = list(events)
    Random(3).shuffle(shuffled)  # noqa: S311  # a repeatable order
    return {"oldest first": events, "newest first": events[::-1], "shuffled": shuffled}


def _manager(total: int) -> VideoManager:
    manager = VideoManager(config=VideoManagerConfig(max_videos=max(total, 1)))
    manager.subscribe(_listen)
    return manager


def _listen(change: Change) -> None:
    """Hear a change and do nothing: what is measured is the telling."""


@contextmanager
def _timed() -> Iterator[Callable[[], float]]:
    """Seconds between entering and leaving, read afterwards; yesterday's garbage is not counted."""
    gc.collect()
    began = time.perf_counter()
    ended: list[float] = []
    yield lambda: ended[0]
    ended.append(time.perf_counter() - began)
