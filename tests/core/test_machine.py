"""The manager against a small model, through random operations, failures and clock advances.

The model knows the feed (a plain list) and the viewer's place; everything else is an invariant
that must hold after every single step, and at every change a listener hears.
"""

from __future__ import annotations

import asyncio
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from vineview.clock import ManualClock
from vineview.core import (
    ChangeKind,
    LoadState,
    ScriptedLoader,
    VideoEvent,
    VideoManager,
    VideoManagerConfig,
)
from vineview.core.loading import Fail, Hang, Succeed
from vineview.core.state import TRANSITIONS
from vineview.errors import LoadError, VideoManagerError

S = LoadState
IDS = [f"v{number}" for number in range(12)]
URLS = [f"https://clips.example/{number}.mp4" for number in range(9)]
OUTCOMES = st.sampled_from(
    [
        Succeed(after_s=0),
        Succeed(),
        Succeed(after_s=5),
        Hang(),
        Fail(LoadError("busy", status=500), after_s=0),
        Fail(LoadError("gone", status=404)),
        Fail(LoadError("ranges", status=416), after_s=0),
        Fail(ConnectionResetError()),
    ]
)
CONFIGS = st.builds(
    VideoManagerConfig,
    max_videos=st.integers(1, 12),
    preload_ahead=st.integers(0, 5),
    preload_behind=st.integers(0, 3),
    max_retries=st.integers(0, 2),
    preload_timeout_s=st.sampled_from([0.05, 1.0, 10.0]),
    enable_memory_management=st.booleans(),
    max_controllers=st.integers(1, 6),
)
EVENTS = st.builds(
    VideoEvent,
    id=st.sampled_from(IDS),
    created_at=st.integers(0, 6),
    video_url=st.sampled_from([*URLS, "https://clips.example/a.gif", None]),
)


