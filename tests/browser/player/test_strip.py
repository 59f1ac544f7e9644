"""The strip under the picture: what hovering and focus tell, while it scrolls too."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SCROLL = "(list, left) => list.scrollTo({ left, behavior: 'instant' })"


def test_the_current_video_stays_in_sight_when_the_cell_grows_narrow(player):
    """As when a sidebar opens."""
    player.root.locator(".vv-cell-button").nth(6).click()
    player.wait_for_title("silent.mp4")
    player.page.set_viewport_size({"width": 560, "height": 1000})
    player.page.wait_for_function(
        """() => {
          const [cell, list] = [".vv-cell-button[aria-current]", ".vv-strip-list"]
            .map((name) => document.querySelector(name).getBoundingClientRect());
          return cell.left >= list.left && cell.right <= list.right;
        }"""
    )
    player.page.set_viewport_size({"width": 1000, "height": 1000})


class TestTip:
    @pytest.fixture
    def narrow(self, player):
        """A page too narrow for the strip."""
        player.page.set_viewport_size({"width": 640, "height": 1000})
        yield player
        player.page.set_viewport_size({"width": 1000, "height": 1000})

    def test_it_follows_its_cell_while_the_strip_scrolls(self, narrow):
        strip, tip = narrow.root.locator(".vv-strip-list"), narrow.root.locator(".vv-tip")
        cell = narrow.root.locator(".vv-cell-button").nth(3)
        cell.focus()
        tip.wait_for()
        for left in (0, 60):
            strip.evaluate(SCROLL, left)
            narrow.page.wait_for_function(
                """([tip, cell]) => {
                  const middle = (node) => {
                    const box = node.getBoundingClientRect();
                    return box.left + box.width / 2;
                  };
                  return Math.abs(middle(tip) - middle(cell)) < 1;
                }""",
                arg=[tip.element_handle(), cell.element_handle()],
            )
            assert "square.mp4" in tip.inner_text()

    def test_it_is_out_of_sight_with_its_cell_and_comes_back_with_it(self, narrow):
        strip, tip = narrow.root.locator(".vv-strip-list"), narrow.root.locator(".vv-tip")
        narrow.root.locator(".vv-cell-button").first.focus()
        tip.wait_for()
        strip.evaluate(SCROLL, 10_000)
        tip.wait_for(state="hidden")
        strip.evaluate(SCROLL, 0)
        tip.wait_for()
        narrow.press("Escape")
        tip.wait_for(state="hidden")
