"""Loading clips for the manager."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import threading
import warnings

import av
import pytest

from vineview.core.events import VideoEvent
from vineview.core.loading import Controller, RangelessLoader
from vineview.errors import LoadError
from vineview.media.loader import MediaLoader
from vineview.ops.clip_server import ClipServer


def local(path) -> VideoEvent:
    """A clip on disk, vouched for."""
    return VideoEvent(id="a", video_url=str(path), is_local=True)


@pytest.fixture
def loader():
    """A loader whose threads are gone when the test is."""
    made = MediaLoader()
    yield made
    made.executor.shutdown()


@pytest.fixture
async def server(clips):
    """The bundled clips over loopback HTTP."""
    async with ClipServer(clips.parent) as running:
        yield running


def remote(server: ClipServer, path: str) -> VideoEvent:
    """A clip on the server, vouched for."""
    return VideoEvent(id="a", video_url=server.base_url + path, is_local=True)


class TestLoad:
    async def test_a_clip_on_disk(self, loader, clips):
        """What a first picture needs is at hand."""
        controller = await loader.load(local(clips / "portrait.mp4"))
        assert isinstance(controller, Controller)
        assert controller.info.summary == "H.264 High 360x640, AAC stereo: plays as is"
        assert controller.mime_type == 'video/mp4; codecs="avc1.64001e,mp4a.40.2"'
        assert controller.init_segment[4:8] == b"ftyp"
        assert controller.first_segment.keyframe
        assert controller.poster.startswith(b"\xff\xd8\xff")
        controller.release()

    async def test_a_clip_on_the_web(self, loader, server):
        """The same over HTTP, a fraction of the clip fetched."""
        controller = await loader.load(remote(server, "clips/bigbuckbunny.mp4"))
        assert controller.info.verdict
        assert controller.held_bytes < 600_000
        controller.release()

    async def test_without_ranges(self, loader, server):
        """The manager's one more try for servers that answer ranges wrongly."""
        assert isinstance(loader, RangelessLoader)
        controller = await loader.load_without_ranges(remote(server, "clips/portrait.mp4"))
        assert controller.info.verdict
        controller.release()

    @pytest.mark.parametrize(
        ("name", "error_class", "words"),
        [
            ("nothing.mp4", "NOT_FOUND", "cannot be opened"),
            ("not-a-video.mp4", "FORMAT_ERROR", "not-a-video.mp4 is not a video: it is a text"),
        ],
    )
    async def test_what_does_not_load(self, loader, clips, name, error_class, words):
        """The class decides about retries, the words are for the card."""
        with pytest.raises(LoadError) as caught:
            await loader.load(local(clips / name))
        assert caught.value.error_class == error_class
        assert words in str(caught.value)
        assert caught.value.hint

    async def test_damage_may_heal(self, loader, make_clip, tmp_path):
        """A clip cut before its index may be whole next time."""
        whole = make_clip("late.mp4", container_options={}).read_bytes()
        path = tmp_path / "cut.mp4"
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(LoadError) as caught:
            await loader.load(local(path))
        assert caught.value.error_class == "MEDIA_ERROR"

    async def test_a_missing_page(self, loader, server):
        """An HTTP status reaches the manager as it is."""
        with pytest.raises(LoadError) as caught:
            await loader.load(remote(server, "missing/clips/portrait.mp4"))
        assert caught.value.status == 404

    async def test_feed_data_cannot_name_files(self, loader, clips):
        """An event nobody vouches for reaches no file and no loopback address."""
        for url in (str(clips / "portrait.mp4"), "http://127.0.0.1:1/x.mp4"):
            with pytest.raises(LoadError) as caught:
                await loader.load(VideoEvent(id="a", video_url=url))
            assert caught.value.error_class == "FORBIDDEN"

    async def test_a_cut_clip_loads(self, loader, clips):
        """It plays as far as it goes, and both the card and the end of the stream say so."""
        controller = await loader.load(local(clips / "truncated.mp4"))
        assert "cut off" in controller.info.summary
        stream = controller.stream()
        assert [segment async for segment in stream]
        assert stream.end.reason == "cut off: 4.4 s of 8.0 s are there"
        controller.release()


