"""Preloads over time and the errors behind failures."""

from __future__ import annotations

import pandas as pd

from vineview.figures import error_figure, preload_figure


class TestPreloadFigure:
    def test_counts_succeeded_and_failed(self, events):
        figure = preload_figure(events)
        totals = {bar.name: int(sum(bar.y)) for bar in figure.data}
        assert totals == {"succeeded": 1, "failed": 2}

    def test_no_preloads_is_an_empty_chart(self, events):
        assert len(preload_figure(events.head(2)).data) == 0
        assert len(preload_figure(pd.DataFrame()).data) == 0

    def test_a_title_is_shown(self, events):
        assert preload_figure(events, title="Preloads").layout.title.text == "Preloads"


class TestErrorFigure:
    def test_the_most_frequent_is_on_top(self, events):
        more = events.iloc[[-1]].assign(error="404 not found")
        figure = error_figure(pd.concat([events, more], ignore_index=True))
        (bars,) = figure.data
        assert list(bars.y) == ["404 not found", "timed out after 10 s"]
        assert list(bars.x) == [1, 2]

    def test_a_failure_without_reason_counts_too(self, events):
        figure = error_figure(events.drop(columns="error"))
        assert list(figure.data[0].y) == ["no message"]

    def test_long_messages_are_shortened(self, events):
        (bars,) = error_figure(events.assign(error="x" * 200)).data
        assert len(bars.y[0]) == 60

    def test_no_failures_is_an_empty_chart(self, events):
        assert len(error_figure(events.assign(success=True)).data) == 0
