"""What is switched on, and for whom."""

from __future__ import annotations

from vineview.rollout.flags import FeatureFlags

__all__ = ["FeatureFlags"]
