"""open_source: clips as files, over byte ranges from real servers on loopback, or from disk."""

from __future__ import annotations

import io
import os
import random
import socket
import socketserver
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vineview.core.cache import ByteCache
from vineview.core.events import VideoEvent
from vineview.core.policy import UrlPolicy
from vineview.errors import LoadError, LoadTimeout
from vineview.media import web
from vineview.media.ranges import BLOCK_BYTES
from vineview.media.source import open_source

BODY = random.Random(7).randbytes(3_000_001)
# A key and its self-signed certificate for clips.example (2020 to 2119), made with openssl for
# these tests and trusted by nobody else.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcGfes69SuGkT84Ju
oz9DeiC0xfu9JG3+zFmWBmimI5ShRANCAARv3Go6mSM1XiGyOcJeoJQzSjlRhCPg
sDyyTsfhfI4g2NNW3Pmj94bQmqwof0Qlbtgh1FLQxXv/2o3TQkDw6lhc
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBbjCCAROgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1jbGlwcy5l
eGFtcGxlMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1jbGlwcy5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEb9xq
OpkjNV4hsjnCXqCUM0o5UYQj4LA8sk7H4XyOINjTVtz5o/eG0JqsKH9EJW7YIdRS
0MV7/9qN00JA8OpYXKNMMEowGAYDVR0RBBEwD4INY2xpcHMuZXhhbXBsZTAPBgNV
HRMBAf8EBTADAQH/MB0GA1UdDgQWBBTSGhycbDP/dkJcHG50lYr4kwTx0jAKBggq
hkjOPQQDAgNJADBGAiEAuScVn6GEmVuf6dx/+vTZJ3iwMdts9NuWOKOXol+Bv3sC
IQDPca0jD9pZTvOe+nhlmHPExh67Ivh8eXPrudouPwCCYg==
-----END CERTIFICATE-----
"""
ANYWHERE = UrlPolicy(allow_private=True)


def answer(status="200 OK", body=b"", **headers) -> bytes:
    fields = {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def ranged(request, body=BODY, **headers) -> bytes:
    """What a good host answers."""
    if "range" not in request.headers:
        return answer(body=body, **headers)
    start, end = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
    if start >= len(body):
        return answer("416 Range Not Satisfiable", Content_Range=f"bytes */{len(body)}")
    part = body[start : end + 1]
    place = f"bytes {start}-{start + len(part) - 1}/{len(body)}"
    return answer("206 Partial Content", part, Content_Range=place, **headers)


class Request:
    """A request as the server read it."""

    def __init__(self, text: str) -> None:
        first, *lines = text.split("\r\n")
        self.method, self.path, _ = first.split(" ", 2)
        pairs = (line.split(": ", 1) for line in lines if line)
        self.headers = {name.lower(): value for name, value in pairs}


class Server(socketserver.ThreadingTCPServer):
    """Answers each request with what ``script(request)`` returns, byte for byte.

    None means no answer until the server stops. An answer after which the script wants the
    connection closed ends in ``CUT``.
    """

    CUT = b"\x00cut\x00"
    daemon_threads = False
    block_on_close = True

    def __init__(self, script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[Request] = []
        self.asked = threading.Semaphore(0)
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/clip.mp4"

    def handle_error(self, request, client_address) -> None:
        """A client that leaves in the middle is part of the tests."""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while text := self._head():
            request = Request(text)
            self.server.requests.append(request)
            reply = self.server.script(request)
            self.server.asked.release()
            if reply is None:
                self.server.over.wait(10)
                return
            self.wfile.write(reply.removesuffix(Server.CUT))
            if reply.endswith(Server.CUT):
                return

    def _head(self) -> str:
        lines = iter(self.rfile.readline, b"")
        head = b""
        for line in lines:
            if line == b"\r\n":
                return head.decode()
            head += line
        return ""


@pytest.fixture
def serve():
    """``serve(script)`` starts a server on loopback."""
    running = []

    def start(script=ranged) -> Server:
        server = Server(script)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def opened():
    """``opened(...)`` is `open_source` on loopback, closed after the test."""
    sources = []

    def make(what, **options):
        options.setdefault("policy", ANYWHERE)
        options.setdefault("timeout_s", 5)
        sources.append(open_source(what, **options))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


class TestRanges:
    def test_reads_the_clip_whole_and_anywhere(self, serve, opened):
        source = opened(serve().url)
        assert source.size == len(BODY)
        assert source.read() == BODY
        assert source.read(1) == b""
        rng = random.Random(3)
        for _ in range(60):
            at, count = rng.randrange(len(BODY) + 10), rng.randrange(200_000)
            assert source.seek(at) == at
            assert source.read(count) == BODY[at : at + count]
            assert source.tell() == min(at + count, max(len(BODY), at))

    def test_memory_stays_bounded_and_ends(self, serve, opened):
        source = opened(serve().url)
        peak = 0
        while source.read(50_000):
            peak = max(peak, source.held_bytes)
        assert BLOCK_BYTES < peak <= 17 * BLOCK_BYTES + 2**16
        source.close()
        assert source.held_bytes == 0

    def test_asks_by_get_for_a_range_first_and_never_by_head(self, serve, opened):
        server = serve()
        opened(server.url).connect()
        (request,) = server.requests
        assert (request.method, request.headers["range"]) == ("GET", "bytes=0-262143")
        assert request.headers["accept-encoding"] == "identity"

    def test_opening_contacts_nobody(self, serve, opened):
        server = serve()
        source = opened(server.url)
        assert (source.round_trips, source.held_bytes, server.requests) == (0, 0, [])

    def test_an_index_at_the_end_costs_two_small_reads(self, serve, opened):
        """FFmpeg reads the beginning, then jumps to ``moov``."""
        server = serve()
        source = opened(server.url)
        source.read(1000)
        source.seek(-150_000, os.SEEK_END)
        assert source.read() == BODY[-150_000:]
        assert source.round_trips == len(server.requests) == 2

    def test_a_slow_body_is_handed_on_as_it_comes(self, serve, opened):
        """The first block is read although the rest of the answer never comes."""
        part = BODY[:262_144]
        head = answer("206 Partial Content", part, Content_Range=f"bytes 0-262143/{len(BODY)}")
        script = iter([head[: -len(part) + BLOCK_BYTES]])
        server = serve(lambda _: next(script, None))
        source = opened(server.url, timeout_s=5)
        assert source.read(BLOCK_BYTES) == BODY[:BLOCK_BYTES]

    def test_a_small_clip_that_comes_whole_is_as_good(self, serve, opened):
        cache = ByteCache()
        server = serve(lambda request: answer(body=BODY[:1000]))
        assert opened(server.url, cache=cache).read() == BODY[:1000]
        assert opened(server.url, cache=cache).read() == BODY[:1000]
        assert len(server.requests) == 1

    def test_a_connection_that_idled_out_is_replaced(self, serve, opened):
        server = serve(lambda request: ranged(request) + Server.CUT)
        assert opened(server.url).read() == BODY

    def test_a_connection_closed_just_as_it_is_used_again_is_replaced_once(self, serve, opened):
        cuts = iter([False, True])
        server = serve(lambda request: Server.CUT if next(cuts, False) else ranged(request))
        assert opened(server.url).read() == BODY
        dead = serve(lambda _: Server.CUT)
        with pytest.raises(LoadError, match="connection failed"):
            opened(dead.url).connect()
        assert len(dead.requests) == 1

    def test_an_answer_that_breaks_off_later_is_asked_for_again(self, serve, opened):
        broken = iter([b"", b"x" * 200_000])

        def script(request):
            reply = ranged(request)
            cut = next(broken, b"")
            return reply[: -len(cut)] + Server.CUT if cut else reply

        assert opened(serve(script).url).read() == BODY

    def test_is_a_file_to_others(self, serve, opened):
        source = opened(serve().url)
        assert (source.readable(), source.seekable(), source.mode) == (True, True, "rb")
        assert source.name.endswith("/clip.mp4")
        buffer = bytearray(10)
        assert source.readinto(buffer) == 10
        assert bytes(buffer) == BODY[:10]
        assert source.seek(5, io.SEEK_CUR) == 15
        with pytest.raises(ValueError, match="seek"):
            source.seek(-1)


class TestCache:
    def test_a_second_reader_asks_nobody(self, serve, opened):
        cache, server = ByteCache(), serve()
        assert opened(server.url, cache=cache).read() == BODY
        asked = len(server.requests)
        again = opened(server.url, cache=cache)
        assert again.read() == BODY
        assert (again.round_trips, len(server.requests)) == (0, asked)
        assert cache.hits > 40

    def test_what_was_evicted_is_fetched_again(self, serve, opened):
        cache, server = ByteCache(500_000), serve()
        opened(server.url, cache=cache).read()
        cache.put("size survives", b"")
        assert opened(server.url, cache=cache).read() == BODY
        assert cache.size_bytes <= 500_000

    def test_urls_do_not_share(self, serve, opened):
        cache = ByteCache()
        server = serve(lambda request: ranged(request, body=request.path.encode() * 50_000))
        one = opened(f"{server.url}?1", cache=cache).read(20)
        assert one != opened(f"{server.url}?2", cache=cache).read(20)

    def test_a_server_may_forbid_keeping(self, serve, opened):
        cache = ByteCache()
        server = serve(lambda request: ranged(request, Cache_Control="no-store"))
        assert opened(server.url, cache=cache).read() == BODY
        assert len(cache) == 0

    def test_hosts_that_share_a_clip_and_not_its_tag(self, serve, opened):
        """Behind one name each may have a tag of its own; the clip's date says that it is one."""
        tags = iter(range(99))
        server = serve(
            lambda request: ranged(
                request,
                ETag=f'"{next(tags)}"',
                **{"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"},
            )
        )
        assert opened(server.url, cache=ByteCache()).read() == BODY
        assert next(tags) > 1

    def test_local_clips_are_not_kept(self, serve, opened):
        cache = ByteCache()
        event = VideoEvent(id="a", video_url=serve().url, is_local=True)
        assert opened(event, cache=cache, policy=None).read() == BODY
        assert len(cache) == 0

    def test_a_clip_that_changed_is_refused_then_read_anew(self, serve, opened):
        tags = iter(["one"])
        cache = ByteCache(200_000)
        server = serve(lambda request: ranged(request, ETag=next(tags, "two")))
        source = opened(server.url, cache=cache)
        with pytest.raises(LoadError, match="changed") as caught:
            source.read()
        assert caught.value.error_class == "NETWORK"
        assert opened(server.url, cache=cache).read() == BODY


