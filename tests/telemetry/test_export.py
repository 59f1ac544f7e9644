"""Exports: opened from wherever they are, written whole, round-tripped unchanged."""

from __future__ import annotations

import errno
import gzip
import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vineview.core.changes import ChangeKind
from vineview.errors import TelemetryError, UsageError
from vineview.telemetry import Telemetry
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1, "config": {"max_videos": 100}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
EXTRAS = st.dictionaries(st.text(min_size=1).map(lambda name: "x-" + name), JSON, max_size=3)
STAMPS = st.integers(0, 10**6).map(lambda seconds: f"2026-01-01T00:00:{seconds % 60:02d}Z")
SAMPLES = st.builds(
    lambda at, memory, extra: {"at": at, "video_memory_mb": memory} | extra,
    STAMPS,
    st.none() | st.floats(0, 4000),
    EXTRAS,
)
EVENTS = st.builds(
    lambda at, kind, extra: {"at": at, "kind": kind} | extra,
    STAMPS,
    st.sampled_from([*map(str, ChangeKind), "from_the_future"]),
    EXTRAS,
)


def same(left: Telemetry, right: Telemetry) -> bool:
    """Whether two telemetries hold the same records in the same order."""
    return (
        left.header == right.header
        and left.sample_records == right.sample_records
        and left.event_records == right.event_records
    )


