"""Hostile exports: each loads with a finding that names the place, small or big alike."""

from __future__ import annotations

import bz2
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vineview.errors import TelemetryError
from vineview.telemetry import Telemetry
from vineview.telemetry.formats.converting import convert
from vineview.telemetry.formats.writing import write
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1}


def sample(minute: int, day: int = 1) -> dict[str, object]:
    at = f"2026-01-{day:02d}T00:{minute:02d}:00Z"
    return {"at": at, "device_id": "d", "video_memory_mb": 100 + minute}


SAMPLES = [sample(n) for n in range(6)]
LINES = b"".join(json.dumps(each).encode() + b"\n" for each in (HEADER, *SAMPLES))


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Opens a file's bytes, small and big, and gives both, which must say the same."""
    monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))

    def open_both(data, name="e.ndjson"):
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        small, big = Telemetry.open(path), Telemetry.open(path, big_bytes=1)
        assert list(map(str, small.findings)) == list(map(str, big.findings))
        assert (small.skipped, len(small.samples)) == (big.skipped, len(big.samples))
        return small

    return open_both


def says(telemetry):
    return [(each.message, each.line) for each in telemetry.findings]


class TestNumbers:
    @pytest.mark.parametrize("value", [1.7e308, -1e200, 10**150])
    def test_beyond_all_measure_is_kept_and_not_reckoned_with(self, opened, tmp_path, value):
        odd = {**sample(7), "video_memory_mb": value}
        found = opened(LINES + json.dumps(odd).encode() + b"\n")
        assert found.sample_records[-1] == odd
        memory = found.analytics().memory_usage
        assert (memory.peak_mb, memory.average_mb) == (105, 102.5)
        json.dumps(found.analytics().to_wire(), allow_nan=False)
        convert(tmp_path / "e.ndjson", tmp_path / "e.parquet")
        assert Telemetry.open(tmp_path / "e.parquet").sample_records[-1] == odd

    def test_of_a_foreign_column_it_is_missing(self, opened):
        found = opened(b"at,video_memory_mb\n2026-01-01T00:00:00Z,1e200\n2026-01-01T00:01:00Z,5\n")
        assert found.analytics().memory_usage.peak_mb == 5
        text = "1 values are NaN, Infinity or beyond all measure and read as missing"
        assert text in {each.message for each in found.findings}


class TestOtherShapes:
    def test_a_list_of_records_is_read(self, opened):
        found = opened(json.dumps(SAMPLES).encode())
        assert (len(found.sample_records), found.skipped) == (6, 0)

    def test_a_document_says_once_what_only_the_whole_shows(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
        path = tmp_path / "e.json"
        path.write_text(json.dumps({"samples": [SAMPLES[1], SAMPLES[0], SAMPLES[0]]}))
        small, big = (
            [each.message for each in Telemetry.open(path, big_bytes=size).findings]
            for size in (1 << 20, 1)
        )
        assert small == big
        assert [each.split()[1] for each in big] == ["clock", "no", "samples"]

    def test_records_of_other_names_name_the_fields_they_have(self, opened):
        data = b"\n".join(b'{"time": %d, "memory": 1}' % n for n in range(3))
        found = opened(json.dumps(HEADER).encode() + b"\n" + data)
        text = "damaged record set aside: 'at' is missing; it has time, memory"
        assert (text, 2) in says(found)

    def test_where_every_record_is_damaged_the_refusal_says_how(self, tmp_path):
        path = tmp_path / "epoch.csv"
        path.write_text("at,video_memory_mb\n1767225600,1\n")
        says = r"nor a whole record \(line 2: .* '1767225600', not an ISO-8601 instant\)"
        with pytest.raises(TelemetryError, match=says):
            Telemetry.open(path)

    def test_a_document_among_lines_is_set_aside_by_count(self, opened):
        whole = json.dumps({**HEADER, "samples": SAMPLES, "events": []}).encode()
        found = opened(LINES + whole + b"\n" + json.dumps(sample(9)).encode() + b"\n")
        words = "a document among lines is set aside with its 6 records: open it alone"
        assert (found.skipped, len(found.samples), says(found)) == (6, 7, [(words, 8)])

    def test_a_comment_before_a_document_is_refused(self, tmp_path):
        path = tmp_path / "e.json"
        path.write_bytes(b"// ours\n" + json.dumps({**HEADER, "samples": SAMPLES}).encode())
        for reading in (Telemetry.open, lambda path: convert(path, tmp_path / "o.ndjson")):
            with pytest.raises(TelemetryError, match="it begins '// ours'"):
                reading(path)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"time,mem\n1,2\n", "has no column 'at'; its columns are time, mem"),
            (b"At;Video_Memory_MB\n1;2\n", "its columns are At, Video_Memory_MB"),
            (b"PK\x03\x04rest", "is a zip archive \\(unpack it first\\)"),
            (bz2.compress(LINES), "is bzip2 data"),
            (b"\x00\x01\x02", "is not a JSON document, NDJSON or CSV, not a"),
        ],
    )
    def test_a_refusal_says_what_it_looks_like(self, tmp_path, data, words):
        path = tmp_path / "e.csv"
        path.write_bytes(data)
        for reading in (Telemetry.open, lambda path: convert(path, tmp_path / "o.ndjson")):
            with pytest.raises(TelemetryError, match=words):
                reading(path)


