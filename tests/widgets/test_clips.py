from __future__ import annotations

from types import SimpleNamespace

import pytest

from vineview.core.loading import ScriptedLoader
from vineview.core.manager import VideoManager
from vineview.errors import MediaError
from vineview.media.loader import MediaLoader
from vineview.widgets.clips import caption_of, clip_document, commands_of, image_of


def clip(**facts):
    verdict = SimpleNamespace(how="as is", reason="")
    info = {"video": "H.264 Main 1280x720", "audio": "AAC 5.1", "verdict": verdict, "shortfall": ""}
    return SimpleNamespace(info=SimpleNamespace(**{**info, **facts}))


class TestCaption:
    def test_says_picture_sound_and_how_it_plays(self):
        assert caption_of(clip()) == "H.264 Main 1280x720 · AAC 5.1 · plays as is"

    def test_says_when_there_is_no_sound(self):
        assert caption_of(clip(audio=None)) == "H.264 Main 1280x720 · no sound · plays as is"

    def test_says_when_there_is_no_picture(self):
        """What was done with its sound is said all the same."""
        assert caption_of(clip(video=None)) == "no picture · AAC 5.1 · plays as is"
        made = clip(video=None, audio="MP3 stereo")
        made.plan = SimpleNamespace(converts=True, tracks=(1,))
        made.treatment = "MP3: converted to AAC"
        assert caption_of(made) == f"no picture · MP3 stereo · {made.treatment}"

    def test_says_what_is_missing(self):
        assert caption_of(clip(shortfall="cut off")).endswith(" · cut off")

    def test_says_what_was_converted_and_how_fast(self):
        made = clip()
        made.plan = SimpleNamespace(converts=True, tracks=(1, 2))
        made.treatment = "HEVC: converted to H.264 (1.8x real time)"
        assert caption_of(made) == f"H.264 Main 1280x720 · AAC 5.1 · {made.treatment}"

    def test_is_empty_for_what_is_no_clip(self):
        assert caption_of(None) == ""


class TestAbilities:
    def test_a_live_manager_takes_commands(self, clock):
        manager = VideoManager(loader=MediaLoader(), clock=clock)
        assert commands_of(manager) is manager

    async def test_what_lacks_an_ability_is_not_asked_for_it(self, clock):
        manager = VideoManager(loader=ScriptedLoader(clock=clock), clock=clock)
        with pytest.raises(MediaError, match="reads no images"):
            await image_of(manager, "v0")
        assert commands_of(object()) is None
        assert clip_document(None) is None
