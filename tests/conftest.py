"""Fixtures every room's tests share."""

from __future__ import annotations

import pytest

from vineview.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """Time that moves only when told to."""
    return ManualClock()
