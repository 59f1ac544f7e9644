from __future__ import annotations

import pytest

from vineview.core.manager import VideoManager
from vineview.errors import UsageError
from vineview.widgets.player import FeedPlayer
from vineview.widgets.side import SideBySide


@pytest.fixture
async def pair(manager, loader, clock, settle):
    async with VideoManager(loader=loader, clock=clock) as other:
        other.add_video_events(manager.videos[:5])
        pair = SideBySide(FeedPlayer(manager), FeedPlayer(other))
        await settle()
        yield pair
        await pair.aclose()


class TestSideBySide:
    async def test_both_are_on_one_clock_of_their_own(self, pair, manager):
        assert pair.left.together == pair.right.together != ""
        other = SideBySide(FeedPlayer(manager), FeedPlayer(manager))
        assert other.left.together != pair.left.together

    async def test_commands_reach_both_pages(self, pair, browser_of):
        pages = [browser_of(pair.left), browser_of(pair.right)]
        pair.play()
        pair.seek(2)
        pair.pause()
        for page in pages:
            assert [message["do"] for message in page.of("command")] == ["play", "seek", "pause"]

    async def test_going_moves_both_feeds_each_to_its_own_end(self, pair):
        pair.go_to(9)
        assert pair.left.manager.current_index == 9
        assert pair.right.manager.current_index == 4

    async def test_the_static_page_shows_both(self, pair):
        markup = pair.to_html()
        assert "Video 1 of 20" in markup
        assert "Video 1 of 5" in markup
        assert "Before" in markup
        assert pair._repr_mimebundle_()["text/html"] == markup

    async def test_the_static_columns_are_of_one_width_and_run_from_the_left(self, pair):
        """In a notebook's tables, made for numbers, pictures stood at the right."""
        markup = pair.to_html()
        assert markup.count("text-align:left;width:50%") == 2
        assert markup.count('<td valign="top" align="left"') == 2, "GitHub takes styles away"

    async def test_a_notebook_that_is_watched_keeps_both_posters(self, pair, monkeypatch, settle):
        kept = []
        monkeypatch.setattr("vineview.widgets.side.is_watched", lambda: True)
        monkeypatch.setattr("vineview.widgets.side.show_still", kept.append)
        pair._repr_mimebundle_()
        await settle()
        assert kept == [pair.to_html()]
        assert kept[0].count("data:image/jpeg") == 2

    async def test_one_whose_video_nobody_loads_keeps_no_still_waiting(
        self, pair, monkeypatch, settle
    ):
        """As where the circuit breaker holds it back."""
        kept = []
        monkeypatch.setattr("vineview.widgets.side.is_watched", lambda: True)
        monkeypatch.setattr("vineview.widgets.side.show_still", kept.append)
        pair.right.manager.dispose_video("v0")
        pair._repr_mimebundle_()
        await settle()
        assert kept[0].count("data:image/jpeg") == 1

    async def test_one_player_beside_itself_is_refused(self, pair):
        with pytest.raises(UsageError, match="beside itself"):
            SideBySide(pair.left, pair.left)

    async def test_what_is_no_player_is_refused(self, pair, manager):
        with pytest.raises(UsageError, match="not VideoManager"):
            SideBySide(pair.left, manager)
