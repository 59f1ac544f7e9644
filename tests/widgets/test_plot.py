"""A plotly figure as a widget: what crosses, when, and what a notebook keeps."""

from __future__ import annotations

import gzip
import json
import re
from importlib.resources import files

import numpy as np
import plotly.graph_objects as go
import pytest

from vineview.figures.theme import DARK, LIGHT
from vineview.widgets.chart import MemoryChart
from vineview.widgets.plot import Plot
from vineview.widgets.timeline import ReplayTimeline

FIGURE = go.Figure({"data": [{"type": "scatter", "y": np.arange(4.0)}], "layout": {"height": 200}})


class TestMessages:
    def test_a_view_that_says_hello_gets_the_figure(self, browser_of):
        browser = browser_of(Plot(FIGURE, title="Preloads"))
        browser.say("hello")
        assert browser.of("readout")[0]["title"] == "Preloads"
        (message,) = browser.of("figure")
        assert message["figure"]["layout"]["height"] == 200
        assert message["view"] == "v1"
        assert message["swaps"][LIGHT.measured] == DARK.measured

    def test_every_chart_can_give_plotly_and_only_when_asked(self, browser_of):
        """The page decides who asks; what is sent is the installed package's own script."""
        browser = browser_of(Plot(FIGURE))
        browser.say("hello")
        assert browser.of("plotly") == []
        browser.say("need_plotly", packed=True)
        ((packed,),) = browser.buffers_of("plotly")
        script = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
        assert gzip.decompress(packed) == script
        assert len(packed) < len(script) * 0.4

    def test_a_page_that_cannot_unpack_gets_it_plain(self, browser_of):
        browser = browser_of(Plot(FIGURE))
        browser.say("hello")
        browser.say("need_plotly", packed=False)
        ((plain,),) = browser.buffers_of("plotly")
        assert plain.startswith(b"/**\n* plotly.js")

    async def test_many_changes_are_one_message_a_second(self, browser_of, clock):
        plot = Plot(FIGURE, clock=clock)
        browser = browser_of(plot)
        browser.say("hello")
        browser.clear()
        for height in range(100):
            plot.show(go.Figure(layout={"height": height + 10}))
        await clock.advance(0)
        assert [m["figure"]["layout"]["height"] for m in browser.of("figure")] == [109]
        plot.show(FIGURE)
        plot.show(FIGURE)
        await clock.advance(0.9)
        assert len(browser.of("figure")) == 1
        await clock.advance(0.1)
        assert len(browser.of("figure")) == 2
        await plot.aclose()

    def test_nobody_looks_nothing_is_sent(self, browser_of):
        """Without a view there is no need of a loop either, as in a script."""
        plot = Plot(FIGURE)
        browser = browser_of(plot)
        plot.show(FIGURE)
        browser.say("hello")
        browser.say("bye")
        browser.clear()
        plot.show(FIGURE)
        assert browser.sent == []

    def test_without_a_figure_it_says_so(self, browser_of):
        browser = browser_of(Plot())
        browser.say("hello")
        assert browser.of("readout")[0]["empty"] == "Nothing to draw yet"
        assert browser.of("figure")[0]["figure"] is None
        assert len(Plot().figure().data) == 0


class TestWhatIsKept:
    def test_the_state_holds_no_figure_and_no_script(self):
        """Only what a page needs to start: our own module and style."""
        state = Plot(FIGURE).get_state()
        assert (
            sum(len(json.dumps(value)) for value in state.values() if isinstance(value, str))
            < 80_000
        )
        assert not re.search(r"Plotly\.(?:newPlot|js)|plotly\.js v\d", state["_esm"])

    def test_the_bundle_has_the_widget_a_picture_and_a_figure(self):
        data, _ = Plot(FIGURE)._repr_mimebundle_()
        assert set(data) == {
            "text/plain",
            "text/html",
            "application/vnd.jupyter.widget-view+json",
            "application/vnd.plotly.v1+json",
        }
        assert data["application/vnd.plotly.v1+json"]["layout"]["height"] == 200

    def test_without_a_figure_there_is_none_to_keep(self):
        data, _ = Plot()._repr_mimebundle_()
        assert "application/vnd.plotly.v1+json" not in data

    def test_the_repr_is_cheap(self):
        assert repr(Plot(FIGURE, title="Errors")) == "Plot('Errors')"


@pytest.mark.parametrize("widget", [Plot, MemoryChart, ReplayTimeline])
class TestAssets:
    def test_one_module_one_default_export_no_import(self, widget):
        assert len(re.findall(r"^export default ", widget._esm, flags=re.MULTILINE)) == 1
        assert not re.findall(r"^import ", widget._esm, flags=re.MULTILINE)

    def test_no_network_address(self, widget):
        for text in (widget._esm, widget._css):
            assert set(re.findall(r"https?://[^\s\"'`)]+", text)) <= {"http://www.w3.org/2000/svg"}
