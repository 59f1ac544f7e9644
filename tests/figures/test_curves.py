"""Any stretch of any length, cut to the pixels shown: from memory and from an engine."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from vineview.figures.curves import EnvelopeCurves, memory_curves
from vineview.figures.decimate import Series

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = START.timestamp() * 1000


def frame(count=20_000, *, without=slice(0)):
    """A sample a second; one spike up and one down in the same bucket of any coarse cut."""
    at = pd.date_range(START, periods=count, freq="1s")
    memory = 300 + 40 * np.sin(np.arange(count) / 500)
    memory[7000:7002] = [2000.0, 1.0][: len(memory[7000:7002])]
    rows = pd.DataFrame({"at": at, "video_memory_mb": memory, "video_controllers": 9.0})
    return rows.drop(rows.index[without])


def engine(samples):
    """What an engine answers: extremes per bucket, computed the plain way."""

    def envelope(column, start, end, buckets):
        if column not in samples:
            return pd.DataFrame(columns=["at", "low", "high", "low_at", "high_at"])
        at = samples["at"]
        start, end = start or at.min(), end or at.max()
        rows = samples[(at >= start) & (at <= end)]
        width = (end - start).total_seconds() / buckets
        place = (
            ((rows["at"] - start).dt.total_seconds() / width).astype(int).clip(upper=buckets - 1)
        )
        by = rows.groupby(place)[column]
        low, high = rows.loc[by.idxmin()], rows.loc[by.idxmax()]
        return pd.DataFrame(
            {
                "low": low[column].to_numpy(),
                "high": high[column].to_numpy(),
                "low_at": low["at"].array,
                "high_at": high["at"].array,
            }
        )

    return envelope


def both(samples):
    return [memory_curves(samples), EnvelopeCurves(engine(samples))]


@pytest.mark.parametrize("curves", both(frame()), ids=["memory", "engine"])
class TestExtremes:
    def test_neither_spike_is_lost_however_few_points(self, curves):
        line = curves.lines(max_points=100)["video_memory_mb"]
        assert line.y.size <= 100
        assert (np.nanmin(line.y), np.nanmax(line.y)) == (1.0, 2000.0)
        assert not line.is_whole

    def test_every_bucket_keeps_its_own_lowest_and_highest(self, curves):
        """Local extremes too: no stretch of the line reaches less far than its samples."""
        line, samples = curves.lines(max_points=400)["video_memory_mb"], frame()
        bucket_ms = 1000 * len(samples) / 90
        for place in np.array_split(np.arange(len(samples)), 50):
            part = samples.iloc[place]
            first, last = (at.timestamp() * 1000 for at in part["at"].iloc[[0, -1]])
            near = (line.at_ms >= first - bucket_ms) & (line.at_ms <= last + bucket_ms)
            assert np.nanmax(line.y[near]) >= part["video_memory_mb"].max()
            assert np.nanmin(line.y[near]) <= part["video_memory_mb"].min()

    def test_a_closer_look_shows_every_sample(self, curves):
        start_ms = START_MS + 6_990_000
        lines = curves.lines(max_points=200, start_ms=start_ms, end_ms=start_ms + 20_000)
        line = lines["video_memory_mb"]
        inside = (line.at_ms >= start_ms) & (line.at_ms <= start_ms + 20_000)
        assert inside.sum() == 21
        assert {1.0, 2000.0} <= set(line.y[inside].tolist())

    def test_controllers_are_steps_and_a_missing_metric_is_empty(self, curves):
        lines = curves.lines(max_points=100)
        assert set(lines["video_controllers"].y.tolist()) == {9.0}
        assert lines["video_controllers"].y.size < 10
        assert lines["estimated_memory_mb"].y.size == 0


@pytest.mark.parametrize(
    "curves", both(frame(without=slice(9000, 12_000))), ids=["memory", "engine"]
)
def test_an_outage_stays_a_gap_at_every_zoom(curves):
    outage = START_MS + 8_999_000, START_MS + 12_000_000
    for stretch in ({}, {"start_ms": START_MS + 8_000_000, "end_ms": START_MS + 13_000_000}):
        line = curves.lines(max_points=300, **stretch)["video_memory_mb"]
        (gap,) = line.gaps
        assert gap == pytest.approx(outage, abs=60_000)
        between = (line.at_ms > gap[0]) & (line.at_ms < gap[1])
        assert np.isnan(line.y[between]).all()


def test_an_engine_is_not_asked_twice():
    asked = []
    answer = engine(frame(100))

    def envelope(*question):
        asked.append(question)
        return answer(*question)

    curves = EnvelopeCurves(envelope)
    for _ in range(3):
        curves.lines(max_points=100)
    assert len(asked) == 3  # one for each line


class TestAppending:
    def test_only_what_came_later(self):
        series = Series.of(np.arange(10.0), np.arange(10.0))
        line = series.after(6.0)
        assert line.at_ms.tolist() == [7.0, 8.0, 9.0]
        assert series.after(9.0).y.size == 0
        assert series.after(-1.0).y.size == 10

    def test_a_gap_before_it_breaks_the_line(self):
        series = Series.of(np.array([0.0, 1.0, 2.0, 3.0, 90.0]), np.ones(5))
        assert np.isnan(series.after(3.0).y).tolist() == [True, False]
