"""Fifty swipes leave nothing behind; five hundred are ``vineview bench soak``."""

from __future__ import annotations

import pytest

from vineview.bench.soak import Soak

pytestmark = pytest.mark.browser

SWIPES = 25


@pytest.fixture
def soak(tab, lab):
    soak = Soak(tab.page, lab)
    soak.open()
    yield soak
    soak.notebook.close()


def test_fifty_swipes_leave_nothing_behind(soak):
    soak.swipe(SWIPES)
    before = soak.census()
    soak.swipe(SWIPES)
    after = soak.census()
    for name in ("videos", "urls", "handles", "processes"):
        assert getattr(after, name) <= getattr(before, name), name
    for name in ("js_heap_mb", "kernel_rss_mb", "listeners"):  # so few swipes are not yet warm
        assert getattr(after, name) <= 1.1 * getattr(before, name), name
    assert after.elements <= before.elements + 5  # JupyterLab's own come and go
    assert after.tasks <= before.tasks + 1  # a task of the kernel's own may be under way
    assert after.threads <= before.threads + 4  # the pool's threads come as they are first needed
    assert after.videos <= 4
