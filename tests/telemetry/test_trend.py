"""Trend and growth against brute force, on every degenerate input there is."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vineview.telemetry.frames import samples_frame
from vineview.telemetry.growth import trend as rates
from vineview.telemetry.growth.buckets import buckets_of
from vineview.telemetry.growth.trend import Shape, least_squares_slope, trend


def growth(samples):
    """The growth of samples in memory."""
    return rates.growth(buckets_of(samples))


def brute_slope(xs, ys):
    """Least squares from the textbook."""
    n, mx, my = len(xs), sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((xs[i] - mx) * (ys[i] - my) for i in range(n))
    return above / sum((x - mx) ** 2 for x in xs)


def brute_theil_sen(xs, ys):
    """The median of all pairwise slopes."""
    pairs = itertools.combinations(zip(xs, ys, strict=True), 2)
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in pairs if x1 != x2)
    middle = len(slopes) // 2
    return slopes[middle] if len(slopes) % 2 else (slopes[middle - 1] + slopes[middle]) / 2


@pytest.fixture
def series():
    """A frame of memory values at given hours."""

    def made(hours, values) -> pd.DataFrame:
        start = pd.Timestamp("2026-01-01", tz="UTC")
        at = start + pd.to_timedelta(np.asarray(hours, dtype=float) * 3600, unit="s")
        return pd.DataFrame({"at": at, "video_memory_mb": np.asarray(values, dtype=float)})

    return made


class TestTrend:
    @pytest.mark.parametrize("count", [20, 21, 40])
    def test_the_last_ten_against_the_ten_before(self, count):
        values = np.arange(1.0, count + 1)
        last = sum(range(count - 9, count + 1)) / 10
        before = sum(range(count - 19, count - 9)) / 10
        found = trend(values)
        assert found.change_rate == pytest.approx((last - before) / before)
        assert found.direction == "increasing" if found.change_rate > 0.1 else "stable"

    @pytest.mark.parametrize("count", range(2, 20))
    def test_few_samples_are_compared_in_two_parts_that_are_not_empty(self, count):
        assert trend(np.linspace(100, 300, count)).direction == "increasing"
        assert trend(np.linspace(300, 100, count)).direction == "decreasing"
        assert trend(np.full(count, 7.0)).direction == "stable"

    def test_eleven_samples_leave_one_before(self):
        assert trend(np.array([100.0, *[150.0] * 10])).change_rate == 0.5

    @pytest.mark.parametrize("values", [[], [5.0]])
    def test_one_sample_is_no_trend(self, values):
        found = trend(np.array(values))
        assert (found.direction, found.change_rate) == ("stable", 0.0)

    @pytest.mark.parametrize(("last", "direction"), [(5.0, "increasing"), (0.0, "stable")])
    def test_from_zero_the_sign_decides(self, last, direction):
        found = trend(np.array([0.0] * 10 + [last] * 10))
        assert (found.direction, found.change_rate) == (direction, None)

    @pytest.mark.parametrize(("last", "direction"), [(110.0, "stable"), (110.1, "increasing")])
    def test_ten_percent_is_strict(self, last, direction):
        assert trend(np.array([100.0] * 10 + [last] * 10)).direction == direction

    @pytest.mark.parametrize(("last", "rate"), [(-5.0, 0.5), (-15.0, -0.5), (5.0, 1.5)])
    def test_below_zero_more_is_still_more(self, last, rate):
        found = trend(np.array([-10.0] * 10 + [last] * 10))
        assert found.change_rate == pytest.approx(rate)
        assert found.direction == ("increasing" if rate > 0 else "decreasing")


class TestLeastSquares:
    def test_against_the_textbook(self):
        rng = np.random.default_rng(3)
        xs, ys = np.sort(rng.uniform(0, 9000, 300)), rng.normal(400, 50, 300)
        assert least_squares_slope(xs, ys) == pytest.approx(brute_slope(list(xs), list(ys)))
        assert least_squares_slope(xs, ys) == pytest.approx(stats.linregress(xs, ys).slope)

    @pytest.mark.parametrize("xs", [[], [5.0], [5.0, 5.0, 5.0]])
    def test_one_distinct_time_has_no_slope(self, xs):
        assert least_squares_slope(np.array(xs), np.arange(len(xs), dtype=float)) is None

    def test_fractions_of_a_second_count(self):
        assert least_squares_slope(np.array([0.0, 0.25]), np.array([0.0, 1.0])) == 4


class TestGrowth:
    def test_few_samples_are_theil_sen_on_the_samples(self, series):
        rng = np.random.default_rng(5)
        hours, values = np.arange(40) / 40, rng.normal(300, 40, 40)
        found = growth(series(hours, values))
        assert found.mb_per_hour == pytest.approx(brute_theil_sen(list(hours), list(values)))

    def test_many_samples_are_theil_sen_on_bucket_medians(self, series):
        rng = np.random.default_rng(6)
        hours = np.arange(480) / 240
        values = 200 + 20 * hours + rng.normal(0, 10, 480)
        span = hours[-1]
        buckets: dict[int, list[tuple[float, float]]] = {}
        for hour, value in zip(hours, values, strict=True):
            bucket = min(int(hour / span * 48), 47)
            buckets.setdefault(bucket, []).append((hour, value))
        xs = [float(np.mean([h for h, _ in rows])) for rows in buckets.values()]
        ys = [float(np.median([v for _, v in rows])) for rows in buckets.values()]
        found = growth(series(hours, values))
        assert found.buckets == 48
        assert found.mb_per_hour == pytest.approx(brute_theil_sen(xs, ys))
        assert found.interval.low < found.mb_per_hour < found.interval.high
        assert found.interval.low < 20 < found.interval.high

    def test_spikes_do_not_move_it(self, series):
        hours = np.arange(240) / 120
        values = 200 + 30 * hours
        values[::17] += 900
        assert growth(series(hours, values)).mb_per_hour == pytest.approx(30, abs=1)

    def test_dependent_noise_widens_the_interval(self, series):
        rng = np.random.default_rng(9)
        hours, shocks = np.arange(480) / 240, rng.normal(0, 5, 480)
        walk = np.empty(480)
        walk[0] = shocks[0]
        for index in range(1, 480):
            walk[index] = 0.97 * walk[index - 1] + shocks[index]
        shuffled = rng.permutation(walk)
        dependent, independent = growth(series(hours, walk)), growth(series(hours, shuffled))
        width = dependent.interval.high - dependent.interval.low
        assert width > 3 * (independent.interval.high - independent.interval.low)

    @pytest.mark.parametrize("count", [0, 1])
    def test_one_sample_has_no_rate(self, series, count):
        assert growth(series(range(count), range(count))) is None

    @pytest.mark.parametrize("count", [2, 3, 9, 10, 11])
    def test_few_samples_have_a_rate(self, series, count):
        found = growth(series(range(count), [10 * index for index in range(count)]))
        assert found.mb_per_hour == pytest.approx(10)
        assert (found.interval is None) == (count < 4)

    @pytest.mark.parametrize("value", [0.0, 250.0])
    def test_a_constant_does_not_grow(self, series, value):
        found = growth(series(np.arange(100) / 10, np.full(100, value)))
        assert (found.mb_per_hour, found.interval.low, found.interval.high) == (0, 0, 0)
        assert found.shape is Shape.RAMP

    def test_missing_values_and_repeated_times_are_left_out(self, series):
        hours = np.repeat(np.arange(50) / 10, 2)
        values = 100 + 10 * hours
        values[::5] = math.nan
        assert growth(series(hours, values)).mb_per_hour == pytest.approx(10, rel=0.01)

    def test_all_at_one_time_or_all_missing_has_no_rate(self, series):
        assert growth(series([1] * 20, range(20))) is None
        assert growth(series(range(20), [math.nan] * 20)) is None

    def test_order_does_not_matter(self, at):
        rng = np.random.default_rng(2)
        records = [{"at": at(30 * i), "video_memory_mb": 100.0 + i} for i in range(100)]
        shuffled = [records[i] for i in rng.permutation(100)]
        assert growth(samples_frame(shuffled)) == growth(samples_frame(records))

    def test_a_gap_leaves_empty_buckets(self, series):
        hours = np.concatenate((np.arange(50) / 100, 5 + np.arange(50) / 100))
        found = growth(series(hours, 100 + 10 * hours))
        assert found.buckets < 48
        assert found.mb_per_hour == pytest.approx(10, rel=0.01)


class TestShape:
    def test_one_step_is_found_with_its_height(self, series):
        hours = np.arange(480) / 240
        values = 200 + 100.0 * (hours > 1.3) + np.random.default_rng(1).normal(0, 3, 480)
        found = growth(series(hours, values))
        assert found.shape is Shape.STEP
        assert found.step_mb == pytest.approx(100, abs=4)
        assert abs((found.turned_at - pd.Timestamp("2026-01-01T01:18Z")).total_seconds()) < 180
        assert abs(found.mb_per_hour) < 6

    def test_levelling_off_is_found(self, series):
        hours = np.arange(480) / 240
        values = 100 + 200 * np.minimum(hours, 0.7)
        values += np.random.default_rng(1).normal(0, 3, 480)
        found = growth(series(hours, values))
        assert found.shape is Shape.LEVELLED
        assert abs((found.turned_at - pd.Timestamp("2026-01-01T00:42Z")).total_seconds()) < 300

    def test_a_daily_cycle_is_removed_from_a_day_on(self, series):
        hours = np.arange(2880) / 60
        cycle = 20 * np.sin(2 * np.pi * (hours / 24 + 0.2))
        noise = np.random.default_rng(4).normal(0, 3, 2880)
        found = growth(series(hours, 300 + 1.0 * hours + cycle + noise))
        assert found.is_deseasonalised
        assert found.mb_per_hour == pytest.approx(1, abs=0.15)

    def test_a_day_of_nothing_is_no_trouble(self, series):
        hours = np.arange(1440) / 60
        assert growth(series(hours, 0 * hours)).mb_per_hour == 0

    def test_a_noiseless_day_is_no_trouble(self, series):
        hours = np.arange(1440) / 60
        found = growth(series(hours, 300 + 2.0 * hours))
        assert found.mb_per_hour == pytest.approx(2)
