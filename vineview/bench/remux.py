"""``vineview bench remux``: a clip's packets as fragmented MP4, beside ``ffmpeg -c copy``.

The same clip of 60 s and about 40 MB; each side's wall time from the request to the last byte that
arrives in this process, over a pipe of the same size. Ours is made by a worker, as for the player;
the program starts anew each time, as a person would start it. What a player has beside that, the
clip's facts and its poster, no such program makes: loading is told apart.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from contextlib import aclosing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from vineview.bench.report import Report
from vineview.core.events import VideoEvent
from vineview.errors import UsageError

__all__ = ["run"]

_TARGET_RATIO = 1.0
_PIPE_BYTES = 2**20  # as between a worker and the kernel
_MOVFLAGS = "frag_keyframe+empty_moov+default_base_moof"


def run(report: Report, *, quick: bool) -> None:
    """Measure, and add the medians to ``report``.

    Args:
        report: Where the figures go.
        quick: A tenth of the clip, and three rounds instead of nine.

    Raises:
        UsageError: There is no ``ffmpeg`` to compare with.
    """
    from vineview.media.testcard import long_clip

    program = shutil.which("ffmpeg")
    if program is None:
        raise UsageError(
            "the program ffmpeg is missing, and it is what this is measured against",
            hint="Install it (Debian: apt-get install ffmpeg).",
        )
    seconds, megabytes, rounds = (6, 4, 3) if quick else (60, 40, 9)
    with TemporaryDirectory(prefix="vineview-") as folder:
        clip = long_clip(Path(folder) / "clip.mp4", seconds=seconds, target_mb=megabytes)
        loads, ours, peer = asyncio.run(_rounds(clip, program, rounds))
        size_mb = clip.stat().st_size / 2**20
    report.ratio(
        f"remux of {seconds} s, {size_mb:.0f} MB",
        median(ours),
        "s",
        peer="ffmpeg -c copy",
        peer_value=median(peer),
        target=_TARGET_RATIO,
    )
    report.row("loading it before: facts, first segment, poster", median(loads), "s")
    report.note(f"median of {rounds}, taken in turns")


async def _rounds(
    clip: Path, program: str, rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Seconds for loading, for remuxing, and for the program's remuxing."""
    from vineview.media.controller import ClipController
    from vineview.media.loader import MediaLoader

    loader = MediaLoader()
    event = VideoEvent(id="clip", video_url=clip.as_uri(), is_local=True)
    loads, ours, peer = [], [], []
    for place in range(rounds + 1):
        began = time.perf_counter()
        controller = await loader.load(event)
        loaded = time.perf_counter()
        assert isinstance(controller, ClipController)
        async with aclosing(controller.stream()) as stream:
            async for _ in stream:
                pass
        done = time.perf_counter()
        controller.release()
        peer_s = await asyncio.to_thread(_copied, program, clip)
        if place:  # the first of each warms up
            loads.append(loaded - began)
            ours.append(done - loaded)
            peer.append(peer_s)
    return loads, ours, peer


def _copied(program: str, clip: Path) -> float:
    """How long the program takes, in seconds."""
    command = [program, "-v", "error", "-nostdin", "-i", str(clip), "-c", "copy"]
    command += ["-movflags", _MOVFLAGS, "-f", "mp4", "-"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, pipesize=_PIPE_BYTES) as done:
        assert done.stdout is not None
        while done.stdout.read(_PIPE_BYTES):
            pass
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command)
    return time.perf_counter() - began
