"""The garbage collector rests while a long feed is entered, and is as before afterwards."""

from __future__ import annotations

import gc
from typing import ClassVar

import pytest

from vineview.core import VideoEvent
from vineview.errors import VideoManagerError


@pytest.fixture
def resting(manager):
    """Whether the collector rests while events are looked at, one by one."""

    class Watching(VideoEvent):
        seen: ClassVar[list[bool]] = []

        @property
        def is_gif(self):
            self.seen.append(not gc.isenabled())
            return False

    Watching.seen.clear()
    return Watching


@pytest.mark.parametrize(("count", "rests"), [(10, False), (20_000, True)])
def test_only_for_many(make_manager, resting, count, rests):
    manager = make_manager()
    manager.add_video_events(resting(id=f"v{at}", mime_type="x") for at in range(count))
    assert set(resting.seen) == {rests}
    assert gc.isenabled()


def test_a_refused_batch_wakes_it_too(manager, resting):
    events = [resting(id=f"v{at}") for at in range(20_000)]
    with pytest.raises(VideoManagerError):
        manager.add_video_events([*events, VideoEvent(id="")])
    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_off(manager, resting):
    gc.disable()
    try:
        manager.add_video_events(resting(id=f"v{at}") for at in range(20_000))
        assert not gc.isenabled()
    finally:
        gc.enable()
