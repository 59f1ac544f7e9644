"""Fixtures every room's tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

from vineview.bench.browser import find_chromium
from vineview.clock import ManualClock
from vineview.errors import UsageError

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


@pytest.fixture(scope="session")
def chromium_program() -> str:
    """Where Chromium is; missing, its tests fail and say how to install it: none may skip."""
    try:
        return find_chromium()
    except UsageError as error:
        pytest.fail(str(error))
