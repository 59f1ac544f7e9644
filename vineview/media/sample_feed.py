"""The bundled feed: ``python -m vineview.media.sample_feed OUT`` writes ``OUT/feed.json``.

Eighteen short videos that meet what a feed meets in the wild. Newest first come clips that play,
then the slow, the hung, the missing, the broken and the refused, one event without a URL, and last
the one event here that was really published on Nostr, whose host no offline machine reaches. The
addresses are placeholders that nobody can own (``.invalid``); `Feed.relocated` points them at a
`ClipServer`. Ids are true NIP-01 hashes; the author is made up, so there are no signatures.
Source: reference, section 7.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vineview.core.events import VIDEO_KIND
from vineview.core.nostr import event_id

__all__ = ["PLACEHOLDER", "events", "make"]

PLACEHOLDER = "https://feed.vineview.invalid/"
"""What the sample feed's addresses begin with."""

_AUTHOR = "0badc0de" * 8
_NEWEST = 1_767_225_600  # 2026-01-01T00:00:00Z
_APART_S = 3_600


@dataclass(frozen=True, slots=True)
class _Clip:
    """One event of the sample feed."""

    title: str
    path: str | None
    content: str
    hashtags: tuple[str, ...] = ()
    mime_type: str = "video/mp4"
    dimensions: str | None = None
    duration: int | None = None
    in_imeta: bool = False


_BIG_BUCK_BUNNY = (
    "An excerpt of Big Buck Bunny, (c) 2008 Blender Foundation, peach.blender.org, CC BY 3.0."
)
_CLIPS = (
    _Clip(
        "Big Buck Bunny",
        "clips/bigbuckbunny.mp4",
        _BIG_BUCK_BUNNY,
        hashtags=("animation", "bunny"),
        dimensions="1280x720",
        duration=5,
    ),
    _Clip("Portrait", "clips/portrait.mp4", "H.264 with AAC, held upright.", ("testcard",)),
    _Clip(
        "Landscape", "clips/landscape.mp4", "The same, lying down.", ("testcard",), in_imeta=True
    ),
    _Clip("Square", "clips/square.mp4", "As tall as it is wide.", ("testcard",)),
    _Clip("Countdown", "clips/countdown.mp4", "Shows its own time.", ("testcard", "time")),
    _Clip("WebM", "clips/vp9-opus.webm", "VP9 with Opus.", ("testcard",), mime_type="video/webm"),
    _Clip("Silent", "clips/silent.mp4", "Has no sound track at all.", ("testcard",)),
    _Clip("Rotated", "clips/rotated.mp4", "Stored lying, shown upright.", ("testcard",)),
    _Clip("Long GOP", "clips/long-gop.mp4", "Few keyframes, far apart.", ("testcard",)),
    _Clip(
        "Loop", "clips/loop.gif", "An animated picture.", ("testcard", "gif"), mime_type="image/gif"
    ),
    _Clip("Slow", "slow/clips/portrait.mp4", "From a host that is short of breath.", ("fault",)),
    _Clip("Hangs", "hang/clips/portrait.mp4", "From a host that never answers.", ("fault",)),
    _Clip("Missing", "missing/clips/gone.mp4", "Deleted from its host: 404.", ("fault",)),
    _Clip("Truncated", "clips/truncated.mp4", "Its upload broke off.", ("fault",)),
    _Clip(
        "Other codec",
        "clips/refused-codec.mp4",
        "Coded as browsers will not play: converted as it streams.",
        ("testcard",),
    ),
    _Clip("Not a video", "clips/not-a-video.mp4", "A text under a video's name.", ("fault",)),
    _Clip("No address", None, "Announces no clip: a finding, not a video.", ("fault",)),
)

_PUBLISHED_HASH = "87444ba2b07f28f29a8df3e9b358712e434a9d94bc67b08db5d4de61e6205344"
_PUBLISHED: dict[str, Any] = {
    "id": "329aa2cbeeb2b69f8b7aaf2e89a95ddbe50bd702e7d49cef14e78851f0853c50",
    "pubkey": "0461fcbecc4c3374439932d6b8f11269ccdb7cc973ad7a50ae362db135a474dd",
    "created_at": 1747864092,
    "kind": 22,
    "content": "Rabble on Twitter",
    "tags": [
        ["title", "Are we the bad guys?"],
        ["published_at", "1747864092"],
        ["duration", "3"],
        [
            "imeta",
            f"url https://blossom.primal.net/{_PUBLISHED_HASH}.mp4",
            "dim 1920x1080",
            "m video/mp4",
        ],
        ["client", "mkstack"],
    ],
}


def events() -> list[dict[str, Any]]:
    """The sample feed's events as Nostr objects, newest first.

    Example:
        >>> events()[0]["tags"][0]
        ['title', 'Big Buck Bunny']
    """
    made = [_event(clip, _NEWEST - place * _APART_S) for place, clip in enumerate(_CLIPS)]
    return [*made, _PUBLISHED]


def make(folder: Path) -> Path:
    """Write ``feed.json``, byte for byte the same each time.

    Args:
        folder: Where; made if missing.

    Returns:
        The file written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "feed.json"
    path.write_text(json.dumps(events(), indent=1) + "\n", encoding="utf-8", newline="\n")
    return path


def _event(clip: _Clip, created_at: int) -> dict[str, Any]:
    tags = [["title", clip.title], ["published_at", str(created_at)]]
    if clip.path is not None:
        url = PLACEHOLDER + clip.path
        if clip.in_imeta:
            tags.append(["imeta", f"url {url}", f"m {clip.mime_type}"])
        else:
            tags += [["url", url], ["m", clip.mime_type]]
    if clip.dimensions is not None:
        tags.append(["dim", clip.dimensions])
    if clip.duration is not None:
        tags.append(["duration", str(clip.duration)])
    tags += [["t", hashtag] for hashtag in clip.hashtags]
    fields: dict[str, Any] = {
        "pubkey": _AUTHOR,
        "created_at": created_at,
        "kind": VIDEO_KIND,
        "tags": tags,
        "content": clip.content,
    }
    return {"id": event_id(**fields), **fields}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m vineview.media.sample_feed", description="Write the bundled feed."
    )
    parser.add_argument("folder", type=Path, help="where feed.json goes")
    sys.stdout.write(f"{make(parser.parse_args().folder)}\n")
