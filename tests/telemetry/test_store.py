"""The store: what it refuses, what it keeps, and that big files open without being read."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import oracle
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vineview.errors import TelemetryError
from vineview.telemetry import Telemetry, keeping
from vineview.telemetry.engine import queries
from vineview.telemetry.engine.crossings import crossings
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.formats.writing import write
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.thresholds import Thresholds

HEADER = {"format": FORMAT, "version": 1, "config": {"max_videos": 50}}


@pytest.fixture(scope="module")
def records():
    return oracle.session(samples=90)


@pytest.fixture
def kept(records, tmp_path):
    """The same export, as a folder that stays where it is."""
    path = tmp_path / "kept"
    write(HEADER, *records, f"{path}/")
    held = Store.of_folders(path)
    return Telemetry(HEADER, (), (), store=held, origins=[str(path)])


def at_once(record):
    return sorted(record.items(), key=str)


class TestKept:
    def test_it_says_what_the_records_say(self, kept, records):
        here = Telemetry(HEADER, *records)
        there, wanted = kept.analytics(), here.analytics()
        assert not kept.is_in_memory
        assert there.memory_usage.leak == wanted.memory_usage.leak
        assert there.sample_count == wanted.sample_count
        assert there.coverage == wanted.coverage
        assert there.error_analysis == wanted.error_analysis
        assert there.user_patterns.scrolling == wanted.user_patterns.scrolling
        assert (kept.start_at, kept.end_at) == (here.start_at, here.end_at)
        assert repr(kept) == repr(here)

    def test_a_range(self, kept, records):
        recent = kept.analytics("20m")
        assert recent.sample_count == Telemetry(HEADER, *records).analytics("20m").sample_count
        assert recent.coverage.text.startswith("20 min asked")

    def test_records_and_frames_come_when_asked_for(self, kept, records):
        assert sorted(map(at_once, kept.sample_records)) == sorted(map(at_once, records[0]))
        assert len(kept.events) == len(records[1])

    def test_it_is_written_without_loss(self, kept, records, tmp_path):
        again = Telemetry.open(kept.write(tmp_path / "again.ndjson"))
        assert sorted(map(at_once, again.sample_records)) == sorted(map(at_once, records[0]))


def test_records_without_an_instant_are_passed_over_as_readers_do(tmp_path):
    path = tmp_path / "raw.parquet"
    at = pa.array([0, None, 60_000_000], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"at": at, "video_memory_mb": [1.0, 900.0, 2.0]}), path)
    seen = Store.of_folders(path).overview()
    assert (seen["measured"], seen["peak"]) == (2, 2.0)
    assert len(Telemetry.open(path).sample_records) == 2


def test_analytics_of_a_range_are_worked_out_once(records):
    telemetry = Telemetry(HEADER, *records)
    assert telemetry.analytics("1h") is telemetry.analytics("60m")


class TestCarriedLabels:
    """Labels are in the samples only; an event was under those of the sample before it."""

    SAMPLES = (
        {"at": oracle.stamp(0), "network": "wifi", "platform": "ios"},
        {"at": oracle.stamp(30), "platform": "ios"},
        {"at": oracle.stamp(60), "network": "cellular", "platform": "ios"},
    )
    EVENTS = tuple(
        {"at": oracle.stamp(at), "kind": "preload", "success": at >= 60} for at in (-1, 40, 60, 70)
    )

    @pytest.fixture(params=["memory", "imported", "parquet"])
    def opened(self, request, tmp_path, monkeypatch):
        """The same records, wherever they are."""
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))

        def made(samples, events):
            telemetry = Telemetry(HEADER, samples, events)
            if request.param == "memory":
                return telemetry
            folder = request.param == "parquet"
            path = telemetry.write(f"{tmp_path}/kept/" if folder else tmp_path / "kept.ndjson")
            return Telemetry.open(path, big_bytes=1)

        return made

    def test_they_reach_the_events_of_the_device(self, opened):
        telemetry = opened(self.SAMPLES, self.EVENTS)
        assert rates_by(telemetry, "network") == {"wifi": 0.0, "cellular": 1.0, "unknown": 0.0}
        assert rates_by(telemetry, "platform") == pytest.approx({"ios": 2 / 3, "unknown": 0.0})

    def test_an_event_keeps_its_own_and_lends_it_to_none(self, opened):
        own = {"at": oracle.stamp(50), "kind": "preload", "success": True, "network": "5g"}
        found = rates_by(opened(self.SAMPLES, [*self.EVENTS, own]), "network")
        assert found == {"wifi": 0.0, "cellular": 1.0, "unknown": 0.0, "5g": 1.0}

    def test_of_several_devices_an_event_says_whose_it_is(self, opened):
        samples = [
            {"at": oracle.stamp(at), "device_id": device, "network": network}
            for at, device, network in ((0, "a", "wifi"), (1, "b", "cellular"))
        ]
        events = [
            {
                "at": oracle.stamp(9),
                "kind": "preload",
                "success": device == "b",
                "device_id": device,
            }
            for device in ("a", "b", None)
        ]
        events[-1].pop("device_id")
        found = rates_by(opened(samples, events), "network")
        assert found == {"wifi": 0.0, "cellular": 1.0, "unknown": 0.0}


def rates_by(telemetry, dimension):
    groups = telemetry.analytics().preload_performance.groups
    return {each.value: each.success_rate for each in groups if each.dimension == dimension}


def test_threads_may_ask_one_store(records):
    store, answers = Store.of_table(records_to_table([*records[0], *records[1]])), []

    def ask():
        answers.extend(len(store.ask(queries.tail, count=20)) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers == [20] * 20


def test_stores_may_be_asked_at_once(records, tmp_path):
    """A chart and analytics build their questions in threads of their own."""
    write(HEADER, *records, f"{tmp_path}/kept/")
    table = records_to_table([*records[0], *records[1]])
    stores = [Store.of_table(table), Store.of_folders(tmp_path / "kept")]
    wanted, found = crossings_of(stores[0]), list[object]()
    threads = [
        threading.Thread(target=lambda store=store: found.append(crossings_of(store)))
        for store in stores * 3
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [wanted] * 6


def crossings_of(store):
    """Answers of windowed questions no other test compiles, from several cuts of the store."""
    limits = Thresholds(high_memory_mb=123.0)
    rows = store.rows(crossings, limits=limits, within=True)
    return [(row["at"], row["failures"]) for row in rows], store.buckets()["median"].tolist()


class TestRefusals:
    @pytest.mark.parametrize(
        ("engine", "says"),
        [
            ("oracle://db", "no engine known"),
            ("trino://host/catalog", "trino is not installed"),
            ("clickhouse://host", "clickhouse_connect is not installed"),
            ("spark://", "engine spark:// names no host"),
            ("trino://me:secret@host/c", r"trino://me:\*\*\*@host/c: trino is not installed"),
        ],
    )
    def test_an_engine_that_is_not_there_is_named(self, engine, says, tmp_path):
        with pytest.raises(TelemetryError, match=says) as caught:
            Telemetry.open(tmp_path, engine=engine)
        assert caught.value.hint

    @pytest.mark.parametrize("scheme", ["spark", "sc"])
    def test_an_engine_that_does_not_answer_is_told_at_once(self, scheme, tmp_path):
        """And not after the minute that its own client tries for."""
        with socket.socket() as taken:  # bound, and nobody listens
            taken.bind(("127.0.0.1", 0))
            address = f"{scheme}://127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(TelemetryError, match=f"{address} cannot be reached") as caught:
                Store.of_folders(tmp_path, engine=address)
        assert "that the engine runs" in caught.value.hint

    def test_the_default_may_be_named(self, tmp_path):
        sample = {"at": "2026-01-01T00:00:00Z", "video_memory_mb": 5.0}
        path = Telemetry({}, [sample], []).write(tmp_path / "e.ndjson")
        assert Telemetry.open(path, engine="duckdb").analytics().memory_usage.peak_mb == 5

    def test_a_folder_without_parquet(self, tmp_path):
        with pytest.raises(TelemetryError, match="holds no Parquet"):
            Store.of_folders(tmp_path)

    @pytest.mark.parametrize(
        ("columns", "says"),
        [
            ({"when": [1]}, "column 'at' is missing"),
            ({"at": ["yesterday"]}, "column 'at' is string"),
            ({"video_memory_mb": ["much"]}, "column 'video_memory_mb' is string, not float64"),
        ],
    )
    def test_other_names_and_types_name_the_column(self, columns, says, tmp_path):
        if "video_memory_mb" in columns:
            columns = {"at": pa.array([0], pa.timestamp("us", tz="UTC")), **columns}
        pq.write_table(pa.table(columns), tmp_path / "other.parquet")
        with pytest.raises(TelemetryError, match=says):
            Store.of_folders(tmp_path)

    def test_several_folders_need_not_have_the_same_columns(self, tmp_path):
        at = pa.array([0, 60_000_000], pa.timestamp("us", tz="UTC"))
        for name in ("video_memory_mb", "video_controllers"):
            (tmp_path / name).mkdir()
            pq.write_table(pa.table({"at": at, name: [1.0, 2.0]}), tmp_path / name / "a.parquet")
        store = Store.of_folders(tmp_path / "video_memory_mb", tmp_path / "video_controllers")
        seen = store.overview()
        assert (seen["samples"], seen["peak"], seen["most_controllers"]) == (4, 2, 2)

    @pytest.mark.parametrize(
        ("says", "expected"),
        [
            ("Catalog Error: Scalar Function with name kurtosis2 does not exist!", "lacks"),
            ("[UNRESOLVED_ROUTINE] Cannot resolve routine `median` on search path", "lacks"),
            ("Code: 46. DB::Exception: Unknown function quantile_cont", "lacks"),
            ("line 1:8: Function 'approx' not registered", "lacks"),
            ("[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column cannot be resolved", "failed"),
            ("Could not resolve host: fleet.example", "cannot be reached"),
        ],
    )
    def test_what_an_engine_says_is_told_apart(self, says, expected, records):
        store = Store.of_table(records_to_table(records[0]))

        def overview(_records, **_options):
            raise RuntimeError(says)

        with pytest.raises(TelemetryError, match=rf"engine duckdb {expected}.* for 'overview'"):
            store.rows(overview)

    def test_an_engine_that_lacks_a_function_is_named_with_it(self, records):
        """As the engine itself says it, and as Ibis does where it knows before asking."""
        import ibis

        @ibis.udf.scalar.builtin
        def of_elsewhere(value: float) -> float: ...

        @ibis.udf.scalar.python
        def in_python(value: float) -> float:
            return value

        store = Store.of_table(records_to_table(records[0]))
        for each, name in ((of_elsewhere, "of_elsewhere"), (in_python, "in_python")):

            def question(table, function=each):
                return table.select(x=function(table.video_memory_mb))

            with pytest.raises(TelemetryError, match=f"engine duckdb lacks .*{name}") as caught:
                store.ask(question)
            assert "another engine" in caught.value.hint

    def test_a_file_that_is_no_parquet(self, tmp_path):
        (tmp_path / "a.parquet").write_bytes(b"PAR1 is not enough")
        with pytest.raises(TelemetryError, match=r"cannot be read by duckdb"):
            Store.of_folders(tmp_path)


def test_small_files_are_read_and_engines_asked(tmp_path, records):
    small = Telemetry(HEADER, *records).write(tmp_path / "small.ndjson")
    (source,) = keeping.stores_of([small], engine=None)
    assert source.name == str(small)


def test_importing_vineview_loads_no_engine():
    code = "import sys, vineview, vineview.telemetry.schema; "
    code += "print([m for m in ('ibis', 'duckdb', 'pyspark') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
