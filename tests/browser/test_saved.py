"""A saved notebook keeps of each player a poster and the facts, never the clip."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SETUP = """
from vineview import resources
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.widgets import FeedPlayer
clips = resources.data("feed", "clips")
loader = MediaLoader()
def player(*names):
    manager = VideoManager(loader=loader)
    manager.add_video_events(
        VideoEvent(id=f"v{n}", title=name, created_at=-n, is_local=True,
                   video_url=(clips / name).as_uri())
        for n, name in enumerate(names)
    )
    return FeedPlayer(manager, height=200)
"""
PLAYERS = [
    "player('bigbuckbunny.mp4')",
    "player('portrait.mp4', 'landscape.mp4', 'square.mp4')",
    "player(*40 * ['countdown.mp4', 'bigbuckbunny.mp4', 'silent.mp4'])",
]
STILLS = """(count) => document.querySelectorAll(".vv-still").length === count"""
LIMIT_BYTES = 60_000


@pytest.mark.parametrize("players", [1, 3])
def test_each_player_adds_less_than_60_kb(page, open_notebook, players):
    notebook = open_notebook([SETUP, *PLAYERS[-players:]])
    before = notebook.path.stat().st_size
    notebook.run_all()
    page.wait_for_function(STILLS, arg=players, timeout=60_000)
    each = (notebook.save() - before) / players
    assert each < LIMIT_BYTES
