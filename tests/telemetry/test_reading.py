"""Damaged exports: whole records are kept, the rest is named, counted, and nothing raises."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vineview.errors import TelemetryError
from vineview.telemetry import Telemetry
from vineview.telemetry.formats.reading import read
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1, "records": {"samples": 4, "events": 3}}
SAMPLES = [
    {"at": f"2026-01-01T00:0{index}:00Z", "video_memory_mb": 100.5 * index, "note": "é{]["}
    for index in range(4)
]
EVENTS = [
    {"at": "2026-01-01T00:00:10Z", "kind": "feed", "videos": [{"id": "a"}, {"id": "b"}]},
    {"at": "2026-01-01T00:00:20Z", "kind": "preload", "success": True},
    {"at": "2026-01-01T00:00:30Z", "kind": "crash"},
]


def whole(kind: str, tmp_path_factory) -> bytes:
    """A small export in one of the layouts met in the wild."""
    if kind in {"pretty", "compact"}:
        document = {**HEADER, "samples": SAMPLES, "events": EVENTS}
        text = json.dumps(document, indent=2 if kind == "pretty" else None, ensure_ascii=False)
        return text.encode()
    path = tmp_path_factory.mktemp("whole") / f"e.{kind}"
    return Telemetry(HEADER, SAMPLES, EVENTS).write(path).read_bytes()


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> dict[str, bytes]:
    kinds = ("json", "ndjson", "json.gz", "ndjson.gz", "pretty", "compact")
    return {kind: whole(kind, tmp_path_factory) for kind in kinds}


class TestCut:
    @pytest.mark.parametrize("kind", ["json", "ndjson", "pretty", "compact", "ndjson.gz"])
    def test_a_file_cut_at_any_byte_keeps_what_is_whole(self, exports, kind):
        data = exports[kind]
        full = read(data, "x")
        assert (full.samples, full.events, full.findings) == (SAMPLES, EVENTS, [])
        most = 0
        for cut in range(len(data)):
            try:
                document = read(data[:cut], "x")
            except TelemetryError as error:
                assert most == 0, f"refused at {cut} though records were whole"
                assert "x" in str(error)  # noqa: PT017
                continue
            kept = len(document.samples) + len(document.events)
            assert document.samples == SAMPLES[: len(document.samples)]
            assert document.events == EVENTS[: len(document.events)]
            assert kept >= most
            most = kept
            if kept < len(SAMPLES) + len(EVENTS):
                assert [each for each in document.findings if each.severity == "error"]
        assert most == len(SAMPLES) + len(EVENTS)

    def test_a_cut_says_where_the_file_ends(self, exports):
        data = exports["ndjson"]
        cut = data.index(b"00:02:00") + 3
        document = read(data[:cut], "x.ndjson")
        (ends, missing) = document.findings
        assert str(ends) == (
            f"x.ndjson:4: the file ends in the middle of this record, at byte {cut}"
        )
        assert missing.message == "4 of 7 records are missing"
        assert (len(document.samples), document.skipped) == (2, 5)

    def test_a_cut_document_says_where_it_ends(self, exports):
        data = exports["json"]
        cut = data.index(b"00:02:00") + 3
        document = read(data[:cut], "x.json")
        assert f"at byte {cut}" in document.findings[0].message
        assert document.samples == SAMPLES[:2]

    def test_a_document_without_its_last_brace_says_so(self):
        document = read(f'{{"format": "{FORMAT}", "version": 1,'.encode(), "x")
        assert "ends early, at byte" in document.findings[0].message

    def test_cut_gzip_says_how_much_was_there(self, exports):
        document = read(exports["ndjson.gz"][:-9], "x")
        assert "gzip data ends early" in document.findings[0].message
        assert document.samples

    def test_gzip_members_follow_one_another(self):
        head = gzip.compress(json.dumps({"format": FORMAT, "version": 1}).encode() + b"\n")
        tail = gzip.compress(json.dumps(SAMPLES[0]).encode() + b"\n")
        document = read(head + tail + b"\0\0", "x")
        assert document.samples == SAMPLES[:1]
        assert document.findings == []

    def test_damaged_gzip_gives_what_came_before(self):
        lines = [json.dumps({"format": FORMAT, "version": 1})]
        lines += [json.dumps({"at": "2026-01-01T00:00:00Z", "n": n * 7919}) for n in range(4000)]
        data = bytearray(gzip.compress("\n".join(lines).encode()))
        data[len(data) // 2] ^= 0xFF
        data[len(data) // 2 + 1] ^= 0xFF
        document = read(bytes(data), "x")
        assert 100 < len(document.samples) < 4000
        assert any("gzip data is damaged" in each.message for each in document.findings)

    def test_gzip_of_nothing_readable_is_refused(self):
        with pytest.raises(TelemetryError, match="damaged gzip"):
            read(b"\x1f\x8b" + b"\xff" * 40, "x.gz")


class TestDamage:
    def test_a_damaged_line_is_named_and_the_rest_loads(self, write_lines):
        path = write_lines(SAMPLES[0], '{"at": "2026-', SAMPLES[1], "[]", SAMPLES[2])
        telemetry = Telemetry.open(path)
        assert telemetry.sample_records == tuple(SAMPLES[:3])
        assert telemetry.skipped == 2
        first, second = telemetry.findings
        assert (first.line, first.source) == (3, str(path))
        assert "not JSON" in first.message
        assert second.message == "damaged record set aside: it is a list, not an object"

    def test_a_wrong_type_is_named_by_line_and_field(self, write_lines):
        path = write_lines(SAMPLES[0], {"at": SAMPLES[1]["at"], "video_memory_mb": "lots"})
        (finding,) = Telemetry.open(path).findings
        assert finding.line == 3
        assert finding.message.endswith("'video_memory_mb' is text, not a number")

    def test_a_sample_without_an_instant_is_set_aside(self, write_lines):
        telemetry = Telemetry.open(write_lines(SAMPLES[0], {"video_memory_mb": 3}))
        assert telemetry.skipped == 1
        assert "'at' is missing" in telemetry.findings[0].message

    @pytest.mark.parametrize("kind", ["json", "pretty", "compact"])
    def test_damage_inside_a_document_loses_one_record(self, exports, kind):
        data = exports[kind].replace(b'"video_memory_mb"', b'"video_memory_mb', 2)
        data = data.replace(b'"video_memory_mb', b'"video_memory_mb"', 1)
        document = read(data, "x")
        assert document.samples == [SAMPLES[0], *SAMPLES[2:]]
        assert document.events == EVENTS
        assert document.skipped == 1
        line = data[: data.index(SAMPLES[1]["at"].encode())].count(b"\n") + 1
        assert document.findings[0].line in {line, line - 1}

    def test_damage_to_the_last_record_of_an_array_keeps_the_next_array(self, exports):
        data = exports["json"].replace(b'"video_memory_mb":301.5', b'"video_memory_mb":3x')
        document = read(data, "x")
        assert (document.samples, document.events) == (SAMPLES[:3], EVENTS)

    def test_a_damaged_header_field_loses_no_record(self, exports):
        data = exports["json"].replace(b'"version": 1', b'"version": one')
        document = read(data, "x")
        assert (document.samples, document.events, document.skipped) == (SAMPLES, EVENTS, 0)
        assert any("header field" in each.message for each in document.findings)

    def test_a_damaged_header_line_loses_no_record(self, write_lines):
        telemetry = Telemetry.open(write_lines(*SAMPLES, header='{"format": "openv'))
        assert telemetry.sample_records == tuple(SAMPLES)
        assert telemetry.skipped == 1

    def test_a_missing_header_is_said(self, write_lines):
        telemetry = Telemetry.open(write_lines(*SAMPLES, header=None))
        assert telemetry.sample_records == tuple(SAMPLES)
        assert "no complete header" in telemetry.findings[0].message

    def test_bytes_that_are_no_text_damage_their_record_only(self, exports):
        for kind in ("json", "ndjson"):
            data = exports[kind].replace("é".encode(), b"\xff\xfe", 1)
            document = read(data, "x")
            assert document.samples == SAMPLES[1:]
            assert "not UTF-8" in document.findings[0].message

    def test_a_byte_order_mark_is_no_damage(self, exports):
        document = read(b"\xef\xbb\xbf" + exports["json"], "x")
        assert (document.samples, document.findings) == (SAMPLES, [])

    def test_nan_is_a_missing_value(self, write_lines):
        at = SAMPLES[0]["at"]
        text = f'{{"at": "{at}", "video_memory_mb": NaN, "engagement_ratio": -Infinity}}'
        telemetry = Telemetry.open(write_lines(text))
        assert telemetry.samples["video_memory_mb"].isna().all()
        assert telemetry.findings[0].message.startswith("2 values are NaN, Infinity")

    def test_numbers_beyond_reason_are_damage(self, write_lines):
        at = SAMPLES[0]["at"]
        huge = f'{{"at": "{at}", "video_memory_mb": 1e999}}'
        digits = f'{{"at": "{at}", "video_memory_mb": {"9" * 5000}}}'
        deep = f'{{"at": "{at}", "x": {"[" * 100_000}'
        telemetry = Telemetry.open(write_lines(huge, digits, deep, SAMPLES[0]))
        assert telemetry.skipped == 3
        assert len(telemetry.samples) == 1

    def test_a_clock_going_back_is_said_and_shown_by_time(self, write_lines):
        telemetry = Telemetry.open(write_lines(SAMPLES[2], SAMPLES[0], SAMPLES[3]))
        (finding,) = telemetry.findings
        assert (finding.line, finding.severity) == (3, "warning")
        assert "goes back by 120 s" in finding.message
        assert telemetry.samples["at"].is_monotonic_increasing

    def test_each_device_has_its_own_clock(self, write_lines):
        later = {**SAMPLES[3], "device_id": "a"}
        earlier = {**SAMPLES[0], "device_id": "b"}
        assert Telemetry.open(write_lines(later, earlier)).findings == ()

    def test_repeats_are_counted_once(self, write_lines):
        telemetry = Telemetry.open(write_lines(SAMPLES[0], SAMPLES[0], SAMPLES[1]))
        assert len(telemetry.samples) == 2
        assert telemetry.findings[0].message == "1 samples are exact repeats; each counts once"

    def test_findings_are_bounded_and_losses_are_not(self, write_lines):
        telemetry = Telemetry.open(write_lines(*["x"] * 1500, SAMPLES[0]))
        assert len(telemetry.findings) == 1000
        assert telemetry.skipped == 1500

    def test_a_config_that_is_no_object_is_said(self, write_lines):
        header = {"format": FORMAT, "version": 1, "config": [1]}
        telemetry = Telemetry.open(write_lines(SAMPLES[0], header=header))
        assert telemetry.config == {}
        assert "'config'" in telemetry.findings[0].message


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "is empty"),
            (b"  \n ", "is empty"),
            (b"hello", "not a performance export"),
            (b"at,video_memory_mb\n", "has neither a header nor a whole record"),
            (b"video_memory_mb,network\n3,wifi\n", "has no column 'at'"),
            (b"[1, 2]", "not a performance export"),
            (b"{}", "has neither a header nor a whole record"),
            (b"PAR1....", "is Parquet data"),
            (b"\x28\xb5\x2f\xfd....", "is zstd-compressed data"),
            (b"\x00\x01\x02\x03" * 20, "not a performance export"),
            (b'{"format": "garmin", "version": 1}', "says its format is 'garmin'"),
        ],
    )
    def test_what_is_no_export_says_why(self, data, words):
        with pytest.raises(TelemetryError) as caught:
            read(data, "some.file")
        assert words in str(caught.value)
        assert "some.file" in str(caught.value)
        assert caught.value.hint

    @pytest.mark.parametrize("version", [2, "2.0", 0, "one", True])
    def test_another_major_version_is_refused(self, version):
        header = json.dumps({"format": FORMAT, "version": version})
        with pytest.raises(TelemetryError, match="reads 1"):
            read(f"{header}\n{json.dumps(SAMPLES[0])}\n".encode(), "x")

    @pytest.mark.parametrize("version", [1, "1", 1.2, "1.7.3"])
    def test_a_minor_version_is_read(self, version):
        header = json.dumps({"format": FORMAT, "version": version})
        assert read(f"{header}\n{json.dumps(SAMPLES[0])}\n".encode(), "x").samples

    @given(st.binary(max_size=200))
    @settings(max_examples=200, deadline=None)
    def test_arbitrary_bytes_never_raise_anything_else(self, data):
        try:
            read(data, "x")
        except TelemetryError:
            return

    @given(st.integers(0, 600), st.binary(min_size=1, max_size=8))
    @settings(max_examples=200, deadline=None)
    def test_an_overwritten_stretch_never_raises_anything_else(self, exports, at, noise):
        for kind in ("json", "ndjson", "json.gz", "pretty"):
            data = bytearray(exports[kind])
            data[at : at + len(noise)] = noise
            try:
                document = read(bytes(data), "x")
            except TelemetryError:
                continue
            kept = len(document.samples) + len(document.events)
            assert kept <= len(SAMPLES) + len(EVENTS) + 1
