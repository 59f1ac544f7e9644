"""The ledger's one door."""

from __future__ import annotations

import pytest

from vineview.core.ledger import Ledger
from vineview.core.state import LoadState, VideoState
from vineview.errors import VideoManagerError


class TestDoor:
    def test_asks_the_table_however_the_state_was_made(self, clock, clip):
        ledger = Ledger(clock)
        ledger.add(clip("a"))
        record = ledger.record("a")
        ledger.move(record, record.state.to_disposed(at=clock.utc()))
        forged = VideoState(record.event, LoadState.READY)
        with pytest.raises(VideoManagerError, match="from disposed to ready") as caught:
            ledger.move(record, forged)
        assert caught.value.video_id == "a"
        assert record.state.is_disposed
        assert ledger.count(LoadState.READY) == 0
        assert ledger.count(LoadState.DISPOSED) == 1
