"""Ways through the feed: buttons, keys, swipes, Python."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


class TestGoing:
    def test_next_by_button(self, player):
        player.root.get_by_role("button", name="Next video").click()
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing()
        assert player.place == "2 of 8"

    @pytest.mark.parametrize("key", ["ArrowDown", "ArrowRight", "j"])
    def test_next_by_key(self, player, key):
        player.focus()
        player.press(key)
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing()

    def test_back_by_key(self, player):
        player.focus()
        player.press("ArrowDown")
        player.wait_for_title("portrait.mp4")
        player.press("k")
        player.wait_for_title("bigbuckbunny.mp4")
        player.wait_until_playing()

    def test_next_by_swipe(self, player):
        player.swipe(from_y=330, to_y=120)
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing()

    def test_the_manager_follows(self, player):
        player.focus()
        player.press("ArrowDown")
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing()
        player.wait_for_python("manager.current_video_id == 'v1'")

    def test_the_page_follows_python(self, player):
        player.notebook.evaluate("player.go_to(2)")
        player.wait_for_title("landscape.mp4")
        player.wait_until_playing()

    def test_the_neighbour_waits_with_its_first_picture_decoded(self, player):
        player.page.wait_for_function(
            """() => [...document.querySelectorAll('video.vv-screen:not([data-shown])')]
                     .some((video) => video.readyState >= 2 && video.paused)"""
        )

    def test_keys_do_not_reach_the_notebook(self, player):
        """In a notebook's command mode m makes a text cell, b one more, x takes the player away."""
        player.focus()
        for key in "bxm":
            player.press(key)
        player.press("ArrowDown")
        player.wait_for_title("portrait.mp4")
        kinds = player.page.evaluate(
            "() => [...window.jupyterapp.shell.currentWidget.content.widgets]"
            ".map((cell) => cell.model.type)"
        )
        assert kinds == ["code", "code"]
        player.wait_for_python("player.muted is False")

    def test_space_pauses_and_plays(self, player):
        player.focus()
        player.press(" ")
        player.page.wait_for_function(
            "() => document.querySelector('.vv-screen[data-shown]').paused"
        )
        player.press(" ")
        player.wait_until_playing()

    def test_python_and_a_key_at_the_same_moment_end_in_one_place(self, player):
        """A key press is told up to 150 ms later; Python in between must not part the two."""
        player.focus()
        player.press("ArrowDown")
        player.notebook.evaluate("player.go_to(3)")
        player.page.wait_for_timeout(500)
        told = player.notebook.evaluate(
            "print(manager.get_video_state(manager.current_video_id).event.title)"
        )
        player.wait_for_title(told.strip())
        player.wait_until_playing(beyond_s=0.3)
        assert player.title == told.strip()

    def test_ten_fast_presses_end_where_they_should(self, player):
        player.focus()
        for _ in range(3):
            player.press("ArrowDown")
        for _ in range(2):
            player.press("ArrowUp")
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing(beyond_s=0.3)
        player.wait_for_python("manager.current_video_id == 'v1'")
