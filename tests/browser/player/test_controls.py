"""Picture by picture, speed, loop, the list of keys."""

from __future__ import annotations

import pytest
from player_page import FEED, GOOD, SHOWN, Player

pytestmark = pytest.mark.browser


class TestFinerControls:
    @pytest.fixture(autouse=True)
    def _as_it_was(self, player):
        yield
        player.notebook.evaluate("player.speed = 1; player.loop = True")

    def test_a_step_shows_the_next_picture_and_stands_still(self, player):
        player.focus()
        player.press(" ")
        before = player.current_time()
        first = int(before * 25 + 0.01)
        for _ in range(3):
            player.press(".")
        assert player.current_time() == pytest.approx((first + 3.5) / 25)
        player.press(",")
        assert player.current_time() == pytest.approx((first + 2.5) / 25)
        assert player.root.locator(SHOWN).evaluate("video => video.paused")

    def test_an_arrow_on_the_slider_moves_by_a_hundredth_of_the_clip(self, player):
        player.focus()
        player.press(" ")
        before = player.current_time()
        player.root.get_by_role("slider", name="Position in the video").press("ArrowRight")
        length = player.root.locator(SHOWN).evaluate("video => video.duration")
        assert (player.current_time() - before) % length == pytest.approx(length / 100, abs=0.02)

    def test_speed_by_key_and_by_choice(self, player):
        player.focus()
        player.press(">")
        player.wait_for_python("player.speed == 1.25")
        player.root.get_by_label("Speed").select_option("0.25")
        player.page.wait_for_function(
            "() => document.querySelector('.vv-screen[data-shown]').playbackRate === 0.25"
        )
        player.press("ArrowDown")
        player.wait_for_python("player.speed == 0.25")

    def test_without_looping_it_stops_at_its_end_and_plays_again(self, player):
        player.focus()
        player.press("l")
        player.wait_for_python("player.loop is False")
        player.notebook.evaluate("player.seek(5.0)")
        player.page.wait_for_function(
            "() => document.querySelector('.vv-screen[data-shown]').ended", timeout=10_000
        )
        player.root.get_by_role("button", name="Play (space)").click()
        player.page.wait_for_function(
            """() => {
              const video = document.querySelector('.vv-screen[data-shown]');
              return !video.paused && video.currentTime > 0.1 && video.currentTime < 4;
            }"""
        )

    def test_after_the_end_the_next_video_plays_though_python_goes_there(self, player):
        player.notebook.evaluate("player.loop = False; player.seek(5.0)")
        player.page.wait_for_function(
            "() => document.querySelector('.vv-screen[data-shown]').ended", timeout=10_000
        )
        player.notebook.evaluate("player.next()")
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing()

    def test_a_question_mark_shows_the_keys_and_escape_hides_them(self, player, pictures):
        player.focus()
        player.press("?")
        keys = player.root.get_by_role("dialog", name="Keys")
        keys.wait_for()
        assert "one picture back, on" in keys.inner_text()
        if pictures:
            player.root.screenshot(path=pictures / "keys.png")
        player.press("Escape")
        keys.wait_for(state="hidden")

    def test_autoplay_off_waits_for_the_person(self, page, open_notebook):
        open_notebook([FEED, GOOD.replace("(manager)", "(manager, autoplay=False)")]).run_all()
        player = Player(page)
        player.root.locator(".vv-big-play").wait_for()
        player.focus()
        player.press("ArrowDown")
        player.wait_for_title("portrait.mp4")
        page.wait_for_timeout(400)
        assert player.root.locator(SHOWN).evaluate("video => video.paused")
