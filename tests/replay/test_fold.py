"""The fold applies what changes say, and nothing else."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from vineview.core.changes import Change, ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.state import LoadState, VideoState
from vineview.replay.fold import FeedState
from vineview.telemetry.schema import Sample, video_to_record

AT = datetime(2026, 1, 1, tzinfo=UTC)
CAT = VideoEvent(id="cat", created_at=5, title="A cat")
DOG = VideoEvent(id="dog", created_at=7, title="A dog")


def feed(*added: VideoEvent, removed: tuple[str, ...] = ()) -> Change:
    data = {
        "added": [event.id for event in added],
        "removed": list(removed),
        "videos": [video_to_record(event) for event in added],
    }
    return Change(ChangeKind.FEED, AT, data=data)


def moved(event: VideoEvent, before: LoadState | None, after: LoadState | None, **data) -> Change:
    states = [None if state is None else VideoState(event, state) for state in (before, after)]
    return Change(ChangeKind.TRANSITION, AT, event.id, *states, data)


def navigate(video_id: str, index: object) -> Change:
    return Change(ChangeKind.NAVIGATE, AT, video_id, data={"index": index})


@pytest.fixture
def state() -> FeedState:
    return FeedState()


class TestFeed:
    def test_newest_come_first_and_of_equals_the_latest(self, state):
        twin = VideoEvent(id="twin", created_at=5)
        state.apply(feed(CAT, DOG))
        state.apply(feed(twin))
        assert [event.id for event in state.videos] == ["dog", "twin", "cat"]

    def test_one_mentioned_before_gets_its_facts_and_keeps_its_state(self, state):
        state.apply(moved(VideoEvent(id="cat"), LoadState.LOADING, LoadState.READY))
        state.apply(feed(CAT, DOG))
        assert state.states["cat"].is_ready
        assert asdict(state.event("cat")) == asdict(CAT)
        assert [event.id for event in state.videos] == ["dog", "cat"]

    def test_removing_the_unknown_changes_nothing(self, state):
        state.apply(feed(CAT, removed=("bird",)))
        state.apply(feed(removed=("cat",)))
        assert state.videos == ()
        assert state.event("cat") is None
        assert state.current_video_id is None

    def test_a_transition_does_not_lose_what_the_feed_told(self, state):
        state.apply(feed(CAT))
        state.apply(moved(VideoEvent(id="cat"), LoadState.NOT_LOADED, LoadState.LOADING))
        assert asdict(state.states["cat"].event) == asdict(CAT)

    def test_a_transition_to_nothing_is_ignored(self, state):
        state.apply(moved(CAT, LoadState.READY, None))
        assert state.states == {}


class TestPosition:
    def test_before_any_navigation_the_first_is_current(self, state):
        state.apply(feed(CAT, DOG))
        assert (state.current_index, state.current_video_id) == (0, "dog")

    def test_it_sticks_to_the_video_when_others_arrive(self, state):
        state.apply(feed(CAT))
        state.apply(navigate("cat", 0))
        state.apply(feed(DOG))
        assert (state.current_index, state.current_video_id) == (1, "cat")

    @pytest.mark.parametrize(("told", "index"), [(1, 1), (9, 1), (-4, 0), (None, 0), ("x", 0)])
    def test_of_an_unknown_video_the_told_index_counts_within_the_feed(self, state, told, index):
        state.apply(feed(CAT, DOG))
        state.apply(navigate("bird", told))
        assert state.current_index == index


class TestCounters:
    def test_attempts_given_up_and_evictions_are_told_apart(self, state):
        state.apply(feed(CAT, DOG))
        state.apply(moved(CAT, LoadState.NOT_LOADED, LoadState.LOADING))
        state.apply(moved(CAT, LoadState.LOADING, LoadState.NOT_LOADED))
        state.apply(moved(DOG, LoadState.LOADING, LoadState.READY))
        state.apply(moved(DOG, LoadState.READY, LoadState.NOT_LOADED))
        state.apply(moved(DOG, LoadState.READY, LoadState.DISPOSED))
        assert state.metrics.preload_count == 1
        assert state.metrics.preload_cancelled_count == 1
        assert state.metrics.evicted_count == 1

    def test_what_an_export_begins_with_counts_for_nothing(self, state):
        state.apply(moved(CAT, LoadState.NOT_LOADED, LoadState.LOADING, snapshot=True))
        assert state.states["cat"].is_loading
        assert state.metrics.preload_count == 0

    @pytest.mark.parametrize(
        ("kind", "data", "counter"),
        [
            (ChangeKind.PRELOAD, {"success": True}, "preload_success_count"),
            (ChangeKind.PRELOAD, {"success": False}, "preload_failure_count"),
            (ChangeKind.MEMORY_PRESSURE, {}, "memory_pressure_count"),
            (ChangeKind.BREAKER, {"trip": True}, "circuit_breaker_trips"),
            (ChangeKind.CRASH, {}, "app_crashes"),
            (ChangeKind.ERROR, {"where": "release"}, "disposal_errors"),
            (ChangeKind.ERROR, {"where": "listener"}, "listener_errors"),
        ],
    )
    def test_each_kind_counts_once(self, state, kind, data, counter):
        state.apply(Change(kind, AT, data=data))
        assert getattr(state.metrics, counter) == 1
        others = {"preload_success_count", "app_crashes", "circuit_breaker_trips"} - {counter}
        assert all(getattr(state.metrics, name) == 0 for name in others)

    def test_playing_and_acting_change_no_state(self, state):
        before = state.copy()
        state.apply(Change(ChangeKind.PLAYBACK, AT, "cat", data={"event": "stall"}))
        state.apply(Change(ChangeKind.ACTION, AT, data={"action": "look"}))
        state.apply(Change(ChangeKind.BREAKER, AT, data={"trip": False}))
        assert state == before


class TestRest:
    def test_config_and_network_are_those_last_told(self, state):
        slow = VideoManagerConfig.slow().to_dict() | {"of_a_later_version": 1}
        state.apply(Change(ChangeKind.CONFIG, AT, data={"config": slow}))
        state.apply(Change(ChangeKind.NETWORK, AT, data={"network": "slow"}))
        assert (state.config, state.network) == (VideoManagerConfig.slow(), "slow")

    def test_the_latest_sample_is_kept(self, state):
        state.apply(Sample(AT, video_memory_mb=1.0))
        state.apply(Sample(AT, video_memory_mb=2.0))
        assert state.sample.video_memory_mb == 2.0

    def test_a_copy_is_independent(self, state):
        state.apply(feed(CAT))
        twin = state.copy()
        twin.apply(feed(DOG, removed=("cat",)))
        twin.apply(Change(ChangeKind.CRASH, AT))
        assert [event.id for event in state.videos] == ["cat"]
        assert state.metrics.app_crashes == 0
