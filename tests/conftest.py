"""Fixtures every room's tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

from vineview.clock import ManualClock

# A slow machine is not a wrong answer; the number of examples bounds the time instead.
settings.register_profile("vineview", deadline=None, derandomize=True)
settings.load_profile("vineview")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the browser's tests last: its driver keeps a loop running that no other can share."""
    items.sort(key=lambda item: "browser" in item.path.parent.parts[-1:])


@pytest.fixture
def clock() -> ManualClock:
    """Time that moves only when told to."""
    return ManualClock()
