"""Saving, reloading, running a cell again, two views: nothing is lost and nothing leaks."""

from __future__ import annotations

import json

import pytest
from player_page import FEED, GOOD, Player

from vineview.bench.soak import COUNT_URLS

pytestmark = pytest.mark.browser

COUNT = """
import gc; gc.collect()
print(len(asyncio.all_tasks()), threading.active_count(), psutil.Process().num_fds(),
      len(psutil.Process().children(recursive=True)))
"""


class TestLiving:
    def test_the_saved_notebook_stays_small(self, own_player):
        before = own_player.notebook.path.stat().st_size
        own_player.wait_until_playing(beyond_s=1)
        grown = own_player.notebook.save() - before
        assert grown < 60_000
        outputs = json.loads(own_player.notebook.path.read_text())["cells"][1]["outputs"]
        (still,) = ("".join(each["data"].get("text/html", "")) for each in outputs[1:])
        assert "Video 1 of 8" in still
        assert "data:image/jpeg;base64," in still
        assert own_player.page.locator(".vv-still").is_hidden()

    def test_reloading_the_page_plays_on(self, own_player):
        own_player.notebook.save()
        own_player.notebook.reload()
        again = Player(own_player.page)
        again.wait_until_playing()
        assert again.title == "bigbuckbunny.mp4"

    @pytest.mark.parametrize(
        "cell",
        [
            "player = FeedPlayer(manager); player",
            f"manager = VideoManager(loader=MediaLoader()){GOOD}",
        ],
        ids=["one manager", "a manager each time"],
    )
    def test_running_the_cell_again_leaves_nothing_behind(self, page, open_notebook, cell):
        """Fifty times: no task, thread, handle, worker process, element or object URL more."""
        notebook = open_notebook([FEED, GOOD])
        page.evaluate(COUNT_URLS)
        notebook.run_all()
        notebook.replace(1, cell)
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