class TestWithoutRanges:
    @pytest.mark.parametrize("ranges", [True, False])
    @pytest.mark.parametrize("length", ["announced", "unknown"])
    def test_one_download_in_order(self, serve, opened, ranges, length):
        def script(request):
            if length == "announced":
                return answer(body=BODY)
            return answer(body=BODY, Content_Length=None, Connection="close") + Server.CUT

        server = serve(script)
        source = opened(server.url, ranges=ranges)
        source.seek(1_000_000)
        assert source.read(10) == BODY[1_000_000:1_000_010]
        assert source.held_bytes < len(BODY)
        source.seek(-10, os.SEEK_END)
        assert source.read() == BODY[-10:]
        source.seek(0)
        assert source.read() == BODY
        assert (source.size, source.held_bytes) == (len(BODY), len(BODY))
        assert len(server.requests) == 1
        assert ("range" in server.requests[0].headers) is ranges
        source.close()
        assert source.held_bytes == 0

    def test_defect_16_a_download_is_bounded_and_leaves_no_file(
        self, serve, opened, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        announced = serve(lambda request: answer(body=BODY))
        with pytest.raises(LoadError, match="1 MB") as caught:
            opened(announced.url, ranges=False, max_download_bytes=2**20).connect()
        assert caught.value.error_class == "SERVER_CONFIG_ERROR"
        endless = serve(
            lambda request: answer(body=BODY, Content_Length=None, Connection="close") + Server.CUT
        )
        source = opened(f"{endless.url}/../../escape", ranges=False, max_download_bytes=2**20)
        assert source.read(10) == BODY[:10]
        with pytest.raises(LoadError, match="1 MB"):
            source.read()
        source.close()
        assert list(tmp_path.iterdir()) == []

    def test_a_length_that_lies_is_found_out(self, serve, opened):
        server = serve(lambda request: answer(body=BODY[:9], Content_Length=5000) + Server.CUT)
        source = opened(server.url, ranges=False)
        with pytest.raises(LoadError) as caught:
            source.read()
        assert caught.value.error_class == "NETWORK"

    def test_an_empty_clip_is_no_clip(self, serve, opened):
        with pytest.raises(LoadError, match="empty") as caught:
            opened(serve(lambda request: answer()).url, ranges=False).connect()
        assert caught.value.error_class == "FORMAT_ERROR"

    def test_a_compressed_body_is_refused(self, serve, opened):
        server = serve(lambda request: answer(body=b"x" * 9, Content_Encoding="gzip"))
        with pytest.raises(LoadError, match="compresses") as caught:
            opened(server.url, ranges=False).connect()
        assert caught.value.error_class == "SERVER_CONFIG_ERROR"


class TestAnswersThatFail:
    @pytest.mark.parametrize(
        ("status", "error_class"),
        [
            ("404 Not Found", "NOT_FOUND"),
            ("410 Gone", "NOT_FOUND"),
            ("403 Forbidden", "FORBIDDEN"),
            ("401 Unauthorized", "FORBIDDEN"),
            ("500 Internal Server Error", "SERVER_ERROR"),
            ("503 Service Unavailable", "SERVER_ERROR"),
            ("416 Range Not Satisfiable", "SERVER_CONFIG_ERROR"),
            ("429 Too Many Requests", None),
            ("304 Not Modified", None),
            ("302 Found", None),
        ],
    )
    def test_a_status_says_what_kind(self, serve, opened, status, error_class):
        source = opened(serve(lambda request: answer(status)).url)
        for _ in range(2):  # and again: the source stays usable
            with pytest.raises(LoadError, match=status[:3]) as caught:
                source.read(1)
            assert (caught.value.status, caught.value.error_class) == (int(status[:3]), error_class)
            assert caught.value.hint, "and what to do next"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content_Range": "nonsense"},
            {"Content_Range": "bytes 5-262148/3000001"},
            {"Content_Range": "bytes 0-99/3000001"},
            {"Content_Range": "bytes 0-262143/*"},
            {"Content_Range": "bytes 0-262143/1000"},
            {"Content_Range": "bytes 9-0/3000001"},
            {"Content_Range": "items 0-262143/3000001"},
            {"Content_Range": "bytes 0-262143/3000001", "Content_Encoding": "gzip"},
            {"Content_Range": f"bytes 0-262143/{'9' * 40}"},
        ],
    )
    def test_wrong_ranges_are_a_server_config_error(self, serve, opened, headers):
        server = serve(lambda request: answer("206 Partial Content", BODY[:262_144], **headers))
        with pytest.raises(LoadError) as caught:
            opened(server.url).connect()
        assert caught.value.error_class == "SERVER_CONFIG_ERROR"
        assert "range" in str(caught.value).lower()

    def test_a_range_that_turns_wrong_later(self, serve, opened):
        for later in (
            answer(body=BODY),
            answer("206 Partial Content", b"x", Content_Range=f"bytes 1-1/{len(BODY)}"),
        ):
            replies = iter([None])
            server = serve(
                lambda request, replies=replies, later=later: (
                    ranged(request) if next(replies, 1) is None else later
                )
            )
            source = opened(server.url)
            source.connect()
            source.seek(1_000_000)
            with pytest.raises(LoadError, match="instead of") as caught:
                source.read(10)
            assert caught.value.error_class == "SERVER_CONFIG_ERROR"

    def test_a_short_body(self, serve, opened):
        def script(request):
            return ranged(request)[:-262_000] + Server.CUT

        with pytest.raises(LoadError) as caught:
            opened(serve(script).url).read(BLOCK_BYTES)
        assert caught.value.error_class == "NETWORK"

    def test_a_body_that_ends_early_without_saying_so(self, serve, opened):
        def script(request):
            place = f"bytes 0-262143/{len(BODY)}"
            return answer("206 Partial Content", b"x" * 99, Content_Range=place)

        with pytest.raises(LoadError, match="ended") as caught:
            opened(serve(script).url).read(BLOCK_BYTES)
        assert caught.value.error_class == "NETWORK"

    def test_what_is_not_http(self, serve, opened):
        server = serve(lambda request: b"SSH-2.0-OpenSSH\r\n" + Server.CUT)
        with pytest.raises(LoadError, match="connection failed") as caught:
            opened(server.url).connect()
        assert caught.value.error_class == "NETWORK"

    def test_a_refused_connection(self, opened):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/a.mp4"
            with pytest.raises(LoadError, match="connection failed") as caught:
                opened(url).connect()
        assert caught.value.error_class == "NETWORK"
        assert caught.value.hint

    def test_what_is_not_tls(self, opened):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def greet():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(10)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            thread = threading.Thread(target=greet)
            thread.start()
            with pytest.raises(LoadError, match="connection failed") as caught:
                opened(f"https://127.0.0.1:{listener.getsockname()[1]}/a.mp4").connect()
            thread.join()
        assert caught.value.error_class == "NETWORK"