@contextmanager
def served(body: bytes, status: int = 200):
    """One answer on loopback; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics/export?range=1h"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestRoundTrip:
    @given(st.lists(SAMPLES, max_size=5), st.lists(EVENTS, max_size=5), EXTRAS)
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_any_export_survives_every_format(self, tmp_path, samples, events, extra):
        telemetry = Telemetry(HEADER | extra, samples, events)
        for name in ("e.json", "e.ndjson", "e.jsonl", "e.json.gz", "e.ndjson.gz"):
            path = telemetry.write(tmp_path / name)
            read = Telemetry.open(path)
            assert same(read, telemetry)
            assert read.skipped == 0
            first = path.read_bytes()
            assert read.write(path).read_bytes() == first

    def test_lone_surrogates_survive(self, tmp_path):
        telemetry = Telemetry(HEADER, [], [{"at": "2026-01-01", "kind": "x", "t": "\ud800é"}])
        assert same(Telemetry.open(telemetry.write(tmp_path / "e.ndjson")), telemetry)

    def test_text_is_readable_in_the_file(self, tmp_path):
        telemetry = Telemetry(HEADER, [{"at": "2026-01-01T00:00:00Z", "country": "日本"}], [])
        assert "日本" in telemetry.write(tmp_path / "e.json").read_text("utf-8")

    def test_the_count_in_the_header_follows_the_records(self, tmp_path):
        counted = HEADER | {"records": {"samples": 9, "events": 9}}
        telemetry = Telemetry(counted, [{"at": "2026-01-01T00:00:00Z"}], [])
        read = Telemetry.open(telemetry.write(tmp_path / "e.json"))
        assert read.header["records"] == {"samples": 1, "events": 0}
        assert read.findings == ()


class TestOpening:
    def test_a_document_as_others_print_it(self, tmp_path):
        document = {"samples": [{"at": "2026-01-01T00:00:00Z"}], "events": [], **HEADER}
        for name, options in (("a", {"indent": 2}), ("b", {}), ("c", {"separators": (",", ":")})):
            path = tmp_path / f"{name}.json"
            path.write_text(json.dumps(document, **options))
            telemetry = Telemetry.open(path)
            assert telemetry.sample_records == ({"at": "2026-01-01T00:00:00Z"},)
            assert telemetry.header == HEADER
            assert telemetry.findings == ()

    def test_the_content_decides_not_the_suffix(self, write_lines, at):
        path = write_lines({"at": at(0)}, {"at": at(30)}, name="lines.json")
        assert len(Telemetry.open(path).sample_records) == 2

    def test_a_folder_holds_many(self, tmp_path, write_lines, at):
        write_lines({"at": at(0)}, name="a.ndjson")
        write_lines({"at": at(30)}, name="b.ndjson")
        (tmp_path / "notes.txt").write_text("not an export")
        telemetry = Telemetry.open(tmp_path)
        assert len(telemetry.sample_records) == 2
        assert [origin[-8:] for origin in telemetry.origins] == ["a.ndjson", "b.ndjson"]

    def test_a_glob_and_a_file_twice(self, tmp_path, write_lines, at):
        write_lines({"at": at(0)}, name="a.ndjson")
        write_lines({"at": at(30)}, name="b.ndjson")
        telemetry = Telemetry.open(str(tmp_path / "*.ndjson"), tmp_path / "a.ndjson")
        assert len(telemetry.sample_records) == 2
        assert len(Telemetry.open([tmp_path / "a.ndjson"]).sample_records) == 1

    def test_overlapping_exports_count_shared_records_once(self, write_lines, at):
        error = {"at": at(1), "kind": "error", "error": "x"}
        first = write_lines({"at": at(0)}, {"at": at(30)}, error, error, name="a.ndjson")
        second = write_lines({"at": at(30)}, {"at": at(60)}, error, name="b.ndjson")
        telemetry = Telemetry.open(first, second)
        assert len(telemetry.samples) == 3
        assert len(telemetry.events) == 2
        assert "2 records are in an earlier file too" in str(telemetry.findings[0])

    def test_an_unreadable_file_in_a_folder_is_a_finding(self, tmp_path, write_lines, at):
        write_lines({"at": at(0)}, name="good.ndjson")
        (tmp_path / "bad.json").write_text("hello")
        telemetry = Telemetry.open(tmp_path)
        assert len(telemetry.samples) == 1
        assert [each.severity for each in telemetry.findings] == ["error"]
        assert "bad.json" in str(telemetry.findings[0])

    def test_a_folder_of_nothing_readable_raises(self, tmp_path):
        (tmp_path / "bad.json").write_text("hello")
        with pytest.raises(TelemetryError, match=r"bad\.json"):
            Telemetry.open(tmp_path)

    def test_over_http(self, at):
        body = json.dumps({**HEADER, "samples": [{"at": at(0)}], "events": []}).encode()
        with served(body) as url:
            telemetry = Telemetry.open(url)
        assert len(telemetry.samples) == 1
        assert telemetry.source == url

    def test_an_http_error_says_the_status(self):
        with served(b"no", status=404) as url, pytest.raises(TelemetryError, match="answered 404"):
            Telemetry.open(url)

    def test_a_dead_address_says_so(self):
        with served(b"") as url:
            pass
        with pytest.raises(TelemetryError, match="cannot be fetched"):
            Telemetry.open(url)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("export.csv", "neither a header nor a whole record"),
            ("export.parquet", "has neither"),
            ("export.xlsx", r"\.xlsx files are not"),
            ("missing.json", "does not exist"),
            ("*.nothing", "does not exist"),
        ],
    )
    def test_what_is_not_read_says_why(self, tmp_path, name, words):
        if name.startswith("export"):
            (tmp_path / name).write_text("at,video_memory_mb\n")
        with pytest.raises(TelemetryError, match=words) as caught:
            Telemetry.open(tmp_path / name)
        assert caught.value.hint

    def test_an_empty_folder_says_what_is_read(self, tmp_path):
        with pytest.raises(TelemetryError, match=r"holds no export.*\.ndjson"):
            Telemetry.open(tmp_path)

    def test_a_glob_of_other_files_says_so(self, tmp_path):
        (tmp_path / "a.txt").write_text("x")
        with pytest.raises(TelemetryError, match="matches no export"):
            Telemetry.open(str(tmp_path / "*.txt"))

    def test_nothing_to_open(self):
        with pytest.raises(TelemetryError, match="nothing to open"):
            Telemetry.open()


class TestWriting:
    @pytest.mark.parametrize("name", ["e", "e.txt", "e.xlsx"])
    def test_other_formats_are_refused(self, tmp_path, name):
        with pytest.raises(TelemetryError, match=r"Written are \.json") as caught:
            Telemetry(HEADER, [], []).write(tmp_path / name)
        assert list(tmp_path.iterdir()) == []
        assert caught.value.source.endswith(name)

    def test_a_failed_write_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = Telemetry(HEADER, [], []).write(tmp_path / "e.json")
        before = path.read_bytes()

        def full(_descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(TelemetryError, match="No space left on device"):
            Telemetry(HEADER, [{"at": "2026-01-01T00:00:00Z"}], []).write(path)
        assert path.read_bytes() == before
        assert [each.name for each in tmp_path.iterdir()] == ["e.json"]

    def test_a_missing_folder_says_so(self, tmp_path):
        with pytest.raises(TelemetryError, match="cannot be written"):
            Telemetry(HEADER, [], []).write(tmp_path / "no" / "e.json")

    def test_gzip_is_the_same_every_time(self, tmp_path):
        telemetry = Telemetry(HEADER, [{"at": "2026-01-01T00:00:00Z"}], [])
        first = telemetry.write(tmp_path / "a.json.gz").read_bytes()
        assert telemetry.write(tmp_path / "b.json.gz").read_bytes() == first
        assert gzip.decompress(first).startswith(b"{")


class TestFrames:
    def test_samples_have_their_columns_and_types(self, at):
        records = [
            {"at": at(30), "video_memory_mb": 5, "device_id": "d", "battery": {"pct": 1}},
            {"at": at(0), "video_memory_mb": None, "total_videos": 3},
        ]
        frame = Telemetry(HEADER, records, []).samples
        assert str(frame["at"].dtype) == "datetime64[us, UTC]"
        assert str(frame["device_id"].dtype) == "str"
        assert str(frame["total_videos"].dtype) == "float64"
        assert frame["at"].is_monotonic_increasing
        assert frame["video_memory_mb"].isna().tolist() == [True, False]
        assert frame["battery"].tolist()[1] == {"pct": 1}

    def test_events_have_their_columns_and_types(self, at):
        records = [
            {"at": at(1), "kind": "preload", "success": True, "duration_ms": 5},
            {"at": at(0), "kind": "navigate", "video_id": "a", "index": 3},
            {"at": at(2), "kind": "later", "success": "perhaps", "from": 3, "duration_ms": "x"},
        ]
        frame = Telemetry(HEADER, [], records).events
        assert frame["kind"].tolist() == ["navigate", "preload", "later"]
        assert str(frame["success"].dtype) == "boolean"
        assert frame["success"].isna().tolist() == [True, False, True]
        assert frame["from"].tolist()[2] == "3"
        assert frame["index"].tolist()[0] == 3

    def test_empty_frames_have_the_same_columns(self):
        telemetry = Telemetry(HEADER, [], [])
        assert str(telemetry.samples["at"].dtype) == "datetime64[us, UTC]"
        assert {"kind", "success", "error"} <= set(telemetry.events)
        assert telemetry.samples.empty

    def test_an_exact_repeat_appears_once(self, at):
        record = {"at": at(0), "video_memory_mb": 5}
        telemetry = Telemetry(HEADER, [record, dict(record), {**record, "network": "wifi"}], [])
        assert len(telemetry.samples) == 2
        assert len(telemetry.sample_records) == 3

    def test_frames_hold_what_pandas_can_sum(self, at, memory_records):
        frame = Telemetry(HEADER, memory_records([1, 2, None, 4]), []).samples
        assert frame["video_memory_mb"].sum() == 7
        assert isinstance(frame["at"].iloc[0], pd.Timestamp)


class TestReading:
    def test_facts_about_itself(self, at):
        telemetry = Telemetry(HEADER, [{"at": at(0)}], [{"at": at(90), "kind": "crash"}])
        assert telemetry.duration_s == 90
        assert telemetry.config == {"max_videos": 100}
        assert telemetry.source == "memory"
        assert repr(telemetry) == "Telemetry(1 samples, 1 events, 1.5 min present)"

    def test_samples_as_objects(self, memory_records):
        samples = Telemetry(HEADER, memory_records([1.0, 2.0]), []).iter_samples()
        assert [sample.video_memory_mb for sample in samples] == [1.0, 2.0]

    def test_no_records_have_no_instants(self):
        telemetry = Telemetry({"config": 7, "range": {"asked_s": "1h"}}, [], [], skipped=2)
        assert (telemetry.start_at, telemetry.end_at, telemetry.config) == (None, None, {})
        assert repr(telemetry) == "Telemetry(0 samples, 0 events, no records present, 2 skipped)"

    def test_a_range_counts_back_from_the_last_sample(self, at, memory_records):
        events = [{"at": at(0), "kind": "crash"}, {"at": at(900), "kind": "crash"}]
        telemetry = Telemetry(HEADER, memory_records(range(21)), events).select("5m")
        assert len(telemetry.samples) == 11
        assert [record["at"] for record in telemetry.event_records] == [at(900)]
        assert telemetry.coverage.asked_s == 300

    def test_a_range_longer_than_the_data_says_so(self, memory_records):
        telemetry = Telemetry(HEADER, memory_records(range(21)), []).select("7d")
        assert telemetry.coverage.text == "7 d asked, 10 min present"
        assert telemetry.coverage.ratio == pytest.approx(600 / 604_800)

    def test_a_range_of_nothing_or_of_events_only(self, at):
        assert len(Telemetry(HEADER, [], []).select("1h").event_records) == 0
        events = [{"at": at(0), "kind": "crash"}, {"at": at(7200), "kind": "crash"}]
        assert len(Telemetry(HEADER, [], events).select("1h").event_records) == 1

    @pytest.mark.parametrize("wrong", ["2 hours", "", "0s", "-1h", "1.5h", "2w", "٢h", 7])
    def test_a_malformed_range_is_refused(self, wrong):
        with pytest.raises(UsageError, match="not a time range"):
            Telemetry(HEADER, [], []).select(wrong)

    def test_changes_know_the_videos_the_feed_listed(self, at):
        feed = {"at": at(0), "kind": "feed", "added": ["a"], "removed": [], "total": 1}
        moved = {"at": at(1), "kind": "transition", "video_id": "a", "to": "loading"}
        events = [
            {**feed, "videos": [{"id": "a", "title": "Bunny"}]},
            {**feed, "videos": "all of them"},
            {"at": at(1), "kind": "from_the_future"},
            {**moved, "from": "not_loaded"},
        ]
        changes = list(Telemetry(HEADER, [], events).iter_changes())
        assert [change.kind for change in changes] == ["feed", "feed", "transition"]
        assert changes[-1].after.event.title == "Bunny"

    def test_a_file_that_cannot_be_read_says_why(self, write_lines, monkeypatch):
        path = write_lines()

        def refuse(_self):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(type(path), "read_bytes", refuse)
        with pytest.raises(TelemetryError, match="cannot be read: Permission denied"):
            Telemetry.open(path)
