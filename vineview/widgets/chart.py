"""MemoryChart: memory over time with its key numbers, live or recorded.

It follows the monitor by subscription, so it goes on while cells are idle, and draws whatever the
monitor or the telemetry holds through the same figure that reports use.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from vineview.clock import Clock
from vineview.errors import UsageError
from vineview.figures import Tile, growth_of, memory_picture, memory_tiles, sentence, tiles_html
from vineview.figures.memory import memory_spec
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.widgets.plot import Plot
from vineview.widgets.sources import MemorySource, source_of

__all__ = ["MemoryChart"]

_TABLE_ROWS = 12
_FIGURE_POINTS = 1000
_KEPT_POINTS = 360


class MemoryChart(Plot):
    """Shows measured memory, the app's estimate, controllers, growth and the leak check.

    Args:
        data: A monitor, followed live, or telemetry, shown as recorded.
        title: The heading.
        clock: The time a person sees pass; the machine's unless told.

    Raises:
        UsageError: If ``data`` is neither.

    Example:
        >>> MemoryChart(monitor)  # doctest: +SKIP
        >>> MemoryChart(Telemetry.open("incident.ndjson"))  # doctest: +SKIP
    """

    _unsubscribe: Callable[[], None] | None = None

    def __init__(
        self,
        data: VideoPerformanceMonitor | Telemetry,
        *,
        title: str = "Video memory",
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        self._source: MemorySource = source_of(data, clock=clock)
        self._cursor_at: datetime | None = None
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
        spec = self._spec(max_points=_FIGURE_POINTS, cursor_at=self.cursor_at)
        return go.Figure() if spec is None else go.Figure(spec)

    def static_html(self) -> str:
        """The key numbers and a still picture."""
        source, status, tiles = self._source, self._source.status, self._tiles()
        picture = memory_picture(
            source.samples,
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

    def _kept_spec(self) -> dict[str, Any] | None:
        return self._spec(max_points=_KEPT_POINTS, cursor_at=self.cursor_at)

    def _spec(self, *, max_points: int, cursor_at: datetime | None = None) -> dict[str, Any] | None:
        source = self._source
        samples = source.samples
        if samples["video_memory_mb"].notna().sum() == 0:
            return None
        return memory_spec(
            samples,
            thresholds=source.thresholds,
            growth=growth_of(source.usage),
            events=source.marks,
            cursor_at=cursor_at,
            span=self._span(),
            max_points=max_points,
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
            "empty": status.empty if samples["video_memory_mb"].notna().sum() == 0 else "",
        }

    def _tell_cursor(self, **to: Any) -> None:
        at = self.cursor_at
        self.tell("cursor", at_ms=None if at is None else at.timestamp() * 1000, **to)


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
