"""Signs beside the rate: what controllers, preloads and scrolling say about growth.

Each is read from the same time buckets as the rate and answers in a sentence, or in none where
nothing was recorded.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from vineview.telemetry.growth.trend import growth

__all__ = ["follows_controllers", "scrolling", "stuck", "surplus"]

_FEW: Final = 12
_MORE: Final = 1.1
_MOSTLY: Final = 0.5
_STUCK_SHARE: Final = 0.25
_FASTER: Final = 2.0


def follows_controllers(buckets: pd.DataFrame) -> str:
    """Whether more loaded, ready videos explain the growth: then memory per controller is flat.

    Args:
        buckets: As `buckets.COLUMNS` says.

    Returns:
        What it follows, to go into a sentence; empty if it follows nothing.
    """
    needed = ("video_controllers", "ready_videos", "surplus_count")
    if not set(needed) <= set(buckets):
        return ""
    controllers, ready, surplus_count = (buckets[name].to_numpy() for name in needed)
    told = ~(np.isnan(controllers) | np.isnan(ready)) & (controllers > 0)
    counts, samples = controllers[told], buckets["count"].to_numpy()[told]
    if counts.size < _FEW or surplus_count[told].sum() > _MOSTLY * samples.sum():
        return ""
    half = counts.size // 2
    if counts[-half:].mean() <= _MORE * counts[:half].mean():
        return ""
    rows = buckets if told.all() else buckets[told]
    loaded = growth(rows.assign(median=counts, low=counts))
    if loaded is None or loaded.interval is None or loaded.interval.low <= 0:
        return ""
    each = rows["median"].to_numpy() / counts
    per_controller = growth(rows.assign(median=each, low=each))
    if per_controller is None or per_controller.interval is None or per_controller.interval.low > 0:
        return ""
    return (
        f"it follows the number of controllers ({counts[0]:.0f} at first, "
        f"{counts[-1]:.0f} at last): scrolling explains it"
    )


def surplus(buckets: pd.DataFrame) -> list[str]:
    """Controllers above ready videos: loaded, but owned by nothing that can be shown."""
    if "surplus_count" not in buckets:
        return []
    share = float(buckets["surplus_count"].sum() / max(buckets["count"].sum(), 1))
    if share == 0:
        return []
    often = f"Controllers exceed ready videos in {share:.0%} of the samples"
    most = float(buckets["surplus_high"].max())
    return [f"{often}, by up to {most:.0f}: possibly controllers nobody owns."]


def stuck(buckets: pd.DataFrame) -> list[str]:
    """Preloads that never finish hold what they have taken."""
    if "queue_low" not in buckets:
        return []
    low = buckets["queue_low"].to_numpy()
    low = low[~np.isnan(low)]
    if low.size < _FEW or low[-max(int(_STUCK_SHARE * low.size), 1) :].min() <= 0:
        return []
    now = float(buckets["preloading_queue"].dropna().iloc[-1])
    return [f"Preloads have been in flight without a pause: {now:.0f} at last."]


def scrolling(buckets: pd.DataFrame) -> list[str]:
    """Whether memory grows while the user scrolls, or whatever the user does."""
    if "navigations" not in buckets or not buckets["navigations"].any():
        return []
    hours, memory = buckets["hours"].to_numpy(), buckets["median"].to_numpy()
    together = np.diff(buckets["session"].to_numpy()) == 0
    spans = np.diff(hours)[together]
    gained = np.diff(memory)[together]
    moved = buckets["navigations"].to_numpy()
    often = ((moved[1:] + moved[:-1]) / 2)[together] / spans
    busy = often > np.median(often)
    if busy.sum() < _FEW or (~busy).sum() < _FEW:
        return []
    fast, slow = (gained[part].sum() / spans[part].sum() for part in (busy, ~busy))
    rates = f"{fast:+.1f} MB/h in busy stretches, {slow:+.1f} in quiet ones"
    if fast > 0 and fast > _FASTER * slow:
        return [f"It follows scrolling: {rates}."]
    return [f"It does not follow scrolling: {rates}."]
