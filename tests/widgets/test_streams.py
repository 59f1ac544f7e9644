from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from vineview.errors import LoadError
from vineview.widgets.streams import StreamBook


class Page:
    """What a page hears from a book of streams."""

    def __init__(self):
        self.heard = []
        self.lost = []
        self.tasks = []
        self.held = True
        self.book = StreamBook(
            tell=lambda kind, buffers, **fields: self.heard.append((kind, buffers, fields)),
            spawn=self._spawn,
            is_held=lambda video_id, controller: self.held,
            lost=lambda video_id, error: self.lost.append((video_id, error)),
        )

    def _spawn(self, work, *, name):
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.append(task)
        return task

    @property
    def segments(self):
        sent = []
        for kind, buffers, _ in self.heard:
            if kind == "init":
                sent += buffers[1:]
            elif kind == "segment":
                sent += buffers
        return sent

    @property
    def kinds(self):
        return [kind for kind, _, _ in self.heard]


@pytest.fixture
def page():
    return Page()


@pytest.fixture
async def clip(loader):
    return await loader.load(type("Event", (), {"id": "v0"}))


class TestBegin:
    async def test_waits_for_the_clip_and_happens_once_for_each_view(self, page, clip, settle):
        page.book.welcome("v1")
        page.book.begin("v0", {}.get)
        page.book.begin(None, {}.get)
        assert page.kinds == []
        page.book.begin("v0", {"v0": clip}.get)
        page.book.begin("v0", {"v0": clip}.get)
        await settle()
        assert page.kinds == ["begun", "init", "segment"]

    async def test_a_view_that_is_told_alone_is_sent_it_alone(self, page, clip, settle):
        for view in ("v1", "v2"):
            page.book.welcome(view)
        page.book.begin("v0", {"v0": clip}.get, only="v2")
        await settle()
        assert [fields["view"] for _, _, fields in page.heard] == ["v2"] * 3

    async def test_a_view_that_left_is_sent_nothing(self, page, clip, settle):
        page.book.welcome("v1")
        page.book.close_view("v1")
        page.book.begin("v0", {"v0": clip}.get)
        await settle()
        assert page.kinds == []


class TestAcknowledgement:
    async def test_init_and_first_segment_go_together(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        assert page.heard[0] == ("init", [b"init", b"s0"], {"view": "v1", "stream": "s"})

    async def test_never_more_than_two_unacknowledged(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        for answered in range(4):
            await settle()
            assert len(page.segments) == answered + 2
            page.book.acknowledge("s")

    async def test_whole_clip_arrives_in_order_and_ends(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        for _ in range(10):
            await settle()
            page.book.acknowledge("s")
        assert page.segments == [b"s0", b"s1", b"s2", b"s3", b"s4", b"s5"]
        assert page.kinds[-1] == "end"
        assert len(page.book) == 0

    async def test_nothing_is_made_that_is_not_wanted(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        assert clip.made == 2

    async def test_superfluous_acknowledgements_earn_no_credit(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        for _ in range(5):
            page.book.acknowledge("s")
        await settle()
        assert len(page.segments) == 2

    async def test_unknown_streams_are_ignored(self, page):
        page.book.acknowledge("x")
        page.book.more("x")
        page.book.close("x")


class TestSoundBesideALongPicture:
    async def test_sound_within_the_first_picture_is_sent(self, page, clip, settle):
        """A picture of three seconds, and its sound in segments of their own: none is passed by."""
        clip.segments[0] = clip.first_segment = replace(clip.segments[0], duration_s=3.0)
        page.book.open("s", "v1", "v0", clip, start_s=1.5, whole=True)
        for _ in range(10):
            await settle()
            page.book.acknowledge("s")
        assert page.segments == [b"s0", b"s1", b"s2", b"s3", b"s4", b"s5"]


class TestNeighbour:
    async def test_sends_the_beginning_and_waits(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=False)
        await settle()
        page.book.acknowledge("s")
        page.book.acknowledge("s")
        await settle()
        assert page.segments == [b"s0", b"s1"]

    async def test_goes_on_when_it_is_shown(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=False)
        await settle()
        page.book.more("s")
        page.book.acknowledge("s")
        await settle()
        assert page.segments == [b"s0", b"s1", b"s2"]


class TestSeek:
    async def test_begins_at_the_segment_that_holds_the_place(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=3.5, whole=True)
        await settle()
        assert page.heard[0][1] == [b"init"]
        assert page.segments == [b"s3", b"s4"]


class TestProgress:
    async def test_a_conversion_says_how_far_it_is(self, page, clip, settle):
        clip.progress = SimpleNamespace(done_s=2.0, total_s=6.0, speed=1.8)
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        for _ in range(10):
            await settle()
            page.book.acknowledge("s")
        told = [fields for kind, _, fields in page.heard if kind == "progress"]
        assert told[0] == {
            "view": "v1",
            "video_id": "v0",
            "done_s": 2.0,
            "total_s": 6.0,
            "speed": 1.8,
        }
        assert told[-1]["done_s"] == told[-1]["total_s"]

    async def test_what_goes_as_it_is_has_nothing_to_say(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        assert "progress" not in page.kinds

    async def test_a_clip_converted_meanwhile_is_not_taken_for_a_finished_one(
        self, page, clip, settle
    ):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        clip.init_segment, clip.segments = b"another", clip.segments[:2]
        for _ in range(10):
            page.book.acknowledge("s")
            await settle()
        assert page.kinds[-1] == "lost"
        assert page.lost == [("v0", None)]


class TestSight:
    async def test_nothing_is_sent_to_a_view_out_of_sight(self, page, clip, settle):
        page.book.set_visible("v1", visible=False)
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        assert page.heard == []

    async def test_goes_on_when_seen_again(self, page, clip, settle):
        page.book.set_visible("v1", visible=False)
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        page.book.set_visible("v1", visible=True)
        await settle()
        assert page.segments == [b"s0", b"s1"]

    async def test_other_views_are_not_held_back(self, page, clip, settle):
        page.book.set_visible("v1", visible=False)
        page.book.open("s", "v2", "v0", clip, start_s=0, whole=True)
        await settle()
        assert page.segments == [b"s0", b"s1"]


class TestEnd:
    async def test_closing_frees_the_clip(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        assert clip.open_streams == 1
        page.book.close("s")
        await settle()
        assert clip.open_streams == 0
        assert all(task.done() for task in page.tasks)

    async def test_a_view_that_goes_takes_only_its_own_streams(self, page, clip, settle):
        page.book.open("a", "v1", "v0", clip, start_s=0, whole=True)
        page.book.open("b", "v2", "v0", clip, start_s=0, whole=True)
        await settle()
        page.book.close_view("v1")
        await settle()
        assert [task.done() for task in page.tasks] == [True, False]

    async def test_same_name_again_replaces_the_stream(self, page, clip, settle):
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        assert len(page.book) == 1
        assert clip.open_streams == 1

    async def test_a_broken_clip_tells_its_reason(self, page, clip, settle):
        clip.breaks_with = LoadError("the connection broke", hint="Try again.")
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        assert page.heard[-1][2]["reason"] == "the connection broke. Try again."
        assert page.lost == [("v0", clip.breaks_with)]

    async def test_a_freed_clip_is_not_taken_for_a_finished_one(self, page, clip, settle):
        clip.segments = clip.segments[:2]
        page.held = False
        page.book.open("s", "v1", "v0", clip, start_s=0, whole=True)
        await settle()
        page.book.acknowledge("s")
        await settle()
        assert page.kinds[-1] == "lost"
        assert page.lost == [("v0", None)]