class TestWaiting:
    def test_a_server_that_never_answers_times_out(self, serve, opened):
        source = opened(serve(lambda request: None).url, timeout_s=0.05)
        with pytest.raises(LoadTimeout) as caught:
            source.read(1)
        assert caught.value.timeout_s == 0.05
        assert caught.value.error_class == "TIMEOUT"

    @pytest.mark.parametrize("stop", ["cancel", "close"])
    @pytest.mark.parametrize("where", ["headers", "body"])
    def test_a_hung_read_ends_when_another_thread_stops_it(self, serve, opened, where, stop):
        head = answer("206 Partial Content", Content_Range=f"bytes 0-262143/{len(BODY)}")
        head = head.replace(b"Content-Length: 0", b"Content-Length: 262144")
        script = iter([head] if where == "body" else [])
        server = serve(lambda _: next(script, None))
        source = opened(server.url, timeout_s=30)
        with ThreadPoolExecutor() as pool:
            reading = pool.submit(source.read, 10)
            assert server.asked.acquire(timeout=5)
            if where == "body":
                while source.round_trips == 0:
                    time.sleep(0.001)
            began = time.monotonic()
            getattr(source, stop)()
            with pytest.raises(LoadError, match=r"stopped|closed"):
                reading.result(timeout=5)
        assert time.monotonic() - began < 2

    def test_after_a_stop_nothing_is_asked(self, serve, opened):
        server = serve()
        source = opened(server.url)
        for stopped in (source, opened("http://clips.example/a.mp4", resolver=lambda *_: ["::1"])):
            stopped.cancel()
            with pytest.raises(LoadError, match="stopped"):
                stopped.connect()
        source.close()
        with pytest.raises(LoadError, match="closed"):
            source.read(1)
        source.close()
        assert server.requests == []

    def test_a_resolver_that_hangs_times_out_or_is_stopped(self, opened):
        over = threading.Event()

        def resolver(host, port):
            over.wait(10)
            return []

        url = "http://clips.example/a.mp4"
        with pytest.raises(LoadTimeout, match="address was not found"):
            opened(url, resolver=resolver, timeout_s=0.05).connect()
        source = opened(url, resolver=resolver, timeout_s=30)
        with ThreadPoolExecutor() as pool:
            connecting = pool.submit(source.connect)
            source.cancel()
            with pytest.raises(LoadError, match="stopped"):
                connecting.result(timeout=5)
        over.set()


