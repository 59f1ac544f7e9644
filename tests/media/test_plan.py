"""What is done with each track: by a browser's answers, and by what the clip is like."""

from __future__ import annotations

import pytest

from vineview.media.codecs import SUPPORTED, Action, plan, supports
from vineview.media.probe import probe


class TestSupports:
    """A browser is asked about few strings; the rest is answered by their likes."""

    @pytest.mark.parametrize(
        ("string", "is_taken"),
        [
            ("avc1.4d401f", True),  # asked
            ("avc1.4D4028", True),  # another level, in capitals
            ("avc1.2c0028", False),  # a profile that was refused
            ("avc1.530028", False),  # a profile nobody asked about
            ("vp09.02.10.10.01.09.16.09.00", True),  # colours decide nothing
            ("av01.0.08M.10", True),
            ("av01.0.08M.12", False),  # depth does
            ("mp4a.40.2", True),
            ("mp4a.40.1", False),
            ("hvc1.1.6.L120.B0", False),
            ("mp4a.6b", False),
            ("", False),
        ],
    )
    def test_likes_are_taken_alike(self, string, is_taken):
        """Codec, profile and depth decide, not the level."""
        assert supports()(string) is is_taken

    def test_the_browsers_word_counts(self):
        """Over the shipped table, for the string itself and for its likes."""
        takes = supports({**SUPPORTED, "hvc1.1.6.L93.90": True, "hev1.1.6.L93.90": True})
        assert takes("hvc1.1.6.L150.B0")
        assert takes("hev1.1.6.L30.90")

    def test_nothing_is_taken_by_a_browser_that_takes_nothing(self, clips):
        """Then the clip does not play, and the plan says what was asked for."""
        decided = plan(probe(clips / "portrait.mp4"), lambda _: False)
        assert not decided.plays
        assert decided.mime_type == ""
        assert "this one not even H.264 or VP9" in decided.video.reason


class TestAnew:
    """After a browser failed to decode what it had said that it takes."""

    def test_everything_is_converted(self, clips):
        """Picture and sound: which of the two it was, browsers do not say."""
        decided = plan(probe(clips / "bigbuckbunny.mp4"), as_is=False)
        assert [one.action for one in decided.tracks] == [Action.CONVERT] * 2
        assert [one.target for one in decided.tracks] == ["h264", "aac"]
        assert "the browser could not decode it as it is" in decided.sentence

    def test_an_obstacle_is_still_the_reason(self, make_clip):
        """Where the clip itself said why."""
        info = probe(make_clip("quad.mp4", channels="quad"))
        decided = plan(info, as_is=False)
        assert "arrangement of 4 channels" in decided.audio.reason
