"""The rooms beneath a growth rate: buckets, rates, shapes and signs, each by its own promise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from vineview.telemetry.engine import queries
from vineview.telemetry.engine.store import Store
from vineview.telemetry.formats.columns import records_to_table
from vineview.telemetry.growth import shapes, signs
from vineview.telemetry.growth.buckets import COLUMNS, bucket_count, buckets_of
from vineview.telemetry.growth.leak import Verdict, judge, rate_texts
from vineview.telemetry.growth.rates import huber, theil_sen
from vineview.telemetry.growth.trend import growth


def samples(hours, values, **more) -> pd.DataFrame:
    """Samples at hours since the start of 2026."""
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.asarray(hours) * 3600, unit="s")
    return pd.DataFrame({"at": at, "video_memory_mb": np.asarray(values, dtype=float), **more})


def records_of(table: pd.DataFrame) -> list[dict[str, object]]:
    """The same as records of an export."""
    return [
        {"at": at.isoformat(), "video_memory_mb": value}
        for at, value in zip(table["at"], table["video_memory_mb"], strict=True)
    ]


def between(ordered, share) -> float:
    place = share * (ordered.size - 1)
    low, high = ordered[int(place)], ordered[math.ceil(place)]
    return low + (place - int(place)) * (high - low)


class TestBuckets:
    def test_a_bucket_never_mixes_two_sessions(self):
        hours = np.arange(480) / 240
        names = np.where(hours < 1.01, "a", "b")
        table = buckets_of(samples(hours, np.where(names == "a", 300, 100), session_id=names))
        assert set(table["median"]) == {300.0, 100.0}
        assert len(table) == bucket_count(2) + 1
        assert {name: str(kind) for name, kind in table.dtypes.items()} == COLUMNS

    def test_a_counter_that_falls_begins_a_session(self):
        crashes = np.repeat([0.0, 3.0, 1.0], 40)
        table = buckets_of(samples(np.arange(120) / 60, np.full(120, 200), app_crashes=crashes))
        assert table["session"].max() == 1

    def test_sessions_of_several_devices_overlap_and_are_no_restarts(self):
        told = {"device_id": ["a", "b"] * 60, "session_id": ["x", "y"] * 60}
        assert (
            buckets_of(samples(np.arange(120) / 60, np.full(120, 200), **told))["session"]
            .eq(0)
            .all()
        )

    def test_a_clock_going_back_changes_nothing(self):
        hours = np.arange(240) / 120
        table = samples(hours, 200 + 50 * hours)
        pd.testing.assert_frame_equal(buckets_of(table), buckets_of(table.iloc[::-1]))

    def test_a_sample_on_an_edge_is_in_the_bucket_the_engine_puts_it_in(self):
        hours = np.arange(49) / 24
        table = samples(hours, np.arange(49.0))
        there = Store.of_table(records_to_table(records_of(table))).buckets()
        here = buckets_of(table)
        assert list(here["count"]) == list(there["count"])
        assert list(here["median"]) == list(there["median"])

    def test_every_measured_sample_is_in_one_bucket(self):
        values = np.full(500, 200.0)
        values[::7] = np.nan
        values[3] = np.inf
        assert buckets_of(samples(np.arange(500) / 100, values))["count"].sum() == 427

    def test_values_whose_sum_is_no_number_are_each_looked_at(self):
        values = np.array([np.inf, -np.inf, 1.7e308, 1.7e308, np.nan, 3.0])
        assert buckets_of(samples(np.arange(6) / 10, values))["count"].sum() == 3

    @pytest.mark.parametrize("size", [63, 64, 65, 66, 999])
    def test_quantiles_are_those_of_the_sorted_values(self, size):
        rng = np.random.default_rng(size)
        for values in (rng.normal(200, 5, size), rng.integers(0, 4, size).astype(float)):
            names = np.repeat(["a", "b"], size)
            both = np.concatenate((values, values[::-1]))
            hours = np.concatenate((np.linspace(0, 1e-6, size), np.linspace(2, 2 + 1e-6, size)))
            table = buckets_of(samples(hours, both, session_id=names))
            for row in table.itertuples():
                expected = np.quantile(values, [0.1, 0.5, 0.9])
                assert [row.low, row.median, row.high] == pytest.approx(list(expected), rel=1e-12)

    @pytest.mark.parametrize(
        "drawn",
        [
            lambda draw: draw.normal(200, 5, 5_000),
            lambda draw: draw.integers(0, 5, 5_000),
            lambda draw: draw.standard_cauchy(5_000),
            lambda draw: np.exp(draw.normal(0, 20, 5_000)),
            lambda draw: draw.normal(0, 1e-310, 5_000),
            lambda draw: draw.normal(0, 1e307, 5_000),
            lambda draw: np.full(5_000, draw.normal()),
        ],
        ids=["normal", "whole", "far out", "decades", "tiny", "huge", "constant"],
    )
    def test_quantiles_of_many_are_those_of_the_values_in_order(self, drawn):
        values = drawn(np.random.default_rng(5)).astype(float)
        values[::7] = np.nan
        table = buckets_of(samples(np.zeros(5_000), values, video_controllers=values))
        shares = {"low": 0.1, "median": 0.5, "high": 0.9, "video_controllers": 0.5}
        for name, share in shares.items():
            assert table[name].item() == between(np.sort(values[~np.isnan(values)]), share)


class TestRates:
    def test_outliers_pull_huber_far_less_than_squares(self):
        x = np.linspace(0, 1, 100)
        values = 3 + 5 * x + np.random.default_rng(2).normal(0, 0.1, 100)
        values[-5:] += 20
        design = np.column_stack((np.ones(100), x))
        squares = np.linalg.lstsq(design, values, rcond=None)[0][1]
        assert abs(huber(design, values)[1] - 5) < 0.25 * abs(squares - 5)

    def test_the_interval_holds_the_slope_nineteen_times_in_twenty(self):
        rng, hours = np.random.default_rng(3), np.linspace(0, 2, 48)
        beside = np.ones((48, 1))
        drawn = [theil_sen(hours, 7 * hours + rng.normal(0, 2, 48), beside)[1] for _ in range(200)]
        assert sum(each.low <= 7 <= each.high for each in drawn) >= 182

    def test_a_late_beginning_is_not_taken_for_noise(self):
        hours = np.linspace(0, 8, 48)
        noise = np.random.default_rng(4).normal(0, 2, 48)
        late = 20 * np.maximum(hours - 3, 0)
        interval = theil_sen(hours, 200 + late + noise, np.ones((48, 1)))[1]
        assert interval.low > 0.4 * 10

    def test_values_no_memory_can_have_give_no_rate_and_say_so(self):
        table = buckets_of(samples(np.arange(120) / 60, np.linspace(1, 1e300, 120)))
        assert growth(table) is None
        assert judge(table, growth(table)).evidence == (
            "Values of 1e+300 MB are no memory: check the metric's unit.",
        )

    def test_a_rate_that_would_read_as_zero_is_told_per_day(self):
        assert rate_texts(0.01, -0.1, 0.12) == ("+0.2 MB/day", "-2.4", "+2.9")
        assert rate_texts(-0.0) == ("+0.0 MB/h",)

    def test_values_no_memory_can_have_are_counted(self):
        table = samples(np.arange(3.0), [1.0, 1e90, -1e90])
        store = Store.of_table(records_to_table(records_of(table)))
        assert [row["count"] for row in store.rows(queries.distribution, width_mb=100.0)] == [1] * 3

    def test_one_sample_is_told_in_the_singular(self):
        table = buckets_of(samples([0], [100]))
        assert judge(table, growth(table)).evidence == ("1 sample is too few to tell.",)

    def test_samples_bunched_in_time_are_told_so(self):
        hours = np.append(np.arange(500) / 120, 960)
        table = buckets_of(samples(hours, 200 + hours))
        (why,) = judge(table, growth(table)).evidence
        assert why == "501 samples, but in only 2 of 160 parts of 40 d: too few to tell."
        table = buckets_of(samples(np.zeros(500), hours[:500]))
        (why,) = judge(table, growth(table)).evidence
        assert why == "500 samples, but all of one instant: nothing to tell from."

    def test_a_session_told_once_says_nothing_of_growth(self):
        named = [f"s{number}" for number in range(100)]
        table = buckets_of(samples(np.arange(100) / 60, np.arange(100.0), session_id=named))
        assert growth(table) is None
        (why,) = judge(table, None).evidence
        assert why == "100 samples, but in 100 sessions: each is too short to tell."

    def test_sessions_of_a_moment_in_days_have_no_interval(self):
        hours = np.repeat(np.arange(10) * 24.0, 2) + np.tile([0, 1e-5], 10)
        beside = shapes.levels(np.arange(20) // 2)
        assert theil_sen(hours, np.arange(20.0), beside)[1] is None

    def test_the_rate_of_hundreds_of_sessions_is_that_within_them(self):
        rng = np.random.default_rng(4)
        hours = np.arange(3000) / 60
        named = np.arange(3000) // 3
        memory = (
            200 + rng.normal(0, 30, 1000)[named] + np.arange(3000) % 3 + rng.normal(0, 0.1, 3000)
        )
        rate = growth(buckets_of(samples(hours, memory, session_id=named)))
        assert rate.interval.low < 60 < rate.interval.high
        assert rate.restarts == 999
        assert rate.buckets <= 3 * 48

    def test_slow_growth_of_a_year_is_that_of_its_floor_too(self):
        hours = np.arange(0.0, 365 * 24, 4)
        noise = np.random.default_rng(5).normal(0, 5, hours.size)
        table = buckets_of(samples(hours, 300 + 0.02 * hours + noise))
        leak = judge(table, growth(table))
        assert leak.verdict is Verdict.LEAKING
        assert leak.evidence[1] == "Its floor rises too, by 0.5 MB/day."

    def test_two_samples_give_a_rate_without_an_interval(self):
        found = growth(buckets_of(samples([0, 1], [100, 110])))
        assert (found.mb_per_hour, found.interval) == (pytest.approx(10), None)


class TestShapes:
    def test_falls_to_the_start_are_found(self):
        hours = np.arange(80.0)
        rows = shapes.falls(hours, 100 + 5 * (hours % 20))
        assert list(rows) == [20, 40, 60]

    def test_falls_that_come_soon_are_collections(self):
        hours = np.arange(80) / 10
        assert not shapes.falls(hours, 100 + 50 * ((hours / 2) % 1)).size

    def test_two_weeks_carry_weekly_cycles_and_two_hours_none(self):
        assert shapes.cycles(np.arange(0, 336, 4.0)).shape[1] == 10
        assert shapes.cycles(np.arange(0, 2, 0.05)).shape[1] == 0

    def test_steps_are_found_at_their_row_with_their_heights(self):
        hours = np.arange(48.0)
        values = 200 + 90.0 * (hours >= 15) - 60.0 * (hours >= 33)
        values += np.random.default_rng(5).normal(0, 1, 48)
        found = shapes.find_steps(hours, values, np.ones((48, 1)))
        assert [step.row for step in found] == [15, 33]
        assert [step.height for step in found] == pytest.approx([90, -60], abs=4)

    def test_a_weekly_cycle_does_not_leak(self):
        hours = np.arange(0, 504, 0.25)
        busy = 60.0 * ((hours / 24 % 7) < 5)
        values = 400 + busy + np.random.default_rng(6).normal(0, 4, hours.size)
        table = buckets_of(samples(hours, values))
        assert judge(table, growth(table)).verdict is Verdict.NOT_LEAKING


class TestSigns:
    @pytest.mark.parametrize(("busy", "words"), [(120.0, "It follows"), (0.0, "It does not")])
    def test_growth_in_busy_stretches_follows_scrolling(self, busy, words):
        hours = np.arange(960) / 240
        moving = (hours % 1) < 0.5
        gained = np.cumsum(np.where(moving, busy or 60.0, 0.0 if busy else 60.0)) / 240
        at = samples(hours, 200 + gained)["at"]
        events = pd.DataFrame({"at": at[moving], "kind": "navigate"})
        said = signs.scrolling(buckets_of(samples(hours, 200 + gained), events=events))
        assert said[0].startswith(words)

    def test_without_events_nothing_is_said(self):
        assert signs.scrolling(buckets_of(samples(np.arange(99) / 60, np.arange(99)))) == []
