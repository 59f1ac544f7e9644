"""The same figures on Spark: one local session, the oracle's data, every question."""

from __future__ import annotations

import warnings
from datetime import timedelta

import golden
import oracle
import pytest

from vineview.errors import TelemetryError
from vineview.telemetry import Telemetry
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats.writing import write
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.thresholds import Thresholds

HEADER = {"format": FORMAT, "version": 1}

pytestmark = [
    # py4j leaves the sockets of collected JVM objects to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # pyspark 4.0 is older than pandas 3 and numpy 2.4, and says so on conversions we do not use
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:pyspark"),
]


@pytest.fixture(scope="module")
def spark():
    """One local session, as small as Spark gets."""
    from pyspark.sql import SparkSession

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.default.parallelism", "1")
            .config("spark.sql.adaptive.enabled", "false")
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.driver.memory", "1g")
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def records():
    return oracle.session(samples=120)


@pytest.fixture(scope="module")
def many():
    return oracle.fleet(3)


@pytest.fixture(scope="module")
def folder(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("spark") / "one"
    write(HEADER, *records, f"{path}/")
    return path


@pytest.fixture(scope="module")
def store(spark, folder):
    return Store.of_folders(folder, engine="spark")


@pytest.fixture(scope="module")
def fleet(spark, many, tmp_path_factory):
    path = tmp_path_factory.mktemp("spark") / "fleet"
    write(HEADER, *many, f"{path}/")
    return Store.of_folders(path, engine="spark")


def test_memory(store, records):
    golden.check_memory(store, records[0])


def test_preloads_and_where_they_fail(store, records):
    golden.check_preloads(store, records[1])


def test_errors_and_their_classes(store, records):
    golden.check_errors(store, records[1])


def test_time_buckets_split_at_restarts(store, records):
    golden.check_buckets(store, records[0])


def test_scrolling_and_content_types_beside_memory(fleet, many):
    golden.check_patterns(fleet, *many, within=True)


def test_devices_ranked_by_growth(fleet, many):
    golden.check_fleet(fleet, many[0])


def test_alerts_from_picked_rows_equal_those_from_all(store, records):
    golden.check_alerts(store, Telemetry(HEADER, *records), Thresholds())


def test_the_envelope_keeps_extremes(store, records):
    start = oracle.START + timedelta(seconds=700)
    golden.check_envelope(store, records[0], start, start + timedelta(seconds=2000), 7)


def test_an_export_opened_on_spark_says_what_duckdb_says(spark, folder, records):
    there = Telemetry.open(folder, engine="spark")
    here = Telemetry(HEADER, *records)
    assert there.coverage == here.coverage
    assert there.end_at.tzinfo is not None
    recent, wanted = there.analytics("30m"), here.analytics("30m")
    assert recent.coverage.text == wanted.coverage.text
    assert recent.sample_count == wanted.sample_count
    assert recent.memory_usage.peak_mb == wanted.memory_usage.peak_mb
    assert recent.memory_usage.leak == wanted.memory_usage.leak
    assert recent.alert_summary.total_alerts == wanted.alert_summary.total_alerts


def test_an_empty_export_is_empty_on_spark(spark, tmp_path):
    """Without a day's folder the header lies beside the Parquet file."""
    write(HEADER, [], [], f"{tmp_path}/none/")
    assert Telemetry.open(tmp_path / "none", engine="spark").store.overview()["records"] == 0


def test_what_spark_cannot_read_names_the_engine(spark, tmp_path):
    with pytest.raises(TelemetryError, match="cannot be read by spark"):
        Store.of_folders(tmp_path / "nowhere", engine="spark")
