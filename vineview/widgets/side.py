"""SideBySide: two players on one clock, for before and after.

The page keeps them together without a round trip through the kernel: what a person does to one
happens to both, and the right one follows the left one's playhead. Each keeps its own manager,
so each shows what its own configuration loads, and how it fails.
"""

from __future__ import annotations

import html
from typing import Any
from uuid import uuid4

from ipywidgets import HBox, Label, Layout, VBox

from vineview.errors import UsageError
from vineview.widgets.player import FeedPlayer
from vineview.widgets.still import folded, is_watched, poster_arrives, show_still

__all__ = ["SideBySide"]

_LEAST_WIDTH = "min(300px, 100%)"
_COLUMN = 'valign="top" align="left" style="vertical-align:top;text-align:left;width:50%"'
"""Said twice: GitHub takes styles away, and JupyterLab aligns tables as numbers need it."""


class SideBySide(HBox):
    """Two players that play, pause, seek and go through their feeds together.

    Args:
        left: The one whose playhead both follow.
        right: The other.
        labels: What stands above them.

    Raises:
        UsageError: If they are not two players.

    Example:
        >>> from vineview.core.manager import VideoManager
        >>> before, after = FeedPlayer(VideoManager()), FeedPlayer(VideoManager())
        >>> SideBySide(before, after)
        SideBySide('Before', 'After')
    """

    def __init__(
        self,
        left: FeedPlayer,
        right: FeedPlayer,
        *,
        labels: tuple[str, str] = ("Before", "After"),
    ) -> None:
        self._players: tuple[FeedPlayer, ...] = ()
        super().__init__(layout=Layout(flex_flow="row wrap", grid_gap="12px"))
        for player in (left, right):
            if not isinstance(player, FeedPlayer):
                raise UsageError(
                    f"SideBySide shows two players, not {type(player).__name__}",
                    hint="Pass FeedPlayer(manager) twice, each with a manager of its own.",
                )
        if left is right:
            raise UsageError(
                "a player cannot stand beside itself",
                hint="Make a second FeedPlayer; two of one manager move together by themselves.",
            )
        self._players = (left, right)
        self.labels = labels
        left.together = right.together = uuid4().hex[:12]
        flexible = Layout(flex="1 1 0", min_width=_LEAST_WIDTH)
        self.children = tuple(
            VBox([Label(words, style={"font_weight": "600"}), player], layout=flexible)
            for words, player in zip(labels, self._players, strict=True)
        )

    @property
    def left(self) -> FeedPlayer:
        """The one whose playhead both follow."""
        return self._players[0]

    @property
    def right(self) -> FeedPlayer:
        """The other."""
        return self._players[1]

    def play(self) -> None:
        """Play both."""
        for player in self._players:
            player.play()

    def pause(self) -> None:
        """Pause both."""
        for player in self._players:
            player.pause()

    def seek(self, position_s: float) -> None:
        """Go to a place in both current videos.

        Args:
            position_s: Seconds from their start; beyond an end means that end.
        """
        for player in self._players:
            player.seek(position_s)

    def go_to(self, index: int) -> None:
        """Make the videos at ``index`` of both feeds current.

        Args:
            index: Place in the feeds, 0 being the newest.
        """
        for player in self._players:
            player.go_to(index)

    def close(self) -> None:
        """Close both players and what holds them."""
        for player in self._players:
            player.close()
        super().close()

    async def aclose(self) -> None:
        """Close, and wait until every task of both players has ended."""
        for player in self._players:
            await player.aclose()
        super().close()

    def to_html(self) -> str:
        """Both as they stand, without script or network."""
        cells = "".join(
            f"<td {_COLUMN}><p><b>{html.escape(words)}</b></p>{player.to_html()}</td>"
            for words, player in zip(self.labels, self._players, strict=True)
        )
        return f"<table><tr>{cells}</tr></table>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        markup = self.to_html()
        if is_watched():
            self.left.spawn(self._add_still(), name="keeping a still")
            markup = folded(markup)
        return {**bundle, "text/html": markup}

    async def _add_still(self) -> None:
        """Leave the notebook both as they stand once each has its poster, or will have none."""
        for player in self._players:
            await poster_arrives(player.manager)
        show_still(self.to_html())

    def __repr__(self) -> str:
        return f"SideBySide({', '.join(map(repr, self.labels))})"
