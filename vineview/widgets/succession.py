"""Succession: a player whose cell has run again gives back what its manager holds.

IPython keeps whatever a cell has shown, and ipywidgets every widget, so a manager that a cell makes
anew at each run is never collected: its clips, files and threads would add up. Once the cell has
made another player and nobody watches the old one any more, its manager's videos are let go. They
are loaded again if somebody comes back to it.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from IPython import get_ipython

from vineview.core.view import ManagerView
from vineview.widgets.clips import commands_of

__all__ = ["Succession"]


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of one cell, as its front end names them."""

    cell: str
    request: str


class Succession:
    """One player's place among those its cell has made.

    Args:
        manager: What it plays; a recording holds nothing that could be given back.
        is_watched: Whether a view of it is open.
    """

    def __init__(self, manager: ManagerView, *, is_watched: Callable[[], bool]) -> None:
        self._manager = manager
        self._is_watched = is_watched
        self._run = _run_now()
        self._is_over = False
        self._has_given_back = False
        earlier = [one for one in _all() if self._run and one._is_before(self._run)]  # noqa: SLF001
        _all().add(self)
        for one in earlier:
            one._is_over = True  # noqa: SLF001 - of this class
            one.left()

    def watched(self) -> None:
        """Hear that a view opened: what was given back is loaded again."""
        commands = commands_of(self._manager)
        if self._has_given_back and commands is not None:
            commands.preload_around_index(self._manager.current_index)
        self._has_given_back = False

    def left(self) -> None:
        """Hear that no view is open: give back what a later run of the cell has replaced."""
        commands = commands_of(self._manager)
        if commands is None or not all(one._is_done_with(self._manager) for one in _all()):  # noqa: SLF001
            return
        self._has_given_back = True
        commands.stop_all_videos()
        rest = getattr(getattr(self._manager, "loader", None), "rest", None)
        if callable(rest):
            rest()

    def _is_before(self, run: _Run) -> bool:
        return self._run is not None and self._run.cell == run.cell and self._run != run

    def _is_done_with(self, manager: ManagerView) -> bool:
        return self._manager is not manager or (self._is_over and not self._is_watched())


@functools.cache
def _all() -> weakref.WeakSet[Succession]:
    """Those of this process's players: a later one must find the earlier."""
    return weakref.WeakSet()


def _run_now() -> _Run | None:
    """The run under way; ``None`` where no front end names its cells."""
    kernel = getattr(get_ipython(), "kernel", None)
    request = kernel.get_parent("shell") or {} if kernel is not None else {}
    cell = request.get("metadata", {}).get("cellId")
    number = request.get("header", {}).get("msg_id")
    return _Run(str(cell), str(number)) if cell and number else None
