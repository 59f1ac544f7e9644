"""The player in JupyterLab, as a person meets it."""

from __future__ import annotations

import json
from contextlib import suppress

import psutil
import pytest

from vineview.bench.soak import COUNT_URLS

pytestmark = pytest.mark.browser

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

BROKEN = """
manager.add_video_events(feed(
    "not-a-video.mp4", "refused-codec.mp4", "no-such-file.mp4", "truncated.mp4", "portrait.mp4",
))
player = FeedPlayer(manager)
player
"""

LONG_CLIP = """
with av.open(str(path), "w") as out:
    track = out.add_stream("libx264", rate=5, options={"preset": "ultrafast", "g": "10"})
    track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
    for n in range(900):
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.pts = n
        for plane in frame.planes:
            plane.update(bytes([n % 200]) * plane.buffer_size)
        out.mux(track.encode(frame))
    out.mux(track.encode(None))
manager.add_video_event(VideoEvent(id="long", is_local=True, video_url=path.as_uri()))
"""

STUMBLES = """
import av
with av.open(str(resources.data("feed", "clips") / "portrait.mp4")) as clip, \\
        av.open("stumbles.mp4", "w") as out:
    track = out.add_stream_from_template(clip.streams.video[0])
    for number, packet in enumerate(clip.demux(clip.streams.video[0])):
        if packet.dts is not None and (number < 60 or number % 7 != 3):
            packet.stream = track
            out.mux(packet)
here = os.path.abspath("stumbles.mp4")
manager.add_video_event(VideoEvent(id="v0", is_local=True, video_url=f"file://{here}"))
FeedPlayer(manager, loop=False)
"""

PHOTO = """
import base64
with open("photo.png", "wb") as file:
    file.write(base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAAAAADRSSBWAA"
        "AAC0lEQVR42mNwOAAAAUMBAZa1AJsAAAAASUVORK5CYII="
    ))
here = os.path.abspath("photo.png")
manager.add_video_event(VideoEvent(id="photo", is_local=True, video_url=f"file://{here}"))
manager.preload_around_index(0)
"""

GREYS = """
import av
from pathlib import Path
path = Path("greys.flv").absolute()
with av.open(str(path), "w") as out:
    track = out.add_stream("libx264", rate=5, options={"preset": "ultrafast", "g": "10"})
    track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
    for n in range(180):
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.pts = n
        for plane, value in zip(frame.planes, (20 + n, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        out.mux(track.encode(frame))
    out.mux(track.encode(None))
manager.add_video_event(VideoEvent(id="greys", is_local=True, video_url=path.as_uri()))
player = FeedPlayer(manager)
player
"""

STILLS = """
import av
from pathlib import Path
from vineview.core.config import VideoManagerConfig
from vineview.media.feed import Feed
folder = Path("stills")
folder.mkdir()
for name, codec, form, layout in (
    ("a.jpg", "mjpeg", "image2", "yuvj420p"), ("b.png", "png", "image2", "rgb24"),
    ("c.gif", "gif", "gif", "rgb8"), ("d.png", "png", "image2", "rgb24"),
):
    with av.open(str(folder / name), "w", format=form) as out:
        track = out.add_stream(codec, rate=1)
        track.width, track.height, track.pix_fmt = 160, 120, layout
        out.mux(track.encode(av.VideoFrame(160, 120, "rgb24").reformat(format=layout)))
        out.mux(track.encode(None))
manager = VideoManager(config=VideoManagerConfig(max_videos=3), loader=MediaLoader())
manager.add_video_events(Feed.open(str(folder)).events)
player = FeedPlayer(manager)
player
"""

SHOWN_IMAGE = """() => {
  const shown = document.querySelector('.vv-screen[data-shown]');
  return shown?.tagName === 'IMG' && shown.naturalWidth > 0;
}"""

SHOWN = ".vv-screen[data-shown]"

COUNT = """
import gc; gc.collect()
print(len(asyncio.all_tasks()), threading.active_count(), psutil.Process().num_fds(),
      len(psutil.Process().children(recursive=True)))
"""

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

