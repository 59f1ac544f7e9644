"""Two players on one clock, and the feed as a contact sheet."""

from __future__ import annotations

import json

import pytest
from player_page import FEED, Player

pytestmark = pytest.mark.browser


class TestTogether:
    SIDE = """
from vineview.widgets import ContactSheet, SideBySide
other = VideoManager(loader=MediaLoader())
for each, last in ((manager, "landscape.mp4"), (other, "not-a-video.mp4")):
    each.add_video_events(feed("bigbuckbunny.mp4", "portrait.mp4", last))
side = SideBySide(FeedPlayer(manager), FeedPlayer(other))
side
"""
    BOTH = "() => [...document.querySelectorAll('.vv-screen[data-shown]')]"

    def test_two_players_play_step_and_go_together(self, page, open_notebook, pictures):
        notebook = open_notebook([FEED, self.SIDE, "ContactSheet(manager)"])
        notebook.run_all()
        shown = self.BOTH
        page.wait_for_function(
            f"""() => {{
              const [a, b] = ({shown})();
              return a?.currentTime > 1 && Math.abs(a.currentTime - b?.currentTime) < 0.15;
            }}"""
        )
        if pictures:
            page.screenshot(path=pictures / "together.png")
        page.locator(".vv-player").nth(1).focus()
        page.keyboard.press(" ")
        page.keyboard.press(".")
        page.wait_for_function(f"() => ({shown})().every((video) => video.paused)")
        page.keyboard.press("ArrowDown")
        page.wait_for_function(
            """() => [...document.querySelectorAll('.vv-title')]
                     .every((title) => title.textContent === 'portrait.mp4')"""
        )
        both = Player(page)
        both.notebook = notebook
        both.wait_for_python("manager.current_video_id == other.current_video_id == 'v1'")
        sheet = page.locator(".vv-sheet")
        sheet.locator("img").first.wait_for()
        sheet.get_by_role("button", name="1. bigbuckbunny.mp4").focus()
        tip, whole = sheet.locator(".vv-tip").bounding_box(), sheet.bounding_box()
        assert tip["y"] >= whole["y"], "outputs cut off what is above them"
        page.keyboard.press("x")
        notebook.replace(2, "ContactSheet(manager)  # changed")
        page.keyboard.press("Control+s")
        page.wait_for_function(
            "() => !window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=5_000
        )
        assert len(json.loads(notebook.path.read_text())["cells"]) == 3, "x cut none"
        sheet.get_by_role("button", name="3. landscape.mp4").click()
        page.locator(".vv-title", has_text="landscape.mp4").wait_for()
        page.locator(".vv-player").nth(1).focus()
        page.keyboard.press("ArrowDown")
        page.locator(".vv-title", has_text="not-a-video.mp4").wait_for()
        strips = page.locator(".vv-player .vv-strip")
        heights = strips.evaluate_all("strips => strips.map(s => s.getBoundingClientRect().top)")
        assert heights[0] == heights[1], "the one without caption stands as high"
