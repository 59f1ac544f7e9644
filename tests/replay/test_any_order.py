"""However one gets to an instant, playing, seeking, faster or slower, what is shown is the same."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, fields, replace
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
    } | {"videos": [*map(asdict, state.videos)], "index": state.current_index}


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


@given(place=st.integers(0, len(RECORDING.records)))
@settings(max_examples=30, deadline=None)
def test_alerts_at_any_place_are_those_of_a_straight_play(place):
    """Those kept and those active, and whatever is judged from there on."""
    cursor, (_, _, samples) = Cursor(RECORDING), straight(len(RECORDING.records))
    book, straight_book = cursor.book_after(place), AlertBook()
    for record in RECORDING.records[:place]:
        straight_book.on_record(record)
    assert (book.history, book.active) == (straight_book.history, straight_book.active)
    for sample in samples:
        assert book.on_sample(sample) == straight_book.on_sample(sample)


class Counted(tuple):  # noqa: SLOT001 - a tuple has no slots of its own  # noqa: SLOT001 - it carries its count
    """Records that count how often they are taken."""

    taken = 0

    def __getitem__(self, place):
        found = super().__getitem__(place)
        self.taken += len(found) if isinstance(place, slice) else 1
        return found


class TestLongRecording:
    SAMPLES = tuple(
        {"at": f"2026-01-01T00:00:{n // 2000:02d}.{n % 2000 * 500:06d}Z", "video_memory_mb": n}
        for n in range(70_000)
    )

    def test_a_seek_goes_through_one_interval_at_most(self):
        """Wherever it leads, and though nothing was played before."""
        recording = Recording.of(Telemetry({}, self.SAMPLES, []))
        records = Counted(recording.records)
        cursor = Cursor(replace(recording, records=records))
        for place in (69_999, 1, 35_000, 68_905, 1093, 1094, 70_000):
            before = records.taken
            cursor.jump(place)
            cursor.book_after(place)
            assert records.taken - before <= 2 * len(records) // MAX_CHECKPOINTS

    def test_after_a_seek_the_monitor_has_seen_all_before(self):
        replay = Replay(Telemetry({}, self.SAMPLES, []))
        for position_s in (34.9, 0.1, 17.0, 34.0, 3.3):
            replay.seek(position_s)
            assert len(replay.monitor.samples) == position_s * 2000 + 1
            assert replay.monitor.current_sample.video_memory_mb == position_s * 2000


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