class ManagerMachine(RuleBasedStateMachine):
    """Operations on one manager, and what must hold after each."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        self.loader = ScriptedLoader(clock=self.clock)
        self.waiting: list[asyncio.Task] = []
        self.stood_at: str | None = None
        self.created: dict[str, int] = {}
        self.heard = dict.fromkeys(ChangeKind, 0)
        self.outcomes = {True: 0, False: 0}
        self.states: dict[str, LoadState] = {}

    @initialize(config=CONFIGS, seed=st.integers(0, 9))
    def begin(self, config, seed):
        rng = Random(seed)
        self.manager = VideoManager(config=config, loader=self.loader, clock=self.clock, rng=rng)
        self.manager.subscribe(self.hear)

    def hear(self, change):
        """Follow the changes alone, as a replay would."""
        self.heard[change.kind] += 1
        match change.kind:
            case ChangeKind.TRANSITION:
                before, after = change.before.loading_state, change.after.loading_state
                assert after in TRANSITIONS[before]
                assert self.states[change.video_id] is before
                self.states[change.video_id] = after
            case ChangeKind.FEED:
                for video_id in change.data["removed"]:
                    del self.states[video_id]
                    del self.created[video_id]
                for video in change.data["videos"]:
                    self.states[video["id"]] = S.NOT_LOADED
                    self.created[video["id"]] = video["created_at"]
                assert change.data["total"] == len(self.states)
            case ChangeKind.NAVIGATE:
                self.stood_at = change.video_id
            case ChangeKind.PRELOAD:
                self.outcomes[change.data["success"]] += 1
            case ChangeKind.ERROR:
                raise AssertionError(change)

    def settle(self, seconds=0.0):
        self.loop.run_until_complete(self.clock.advance(seconds))

    def run(self, call):
        async def inside():
            call()

        self.loop.run_until_complete(inside())

    @rule(events=st.lists(EVENTS, min_size=1, max_size=6))
    def add(self, events):
        known = {event.id for event in self.manager.videos}
        added = self.manager.add_video_events(events)
        assert added <= len({event.id for event in events} - known)

    @rule(event=EVENTS)
    def add_one(self, event):
        before = self.manager.get_video_state(event.id)
        self.manager.add_video_event(event)
        if before is not None:
            assert self.manager.get_video_state(event.id) is before

    @rule(index=st.integers(-2, 14), ahead=st.none() | st.integers(0, 8))
    def navigate(self, index, ahead):
        self.run(lambda: self.manager.preload_around_index(index, ahead))
        total = len(self.manager.videos)
        if total:
            assert self.manager.current_index == min(max(index, 0), total - 1)

    @rule(video_id=st.sampled_from(IDS))
    def preload(self, video_id):
        async def attempt():
            known = self.manager.get_video_state(video_id)
            try:
                state = await self.manager.preload_video(video_id)
            except VideoManagerError:
                assert known is None or not known.event.video_url
            else:
                assert not state.is_loading

        self.waiting.append(self.loop.create_task(attempt()))
        self.settle()

    @rule(outcome=OUTCOMES, name=st.sampled_from([*IDS, *URLS]))
    def script(self, outcome, name):
        self.loader.set_script(name, outcome)

    @rule(outcome=OUTCOMES)
    def script_all(self, outcome):
        self.loader.default = outcome

    @rule(seconds=st.sampled_from([0.0, 0.05, 0.1, 1.0, 3.0, 10.0, 130.0]))
    def advance(self, seconds):
        self.settle(seconds)

    @rule(video_id=st.sampled_from(IDS))
    def dispose_one(self, video_id):
        self.manager.dispose_video(video_id)

    @rule(video_id=st.sampled_from(IDS))
    def remove(self, video_id):
        self.manager.remove_video(video_id)
        assert self.manager.get_video_state(video_id) is None

    @rule(video_id=st.sampled_from(IDS), event=EVENTS)
    def replace(self, video_id, event):
        known = {video.id for video in self.manager.videos}
        if video_id in known and (event.id == video_id or event.id not in known):
            self.manager.replace_video(video_id, event)
            assert self.manager.get_video_state(event.id).event is event

    @rule(video_id=st.sampled_from(IDS))
    def play(self, video_id):
        self.manager.resume_video(video_id)

    @rule()
    def stop(self):
        self.manager.stop_all_videos()
        info = self.manager.get_debug_info()
        assert info["activeControllers"] == info["activePreloads"] == 0

    @rule(ahead=st.integers(0, 2), behind=st.integers(0, 2))
    def pressure(self, ahead, behind):
        async def press():
            await self.manager.handle_memory_pressure(keep_ahead=ahead, keep_behind=behind)

        self.loop.run_until_complete(press())
        assert len(self.loader.live) <= 1 + ahead + behind
        assert self.manager.get_debug_info()["failurePatterns"] == 0

    @rule(config=CONFIGS)
    def configure(self, config):
        self.run(lambda: self.manager.apply_config(config))
        assert self.manager.config == config

    @rule()
    def forget(self):
        self.manager.clear_failure_patterns()

    @rule()
    def reset_breaker(self):
        self.manager.breaker.reset()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def stop_waiting(self, data):
        data.draw(st.sampled_from(self.waiting)).cancel()
        self.settle()

    @invariant()
    def the_cap_holds(self):
        info = self.manager.get_debug_info()
        most = self.manager.config.max_controllers
        assert info["activeControllers"] + info["activePreloads"] <= most
        assert len(self.loader.live) <= most

    @invariant()
    def no_controller_is_an_orphan(self):
        held = [self.manager.get_controller(event.id) for event in self.manager.videos]
        held = [controller for controller in held if controller is not None]
        assert set(held) == self.loader.live
        assert self.manager.get_debug_info()["activeControllers"] == len(held)
        assert all(controller.release_count == 0 for controller in held)
        assert sum(controller.is_playing for controller in held) <= 1

    @invariant()
    def the_feed_is_sorted_and_limited(self):
        videos, config = self.manager.videos, self.manager.config
        stamps = [event.created_at for event in videos]
        assert stamps == sorted(stamps, reverse=True)
        assert len({event.id for event in videos}) == len(videos)
        if config.enable_memory_management:
            assert len(videos) <= config.max_videos
        assert {event.id: event.created_at for event in videos} == self.created

    @invariant()
    def states_are_those_that_were_told(self):
        told = {
            event.id: self.manager.get_video_state(event.id).loading_state
            for event in self.manager.videos
        }
        assert told == self.states

    @invariant()
    def states_and_controllers_agree(self):
        for event in self.manager.videos:
            state = self.manager.get_video_state(event.id)
            has_controller = self.manager.get_controller(event.id) is not None
            assert has_controller == (state.is_ready and not event.is_gif)
            assert state.retry_count >= 0
            assert (state.error is not None) == state.has_failed
        ready = [event.id for event in self.manager.ready_videos]
        assert ready == [
            event.id for event in self.manager.videos if self.states[event.id] is S.READY
        ]

    @invariant()
    def the_viewer_stands_where_the_changes_say(self):
        videos = self.manager.videos
        if not videos:
            assert self.manager.current_video_id is None
        elif self.stood_at is None:
            assert self.manager.current_index == 0
        else:
            assert self.manager.current_video_id == self.stood_at
            assert videos[self.manager.current_index].id == self.stood_at

    @invariant()
    def counters_are_consistent(self):
        metrics, info = self.manager.metrics, self.manager.get_debug_info()
        finished = metrics.preload_success_count + metrics.preload_failure_count
        running = metrics.preload_count - finished - metrics.preload_cancelled_count
        assert running == info["activePreloads"] == info["loadingVideos"]
        assert metrics.preload_success_count == self.outcomes[True]
        assert metrics.preload_failure_count == self.outcomes[False]
        assert metrics.memory_pressure_count == self.heard[ChangeKind.MEMORY_PRESSURE]
        assert metrics.disposal_errors == metrics.listener_errors == 0
        counts = [info["readyVideos"], info["loadingVideos"], info["failedVideos"]]
        for count, states in zip(
            counts, [{S.READY}, {S.LOADING}, {S.FAILED, S.PERMANENTLY_FAILED}], strict=True
        ):
            assert count == sum(state in states for state in self.states.values())

    def teardown(self):
        if hasattr(self, "manager"):
            self.loop.run_until_complete(self.manager.aclose())
            for task in self.waiting:
                if not task.cancelled():
                    assert task.done(), "nobody is left waiting"
                    task.result()
            assert self.loader.live == set()
            assert self.loader.in_flight == 0
            assert asyncio.all_tasks(self.loop) == set()
        self.loop.close()


class TestMachine:
    def test_the_invariants_hold_after_every_step(self):
        run_state_machine_as_test(
            ManagerMachine,
            settings=settings(
                max_examples=80,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


class TestCurrentVideo:
    """The current video's controller is never evicted to make room for others."""

    def test_whatever_else_is_asked_for(self):
        run_state_machine_as_test(
            CurrentMachine,
            settings=settings(max_examples=10, stateful_step_count=20, deadline=None),
        )


