"""The memory chart: both numbers, bands, growth, gaps, events, cursor."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from vineview.errors import TelemetryError, UsageError
from vineview.figures import Growth, memory_figure
from vineview.figures.curves import memory_curves
from vineview.figures.marks import Turn, describe
from vineview.figures.memory import memory_spec
from vineview.figures.theme import DARK, LIGHT, swaps
from vineview.telemetry import Thresholds


def ms(stamp):
    """An instant on a time axis, in milliseconds since 1970."""
    return np.datetime64(stamp, "ms").astype("int64")


def named(figure, name):
    return [trace for trace in figure.data if trace.name == name]


class TestLines:
    def test_measured_and_estimate_are_two_labelled_lines(self, samples):
        figure = memory_figure(samples)
        assert {"measured", "app's estimate", "controllers"} <= {t.name for t in figure.data}
        assert figure.layout.yaxis.title.text == "memory (MB)"
        assert figure.layout.xaxis.title.text == "time (UTC)"
        assert named(figure, "controllers")[0].yaxis == "y2"

    def test_the_spike_is_drawn_whatever_the_number_of_points(self, samples):
        measured = named(memory_figure(samples, max_points=60), "measured")[-1]
        assert len(measured.x) <= 60
        assert np.nanmax(np.asarray(measured.y, dtype=float)) == 1500.0

    def test_instants_are_utc_wherever_they_are_read(self, samples):
        """Of a bare number plotly would show the hours of the reader's own zone."""
        figure = memory_figure(samples)
        assert named(figure, "measured")[-1].x[0] == np.datetime64("2026-01-01T00:00:00")
        assert figure.layout.xaxis.range[0] == "2026-01-01T00:00:00.000"

    def test_the_outage_breaks_line_and_tint(self, samples):
        """Nothing is drawn across 90 missing samples; the stretch is tinted instead."""
        figure = memory_figure(samples)
        tint, line = named(figure, "measured")
        assert np.isnan(np.asarray(line.y, dtype=float)).sum() == 1
        assert not np.isnan(np.asarray(tint.y, dtype=float)).any()
        assert (tint.hoverinfo, tint.hovertemplate) == ("skip", None)  # one line says the number
        gap = next(shape for shape in figure.layout.shapes if shape.name == "no data")
        assert ms(gap.x1) - ms(gap.x0) == 91 * 5000

    def test_a_single_sample_is_a_point(self, samples):
        figure = memory_figure(samples.head(1))
        assert named(figure, "measured")[-1].mode == "markers"

    def test_only_measured_memory_is_enough(self, samples):
        figure = memory_figure(samples[["at", "video_memory_mb"]])
        assert [trace.name for trace in figure.data[-1:]] == ["measured"]

    @pytest.mark.parametrize("column", ["at", "video_memory_mb"])
    def test_a_missing_column_is_named(self, samples, column):
        with pytest.raises(TelemetryError, match=column):
            memory_figure(samples.drop(columns=column))

    def test_no_samples_is_an_empty_frame_not_an_error(self, samples):
        assert len(memory_figure(samples.head(0)).data[0].y) == 0


class TestBands:
    def test_both_bands_once_memory_comes_near(self, samples):
        texts = [a.text for a in memory_figure(samples).layout.annotations]
        assert "high above 500 MB" in texts
        assert "critical above 800 MB" in texts

    def test_a_small_session_is_not_flattened_by_far_thresholds(self, samples):
        small = samples.assign(video_memory_mb=80.0, estimated_memory_mb=60.0)
        figure = memory_figure(small)
        assert figure.layout.yaxis.range[1] < 120
        assert "↑ high above 500, critical above 800 MB" in [
            a.text for a in figure.layout.annotations
        ]

    def test_limits_can_be_others(self, samples):
        limits = Thresholds(high_memory_mb=300, critical_memory_mb=400, max_controllers=9)
        texts = [a.text for a in memory_figure(samples, thresholds=limits).layout.annotations]
        assert texts == ["high above 300 MB", "critical above 400 MB", "cap 9"]