WHERE_IT_FAILED = """() => {
  window.vineviewPlaces = [];
  const note = ({ type, target }) =>
    target instanceof HTMLVideoElement && window.vineviewPlaces.push([type, target.currentTime]);
  for (const type of ["error", "loadeddata"]) document.addEventListener(type, note, true);
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


@pytest.fixture(scope="module")
def running(new_shared_tab):
    """A notebook of eight good videos, for the tests that leave it as it was."""
    tab = new_shared_tab()
    notebook = tab.open([FEED, GOOD])
    notebook.run_all()
    player = Player(tab.page)
    player.notebook = notebook
    player.wait_until_playing()
    return player


@pytest.fixture
def player(running):
    """The shared player, at its first video, muted and playing."""
    running.settle()
    running.notebook.evaluate("player.muted = True; player.go_to(0); player.play()")
    running.wait_for_title("bigbuckbunny.mp4")
    running.wait_until_playing()
    return running


@pytest.fixture(scope="module")
def running_broken(new_shared_tab):
    """A notebook of broken videos and a good one at the end."""
    tab = new_shared_tab()
    notebook = tab.open([FEED, BROKEN])
    notebook.run_all()
    player = Player(tab.page)
    player.notebook = notebook
    player.wait_for_card("not-a-video.mp4 is not a video")
    return player


@pytest.fixture
def broken(running_broken):
    """The player of broken videos, at its first."""
    running_broken.settle()
    running_broken.notebook.evaluate("player.go_to(0)")
    running_broken.wait_for_card("not-a-video.mp4 is not a video")
    return running_broken


@pytest.fixture
def own_player(page, open_notebook):
    """A player of eight good videos in a page of the test's own."""
    notebook = open_notebook([FEED, GOOD])
    notebook.run_all()
    player = Player(page)
    player.notebook = notebook
    player.wait_until_playing()
    return player


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
        player.root.locator(".vv-cell-button").nth(7).click()
        player.page.wait_for_function(SHOWN_IMAGE)


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
        """In a notebook's command mode m makes a text cell and arrows move between cells."""
        player.focus()
        player.press("m")
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


class TestMeasured:
    def test_what_was_seen_is_in_the_monitors_export(self, page, open_notebook):
        """First picture, dropped pictures and decode errors, and analytics count the latter."""
        watched = (
            "from vineview.telemetry import VideoPerformanceMonitor\n"
            "monitor = VideoPerformanceMonitor(manager)\nmonitor.start()\n"
        )
        notebook = open_notebook([FEED + watched, GOOD])
        notebook.run_all()
        player = Player(page)
        player.notebook = notebook
        player.wait_until_playing(beyond_s=0.3)
        page.evaluate(
            """() => {
              const video = document.querySelector('.vv-screen[data-shown]');
              const quality = { droppedVideoFrames: 3, totalVideoFrames: 40 };
              video.getVideoPlaybackQuality = () => quality;
            }"""
        )
        page.evaluate(
            """async () => {
              const video = document.querySelector('.vv-screen[data-shown]');
              video.dispatchEvent(new Event('waiting'));
              await new Promise((done) => setTimeout(done, 150));
              video.dispatchEvent(new Event('playing'));
            }"""
        )
        player.focus()
        player.press("ArrowDown")
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing()
        notebook.evaluate(
            "player.receive({'kind': 'failed', 'view': player.views[0], 'video_id': 'v7',"
            " 'reason': 'no picture'}, [])"
        )
        player.wait_for_python("len(monitor.export().events.query('kind == \"playback\"')) >= 4")
        seen = "monitor.export().events.query('kind == \"playback\"')"
        told = notebook.evaluate(
            f"rows = {seen}\n"
            "print(sorted(set(rows['event'])), rows['frames'].max() == 3)\n"
            "print(rows['duration_ms'].max() > 0)\n"
            "print([e.message for e in monitor.get_analytics().error_analysis.top_errors])"
        )
        assert "'dropped'" in told
        assert "'first_frame'" in told
        assert "'stall'" in told
        assert told.count("True") == 2
        assert "no picture" in told


class TestTogether:
    SIDE = """
from vineview.widgets import ContactSheet, SideBySide
other = VideoManager(loader=MediaLoader())
for each in (manager, other):
    each.add_video_events(feed("bigbuckbunny.mp4", "portrait.mp4", "landscape.mp4"))
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
        sheet.get_by_role("button", name="3. landscape.mp4").click()
        page.locator(".vv-title", has_text="landscape.mp4").first.wait_for()


class TestBuffers:
    def test_a_long_clip_is_held_in_part_and_seeks_beyond_what_is_there(
        self, page, open_notebook, tmp_path
    ):
        """Twenty seconds ahead are asked for, thirty behind are kept; a seek asks anew."""
        made = f"from pathlib import Path\npath = Path({str(tmp_path)!r}) / 'long.mp4'\nimport av\n"
        notebook = open_notebook([FEED + made + LONG_CLIP, "player = FeedPlayer(manager)\nplayer"])
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

    def test_a_seek_in_a_clip_without_an_index_shows_that_moment(self, page, open_notebook):
        """Each picture's grey tells its number; FLV as it is written here has no index."""
        notebook = open_notebook([FEED, GREYS])
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


