"""Clips the media tests share: the bundled ones, and variants made once per run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vineview import resources
from vineview.media.synthesis import Card, encode

BASE = Card(
    picture="testsrc2",
    size=(160, 120),
    seconds=3,
    fps=25,
    video_options={"preset": "ultrafast", "crf": "35", "bf": "2"},
    keyframe_every_s=1.0,
    container_options={"movflags": "+faststart"},
)


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of bundled clips."""
    return resources.data("feed", "clips")


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory) -> Callable[..., Path]:
    """Makes a three-second clip; arguments change the card. Each is made once, by name and card."""
    folder = tmp_path_factory.mktemp("made")
    made: dict[tuple[str, str], Path] = {}

    def make(name: str, **changes: object) -> Path:
        if not name.endswith((".mp4", ".mov")):
            changes = {"container_options": {}, **changes}
        wanted = name, repr(sorted(changes.items()))
        if wanted not in made:
            place = folder / str(len(made))
            place.mkdir()
            made[wanted] = encode(place / name, replace(BASE, **changes))
        return made[wanted]

    return make