class TestConcatenated:
    def test_a_second_header_is_no_damaged_record(self, opened):
        found = opened(LINES + LINES.replace(b"-01T", b"-02T"))
        assert (len(found.sample_records), found.skipped) == (12, 0)
        assert says(found) == [("another export begins here; its records are read too", 8)]

    def test_a_second_header_of_another_major_version_is_refused(self, opened):
        with pytest.raises(TelemetryError, match="is version 2"):
            opened(LINES + LINES.replace(b'"version": 1', b'"version": 2'))

    def test_csv_with_its_names_and_header_twice(self, opened, tmp_path):
        text = write(HEADER, SAMPLES, [], tmp_path / "w.csv").read_bytes()
        found = opened(text + text.replace(b"-01T", b"-02T"), "e.csv")
        assert (len(found.sample_records), found.skipped) == (12, 0)
        assert says(found) == [("another export begins here; its records are read too", 10)]

    def test_foreign_csv_with_its_names_twice(self, opened):
        table = b"at,device_id,video_memory_mb\n2026-01-01T00:00:00Z,d,1\n"
        found = opened(table + table.replace(b"-01T", b"-02T"), "e.csv")
        assert (len(found.sample_records), found.skipped) == (2, 0)
        assert ("another table begins here; its rows are read too", 3) in says(found)

    def test_a_document_after_a_document(self, opened):
        documents = [{**HEADER, "samples": [sample(n, day)]} for day in (1, 2) for n in (0,)]
        found = opened("\n".join(map(json.dumps, documents)).encode(), "e.json")
        assert len(found.sample_records) == 2

    def test_lines_ended_by_carriage_returns_alone(self, opened):
        assert len(opened(LINES.replace(b"\n", b"\r")).sample_records) == 6

    def test_text_after_a_document_is_named(self, opened):
        found = opened(json.dumps({**HEADER, "samples": SAMPLES}).encode() + b"\nmore", "e.json")
        assert says(found) == [("what follows the document is not JSON and set aside", 2)]
        assert found.skipped == 1


