"""A plotly figure as a widget of ours: small, and empty in a saved notebook.

plotly's own widget carries 5 MB of script in its state, each time. Here the script crosses once
per page, on request, as a compressed buffer, and the figure travels as messages with its arrays in
binary. What a notebook keeps instead is a still picture and a compact figure.

Messages, beside those of the base:

==============  =========  ======================================================================
kind            direction  fields
==============  =========  ======================================================================
``need_plotly`` in         ``packed``: whether the page can unpack gzip; no chart has plotly.js yet
``plotly``      out        one buffer: plotly.js from the installed plotly package
``figure``      out        ``figure``: data and layout; ``swaps``: light colours to dark; ``zooms``:
                           whether it can be asked for detail; buffers
``readout``     out        ``title``, ``status``, ``tiles``, ``summary``, ``table``, ``empty``
``cursor``      out        ``at_ms``: where the playhead stands, or null
==============  =========  ======================================================================
"""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, ClassVar

import plotly.graph_objects as go

from vineview.clock import Clock, SystemClock
from vineview.figures.plain import summary_of
from vineview.figures.theme import swaps
from vineview.figures.wire import compact_json, packed
from vineview.widgets.base import Buffers, Message, VineWidget
from vineview.widgets.pace import Pace

__all__ = ["LIVE_POINTS", "Plot"]

_INTERVAL_S = 1.0
LIVE_POINTS = 1000
"""How many points of a line a page is sent before it says how wide it is."""
_KEPT_POINTS = 360
_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["sendChartToCloud"],  # what a chart shows stays on this machine
}
_GZIP_LEVEL = 1  # a third of the size for 80 ms; better levels cost more than they save


class Plot(VineWidget):
    """Shows a plotly figure.

    Args:
        figure: What to show; :meth:`show` replaces it.
        title: A heading above it.
        clock: The time a person sees pass, which paces what is sent; not a replay's.

    Example:
        >>> Plot(go.Figure(), title="Preloads")
        Plot('Preloads')
    """

    _assets: ClassVar[tuple[str, ...]] = (
        "library",
        "figure",
        "plot",
        "zoom",
        "keys",
        "readout",
        "chart",
    )
    _zooms: ClassVar[bool] = False

    def __init__(
        self,
        figure: go.Figure | None = None,
        *,
        title: str = "",
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        self._figure = figure
        self._title = title
        super().__init__(**options)
        self._clock = clock or SystemClock()
        self._pace = self._paced(self._send_news, _INTERVAL_S)

    def show(self, figure: go.Figure) -> None:
        """Show another figure in the same place.

        Args:
            figure: The figure.
        """
        self._figure = figure
        self.redraw()

    def figure(self) -> go.Figure:
        """The plotly figure as it stands, for reports and for further work."""
        return go.Figure() if self._figure is None else self._figure

    def redraw(self) -> None:
        """Send the picture again: at once if the last was a second ago, else when it will be."""
        self.if_seen(self._pace.ask)

    # -- for subclasses ------------------------------------------------------------------------

    def if_seen(self, call: Callable[[], None]) -> None:
        """Run ``call`` on the widget's loop while a view is open; a new view is told all anyway."""
        if self.views:
            self.on_loop(call)

    def _paced(self, send: Callable[[], None], interval_s: float) -> Pace:
        return Pace(send, interval_s=interval_s, spawn=self.spawn, clock=self._clock)

    def _kept_spec(self) -> dict[str, Any] | None:
        """The figure a saved notebook keeps: as drawn, in fewer points."""
        return self._spec(max_points=_KEPT_POINTS)

    def _spec(self, *, max_points: int) -> dict[str, Any] | None:
        """``data`` and ``layout``, arrays in numpy; ``None`` when there is nothing to draw."""
        del max_points
        if self._figure is None:
            return None
        spec: dict[str, Any] = json.loads(self._figure.to_json())
        return spec

    def _readout(self) -> dict[str, Any]:
        """The fields of a ``readout`` message."""
        return {
            "title": self._title,
            "status": {"mode": "still", "text": "", "next_in_s": None},
            "tiles": [],
            "summary": self._summary(),
            "table": {"caption": self._title, "head": [], "rows": []},
            "empty": "" if self._figure is not None else "Nothing to draw yet",
        }

    def _summary(self) -> str:
        """The picture in words: the figure's own, else its title."""
        said = summary_of(self._figure) if self._figure is not None else ""
        return ": ".join(part for part in (self._title, said) if part) or "Chart"

    # -- messages ------------------------------------------------------------------------------

    def receive(self, message: Message, buffers: Buffers) -> None:
        """Answer the page's request for plotly.js."""
        del buffers
        match message:
            case {"kind": "need_plotly", "view": str(view)}:
                script = plotly_script(packed=bool(message.get("packed")))
                self.tell("plotly", [script], view=view)
            case _:
                pass

    def view_opened(self, view: str) -> None:
        """Give a new view the picture as it stands."""
        self._send_all(view=view)

    def _send_news(self) -> None:
        """Send what has changed: here, everything."""
        self._send_all()

    def _send_all(self, **to: Any) -> None:
        self._send_figure(**to)

    def _send_figure(self, **to: Any) -> dict[str, Any] | None:
        """Send key numbers and figure, and return the figure."""
        self.tell("readout", **self._readout(), **to)
        spec = self._spec(max_points=LIVE_POINTS)
        if spec is None:
            self.tell("figure", figure=None, swaps={}, zooms=False, **to)
            return None
        figure, buffers = packed(self._wire_spec(spec))
        self.tell("figure", buffers, figure=figure, swaps=swaps(), zooms=self._zooms, **to)
        return spec

    def _wire_spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        """What of a figure is sent; the page knows the rest."""
        return spec

    # -- what is kept --------------------------------------------------------------------------

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        spec = self._kept_spec()
        if bundle is None or spec is None:
            return bundle
        data, metadata = bundle
        kept = {**compact_json(spec), "config": _CONFIG}
        return {**data, "application/vnd.plotly.v1+json": kept}, metadata

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._title!r})"


@functools.cache
def plotly_script(*, packed: bool) -> bytes:
    """plotly.js from the installed plotly package.

    Args:
        packed: Whether to compress it with gzip.
    """
    script = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return gzip.compress(script, _GZIP_LEVEL, mtime=0) if packed else script