class TestTrouble:
    def test_each_broken_clip_shows_its_reason_and_next_goes_on(self, broken):
        broken.root.get_by_role("button", name="Next video").last.click()
        broken.wait_for_title("refused-codec.mp4")
        broken.focus()
        broken.press("ArrowDown")
        broken.wait_for_title("no-such-file.mp4")
        broken.wait_for_card("There is no video at its address")
        broken.press("ArrowDown")
        broken.press("ArrowDown")
        broken.wait_for_title("portrait.mp4")
        broken.wait_until_playing()

    def test_a_cut_off_clip_plays_what_is_there(self, broken):
        broken.focus()
        for _ in range(3):
            broken.press("ArrowDown")
        broken.wait_for_title("truncated.mp4")
        broken.wait_until_playing(beyond_s=0.2)
        assert "cut off" in broken.root.locator(".vv-caption").inner_text()

    def test_a_codec_no_browser_takes_is_converted_and_the_card_says_so(self, broken):
        broken.focus()
        broken.press("ArrowDown")
        broken.wait_for_title("refused-codec.mp4")
        broken.wait_until_playing(beyond_s=0.2)
        assert "MPEG-4 part 2: converted to" in broken.root.locator(".vv-caption").inner_text()

    def test_badges_tell_states_in_words(self, broken):
        broken.page.wait_for_function(
            """() => [...document.querySelectorAll('.vv-badge')]
                     .filter((badge) => badge.textContent === 'Failed').length === 2"""
        )
        words = broken.root.locator(".vv-badge").all_inner_texts()
        assert words[:3] == ["Failed", "Ready", "Failed"]

    def test_hovering_tells_class_and_reason(self, broken):
        broken.root.locator(".vv-cell-button").nth(2).hover()
        tip = broken.root.locator(".vv-tip")
        tip.wait_for()
        assert "NOT_FOUND" in tip.inner_text()

    def test_a_codec_only_this_browser_refuses_says_so(self, page, open_notebook):
        """The manager has loaded it and it cannot be converted; the feed goes on."""
        refused = (
            "manager.add_video_events(feed('bigbuckbunny.mp4', 'portrait.mp4'))\n"
            "await manager.preload_video('v0')\n"
            "class Other(type(manager.get_controller('v0'))):\n"
            "    mime_type = 'video/mp4; codecs=\"hvc1.8.6.L93.B0\"'\n"
            "    convert = None\n"
            "manager.get_controller('v0').__class__ = Other\n"
            "player = FeedPlayer(manager)\n"
            "player"
        )
        notebook = open_notebook([FEED, refused])
        notebook.run_all()
        player = Player(page)
        player.wait_for_card("This browser cannot show it")
        assert "hvc1.8.6.L93.B0" in player.root.locator(".vv-card").inner_text()
        player.notebook = notebook
        player.wait_for_python("'hvc1' in player.to_html()")
        player.focus()
        player.press("ArrowDown")
        player.wait_for_title("portrait.mp4")
        player.wait_until_playing()

    def test_a_clip_the_browser_fails_to_decode_is_converted_and_plays(self, page, open_notebook):
        """Chromium says it takes H.264, and stumbles over a hole in it: it is converted, once."""
        notebook = open_notebook([FEED, STUMBLES])
        page.evaluate(WHERE_IT_FAILED)
        notebook.run_all()
        page.wait_for_function(
            "() => document.querySelector('.vv-caption')?.textContent.includes('encoded anew')"
        )
        player = Player(page)
        page.wait_for_function("window.vineviewPlaces.length === 3")
        _, (failed, at_s), (again, from_s) = page.evaluate("window.vineviewPlaces")
        assert (failed, again) == ("error", "loadeddata")
        assert from_s >= at_s > 1, "it goes on where it failed"
        player.wait_until_playing(beyond_s=from_s + 0.3)
        assert player.root.locator(".vv-card").is_hidden()
        assert player.root.locator(".vv-fault").count() == 0

    def test_an_empty_feed_has_a_friendly_card_until_a_photo_comes(self, page, open_notebook):
        notebook = open_notebook([FEED, "FeedPlayer(manager)"])
        notebook.run_all()
        player = Player(page)
        player.wait_for_card("This feed is empty")
        notebook.evaluate(PHOTO)
        page.wait_for_function(SHOWN_IMAGE)
        assert player.root.locator(".vv-caption").inner_text() == "PNG image, as is"

    @pytest.mark.parametrize("viewport", [{"width": 700, "height": 900}])
    def test_a_folder_of_stills_shows_pictures_and_what_the_limit_left_out(
        self, page, open_notebook
    ):
        open_notebook([FEED, STILLS]).run_all()
        player = Player(page)
        page.wait_for_function(SHOWN_IMAGE)
        player.focus()
        titles = set()
        for place in ("1 of 3", "2 of 3", "3 of 3"):
            player.root.locator(".vv-place", has_text=place).wait_for()
            titles.add(player.title)
            page.locator(f"img{SHOWN}[alt='{player.title}']").wait_for()
            page.wait_for_function(SHOWN_IMAGE)
            player.press("ArrowDown")
        assert len(titles) == 3
        status = player.root.locator(".vv-status")
        assert "3 of 4 shown: the feed's limit" in status.inner_text()
        for width in (700, 360):
            page.set_viewport_size({"width": width, "height": 900})
            assert status.evaluate("(line) => line.scrollWidth <= line.clientWidth")

    def test_a_dead_kernel_leaves_a_note_not_a_black_box(self, own_player):
        told = own_player.notebook.evaluate(
            "print(*(each.pid for each in psutil.Process().children(recursive=True)))"
        )
        workers = []
        for pid in told.split():
            with suppress(psutil.NoSuchProcess):  # a worker whose clip is read has gone already
                workers.append(psutil.Process(int(pid)))
        assert workers
        own_player.page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.context.sessionContext"
            ".session.kernel.restart(); }"
        )
        own_player.root.locator(".vv-note", has_text="The kernel does not answer").wait_for(
            timeout=10_000
        )
        assert own_player.title == "bigbuckbunny.mp4"
        _, left = psutil.wait_procs(workers, timeout=10)
        assert left == [], "the kernel's workers end with it"


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