class TestConverting:
    async def test_it_says_what_was_done(self, loader, clips):
        """And how fast, for the card."""
        controller = await loader.load(local(clips / "refused-codec.mp4"))
        said = "MPEG-4 part 2: converted to H.264; AC-3: converted to AAC"
        assert re.fullmatch(rf"{re.escape(said)} \(\d+\.\dx real time\)", controller.treatment)
        segments = [segment async for segment in controller.stream()]
        assert segments[-1].end_s == pytest.approx(3.0, abs=0.1)
        assert controller.progress.done_s == segments[-1].end_s
        controller.release()

    async def test_what_goes_as_it_is_has_no_progress(self, loader, clips):
        """There is nothing to wait for."""
        controller = await loader.load(local(clips / "portrait.mp4"))
        assert controller.treatment == "H.264, AAC: as is"
        assert controller.progress is None
        controller.release()

    async def test_the_browser_decides(self, loader, clips):
        """What it said it takes is what the next clip is planned by."""
        loader.hear_codecs(dict.fromkeys(loader.codecs_to_ask, False) | {"opus": True})
        loader.hear_codecs({name: True for name in loader.codecs_to_ask if name[:4] == "vp09"})
        controller = await loader.load(local(clips / "portrait.mp4"))
        assert controller.plan.sentence == "H.264: converted to VP9; AAC: converted to Opus"
        assert controller.mime_type.startswith('video/mp4; codecs="vp09.00.')
        controller.release()

    async def test_a_browser_that_thinks_better_of_it(self, loader, clips):
        """What it refuses after all is converted, once."""
        controller = await loader.load(local(clips / "portrait.mp4"))
        stream = controller.stream()
        await anext(stream)
        before = controller.mime_type
        assert await controller.convert()
        assert controller.mime_type != before
        assert [segment async for segment in stream] == []
        assert controller.plan.converts
        assert [segment async for segment in controller.stream()][-1].end_s > 5.9
        assert not await controller.convert()
        controller.release()

    async def test_pictures_that_are_all_noise(self, loader, make_clip, tmp_path):
        """What cannot go as it is goes through a decoder; the sound is left of it."""
        clip, path = make_clip("plain.mp4"), tmp_path / "noise.mp4"
        data = bytearray(clip.read_bytes())
        with av.open(str(clip)) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    data[packet.pos : packet.pos + packet.size] = b"\x11" * packet.size
        path.write_bytes(data)
        controller = await loader.load(local(path))
        assert controller.treatment.startswith("H.264: left out, no picture of it decodes; AAC")
        controller.release()

    async def test_a_refused_clip_is_converted_only_where_the_browser_refuses_it(
        self, loader, clips
    ):
        """It spoke after the clip was loaded: the picture still goes as it is."""
        controller = await loader.load(local(clips / "portrait.mp4"))
        loader.hear_codecs({name: name[:4] != "mp4a" for name in loader.codecs_to_ask})
        assert await controller.convert()
        assert controller.plan.sentence == "H.264: as is; AAC: converted to Opus"
        assert await controller.convert()
        assert "H.264: encoded anew" in controller.plan.sentence
        assert not await controller.convert()
        controller.release()


class TestRoundTrips:
    async def test_an_index_at_the_end_costs_two_more(self, loader, server, make_clip):
        """No more than three requests before the first picture, wherever the index lies."""
        options = {"preset": "ultrafast", "crf": "8"}
        path = make_clip("late-index.mp4", container_options={}, seconds=30, video_options=options)
        assert path.stat().st_size > 2**20
        async with ClipServer(path.parent) as late:
            controller = await loader.load(remote(late, path.name))
            assert controller.first_segment.keyframe
            assert controller.round_trips <= 3
            controller.release()


class TestCancelling:
    async def test_a_stream_is_let_go_at_once(self, loader, make_clip):
        """Though its server keeps it waiting."""
        options = {"preset": "ultrafast", "crf": "8"}
        path = make_clip("early-index.mp4", seconds=30, video_options=options)
        data = path.read_bytes()
        async with stalling_server(data, after=2**19) as url:
            controller = await loader.load(VideoEvent(id="a", video_url=url, is_local=True))
            stream = controller.stream(29.0)
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            waiting.cancel()
            await asyncio.wait_for(stream.aclose(), 3)
            again = controller.stream()
            assert (await anext(again)).data
            await again.aclose()
            controller.release()

    async def test_a_hung_host_is_let_go_at_once(self, server):
        """Cancelling cuts the connection, so the thread ends long before its timeout."""
        loader = MediaLoader()
        task = asyncio.create_task(loader.load(remote(server, "hang/clips/portrait.mp4")))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(asyncio.to_thread(loader.executor.shutdown), 3)

    async def test_a_load_that_finishes_all_the_same_is_freed(self, loader, clips):
        """Nothing stays open that nobody owns."""
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            for _ in range(5):
                task = asyncio.create_task(loader.load(local(clips / "bigbuckbunny.mp4")))
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(loader.executor.shutdown)
            await asyncio.sleep(0.01)
            gc.collect()

    async def test_many_at_once(self, loader, clips):
        """A window of loads does not interfere."""
        paths = sorted(clips.glob("*.mp4"))[:4] * 4
        events = [local(path) for path in paths if path.name != "not-a-video.mp4"]
        controllers = await asyncio.gather(*(loader.load(event) for event in events))
        assert all(controller.held_bytes for controller in controllers)
        for controller in controllers:
            controller.release()


