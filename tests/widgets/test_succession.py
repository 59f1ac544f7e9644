"""A cell that runs again: what its earlier players hold is given back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.widgets.player import FeedPlayer
from vineview.widgets.still import poster_arrives


@pytest.fixture
def run(monkeypatch):
    """Says which run of which cell is under way; none until told."""
    now = {}
    kernel = SimpleNamespace(get_parent=lambda _: now)
    shell = SimpleNamespace(kernel=kernel)
    monkeypatch.setattr("vineview.widgets.succession.get_ipython", lambda: shell)

    def begin(number, cell="a"):
        now.update({"metadata": {"cellId": cell}, "header": {"msg_id": str(number)}})

    return begin


@pytest.fixture
async def other(clock, loader):
    """The manager that the cell makes when it runs again."""
    async with VideoManager(loader=loader, clock=clock) as manager:
        manager.add_video_event(VideoEvent(id="v0", video_url="https://nostr.build/0.mp4"))
        yield manager


async def test_nobody_watches_the_earlier(run, manager, other, settle):
    """Its videos are let go, and its loader's threads; the feed stays."""
    rested = []
    manager.loader.rest = lambda: rested.append(True)
    run(1)
    FeedPlayer(manager)
    await settle()
    assert manager.ready_videos
    run(2)
    FeedPlayer(other)
    await settle()
    assert manager.ready_videos == ()
    assert len(manager.videos) == 20
    assert rested == [True]
    assert other.ready_videos


async def test_a_view_of_the_earlier_keeps_it(run, manager, other, browser_of, settle):
    """Until it closes; who opens one again finds it loading."""
    run(1)
    page = browser_of(FeedPlayer(manager))
    page.say("hello")
    run(2)
    FeedPlayer(other)
    await settle()
    assert manager.ready_videos
    page.say("bye")
    assert manager.ready_videos == ()
    page.say("hello", view="v2")
    await settle()
    assert manager.ready_videos


@pytest.mark.parametrize("second", [(1, "a"), (2, "b")])
async def test_of_one_run_or_of_two_cells_each_keeps_its_own(run, manager, other, settle, second):
    run(1)
    FeedPlayer(manager)
    run(*second)
    FeedPlayer(other)
    await settle()
    assert manager.ready_videos


async def test_a_manager_that_is_played_again_keeps_all(run, manager, settle):
    for number in range(3):
        run(number)
        FeedPlayer(manager)
        await settle()
    assert manager.ready_videos


async def test_without_a_front_end_nothing_is_replaced(manager, other, settle):
    FeedPlayer(manager)
    FeedPlayer(other)
    await settle()
    assert manager.ready_videos


async def test_nobody_waits_for_a_poster_that_was_given_back(run, manager, other, settle):
    """However soon after it was asked for."""
    run(1)
    player = FeedPlayer(manager)
    waiting = player.spawn(poster_arrives(manager), name="waiting")
    await settle(1)
    run(2)
    FeedPlayer(other)
    await settle()
    assert waiting.done()
