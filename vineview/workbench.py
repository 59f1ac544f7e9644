"""Workbench: one object that wires the rooms for a notebook and owns every task they start.

It holds no behaviour of its own: the feed comes from ``media``, the manager decides, the monitor
measures, the widgets show. What it adds is the wiring, and the promise that closing it stops all.
"""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Self

from vineview import resources
from vineview.clock import Clock, SystemClock
from vineview.core import UrlPolicy, VideoManager, VideoManagerConfig
from vineview.media import Feed, MediaLoader
from vineview.media.sample_feed import PLACEHOLDER
from vineview.ops import ClipServer, OpsClient
from vineview.telemetry import Telemetry, VideoPerformanceMonitor
from vineview.widgets import FeedPlayer, MemoryChart, ReplayTimeline

__all__ = ["Workbench"]


class Workbench:
    """Everything a notebook needs, wired.

    Use :meth:`open`; the constructor takes the parts ready made.

    Attributes:
        feed: The events and what was found wrong with them.
        manager: Decides what is loaded; the single source of truth.
        monitor: Samples the manager.
        telemetry: The exported incident.
        ops: The ops API: the address given, or this notebook's own manager.

    Example:
        >>> bench = await Workbench.open()  # doctest: +SKIP
        >>> bench.player  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        feed: Feed,
        manager: VideoManager,
        monitor: VideoPerformanceMonitor,
        telemetry: Telemetry,
        ops: OpsClient,
    ) -> None:
        self.feed = feed
        self.manager = manager
        self.monitor = monitor
        self.telemetry = telemetry
        self.ops = ops
        self._closing = AsyncExitStack()

    @classmethod
    async def open(
        cls,
        *,
        feed: str | Path | None = None,
        telemetry: str | Path | None = None,
        url: str | None = None,
        config: VideoManagerConfig | None = None,
        sampling_interval_s: float = 1.0,
        clock: Clock | None = None,
    ) -> Self:
        """Wire a workbench, and start watching the feed's first video.

        What is not passed comes from ``VINEVIEW_FEED``, ``VINEVIEW_TELEMETRY`` and
        ``VINEVIEW_URL`` (the options of ``vineview lab``), else from the bundled data. A workbench
        that the notebook still names is closed first, so that running its cell again leaks nothing.

        Args:
            feed: A feed: file, folder of clips, or address.
            telemetry: An export: file, folder, glob, or address.
            url: The ops API to look at; without it, this notebook's own manager.
            config: The manager's configuration; the default profile if not given.
            sampling_interval_s: Seconds between two samples of the manager.
            clock: The time to run on; the machine's if not given.

        Returns:
            The workbench, monitoring.

        Raises:
            FeedError: If the feed cannot be read.
            TelemetryError: If the export cannot be read.
        """
        await _close_earlier()
        clock = clock or SystemClock()
        async with AsyncExitStack() as stack:
            opened_feed = await _open_feed(feed or os.environ.get("VINEVIEW_FEED"), stack)
            manager = await stack.enter_async_context(
                VideoManager(config=config, loader=MediaLoader(policy=UrlPolicy()), clock=clock)
            )
            manager.add_video_events(opened_feed.events)
            monitor = VideoPerformanceMonitor(
                manager, sampling_interval_s=sampling_interval_s, clock=clock
            )
            monitor.start()
            stack.callback(monitor.stop)
            address = url or os.environ.get("VINEVIEW_URL")
            ops = OpsClient(address) if address else OpsClient(manager, monitor=monitor)
            export = telemetry or os.environ.get("VINEVIEW_TELEMETRY") or _bundled_incident()
            bench = cls(
                feed=opened_feed,
                manager=manager,
                monitor=monitor,
                telemetry=Telemetry.open(export),
                ops=ops,
            )
            manager.preload_around_index(0)
            bench._closing = stack.pop_all()
        return bench

    @cached_property
    def player(self) -> FeedPlayer:
        """The feed, playing."""
        player = FeedPlayer(self.manager)
        self._closing.push_async_callback(player.aclose)
        return player

    @cached_property
    def chart(self) -> MemoryChart:
        """This notebook's own memory, live."""
        chart = MemoryChart(self.monitor)
        self._closing.push_async_callback(chart.aclose)
        return chart

    @cached_property
    def incident(self) -> MemoryChart:
        """The exported incident's memory."""
        chart = MemoryChart(self.telemetry)
        self._closing.push_async_callback(chart.aclose)
        return chart

    @cached_property
    def timeline(self) -> ReplayTimeline:
        """The exported incident, replayed."""
        timeline = ReplayTimeline(self.telemetry)
        self._closing.push_async_callback(timeline.aclose)
        return timeline

    async def aclose(self) -> None:
        """Stop everything: widgets, monitor, manager, clip server. Safe to call twice."""
        await self._closing.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"Workbench({len(self.feed)} videos from {self.feed.source})"

    def _repr_html_(self) -> str:
        return f"<code>{escape(repr(self))}</code>"


async def _open_feed(source: str | Path | None, stack: AsyncExitStack) -> Feed:
    """Open a named feed, or serve the bundled one on loopback, faults and all."""
    if source is not None:
        return Feed.open(source)
    server = await stack.enter_async_context(ClipServer(resources.data("feed")))
    return Feed.open(resources.data("feed", "feed.json")).relocated(PLACEHOLDER, server.base_url)


def _bundled_incident() -> Path:
    return resources.data("incidents", "memory-leak.ndjson")


async def _close_earlier() -> None:
    """Close the workbenches this notebook's variables still hold."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    names = shell.user_ns if shell else {}
    for bench in {id(v): v for v in list(names.values()) if isinstance(v, Workbench)}.values():
        await bench.aclose()