class TestHeldBytes:
    async def test_they_rise_and_fall(self, loader, clips):
        """What is queued counts, what was taken does not; afterwards it is as before."""
        controller = await loader.load(local(clips / "bigbuckbunny.mp4"))
        idle = controller.held_bytes
        parts = (controller.init_segment, controller.first_segment.data, controller.poster)
        assert idle == sum(map(len, parts))
        stream = controller.stream(2.0)
        await anext(stream)
        await wait_for(lambda: stream.queued_bytes > 0)
        assert controller.held_bytes == idle + stream.queued_bytes
        await stream.aclose()
        assert controller.held_bytes == idle
        controller.release()
        assert controller.held_bytes == 0

    async def test_they_are_not_the_size_of_the_file(self, loader, clips):
        """A megabyte of clip does not cost a megabyte."""
        controller = await loader.load(local(clips / "bigbuckbunny.mp4"))
        assert controller.held_bytes < controller.info.size_bytes / 3
        controller.release()

    async def test_what_was_fetched_counts(self, loader, server):
        """Blocks kept by the source are held too."""
        controller = await loader.load(remote(server, "clips/bigbuckbunny.mp4"))
        own = len(controller.init_segment) + len(controller.first_segment.data)
        assert controller.held_bytes > own + len(controller.poster)
        controller.release()
        assert controller.held_bytes == 0

    async def test_at_most_one_segment_is_made_ahead(self, loader, clips):
        """A stream nobody reads stops after one segment."""
        controller = await loader.load(local(clips / "bigbuckbunny.mp4"))
        stream = controller.stream()
        await anext(stream)
        await wait_for(lambda: stream.queued_bytes > 0)
        before = stream.queued_bytes
        await asyncio.sleep(0.05)
        assert stream.queued_bytes == before
        assert (await anext(stream)).index == 1
        controller.release()


class TestStream:
    async def test_it_is_the_whole_clip(self, loader, clips):
        """From the first segment to the last, in order."""
        controller = await loader.load(local(clips / "portrait.mp4"))
        segments = [segment async for segment in controller.stream()]
        assert segments[0] is controller.first_segment
        assert [segment.index for segment in segments] == list(range(len(segments)))
        assert segments[-1].end_s == pytest.approx(6.0, abs=0.1)
        controller.release()

    async def test_it_seeks(self, loader, clips):
        """It begins with the keyframe before."""
        controller = await loader.load(local(clips / "portrait.mp4"))
        stream = controller.stream(5.0)
        first = await anext(stream)
        assert first.keyframe
        assert first.start_s == pytest.approx(4.0, abs=0.01)
        await stream.aclose()
        controller.release()

    async def test_several_at_once(self, loader, server):
        """Streams share the source without disturbing each other."""
        controller = await loader.load(remote(server, "clips/bigbuckbunny.mp4"))

        async def total(start_s: float) -> int:
            return sum([len(segment.data) async for segment in controller.stream(start_s)])

        alone = [await total(0.0), await total(2.0)]
        together = await asyncio.gather(total(0.0), total(2.0), total(0.0))
        assert together == [alone[0], alone[1], alone[0]]
        controller.release()

    async def test_a_cancelled_wait_loses_nothing(self, loader, clips):
        """The segment under way is there for the next who asks."""
        controller = await loader.load(local(clips / "portrait.mp4"))
        stream = controller.stream(0.5)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await anext(stream)).index == 0
        await stream.aclose()
        controller.release()

    async def test_release_ends_it(self, loader, clips):
        """A stream in use stops without an error, and later ones are empty."""
        controller = await loader.load(local(clips / "bigbuckbunny.mp4"))
        stream = controller.stream(1.0)
        await anext(stream)
        controller.release()
        assert [segment async for segment in stream] == []
        assert [segment async for segment in controller.stream()] == []

    async def test_a_source_that_fails_midway(self, loader, clips, tmp_path):
        """The error says what happened; the stream is over then."""
        path = tmp_path / "vanishing.mp4"
        path.write_bytes((clips / "bigbuckbunny.mp4").read_bytes())
        controller = await loader.load(local(path))
        path.write_bytes(b"")
        with pytest.raises(LoadError) as caught:
            await anext(controller.stream(4.0))
        assert caught.value.error_class in {"FORMAT_ERROR", "MEDIA_ERROR"}
        controller.release()


