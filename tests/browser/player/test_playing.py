"""It plays: pictures, sound, loops, images."""

from __future__ import annotations

import pytest
from player_page import FEED, GOOD, SHOWN, SHOWN_IMAGE, Player

pytestmark = pytest.mark.browser

WATCH = """() => {
  window.vineviewSeen = [];
  const isSeen = (node) => node && !node.closest("[hidden]");
  const look = () => {
    const stage = document.querySelector(".vv-stage");
    const shown = stage?.querySelector(".vv-screen[data-shown]");
    const picture = shown?.readyState >= 2;
    const still = shown?.style.backgroundImage.startsWith("url");
    const card = isSeen(stage?.querySelector(".vv-card"));
    const signs = [card, still, picture].map((each) => each ? 1 : 0).join("");
    if (stage) window.vineviewSeen.push(signs);
    requestAnimationFrame(look);
  };
  look();
}"""


class TestPlaying:
    def test_time_advances_and_the_picture_moves(self, player):
        player.notebook.evaluate("player.go_to(2)")
        player.wait_for_title("landscape.mp4")
        player.wait_until_playing(beyond_s=0.2)
        first_time, first_picture = player.current_time(), player.picture()
        player.wait_until_playing(beyond_s=first_time + 0.7)
        difference = sum(
            abs(a - b) for a, b in zip(first_picture, player.picture(), strict=True)
        ) / len(first_picture)
        assert difference > 2

    def test_it_starts_muted_and_says_so(self, player):
        assert player.root.locator(SHOWN).evaluate("video => video.muted")
        assert player.root.locator(".vv-sound").inner_text() == "Tap for sound"

    def test_tapping_brings_sound_and_python_knows(self, player):
        player.root.locator(".vv-sound").click()
        player.page.wait_for_function(
            "() => document.querySelector('.vv-screen[data-shown]').muted === false"
        )
        player.wait_for_python("player.muted is False")

    def test_a_short_video_loops(self, player):
        player.wait_until_playing(beyond_s=1)
        player.notebook.evaluate("player.seek(5.0)")
        player.page.wait_for_function(
            """() => {
              const video = document.querySelector('.vv-screen[data-shown]');
              return !video.paused && video.currentTime > 0.2 && video.currentTime < 4;
            }"""
        )

    def test_caption_says_how_it_plays(self, player):
        caption = player.root.locator(".vv-caption").inner_text()
        assert caption == "H.264 Main 1280x720 · AAC 5.1 · plays as is"

    def test_the_manager_hears_what_was_seen(self, player):
        player.wait_until_playing(beyond_s=0.6)
        told = player.notebook.evaluate(
            "print(manager.get_controller('v0').is_playing, player.position_s > 0)"
        )
        assert told.split() == ["True", "True"]

    def test_a_webm_plays_after_remuxing(self, player):
        player.root.locator(".vv-cell-button").nth(4).click()
        player.wait_for_title("vp9-opus.webm")
        player.wait_until_playing(beyond_s=0.2)

    def test_a_gif_shows_as_an_image(self, player):
        gif = player.root.locator(".vv-cell-button").nth(7)
        gif.click()
        player.page.wait_for_function(SHOWN_IMAGE)
        gif.locator("img").wait_for()  # in the strip too, though no controller has a poster of it


def test_at_no_moment_is_the_stage_empty(page, open_notebook):
    """Words until the still can be painted, the still until the clip's first picture is."""
    notebook = open_notebook([FEED, GOOD])
    page.evaluate(WATCH)
    notebook.run_all()
    Player(page).wait_until_playing(beyond_s=1)
    seen = page.evaluate("[...new Set(window.vineviewSeen)]")
    assert seen[0] == "100", "words come with the stage"
    assert "000" not in seen
    assert "011" in seen, "the still stands under the first picture, which may be painted later"
    assert seen[-1] == "001"
