"""The preload window and the keep range: arithmetic with the numbers of the reference, 3.6."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vineview.core.window import keep_range, preload_order


class TestPreloadOrder:
    @pytest.mark.parametrize(
        ("index", "total", "ahead", "behind", "expected"),
        [
            (10, 100, 3, 1, [10, 11, 9, 12, 13]),
            (10, 100, 5, 2, [10, 11, 9, 12, 8, 13, 14, 15]),
            (0, 100, 3, 1, [0, 1, 2, 3]),
            (99, 100, 3, 1, [99, 98]),
            (0, 1, 3, 1, [0]),
            (5, 100, 0, 0, [5]),
            (5, 100, 0, 2, [5, 4, 3]),
        ],
    )
    def test_goes_outwards_from_the_current_one(self, index, total, ahead, behind, expected):
        order = preload_order(index, total, ahead=ahead, behind=behind, most=15)
        assert order == expected

    def test_a_window_beyond_the_cap_is_cut_to_its_nearest(self):
        assert preload_order(10, 100, ahead=90, behind=90, most=4) == [10, 11, 9, 12]

    def test_a_nonsensical_window_costs_nothing(self):
        assert len(preload_order(0, 10**9, ahead=10**9, behind=10**9, most=15)) == 15


class TestKeepRange:
    @pytest.mark.parametrize(
        ("ahead", "behind", "expected"),
        [(3, 1, range(7, 14)), (5, 2, range(7, 16)), (1, 0, range(7, 14)), (8, 8, range(3, 18))],
    )
    def test_is_at_least_three_each_side(self, ahead, behind, expected):
        window = preload_order(10, 100, ahead=ahead, behind=behind, most=15)
        assert keep_range(10, window, ahead=ahead, behind=behind, most=15) == expected

    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(0, 50), st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.data()
    )
    def test_holds_the_window_and_never_exceeds_the_cap(self, extra, ahead, behind, most, data):
        total = extra + 1
        index = data.draw(st.integers(0, total - 1))
        window = preload_order(index, total, ahead=ahead, behind=behind, most=most)
        kept = keep_range(index, window, ahead=ahead, behind=behind, most=most)
        assert len(kept) <= most
        assert set(window) <= set(kept)
        assert window[0] == index
        distances = [abs(place - index) for place in window]
        assert distances == sorted(distances)