class TestController:
    async def test_playing_is_a_flag(self, loader, clips):
        """The browser plays; the controller knows whether it should."""
        controller = await loader.load(local(clips / "silent.mp4"))
        controller.play()
        assert controller.is_playing
        controller.pause()
        assert not controller.is_playing
        controller.play()
        controller.release()
        controller.play()
        assert not controller.is_playing

    async def test_release_is_idempotent(self, loader, clips):
        """Twice is as good as once."""
        controller = await loader.load(local(clips / "silent.mp4"))
        controller.release()
        controller.release()
        assert controller.poster is None
        assert controller.init_segment == b""
        assert controller.first_segment.data == b""

    async def test_nothing_is_left_running(self, clips):
        """Threads end with the loader."""
        loader = MediaLoader()
        controller = await loader.load(local(clips / "silent.mp4"))
        controller.release()
        del controller
        loader.executor.shutdown()
        names = [thread.name for thread in threading.enumerate()]
        assert not [name for name in names if name.startswith("vineview-clip")]

    async def test_a_clip_without_a_picture_has_no_poster(self, loader, make_clip, tmp_path):
        """Sound plays without one."""
        import av

        path = tmp_path / "tone.mp4"
        with av.open(str(make_clip("plain.mp4"))) as source, av.open(str(path), "w") as target:
            track = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = track
                    target.mux(packet)
        controller = await loader.load(local(path))
        assert controller.poster is None
        assert controller.mime_type == 'audio/mp4; codecs="mp4a.40.2"'
        controller.release()


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
STILLS = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/webp": b"RIFF\0\0\0\0WEBPVP8 ",
    "image/avif": b"\0\0\0\x20ftypavif",
    "image/bmp": b"BM\x46\0\0\0\0\0\0\0",
}


class TestStills:
    @pytest.mark.parametrize(("mime", "data"), STILLS.items())
    async def test_a_still_is_loaded_as_it_is_whatever_its_name(self, loader, tmp_path, mime, data):
        (tmp_path / "holiday.mp4").write_bytes(data)
        still = await loader.load(local(tmp_path / "holiday.mp4"))
        assert isinstance(still, Controller)
        assert still.image == (data, mime)
        assert still.held_bytes == len(data)
        still.release()
        assert still.held_bytes == 0

    async def test_an_avif_under_another_first_brand(self, loader, tmp_path):
        """One of its others says what it is."""
        (tmp_path / "a.avif").write_bytes(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif" + bytes(99))
        still = await loader.load(local(tmp_path / "a.avif"))
        assert still.image[1] == "image/avif"
        still.release()

    async def test_one_on_the_web_costs_no_more_requests_than_a_clip(self, loader, tmp_path):
        (tmp_path / "a.png").write_bytes(PNG + bytes(300_000))
        async with ClipServer(tmp_path) as server:
            still = await loader.load(remote(server, "a.png"))
        assert len(still.image[0]) == len(PNG) + 300_000

    async def test_two_letters_make_no_picture(self, loader, tmp_path):
        """Text may begin like a BMP."""
        (tmp_path / "notes").write_text("BMW or Audi: a comparison.")
        with pytest.raises(LoadError, match="is not a video"):
            await loader.load(local(tmp_path / "notes"))


class TestReadImage:
    async def test_a_gif(self, loader, clips, server):
        """As it is, with its type told by its bytes."""
        expected = (clips / "loop.gif").read_bytes(), "image/gif"
        assert await loader.read_image(local(clips / "loop.gif")) == expected
        assert await loader.read_image(remote(server, "clips/loop.gif")) == expected

    @pytest.mark.parametrize(
        ("data", "mime"),
        [
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ],
    )
    async def test_stills(self, loader, tmp_path, data, mime):
        """Other pictures too."""
        (tmp_path / "still").write_bytes(data)
        assert (await loader.read_image(local(tmp_path / "still")))[1] == mime

    async def test_what_is_none(self, loader, clips):
        """A clip announced as a picture is not passed off as one."""
        with pytest.raises(LoadError, match="announced as a picture but is none") as caught:
            await loader.read_image(local(clips / "portrait.mp4"))
        assert caught.value.error_class == "FORMAT_ERROR"

    async def test_one_too_large(self, loader, clips):
        """A picture has a limit."""
        with pytest.raises(LoadError, match="more than"):
            await loader.read_image(local(clips / "loop.gif"), max_bytes=1000)


@contextlib.asynccontextmanager
async def stalling_server(data, *, after):
    """Serves byte ranges; those that begin behind ``after`` get their headers and nothing more."""

    async def answer(reader, writer):
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")) is not None:
                first, last = map(int, re.search(rb"bytes=(\d+)-(\d+)", head).groups())
                part = data[first : last + 1]
                writer.write(
                    b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\n"
                    b"Content-Range: bytes %d-%d/%d\r\n\r\n"
                    % (len(part), first, first + len(part) - 1, len(data))
                )
                writer.write(part if first < after else b"")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/clip.mp4"


async def wait_for(condition) -> None:
    """Let threads work until something holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a worker thread sets no event of ours
            await asyncio.sleep(0.005)
