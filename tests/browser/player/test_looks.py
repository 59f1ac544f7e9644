"""Legible in both themes, whole in a narrow page, named for those who do not see it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CONTRAST = """(node) => {
  const luminance = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  let under = node;
  const clear = "rgba(0, 0, 0, 0)";
  while (getComputedStyle(under).backgroundColor === clear) under = under.parentElement;
  const [a, b] = [getComputedStyle(node).color, getComputedStyle(under).backgroundColor]
    .map(luminance).sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


class TestLooks:
    @pytest.fixture
    def wide(self, player):
        """Whatever a test does to the page's width, the next one finds it wide again."""
        yield
        player.page.set_viewport_size({"width": 1000, "height": 1000})

    @pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
    def test_words_are_legible_in_both_themes(self, player, change_theme, theme, pictures):
        change_theme(player.notebook, theme)
        contrast = player.root.locator(".vv-title").evaluate(CONTRAST)
        assert contrast > 7
        if pictures:
            player.wait_until_playing(beyond_s=1)
            player.root.screenshot(path=pictures / f"{theme}.png")

    @pytest.mark.parametrize("width", [1000, 700, 360])
    def test_nothing_sticks_out_of_a_narrow_page(self, player, width, pictures, wide):
        player.page.set_viewport_size({"width": width, "height": 1000})
        sticking_out = player.root.evaluate(
            """(root) => {
              const box = root.getBoundingClientRect();
              const named = '.vv-stage, .vv-stage button, .vv-info, .vv-strip';
              const parts = root.querySelectorAll(named);
              return [...parts].filter((part) => {
                const own = part.getBoundingClientRect();
                return own.width && (own.right > box.right + 1 || own.left < box.left - 1);
              }).map((part) => part.className);
            }"""
        )
        assert sticking_out == []
        if pictures:
            player.wait_until_playing(beyond_s=1)
            player.root.screenshot(path=pictures / f"{width}px.png")

    def test_the_focus_ring_is_not_cut_off(self, player):
        """Outputs cut off what sticks out of them, so the ring needs room of the player's own."""
        player.focus()
        player.press("Shift")  # focus by key is what shows a ring
        room = player.root.evaluate(
            """(root) => {
              const stage = root.querySelector('.vv-stage');
              const style = getComputedStyle(stage);
              const [outer, inner] = [root.getBoundingClientRect(), stage.getBoundingClientRect()];
              const ring = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
              return style.outlineStyle === 'solid' && inner.left - outer.left - ring;
            }"""
        )
        assert room is not False
        assert room >= 0

    def test_forced_colours_leave_the_window_the_controls_and_empty_places_to_be_seen(self, player):
        """As in Windows' contrast themes, which take every ground away."""
        player.page.emulate_media(forced_colors="active")
        seen = player.root.evaluate(
            """(root) => {
              const look = (name, part) => getComputedStyle(root.querySelector(name), part);
              const bar = look('.vv-cell[data-window]', '::after').backgroundColor;
              const ground = look('.vv-stage').backgroundColor;
              return [bar, ground, look('.vv-thumb').outlineStyle];
            }"""
        )
        player.page.emulate_media(forced_colors="none")
        bar, ground, edge = seen
        assert bar != ground
        assert ground == "rgb(16, 17, 20)"
        assert edge == "solid"

    def test_words_run_from_left_to_right_in_a_page_that_runs_the_other_way(self, player):
        player.page.evaluate("document.documentElement.dir = 'rtl'")
        directions = player.root.evaluate(
            """(root) => ['.vv-place', '.vv-time', '.vv-range', '.vv-status']
              .map((name) => getComputedStyle(root.querySelector(name)).direction)"""
        )
        player.page.evaluate("document.documentElement.dir = ''")
        assert set(directions) == {"ltr"}

    def test_a_title_without_end_leaves_room_for_the_rest(self, player):
        lines = player.root.locator(".vv-title").evaluate(
            """(title) => {
              const words = title.textContent;
              const line = title.clientHeight;
              title.textContent = "https://example.org/" + "long".repeat(500);
              const lines = title.clientHeight / line;
              title.textContent = words;
              return lines;
            }"""
        )
        assert lines == pytest.approx(3, abs=0.2)

    def test_every_control_has_a_name(self, player):
        nameless = player.root.evaluate(
            """(root) => [...root.querySelectorAll('button, input')]
              .filter((each) => !(each.getAttribute('aria-label') || each.textContent.trim()))
              .length"""
        )
        assert nameless == 0
