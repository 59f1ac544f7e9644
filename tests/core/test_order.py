"""The feed's order, against a plain sorted list."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vineview.core import order as order_module
from vineview.core.order import FeedOrder, arrival_of, order_key


class TestFeedOrder:
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_behaves_like_a_sorted_list(self, data):
        patch = pytest.MonkeyPatch()
        patch.setattr(order_module, "_RUN", 3)  # many runs, without many keys
        order, model, arrival = FeedOrder(), [], 0
        for _ in range(data.draw(st.integers(1, 25))):
            act = data.draw(st.sampled_from(["add", "add", "extend", "remove"]))
            if act == "remove" and model:
                key = data.draw(st.sampled_from(model))
                order.remove(key)
                model.remove(key)
            elif act == "extend":
                seconds = data.draw(st.lists(st.integers(-5, 5), max_size=9))
                keys = [order_key(second, arrival + at) for at, second in enumerate(seconds)]
                order.extend(keys)
                model.extend(keys)
                arrival += len(keys)
            else:
                key = order_key(data.draw(st.integers(-5, 5)), arrival)
                arrival += 1
                order.add(key)
                model.append(key)
            model.sort(reverse=True)
            assert list(order) == model
            assert not model or order.lowest == model[-1]
            assert [order.index_of(key) for key in model] == list(range(len(model)))
            assert [order.key_at(index) for index in range(len(model))] == model
        patch.undo()

    def test_says_when_there_is_no_such_position(self):
        with pytest.raises(IndexError):
            FeedOrder().key_at(0)


class TestOrderKey:
    def test_later_seconds_win_over_later_arrivals(self):
        assert order_key(2, 0) > order_key(1, 10**9)
        assert order_key(1, 1) > order_key(1, 0)
        assert order_key(-1, 10**9) < order_key(0, 0)

    @pytest.mark.parametrize("nonsense", [None, "yesterday", math.nan, [], 0.25])
    def test_what_is_no_number_counts_as_the_beginning_of_time(self, nonsense):
        assert order_key(nonsense, 7) == order_key(0, 7)

    def test_even_infinity_has_a_place(self):
        ends = [order_key(-math.inf, 1), order_key(0, 1), order_key(math.inf, 1)]
        assert ends == sorted(ends)

    @pytest.mark.parametrize("second", [-3, 0, 10**12, 10**40])
    def test_the_arrival_can_be_read_back(self, second):
        assert arrival_of(order_key(second, 12345)) == 12345
