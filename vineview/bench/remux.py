"""``vineview bench remux``: a clip's packets as fragmented MP4, beside ``ffmpeg -c copy``.

The same clip of 60 s and about 40 MB; each side's wall time for the whole work, from the request to
the last byte. Ours goes through a worker process, as the player does it; the program starts anew
each time, as a person would.
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
        ours, peer = asyncio.run(_rounds(clip, program, Path(folder) / "out.mp4", rounds))
        size_mb = clip.stat().st_size / 2**20
    report.ratio(
        f"remux of {seconds} s, {size_mb:.0f} MB",
        median(ours),
        "s",
        peer="ffmpeg -c copy",
        peer_value=median(peer),
        target=_TARGET_RATIO,
    )
    report.note(f"median of {rounds}, taken in turns; ours loads, streams and releases the clip")


async def _rounds(
    clip: Path, program: str, out: Path, rounds: int
) -> tuple[list[float], list[float]]:
    from vineview.media.controller import ClipController
    from vineview.media.loader import MediaLoader

    loader = MediaLoader()
    event = VideoEvent(id="clip", video_url=clip.as_uri(), is_local=True)
    ours, peer = [], []
    for place in range(rounds + 1):
        began = time.perf_counter()
        controller = await loader.load(event)
        assert isinstance(controller, ClipController)
        async with aclosing(controller.stream()) as stream:
            async for _ in stream:
                pass
        controller.release()
        ours_s = time.perf_counter() - began
        began = time.perf_counter()
        await asyncio.to_thread(_copy, program, clip, out)
        if place:  # the first of each warms up
            ours.append(ours_s)
            peer.append(time.perf_counter() - began)
    return ours, peer


def _copy(program: str, clip: Path, out: Path) -> None:
    quiet = ["-v", "error", "-nostdin", "-y"]
    how = ["-c", "copy", "-movflags", _MOVFLAGS, "-f", "mp4"]
    subprocess.run([program, *quiet, "-i", clip, *how, out], check=True)
