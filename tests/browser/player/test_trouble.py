"""What cannot be played, not at once, or not as it is: each says why."""

from __future__ import annotations

from contextlib import suppress

import psutil
import pytest
from player_page import FEED, SHOWN, SHOWN_IMAGE, Player

pytestmark = pytest.mark.browser

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

MISSING = """
late = os.path.abspath("late.mp4")
manager.add_video_event(VideoEvent(id="v0", is_local=True, video_url=f"file://{late}"))
FeedPlayer(manager)
"""
PUT_THERE = """
import shutil
shutil.copy(resources.data("feed", "clips") / "portrait.mp4", late)
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

WHERE_IT_FAILED = """() => {
  window.vineviewPlaces = [];
  const note = ({ type, target }) =>
    target instanceof HTMLVideoElement && window.vineviewPlaces.push([type, target.currentTime]);
  for (const type of ["error", "loadeddata"]) document.addEventListener(type, note, true);
}"""


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

    @pytest.mark.parametrize("height", [200, 270])
    def test_on_a_low_stage_the_way_on_is_in_sight(self, broken, height):
        broken.notebook.evaluate(f"player.go_to(2); player.height = {height}")
        try:
            broken.wait_for_card("There is no video at its address")
            stage, action = broken.root.locator(".vv-stage"), broken.root.locator(".vv-action").last
            broken.page.wait_for_function(
                "([stage, height]) => stage.clientHeight === height",
                arg=[stage.element_handle(), height],
            )
            outer, inner = stage.bounding_box(), action.bounding_box()
            assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]
        finally:
            broken.notebook.evaluate("player.height = 420")

    def test_however_long_a_reason_what_to_do_stays_in_sight(self, broken):
        below = broken.root.locator(".vv-card").evaluate(
            """(card) => {
              const text = card.querySelector(".vv-card-text");
              const words = text.textContent;
              text.textContent = "https://example.org/" + "long".repeat(1000);
              const below = card.querySelector(".vv-action").getBoundingClientRect().bottom
                - card.getBoundingClientRect().bottom;
              text.textContent = words;
              return below;
            }"""
        )
        assert below <= 0

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

    def test_what_failed_for_good_plays_once_its_cause_is_gone_and_it_is_tried_again(
        self, page, open_notebook
    ):
        notebook = open_notebook([FEED, MISSING])
        notebook.run_all()
        player = Player(page)
        player.wait_for_card("There is no video at its address")
        notebook.evaluate(PUT_THERE)
        player.root.get_by_role("button", name="Try again").click()
        player.wait_until_playing()
        assert player.root.locator(".vv-side").is_hidden(), "there is no other video to go to"

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
        note, words = (own_player.root.locator(name) for name in (".vv-note", ".vv-info"))
        assert note.bounding_box()["y"] < words.bounding_box()["y"], "told where one looks"
        _, left = psutil.wait_procs(workers, timeout=10)
        assert left == [], "the kernel's workers end with it"
