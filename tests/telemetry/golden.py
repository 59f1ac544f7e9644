"""What a store must answer, compared with the oracle figure by figure; on whatever engine."""

from __future__ import annotations

import oracle
import pytest

from vineview.telemetry.alerting import alerts_in_store, alerts_of_records
from vineview.telemetry.engine import fleets, queries
from vineview.telemetry.failures import errors_of
from vineview.telemetry.fleet import fleet_of
from vineview.telemetry.loading import preloads_of
from vineview.telemetry.metrics import METRICS
from vineview.telemetry.patterns import patterns_of
from vineview.telemetry.thresholds import Thresholds

NEAR = {"rel": 1e-6, "abs": 1e-6}


def near(value):
    return pytest.approx(value, **NEAR)


def check_memory(store, samples):
    seen, expected = store.overview(), oracle.memory(samples)
    assert seen["samples"] == len(samples)
    told = {name for name in METRICS if any(each.get(name) is not None for each in samples)}
    assert set(store.names()) & METRICS.keys() == told
    for name in ("peak", "average", "minimum"):
        assert (seen[name] or 0.0) == near(expected[name])
    assert seen["slope"] == (None if expected["slope"] is None else near(expected["slope"]))
    found = store.rows(queries.distribution, width_mb=100.0)
    assert [(each["start"], each["count"]) for each in found] == expected["distribution"]
    rows = oracle.measured(samples)
    last = [each["video_memory_mb"] for each in store.rows(queries.tail, count=20)]
    if len({oracle.instant(each) for each in rows}) == len(rows):
        assert last == [each["video_memory_mb"] for each in rows[::-1][:20]]


def check_preloads(store, events):
    expected, found = oracle.preloads(events), preloads_of(store, slow_ms=5000.0)
    assert (found.total_preloads, found.failed_preloads) == (expected["total"], expected["failed"])
    assert (found.slow_preloads, found.fast_preloads) == (expected["slow"], expected["fast"])
    assert found.timeouts == expected["timeouts"]
    assert found.average_time_ms == near(expected["average_ms"])
    assert found.median_time_ms == near(expected["median_ms"])
    assert found.cache_hit_rate == near(expected["cache"])
    for dimension in ("network", "platform", "app_version", "country"):
        groups = {g.value: g for g in found.groups if g.dimension == dimension}
        wanted = oracle.preloads_by(events, dimension)
        assert groups.keys() == wanted.keys()
        for value, each in wanted.items():
            group = groups[value]
            assert group.total_preloads == each["total"]
            assert group.failed_preloads == each["failed"]
            assert (group.timeouts, group.slow_preloads) == (each["timeouts"], each["slow"])
            assert group.average_time_ms == near(each["average_ms"])
            assert group.median_time_ms == near(each["median_ms"])
            assert group.cache_hit_rate == near(each["cache"])


def check_errors(store, events):
    messages, classes = oracle.errors(events)
    total = sum(map(len, messages.values()))
    preloads = preloads_of(store, slow_ms=5000.0)
    found = errors_of(store, preloads, present_s=7200.0)
    assert (found.total_errors, found.unique_errors) == (total, len(messages))
    assert found.errors_per_hour == near(total / 2)
    for each in found.top_errors:
        instants = messages[each.message]
        assert each.count == len(instants)
        assert each.share == near(len(instants) / total)
        assert each.first_at.timestamp() == near(min(instants))
        assert each.last_at.timestamp() == near(max(instants))
    assert {each.name: each.count for each in found.classes} == classes


def check_buckets(store, samples, wanted=48):
    found, expected = store.buckets(), oracle.buckets(samples, wanted)
    assert len(found) == len(expected)
    for row, each in zip(found.to_dict("records"), expected, strict=True):
        for name, value in each.items():
            assert row[name] == near(value), name
    return found


def check_patterns(store, samples, events, *, within):
    found = patterns_of(store)
    bands = oracle.bands(samples, events, found.slot_s, within=within)
    numbers = {"still": 0, "watching": 1, "heavy": 2}
    assert {numbers[each.name] for each in found.scrolling} == set(bands)
    for each in found.scrolling:
        wanted = bands[numbers[each.name]]
        assert (each.slots, each.navigations) == (wanted["slots"], wanted["navigations"])
        assert each.average_mb == near(wanted["average_mb"])
        change = wanted["change_mb"]
        per_minute = None if change is None else near(change / (found.slot_s / 60))
        assert each.change_mb_per_minute == per_minute
    types = oracle.types(samples, events, found.slot_s, within=within)
    assert {each.mime_type for each in found.content_types} == set(types)
    for each in found.content_types:
        wanted = types[each.mime_type]
        assert (each.total_preloads, each.failed_preloads) == (wanted["total"], wanted["failed"])
        assert each.average_bytes == near(wanted["bytes"])
        assert each.average_time_ms == near(wanted["average_ms"])
        assert each.average_mb == near(wanted["average_mb"])


def check_fleet(store, samples):
    expected, found = oracle.devices(samples), fleet_of(store)
    assert found.devices == len(expected)
    hours = [each["hours"] for each in expected.values()]
    assert (found.least_hours, found.most_hours) == (near(min(hours)), near(max(hours)))
    assert found.median_hours == near(oracle.median(hours))
    slopes = [each["slope"] for each in expected.values()]
    assert found.median_growth_mb_per_hour == near(oracle.median(slopes) * 3600)
    ranked = sorted(expected, key=lambda name: -expected[name]["surely"])
    assert [each.device_id for each in found.worst] == ranked[:10]
    for each in found.worst:
        wanted = expected[each.device_id]
        assert (each.samples, each.sessions) == (wanted["samples"], wanted["sessions"])
        assert (each.average_mb, each.peak_mb) == (near(wanted["average"]), near(wanted["peak"]))
        assert each.growth_rate_mb_per_hour == near(wanted["slope"] * 3600)
    rows = store.rows(fleets.device_buckets, limit=1, wanted=10)
    own = [each for each in samples if each["device_id"] == ranked[0]]
    assert sum(each["count"] for each in rows) == len(oracle.measured(own))


def check_alerts(store, telemetry, limits: Thresholds):
    """The few rows the engine picks tell the same as all of them."""
    wanted = alerts_of_records(telemetry)
    books = alerts_in_store(store, limits)
    found = [alert for book in books.values() for alert in book.history]
    assert len(found) == wanted.total_alerts
    latest = max(alert.at for alert in found)
    assert latest == wanted.recent_alerts[-1].at
    return found


def check_envelope(store, samples, start, end, buckets):
    found = store.envelope("video_memory_mb", start, end, buckets)
    first, last = start.timestamp(), end.timestamp()
    rows = [each for each in oracle.measured(samples) if first <= oracle.instant(each) <= last]
    cut: dict[int, list] = {}
    for row in rows:
        place = int((oracle.instant(row) - first) / (last - first) * buckets)
        cut.setdefault(min(place, buckets - 1), []).append(row)
    assert list(found.columns) == ["at", "low", "high", "low_at", "high_at"]
    assert len(found) == len(cut)
    for row, (place, group) in zip(found.itertuples(), sorted(cut.items()), strict=True):
        assert row.at.timestamp() == near(first + place * (last - first) / buckets)
        values = [each["video_memory_mb"] for each in group]
        assert (row.low, row.high) == (min(values), max(values))
        at_low = {oracle.instant(each) for each in group if each["video_memory_mb"] == row.low}
        assert row.low_at.timestamp() in at_low
