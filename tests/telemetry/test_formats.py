"""Every format: what is whole is read, what is not is named; nothing else is raised."""

from __future__ import annotations

import gzip
import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vineview.errors import TelemetryError
from vineview.telemetry import Telemetry
from vineview.telemetry.formats.columns import table_to_records
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.reading import read
from vineview.telemetry.formats.writing import write
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.table import SCHEMA

HEADER = {"format": FORMAT, "version": 1, "source": 'test, "quoted"'}
SAMPLES = [
    {
        "at": f"2026-01-0{1 + index // 2}T00:0{index}:00Z",
        "device_id": "d1",
        "video_memory_mb": 100.5 * index,
        "note": 'é{]["\n,',
    }
    for index in range(3)
]
EVENTS = [
    {"at": "2026-01-01T00:00:10Z", "kind": "feed", "videos": [{"id": "a"}]},
    {"at": "2026-01-01T00:00:20Z", "kind": "preload", "success": True, "error": None},
    {"at": "2026-01-01T00:00:30Z", "kind": "crash"},
]
PLAIN = "at,device_id,video_memory_mb,battery\n2026-01-01T00:00:00Z,a,120.5,7\n"


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    kinds = ("csv", "csv.gz", "csv.zst", "ndjson.zst", "parquet")
    return {
        kind: write(HEADER, SAMPLES, EVENTS, folder / f"e.{kind}").read_bytes() for kind in kinds
    }


class TestCut:
    @pytest.mark.parametrize("kind", ["csv", "csv.gz", "csv.zst", "ndjson.zst", "parquet"])
    def test_a_file_cut_at_any_byte_keeps_what_is_whole(self, exports, kind):
        data, most = exports[kind], 0
        full = read(data, "x")
        assert (full.header, full.samples, full.events) == (HEADER, SAMPLES, EVENTS)
        assert full.findings == []
        for cut in range(0, len(data), {"parquet": 7, "csv": 3}.get(kind, 1)):
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
        if kind.startswith("csv") and kind != "csv.zst":
            assert most == len(SAMPLES) + len(EVENTS) - (kind == "csv")

    def test_a_cut_row_is_named(self, exports):
        data = exports["csv"]
        document = read(data[: data.index(b"2026-01-02T00:02") + 4], "x.csv")
        assert len(document.samples) == 2
        assert "x.csv:5: the file ends in the middle of this record" in map(str, document.findings)

    def test_parquet_without_its_end_says_so(self, exports):
        with pytest.raises(TelemetryError, match="Parquet data that cannot be read"):
            read(exports["parquet"][:-20], "x.parquet")

    def test_a_stream_cut_at_any_byte_gives_what_reading_it_whole_gives(self, tmp_path):
        data = write(HEADER, SAMPLES, EVENTS, tmp_path / "e.ndjson").read_bytes()
        path = tmp_path / "cut.ndjson"
        for cut in range(data.index(b"\n"), len(data), 3):
            path.write_bytes(data[:cut])
            document = Document(str(path))
            rows = sum(table.num_rows for table in open_tables(path, document))
            whole = read(data[:cut], str(path))
            assert rows == len(whole.samples) + len(whole.events)
            assert [str(each) for each in document.findings] == [
                str(each) for each in whole.findings
            ]


