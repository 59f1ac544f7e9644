"""``vineview bench mutants``: a thousand damaged clips, loaded and streamed as the player does.

Each is a small clip with bytes flipped, its end cut off, a stretch repeated or a box that claims a
length of gigabytes, by a seed. The promise: this process neither crashes nor hangs nor grows, every
mutant plays or gives a reason in time, and no worker takes more memory than it may.
"""

from __future__ import annotations

import asyncio
import random
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from vineview.bench.report import Report
from vineview.core.events import VideoEvent
from vineview.errors import LoadError

__all__ = ["SEEDS", "Outcomes", "mutate", "run", "try_mutants"]

SEEDS = (
    "high.mp4",
    "fragmented.mp4",
    "main.mkv",
    "main.ts",
    "main.flv",
    "mpeg4-mp3.avi",
    "vp9-opus.webm",
    "hevc.mp4",
    "ac3.mp4",
    "moving.gif",
)
"""The clips of the corpus that are damaged."""

_LIMIT_S = 30.0
_MAX_WORKER_MB = 1536
_MAX_GROWTH_MB = 64
_LOOK_EVERY_S = 0.02
_FOUR = 4
_COUNT, _QUICK_COUNT = 1000, 100


@dataclass(slots=True)
class Outcomes:
    """What became of the mutants.

    Attributes:
        counts: How many played, gave which kind of reason, or broke the promise.
        slowest: The name of the slowest, and how long it took, in seconds.
        worker_mb: The most memory any worker had.
        growth_mb: By how much this process grew after the first tenth.
        broken: What broke the promise, in words.
    """

    counts: Counter[str] = field(default_factory=Counter)
    slowest: tuple[str, float] = ("", 0.0)
    worker_mb: float = 0.0
    growth_mb: float = 0.0
    broken: list[str] = field(default_factory=list)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Damage a clip.

    Args:
        data: The clip.
        chance: Decides how; a seeded generator.
    """
    damaged = bytearray(data)
    match chance.choice(("flips", "flips", "header", "cut", "length", "repeat")):
        case "flips":
            for _ in range(chance.choice((1, 10, 100, 1000))):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        case "header":
            for _ in range(chance.choice((1, 5, 20))):
                damaged[chance.randrange(min(len(damaged), 2000))] = chance.randrange(256)
        case "cut":
            del damaged[chance.randrange(len(damaged)) :]
        case "length":
            for _ in range(chance.choice((1, 3, 10))):
                at = chance.randrange(max(len(damaged) - _FOUR, 1))
                damaged[at : at + _FOUR] = chance.choice((b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"))
        case "repeat":
            at = chance.randrange(len(damaged))
            damaged[at:at] = damaged[at : at + chance.randrange(5000)] * 3
    return bytes(damaged)


async def try_mutants(
    clips: Mapping[str, bytes],
    count: int,
    folder: Path,
    *,
    first: int = 0,
    at_once: int = 2,
    done: Callable[[], object] = lambda: None,
) -> Outcomes:
    """Load and stream mutants of some clips.

    Args:
        clips: The clips that are damaged, by name.
        count: How many mutants.
        folder: Where they lie while they are tried.
        first: The seed of the first.
        at_once: How many are tried beside each other.
        done: Called after each.
    """
    from vineview.media.loader import MediaLoader

    outcomes, loader, names = Outcomes(), MediaLoader(), list(clips)
    seeds = iter(range(first, first + count))
    start_mb = _own_mb()
    tried = 0

    async def try_some() -> None:
        nonlocal tried, start_mb
        for seed in seeds:
            name = names[seed % len(names)]
            path = folder / f"{seed}-{name}"
            path.write_bytes(mutate(clips[name], random.Random(seed)))  # noqa: S311 - seeded
            began = time.monotonic()
            outcome = await _outcome(loader, path)
            took_s = time.monotonic() - began
            outcomes.counts[outcome] += 1
            if outcome.startswith("BROKEN") or took_s > _LIMIT_S:
                outcomes.broken.append(f"{path.name}: {outcome} after {took_s:.1f} s")
            if took_s > outcomes.slowest[1]:
                outcomes.slowest = (path.name, took_s)
            path.unlink()
            tried += 1
            if tried == max(count // 10, 1):
                start_mb = _own_mb()
            done()

    watch = _Watch()
    try:
        await asyncio.gather(*(try_some() for _ in range(at_once)))
    finally:
        outcomes.worker_mb = watch.stop()
    outcomes.growth_mb = max(_own_mb() - start_mb, 0.0)
    if outcomes.worker_mb > _MAX_WORKER_MB:
        outcomes.broken.append(f"a worker took {outcomes.worker_mb:.0f} MB")
    if outcomes.growth_mb > _MAX_GROWTH_MB:
        outcomes.broken.append(f"this process grew by {outcomes.growth_mb:.0f} MB")
    return outcomes


def run(report: Report, *, quick: bool) -> None:
    """Try them, and add what became of them to ``report``.

    Args:
        report: Where the figures go.
        quick: A tenth of them.
    """
    from vineview.media.corpus import make_corpus

    count = _QUICK_COUNT if quick else _COUNT
    with TemporaryDirectory(prefix="vineview-") as name:
        folder = Path(name)
        clips = {path.name: path.read_bytes() for path in make_corpus(folder) if path.name in SEEDS}
        outcomes = asyncio.run(try_mutants(clips, count, folder))
    for what, number in sorted(outcomes.counts.items()):
        report.row(what, number, "")
    report.row(f"slowest ({outcomes.slowest[0]})", outcomes.slowest[1], "s", target=_LIMIT_S)
    report.row("peak memory of a worker", outcomes.worker_mb, "MB", target=_MAX_WORKER_MB)
    report.row("growth of this process", outcomes.growth_mb, "MB", target=_MAX_GROWTH_MB)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.row("peak memory of this process", peak_mb, "MB")
    report.row("broken promises", len(outcomes.broken), "", target=0)
    for broken in outcomes.broken:
        report.note(broken)


async def _outcome(loader: object, path: Path) -> str:
    """Load one and stream it to its end, and say what came of it."""
    from vineview.media.controller import ClipController
    from vineview.media.loader import MediaLoader

    assert isinstance(loader, MediaLoader)
    event = VideoEvent(id=path.name, video_url=path.as_uri(), is_local=True)
    try:
        controller = await loader.load(event)
        assert isinstance(controller, ClipController)
        try:
            async with aclosing(controller.stream()) as stream:
                async for _ in stream:
                    pass
        finally:
            controller.release()
    except LoadError as error:
        return f"a reason: {error.error_class}"
    except Exception as error:  # noqa: BLE001 - exactly this must not happen
        return f"BROKEN: {type(error).__name__}: {error}"
    return "plays"


class _Watch:
    """The memory of the workers, looked at until stopped."""

    def __init__(self) -> None:
        self._peak_mb = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._stopped.set()
        self._thread.join()
        return self._peak_mb

    def _look(self) -> None:
        from vineview.media.worker import workers

        while not self._stopped.wait(_LOOK_EVERY_S):
            for pid in _children(workers().pid):
                self._peak_mb = max(self._peak_mb, _status_mb(pid, "VmHWM"))


def _children(pid: int | None) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _own_mb() -> float:
    return _status_mb("self", "VmRSS")


def _status_mb(pid: int | str, what: str) -> float:
    """A figure of ``/proc/PID/status``; 0 where there is none."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(what)), 0.0)
