"""Players the tests share: JupyterLab takes seconds to open a notebook."""

from __future__ import annotations

import pytest
from player_page import FEED, GOOD, Player

BROKEN = """
manager.add_video_events(feed(
    "not-a-video.mp4", "refused-codec.mp4", "no-such-file.mp4", "truncated.mp4", "portrait.mp4",
))
player = FeedPlayer(manager)
player
"""


def opened(tab, cell):
    """A player in a notebook of its own: the feed's cell and one more, run."""
    notebook = tab.open([FEED, cell])
    notebook.run_all()
    player = Player(notebook.page)
    player.notebook = notebook
    return player


@pytest.fixture(scope="package")
def new_shared_tab(shared_tabs):
    """Makes pages that all tests of the player share."""
    with shared_tabs() as new:
        yield new


@pytest.fixture(scope="package")
def running(new_shared_tab):
    """A notebook of eight good videos, for the tests that leave it as it was."""
    player = opened(new_shared_tab(), GOOD)
    player.wait_until_playing()
    return player


@pytest.fixture
def player(running):
    """The shared player, at its first video, muted and playing."""
    running.settle()
    running.notebook.evaluate("player.muted = True; player.go_to(0); player.play()")
    running.wait_for_title("bigbuckbunny.mp4")
    running.wait_until_playing()
    return running


@pytest.fixture(scope="package")
def running_broken(new_shared_tab):
    """A notebook of broken videos and a good one at the end."""
    player = opened(new_shared_tab(), BROKEN)
    player.wait_for_card("not-a-video.mp4 is not a video")
    return player


@pytest.fixture
def broken(running_broken):
    """The player of broken videos, at its first."""
    running_broken.settle()
    running_broken.notebook.evaluate("player.go_to(0)")
    running_broken.wait_for_card("not-a-video.mp4 is not a video")
    return running_broken


@pytest.fixture
def own_player(tab):
    """A player of eight good videos in a page of the test's own."""
    player = opened(tab, GOOD)
    player.wait_until_playing()
    return player
