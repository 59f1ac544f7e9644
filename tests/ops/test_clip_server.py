"""ClipServer: clips on loopback, ranges, faults on purpose, and a clean end."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from vineview.core.events import VideoEvent
from vineview.errors import LoadError, UsageError
from vineview.media.source import open_source
from vineview.ops.clip_server import ClipServer

CLIP = bytes(range(256)) * 400


async def comes_true(condition) -> bool:
    """Whether a condition holds within a few seconds of real traffic."""
    for _ in range(5000):
        if condition():
            return True
        await asyncio.sleep(0.001)
    return False


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "feed"
    (root / "clips").mkdir(parents=True)
    (root / "clips" / "a clip.mp4").write_bytes(CLIP)
    (root / "clips" / "empty.mp4").touch()
    (tmp_path / "secret.txt").write_text("secret")
    (root / "clips" / "link.mp4").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.fixture
async def server(folder):
    async with ClipServer(folder) as server:
        yield server


@pytest.fixture
async def web(server):
    async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
        yield client


class TestPlain:
    async def test_serves_clips_whole_and_by_range(self, web):
        whole = await web.get("clips/a%20clip.mp4")
        assert (whole.status_code, whole.content) == (200, CLIP)
        assert whole.headers["content-type"] == "video/mp4"
        assert whole.headers["accept-ranges"] == "bytes"
        part = await web.get("clips/a%20clip.mp4", headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, CLIP[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(CLIP)}"
        tail = await web.get("clips/a%20clip.mp4", headers={"Range": "bytes=-7"})
        assert tail.content == CLIP[-7:]
        beyond = await web.get("clips/a%20clip.mp4", headers={"Range": "bytes=999999-"})
        assert beyond.status_code == 416
        head = await web.head("clips/a%20clip.mp4")
        assert (head.headers["content-length"], head.content) == (str(len(CLIP)), b"")

    async def test_a_clip_that_changed_has_another_tag(self, web, folder):
        before = (await web.get("clips/empty.mp4")).headers["etag"]
        (folder / "clips" / "empty.mp4").write_bytes(b"no longer")
        after = await web.get("clips/empty.mp4", headers={"If-None-Match": before})
        assert (after.status_code, after.content) == (200, b"no longer")

    @pytest.mark.parametrize(
        "path",
        [
            "clips/%2e%2e/%2e%2e/secret.txt",
            "%2e%2e/secret.txt",
            "slow/%2e%2e/secret.txt",
            "clips/..%2f..%2fsecret.txt",
            "clips/link.mp4",
            "slow/clips/link.mp4",
            "%2fetc%2fpasswd",
            "clips/a%00b",
            "clips",
            "clips/none.mp4",
            f"clips/{'x' * 5000}",
            "",
        ],
    )
    async def test_nothing_outside_the_folder_is_served(self, web, path):
        answer = await web.get(path)
        assert answer.status_code in {403, 404}
        assert b"secret" not in answer.content
        assert answer.text == f"{answer.status_code}: {answer.reason_phrase}\n"

    async def test_listens_on_loopback_only(self, server):
        assert server.base_url.startswith("http://127.0.0.1:")
        assert server.base_url.endswith("/")

    async def test_is_not_written_to(self, web):
        assert (await web.post("clips/a%20clip.mp4", content=b"x")).status_code == 405


class TestFaults:
    @pytest.mark.parametrize("path", ["missing/clips/a%20clip.mp4", "missing/", "missing/x/y"])
    async def test_missing_is_not_found(self, web, path):
        assert (await web.get(path)).status_code == 404

    async def test_slow_sends_at_its_rate(self, folder, clock):
        """On the clock, 80 KiB at 8 KiB/s take ten seconds but for the last piece's."""
        async with (
            ClipServer(folder, clock=clock, slow_bytes_per_s=8192) as server,
            httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client,
        ):
            request = asyncio.create_task(
                client.get("slow/clips/a%20clip.mp4", headers={"Range": "bytes=0-81919"})
            )
            while not request.done():
                await clock.advance(0.5)
                await asyncio.sleep(0.002)
            answer = await request
            assert (answer.status_code, answer.content) == (206, CLIP[:81_920])
            assert 9.5 <= clock.now() < 30

    async def test_hang_answers_nobody(self, web):
        with pytest.raises(httpx.ReadTimeout):
            await web.get("hang/clips/a.mp4", timeout=0.05)

    async def test_a_client_that_leaves_is_forgotten(self, folder, clock):
        async with ClipServer(folder, clock=clock) as server:
            async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
                for path in ("hang/x", "slow/clips/a%20clip.mp4"):
                    with pytest.raises(httpx.ReadTimeout):
                        await client.get(path, timeout=0.05)
            assert await comes_true(lambda: not server._running)


class TestOpeningAndClosing:
    async def test_closing_ends_hung_and_slow_requests(self, folder, clock):
        """No task of the server is left, whatever its clients were waiting for."""
        server = ClipServer(folder, clock=clock)
        await server.open()
        before = asyncio.all_tasks()
        async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
            paths = ("hang/x", "slow/clips/a%20clip.mp4")
            requests = [asyncio.create_task(client.get(path)) for path in paths]
            assert await comes_true(lambda: len(server._running) == 2)
            await server.aclose()
            results = await asyncio.gather(*requests, return_exceptions=True)
        assert all(isinstance(result, httpx.TransportError) for result in results)
        assert asyncio.all_tasks() <= before

    async def test_can_be_opened_and_closed_again_and_again(self, folder):
        server = ClipServer(folder)
        with pytest.raises(UsageError, match="async with"):
            _ = server.base_url
        for _ in range(2):
            assert await server.open() is await server.open()
            assert server.base_url in repr(server)
            await server.aclose()
            await server.aclose()
        assert "closed" in repr(server)

    def test_nonsense_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="not a folder"):
            ClipServer(tmp_path / "none")
        with pytest.raises(UsageError, match="serves nothing"):
            ClipServer(tmp_path, slow_bytes_per_s=0)


class TestWithOurOwnReader:
    """The server and the clip source are made for each other."""

    async def test_a_local_event_reads_from_it(self, server):
        url = f"{server.base_url}clips/a%20clip.mp4"
        with open_source(VideoEvent(id="a", video_url=url, is_local=True)) as source:
            assert await asyncio.to_thread(source.read) == CLIP

    async def test_the_same_address_in_feed_data_does_not(self, server):
        event = VideoEvent(id="a", video_url=f"{server.base_url}clips/a%20clip.mp4")
        with open_source(event) as source, pytest.raises(LoadError, match="loopback"):
            await asyncio.to_thread(source.read)

    async def test_an_empty_clip_is_said_to_be_empty(self, server):
        event = VideoEvent(id="a", video_url=f"{server.base_url}clips/empty.mp4", is_local=True)
        with open_source(event, ranges=False) as source, pytest.raises(LoadError, match="empty"):
            await asyncio.to_thread(source.connect)
