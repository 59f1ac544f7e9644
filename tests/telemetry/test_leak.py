"""The verdict: leaks are found, what merely looks like one is not called one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vineview.telemetry.growth.buckets import buckets_of
from vineview.telemetry.growth.leak import Verdict, judge, projections
from vineview.telemetry.growth.trend import growth

COLUMNS = ("video_controllers", "ready_videos", "preloading_queue")


@pytest.fixture
def frame():
    """Two hours at 30 s unless told: memory by a function of the hour, and other metrics."""

    def made(memory, *, hours=2.0, step_s=30.0, noise=3.0, seed=1, **more) -> pd.DataFrame:
        hour = np.arange(int(hours * 3600 / step_s) + 1) * step_s / 3600
        values = memory(hour) + np.random.default_rng(seed).normal(0, noise, hour.size)
        at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(hour * 3600, unit="s")
        columns = {"at": at, "video_memory_mb": values}
        for name in COLUMNS:
            value = more.get(name, np.nan)
            columns[name] = value(hour) if callable(value) else np.full(hour.size, value)
        return pd.DataFrame(columns)

    return made


def verdict(samples, **more):
    buckets = buckets_of(samples)
    return judge(buckets, growth(buckets), **more)


def series(rng, kind, hours, leak):
    """One labelled series: its kind's shape, noise of random size and memory, and the leak."""
    step_s = 30 if hours <= 8 else 120
    hour = np.arange(int(hours * 3600 / step_s)) * step_s / 3600
    spread, keep = rng.choice([2, 8, 20]), rng.choice([0, 0.6, 0.95])
    shocks = rng.normal(0, spread * np.sqrt(1 - keep**2), hour.size)
    values = np.empty(hour.size)
    values[0] = shocks[0]
    for index in range(1, hour.size):
        values[index] = keep * values[index - 1] + shocks[index]
    values += rng.uniform(120, 350) + leak * hour
    match kind:
        case "sawtooth":
            period = rng.uniform(0.15, hours / 5)
            values += rng.uniform(50, 150) * ((hour / period + rng.uniform()) % 1)
        case "daily":
            values += 20 * np.sin(2 * np.pi * (hour / 24 + rng.uniform()))
        case "step":
            values += rng.uniform(60, 200) * (hour > rng.uniform(0.2, 0.8) * hours)
        case "spikes":
            values += 200 * (rng.uniform(size=hour.size) < 0.02)
        case "restart":
            values -= rng.uniform(50, 100) * (hour > rng.uniform(0.2, 0.8) * hours)
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(hour * 3600, unit="s")
    nothing = dict.fromkeys(COLUMNS, np.nan)
    return pd.DataFrame({"at": at, "video_memory_mb": values, **nothing})


