"""MemoryChart: memory over time with its key numbers, live or recorded.

It follows the monitor by subscription, so it goes on while cells are idle, and draws whatever the
monitor or the telemetry holds through the same figure that reports use. The page gets as many
points as it has pixels; when a person zooms in it asks for that stretch, one question at a time.

Messages, beside those of :mod:`~vineview.widgets.plot`; instants are milliseconds since 1970 in
UTC. Points travel as buffers: values as float32, instants as float64 where few are appended and
else as steps (:mod:`~vineview.figures.wire`).

=============  =========  ======================================================================
kind           direction  fields
=============  =========  ======================================================================
``append``     out        ``after_ms``, ``range``, ``lines`` to append to, ``traces`` and parts of
                          the ``layout`` that changed
``behind``     in         what was appended does not follow what this view has
``cut``        in         ``seq``, ``start_ms``, ``end_ms``, ``width_px``: what is looked at
``detail``     out        the same ``seq``, ``start_ms``, ``end_ms``, and ``lines`` in full detail
``select``     in         ``seq``, ``start_ms``, ``end_ms``: a stretch to analyse
``selection``  out        the same, ``tiles`` and ``summary``
``reading``    out        ``on``: whether an engine is being asked; ``title``
``unread``     out        it gave no answer; a ``fault`` says why
=============  =========  ======================================================================
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Hashable
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from vineview.clock import Clock
from vineview.errors import UsageError
from vineview.figures import (
    Tile,
    growth_of,
    memory_picture,
    memory_tiles,
    range_tiles,
    sentence,
    tiles_html,
    turns_of,
)
from vineview.figures.curves import Lines
from vineview.figures.memory import memory_spec, memory_traces
from vineview.figures.picture import PICTURE_POINTS
from vineview.figures.theme import LIGHT
from vineview.figures.wire import dated, packed
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.widgets.appending import Appending, lean
from vineview.widgets.asking import Asking
from vineview.widgets.base import Buffers, Message, VineWidget
from vineview.widgets.plot import LIVE_POINTS, Plot
from vineview.widgets.sources import MemorySource, source_of
from vineview.widgets.still import is_watched

__all__ = ["MemoryChart"]

_TABLE_ROWS = 12
_FIGURE_POINTS = 1000
_KEPT_POINTS = 360
_POINTS_PER_PX = 2  # a lowest and a highest in each column of pixels
_WIDTHS_PX = (50, 4096)
_LATEST_MS = datetime(9999, 1, 1, tzinfo=UTC).timestamp() * 1000


class MemoryChart(Plot):
    """Shows measured memory, the app's estimate, controllers, growth and the leak check.

    Args:
        data: A monitor, followed live, or telemetry, shown as recorded; or any other source
            (:class:`~vineview.widgets.sources.MemorySource`).
        title: The heading.
        clock: The time a person sees pass; the machine's unless told.

    Raises:
        UsageError: If ``data`` is neither.

    Example:
        >>> MemoryChart(monitor)  # doctest: +SKIP
        >>> MemoryChart(Telemetry.open("incident.ndjson"))  # doctest: +SKIP
    """

    _zooms = True
    _unsubscribe: Callable[[], None] | None = None

    def __init__(
        self,
        data: VideoPerformanceMonitor | Telemetry | MemorySource,
        *,
        title: str = "Video memory",
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        self._source: MemorySource = source_of(data, clock=clock)
        self._cursor_at: datetime | None = None
        self._appending = Appending(LIVE_POINTS)
        self._asking = Asking(
            lambda work: self.spawn(work, name="asking the engine"),
            self._tell_reading,
            self._refused,
        )
        super().__init__(title=title, clock=clock, **options)
        self._unsubscribe = self._source.subscribe(self.redraw)

    @property
    def cursor_at(self) -> datetime | None:
        """Where the cursor stands, aware UTC; ``None`` hides it. Setting it redraws nothing."""
        return self._cursor_at

    @cursor_at.setter
    def cursor_at(self, at: datetime | None) -> None:
        if at is not None and at.tzinfo is None:
            raise UsageError(
                "the cursor's instant has no time zone",
                hint="Pass an aware one, such as datetime(2026, 1, 1, tzinfo=UTC).",
            )
        self._cursor_at = at
        self.if_seen(self._tell_cursor)

    def figure(self) -> go.Figure:
        """The plotly figure as it stands, for reports and for further work."""
        self._judge()
        spec = self._spec(max_points=_FIGURE_POINTS, cursor_at=self.cursor_at)
        return go.Figure() if spec is None else go.Figure(dated(spec))

    def static_html(self) -> str:
        """The key numbers and a still picture."""
        self._judge()
        source, status, tiles = self._source, self._source.status, self._tiles()
        picture = memory_picture(
            source.curves.lines(max_points=PICTURE_POINTS),
            thresholds=source.thresholds,
            cursor_at=self.cursor_at,
            summary=sentence(tiles),
        )
        return (
            f'<p style="margin:0 0 8px"><b>{html.escape(self._title)}</b> '
            f'<span style="opacity:.75">{status.text}</span></p>'
            f"{tiles_html(tiles)}{picture or f'<p>{status.empty}</p>'}"
        )

    def close(self) -> None:
        """Stop following, and close the widget. Idempotent."""
        if self._unsubscribe is not None:  # None: the constructor refused its data
            self._unsubscribe()
            super().close()

    # -- what is sent --------------------------------------------------------------------------

    def view_opened(self, view: str) -> None:
        """Give a new view the picture and the cursor."""
        super().view_opened(view)
        self._tell_cursor(view=view)
        if self._asking.is_reading:
            self._tell_reading(True, view=view)

    def receive(self, message: Message, buffers: Buffers) -> None:
        """Answer what the page asks of a stretch."""
        match message:
            case {"kind": "cut", "view": str(view), "width_px": int() | float() as width_px}:
                self._cut(message, view, width_px)
            case {"kind": "select", "view": str(view)}:
                self._select(message, view)
            case {"kind": "behind", "view": str(view)}:
                self._send_all(view=view)
            case _:
                super().receive(message, buffers)

    def _cut(self, message: Message, view: str, width_px: float) -> None:
        start_ms, end_ms = _stretch(message)
        low, high = _WIDTHS_PX
        points = int(min(max(width_px, low), high)) * _POINTS_PER_PX
        stretch: dict[str, Any] = {"max_points": points, "start_ms": start_ms, "end_ms": end_ms}
        at = {"seq": message["seq"], "start_ms": start_ms, "end_ms": end_ms}

        def answer() -> None:
            lines = self._source.curves.lines(**stretch)
            cut, buffers = packed({"lines": _points_of(lines)})
            whole = all(line.is_whole for line in lines.values())
            self.tell("detail", buffers, view=view, **at, **cut, whole=whole)

        self._after(("cut", view), lambda: self._source.curves.lines(**stretch), answer)

    def _select(self, message: Message, view: str) -> None:
        start_ms, end_ms = _stretch(message)
        start_at, end_at = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (start_ms, end_ms))
        at = {"seq": message["seq"], "start_ms": start_ms, "end_ms": end_ms}

        def answer() -> None:
            usage = self._source.usage_between(start_at, end_at)
            tiles = range_tiles(usage, thresholds=self._source.thresholds)
            said = f"{start_at:%Y-%m-%d %H:%M:%S} to {end_at:%H:%M:%S} UTC: {sentence(tiles)}"
            shown = [tile.to_dict() for tile in tiles]
            self.tell("selection", view=view, **at, tiles=shown, summary=said)

        self._after(("select", view), lambda: self._source.usage_between(start_at, end_at), answer)

    def _after(
        self, about: Hashable, question: Callable[[], object], answer: Callable[[], None]
    ) -> None:
        """Answer at once from memory; of an engine ask first, in a worker thread."""
        if self._asks:
            self._asking.ask(about, question, answer)
        else:
            answer()

    @property
    def _asks(self) -> bool:
        """Whether an engine has what is drawn."""
        return hasattr(self._source, "prepare")

    def _tell_reading(self, on: bool, **to: Any) -> None:  # noqa: FBT001 - a fact, passed on
        self.tell("reading", on=on, title=self._title, **to)

    def _refused(self, error: Exception) -> None:
        self.report(error, where="asking the engine")
        self.tell("unread")

    def _judge(self) -> None:
        """Ask an engine for growth and verdict here and now, if nobody has."""
        if self._asks and self._source.usage is None:
            self._source.judge()  # type: ignore[attr-defined] # what asks an engine has it

    def _send_news(self) -> None:
        """Append what is new; the page draws it into the lines it has."""
        spec = self._spec(max_points=LIVE_POINTS)
        news = None if spec is None else self._appending.news(spec, self._source.curves)
        if news is None:
            self._send_all()
            return
        readout = self._readout()
        del readout["table"]  # a dozen rows of the whole, which hardly change; they come with it
        self.tell("readout", **readout)
        append, buffers = packed(news)
        self.tell("append", buffers, **append)

    def _send_all(self, **to: Any) -> None:
        """Send the whole picture, to one view or to all; an engine's verdict follows."""
        source: Any = self._source

        def answer() -> None:
            self._send_whole(**to)
            if self._asks and source.usage is None:
                self._asking.ask("judge", source.judge, self._send_judged)

        about = "all", to.get("view")
        self._after(about, lambda: source.prepare(max_points=LIVE_POINTS), answer)

    def _send_judged(self) -> None:
        """Send growth and verdict too, and leave the notebook the still it could not have."""
        self._send_whole()
        self._keep_stills()

    def _send_whole(self, **to: Any) -> None:
        spec = super()._send_figure(**to)
        if "view" not in to or len(self.views) <= 1:
            self._appending.whole(spec, self._source.curves)

    def _wire_spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        return lean(spec)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        if not self._asks or self._source.usage is not None or not is_watched():
            return super()._repr_mimebundle_(**kwargs)
        self._unkept.append(copy_context())  # whatever it shows goes to this output
        self._send_all()
        return super(VineWidget, self)._repr_mimebundle_(**kwargs)

    def _is_worth_keeping(self) -> bool:
        """Whether an engine, if one has the data, has given its verdict."""
        return not self._asks or self._source.usage is not None

    def _kept_spec(self) -> dict[str, Any] | None:
        spec = self._spec(max_points=_KEPT_POINTS, cursor_at=self.cursor_at)
        return None if spec is None else dated(spec)

    def _spec(self, *, max_points: int, cursor_at: datetime | None = None) -> dict[str, Any] | None:
        source = self._source
        lines = source.curves.lines(max_points=max_points)
        if lines["video_memory_mb"].y.size == 0:
            return None
        usage = source.usage
        return memory_spec(
            lines,
            thresholds=source.thresholds,
            growth=growth_of(usage),
            turns=turns_of(usage),
            events=source.marks,
            cursor_at=cursor_at,
            span=self._span(),
        )

    def _span(self) -> tuple[datetime, datetime] | None:
        """From when to when the time axis goes; all there is."""
        return None

    def _tiles(self) -> tuple[Tile, ...]:
        source = self._source
        return memory_tiles(source.reading, source.usage, thresholds=source.thresholds)

    def _readout(self) -> dict[str, Any]:
        source, status = self._source, self._source.status
        tiles, samples = self._tiles(), source.samples
        return {
            "title": self._title,
            "status": {"mode": status.mode, "text": status.text, "next_in_s": status.next_in_s},
            "tiles": [tile.to_dict() for tile in tiles],
            "summary": f"{self._title} over time. {sentence(tiles)}",
            "table": _table(samples),
            "empty": "" if samples["video_memory_mb"].notna().any() else status.empty,
        }

    def _tell_cursor(self, **to: Any) -> None:
        at = self.cursor_at
        self.tell("cursor", at_ms=None if at is None else at.timestamp() * 1000, **to)