class CurrentMachine(RuleBasedStateMachine):
    """Only operations that may not take the current video's controller away."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        self.loader = ScriptedLoader(clock=self.clock)
        self.manager = VideoManager(
            config=VideoManagerConfig(max_controllers=3, max_videos=500),
            loader=self.loader,
            clock=self.clock,
            rng=Random(1),
        )
        self.manager.add_video_events(
            VideoEvent(id=f"v{at}", created_at=100 - at, video_url=f"https://clips.example/{at}")
            for at in range(20)
        )
        self.added = 0

    @rule(index=st.integers(0, 19))
    def navigate(self, index):
        async def inside():
            self.manager.preload_around_index(index)
            await self.clock.advance(1)

        self.loop.run_until_complete(inside())

    @rule(ids=st.lists(st.integers(0, 19), min_size=1, max_size=8))
    def preload(self, ids):
        async def inside():
            tasks = [asyncio.create_task(self.manager.preload_video(f"v{at}")) for at in ids]
            await self.clock.advance(1)
            await asyncio.gather(*tasks)

        current = self.manager.current_video_id
        controller = self.manager.get_controller(current)
        self.loop.run_until_complete(inside())
        if controller is not None:
            assert self.manager.get_controller(current) is controller

    @rule()
    def arrive(self):
        self.added += 1
        current = self.manager.current_video_id
        controller = self.manager.get_controller(current)
        self.manager.add_video_event(
            VideoEvent(
                id=f"new{self.added}",
                created_at=200 + self.added,
                video_url=f"https://clips.example/new{self.added}",
            )
        )
        assert self.manager.get_controller(current) is controller

    @rule()
    def pressure(self):
        current = self.manager.current_video_id
        controller = self.manager.get_controller(current)

        async def press():
            await self.manager.handle_memory_pressure(keep_ahead=0, keep_behind=0)

        self.loop.run_until_complete(press())
        assert self.manager.get_controller(current) is controller

    def teardown(self):
        self.loop.run_until_complete(self.manager.aclose())
        assert self.loader.live == set()
        self.loop.close()