class TestVerdict:
    def test_a_leak_is_found_with_its_floor(self, frame):
        leak = verdict(frame(lambda hour: 150 + 300 * hour))
        assert leak.verdict is Verdict.LEAKING
        assert leak.evidence[0].startswith("Memory grows by +300")
        assert leak.evidence[1].startswith("Its floor rises too, by 299.5")

    def test_a_leak_under_a_sawtooth_is_found(self, frame):
        leak = verdict(frame(lambda hour: 150 + 200 * hour + 120 * ((hour * 7) % 1)))
        assert leak.verdict is Verdict.LEAKING

    def test_steady_memory_does_not_leak(self, frame):
        leak = verdict(frame(lambda hour: 200 + 0 * hour))
        assert leak.verdict is Verdict.NOT_LEAKING
        assert leak.evidence[0].startswith("Memory does not grow")

    def test_a_sawtooth_does_not_leak(self, frame):
        leak = verdict(frame(lambda hour: 150 + 150 * ((hour * 9) % 1)))
        assert leak.verdict is not Verdict.LEAKING

    def test_one_step_does_not_leak(self, frame):
        leak = verdict(frame(lambda hour: 200 + 150 * (hour > 1)))
        assert leak.verdict is Verdict.NOT_LEAKING
        assert leak.evidence[0].startswith("Memory rose by 149 MB in one step at 2026-01-01 01:00")

    def test_one_step_down_does_not_leak(self, frame):
        leak = verdict(frame(lambda hour: 400 - 150 * (hour > 1)))
        assert leak.verdict is Verdict.NOT_LEAKING
        assert "beside a step of -1" in leak.evidence[0]

    def test_a_leak_that_speeds_up_is_found(self, frame):
        leak = verdict(frame(lambda hour: 100 + 100 * hour**2))
        assert leak.verdict is Verdict.LEAKING

    def test_growth_that_levelled_off_does_not_leak(self, frame):
        leak = verdict(frame(lambda hour: 100 + 300 * np.minimum(hour, 0.6)))
        assert leak.verdict is Verdict.NOT_LEAKING
        assert "until 2026-01-01 00:3" in leak.evidence[0]

    def test_a_leak_that_began_late_is_found(self, frame):
        samples = frame(lambda hour: 200 + 30 * np.maximum(hour - 42, 0), hours=48)
        leak, rate = verdict(samples), growth(buckets_of(samples))
        assert leak.verdict is Verdict.LEAKING
        assert "over the last 6 h, hardly before 2026-01-02 18:00 UTC" in leak.evidence[0]
        assert rate.mb_per_hour == pytest.approx(30, rel=0.05)

    def test_a_leak_that_began_long_after_a_step_is_found(self, frame):
        samples = frame(
            lambda hour: 200 + 150 * (hour > 10) + 12 * np.maximum(hour - 36, 0), hours=48
        )
        leak = verdict(samples)
        assert leak.verdict is Verdict.LEAKING
        assert "over the last 12 h, hardly before 2026-01-02 12:00 UTC" in leak.evidence[0]

    def test_a_late_rise_a_daily_cycle_could_have_is_inconclusive(self, frame):
        leak = verdict(frame(lambda hour: 200 + 4 * np.maximum(hour - 38, 0), hours=48))
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert leak.evidence[0].endswith("a day of growth would tell.")

    def test_growth_that_began_minutes_ago_is_inconclusive(self, frame):
        samples = frame(lambda hour: 200 + 900 * np.maximum(hour - 0.42, 0), hours=0.5, step_s=5)
        assert verdict(samples).evidence == ("5 min of growth are too short to tell.",)

    def test_late_steps_are_no_late_leak(self, frame):
        leak = verdict(frame(lambda hour: 200 + 60 * (hour > 30) + 60 * (hour > 40), hours=48))
        assert leak.verdict is Verdict.NOT_LEAKING

    def test_what_rose_while_nobody_looked_is_left_open(self, frame):
        samples = frame(lambda hour: 200 + 150 * (hour > 24), hours=48, step_s=60)
        samples = samples.drop(index=range(300, len(samples) - 300))
        leak = verdict(samples)
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert leak.evidence[0].endswith("but most of that within 1.6 d without a sample.")

    @pytest.mark.parametrize("start", [0, 24])
    def test_a_leak_is_found_on_both_sides_of_a_gap(self, frame, start):
        samples = frame(lambda hour: 200 + 8 * np.maximum(hour - start, 0), hours=48, step_s=60)
        assert verdict(samples.drop(index=range(1900, 2500))).verdict is Verdict.LEAKING

    def test_a_leak_that_adds_more_than_a_filling_cache_is_found(self, frame):
        leak = verdict(frame(lambda hour: 100 + 150 * (1 - np.exp(-hour)) + 200 * hour))
        assert leak.verdict is Verdict.LEAKING

    def test_a_cache_that_adds_more_than_a_ramp_is_left_open(self, frame):
        leak = verdict(frame(lambda hour: 100 + 150 * (1 - np.exp(-hour)) + 30 * hour))
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert "ever more slowly" in leak.evidence[0]

    def test_memory_falling_to_a_level_says_fell(self, frame):
        leak = verdict(frame(lambda hour: 500 - 300 * np.minimum(hour, 0.6)))
        assert leak.evidence[0].startswith("Memory fell by 1")
        assert "and has hardly grown since" in leak.evidence[0]

    def test_what_grew_to_a_level_it_then_falls_from_says_grew(self, frame):
        leak = verdict(frame(lambda hour: 100 + np.minimum(300 * hour, 190 - 5 * hour)))
        assert leak.verdict is Verdict.NOT_LEAKING
        assert leak.evidence[0].startswith("Memory grew by 1")

    def test_what_moves_much_on_its_new_level_is_left_open(self, frame):
        def memory(hour):
            waves = 60 * np.sin(9 * hour) * (hour > 0.8)
            return 100 + 500 * np.minimum(hour, 0.8) + waves

        leak = verdict(frame(memory, noise=8.0))
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert leak.evidence[0].startswith("Memory moves too much to tell")

    def test_falling_memory_does_not_leak(self, frame):
        assert verdict(frame(lambda h: 500 - 50 * h)).verdict is Verdict.NOT_LEAKING

    def test_a_slope_a_daily_cycle_could_have_is_inconclusive(self, frame):
        leak = verdict(frame(lambda hour: 200 + 4 * hour, hours=8))
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert "no steeper than a daily cycle of 40 MB can be (5.2 MB/h)" in leak.evidence[0]

    def test_the_same_slope_over_two_days_is_a_leak(self, frame):
        leak = verdict(frame(lambda hour: 200 + 4 * hour, hours=48, step_s=120))
        assert leak.verdict is Verdict.LEAKING

    def test_memory_that_moves_too_much_is_inconclusive(self, frame):
        leak = verdict(frame(lambda hour: 300 + 150 * np.sin(5 * hour), noise=30))
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert leak.evidence[0].startswith("Memory moves too much to tell")

    @pytest.mark.parametrize(("count", "words"), [(0, "0 samples"), (9, "9 samples")])
    def test_few_samples_are_inconclusive(self, frame, count, words):
        samples = frame(lambda hour: 100 + 300 * hour).head(count)
        leak = verdict(samples)
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert leak.evidence == (f"{words} are too few to tell.",)

    def test_a_short_window_is_inconclusive(self, frame):
        leak = verdict(frame(lambda hour: 100 + 300 * hour, hours=0.05, step_s=2))
        assert leak.evidence == ("3 min are too short to tell.",)