class TestLiving:
    def test_the_saved_notebook_stays_small(self, own_player):
        before = own_player.notebook.path.stat().st_size
        own_player.wait_until_playing(beyond_s=1)
        grown = own_player.notebook.save() - before
        assert grown < 60_000
        outputs = json.loads(own_player.notebook.path.read_text())["cells"][1]["outputs"]
        assert "Video 1 of 8" in "".join(outputs[0]["data"]["text/html"])
        stills = ["".join(output["data"].get("text/html", "")) for output in outputs]
        assert any("data:image/jpeg;base64," in still for still in stills)
        assert own_player.page.locator(".vv-still").is_hidden()

    def test_reloading_the_page_plays_on(self, own_player):
        own_player.notebook.save()
        own_player.notebook.reload()
        again = Player(own_player.page)
        again.wait_until_playing()
        assert again.title == "bigbuckbunny.mp4"

    def test_running_the_cell_again_leaves_nothing_behind(self, page, open_notebook):
        """Fifty times: no task, thread, handle, worker process, element or object URL more."""
        notebook = open_notebook([FEED, GOOD])
        page.evaluate(COUNT_URLS)
        notebook.run_all()
        notebook.replace(1, "player = FeedPlayer(manager); player")
        player = Player(page)
        counted = []
        for times in (3, 50):
            for _ in range(times):
                notebook.run(1)
            player.wait_until_playing(beyond_s=0.5)
            page.wait_for_timeout(500)
            tasks, threads, handles, processes = map(int, notebook.evaluate(COUNT).split())
            urls = page.evaluate("() => window.vineviewUrls.size")
            counted.append((tasks, threads, handles, processes, urls))
        # A stream waits for each neighbour on the page; fifty more would be a leak.
        for name, more, before, after in zip(
            ("tasks", "threads", "handles", "processes", "urls"),
            (4, 2, 4, 1, 4),
            *counted,
            strict=True,
        ):
            assert after <= before + more, name
        assert page.locator("video").count() <= 4

    def test_two_views_of_one_player_both_play(self, page, open_notebook):
        notebook = open_notebook([FEED, GOOD, "player"])
        notebook.run_all()
        page.set_viewport_size({"width": 1000, "height": 1900})
        page.wait_for_function(
            """() => {
              const shown = [...document.querySelectorAll('.vv-screen[data-shown]')];
              return shown.length === 2 && shown.every((video) => video.currentTime > 0.2);
            }"""
        )


class TestLooks:
    @pytest.fixture
    def wide(self, player):
        """Whatever a test does to the page's width, the next one finds it wide again."""
        yield
        player.page.set_viewport_size({"width": 1000, "height": 1000})

    @pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
    def test_words_are_legible_in_both_themes(self, player, theme, pictures):
        player.notebook.command("apputils:change-theme", theme=theme)
        player.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light",
            arg="true" if theme.endswith("Light") else "false",
        )
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

    def test_every_control_has_a_name(self, player):
        nameless = player.root.evaluate(
            """(root) => [...root.querySelectorAll('button, input')]
              .filter((each) => !(each.getAttribute('aria-label') || each.textContent.trim()))
              .length"""
        )
        assert nameless == 0


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
