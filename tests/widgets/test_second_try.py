"""Second tries: a clip the browser refused after all is converted, once, for every view."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from vineview.errors import LoadError
from vineview.widgets.second_try import SecondTries

AS_IS = 'video/mp4; codecs="avc1.64001f"'


class Convertible:
    """A clip whose conversion waits for the test; `outcome` is returned or raised."""

    def __init__(self):
        self.mime_type = AS_IS
        self.outcome = True
        self.asked = 0
        self.go_on = asyncio.Event()

    async def convert(self):
        self.asked += 1
        await self.go_on.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        self.mime_type = "another"
        return self.outcome


class Log:
    """What was recorded."""

    def __init__(self):
        self.errors = []

    def cannot_decode(self, video_id, reason):
        self.errors.append((video_id, reason))

    def record(self, kind, video_id, **data):
        self.errors.append((video_id, kind, data["where"]))


@pytest.fixture
def clip():
    """The only controller."""
    return Convertible()


@pytest.fixture
def heard():
    """What became of it, in order."""
    return []


@pytest.fixture
def log():
    """The record."""
    return Log()


@pytest.fixture
def tries(clip, heard, log):
    """The second tries of a manager with one clip and one that is scripted."""
    return SecondTries(
        SimpleNamespace(get_controller={"v0": clip, "v1": object()}.get),
        log,
        spawn=lambda work, name: asyncio.get_running_loop().create_task(work, name=name),
        changed=lambda: heard.append("changed"),
        give_up=lambda video_id, reason: heard.append((video_id, reason)),
    )


class TestRefused:
    async def test_it_is_converted_once_for_two_views(self, tries, clip, heard, log, settle):
        """The second view's word, meanwhile, is neither a second conversion nor the end."""
        tries.refused("v0", "no", AS_IS)
        await settle()
        tries.refused("v0", "no", AS_IS)
        clip.go_on.set()
        await settle()
        assert (clip.asked, heard) == (1, ["changed"])
        assert log.errors == [("v0", "no")]

    async def test_what_was_refused_before_the_news_came_is_tried_again(self, tries, clip, heard):
        """A view that lagged behind is told again, and nothing is given up."""
        clip.mime_type = "another"
        tries.refused("v0", "no", AS_IS)
        assert (clip.asked, heard) == (0, ["changed"])

    async def test_with_nothing_left_to_convert_it_is_given_up(self, tries, clip, heard, settle):
        clip.outcome = False
        clip.go_on.set()
        tries.refused("v0", "no", AS_IS)
        await settle()
        assert heard == [("v0", "no"), "changed"]

    async def test_a_conversion_that_fails_says_so(self, tries, clip, heard, log, settle):
        clip.outcome = LoadError("it is damaged")
        clip.go_on.set()
        tries.refused("v0", "No.", AS_IS)
        await settle()
        assert heard[0] == ("v0", "No. Converting it failed, too: it is damaged")
        assert log.errors[-1] == ("v0", "error", "converting")

    async def test_what_cannot_be_converted_is_given_up_at_once(self, tries, heard):
        tries.refused("v1", "no")
        assert heard == [("v1", "no")]
