"""Golden figures on DuckDB: every analytic equals its brute-force twin, wherever records are."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import golden
import oracle
import pandas as pd
import pytest

from vineview.telemetry import Telemetry
from vineview.telemetry.alerting import alerts_of_store
from vineview.telemetry.engine.store import Store
from vineview.telemetry.fleet import fleet_of
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.formats.writing import write
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.thresholds import Thresholds

HEADER = {"format": FORMAT, "version": 1}


@pytest.fixture(scope="module")
def records():
    return oracle.session()


@pytest.fixture(scope="module")
def many():
    return oracle.fleet()


@pytest.fixture(scope="module", params=["memory", "parquet"])
def stores(request, records, many, tmp_path_factory):
    """The same records behind each kind of store: of one device, of a fleet."""
    made = []
    for number, (samples, events) in enumerate((records, many)):
        if request.param == "memory":
            made.append(Store.of_table(records_to_table([*samples, *events])))
        else:
            folder = tmp_path_factory.mktemp("golden") / f"export{number}"
            write(HEADER, samples, events, f"{folder}/")
            made.append(Store.of_folders(folder))
    return made


@pytest.fixture
def store(stores):
    return stores[0]


@pytest.fixture
def fleet(stores):
    return stores[1]


def test_memory(store, fleet, records, many):
    golden.check_memory(store, records[0])
    golden.check_memory(fleet, many[0])


def test_preloads_and_where_they_fail(store, fleet, records, many):
    golden.check_preloads(store, records[1])
    golden.check_preloads(fleet, many[1])


def test_errors_and_their_classes(store, fleet, records, many):
    golden.check_errors(store, records[1])
    golden.check_errors(fleet, many[1])


def test_time_buckets_split_at_restarts(store, records):
    found = golden.check_buckets(store, records[0])
    assert found["session"].max() == len(oracle.restarts(records[0])) > 1


def test_navigations_fall_into_the_buckets(store, records):
    moves = sum(event["kind"] == "navigate" for event in records[1])
    first = min(map(oracle.instant, oracle.measured(records[0])))
    before = sum(
        event["kind"] == "navigate" and oracle.instant(event) < first for event in records[1]
    )
    assert store.buckets()["navigations"].sum() == moves - before


def test_scrolling_and_content_types_beside_memory(store, fleet, records, many):
    golden.check_patterns(store, *records, within=False)
    golden.check_patterns(fleet, *many, within=True)


def test_devices_ranked_by_growth(fleet, many):
    golden.check_fleet(fleet, many[0])


def test_one_device_is_no_fleet(store):
    assert fleet_of(store) is None


@pytest.mark.parametrize("sustained_s", [0.0, 120.0])
def test_alerts_from_picked_rows_equal_those_from_all(store, records, sustained_s):
    limits = Thresholds(sustained_s=sustained_s, max_gap_s=45.0)
    header = {**HEADER, "thresholds": {"sustained_s": sustained_s, "max_gap_s": 45.0}}
    telemetry = Telemetry(header, *records)
    found = golden.check_alerts(store, telemetry, limits)
    expected = telemetry.analytics().alert_summary.recent_alerts
    told = sorted(found, key=lambda alert: alert.at)[-len(expected) :]
    assert [(a.id, a.message, a.severity, a.resolved_at) for a in told] == [
        (a.id, a.message, a.severity, a.resolved_at) for a in expected
    ]


def test_alerts_of_a_fleet_are_per_device(fleet, many):
    found = golden.check_alerts(fleet, Telemetry(HEADER, *many), Thresholds())
    assert len(found) > 20


def test_alerts_of_one_instant_do_not_hang_on_the_order_of_rows():
    """An engine gives rows of one instant in any order; the answer is the same each time."""
    rng = random.Random(1)
    at = [f"2026-01-01T00:{minute:02d}:00Z" for minute in range(6)]
    records: list[dict[str, object]] = [
        {
            "at": rng.choice(at),
            "kind": "preload",
            "video_id": f"v{rng.randrange(6)}",
            "success": rng.random() < 0.9,
            "duration_ms": rng.randrange(9000),
        }
        for _ in range(120)
    ]
    records += [{"at": rng.choice(at), "video_memory_mb": rng.randrange(1000)} for _ in range(30)]
    answers = []
    for _ in range(5):
        rng.shuffle(records)
        store = Store.of_table(records_to_table(records))
        answers.append(alerts_of_store(store, Thresholds()))
    assert answers[0].total_alerts > 20
    assert all(each == answers[0] for each in answers)


def test_alerts_of_devices_are_unique_and_say_whose_they_are(many, tmp_path, monkeypatch):
    """Also where only events say that there are several, in memory and imported alike."""
    monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
    only_events = [{k: v for k, v in each.items() if k != "device_id"} for each in many[0]], many[1]
    for records in (only_events, many):
        path = tmp_path / "e.ndjson"
        Telemetry(HEADER, *records).write(path)
        small, big = Telemetry.open(path), Telemetry.open(path, big_bytes=1)
        told = small.analytics().alert_summary
        assert told == big.analytics().alert_summary
        assert len({each.id for each in told.recent_alerts}) == len(told.recent_alerts)
        for each in told.recent_alerts:
            assert each.id.rpartition("/")[0] == each.metadata.get("device_id", "")
    assert {each.metadata.get("device_id") for each in told.recent_alerts} - {None}


def test_the_envelope_keeps_extremes(store, records):
    start = oracle.START + timedelta(seconds=700)
    golden.check_envelope(store, records[0], start, start + timedelta(seconds=4000), 17)


def test_a_fleets_growth_is_not_that_of_who_joins_late(many):
    """Two steady devices, the second heavier and later: pooled they would seem to grow."""
    samples = [
        {"at": oracle.stamp(60 * i + 3600 * d), "device_id": f"d{d}", "video_memory_mb": level}
        for d, level in enumerate((100.0, 400.0))
        for i in range(120)
    ]
    usage = Telemetry(HEADER, samples, []).analytics().memory_usage
    assert usage.robust_growth_rate_mb_per_hour == pytest.approx(0, abs=1e-6)
    assert usage.growth_rate_mb_per_second > 0.01
    assert "within each of 2 devices" in usage.leak.evidence[-1]


DEGENERATE = {
    **{f"{count} samples": [100.0 + i * i for i in range(count)] for count in (0, 1, 2, 9, 10, 11)},
    "constant": [250.0] * 40,
    "zeros": [0.0] * 40,
    "not a number": [100.0, math.nan, 120.0, math.inf, 90.0, -math.inf] * 5,
}


@pytest.mark.parametrize("kind", [*DEGENERATE, "unsorted", "clock going back", "one instant"])
def test_degenerate_input(kind, tmp_path):
    values = DEGENERATE.get(kind, [100.0 + i for i in range(40)])
    places = list(range(len(values)))
    if kind == "unsorted":
        places.reverse()
    elif kind == "clock going back":
        places = [i if i < 20 else i - 15 for i in places]
    elif kind == "one instant":
        places = [0] * len(values)
    rows = zip(places, values, strict=True)
    samples = [{"at": oracle.stamp(30 * at), "video_memory_mb": value} for at, value in rows]
    finite = [each for each in samples if math.isfinite(each["video_memory_mb"])]
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime([each["at"] for each in samples], utc=True),
            "video_memory_mb": pd.Series(values, dtype="float64"),
        }
    )
    path = tmp_path / "raw.parquet"
    frame.assign(at=frame["at"].astype("datetime64[us, UTC]")).to_parquet(path)
    for store in (Store.of_table(records_to_table(finite)), Store.of_folders(path)):
        seen = store.overview()
        expected = oracle.memory(finite)
        assert (seen["measured"] or 0) == len(finite)
        for name in ("peak", "average", "minimum"):
            assert (seen[name] or 0.0) == golden.near(expected[name])
        wanted = expected["slope"]
        assert seen["slope"] == (None if wanted is None else golden.near(wanted))
        assert store.buckets()["count"].sum() == len(finite)
    analytics = Telemetry(HEADER, finite, []).analytics()
    assert analytics.sample_count == len(finite)
    assert analytics.memory_usage.peak_mb == expected["peak"]


def test_exact_repeats_count_once():
    sample = {"at": oracle.stamp(0), "video_memory_mb": 100.0}
    later = {"at": oracle.stamp(30), "video_memory_mb": 200.0}
    analytics = Telemetry(HEADER, [sample, sample, later, sample], []).analytics()
    assert (analytics.sample_count, analytics.memory_usage.average_mb) == (2, 150.0)


def test_noise_in_a_few_samples_crowds_out_no_leak():
    """Twenty devices of 13 noisy samples, some steep by chance, and one that leaks for hours."""
    rng, samples = random.Random(8), []
    for number in range(20):
        device = f"short{number}"
        for index in range(13):
            memory = 300 + rng.gauss(0, 40)
            at = oracle.stamp(40 * index)
            samples.append({"at": at, "device_id": device, "video_memory_mb": memory})
    for index in range(360):
        memory = 300 + index / 5 + rng.gauss(0, 10)
        at = oracle.stamp(60 * index)
        samples.append({"at": at, "device_id": "leaks", "video_memory_mb": memory})
    found = fleet_of(Store.of_table(records_to_table(samples)))
    assert found.worst[0].device_id == "leaks"
    assert found.worst[0].leak.verdict == "leaking"
    assert found.growing == 1
