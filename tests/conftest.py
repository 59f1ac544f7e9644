"""Fixtures every room's tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

from vineview.clock import ManualClock

# A slow machine is not a wrong answer; the number of examples bounds the time instead.
settings.register_profile("vineview", deadline=None, derandomize=True)
settings.load_profile("vineview")


@pytest.fixture
def clock() -> ManualClock:
    """Time that moves only when told to."""
    return ManualClock()