class TestGrowth:
    def test_line_and_shaded_interval(self, samples):
        figure = memory_figure(samples, growth=Growth(252.0, 200.0, 300.0))
        line = named(figure, "growth +252.0 MB/h")[0]
        hours = (line.x[-1] - line.x[0]) / np.timedelta64(1, "h")
        assert line.y[-1] - line.y[0] == pytest.approx(252.0 * hours)
        low, high = named(figure, "growth, low")[0], named(figure, "growth, high")[0]
        assert high.fill == "tonexty"
        assert (np.asarray(high.y) >= np.asarray(low.y)).all()
        assert high.y[-1] - high.y[1] == pytest.approx(
            300.0 * ((line.x[-1] - line.x[1]) / np.timedelta64(1, "h"))
        )

    def test_growth_that_began_late_is_drawn_from_there(self, samples):
        since = samples["at"].iloc[len(samples) // 2].to_pydatetime()
        figure = memory_figure(samples, growth=Growth(252.0, 200.0, 300.0, since))
        for name in ("growth +252.0 MB/h", "growth, low", "growth, high"):
            x = pd.to_datetime(named(figure, name)[0].x, utc=True)
            assert (x[0], x[-1]) == (since, samples["at"].iloc[-1])

    def test_without_interval_only_the_line(self, samples):
        names = [trace.name for trace in memory_figure(samples, growth=Growth(-3.0)).data]
        assert "growth -3.0 MB/h" in names
        assert "growth, low" not in names

    def test_in_words(self):
        assert str(Growth(2.0, 1.0, 3.0)) == "+2.0 MB/h (95 %: +1.0 to +3.0)"
        assert str(Growth(2.0)) == "+2.0 MB/h"


class TestEvents:
    def test_only_what_explains_memory_is_marked(self, samples, events):
        marks = named(memory_figure(samples, events=events), "events")[0]
        assert list(marks.text) == [
            "memory pressure: 512 MB, 9 controllers freed",
            "configuration: emergency",
        ]
        assert list(marks.marker.symbol) == ["triangle-down", "square"]

    def test_what_an_export_begins_with_did_not_happen_then(self, samples, events):
        began = events.assign(snapshot=[None, True, None, None, None])
        assert list(named(memory_figure(samples, events=began), "events")[0].marker.symbol) == [
            "triangle-down"
        ]

    def test_what_happened_at_once_is_one_mark_that_tells_all(self, samples, events):
        """An action, what it did and what followed, at one instant: one would hide the others."""
        at_once = events.assign(at=events["at"].iloc[0])
        at_once = pd.concat([at_once, at_once])
        figure = memory_figure(samples, events=at_once)
        (text,) = named(figure, "events")[0].text
        words = ["memory pressure: 512 MB, 9 controllers freed", "configuration: emergency"]
        assert text.split("<br>") == words
        assert sum(shape.line.dash == "dot" for shape in figure.layout.shapes) == 1

    def test_marks_at_either_end_are_whole(self, samples, events):
        assert named(memory_figure(samples, events=events), "events")[0].cliponaxis is False

    def test_events_without_columns_are_no_marks(self, samples):
        figure = memory_figure(samples, events=pd.DataFrame({"other": [1]}))
        assert len(named(figure, "events")[0].x) == 0


class TestTurns:
    @pytest.mark.parametrize(("place", "side"), [(10, "left"), (1800, "right")])
    def test_its_label_stands_where_there_is_room_over_what_it_lies_on(self, samples, place, side):
        turns = [Turn(samples["at"].iloc[place].to_pydatetime(), "step of +290 MB")]
        layout = memory_spec(memory_curves(samples).lines(max_points=100), turns=turns)["layout"]
        (label,) = [each for each in layout["annotations"] if each.get("name") == "change point"]
        assert label["xanchor"] == side
        assert label["bgcolor"] == LIGHT.surface


class TestDescribe:
    @pytest.mark.parametrize(
        ("event", "words"),
        [
            (
                {"kind": "breaker", "to": "open", "reason": "5 failures"},
                "circuit breaker: now open, 5 failures",
            ),
            ({"kind": "network", "network": "cellular"}, "network: cellular"),
            ({"kind": "crash", "error": "out of memory"}, "crash: out of memory"),
            ({"kind": "config", "reason": float("nan")}, "configuration"),
            ({"kind": "playback"}, "playback"),
        ],
    )
    def test_each_kind_says_its_own_facts(self, event, words):
        assert describe(event) == words


class TestLook:
    def test_the_cursor_is_one_rule(self, samples):
        at = datetime(2026, 1, 1, 1, tzinfo=UTC)
        shapes = memory_figure(samples, cursor_at=at).layout.shapes
        cursors = [shape for shape in shapes if shape.name == "cursor"]
        assert [(ms(c.x0), ms(c.x1)) for c in cursors] == [(at.timestamp() * 1000,) * 2]

    def test_dark_is_light_with_each_colour_swapped(self, samples, events):
        """The page recolours by exact match; that must give what Python would have drawn."""
        options = {"events": events, "growth": Growth(1.0, 0.0, 2.0)}
        lines = memory_curves(samples).lines(max_points=1000)
        light = memory_spec(lines, theme="light", **options)
        dark = memory_spec(lines, theme="dark", **options)
        assert repr(swapped(light, swaps())) == repr(dark)

    def test_no_two_roles_share_a_colour(self):
        """Otherwise one could not be told from the other when a chart is recoloured."""
        for colours in (LIGHT, DARK):
            values = [getattr(colours, name) for name in colours.__slots__]
            assert len(set(values)) == len(values)

    def test_an_unknown_theme_is_refused(self, samples):
        with pytest.raises(UsageError, match="sepia"):
            memory_figure(samples, theme="sepia")

    def test_the_file_is_small(self, samples, events):
        """No default template, no list of numbers: 1000 points stay under 90 kB."""
        assert len(memory_figure(samples, events=events).to_json()) < 90_000

    def test_the_time_axis_is_exactly_the_data_or_the_span(self, samples, events):
        """Marks get no extra room, so a slider below the chart matches its axis."""
        ends = [samples["at"].iloc[place].timestamp() * 1000 for place in (0, -1)]
        assert list(map(ms, memory_figure(samples, events=events).layout.xaxis.range)) == ends
        span = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
        wide = [ms(at) for at in memory_figure(samples, span=span).layout.xaxis.range]
        assert wide[1] - wide[0] == 86_400_000
        alone = [ms(at) for at in memory_figure(samples.head(1)).layout.xaxis.range]
        assert alone[1] - alone[0] == 60_000

    def test_a_title_inside_is_optional(self, samples):
        assert memory_figure(samples).layout.title.text is None
        assert memory_figure(samples, title="Memory").layout.title.text == "Memory"


def swapped(part, colours):
    if isinstance(part, dict):
        return {name: swapped(value, colours) for name, value in part.items()}
    if isinstance(part, list):
        return [swapped(value, colours) for value in part]
    return colours.get(part, part) if isinstance(part, str) else part
