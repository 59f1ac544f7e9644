"""Fewer points, the same picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vineview.figures.decimate import Line, cut, gap_after_ms, keep_changes

SERIES = st.lists(
    st.tuples(
        st.integers(0, 10**7),
        st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.just(float("inf"))),
    ),
    max_size=400,
)


class TestCut:
    @given(series=SERIES, max_points=st.integers(6, 200))
    def test_never_more_than_asked_and_extremes_stay(self, series, max_points):
        """Whatever comes in, the result is short, ascending, and reaches as high and as low."""
        at = np.array([instant for instant, _ in series], dtype=float)
        y = np.array([value for _, value in series], dtype=float)
        line = cut(at, y, max_points=max_points)
        assert line.at_ms.size == line.y.size <= max_points
        assert (np.diff(line.at_ms) >= 0).all()
        finite = y[np.isfinite(y)]
        if finite.size:
            assert np.nanmin(line.y) == finite.min()
            assert np.nanmax(line.y) == finite.max()
        else:
            assert line.y.size == 0

    def test_short_series_come_back_whole(self):
        line = cut(np.array([3.0, 1.0, 2.0]), np.array([30.0, 10.0, 20.0]), max_points=10)
        assert line.at_ms.tolist() == [1.0, 2.0, 3.0]
        assert line.y.tolist() == [10.0, 20.0, 30.0]

    def test_a_silence_breaks_the_line(self):
        """Three usual intervals without data are a gap, and the gap is told."""
        at = np.array([0.0, 10.0, 20.0, 90.0, 100.0])
        line = cut(at, np.ones(5), max_points=10)
        assert line.gaps == ((20.0, 90.0),)
        assert np.isnan(line.y[3])
        assert 20.0 < line.at_ms[3] < 90.0

    def test_a_missing_value_breaks_the_line(self):
        line = cut(np.arange(5.0), np.array([1.0, 1.0, np.nan, 1.0, 1.0]), max_points=10)
        assert line.gaps == ((1.0, 3.0),)

    def test_gaps_survive_decimation(self):
        at = np.concatenate([np.arange(0, 5000), np.arange(9000, 12000)]).astype(float)
        line = cut(at, np.sin(at / 50), max_points=120)
        assert line.gaps == ((4999.0, 9000.0),)
        between = (line.at_ms > 4999) & (line.at_ms < 9000)
        assert np.isnan(line.y[between]).all()
        assert between.sum() == 1

    def test_every_visible_spike_stays(self):
        y = np.zeros(100_000)
        y[[123, 50_000, 99_990]] = [7.0, -3.0, 9.0]
        line = cut(np.arange(100_000.0), y, max_points=300)
        assert {7.0, -3.0, 9.0} <= set(line.y.tolist())

    def test_one_instant_many_values(self):
        """A clock that stood still divides nothing by zero."""
        line = cut(np.zeros(50), np.arange(50.0), max_points=10)
        assert (np.nanmin(line.y), np.nanmax(line.y)) == (0.0, 49.0)


class TestGapAfter:
    @pytest.mark.parametrize("at", [[], [5.0], [5.0, 5.0, 5.0]])
    def test_without_an_interval_nothing_is_a_gap(self, at):
        assert gap_after_ms(np.array(at)) == float("inf")

    def test_one_outage_does_not_hide_itself(self):
        assert gap_after_ms(np.array([0.0, 10.0, 20.0, 5000.0])) == 30.0


class TestKeepChanges:
    def test_steps_keep_where_they_change_and_where_they_end(self):
        y = np.array([1.0, 1.0, 2.0, 2.0, np.nan, 2.0, 2.0])
        line = keep_changes(Line(np.arange(7.0), y))
        assert line.at_ms.tolist() == [0.0, 2.0, 3.0, 4.0, 5.0, 6.0]

    def test_nothing_stays_nothing(self):
        assert keep_changes(Line(np.array([]), np.array([]))).y.size == 0
