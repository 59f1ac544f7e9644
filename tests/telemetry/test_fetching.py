"""Addresses: fetched to a file of any size, then read as one; every failure says which."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vineview.errors import TelemetryError
from vineview.telemetry import Telemetry
from vineview.telemetry.formats.converting import convert
from vineview.telemetry.formats.fetching import fetched
from vineview.telemetry.formats.writing import write
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1}
SAMPLES = [
    {
        "at": f"2026-01-01T{n // 60:02d}:{n % 60:02d}:00Z",
        "device_id": "d",
        "video_memory_mb": 100 + n,
    }
    for n in range(600)
]
LINES = "\n".join(map(json.dumps, [HEADER, *SAMPLES])).encode() + b"\n"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/silent":
            self.server.released.wait(10)
            return
        more = 5 if self.path == "/cut" else 0
        self.send_response(200)
        self.send_header("Content-Length", str(len(LINES) + more))
        self.end_headers()
        self.wfile.write(LINES)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.asked, made.released = [], threading.Event()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.released.set()
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def at(server):
    server.asked.clear()
    return lambda path: f"http://127.0.0.1:{server.server_port}{path}"


class TestFailures:
    @pytest.mark.parametrize(
        ("path", "timeout_s", "words"),
        [
            ("/missing", 30, "answered 404 Not Found"),
            ("/cut", 30, "ended early: peer closed .*received [0-9]+ bytes, expected"),
            ("/silent", 0.2, "did not go on within 0.2 s"),
        ],
    )
    def test_each_says_what_happened(self, at, path, timeout_s, words):
        with (
            pytest.raises(TelemetryError, match=words) as caught,
            fetched(at(path), timeout_s=timeout_s),
        ):
            pass
        assert caught.value.source == at(path)
        assert caught.value.hint

    def test_nobody_there(self):
        with (
            pytest.raises(TelemetryError, match="cannot be fetched"),
            fetched("http://127.0.0.1:9/"),
        ):
            pass

    def test_too_much_is_refused(self, at):
        with (
            pytest.raises(TelemetryError, match="is larger than 99 bytes"),
            fetched(at("/e"), most_bytes=99),
        ):
            pass

    def test_no_export_is_named_by_its_address(self, at):
        with pytest.raises(TelemetryError) as caught:
            Telemetry.open(at("/missing"))
        assert caught.value.source == at("/missing")


def test_the_file_is_gone_afterwards(at):
    seen = []
    with fetched(at("/e"), progress=seen.append) as place:
        path = Path(place)
        assert path.read_bytes() == LINES
    assert not path.exists()
    assert sum(seen) == len(LINES)


def test_what_is_big_is_never_read_whole(at, server, tmp_path, monkeypatch):
    """From the address to the chart's curve, through the store, fetched once."""
    monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path))
    telemetry = Telemetry.open(at("/e"), big_bytes=1000)
    assert not telemetry.is_in_memory
    assert server.asked == ["/e"]
    assert telemetry.origins == (at("/e"),)
    memory = telemetry.analytics().memory_usage
    assert (memory.peak_mb, memory.minimum_mb) == (699, 100)
    curve = telemetry.store.envelope("video_memory_mb", None, None, 60)
    assert (curve["low"].min(), curve["high"].max(), len(curve)) == (100, 699, 60)


def test_small_or_big_the_answers_are_the_same(at, tmp_path, monkeypatch):
    monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path))
    answers = []
    for telemetry in (Telemetry.open(at("/e")), Telemetry.open(at("/e"), big_bytes=1000)):
        memory = telemetry.analytics().memory_usage
        growth = pytest.approx(memory.growth_rate_mb_per_second)
        answers.append((memory.peak_mb, growth, memory.leak.verdict, telemetry.coverage))
    assert answers[0] == answers[1]


def test_an_address_is_converted(at, tmp_path):
    done = convert(at("/e"), tmp_path / "e.parquet")
    assert (done.source, done.samples, done.findings) == (at("/e"), 600, ())


@pytest.mark.parametrize("name", ["e.parquet", "days/", "e.ndjson", "e.csv"])
def test_progress_comes_to_the_end(tmp_path, name):
    path = write(HEADER, SAMPLES, [], f"{tmp_path}/{name}")
    files = list(Path(path).rglob("*.parquet")) if name == "days/" else [Path(path)]
    seen = []
    convert(path, tmp_path / "o.ndjson", progress=seen.append)
    size = sum(each.stat().st_size for each in files)
    assert size - len(files) <= sum(seen) <= size + 16
