"""The player's page, as its tests drive it: a notebook's cells, and what a person sees."""

from __future__ import annotations

FEED = """
import asyncio, os, threading
import psutil
from vineview import resources
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.widgets import FeedPlayer

def feed(*names):
    clips = resources.data("feed", "clips")
    return [
        VideoEvent(id=f"v{n}", pubkey="0badc0de" * 8, created_at=1_767_225_600 - 3600 * n,
                   title=name, hashtags=("vine", "test"), is_local=True,
                   video_url=(clips / name).as_uri())
        for n, name in enumerate(names)
    ]

manager = VideoManager(loader=MediaLoader())
"""

GOOD = """
manager.add_video_events(feed(
    "bigbuckbunny.mp4", "portrait.mp4", "landscape.mp4", "square.mp4", "vp9-opus.webm",
    "countdown.mp4", "silent.mp4", "loop.gif",
))
player = FeedPlayer(manager)
player
"""

SHOWN = ".vv-screen[data-shown]"

SHOWN_IMAGE = """() => {
  const shown = document.querySelector('.vv-screen[data-shown]');
  return shown?.tagName === 'IMG' && shown.naturalWidth > 0;
}"""

PICTURE = """(video) => {
  const canvas = document.createElement("canvas");
  canvas.width = 32; canvas.height = 32;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 32, 32);
  return [...context.getImageData(0, 0, 32, 32).data];
}"""


class Player:
    """What a person sees of the player, in words."""

    def __init__(self, page):
        self.page = page
        self.root = page.locator(".vv-player").first

    @property
    def title(self):
        return self.root.locator(".vv-title").inner_text()

    @property
    def place(self):
        return self.root.locator(".vv-place").inner_text()

    def wait_for_title(self, title):
        self.page.wait_for_function(
            "(title) => document.querySelector('.vv-title')?.textContent === title", arg=title
        )

    def wait_until_playing(self, beyond_s=0.0):
        self.page.wait_for_function(
            """(beyond) => {
              const video = document.querySelector('.vv-screen[data-shown]');
              return video && !video.paused && video.currentTime > beyond;
            }""",
            arg=beyond_s,
        )

    def wait_for_card(self, text):
        self.root.locator(".vv-card", has_text=text).wait_for()

    def wait_for_python(self, claim):
        """Wait until the kernel has heard what the page said."""
        for _ in range(100):
            if self.notebook.evaluate(f"print({claim})").strip() == "True":
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {claim}")

    def settle(self):
        """Wait until the kernel has heard where a person went: that is told after the picture."""
        current = "manager.get_video_state(manager.current_video_id).event.title"
        self.wait_for_python(f"{current} == {self.title!r}")

    def focus(self):
        self.root.focus()

    def press(self, key):
        self.page.keyboard.press(key)

    def current_time(self):
        return self.root.locator(SHOWN).evaluate("video => video.currentTime")

    def picture(self):
        return self.root.locator(SHOWN).evaluate(PICTURE)

    def swipe(self, from_y, to_y):
        """A finger's way over the stage, as the browser reports it."""
        box = self.root.locator(".vv-stage").bounding_box()
        x = box["x"] + box["width"] / 2
        touch = self.page.context.new_cdp_session(self.page)
        for kind, y in (("touchStart", from_y), ("touchMove", to_y), ("touchEnd", None)):
            points = [] if y is None else [{"x": x, "y": box["y"] + y}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touch.detach()
