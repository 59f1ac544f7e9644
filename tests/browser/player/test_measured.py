"""What is seen of playing comes back as telemetry."""

from __future__ import annotations

import pytest
from player_page import FEED, GOOD, Player

pytestmark = pytest.mark.browser


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
