"""Test cards: the clips of the bundled feed, made by ``python -m vineview.media.testcard OUT``.

One clip for each thing a feed may hold, good and bad, each with a look of its own so that a person
sees at a glance which one plays. They are small (under 300 kB), short, and made of FFmpeg's test
pictures, so nobody's rights are touched.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vineview.errors import UsageError
from vineview.media.lettering import letter, stencil
from vineview.media.synthesis import Card, Painter, encode

__all__ = ["CARDS", "long_clip", "make", "make_one"]

_FAST_START = {"movflags": "+faststart"}
_WHOLE_RATIO = 0.55
_GIF_FPS = 10  # a GIF counts in hundredths
_MEBIBYTE = 2**20
_TEXT = """\
This file is called .mp4 but holds plain text, as when an upload went wrong or a server sent an
error page under a clip's address. It is in the feed so that the player can be seen to say so.
"""


def _title(text: str) -> Painter:
    """Write a title near the bottom and a bar of the time passed above it."""

    def paint(luma: npt.NDArray[np.uint8], at_s: float) -> None:
        height, width = luma.shape
        scale = max(min(height, width) // 90, 2)
        top = height - 16 * scale
        letter(luma, text, scale=scale, top=top)
        luma[top - scale : top, : int(width * (at_s % 1.0))] = 235

    return paint


def _countdown(luma: npt.NDArray[np.uint8], at_s: float) -> None:
    """A large digit, and around it a wedge that sweeps once a second."""
    height, width = luma.shape
    rows, columns = np.ogrid[:height, :width]
    swept = np.arctan2(columns - width / 2, height / 2 - rows) % (2 * np.pi)
    luma[swept < 2 * np.pi * (at_s % 1.0)] //= 2
    ink = stencil(str(5 - int(at_s) % 5), height // 12)
    top, left = (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2
    luma[top : top + ink.shape[0], left : left + ink.shape[1]][ink] = 235


def _gradients(kind: str, first: str, second: str) -> str:
    return f"gradients:c0={first}:c1={second}:nb_colors=2:type={kind}:speed=0.02:seed=7"


def _x264(crf: int = 30) -> dict[str, str]:
    return {"crf": str(crf), "preset": "veryfast"}


CARDS: Mapping[str, Card] = {
    "portrait.mp4": Card(
        picture=_gradients("linear", "0x5e35b1", "0xffb74d"),
        size=(360, 640),
        seconds=6,
        paint=_title("PORTRAIT"),
        tone_hz=392,
        video_options=_x264(),
        container_options=_FAST_START,
    ),
    "landscape.mp4": Card(
        picture="testsrc2",
        size=(640, 360),
        seconds=5,
        paint=_title("LANDSCAPE"),
        tone_hz=440,
        video_options=_x264(38),
        container_options=_FAST_START,
    ),
    "square.mp4": Card(
        picture="sierpinski:seed=3:type=triangle",
        size=(400, 400),
        seconds=5,
        paint=_title("SQUARE"),
        steps=("lutyuv=y=40+val*0.8:u=150:v=105",),
        tone_hz=494,
        video_options=_x264(40),
        container_options=_FAST_START,
    ),
    "vp9-opus.webm": Card(
        picture=_gradients("spiral", "0x00695c", "0xfff59d"),
        size=(480, 270),
        seconds=5,
        paint=_title("VP9 OPUS"),
        tone_hz=523,
        video_codec="libvpx-vp9",
        video_options={"crf": "44", "b": "0", "deadline": "realtime", "cpu-used": "7"},
        audio_codec="libopus",
    ),
    "silent.mp4": Card(
        picture="smptehdbars",
        size=(480, 270),
        seconds=4,
        paint=_title("SILENT"),
        tone_hz=None,
        video_options=_x264(),
        container_options=_FAST_START,
    ),
    "rotated.mp4": Card(
        picture=_gradients("circular", "0x1565c0", "0xf8bbd0"),
        size=(360, 640),
        seconds=4,
        paint=_title("TURNED"),
        tone_hz=587,
        rotation=90,
        video_options=_x264(),
        container_options=_FAST_START,
    ),
    "truncated.mp4": Card(
        picture=_gradients("radial", "0xb71c1c", "0xffe082"),
        size=(480, 270),
        seconds=8,
        paint=_title("CUT OFF"),
        tone_hz=330,
        video_options=_x264(),
        container_options=_FAST_START,
    ),
    "refused-codec.mp4": Card(
        picture="pal75bars",
        size=(320, 240),
        seconds=3,
        paint=_title("REFUSED"),
        tone_hz=294,
        video_codec="mpeg4",
        video_options={"q": "12"},
        audio_codec="ac3",
        container_options=_FAST_START,
    ),
    "countdown.mp4": Card(
        picture="color:c=0x37474f",
        size=(480, 270),
        seconds=5,
        paint=_countdown,
        tone_hz=659,
        video_options=_x264(),
        container_options=_FAST_START,
    ),
    "long-gop.mp4": Card(
        picture="zoneplate:kt2=3:kx2=30:ky2=30",
        size=(320, 320),
        seconds=8,
        paint=_title("LONG GOP"),
        steps=("hue=s=0.4",),
        tone_hz=349,
        keyframe_every_s=60,
        video_options=_x264(42),
        container_options=_FAST_START,
    ),
    "loop.gif": Card(
        picture=_gradients("spiral", "0x4a148c", "0x80deea"),
        size=(160, 160),
        seconds=2,
        fps=_GIF_FPS,
        paint=_title("GIF"),
        tone_hz=None,
        video_codec="gif",
        pix_fmt="rgb8",
    ),
}
"""The clips by name; ``truncated.mp4`` is cut after it is made."""


def make(folder: Path) -> list[Path]:
    """Make every bundled clip.

    Args:
        folder: Where to; it must exist.

    Returns:
        The files written.
    """
    return [make_one(name, folder) for name in (*CARDS, "not-a-video.mp4")]


def make_one(name: str, folder: Path) -> Path:
    """Make one bundled clip.

    Args:
        name: One of :data:`CARDS`, or ``not-a-video.mp4``.
        folder: Where to; it must exist.

    Returns:
        The file written.

    Raises:
        UsageError: There is no such clip.
    """
    path = folder / name
    if name == "not-a-video.mp4":
        path.write_text(_TEXT, encoding="utf-8")
        return path
    if name not in CARDS:
        raise UsageError(
            f"there is no test card {name!r}", hint=f"Choose one of {', '.join(CARDS)}."
        )
    encode(path, CARDS[name])
    if name == "truncated.mp4":
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * _WHOLE_RATIO)])
    return path


def long_clip(
    path: Path,
    seconds: float = 60,
    size: tuple[int, int] = (1280, 720),
    target_mb: float = 40,
    *,
    moov_at_end: bool = False,
) -> Path:
    """Make a large H.264 and AAC clip for benchmarks, quickly.

    Args:
        path: Where to.
        seconds: How long.
        size: Width and height in pixels.
        target_mb: About how large, in MB.
        moov_at_end: Whether its index comes last, as cameras write it, or first.

    Returns:
        ``path``.
    """
    bits_per_second = int(target_mb * 8 * _MEBIBYTE / seconds)
    card = Card(
        picture="testsrc2",
        size=size,
        seconds=seconds,
        fps=30,
        steps=("noise=alls=24:allf=t:all_seed=1",),
        tone_hz=440,
        video_options={
            "preset": "ultrafast",
            "b": str(bits_per_second),
            "maxrate": str(bits_per_second),
            "bufsize": str(bits_per_second),
        },
        container_options={} if moov_at_end else _FAST_START,
    )
    return encode(path, card)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m vineview.media.testcard", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path, metavar="OUT", help="where the clips go")
    out = parser.parse_args().folder
    out.mkdir(parents=True, exist_ok=True)
    for made in make(out):
        sys.stdout.write(f"{made}\n")