class TestEvidence:
    def test_growth_that_follows_the_controllers_is_explained(self, frame):
        loaded = lambda hour: np.floor(3 + 6 * hour)  # noqa: E731 - used twice just below
        samples = frame(
            lambda hour: 20 * loaded(hour), video_controllers=loaded, ready_videos=loaded
        )
        leak = verdict(samples)
        assert leak.verdict is Verdict.INCONCLUSIVE
        assert "follows the number of controllers (3 at first, 14 at last)" in leak.evidence[0]

    def test_late_growth_that_follows_the_controllers_is_explained(self, frame):
        loaded = lambda hour: np.floor(3 + 24 * np.maximum(hour - 1.5, 0))  # noqa: E731 - as above
        samples = frame(
            lambda hour: 20 * loaded(hour), video_controllers=loaded, ready_videos=loaded
        )
        assert "follows the number of controllers" in verdict(samples).evidence[0]

    def test_growth_per_controller_is_not_explained(self, frame):
        loaded = lambda hour: np.floor(3 + 6 * hour)  # noqa: E731 - as above
        samples = frame(
            lambda hour: (20 + 40 * hour) * loaded(hour),
            video_controllers=loaded,
            ready_videos=loaded,
        )
        assert verdict(samples).verdict is Verdict.LEAKING

    def test_controllers_nobody_shows_are_no_explanation(self, frame):
        samples = frame(
            lambda hour: 20 * np.floor(3 + 6 * hour),
            video_controllers=lambda hour: np.floor(3 + 6 * hour),
            ready_videos=2.0,
        )
        leak = verdict(samples)
        assert leak.verdict is Verdict.LEAKING
        assert any("Controllers exceed ready videos in 100%" in each for each in leak.evidence)

    def test_a_steady_number_of_controllers_is_no_explanation(self, frame):
        samples = frame(lambda hour: 150 + 300 * hour, video_controllers=8.0, ready_videos=8.0)
        assert verdict(samples).verdict is Verdict.LEAKING

    def test_one_more_batch_of_controllers_is_no_explanation(self, frame):
        loaded = lambda hour: 4.0 + 4 * (hour > 1)  # noqa: E731 - as above
        samples = frame(
            lambda hour: 150 + 300 * hour, video_controllers=loaded, ready_videos=loaded
        )
        assert verdict(samples).verdict is Verdict.LEAKING

    def test_preloads_that_never_pause_are_said(self, frame):
        leak = verdict(frame(lambda hour: 150 + 300 * hour, preloading_queue=3.0))
        assert "Preloads have been in flight without a pause: 3 at last." in leak.evidence

    def test_pressure_that_did_not_help_is_said(self, frame):
        leak = verdict(frame(lambda hour: 150 + 300 * hour), pressures=4)
        assert leak.evidence[-1] == "Memory grew on through 4 memory pressure events."


