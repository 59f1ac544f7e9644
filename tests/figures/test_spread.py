"""How memory spreads: over levels, controllers, networks and devices; and what each says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from vineview.errors import TelemetryError
from vineview.figures import (
    comparison_figure,
    controllers_figure,
    distribution_figure,
    error_figure,
    fleet_figure,
    memory_figure,
    preload_figure,
    summary_of,
)
from vineview.figures.theme import LIGHT

GROUPS = pd.DataFrame(
    {
        "network": ["wifi", "cellular", None, "ethernet"],
        "total": [100, 50, 10, 0],
        "failed": [1, 20, 0, 0],
        "median_ms": [300.0, 2200.0, np.nan, np.nan],
    }
)
FLEET = pd.DataFrame(
    {
        "device_id": ["calm", "calm", "leaky", "leaky", "brief"],
        "at": pd.to_datetime(
            ["2026-01-01", "2026-01-02", "2026-01-01", "2026-01-02", "2026-01-02"]
        ),
        "video_memory_mb": [100.0, 110.0, 200.0, 900.0, 300.0],
    }
)
FLEET["at"] = FLEET["at"].dt.tz_localize("UTC")


def buckets(*shares):
    return [
        SimpleNamespace(range_start_mb=100.0 * n, range_end_mb=100.0 * (n + 1), share=share)
        for n, share in enumerate(shares)
    ]


class TestComparison:
    def test_the_worst_group_is_on_top_and_empty_ones_are_left_out(self):
        rates, times = comparison_figure(GROUPS).data
        assert list(rates.y) == ["unknown", "wifi", "cellular"]
        assert [round(each) for each in rates.x] == [100, 99, 60]
        assert times.x[-1] == 2200.0
        assert times.xaxis == "x2"

    def test_it_says_the_worst_first(self):
        assert summary_of(comparison_figure(GROUPS)).startswith(
            "Preloads by network, worst first: cellular 60% of 50 succeeded, median 2200 ms"
        )

    def test_a_missing_column_is_named(self):
        with pytest.raises(TelemetryError, match="'platform'"):
            comparison_figure(GROUPS, by="platform")


class TestFleet:
    def test_the_worst_device_is_on_top_and_what_is_missing_blank(self):
        (heat,) = fleet_figure(FLEET).data
        assert list(heat.y) == ["calm", "brief", "leaky"]
        assert np.isnan(heat.z[1][0])
        assert heat.z[2][1] == 900.0

    def test_where_no_legend_stands_no_room_is_left_for_one(self, samples):
        tops = [
            figure.layout.margin.t
            for figure in (
                fleet_figure(FLEET),
                comparison_figure(GROUPS),
                controllers_figure(samples),
            )
        ]
        assert tops == [8, 8, 28]

    def test_the_rank_may_be_another_such_as_growth(self):
        growth = pd.Series({"calm": 9.0, "leaky": 1.0}, name="growth in MB/h")
        figure = fleet_figure(FLEET, worst=growth)
        assert list(figure.data[0].y) == ["brief", "leaky", "calm"]
        assert "worst first by growth in MB/h: calm (9)" in summary_of(figure)

    def test_of_many_devices_only_the_worst_are_drawn_and_the_rest_counted(self):
        figure = fleet_figure(FLEET, top=1)
        assert list(figure.data[0].y) == ["leaky"]
        assert "1 of 3 devices" in summary_of(figure)


class TestDistribution:
    def test_bars_are_coloured_by_the_thresholds(self):
        figure = distribution_figure(buckets(0.1, 0.2, 0, 0, 0, 0.4, 0, 0, 0.3))
        assert {bar.name: bar.marker.color for bar in figure.data} == {
            "normal": LIGHT.measured,
            "high": LIGHT.warn,
            "critical": LIGHT.critical,
        }
        assert sum(sum(bar.y) for bar in figure.data) == pytest.approx(100)

    def test_it_says_where_memory_mostly_is_and_how_much_is_high(self):
        said = summary_of(distribution_figure(buckets(0.1, 0.2, 0, 0, 0, 0.4, 0, 0, 0.3)))
        assert "between 500 and 600 MB (40 % of samples); 70 % are above 500 MB" in said


class TestControllers:
    def test_a_single_sample_can_be_seen(self, samples):
        """A line of one point would not be drawn."""
        figure = controllers_figure(samples.head(1))
        assert {trace.mode for trace in figure.data} == {"markers"}
        start, end = pd.to_datetime(figure.layout.xaxis.range)
        assert (end - start).total_seconds() == 60

    def test_controllers_stand_beside_what_is_ready_and_the_cap(self, samples):
        figure = controllers_figure(samples.assign(ready_videos=3.0))
        assert [line.name for line in figure.data] == ["controllers", "ready"]
        assert [label.text for label in figure.layout.annotations] == ["cap 15"]
        assert summary_of(figure) == "Controllers over time: at most 12, below the cap of 15."


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (comparison_figure(GROUPS.head(0)), "No preloads by network"),
        (fleet_figure(FLEET.head(0)), "No devices to compare"),
        (distribution_figure([]), "No memory was measured"),
        (preload_figure(pd.DataFrame()), "No finished preloads"),
        (error_figure(pd.DataFrame()), "No failed preloads"),
        (
            controllers_figure(pd.DataFrame({"at": pd.to_datetime([]), "video_controllers": []})),
            "No controllers were counted",
        ),
        (
            memory_figure(pd.DataFrame({"at": pd.to_datetime([]), "video_memory_mb": []})),
            "No memory was measured",
        ),
    ],
)
def test_an_empty_chart_says_so_to_everyone(figure, words):
    assert words in [label.text for label in figure.layout.annotations]
    assert words.lower() in summary_of(figure).lower()