class TestCsv:
    def test_plain_samples_from_elsewhere(self):
        document = read(PLAIN.encode(), "x.csv")
        assert document.samples == [
            {
                "at": "2026-01-01T00:00:00Z",
                "device_id": "a",
                "video_memory_mb": 120.5,
                "battery": 7,
            }
        ]
        assert any("no header" in each.message for each in document.findings)

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace(",", ";"),
            lambda text: text.replace(",", "\t"),
            lambda text: text.replace("\n", "\r\n"),
            lambda text: text.rstrip(),
            lambda text: text.replace("120.5", '"120.5"'),
            lambda text: text.replace(",", ";").replace("120.5", "120,5"),
        ],
        ids=["semicolons", "tabs", "windows", "no last line end", "quoted", "decimal comma"],
    )
    def test_as_others_write_it(self, change):
        (sample,) = read(change(PLAIN).encode(), "x").samples
        assert (sample["device_id"], sample["video_memory_mb"]) == ("a", 120.5)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
    def test_other_encodings(self, encoding):
        document = read(PLAIN.replace(",a,", ",café,").encode(encoding), "x")
        assert document.samples[0]["device_id"] == "café"
        assert encoding == "utf-8-sig" or any("; read as" in f.message for f in document.findings)

    def test_nan_is_a_missing_value(self):
        document = read(PLAIN.replace("120.5", "NaN").encode(), "x")
        assert "video_memory_mb" not in document.samples[0]
        assert any("1 values are NaN" in each.message for each in document.findings)

    def test_a_damaged_row_is_named_and_the_rest_loads(self):
        text = PLAIN + "2026-01-01,a,lots,1\nnever,a,1,1\n2026-01-01,a\n2026-01-02,b,3,4\n"
        document = read(text.encode(), "x.csv")
        assert [each["device_id"] for each in document.samples] == ["a", "b"]
        assert document.skipped == 3
        damaged = {each.line: each.message for each in document.findings if each.line}
        assert "'video_memory_mb' is 'lots', not a number" in damaged[3]
        assert "not an ISO-8601 instant" in damaged[4]
        assert "it has 2 values, not 4" in damaged[5]

    def test_a_missing_metric_is_said(self):
        document = read(b"at,network\n2026-01-01,wifi\n", "x.csv")
        assert any("no column 'video_memory_mb'" in each.message for each in document.findings)

    def test_extra_that_is_no_object_is_damage(self, exports):
        data = exports["csv"].replace(b'"{""note""', b'"[""note""', 1)
        document = read(data, "x")
        assert (len(document.samples), document.skipped) == (2, 1)

    def test_another_major_version_is_refused(self, exports):
        data = exports["csv"].replace(b'""version"":1', b'""version"":2')
        with pytest.raises(TelemetryError, match="reads 1"):
            read(data, "x")


def parquet_of(**columns) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


class TestParquet:
    def test_from_elsewhere(self):
        at = pa.array(pd.to_datetime(["2026-01-01", "2026-01-02"]))
        data = parquet_of(at=at, video_memory_mb=[1, 2], battery=[[1], [2]])
        document = read(data, "x")
        assert document.samples[1] == {
            "at": "2026-01-02T00:00:00Z",
            "video_memory_mb": 2,
            "battery": [2],
        }
        assert any("no complete header" in each.message for each in document.findings)

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ({"at": [1, 2]}, "x.parquet: column 'at' is int64, not an instant"),
            ({"at": ["2026-01-01"], "video_memory_mb": ["1"]}, "'video_memory_mb' is string, not"),
            ({"at": ["2026-01-01"], "device_id": [4]}, "'device_id' is int64, not text"),
            ({"when": ["2026-01-01"], "memory": [4]}, "has no column 'at'; its columns are when"),
        ],
    )
    def test_a_wrong_schema_names_file_and_column(self, columns, words):
        with pytest.raises(TelemetryError, match=words) as caught:
            read(parquet_of(**columns), "x.parquet")
        assert caught.value.source == "x.parquet"
        assert caught.value.hint

    def test_a_folder_by_other_keys(self, tmp_path):
        inner = tmp_path / "set" / "platform=ios"
        inner.mkdir(parents=True)
        (inner / "a.parquet").write_bytes(parquet_of(at=["2026-01-01"], video_memory_mb=[1.0]))
        (sample,) = Telemetry.open(tmp_path / "set").sample_records
        assert sample["platform"] == "ios"

    def test_an_export_by_day_opens_as_one(self, tmp_path):
        write(HEADER, SAMPLES, EVENTS, f"{tmp_path}/days/")
        assert {each.name for each in (tmp_path / "days").iterdir()} == {
            "day=2026-01-01",
            "day=2026-01-02",
            "header.json",
        }
        telemetry = Telemetry.open(tmp_path / "days")
        assert telemetry.header == HEADER
        assert len(telemetry.sample_records) == 3
        assert pq.read_schema(next((tmp_path / "days").rglob("*.parquet"))) == SCHEMA