class TestProjections:
    def test_when_each_level_is_reached(self, frame):
        samples = frame(lambda hour: 100 + 250 * hour, noise=1)
        end_at = samples["at"].iloc[-1].to_pydatetime()
        reached = projections(growth(buckets_of(samples)), end_at)
        assert [each.limit_mb for each in reached] == [500, 800, 1024]
        assert reached[0].hours == 0
        assert reached[1].hours == pytest.approx((800 - 600) / 250, abs=0.05)
        assert reached[1].earliest_hours < reached[1].hours < reached[1].latest_hours
        assert (reached[1].at - end_at).total_seconds() == pytest.approx(
            3600 * reached[1].hours, abs=1e-3
        )

    def test_what_does_not_surely_grow_reaches_nothing(self, frame):
        samples = frame(lambda hour: 200 + 0 * hour)
        assert (
            projections(growth(buckets_of(samples)), samples["at"].iloc[-1].to_pydatetime()) == ()
        )
        assert projections(None, None) == ()

    def test_a_level_years_away_is_left_out(self, frame):
        samples = frame(lambda hour: 100 + 0.02 * hour, noise=0.001)
        assert (
            projections(growth(buckets_of(samples)), samples["at"].iloc[-1].to_pydatetime()) == ()
        )


class TestQuality:
    """A seeded slice of labelled series: few false alarms, few leaks missed."""

    @pytest.mark.parametrize("hours", [2, 8, 72])
    def test_what_does_not_leak_is_rarely_called_a_leak(self, hours):
        rng = np.random.default_rng(hours)
        kinds = ("noise", "sawtooth", "daily", "step", "spikes", "restart")
        verdicts = [
            verdict(series(rng, kind, hours, 0.0)).verdict for kind in kinds for _ in range(8)
        ]
        assert verdicts.count(Verdict.LEAKING) <= 0.08 * len(verdicts)

    @pytest.mark.parametrize(("hours", "leak"), [(2, 120.0), (8, 30.0), (24, 8.0), (72, 3.0)])
    def test_leaks_are_found(self, hours, leak):
        rng = np.random.default_rng(hours)
        kinds = ("noise", "sawtooth", "daily", "spikes")
        verdicts = [
            verdict(series(rng, kind, hours, leak)).verdict for kind in kinds for _ in range(8)
        ]
        assert verdicts.count(Verdict.LEAKING) >= 0.9 * len(verdicts)
