"""A figure on its way out."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go

from vineview.figures.curves import memory_curves
from vineview.figures.memory import memory_spec
from vineview.figures.wire import Instants, compact_json, packed


class TestPacked:
    def test_a_shared_array_travels_once(self):
        x = np.arange(3.0)
        figure, buffers = packed({"data": [{"x": x, "y": x.astype("float32")}, {"x": x}]})
        assert len(buffers) == 2
        assert figure["data"][0]["x"] == figure["data"][1]["x"]
        assert np.frombuffer(buffers[1], "float32").tolist() == [0.0, 1.0, 2.0]

    def test_the_rest_is_json(self, samples, events):
        figure, buffers = packed(
            memory_spec(memory_curves(samples).lines(max_points=1000), events=events)
        )
        assert len(json.dumps(figure)) < 9_000
        assert sum(map(len, buffers)) < 50_000

    def test_whole_numbers_become_what_the_page_can_read(self):
        figure, buffers = packed({"data": [{"y": np.array([1, 2])}], "layout": {"n": np.int64(3)}})
        assert figure["data"][0]["y"]["dtype"] == "float64"
        assert np.frombuffer(buffers[0]).tolist() == [1.0, 2.0]
        assert figure["layout"] == {"n": 3}


class TestCompactJson:
    def test_plotly_reads_it_back(self, samples):
        spec = memory_spec(memory_curves(samples).lines(max_points=100))
        document = json.loads(json.dumps(compact_json(spec)))
        figure = go.Figure(document)
        assert figure.data[0].name == "measured"
        assert document["data"][0]["x"]["dtype"] == "f8"

    def test_whole_numbers_fit_plotlys_types(self):
        assert compact_json({"data": [{"x": np.array([1, 2])}]})["data"][0]["x"]["dtype"] == "i4"


class TestInstants:
    def test_they_take_half_and_stand_where_they_were(self):
        """A four-thousand-millionth of a month is half a millisecond."""
        at_ms = 1.767e12 + np.sort(np.random.default_rng(3).uniform(0, 30 * 86_400_000, 500))
        document, (steps,) = packed({"x": Instants(at_ms)})
        place = document["x"]
        assert len(steps) == 4 * 500
        back = place["start"] + np.frombuffer(steps, "uint32") * place["step"]
        assert np.abs(back - at_ms).max() < 0.5

    def test_one_or_none_are_no_trouble(self):
        for at_ms in (np.array([]), np.array([5.0])):
            document, (steps,) = packed({"x": Instants(at_ms)})
            assert document["x"]["vv_buffer"] == 0
            assert len(steps) == 4 * at_ms.size