class Watching(UrlPolicy):
    """Lets everything pass and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(allow_private=True)
        self.checked: list[str] = []

    def check_address(self, ip):
        self.checked.append(str(ip))
        return super().check_address(ip)


class TestTrust:
    @pytest.mark.parametrize("kind", ["text", "event"])
    @pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"])
    def test_private_addresses_in_feed_data_are_refused_unasked(self, serve, opened, host, kind):
        server = serve()
        url = server.url.replace("127.0.0.1", host)
        what = url if kind == "text" else VideoEvent(id="a", video_url=url)
        with pytest.raises(LoadError, match="loopback") as caught:
            opened(what, policy=None).connect()
        assert caught.value.error_class == "FORBIDDEN"
        assert server.requests == []

    @pytest.mark.parametrize(
        "url", ["file:///etc/passwd", "ftp://a.example/b", "/etc/passwd", "concat:/etc/passwd", "x"]
    )
    def test_defect_52_other_schemes_in_feed_data_are_refused(self, opened, url):
        with pytest.raises(LoadError, match="refused") as caught:
            opened(VideoEvent(id="a", video_url=url)).connect()
        assert caught.value.error_class == "FORBIDDEN"

    @pytest.mark.parametrize(
        "addresses", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:169.254.169.254"]]
    )
    def test_every_resolved_address_must_be_public(self, opened, addresses):
        source = opened(
            "http://clips.example/a.mp4", policy=UrlPolicy(), resolver=lambda host, port: addresses
        )
        with pytest.raises(LoadError, match="refused") as caught:
            source.connect()
        assert caught.value.error_class == "FORBIDDEN"

    def test_an_address_too_long_to_send_is_refused(self, serve, opened):
        with pytest.raises(LoadError, match="refused") as caught:
            opened(f"{serve().url}?{'x' * 70_000}").connect()
        assert len(str(caught.value)) < 400

    def test_the_checked_address_is_the_one_connected_to(self, serve, opened):
        """A name server that answers otherwise the second time is not asked a second time."""
        server = serve()
        port = server.server_address[1]
        answers = iter([["127.0.0.1"]])
        policy = Watching()
        source = opened(
            f"http://user:secret@Clips.Example:{port}/a%20b.mp4?c=d#e",
            policy=policy,
            resolver=lambda host, port: next(answers),
        )
        assert source.read() == BODY
        assert policy.checked == ["127.0.0.1"]
        assert {r.headers["host"] for r in server.requests} == {f"clips.example:{port}"}
        assert server.requests[0].path == "/a%20b.mp4?c=d"
        assert "authorization" not in server.requests[0].headers

    def test_the_next_address_is_tried_when_one_is_dead(self, serve, opened):
        server = serve()
        url = f"http://clips.example:{server.server_address[1]}/a.mp4"
        source = opened(url, resolver=lambda host, port: ["127.9.9.9", "127.0.0.1"])
        assert source.read(10) == BODY[:10]

    def test_a_host_without_addresses(self, opened):
        def nowhere(host, port):
            raise socket.gaierror(-2, "Name or service not known")

        for resolver in (nowhere, lambda host, port: []):
            with pytest.raises(LoadError, match="no address") as caught:
                opened("http://clips.example/a.mp4", resolver=resolver).connect()
            assert caught.value.error_class == "NETWORK"

    def test_the_systems_resolver_is_the_default(self, serve, opened):
        assert opened(serve().url.replace("127.0.0.1", "localhost")).read(10) == BODY[:10]

    def test_proxies_of_the_environment_are_ignored(self, serve, opened, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
        monkeypatch.setenv("all_proxy", "http://127.0.0.1:9/")
        assert opened(serve().url).read(10) == BODY[:10]


class TestTls:
    """The connection goes to an address, the certificate must still name the host."""

    @pytest.fixture
    def port(self, serve, tmp_path, monkeypatch):
        """A server whose certificate for clips.example this machine trusts."""
        pem = tmp_path / "clips.example.pem"
        pem.write_text(CERTIFICATE)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        web._certificates.cache_clear()
        server = serve()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server.server_address[1]
        web._certificates.cache_clear()

    def test_the_named_host_is_believed(self, port, opened):
        url = f"https://clips.example:{port}/a.mp4"
        source = opened(url, resolver=lambda host, port: ["127.0.0.1"])
        assert source.read() == BODY

    @pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
    def test_another_is_not(self, port, opened, host):
        source = opened(f"https://{host}:{port}/a.mp4", resolver=lambda host, port: ["127.0.0.1"])
        with pytest.raises(LoadError, match="certificate") as caught:
            source.connect()
        assert caught.value.error_class == "NETWORK"


class TestRedirects:
    def test_are_followed_and_remembered(self, serve, opened):
        def script(request):
            if request.path == "/clip.mp4":
                return answer("302 Found", Location="moved.mp4?x=1")
            return ranged(request)

        server = serve(script)
        assert opened(server.url).read() == BODY
        assert [r.path for r in server.requests].count("/clip.mp4") == 1

    @pytest.mark.parametrize(
        "target",
        ["http://10.0.0.1/", "http://localhost:1/", "file:///etc/passwd", "//[::1]/", "http://["],
    )
    def test_each_is_judged_anew(self, serve, opened, target):
        """Also for a clip our own code vouches for: it vouches for its own address only."""
        server = serve(lambda request: answer("307 Temporary Redirect", Location=target))
        event = VideoEvent(id="a", video_url=server.url, is_local=True)
        with pytest.raises(LoadError, match="refused") as caught:
            opened(event, policy=UrlPolicy()).connect()
        assert caught.value.error_class == "FORBIDDEN"

    def test_resolved_addresses_are_checked_after_a_redirect(self, serve, opened):
        server = serve(lambda request: answer("302 Found", Location="http://inside.example/"))
        event = VideoEvent(id="a", video_url=server.url, is_local=True)
        source = opened(event, policy=UrlPolicy(), resolver=lambda host, port: ["192.168.0.1"])
        with pytest.raises(LoadError, match="private"):
            source.connect()

    def test_in_circles_end(self, serve, opened):
        server = serve(lambda request: answer("302 Found", Location=request.path))
        with pytest.raises(LoadError, match="5 redirects") as caught:
            opened(server.url).connect()
        assert caught.value.error_class == "SERVER_CONFIG_ERROR"
        assert len(server.requests) == 6


class TestFiles:
    def test_paths_a_person_typed(self, tmp_path, opened):
        path = tmp_path / "a clip.mp4"
        path.write_bytes(BODY[:999])
        for what in (path, str(path), VideoEvent(id="a", video_url=path.as_uri(), is_local=True)):
            source = opened(what)
            source.connect()
            assert source.read() == BODY[:999]
            assert (source.size, source.held_bytes, source.round_trips) == (999, 0, 0)
            source.cancel()

    def test_local_events_may_name_a_plain_path(self, tmp_path, opened):
        (tmp_path / "a.mp4").write_bytes(b"x")
        event = VideoEvent(id="a", video_url=str(tmp_path / "a.mp4"), is_local=True)
        assert opened(event).read() == b"x"

    def test_missing_folder_and_pipe(self, tmp_path, opened):
        os.mkfifo(tmp_path / "pipe.mp4")
        cases = {"gone.mp4": "NOT_FOUND", "": "FORMAT_ERROR", "pipe.mp4": "FORMAT_ERROR"}
        for name, error_class in {**cases, "a\x00b": "FORMAT_ERROR"}.items():
            with pytest.raises(LoadError) as caught:
                opened(Path(tmp_path, name))
            assert caught.value.error_class == error_class

    def test_an_event_without_url(self, opened):
        with pytest.raises(LoadError, match="no video URL"):
            opened(VideoEvent(id="a", is_local=True))

    def test_a_local_address_that_makes_no_sense(self, opened):
        event = VideoEvent(id="a", video_url="http://[", is_local=True)
        with pytest.raises(LoadError, match="refused"):
            opened(event).connect()