def otlp(*metrics, labels=()) -> bytes:
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in labels]
    scope = {"metrics": list(metrics)}
    resource = {"resource": {"attributes": attributes}, "scopeMetrics": [scope]}
    return json.dumps({"resourceMetrics": [resource]}).encode()


def gauge(name, *points, unit="", kind="gauge", **more):
    data = [
        {"timeUnixNano": f"{at}000000000", "asInt" if isinstance(value, int) else "asDouble": value}
        for at, value in points
    ]
    return {"name": name, "unit": unit, kind: {"dataPoints": data, **more}}


class TestOtlp:
    def test_points_of_one_instant_are_one_sample(self):
        labels = [("device.id", "d"), ("os.type", "Android"), ("network.connection.type", "cell")]
        data = otlp(
            gauge("openvine.video.memory", (60, 2**20), unit="By"),
            gauge("video_controllers", (60, 4), (90, 5)),
            gauge("battery", (60, 0.5)),
            labels=[*labels, ("service.version", "1.4")],
        )
        document = read(data, "x.otlp.json")
        who = {"device_id": "d", "platform": "android", "network": "cellular", "app_version": "1.4"}
        assert document.samples == [
            {
                "at": "1970-01-01T00:01:00Z",
                **who,
                "video_memory_mb": 1,
                "video_controllers": 4,
                "battery": 0.5,
            },
            {"at": "1970-01-01T00:01:30Z", **who, "video_controllers": 5},
        ]
        assert document.findings == []

    @pytest.mark.parametrize(
        ("name", "unit", "wanted"),
        [
            ("video.memory", "GBy", 1e9 / 2**20),
            ("video.memory", "bytes", 2**-20),
            ("video.memory", "MiBy", 1),
            ("preload.duration", "ns", 1e-6),
            ("preload.success_rate", "1", 100),
            ("video_controllers", "{controller}", 1),
        ],
    )
    def test_units_are_brought_to_ours(self, name, unit, wanted):
        document = read(otlp(gauge(name, (1, 1.0), unit=unit)), "x")
        (value,) = (v for k, v in document.samples[0].items() if k != "at")
        assert value == pytest.approx(wanted)
        assert document.findings == []

    def test_a_unit_not_known_is_said(self):
        document = read(otlp(gauge("video.memory", (1, 1.0), unit="pages")), "x")
        (finding,) = document.findings
        assert finding.message == (
            "metric 'video.memory' has the unit 'pages', not known here; "
            "its numbers are taken for MB"
        )

    def test_increments_are_added_up(self):
        data = otlp(gauge("app_crashes", (1, 2), (2, 3), kind="sum", aggregationTemporality=1))
        assert [each["app_crashes"] for each in read(data, "x").samples] == [2, 5]

    @pytest.mark.parametrize("kind", ["histogram", "exponentialHistogram", "summary"])
    def test_of_a_histogram_the_mean_since_the_point_before_is_read(self, kind):
        points = [(1, 4, 0.8), (2, 6, 2.8), (3, 6, 2.8), (4, 1, 0.5)]  # the last after a restart
        data = [
            {"timeUnixNano": f"{at}000000000", "count": str(count), "sum": total, "max": 0.7}
            for at, count, total in points
        ]
        metric = {"name": "preload.duration", "unit": "s", kind: {"dataPoints": data}}
        document = read(otlp(metric), "x")
        means = [
            (each["preload_duration_ms"], each.get("preload_duration_ms.max"))
            for each in document.samples
        ]
        assert means == [(pytest.approx(200), 700), (pytest.approx(1000), None), (500, 700)]
        assert [each["preload_duration_ms.count"] for each in document.samples] == [4, 2, 1]
        assert document.skipped == 0
        assert f"is a {kind}: its means are read, not its" in document.findings[0].message

    def test_of_a_histogram_of_increments_each_point_stands_for_itself(self):
        points = [
            {"timeUnixNano": "1000000000", "count": 2, "sum": 10, "min": 1},
            {"timeUnixNano": "2000000000", "count": 2, "sum": 30, "min": 5},
            {"timeUnixNano": "3000000000", "count": 0},
            {"timeUnixNano": "4000000000", "count": 1},
        ]
        metric = {"name": "h", "histogram": {"aggregationTemporality": 1, "dataPoints": points}}
        document = read(otlp(metric), "x")
        assert [(each["h"], each["h.min"]) for each in document.samples] == [(5, 1), (15, 5)]
        assert [each.message for each in document.findings] == [
            "a point of 'h' has no sum",
            "metric 'h' is a histogram: its means are read, not its buckets",
        ]

    def test_a_document_without_points_says_so(self):
        for data in (b'{"resourceMetrics": "x"}', otlp(), otlp(gauge("h"))):
            assert [each.message for each in read(data, "x").findings] == ["holds no metric points"]

    def test_what_is_not_read_is_named(self):
        histogram = {"name": "h", "heatmap": {"dataPoints": [{}]}}
        data = otlp(histogram, gauge("ready_videos", (1, 2)) | {})
        document = read(data + b"\n" + data[: len(data) // 2], "x")
        assert len(document.samples) == 1
        messages = [each.message for each in document.findings]
        assert "metric 'h' is a heatmap, which is not read" in messages[0]
        assert "it ends at byte" in messages[1]


def test_zstd_and_gzip_of_the_same_are_the_same(exports):
    plain = read(exports["csv"], "x")
    for kind in ("csv.gz", "csv.zst", "ndjson.zst"):
        packed = read(exports[kind], "x")
        assert (packed.header, packed.samples) == (plain.header, plain.samples)
    assert gzip.decompress(exports["csv.gz"]) == exports["csv"]


class TestFrames:
    """Packed in several frames, as tools do that compress in parallel."""

    @staticmethod
    def packed(*parts):
        skipped = b"\x5a\x2a\x4d\x18" + bytes((2, 0, 0, 0)) + b"ab"
        codec = pa.Codec("zstd")
        return b"".join(skipped + codec.compress(part).to_pybytes() for part in parts)

    def lines(self):
        header = json.dumps({"format": FORMAT, "version": 1})
        row = '{{"at":"2026-01-01T00:00:{:02d}Z","video_memory_mb":{}}}'
        rows = [row.format(number % 60, number) for number in range(500)]
        return [f"{each}\n".encode() for each in (header, *rows)]

    def test_frames_that_are_passed_over_may_come_first(self):
        lines = self.lines()
        packed = self.packed(b"".join(lines[:200]), b"".join(lines[200:]))
        assert len(read(packed, "e.zst").samples) == 500

    @pytest.mark.parametrize("imported", [False, True])
    def test_frames_before_a_cut_or_damage_are_read_whole(self, imported, tmp_path):
        lines = self.lines()
        whole = self.packed(b"".join(lines[:200]), b"".join(lines[200:401]))
        last = self.packed(b"".join(lines[401:]))
        for damaged in (last[:-9], b"damage"):
            path = tmp_path / "e.ndjson.zst"
            path.write_bytes(whole + damaged)
            document = Document(str(path))
            if imported:
                samples = [r for t in open_tables(path, document) for r in table_to_records(t)]
            else:
                document = read(path.read_bytes(), str(path))
                samples = document.samples
            assert [each["video_memory_mb"] for each in samples] == list(range(400))
            assert "cut or damaged" in document.findings[0].message