def _stretch(message: Message) -> tuple[float, float]:
    """From when to when a page asks, in milliseconds.

    Raises:
        UsageError: If that is no stretch of time.
    """
    match message:
        case {
            "start_ms": int() | float() as start_ms,
            "end_ms": int() | float() as end_ms,
            "seq": int(),
        } if math.isfinite(start_ms) and math.isfinite(end_ms) and start_ms < end_ms:
            return max(float(start_ms), 0.0), min(float(end_ms), _LATEST_MS)
    raise UsageError(
        "the page asked for a stretch of time that has no length",
        hint="Press 0 in the chart to see all of it again.",
    )


def _points_of(lines: Lines) -> list[dict[str, Any]]:
    """The lines' points alone: the page has their looks."""
    traces = lean({"data": memory_traces(lines, LIGHT)})["data"]
    return [{name: each[name] for name in ("uid", "x", "y")} for each in traces if "x" in each]


def _table(samples: pd.DataFrame) -> dict[str, Any]:
    """A dozen rows spread over the samples, for those who read rather than look."""
    step = max(len(samples) // _TABLE_ROWS, 1)
    rows = samples.iloc[::-1].iloc[::step].iloc[:_TABLE_ROWS].iloc[::-1]
    columns = ("video_memory_mb", "estimated_memory_mb", "video_controllers")
    return {
        "caption": "Memory and controllers, a selection of samples",
        "head": ["Time (UTC)", "Measured (MB)", "Estimate (MB)", "Controllers"],
        "rows": [
            [f"{row['at']:%Y-%m-%d %H:%M:%S}", *(_cell(row.get(name)) for name in columns)]
            for row in rows.to_dict("records")
        ],
    }


def _cell(value: Any) -> str:
    return "" if value is None or pd.isna(value) else f"{value:.0f}"
