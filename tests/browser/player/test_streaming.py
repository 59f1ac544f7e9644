"""What is sent of a clip, and what the page holds of it."""

from __future__ import annotations

import pytest
from player_page import FEED, GOOD, SHOWN, Player

pytestmark = pytest.mark.browser

GREYS = """
import av
from pathlib import Path

def add_greys(place, count, gop):
    path = Path(place).absolute()
    with av.open(str(path), "w") as out:
        track = out.add_stream("libx264", rate=5, options={"preset": "ultrafast", "g": str(gop)})
        track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        for n in range(count):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = n
            for plane, value in zip(frame.planes, (20 + n % 200, 128, 128), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    manager.add_video_event(VideoEvent(id="greys", is_local=True, video_url=path.as_uri()))
"""


def greys(place, count, *, gop=10):
    """Cells that play a clip of greys, five a second; each grey tells its picture's number."""
    return [
        FEED + GREYS,
        f"add_greys({str(place)!r}, {count}, {gop})\nplayer = FeedPlayer(manager)\nplayer",
    ]


FULL_BUFFER = """(() => {
  window.vineviewRefused = 0;
  const append = SourceBuffer.prototype.appendBuffer;
  let asked = 0;
  SourceBuffer.prototype.appendBuffer = function (data) {
    asked += 1;
    if (asked > 3) {
      window.vineviewRefused += 1;
      if (window.vineviewRefused === 3) SourceBuffer.prototype.appendBuffer = append;
      throw new DOMException("full", "QuotaExceededError");
    }
    return append.call(this, data);
  };
})();"""


class TestBuffers:
    def test_a_long_clip_is_held_in_part_and_seeks_beyond_what_is_there(
        self, page, open_notebook, tmp_path
    ):
        """Twenty seconds ahead are asked for, thirty behind are kept; a seek asks anew."""
        notebook = open_notebook(greys(tmp_path / "long.mp4", 900))
        notebook.run_all()
        player = Player(page)
        player.notebook = notebook
        player.wait_until_playing(beyond_s=0.5)
        page.wait_for_timeout(500)
        held = "video => [...Array(video.buffered.length).keys()].map((i) => video.buffered.end(i))"
        assert max(player.root.locator(SHOWN).evaluate(held)) < 60
        notebook.evaluate("player.seek(150)")
        player.wait_until_playing(beyond_s=150.2)
        page.wait_for_timeout(300)
        starts = "video => video.buffered.start(0)"
        assert player.root.locator(SHOWN).evaluate(starts) > 100

    def test_what_pictures_to_come_are_decoded_from_is_kept(self, page, open_notebook, tmp_path):
        """All of this clip is decoded from its first picture, which lies forty seconds back."""
        notebook = open_notebook(greys(tmp_path / "long.mp4", 400, gop=1000))
        notebook.run_all()
        player = Player(page)
        player.wait_until_playing()
        notebook.evaluate("player.seek(40)")
        player.wait_until_playing(beyond_s=41)
        shown = player.root.locator(SHOWN)
        pictures = "video => video.getVideoPlaybackQuality().totalVideoFrames"
        before = shown.evaluate(pictures)
        player.wait_until_playing(beyond_s=43)
        assert shown.evaluate(pictures) > before + 5
        assert shown.evaluate("video => video.buffered.start(0)") < 1

    def test_a_page_that_was_long_silent_goes_on_where_it_was(self, page, open_notebook, tmp_path):
        """A laptop that slept: the kernel has given the view up, and its streams with it."""
        notebook = open_notebook(greys(tmp_path / "long.mp4", 900))
        notebook.run_all()
        player = Player(page)
        player.wait_until_playing(beyond_s=0.5)
        notebook.evaluate("player._forget_view(player.views[0]); player.speed = 4")
        player.wait_until_playing(beyond_s=40)

    def test_a_seek_in_a_clip_without_an_index_shows_that_moment(self, page, open_notebook):
        """Each picture's grey tells its number; FLV as it is written here has no index."""
        notebook = open_notebook(greys("greys.flv", 180))
        notebook.run_all()
        player = Player(page)
        player.wait_until_playing()
        notebook.evaluate("player.pause(); player.seek(20)")
        page.wait_for_function(
            """() => {
              const video = document.querySelector('.vv-screen[data-shown]');
              return video.paused && !video.seeking && video.readyState >= 2
                && Math.abs(video.currentTime - 20) < 0.3;
            }"""
        )
        number = int(player.current_time() * 5 + 0.01)
        assert player.picture()[0] == pytest.approx((4 + number) * 255 / 219, abs=3)

    def test_a_full_buffer_is_waited_for(self, page, open_notebook):
        """The browser says three times that it has no room; the clip plays on all the same."""
        notebook = open_notebook([FEED, GOOD])
        page.evaluate(FULL_BUFFER)
        notebook.run_all()
        Player(page).wait_until_playing(beyond_s=4.5)
        assert page.evaluate("() => window.vineviewRefused") == 3


class TestSight:
    def test_a_cell_out_of_sight_gets_no_segments(self, page, open_notebook):
        watch = (
            "sent = []\n"
            "send = player.send\n"
            "def keep(content, buffers=None):\n"
            "    if content['kind'] in {'init', 'segment'}:\n"
            "        sent.append(content['kind'])\n"
            "    send(content, buffers)\n"
            "player.send = keep\n"
            "from IPython.display import HTML\n"
            "HTML('<div style=\"height:3000px\">below</div>')"
        )
        notebook = open_notebook([FEED, GOOD, watch])
        notebook.run_all()
        player = Player(page)
        page.get_by_text("below", exact=True).scroll_into_view_if_needed()
        page.wait_for_function(
            """() => {
              const stage = document.querySelector('.vv-stage');
              return !stage || stage.getBoundingClientRect().bottom < 0
                     || stage.getBoundingClientRect().top > innerHeight;
            }"""
        )
        page.wait_for_timeout(500)
        notebook.evaluate("sent.clear(); player.go_to(3)")
        page.wait_for_timeout(1500)
        assert notebook.evaluate("print(sent)").strip() == "[]"
        player.root.locator(".vv-stage").scroll_into_view_if_needed()
        player.wait_for_title("square.mp4")
        player.wait_until_playing(beyond_s=0.2)
        assert "segment" in notebook.evaluate("print(sent)")