class TestValues:
    def test_nesting_no_parser_can_follow(self, opened):
        deep = b'{"at":"2026-01-01T01:00:00Z","q":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
        found = opened(LINES + deep)
        assert says(found) == [("damaged record set aside: it is nested too deeply", 8)]

    def test_nesting_no_parser_can_follow_costs_a_document_one_record(self, opened):
        deep = '{"at": "2026-01-01T00:30:00Z", "x": ["]",' + "[" * 100_000 + "]" * 100_001 + "}"
        records = ", ".join([json.dumps(SAMPLES[0]), deep, json.dumps(SAMPLES[1])])
        found = opened(f'{{"format": "{FORMAT}", "version": 1, "samples": [{records}]}}'.encode())
        assert says(found) == [("damaged record set aside: it is nested too deeply", 1)]
        assert (found.skipped, len(found.samples)) == (1, 2)

    def test_an_integer_no_float_comes_near(self, opened):
        line = b'{"at":"2026-01-01T01:00:00Z","video_memory_mb":1%s}\n' % (b"0" * 400)
        ((message, line),) = says(opened(LINES + line))
        assert line == 8
        assert message.endswith("is an integer above 1.8e308, not a finite number")

    def test_a_lone_surrogate_is_shown_as_its_escape(self, opened):
        found = opened(
            b'%s{"at":"2026-01-01T01:00:00Z","device_id":"\\ud800","\\ud801":1}\n' % LINES
        )
        assert found.samples["device_id"].iloc[-1] == "\\ud800"
        assert "\\ud801" in found.samples

    def test_an_instant_outside_the_calendar(self, opened):
        rows = b"at,video_memory_mb\n0001-01-01T00:00:00+05:00,1\n2026-01-01T00:00:00Z,2\n"
        found = opened(rows, "e.csv")
        assert (len(found.sample_records), found.skipped) == (1, 1)
        assert any("0001-01-01" in text and line == 2 for text, line in says(found))

    @pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
    def test_the_calendar_s_first_and_last_year(self, opened, at):
        found = opened(LINES + b'{"at":"%s","video_memory_mb":1}\n' % at.encode())
        assert found.analytics().memory_usage.peak_mb == 105

    def test_columns_of_instants_no_calendar_has(self, opened):
        far = pa.array([0, 2**62, 1], pa.timestamp("us", "UTC"))
        sink = io.BytesIO()
        pq.write_table(
            pa.table({"at": far, "video_memory_mb": [1.0, 2.0, 3.0], "since": far}), sink
        )
        found = opened(sink.getvalue(), "e.parquet")
        words = "damaged record set aside: 'at' is not within the years 1 to 9999"
        assert (found.skipped, says(found)[0]) == (1, (words, 2))
        assert found.sample_records[1]["since"] == "1970-01-01 00:00:00.000001+00:00"

    def test_samples_that_are_no_list_are_not_taken_for_header_fields(self, opened, tmp_path):
        text = json.dumps(
            {**HEADER, "samples": {"a": 1}, "events": [{**sample(1), "kind": "crash"}]}
        )
        found = opened(text.encode(), "e.json")
        assert says(found) == [("'samples' is not a list and set aside", 1)]
        convert(tmp_path / "e.json", tmp_path / "o.ndjson")
        assert len(Telemetry.open(tmp_path / "o.ndjson").event_records) == 1

    def test_otlp_attributes_of_a_wrong_shape(self, opened):
        attributes = [
            {"key": "device.id", "value": {"intValue": "²"}},
            {"key": "x", "value": {"arrayValue": {"values": 5}}},
            {"key": "y", "value": {"arrayValue": 5}},
        ]
        points = [{"timeUnixNano": "1767225600000000000", "asInt": "5"}]
        metric = {"name": "video_memory_mb", "gauge": {"dataPoints": points}}
        resource = {"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [metric]}]}
        found = opened(json.dumps({"resourceMetrics": [resource]}).encode(), "e.json")
        assert found.sample_records[0]["device_id"] == "²"


class TestCuts:
    def test_a_quote_that_is_never_closed_loses_its_lines_by_count(self, opened):
        rows = [f"2026-01-01T00:{n:02d}:00Z,{n},{chr(34) * (n == 3)}x" for n in range(6)]
        found = opened("\n".join(["at,video_memory_mb,note", *rows, ""]).encode(), "e.csv")
        assert (len(found.sample_records), found.skipped) == (3, 3)
        assert any("never closed" in text and line == 5 for text, line in says(found))

    def test_half_a_character_of_utf_16(self, opened):
        found = opened(LINES.decode().encode("utf-16")[:-3])
        assert found.skipped == 1

    def test_packed_lines_that_are_cut_say_it_once(self, opened):
        found = opened(gzip.compress(LINES, mtime=0)[:-12], "e.ndjson.gz")
        assert len(found.findings) == len({each.message for each in found.findings})

    def test_packed_twice(self, opened):
        assert len(opened(gzip.compress(gzip.compress(LINES)), "e.gz").sample_records) == 6


class TestPlaces:
    @pytest.mark.parametrize("name", ["x" * 5000 + ".ndjson", "a\0b.ndjson", "~no-such-user/e"])
    def test_a_name_no_system_takes_is_refused(self, tmp_path, name):
        with pytest.raises(TelemetryError):
            Telemetry.open(name)
        with pytest.raises(TelemetryError):
            convert(name, tmp_path / "o.csv")

    @pytest.mark.parametrize(
        ("place", "hint"), [("ftp://h/e.ndjson", "Fetch it"), ("file:///e.csv", "Pass /e.csv")]
    )
    def test_an_address_of_another_scheme_is_named_as_given(self, tmp_path, place, hint):
        for reading in (Telemetry.open, lambda place: convert(place, tmp_path / "o.csv")):
            with pytest.raises(TelemetryError, match=f"{place} cannot be read: .*{hint}"):
                reading(place)

    def test_a_link_to_nothing_beside_the_parts(self, opened, tmp_path):
        part = tmp_path / "days" / "day=2026-01-01" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        write(HEADER, SAMPLES, [], part)
        part.with_name("part-1.parquet").symlink_to(tmp_path / "nothing.parquet")
        assert len(opened(None, "days").sample_records) == 6


class TestParts:
    @pytest.mark.parametrize("damage", ["cut", "empty", "foreign", "other type", "other version"])
    def test_one_bad_part_is_named_and_the_others_load(self, opened, tmp_path, damage):
        folder = tmp_path / "days"
        for day in (1, 2):
            part = folder / f"day=2026-01-{day:02d}" / "part-0.parquet"
            part.parent.mkdir(parents=True)
            write(HEADER, [sample(n, day) for n in range(6)], [], part)
        if damage == "cut":
            part.write_bytes(part.read_bytes()[:100])
        elif damage == "empty":
            part.write_bytes(b"")
        elif damage == "foreign":
            pq.write_table(pa.table({"a": [1]}), part)
        elif damage == "other type":
            pq.write_table(pa.table({"at": [1]}), part)
        else:
            write({**HEADER, "version": 2}, SAMPLES, [], part)
        found = opened(None, "days")
        assert (len(found.sample_records), found.skipped) == (6, 1)
        assert found.findings[0].source == str(part)
        part.parent.parent.joinpath("day=2026-01-01/part-0.parquet").write_bytes(b"")
        with pytest.raises(TelemetryError):
            Telemetry.open(folder)


def test_an_import_found_again_goes_by_the_name_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
    for name in ("a.ndjson", "b.ndjson"):
        (tmp_path / name).write_bytes(LINES + b"{broken\n")
        found = Telemetry.open(tmp_path / name, big_bytes=1)
        assert {each.source for each in found.findings} == {str(tmp_path / name)}
