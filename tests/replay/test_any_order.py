"""However one gets to an instant, playing, seeking, faster or slower, what is shown is the same."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vineview import resources
from vineview.clock import ManualClock
from vineview.replay import Recording, Replay
from vineview.replay.cursor import MAX_CHECKPOINTS, Cursor
from vineview.replay.fold import FeedState
from vineview.telemetry import Telemetry
from vineview.telemetry.schema import Sample
from vineview.telemetry.thresholds import AlertBook

INCIDENT = Telemetry.open(resources.data("incidents", "memory-leak.ndjson"))
RECORDING = Recording.of(INCIDENT)
END_S = RECORDING.duration_s

POSITIONS = st.one_of(
    st.floats(-100, END_S + 100, allow_nan=False),
    st.sampled_from(RECORDING.positions_s),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("seek"), POSITIONS),
        st.tuples(st.just("seek to"), st.floats(0, END_S)),
        st.tuples(st.just("speed"), st.floats(1, 1000)),
        st.tuples(st.just("play"), st.floats(0, 20)),
        st.tuples(st.just("pause"), st.just(0)),
    ),
    max_size=12,
)


def straight(count: int) -> tuple[FeedState, tuple, list[Sample]]:
    """State, crossings and samples after so many records, by the simplest code there is."""
    state, book, samples = FeedState(config=RECORDING.config), AlertBook(), []
    for record in RECORDING.records[:count]:
        state.apply(record)
        if isinstance(record, Sample):
            book.on_sample(record)
            samples.append(record)
        else:
            book.on_change(record)
    return state, book.history, samples


def shown(state: FeedState) -> dict:
    return {
        field.name: getattr(state, field.name)
        for field in fields(FeedState)
        if not field.name.startswith("_")
    } | {"videos": state.videos, "index": state.current_index}


async def follow(steps) -> None:
    clock = ManualClock()
    async with Replay(INCIDENT, clock=clock) as replay:
        followed = {event.id: replay.get_video_state(event.id) for event in replay.videos}

        def on_change(change):
            if change.kind == "feed":
                for gone in change.data["removed"]:
                    del followed[gone]
                for video_id in change.data["added"]:
                    followed[video_id] = None
            elif change.kind == "transition":
                followed[change.video_id] = change.after

        replay.subscribe(on_change)
        for what, value in steps:
            if what == "seek":
                replay.seek(value)
            elif what == "seek to":
                replay.seek(replay.start_at + timedelta(seconds=value))
            elif what == "speed":
                replay.speed = value
            elif what == "play":
                replay.play()
                await clock.advance(value)
            else:
                replay.pause()
        replay.pause()
        state, crossed, samples = straight(RECORDING.passed(replay.position_s))
        assert shown(replay._cursor.state) == shown(state)
        assert replay.crossings == crossed
        assert list(replay.monitor.samples) == samples
        told = {video_id for video_id, state in followed.items() if state is not None}
        assert followed.keys() == state.states.keys()
        assert all(followed[video_id] == state.states[video_id] for video_id in told)


@given(steps=STEPS)
@settings(max_examples=30, deadline=None)
def test_the_way_there_does_not_matter(steps):
    """State, crossings, samples, and what a listener made of the changes, all agree."""
    asyncio.run(follow(steps))


@given(places=st.lists(st.integers(1, len(RECORDING.records)), max_size=20))
@settings(max_examples=30, deadline=None)
def test_a_cursor_may_jump_anywhere(places):
    cursor = Cursor(RECORDING)
    for place in places:
        cursor.jump(place)
        assert cursor.passed == place
    expected, _, _ = straight(cursor.passed)
    assert shown(cursor.state) == shown(expected)


class TestCheckpoints:
    @pytest.mark.parametrize("count", [1, 255, 256, 257, 20_000])
    def test_there_are_never_more_than_allowed(self, count):
        """However long the recording, and however often it is walked."""
        samples = [{"at": f"2026-01-01T00:00:00.{number:06d}Z"} for number in range(count)]
        cursor = Cursor(Recording.of(Telemetry({}, samples, [])))
        for _ in range(2):
            cursor.jump(count)
            cursor.jump(1)
        assert len(cursor._checkpoints) <= MAX_CHECKPOINTS + 1

    def test_a_checkpoint_is_not_changed_by_what_comes_after(self):
        """A copy is independent of the state it was made from."""
        cursor = Cursor(RECORDING)
        cursor.jump(300)
        before = shown(cursor.state.copy())
        cursor.jump(len(RECORDING.records))
        cursor.jump(300)
        assert shown(cursor.state) == before
